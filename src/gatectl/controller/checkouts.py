"""A commit of a mirror → its files, and the targets that a source makes of it."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Final

from gatectl.clock import NEVER, Deadline
from gatectl.controller.opening import Checkout
from gatectl.files.fences import PROJECT_FILE
from gatectl.fleet.mirrors import Mirror
from gatectl.fleet.targets import Generated, targets_of
from gatectl.fleet.trees import tree_of
from gatectl.fleet.values import Source

_REGULAR: Final = "100"
"""What the mode of a regular file begins with: a link makes no project of a folder."""


def checkout_of(mirror: Mirror, commit: str, folder: Path, until: Deadline = NEVER) -> Checkout:
    """The files of a commit that the mirror has, below a folder. Raises InputError, DeadlinePassed."""
    tree = tree_of(mirror, commit, folder, until)
    return Checkout(tree, commit, lambda earlier: mirror.follows(commit, earlier), tuple(mirror.submodules(commit)))


def targets_in(source: Source, mirror: Mirror, commit: str) -> Generated:
    """The targets of a source in a commit that the mirror has. Raises InputError, DeadlinePassed."""
    if source.folders is None:
        return targets_of(source, ())
    files = (file for file in mirror.files(commit) if file.mode.startswith(_REGULAR))
    return targets_of(
        source, (folder for folder, name in (posixpath.split(file.path) for file in files) if name == PROJECT_FILE)
    )
