"""The targets of a source, made of a listing of the folders that hold a project file. Pure.

What a checkout calls its folders is its own: such a name chooses neither another target's nor, where it holds characters of
patterns, more workspaces than the one that it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, NamedTuple

from gatectl.files.fences import PROJECT_FILE
from gatectl.fleet.values import FOLDER, Source

MOST: Final = 1_000
"""Targets that one source can have."""

_LONGEST: Final = 200
"""Characters that the folder of a target can have."""

_GLOB: Final = re.compile(r"[*?\[]")


class Target(NamedTuple):
    """What is reconciled at once: a source, and the folder of it that it is made of ("" where it is the whole source).

    `project` is the path of its project file in the repository; `workspaces` are the patterns of those that it may touch (None:
    all that its token may).
    """

    name: str
    source: Source
    folder: str
    project: str
    workspaces: tuple[str, ...] | None

    def may_touch(self, workspace: str) -> bool:
        """Whether a workspace is among those that it may touch."""
        return self.workspaces is None or any(fnmatchcase(workspace, pattern) for pattern in self.workspaces)


class Generated(NamedTuple):
    """The targets of a source, in the order of their folders' bytes, and the folders that are none, each with why."""

    targets: tuple[Target, ...]
    refused: tuple[tuple[str, str], ...] = ()


def targets_of(source: Source, folders: Iterable[str]) -> Generated:
    """The targets of a source. `folders` are those of a commit that hold a project file, from its top, with slashes ("" is the
    top); of a source without `forEach` they are not asked for."""
    if source.folders is None:
        assert source.project is not None
        return Generated((Target(source.name, source, "", source.project, source.workspaces),))
    found = sorted(
        {f for f in folders if matches(source.folders, f)}, key=lambda f: f.encode("utf-8", "surrogateescape")
    )
    refused = [(folder, why) for folder in found if (why := _refusal(folder)) is not None]
    good = [folder for folder in found if _refusal(folder) is None]
    refused += [(folder, f"a source has at most {MOST:,} targets") for folder in good[MOST:]]
    return Generated(tuple(_target(source, folder) for folder in good[:MOST]), tuple(refused))


def _target(source: Source, folder: str) -> Target:
    assert source.folders is not None
    called = _called(source.folders, folder)
    workspaces = source.workspaces
    if workspaces is not None:
        workspaces = tuple(pattern.replace(FOLDER, _literally(called)) for pattern in workspaces)
    return Target(f"{source.name}/{called}", source, called, posixpath.join(folder, PROJECT_FILE), workspaces)


def _called(pattern: str, folder: str) -> str:
    """A folder without what its pattern begins with: of `teams/*`, `teams/data` is `data`. One that is the pattern itself is called
    by its last part."""
    parts, names = pattern.split("/"), folder.split("/")
    fixed = next((index for index, part in enumerate(parts) if _GLOB.search(part)), len(parts) - 1)
    return "/".join(names[fixed:])


def _literally(name: str) -> str:
    """A pattern that fits a name alone, whatever characters the name holds."""
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", name)


def _refusal(folder: str) -> str | None:
    """Why a folder cannot be a target; None: it can."""
    if len(folder) > _LONGEST:
        return f"its name has more than {_LONGEST} characters"
    if not folder.isprintable() or any(part != part.strip() for part in folder.split("/")):
        return "its name holds characters, or space at an end, that no workspace has"
    return None


def is_pattern(text: str) -> bool:
    """Whether a text is a path, or a pattern of paths, below a folder."""
    parts = text.split("/")
    return not any(part in ("", ".", "..") for part in parts) and "\\" not in text


def matches(pattern: str, folder: str) -> bool:
    """Whether a folder, with slashes, is one that a pattern means. Hidden folders are meant by their name alone."""
    return bool(folder) and _compiled(pattern).fullmatch(folder) is not None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression: `**` is any number of folders, none included."""
    parts = pattern.split("/")
    text = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            text += r"[^./][^/]*(?:/[^./][^/]*)*" if last else r"(?:[^./][^/]*/)*"
        else:
            text += _segment(part) + ("" if last else "/")
    return re.compile(text, re.DOTALL)


def _segment(part: str) -> str:
    """A pattern of one name: `*` and `?` stand for characters of it, a dot that it begins with excepted."""
    text = "".join({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)) for character in part)
    return f"(?!\\.){text}" if part[:1] in ("*", "?") else text
