"""What `exclude` of the project file names: gitignore patterns, relative to the project (product.md, section 1). Pure.

The only module that knows pathspec, and it asks for it only where there are patterns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

Excluded = Callable[[str, bool], bool]
"""Whether a path is excluded, by its absolute path and whether it is a folder."""


def exclusion(patterns: Sequence[str], folder: str) -> Excluded | None:
    """What the patterns exclude below a folder; None where there are none. What lies elsewhere is never excluded.

    Raises ValueError for a pattern that is none (`broken` tells it).
    """
    if not patterns:
        return None
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
        exclusion([pattern], os.sep)
    except ValueError:
        return True
    return False
