"""One apply at a time on a database; whoever holds the claim loses it with its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatectl.errors import PlatformLocked
from gatectl.platforms.embedded import Writer, claim, open_reader, open_writer
from gatectl.platforms.interface import Connection

HOLD = """
import sys, time
from pathlib import Path
from gatectl.platforms.embedded import open_writer
from gatectl.platforms.interface import Connection
writer = open_writer(Connection(sys.argv[1], Path(sys.argv[2]), named=True))
writer.claim()
print("claimed", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["embedded", "postgresql"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgresql_url")) if request.param == "postgresql" else "embedded"


@pytest.fixture
def writer(target: str, tmp_path: Path) -> Iterator[Writer]:
    opened = open_writer(Connection(target, tmp_path, named=True))
    yield opened
    opened.close()


@pytest.fixture
def holder(target: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, target, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    yield process
    process.kill()
    process.wait()


def test_a_claim_is_refused_while_another_process_holds_it(
    holder: subprocess.Popen[str], writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim.wait_for, "__defaults__", (0.3,))
    monkeypatch.setattr(claim.claim_file, "__defaults__", (0.3,))
    with pytest.raises(PlatformLocked, match="another apply"):
        writer.claim()


def test_a_claim_ends_with_the_process_that_was_killed(holder: subprocess.Popen[str], writer: Writer) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    writer.claim()


def test_a_claim_ends_with_closing_and_stops_neither_readers_nor_writers(target: str, tmp_path: Path) -> None:
    first, second = (open_writer(Connection(target, tmp_path, named=True)) for _ in range(2))
    first.claim()
    second.create("workspace", {"name": "while-it-is-claimed"})
    assert len(open_reader(Connection(target, tmp_path, named=True)).list("workspace")) == 2
    first.close()
    second.claim()
    second.close()
