"""The files of a commit on disk: a folder a commit, made once under a lock, put there whole, and read-only.

They are written as git keeps them. Nothing is executable, and no link is there before everything else is, so none leads a file
elsewhere. Where a link leads is decided by whoever reads (`files.fences`).
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, Protocol

from gatectl.clock import NEVER, Deadline
from gatectl.errors import InputError
from gatectl.files.claims import claim
from gatectl.manifests.commits import TreeFile
from gatectl.quote import quote

MOST_FILES: Final = 50_000
MOST_BYTES: Final = 256 * 1024 * 1024
_AT_ONCE: Final = 8 * 1024 * 1024
"""Bytes of files that are held in memory."""

_LINK: Final = "120000"
_REGULAR: Final = ("100644", "100755", "100664")
_LONGEST_LINK: Final = 4_095
_NEVER: Final = frozenset(("", ".", "..", ".git"))
"""What no file or folder of a checkout is called: a folder that held `.git` would be a repository to whoever comes by."""

_PARTIAL: Final = ".partial-"


class Commits(Protocol):
    """Where files come from: those of a commit, and the contents of some by their ids."""

    def files(self, commit: str) -> Iterable[TreeFile]: ...

    def contents(self, oids: Sequence[str]) -> Iterator[bytes]: ...


def tree_of(commits: Commits, commit: str, folder: Path, until: Deadline = NEVER) -> Path:
    """The folder that holds the files of a commit, made below `folder` if it is not there.

    Raises InputError for a commit that cannot be on disk as it is, or is too large, and where the disk fails; DeadlinePassed.
    """
    place = folder / commit
    if place.is_dir():
        return place
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(claim(folder / "making", until)):
            if not place.is_dir():
                _make(commits, commit, folder, place)
    except OSError as error:
        raise InputError(
            f"the files of commit {commit} cannot be written: {error.strerror}", "look at the disk"
        ) from error
    return place


def _make(commits: Commits, commit: str, folder: Path, place: Path) -> None:
    for left in folder.glob(f"{_PARTIAL}*"):
        _remove(left)  # of a process that ended while it wrote: the claim is ours
    files = list(commits.files(commit))
    _check(files, commit)
    partial = Path(mkdtemp(prefix=_PARTIAL, dir=folder))
    try:
        _write(commits, files, partial)
    except FileExistsError:
        raise InputError(f"commit {commit} holds a path twice", "git fsck says more") from None
    os.rename(partial, place)


def _check(files: Sequence[TreeFile], commit: str) -> None:
    if len(files) > MOST_FILES:
        raise InputError(f"commit {commit} holds {len(files):,} files; {MOST_FILES:,} at the most")
    if (size := sum(file.size for file in files)) > MOST_BYTES:
        raise InputError(f"the files of commit {commit} have {size:,} bytes; {MOST_BYTES:,} at the most")
    for file in files:
        if any(part.casefold() in _NEVER for part in file.path.split("/")):
            raise InputError(
                f"commit {commit} holds {quote(file.path)}, which is no path of a checkout", "git fsck says more"
            )


def _write(commits: Commits, files: Sequence[TreeFile], top: Path) -> None:
    """Write files, then links, then take away the right to write. Raises OSError."""
    for several in _batches([file for file in files if file.mode in _REGULAR]):
        for file, content in zip(several, commits.contents([file.oid for file in several]), strict=True):
            _write_file(top / file.path, content)
    _write_links(commits, files, top)
    for below, _, _ in os.walk(top, topdown=False):
        os.chmod(below, 0o500)


def _write_links(commits: Commits, files: Sequence[TreeFile], top: Path) -> None:
    links = [file for file in files if file.mode == _LINK and 0 < file.size <= _LONGEST_LINK]
    for file in links:
        (top / file.path).parent.mkdir(parents=True, exist_ok=True)
    for file, target in zip(links, commits.contents([file.oid for file in links]), strict=True):
        if b"\0" not in target:
            os.symlink(os.fsdecode(target), top / file.path)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    with open(descriptor, "wb") as stream:
        stream.write(content)


def _batches(files: Sequence[TreeFile]) -> Iterator[list[TreeFile]]:
    """Files, so many at once that their contents fit into memory."""
    several: list[TreeFile] = []
    size = 0
    for file in files:
        if several and size + file.size > _AT_ONCE:
            yield several
            several, size = [], 0
        several.append(file)
        size += file.size
    if several:
        yield several


def forget(folder: Path, keep: Collection[str], until: Deadline = NEVER) -> None:
    """Remove the folders of all commits but some. Raises InputError, DeadlinePassed."""
    if not folder.is_dir():
        return
    try:
        with closing(claim(folder / "making", until)):
            for place in folder.iterdir():
                if place.is_dir() and place.name not in keep:
                    _remove(place)
    except OSError as error:
        raise InputError(f"{quote(folder)} cannot be tidied: {error.strerror}", "look at the disk") from error


def _remove(place: Path) -> None:
    """Remove a folder whose files nobody may write; whoever reads one of them at the moment goes on with what is open."""
    gone = place
    if not place.name.startswith(_PARTIAL):
        gone = place.with_name(f"{_PARTIAL}{place.name}")
        os.rename(place, gone)  # first, so that nobody finds half of it
    for below, _, _ in os.walk(gone):
        with suppress(OSError):
            os.chmod(below, stat.S_IRWXU)
    shutil.rmtree(gone)
