"""A platform that lies in every way there is: each command ends, by its deadline, in a line of words and a code of the contract."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.liar import FORGED, PLACES, SLOW, SPOILED, Asked, Liar
from gatectl.cli.exits import run
from gatectl.signals import Watch
from leaping import Leaping

CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 64, 130}
MANIFESTS = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: raw-aws}
spec: {type: S3, bucket: raw-events, region: eu-central-1, credentials: {key: {env: KEY}, secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {name: assistant}
spec: {provider: OpenAI, endpoint: "https://other.example/v1", credentials: {secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data}
spec: {endpointType: S3, attachmentPolicy: Exact, resources: []}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: made}
spec: {endpointType: S3, resources: [{type: S3, bucket: raw-events, folder: new}]}
"""
COMMANDS = {
    "plan": ["plan"],
    "plan-json": ["plan", "--format", "json"],
    "apply": ["apply", "--yes"],
    "export": ["export"],
    "snapshot": ["snapshot", "--out", "snapshot.json"],
    "graph": ["graph", "--live", "--format", "mermaid"],
    "graph-dot": ["graph", "--live", "--format", "dot"],
    "graph-svg": ["graph", "--live"],
    "graph-html": ["graph", "--live", "--format", "html"],
}
SECRET = "canary-of-a-hostile-platform"


def variables(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "KEY": "AKIA",
        "SECRET": SECRET,
        "GATECTL_TOKEN": "canary-token",
    }


def arguments(liar: Liar, command: str) -> list[str]:
    return ["--platform", liar.url, *COMMANDS[command], "--deadline", "2"]


def attack(folder: Path, name: str, place: str, command: str) -> tuple[int, str, str, Liar]:
    """A command in a process of its own: what only a deadline ends must end the process too."""
    (folder / "manifests.yaml").write_text(MANIFESTS)
    environment = {**variables(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    with Liar(SPOILED[name], PLACES[place]) as liar:
        # Thirty times the deadline is no measurement: a command that has not ended by then does not end by itself.
        done = subprocess.run(
            [sys.executable, "-m", "gatectl", *arguments(liar, command)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "strict"), done.stderr.decode("utf-8", "strict"), liar


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project to run in, in this process; whatever hangs for a minute is ended: a watch that was never begun leaves SIGALRM to us."""
    given = variables(tmp_path)
    for name in [name for name in os.environ if not name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests.yaml").write_text(MANIFESTS)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(60)
    yield tmp_path
    signal.alarm(0)
    for number, handler in before.items():
        signal.signal(number, handler)
    gc.enable()


def _hangs(number: int, frame: object) -> None:
    raise AssertionError("no end in a minute")


def judge(code: int, out: str, err: str, command: str) -> list[str]:
    """What is wrong with an end."""
    wrong = []
    if code not in CODES:
        wrong.append(f"code {code}")
    if "Traceback" in out + err or "internal error" in out + err:
        wrong.append("a traceback or an internal error")
    if "canary" in out + err:
        wrong.append("a secret")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", out + err):
        wrong.append("control characters")
    if re.search(r"(?m)^\s*(::|##\[|##vso\[|##teamcity\[)", out + err):
        wrong.append("a workflow command")
    if command == "plan-json":
        try:
            json.loads(out)
        except ValueError:
            wrong.append("standard output is not one JSON document")
    if (
        code != 0
        and not re.search(r"(?m)^(error|warning|\S*:?\d*:?.*GW\d+|Not converged)", out + err)
        and command != "plan-json"
    ):
        wrong.append("no words")
    if max(map(len, (out + err).splitlines() or [""])) > 20_000 and command != "plan-json":
        wrong.append("a line of over 20,000 characters")
    return wrong


ENDLESS = [(name, place, command) for name in SLOW
           for place, command in (("all", "plan"), ("objects", "export"), ("writes", "apply"))]  # fmt: skip
PROCESSES = [
    ("silence", "all", "plan"),
    ("drips-body", "objects", "export"),
    ("drips-chunk-extension", "writes", "apply"),
]
TURNS = (
    ("all", "plan-json"),
    ("objects", "plan"),
    ("writes", "apply"),
    ("reads", "apply"),
    ("objects", "export"),
    ("workspaces", "snapshot"),
    ("objects", "graph"),
    ("objects", "graph-html"),
)
QUICK = [(name, *TURNS[index % len(TURNS)]) for index, name in enumerate(name for name in SPOILED if name not in SLOW)]
QUICK += [
    ("ten-thousand", "objects", command)
    for command in ("plan", "export", "snapshot")
    if ("ten-thousand", "objects", command) not in QUICK
]
EVERY = [(name, place, command) for name in SPOILED if name not in SLOW for place in PLACES for command in COMMANDS]
"""Each lie once or thrice in CI; with EVERY_LIE=1 in the environment, all of them in every place with every command."""


def judge_endless(code: int, out: str, err: str, name: str, command: str, *, wrote: bool) -> None:
    assert not judge(code, out, err, command), f"{code}\n{out[:3000]}\n{err[:3000]}"
    if code == 1 and name == "floods-body":
        assert "larger than" in err, "more than any answer may be had come before the deadline did"
        return
    assert code == (7 if wrote else 10), err


@pytest.mark.parametrize(("name", "place", "command"), ENDLESS, ids=lambda value: value)
def test_an_answer_that_never_ends_ends_at_the_deadline(
    here: Path, capfd: pytest.CaptureFixture[str], name: str, place: str, command: str
) -> None:
    """Time stands still until the first lie, and little of it is left then."""
    time = Leaping()
    with Liar(SPOILED[name], PLACES[place], lambda: time.run(1.8)) as liar:
        code = run(arguments(liar, command), Watch(), time.clock)
    judge_endless(code, *capfd.readouterr(), name, command, wrote=command == "apply")


@pytest.mark.parametrize(
    ("name", "place", "command"), ENDLESS if os.environ.get("EVERY_LIE") else PROCESSES, ids=lambda value: value
)
def test_a_process_ends_with_its_command(tmp_path: Path, name: str, place: str, command: str) -> None:
    code, out, err, liar = attack(tmp_path, name, place, command)
    wrote = any(asked.method != "GET" for asked in liar.requests)  # a busy machine may need the two seconds for less
    judge_endless(code, out, err, name, command, wrote=wrote)


@pytest.mark.parametrize(
    ("name", "place", "command"), EVERY if os.environ.get("EVERY_LIE") else QUICK, ids=lambda value: value
)
def test_whatever_the_platform_says_a_command_ends_in_words_and_a_code_of_the_contract(
    here: Path, capfd: pytest.CaptureFixture[str], name: str, place: str, command: str
) -> None:
    """Time goes by requests, a hundred a second: what asks ten thousand ends at the deadline."""
    time = Leaping()

    def spoiled(asked: Asked) -> bool:
        time.leap(0.01)
        return PLACES[place](asked)

    with Liar(SPOILED[name], spoiled) as liar:
        code = run(arguments(liar, command), Watch(), time.clock)
    out, err = capfd.readouterr()
    assert not judge(code, out, err, command), f"{code}\n{out[:3000]}\n{err[:3000]}"


def test_the_lies_reach_gatectl(tmp_path: Path) -> None:
    code, _out, err, _liar = attack(tmp_path, "refused-kindly", "all", "plan")
    assert code != 0 and FORGED.partition("\n")[0] in err
