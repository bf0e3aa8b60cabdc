"""Many plans and applies through the library at once: 3 processes of 12 threads, 2,000 of them, against one `gatectl serve`.

    python tests/benchmarks/many.py [--processes P] [--threads T] [--runs N]

Nothing may fail, the plan after each apply is empty, the fingerprints are those of the command, and neither memory nor open
sockets grow. Exit code 1 where any of that is not so. `tests/library/test_many.py` is its short form.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import gatectl

SECRETS = {"KEY": "AKIAABCDEFGHIJKLMNOP", "SECRET": "x" * 40}
TOKEN = "a-token-for-this-machine"
MANIFESTS = """
apiVersion: gatectl.io/v1
kind: Workspace
metadata: {name: WORKSPACE}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: logs, workspace: WORKSPACE}
spec: {type: S3, bucket: "logs-WORKSPACE", region: REGION, credentials: {key: {env: KEY}, secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: "orders-WORKSPACE", workspace: WORKSPACE}
spec:
  endpointType: S3
  resources: [{type: S3, bucket: "logs-WORKSPACE"}]
"""
REGIONS = ("eu-central-1", "eu-west-1", "us-east-1")


class Share(NamedTuple):
    """What one process does: how many runs, on how many threads."""

    url: str
    process: int
    threads: int
    runs: int


class Found(NamedTuple):
    """What a process saw: what went wrong; open sockets and the resident size in KiB, after a tenth of the runs and in the end."""

    wrong: Sequence[str]
    sockets: tuple[int, int]
    resident: tuple[int, int]
    fingerprints: dict[str, str]


def manifests(workspace: str, number: int) -> dict[str, str]:
    text = MANIFESTS.replace("WORKSPACE", workspace).replace("REGION", REGIONS[number % len(REGIONS)])
    return {f"{workspace}.yaml": text}


def run(url: str, workspace: str, number: int) -> str:
    """A plan, an apply of it, and a plan after it; the fingerprint of the first."""
    with gatectl.open(manifests(workspace, number), platform=url, token=TOKEN) as estate:
        plan = estate.plan()
        assert plan.valid, list(plan.findings)
        receipt = estate.apply(plan, expect=plan.fingerprint, secrets=SECRETS)
        assert receipt.converged, receipt
        assert not estate.plan().changes
        return plan.fingerprint


def work(share: Share) -> Found:
    """All of a process; each thread has a workspace of its own."""
    wrong: list[str] = []
    seen: dict[str, str] = {}

    def line(thread: int, runs: range) -> None:
        workspace = f"w{share.process}-{thread}"
        for number in runs:
            try:
                seen[f"{workspace}/{number}"] = run(share.url, workspace, number)
            except Exception as error:
                wrong.append(f"{workspace}, run {number}: {type(error).__name__}: {error}")

    each = max(2, share.runs // share.threads)
    warm = max(1, each // 10)
    with ThreadPoolExecutor(share.threads) as pool:
        list(pool.map(lambda thread: line(thread, range(warm)), range(share.threads)))
        before = measured()
        list(pool.map(lambda thread: line(thread, range(warm, each)), range(share.threads)))
        after = measured()
    return Found(wrong, (before[0], after[0]), (before[1], after[1]), seen)


def measured() -> tuple[int, int]:
    """Open sockets, and the resident size in KiB."""
    gc.collect()
    sockets = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            sockets += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    return sockets, int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    (folder / "tokens").write_text(TOKEN)
    command = [sys.executable, "-m", "gatectl", "serve", "--port", "0", "--token-file", "tokens", "--database",
               f"sqlite:///{folder}/platform.db"]  # fmt: skip
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        url = server.stderr.readline().split()[-1]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: [None for _ in server.stderr or ()])
            try:
                yield url
            finally:
                server.terminate()


def of_the_command(url: str, folder: Path, workspace: str, number: int) -> str:
    """The fingerprint that `gatectl plan` prints for what is live now."""
    for name, text in manifests(workspace, number).items():
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "gatectl", "--platform", url, "plan", "--format", "json"]
    said = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, "GATECTL_TOKEN": TOKEN}
    )
    return re.search(r'"fingerprint": "(\S+)"', said.stdout)[1]  # type: ignore[index]


def many(processes: int, threads: int, runs: int) -> list[str]:
    """What went wrong."""
    with tempfile.TemporaryDirectory(prefix="gatectl-many-") as name, serving(Path(name)) as url:
        shares = [Share(url, number, threads, runs // processes) for number in range(processes)]
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(work, shares))
        wrong = [words for each in found for words in each.wrong]
        for number, each in enumerate(found):
            said = f"sockets {each.sockets}, resident KiB {each.resident}, runs {len(each.fingerprints)}"
            sys.stdout.write(f"process {number}: {said}\n")
            if each.sockets[1] > each.sockets[0] + 2:
                wrong.append(f"process {number} has more sockets open: {each.sockets}")
            if each.resident[1] > each.resident[0] * 1.2 + 8_192:
                wrong.append(f"process {number} has grown: {each.resident} KiB")
        folder = Path(name) / "command"
        folder.mkdir()
        with gatectl.open(manifests("w0-0", 1), platform=url, token=TOKEN) as estate:
            if estate.plan().fingerprint != of_the_command(url, folder, "w0-0", 1):
                wrong.append("the command has another fingerprint")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--threads", type=int, default=12)
    parser.add_argument("--runs", type=int, default=2_000)
    arguments = parser.parse_args()
    trouble = many(arguments.processes, arguments.threads, arguments.runs)
    sys.stdout.write(("\n".join(trouble[:20]) or "nothing went wrong") + "\n")
    sys.exit(bool(trouble))
