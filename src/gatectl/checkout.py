"""What git knows of the manifests: the commit, and whether they differ from it. The only module that runs git.

A plan asks what is checked out: without git, or outside a checkout, nothing is known, and nothing is wrong. Whoever asks
for other commits (`History`) needs git. It leaves no trace: what git writes to answer goes into a folder of its own, so
that the checkout's objects, refs, index and files stay what they are.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from gatectl.errors import InputError, UsageError

_PATIENCE = 20
_LONG_PATIENCE: Final = 300
_OLDEST: Final = (2, 38)
"""The first git that merges without a working tree (`merge-tree --write-tree`)."""

_QUIET: Final = (
    "--no-optional-locks", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.splitIndex=false",
    "-c", "core.safecrlf=false",
)  # fmt: skip
"""Nobody else's program runs, and nothing of the checkout is written: no lock, no hook, no shared index."""


class Checkout:
    """A question to git that is under way: asked when the reading begins, answered when the plan is put together."""

    def __init__(self, folder: Path, paths: Sequence[Path]) -> None:
        # No optional locks: a plan only reads, and must not hold up somebody else's git.
        command = [
            "git",
            "--no-optional-locks",
            "-C",
            str(folder),
            "status",
            "--porcelain=v2",
            "--branch",
            "--",
            *map(str, paths),
        ]
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError:
            self._process = None

    def answer(self) -> tuple[str | None, bool | None]:
        """The commit that is checked out, and whether anything under the paths is not as committed."""
        if self._process is None:
            return None, None
        try:
            output, _ = self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return None, None
        if self._process.returncode != 0:
            return None, None
        lines = output.decode("utf-8", "replace").splitlines()
        commit = next((line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")), None)
        dirty = any(not line.startswith("#") for line in lines)
        return (None, None) if commit in (None, "(initial)") else (commit, dirty)


class Commit(NamedTuple):
    """A commit that somebody named, and how to call it in a sentence: "branch main", "a1b2c3"."""

    oid: str
    words: str


class TreeFile(NamedTuple):
    """A file of a commit. `mode` is git's: 120000 is a symbolic link. `path` is relative to the top of the checkout."""

    mode: str
    oid: str
    size: int
    path: str


class Merge(NamedTuple):
    """What a merge would come to: a tree, and the paths that git cannot merge by itself (in the tree, with markers)."""

    tree: str
    conflicts: frozenset[str]


class History:
    """The commits of the checkout around a folder, and what merging them would give. To be used with `with`.

    Raises UsageError where the folder is in no checkout, InputError where git is missing or fails.
    """

    def __init__(self, folder: Path) -> None:
        from tempfile import TemporaryDirectory

        self._variables = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
        self._variables |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}
        self._folder = str(folder)
        self._blobs: dict[str, bytes] = {}
        found = self._try("rev-parse", "--show-toplevel")
        if found.returncode != 0 and b"not a git repository" in found.stderr.lower():
            raise UsageError(f"{folder} is not in a git checkout", "run it in one: what is compared are git's commits")
        if found.returncode != 0:
            raise _failed("rev-parse", found.stderr)
        objects_of_all = os.fsdecode(self._run("rev-parse", "--path-format=absolute", "--git-path", "objects"))
        self.top = self._folder = os.path.realpath(os.fsdecode(found.stdout).removesuffix("\n"))
        self._temporary = TemporaryDirectory(prefix="gatectl-")
        objects = os.path.join(self._temporary.name, "objects")
        os.makedirs(os.path.join(objects, "info"))
        with open(
            os.path.join(objects, "info", "alternates"), "w", encoding="utf-8", errors="surrogateescape"
        ) as stream:
            stream.write(_quoted(objects_of_all.removesuffix("\n")) + "\n")
        self._variables["GIT_OBJECT_DIRECTORY"] = objects
        self._variables |= {f"GIT_{who}_{what}": word for who in ("AUTHOR", "COMMITTER") for what, word in _NOBODY}

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._temporary.cleanup()

    # What there is

    def head(self) -> Commit:
        """What is checked out. Raises UsageError where nothing was committed yet."""
        found = self._try("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if found.returncode != 0:
            raise UsageError("nothing is committed in this checkout yet", "commit first")
        branch = self._try("symbolic-ref", "--short", "--quiet", "HEAD")
        name = os.fsdecode(branch.stdout).strip()
        return Commit(found.stdout.decode().strip(), f"branch {name}" if branch.returncode == 0 and name else "HEAD")

    def resolve(self, ref: str, option: str) -> Commit:
        """The commit that a name means. Raises UsageError, with the names that are near."""
        found = (
            None
            if ref.startswith("-") or not ref
            else self._try("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        )
        if found is None or found.returncode != 0:
            raise UsageError(f"{option} {ref}: git knows no such commit", self._near(ref))
        full = os.fsdecode(self._try("rev-parse", "--symbolic-full-name", ref).stdout)
        branch = full.startswith(("refs/heads/", "refs/remotes/"))
        return Commit(found.stdout.decode().strip(), f"branch {ref}" if branch else ref)

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
        if found.returncode == 0:
            return found.stdout.decode().split()[0]
        if found.returncode != 1:
            raise _failed("merge-base", found.stderr)
        message = f"{one.words} and {other.words} have no common commit here"
        if self._run("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise InputError(f"{message}: this is a shallow clone",
                             "fetch the history: fetch-depth: 0 for actions/checkout, GIT_DEPTH: 0 in GitLab, or git fetch"
                             " --unshallow")  # fmt: skip
        raise InputError(message, "name a branch that this one can be merged with")

    def files(self, tree: str) -> Iterable[TreeFile]:
        """All files of a commit or tree, submodules left out."""
        for line in self._run("ls-tree", "-r", "-z", "-l", "--full-tree", tree).split(b"\0"):
            head, _, path = line.partition(b"\t")
            if not path:
                continue
            mode, kind, oid, size = head.decode().split()
            if kind == "blob":
                yield TreeFile(mode, oid, int(size), os.fsdecode(path))

    def contents(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """The contents of files, by their ids; each is read once."""
        missing = [oid for oid in dict.fromkeys(oids) if oid not in self._blobs]
        if missing:
            output = self._run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in missing).encode())
            start = 0
            for oid in missing:
                end = output.index(b"\n", start)
                head = output[start:end].split()
                if len(head) != 3:
                    raise InputError(f"git has no object {oid}", "fetch it: git fetch --refetch")
                start = end + 1 + int(head[2])
                self._blobs[oid] = output[end + 1 : start]
                start += 1
        return self._blobs

    # What would be

    def check_version(self) -> None:
        """Raises InputError for a git that cannot merge without a working tree."""
        import re

        told = self._run("version").decode("utf-8", "replace").strip()
        found = re.search(r"(\d+)\.(\d+)", told)
        if found is not None and (int(found[1]), int(found[2])) < _OLDEST:
            wanted = ".".join(map(str, _OLDEST))
            raise InputError(f"{told} cannot merge without touching the working tree", f"install git {wanted} or newer")

    def present(self, head: Commit, paths: Sequence[str], wanted: Collection[str], suffixes: tuple[str, ...]) -> Commit:
        """The checkout as its files are: its head, or where files under the paths differ, a commit with those in it.

        Only files of these suffixes, or the `wanted` ones, are taken; git's own rules of what is ignored hold.
        """
        status = self._run("status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
        changed = []
        for line in status.split(b"\0"):
            parts = {b"1": 8, b"u": 10, b"?": 1}.get(line[:1])
            path = os.fsdecode(line.split(b" ", parts)[-1]) if parts else ""
            if path and (path.lower().endswith(suffixes) or path in wanted):
                changed.append(path)
        if not changed:
            return head
        index = {"GIT_INDEX_FILE": os.path.join(self._temporary.name, "index")}
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
        if found.returncode not in (0, 1):
            raise _failed("merge-tree", found.stderr)
        tree, *names = found.stdout.split(b"\0")
        return Merge(tree.decode(), frozenset(os.fsdecode(name) for name in names if name))

    # Running git

    def _run(self, *words: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        done = self._try(*words, stdin=stdin, variables=variables)
        if done.returncode != 0:
            raise _failed(words[0], done.stderr)
        return done.stdout

    def _try(
        self, *words: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *_QUIET, "-C", self._folder, *words], input=stdin, capture_output=True, check=False,
                env={**self._variables, **(variables or {})}, timeout=_LONG_PATIENCE,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise InputError("git is not installed", "install git 2.38 or newer") from error
        except subprocess.TimeoutExpired as error:
            raise InputError(f"git {words[0]} took longer than {_LONG_PATIENCE} s", "look at the checkout") from error


_OF_A_HOOK: Final = frozenset(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"))
"""What git sets for its hooks: it says where the hook runs, not where the folder lies."""

_NOBODY: Final = (("NAME", "gatectl"), ("EMAIL", "gatectl@localhost"), ("DATE", "@0 +0000"))


def _failed(what: str, stderr: bytes) -> InputError:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return InputError(f"git {what} failed: {lines[0] if lines else 'it said nothing'}", "look at the checkout with git")


def _quoted(path: str) -> str:
    """A path as git's list of alternates wants it."""
    if path.startswith(('"', "#")) or "\n" in path:
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return path
