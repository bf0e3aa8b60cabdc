"""Time whole gatectl processes beside the floor, in one run, and print medians, ratios and growth.

    python tests/benchmarks/run.py                  100, 1,000 and 10,000 repositories
    python tests/benchmarks/run.py 100 1000         other sizes
    python tests/benchmarks/run.py --repeat 9       more repetitions

The repetitions of all commands are interleaved, and a command is compared with the floor of its own repetition, so that
whatever else the machine does touches both alike. The bytecode of gatectl is made first, as an installer makes it: from a
checkout, under PYTHONDONTWRITEBYTECODE, each process would compile two hundred modules.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from generate import CREDENTIALS, generate

HERE = Path(__file__).resolve().parent
GATECTL = Path(sys.executable).parent / "gatectl"


class Command(NamedTuple):
    """What is timed, and the most that it may take, in floors. `anew`: on a platform where there is nothing yet."""

    words: tuple[str, ...]
    limit: float
    anew: bool = False


PLAN_LIMIT = 1.6
COMMANDS: Mapping[str, Command] = {
    "validate": Command(("validate",), 0.9),
    "apply, bare": Command(("apply", "--yes", "--records", "none"), 8.0, anew=True),
    "plan, bare": Command(("plan", "--detailed-exitcode", "--records", "none"), PLAN_LIMIT),
    "apply": Command(("apply", "--yes"), 10.0, anew=True),
    "plan": Command(("plan", "--detailed-exitcode"), PLAN_LIMIT * 1.1),
}
"""In the order in which they are run; "bare" is without records, which cost a plan a tenth at most. Below 10,000 repositories the start
of the process is most of it."""
LIMITED_FROM = 10_000
VERSION_LIMIT = 2.0


def main() -> None:
    options = _options()
    _compile()
    _say(f"Python {platform.python_version()}, {os.cpu_count()} cores; seconds are medians of whole processes.\n")
    _versions(options.repeat * 4)
    columns: dict[int, dict[str, list[float]]] = {}
    for count in options.sizes:
        columns[count] = _measure(count, options.repeat)
        _row(count, columns[count])
    _growth(columns)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time gatectl beside the time that loading the same YAML takes.")
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1_000, 10_000], help="numbers of repositories")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions of each measurement (default: 5)")
    return parser.parse_args()


def _compile() -> None:
    spec = find_spec("gatectl")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        compileall.compile_dir(folder, quiet=1)


def _versions(repeat: int) -> None:
    empty, version = [], []
    for _ in range(repeat):
        empty.append(_timed([sys.executable, "-c", "pass"], HERE))
        version.append(_timed([str(GATECTL), "--version"], HERE))
    start, whole = median(empty), median(version)
    _say(f"{'start of Python':>24} {start:8.3f} s")
    _say(f"{'gatectl --version':>24} {whole:8.3f} s  {whole / start:5.2f} times (at most {VERSION_LIMIT})\n")
    _say(f"{'repositories':>12} {'':>8} {'floor':>8} " + " ".join(f"{name:>14}" for name in COMMANDS))


def _measure(count: int, repeat: int) -> dict[str, list[float]]:
    """The seconds of the floor and of each command, in every repetition."""
    times: dict[str, list[float]] = {"floor": [], **{name: [] for name in COMMANDS}}
    with tempfile.TemporaryDirectory(prefix="gatectl-benchmark-") as name:
        folder = Path(name)
        generate(count, folder)
        for _ in range(repeat):
            times["floor"].append(_floor(folder))
            for called, command in COMMANDS.items():
                if command.anew:
                    shutil.rmtree(folder / ".gatectl", ignore_errors=True)
                times[called].append(_timed([str(GATECTL), *command.words], folder))
    return times


def _floor(folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, HERE / "floor.py", folder / "manifests"], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _timed(command: Sequence[str], folder: Path) -> float:
    """The seconds of a whole process, which must succeed (for `plan`: find nothing to do)."""
    ours = ("GATECTL_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment | CREDENTIALS, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        output = done.stderr.decode() + done.stdout.decode()[-2000:]
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{output}")
    return seconds


def _row(count: int, times: Mapping[str, Sequence[float]]) -> None:
    floors = times["floor"]
    ratios = {name: median(t / f for t, f in zip(times[name], floors, strict=True)) for name in COMMANDS}
    _say(_line(f"{count:,}", "seconds", median(floors), lambda name: f"{median(times[name]):.3f}"))
    limits = {name: f" (≤ {each.limit:g})" if count >= LIMITED_FROM else "" for name, each in COMMANDS.items()}
    _say(_line("", "floors", None, lambda name: f"{ratios[name]:.2f}{limits[name]}"))


def _line(count: str, unit: str, floor: float | None, cell: Callable[[str], str]) -> str:
    first = f"{floor:.3f}" if floor is not None else ""
    return f"{count:>12} {unit:>8} {first:>8} " + " ".join(f"{cell(name):>14}" for name in COMMANDS)


def _growth(columns: Mapping[int, Mapping[str, Sequence[float]]]) -> None:
    sizes = list(columns)
    for small, large in pairwise(sizes):
        times = large / small
        _say(f"\nFrom {small:,} to {large:,} repositories, {times:g} times as many, takes (≤ {times * 1.1:g}):")
        for name in ("floor", *COMMANDS):
            _say(f"{name:>12} {median(columns[large][name]) / median(columns[small][name]):8.2f} times")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
