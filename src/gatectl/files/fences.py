"""What lies in what: the project, the checkout, and links that lead out of them (product.md, section 7, files).

Looks at names alone: no file is opened, and git is not asked. A *fence* is a folder by its real path.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PROJECT_FILE: Final = "gatectl.yaml"
OWN_FOLDER: Final = ".gatectl"
"""What gatectl keeps in a project: the embedded platform, receipts."""

_MOST_LINKS: Final = 40
"""The longest chain of links that Linux itself follows."""


class Link(NamedTuple):
    """A symbolic link on the way to a file: where it lies (its folder's real path), and where it leads in the end."""

    path: str
    target: str


def is_inside(path: str, fence: str) -> bool:
    """Whether a real path is a folder, or lies in it."""
    return path == fence or path.startswith(fence.rstrip(os.sep) + os.sep)


def find_project_file(start: Path) -> Path | None:
    """The nearest project file, walking up from a folder."""
    for folder in (start, *start.parents):
        candidate = folder / PROJECT_FILE
        if candidate.is_file():
            return candidate
    return None


def find_top(folder: str | Path) -> str | None:
    """The real path of the top of the git checkout around a folder: where `.git` is, a folder or the file of a worktree.

    git is not asked: a folder that only looks like git's own (`HEAD`, `objects`, `refs`, a `config`) is no checkout.
    """
    path = os.path.realpath(folder)
    while True:
        try:
            mode = os.stat(os.path.join(path, ".git")).st_mode
        except OSError:
            mode = 0
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            return path
        above = os.path.dirname(path)
        if above == path:
            return None
        path = above


def follow(path: str) -> tuple[list[Link], str]:
    """The links on the way to a file, which need not exist, and its real path. Raises OSError (ELOOP) for a circle."""
    links: list[Link] = []
    parts = os.path.join(os.getcwd(), path).split(os.sep)[::-1]
    here = os.sep
    while parts:
        part = parts.pop()
        if part in (os.curdir, ""):
            continue
        if part == os.pardir:
            here = os.path.dirname(here)
            continue
        name = os.path.join(here, part)
        try:
            target = os.readlink(name)
        except OSError:  # no link, or nothing
            here = name
            continue
        if len(links) == _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        links.append(Link(name, os.path.realpath(name)))
        parts.extend(reversed(target.split(os.sep)))
        here = os.sep if os.path.isabs(target) else here
    return links, here


def leaving(path: str, *fences: str) -> str | None:
    """The link on the way to a file that lies in a project or checkout and leads out of it; None: there is none.

    A project is where a project file lies, and the working directory where none lies above it; `fences` are more. Links that
    lie elsewhere are the operator's own. Raises OSError for a circle of links.
    """
    for link in follow(path)[0]:
        if any(
            is_inside(link.path, fence) and not is_inside(link.target, fence) for fence in (*fences, *_fences(link))
        ):
            return link.path
    return None


def other_owner(file: Path) -> int | None:
    """The user whose file this is, if that is neither who runs this (or ran sudo) nor root; of a link, who made it counts too.

    None on systems that have no users of this kind. Raises OSError.
    """
    if not hasattr(os, "geteuid"):  # pragma: no cover - not on Windows
        return None
    trusted = {os.geteuid(), 0}
    sudo = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and sudo.isascii() and sudo.isdigit():
        trusted.add(int(sudo))
    owners = (os.lstat(file).st_uid, os.stat(file).st_uid)
    return next((owner for owner in owners if owner not in trusted), None)


def _fences(link: Link) -> Iterator[str]:
    folder = Path(os.path.dirname(link.path))
    for file in (find_project_file(folder), find_project_file(Path.cwd())):
        if file is not None:
            yield os.path.realpath(file.parent)
    if find_project_file(Path.cwd()) is None:
        yield os.path.realpath(os.curdir)
    top = find_top(folder)
    if top is not None:
        yield top
