"""The example of a fleet: it does what it says on a small scale, its fleet file is valid, and nothing of it is left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pages import BIN, TOP

EXAMPLE = TOP / "examples" / "fleet"
NOTHING_RUN = 77


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that PostgreSQL's own user gets through to, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="gatectl-example-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_it_converges_applies_a_push_and_takes_over_from_a_controller_that_was_killed(open_folder: Path) -> None:
    done = _run(open_folder, "--repositories", "2", "--workspaces", "2")
    if done.returncode == NOTHING_RUN:
        pytest.skip(f"needs a server: {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert "acme: 4 targets (4 in-sync).\n  converged" in said
    assert re.search(r"^  [0-9a-f]{12} is applied, ", said, re.MULTILINE)
    assert re.search(r"^  controller-3 is gone\n  controller-[12] took over from it, ", said, re.MULTILINE)
    assert "\n  all 4 are at their new commits, " in said
    assert list(open_folder.iterdir()) == []


def test_where_there_is_no_postgresql_it_says_so_and_starts_nothing(tmp_path: Path) -> None:
    hiding = "import runpy, sys; from pathlib import Path; Path.glob = lambda *_: iter(()); sys.argv = sys.argv[1:]; "
    done = _run(
        tmp_path, PATH=str(tmp_path), before=["-c", f"{hiding}runpy.run_path(sys.argv[0], run_name='__main__')"]
    )
    assert (done.returncode, done.stdout) == (
        NOTHING_RUN,
        "nothing was started: there is no PostgreSQL (Debian: apt-get install postgresql)\n",
    )


def test_its_fleet_file_is_valid() -> None:
    done = subprocess.run(
        [BIN / "gatectl", "validate", EXAMPLE / "fleet.yaml"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "Valid: 1 manifest in 1 file.\n")


def _run(
    folder: Path, *options: str, before: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *before, EXAMPLE / "run", *options],
        env={**os.environ, "TMPDIR": str(folder), **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
