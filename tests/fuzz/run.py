"""Mutated inputs of every kind, and no traceback: 100,000 manifests and 10,000 of each other kind, unless told otherwise.

    python tests/fuzz/run.py [--manifests N] [--others N] [--seed S] [--only KIND] [--start I] [--jobs J] [--failures FOLDER]

An input is the same on every machine for its kind, seed and number, so that `--seed S --only KIND --start I --others 1`
(or --manifests 1) is that one again. What fails is saved in a folder, as the files that it is. Exit code 1 if anything did.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import inputs
from running import Runner

SHARE = 100
"""Inputs of one task."""


class Task(NamedTuple):
    kind: str
    seed: int
    numbers: range
    failures: Path


class Failure(NamedTuple):
    kind: str
    number: int
    path: Path
    words: str


def work(task: Task) -> list[Failure]:
    """Run a share; what failed, saved."""
    failed = []
    with (
        tempfile.TemporaryDirectory(prefix="gatectl-fuzz-") as folder,
        Runner(Path(folder).resolve()).at_work() as runner,
    ):
        for number in task.numbers:
            given = inputs.make(task.kind, task.seed, number)
            if wrong := runner.judge(given):
                failed.append(Failure(task.kind, number, save(task, number, given, wrong), "\n".join(wrong)))
    return failed


def save(task: Task, number: int, given: inputs.Input, wrong: Sequence[str]) -> Path:
    folder = task.failures / f"{task.kind}-{task.seed}-{number}"
    for name, content in {
        **given.files,
        **{f"answers/{k.replace('/', '_')}": v for k, v in given.answers.items()},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "what-is-wrong.txt").write_text("\n".join(wrong) + "\n", encoding="utf-8", errors="backslashreplace")
    return folder


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifests", type=int, default=100_000)
    parser.add_argument("--others", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=inputs.KINDS)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--failures", type=Path, default=Path(tempfile.gettempdir()) / "gatectl-fuzz-failures")
    asked = parser.parse_args()
    total = 0
    with multiprocessing.get_context("spawn").Pool(asked.jobs, maxtasksperchild=8) as pool:
        for kind in [asked.only] if asked.only else inputs.KINDS:
            count, begun = asked.manifests if kind == "manifests" else asked.others, time.monotonic()
            end, failed = asked.start + count, 0
            tasks = [
                Task(kind, asked.seed, range(at, min(at + SHARE, end)), asked.failures.resolve())
                for at in range(asked.start, end, SHARE)
            ]
            for one in (failure for share in pool.imap(work, tasks) for failure in share):
                failed += 1
                say(
                    f"{one.kind} {one.number} of seed {asked.seed}, saved in {one.path}:\n{one.words[:3000]}\n",
                )
            say(f"{kind}: {count:,} of seed {asked.seed}, {failed} failed, {time.monotonic() - begun:.0f} s")
            total += failed
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
