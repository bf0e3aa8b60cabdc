"""What git knows of the manifests: the commit, and whether they differ from it. The only module that runs git.

Without git, or outside a checkout, nothing is known, and nothing is wrong.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def describe(folder: Path, paths: Sequence[Path]) -> tuple[str | None, bool | None]:
    """The commit checked out in the folder, and whether anything under the paths is not as committed."""
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if commit is None:
        return None, None
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", *map(str, paths))
    return commit.strip(), None if status is None else bool(status.strip())


def top(folder: Path) -> Path | None:
    """The top of the checkout that a folder lies in."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    return Path(found.rstrip("\n")) if found else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        # No optional locks: a plan only reads, and must not hold up somebody else's git.
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True, timeout=20, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
