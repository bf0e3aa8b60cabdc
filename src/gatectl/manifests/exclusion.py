"""What `exclude` of project files names: gitignore patterns, relative to the project (product.md, sections 1 and 11). Pure.

The only module that knows pathspec, and it asks for it only where there are patterns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from gatectl.project import Patterns

Excluded = Callable[[str, bool], bool]
"""Whether a path is excluded, by its absolute path and whether it is a folder."""


def exclusion(named: Sequence[Patterns]) -> Excluded | None:
    """What each of these excludes; None where nothing can be. What lies outside of a folder is not excluded by its patterns.

    Raises ValueError for a pattern that is none (`broken` tells it).
    """
    each = [_matching(patterns, str(folder)) for folder, patterns in named if patterns]
    if not each or len(each) < len(named):
        return None
    if len(each) == 1:
        return each[0]
    return lambda path, is_folder: all(excluded(path, is_folder) for excluded in each)


def _matching(patterns: Sequence[str], folder: str) -> Excluded:
    from pathspec import GitIgnoreSpec

    matches = GitIgnoreSpec.from_lines(patterns).match_file
    prefix = folder.rstrip(os.sep) + os.sep

    def excluded(path: str, is_folder: bool) -> bool:
        if not path.startswith(prefix):
            return False
        inside = path[len(prefix) :].replace(os.sep, "/")
        return matches(inside + "/" if is_folder else inside)

    return excluded


def broken(pattern: str) -> bool:
    """Whether a pattern is none that git would understand."""
    try:
        _matching([pattern], os.sep)
    except ValueError:
        return True
    return False
