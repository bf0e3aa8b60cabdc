"""A mirror of each git repository of a fleet: what is there is asked once a repository, and what is new is fetched (product.md,
sections 7 and 9).

How git is asked, and what a stranger's repository cannot make it do: `manifests.git`. Nothing of it is checked out by git, so no
filter, hook, attribute or submodule of it counts; `trees` writes its files.
"""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from gatectl.clock import NEVER, Deadline
from gatectl.credentials import pasted
from gatectl.errors import InputError
from gatectl.files.claims import claim
from gatectl.manifests.commits import LIST_FILES, TreeFile, listed_contents, listed_files, listed_submodules
from gatectl.manifests.git import Answer, OwnFolder, Remote, failed
from gatectl.quote import quote

_OID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LISTING: Final = 60.0
"""Seconds that a repository may take to say what is there."""
_FETCHING: Final = 300.0
_FOLLOWED: Final = "refs/followed/"
"""Where the mirror keeps what it fetched, each under its own name."""


class Head(NamedTuple):
    """What a branch or a tag is in the repository now: its whole name and its commit."""

    name: str
    commit: str


class Mirror:
    """The mirror of one repository, in a folder below `state`. Several processes may use it at once.

    `header` is what its host is sent (`authorization`). Raises InputError where git cannot be asked, DeadlinePassed.
    """

    def __init__(
        self, state: Path, url: str, header: str | None = None, until: Deadline = NEVER,
        environ: Mapping[str, str] = os.environ,
    ) -> None:  # fmt: skip
        self.folder = state / hashlib.sha256(url.encode()).hexdigest()[:32]
        self.url = url
        self._until = until
        self._remote = Remote(url, header)
        self._git = OwnFolder(self.folder / "repository.git", until, environ)

    def heads(self, refs: Collection[str]) -> Mapping[str, Head]:
        """What branches or tags of these names are now, as far as they are there; a branch comes before a tag of its name.

        Asks the repository once, whatever the number. Raises InputError where it cannot be asked, or answers otherwise than git.
        """
        wanted = [f"refs/{kind}/{ref}" for ref in refs for kind in ("heads", "tags")]
        peeled = [f"{name}^{{}}" for name in wanted if name.startswith("refs/tags/")]
        answer = self._git.ask(
            "ls-remote", "--quiet", "--", self.url, *wanted, *peeled, remote=self._remote, patience=_LISTING
        )
        if answer.code != 0:
            raise self._away("ls-remote", answer)
        found = dict(_listed(answer.output))
        return {ref: head for ref in refs if (head := _head(ref, found)) is not None}

    def fetch(self, head: Head) -> str:
        """The commit that a branch or tag is, in the mirror from now on. What it is elsewhere may have moved on since it was asked;
        then it is that. Raises InputError."""
        if self._holds(head.commit):
            return head.commit
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(claim(self.folder / "fetching", self._until)):
            if self._holds(head.commit):
                return head.commit
            self._git.make("sha256" if len(head.commit) == 64 else "sha1")
            kept = _FOLLOWED + head.name.removeprefix("refs/")
            words = (
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
                "--no-auto-maintenance",
                "--force",
            )
            answer = self._git.ask(
                "fetch", *words, "--", self.url, f"+{head.name}:{kept}", remote=self._remote, patience=_FETCHING
            )
            if answer.code != 0:
                raise self._away("fetch", answer)
            return (
                self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{kept}^{{commit}}").decode().strip()
            )

    def follows(self, commit: str, earlier: str) -> bool:
        """Whether a commit of the mirror has an earlier one among its ancestors, or is it: what is not was pushed by force. One that
        the mirror never had is no ancestor."""
        if not self._holds(earlier):
            return False
        answer = self._git.ask("merge-base", "--is-ancestor", _checked(earlier), _checked(commit))
        if answer.code not in (0, 1):
            raise failed("merge-base", answer)
        return answer.code == 0

    def files(self, commit: str) -> Iterable[TreeFile]:
        """All files of a commit of the mirror, submodules left out."""
        return listed_files(self._ask(*LIST_FILES, _checked(commit)))

    def submodules(self, commit: str) -> Sequence[str]:
        """The paths of a commit's submodules, which are no files of it."""
        return listed_submodules(self._ask(*LIST_FILES, _checked(commit)))

    def contents(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The contents of files, by their ids, as git keeps them: no filter and no end of line changes them."""
        asked = "".join(f"{_checked(oid)}\n" for oid in oids).encode()
        return listed_contents(self._ask("cat-file", "--batch", stdin=asked), oids)

    def _holds(self, commit: str) -> bool:
        asked = f"{_checked(commit)}^{{commit}}"
        return self._git.folder.is_dir() and self._git.ask("cat-file", "-e", asked).code == 0

    def _ask(self, *words: str, stdin: bytes = b"") -> bytes:
        answer = self._git.ask(*words, stdin=stdin)
        if answer.code != 0:
            raise failed(words[0], answer)
        return answer.output

    def _away(self, what: str, answer: Answer) -> InputError:
        said = failed(what, answer).message
        return InputError(
            f"{quote(self.url)} cannot be read: {said}",
            "is it there, and may the controller read it (git.credentials)?",
        )


def _listed(output: bytes) -> Iterator[tuple[str, str]]:
    """Names and ids, of what `ls-remote` answers. Raises InputError for what git never says."""
    for line in output.decode("utf-8", "replace").splitlines():
        oid, tab, name = line.partition("\t")
        if not tab or _OID.fullmatch(oid) is None:
            raise InputError("git ls-remote answered something that it never does", "is this a git repository?")
        yield name, oid


def _head(ref: str, found: Mapping[str, str]) -> Head | None:
    branch, tag = f"refs/heads/{ref}", f"refs/tags/{ref}"
    if branch in found:
        return Head(branch, found[branch])
    commit = found.get(f"{tag}^{{}}", found.get(tag))
    return None if commit is None else Head(tag, commit)


def _checked(oid: str) -> str:
    """An id, and nothing else that git could take for a word of its own. Raises ValueError."""
    if _OID.fullmatch(oid) is None:
        raise ValueError("no id of git's")
    return oid


def authorization(text: str) -> str:
    """The header that a repository's host is sent, of what a file of credentials holds: `user:password`, or a token alone.

    Raises pasted.Unusable.
    """
    given = pasted.usable(text)
    if not given.isprintable() or " " in given:
        raise pasted.Unusable("holds more than a token, or user:password", "it should hold that and nothing else")
    pair = given if ":" in given else f"x-access-token:{given}"
    return f"Authorization: Basic {b64encode(pair.encode()).decode()}"
