"""What git knows of the manifests: the commit, and whether they differ from it. The only module that runs git.

Without git, or outside a checkout, nothing is known, and nothing is wrong.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

_PATIENCE = 20


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
