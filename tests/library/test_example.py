"""`examples/library`: its tests pass, and its script prints a table."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "library"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_its_tests_pass_and_leave_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    before = {path.name for path in folder.rglob("*")}
    done = run(folder, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
    assert {path.name for path in folder.rglob("*")} - before == set()


def test_its_script_plans_and_prints_a_table() -> None:
    done = run(EXAMPLE, "-B", "report.py")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["action", "object", "attach", "detach", "risk"]
    assert lines[3].split() == ["create", "Repository", "default/orders", "1", "0", "none"]
    assert lines[-1] == "4 to create, 0 to update, 0 to delete"
