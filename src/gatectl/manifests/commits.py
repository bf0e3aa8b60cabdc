"""What git knows of the manifests: the commit, and whether they differ from it; other commits, and what merging would give.

A plan asks what is checked out: without git, or outside a checkout, nothing is known, and nothing is wrong. Whoever asks
for other commits (`History`) needs git. How git is asked, and what a stranger's checkout cannot make it do: `gatectl.git`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from gatectl.clock import NEVER, Deadline
from gatectl.errors import DeadlinePassed, GatectlError, InputError, UsageError
from gatectl.files import fences
from gatectl.manifests.git import Answer, NotInstalled, Repository, Running, failed
from gatectl.quote import quote

_PATIENCE: Final = 20.0
"""Seconds that a plan waits for what is only told beside it."""


class Checkout:
    """A question to git that is under way: asked when the reading begins, answered when the plan is put together.

    `remark` is why it stays without an answer, where there would be one; None while all is well. `until`: the run's deadline.
    """

    def __init__(
        self, folder: Path, paths: Sequence[Path], until: Deadline = NEVER, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.remark: str | None = None
        self._repository: Repository | None = None
        self._process: Running | None = None
        try:
            self._repository = Repository(folder, until, environ)
            inside = [self._repository.inside(path) for path in paths]
            if None not in inside:
                words = ("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--no-renames", "-z",
                         "--ignore-submodules=all", "--", *(path for path in inside if path is not None))  # fmt: skip
                self._process = self._repository.start(*words)
        except (UsageError, NotInstalled):
            pass
        except GatectlError as error:
            self._remark(error)

    def _remark(self, error: GatectlError) -> None:
        self.remark = f"{error.message}{f' ({error.hint})' if error.hint else ''}"

    def answer(self) -> tuple[str | None, bool | None]:
        """The commit that is checked out, and whether anything under the paths is not as committed."""
        if self._repository is None:
            return None, None
        try:
            if self._process is None:
                return None, None
            answer = self._repository.finish(self._process, "status", _PATIENCE)
            if answer.code != 0:
                raise failed("status", answer)
        except (InputError, DeadlinePassed) as error:
            self._remark(error)
            return None, None
        finally:
            self._repository.close()
            self._repository = None
        lines = answer.output.split(b"\0")
        oid = next((line.removeprefix(b"# branch.oid ") for line in lines if line.startswith(b"# branch.oid ")), None)
        dirty = any(fences.OWN_FOLDER not in path.split("/") for path in _changed(answer.output))
        return (None, None) if oid in (None, b"(initial)") else (oid.decode(), dirty)


class WrittenOut(Checkout):
    """A commit whose files were written out: nobody is asked, and none of them differs from it."""

    def __init__(self, commit: str) -> None:
        self.remark = None
        self._commit = commit

    def answer(self) -> tuple[str | None, bool | None]:
        return self._commit, False


def _changed(status: bytes) -> Iterator[str]:
    """The paths of `git status --porcelain=v2 -z --no-renames`, relative to the top."""
    for line in status.split(b"\0"):
        parts = {b"1": 8, b"u": 10, b"?": 1}.get(line[:1])
        if parts:
            yield os.fsdecode(line.split(b" ", parts)[-1])


class Origin(NamedTuple):
    """The URL of the remote `origin`, and where a file lies in the checkout, from its top."""

    url: str
    path: str


def origin_of(folder: Path, file: Path, until: Deadline, environ: Mapping[str, str]) -> Origin | None:
    """Where the checkout around a folder comes from, and where a file of the folder is in it.

    None without git, outside of a checkout, and where it has no `origin`. Raises DeadlinePassed.
    """
    try:
        repository = Repository(folder, until, environ)
    except (UsageError, InputError):
        return None
    with closing(repository):
        path = repository.inside(file)
    return None if repository.origin is None or path is None else Origin(repository.origin, path)


class Commit(NamedTuple):
    """A commit that somebody named, and how to call it in a sentence: "branch main", "a1b2c3"."""

    oid: str
    words: str


class TreeFile(NamedTuple):
    """A file of a commit. `mode` is git's: 120000 is a symbolic link. `path` is relative to the top of the checkout.

    `size` is 0 of a file that a partial clone has left out; whoever reads it is told.
    """

    mode: str
    oid: str
    size: int
    path: str


class Merge(NamedTuple):
    """What a merge would come to: a tree, and the paths that git cannot merge by itself (in the tree, with markers)."""

    tree: str
    conflicts: frozenset[str]


LIST_FILES: Final = ("ls-tree", "-r", "-z", "-l", "--full-tree")
"""What git is asked for the files of a commit or tree."""


def listed_files(output: bytes) -> Iterator[TreeFile]:
    """The files of a commit or tree, submodules left out, of what git answers to `LIST_FILES`."""
    for line in output.split(b"\0"):
        head, _, path = line.partition(b"\t")
        if not path:
            continue
        mode, kind, oid, size = head.decode().split()
        if kind == "blob":
            yield TreeFile(mode, oid, int(size) if size.isdigit() else 0, os.fsdecode(path))


def listed_submodules(output: bytes) -> Sequence[str]:
    """The paths of the submodules of a commit or tree, of the same answer."""
    parts = (line.partition(b"\t") for line in output.split(b"\0"))
    return [os.fsdecode(path) for head, _, path in parts if head.startswith(b"160000 ")]


def listed_contents(output: bytes, oids: Sequence[str]) -> Iterator[bytes]:
    """The contents of files, of what git answers to `cat-file --batch`, which was asked for these. Raises InputError."""
    start = 0
    for oid in oids:
        end = output.index(b"\n", start)
        head = output[start:end].split()
        if len(head) != 3:
            raise InputError(f"git has no object {quote(oid)}", "fetch it: git fetch --refetch")
        start = end + 1 + int(head[2])
        yield output[end + 1 : start]
        start += 1


class History:
    """The commits of the checkout around a folder, and what merging them would give. To be used with `with`.

    `until` is the run's deadline. Raises UsageError where the folder is in no checkout, InputError where git is missing, too
    old or fails, DeadlinePassed.
    """

    def __init__(self, folder: Path, until: Deadline = NEVER, environ: Mapping[str, str] = os.environ) -> None:
        self._blobs: dict[str, bytes] = {}
        self._repository = Repository(folder, until, environ)
        self.top = self._repository.top

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._repository.close()

    # What there is

    def head(self) -> Commit:
        """What is checked out. Raises UsageError where nothing was committed yet."""
        found = self._try("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if found.code != 0:
            raise UsageError("nothing is committed in this checkout yet", "commit first")
        branch = self._try("symbolic-ref", "--short", "--quiet", "HEAD")
        name = os.fsdecode(branch.output).strip()
        return Commit(found.output.decode().strip(), f"branch {name}" if branch.code == 0 and name else "HEAD")

    def resolve(self, ref: str, option: str) -> Commit:
        """The commit that a name means. Raises UsageError, with the names that are near."""
        found = (
            None
            if ref.startswith("-") or not ref
            else self._try("rev-parse", "--verify", "--quiet", f"{quote(ref)}^{{commit}}")
        )
        if found is None or found.code != 0:
            raise UsageError(f"{option} {quote(ref)}: git knows no such commit", self._near(ref))
        full = os.fsdecode(self._try("rev-parse", "--symbolic-full-name", ref).output)
        branch = full.startswith(("refs/heads/", "refs/remotes/"))
        return Commit(found.output.decode().strip(), f"branch {quote(ref)}" if branch else ref)

    def _near(self, ref: str) -> str:
        from difflib import get_close_matches

        listed = self._run("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
        names = os.fsdecode(listed).split()
        near = [name for name in names if name.endswith(f"/{ref}")] or get_close_matches(ref, names, n=2)
        if near:
            return f"did you mean {' or '.join(repr(name) for name in near)}?"
        return "fetch it first: git fetch origin; in CI, check out with fetch-depth: 0"

    def base(self, one: Commit, other: Commit) -> str:
        """The best common ancestor of two commits. Raises InputError where there is none."""
        found = self._try("merge-base", one.oid, other.oid)
        if found.code == 0:
            return found.output.decode().split()[0]
        if found.code != 1:
            raise failed("merge-base", found)
        message = f"{one.words} and {other.words} have no common commit here"
        if self._run("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise InputError(f"{message}: this is a shallow clone",
                             "fetch the history: fetch-depth: 0 for actions/checkout, GIT_DEPTH: 0 in GitLab, or git fetch"
                             " --unshallow")  # fmt: skip
        raise InputError(message, "name a branch that this one can be merged with")

    def is_ancestor(self, one: str, other: str) -> bool | None:
        """Whether a commit is the other one or an ancestor of it, by their ids; None: one of them is not here, or what lies between
        is not, as in a shallow clone."""
        found = self._try("merge-base", "--is-ancestor", one, other)
        if found.code == 0:
            return True
        if found.code != 1 or self._run("rev-parse", "--is-shallow-repository").strip() == b"true":
            return None
        return False

    def files(self, tree: str) -> Iterable[TreeFile]:
        """All files of a commit or tree, submodules left out."""
        return listed_files(self._run(*LIST_FILES, tree))

    def contents(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """The contents of files, by their ids; each is read once."""
        missing = [oid for oid in dict.fromkeys(oids) if oid not in self._blobs]
        if missing:
            output = self._run("cat-file", "--batch", stdin="".join(f"{quote(oid)}\n" for oid in missing).encode())
            self._blobs.update(zip(missing, listed_contents(output, missing), strict=True))
        return self._blobs

    # What would be

    def present(self, head: Commit, paths: Sequence[str], wanted: Collection[str], suffixes: tuple[str, ...]) -> Commit:
        """The checkout as its files are: its head, or where files under the paths differ, a commit with those in it.

        Only files of these suffixes, or the `wanted` ones, are taken; git's own rules of what is ignored hold.
        """
        words = ("--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
        status = self._run("status", *words, "--", *paths)
        changed = [path for path in _changed(status) if path.lower().endswith(suffixes) or path in wanted]
        if not changed:
            return head
        index = {"GIT_INDEX_FILE": self._repository.scratch("index")}
        self._run("read-tree", head.oid, variables=index)
        listed = b"".join(os.fsencode(path) + b"\0" for path in changed)
        self._run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=listed, variables=index)
        tree = self._run("write-tree", variables=index).decode().strip()
        return self.commit(tree, (head,), head.words)

    def commit(self, tree: str, parents: Sequence[Commit], words: str) -> Commit:
        """A commit that only this History knows."""
        options = [option for parent in parents for option in ("-p", parent.oid)]
        return Commit(self._run("commit-tree", tree, *options, "-m", words).decode().strip(), words)

    def merge(self, one: Commit, other: Commit) -> Merge:
        """What merging two commits would come to."""
        found = self._try("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", one.oid, other.oid)
        if found.code not in (0, 1):
            raise failed("merge-tree", found)
        tree, *names = found.output.split(b"\0")
        return Merge(tree.decode(), frozenset(os.fsdecode(name) for name in names if name))

    # Asking git

    def _run(self, *words: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        done = self._try(*words, stdin=stdin, variables=variables)
        if done.code != 0:
            raise failed(words[0], done)
        return done.output

    def _try(self, *words: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> Answer:
        return self._repository.ask(*words, stdin=stdin, variables=variables)
