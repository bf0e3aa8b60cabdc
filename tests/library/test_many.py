"""The short form of `tests/benchmarks/many.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MANY = Path(__file__).resolve().parents[1] / "benchmarks" / "many.py"


def test_plans_and_applies_of_several_processes_and_threads_at_once_all_converge() -> None:
    command = [sys.executable, str(MANY), "--processes", "2", "--threads", "4", "--runs", "32"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("nothing went wrong\n")
