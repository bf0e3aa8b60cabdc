"""kill -9 around every write, to the platform and to the records, and at any moment: no object twice, none lost, none without an
owner, `apply` again converges, and the history tells the truth.

`GATECTL_KILLS=1000 pytest tests/records/test_kills.py` is the campaign: so many in all, spread over every platform with every
kind of store, at each boundary and at random.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.conftest import Shell, shell
from gatectl.platforms.interface import Connection
from platforms.postgresql_server import Server as Postgresql
from records.conftest import OBJECTS, bucket
from records.converging import NAMES, VARIABLES, aimed, apply_of, check_converges, declare, objects, prune_of
from records.killing import KILLED
from serving import Server

__all__ = ["shell"]  # pytest finds the fixtures here

PLATFORMS = ("embedded", "postgresql", "http")
STORES = ("default", "sqlite", "postgresql", *OBJECTS)
"""The store that is each platform's own, and one of each other kind."""
BOUNDARIES = 30
"""More than there are in an apply on a database; on an object store there are twice as many."""
LONGEST = 1.5
"""Seconds within which an apply here has ended."""


class Kill(NamedTuple):
    """One kill: on which platform with which store, of which apply, before or after which write, or after how many seconds."""

    platform: str
    store: str
    apply: str
    how: str
    when: float


def kills() -> list[Kill]:
    places = [*product(PLATFORMS, STORES)]
    wanted = int(os.environ.get("GATECTL_KILLS", "0"))
    chance = random.Random(42)
    if not wanted:
        turns = enumerate(places)
        return [Kill(*place, ("first", "second")[n % 2], "boundary", chance.randrange(2, 20)) for n, place in turns]
    found = []
    for number in range(wanted):
        platform, store = places[number % len(places)]
        turn = number // len(places)
        boundaries = BOUNDARIES * (2 if store in OBJECTS else 1)
        apply = ("first", "second")[turn % 2]
        if turn % 4 < 3:
            found.append(Kill(platform, store, apply, "boundary", chance.randrange(boundaries)))
        else:
            found.append(Kill(platform, store, apply, "moment", chance.uniform(0.0, LONGEST)))
    return found


@pytest.fixture
def site(
    request: pytest.FixtureRequest, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Shell, Connection, Kill]]:
    kill: Kill = request.param
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)
    records = None
    if kill.store in OBJECTS:
        found = bucket(kill.store, request)
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        records = found.url
    elif kill.store == "sqlite":
        records = "sqlite:///.gatectl/records.db"
    elif kill.store == "postgresql":
        postgresql: Postgresql = request.getfixturevalue("postgresql_server")
        records = postgresql.url(postgresql.new_database())
    if records is not None:
        monkeypatch.setenv("GATECTL_RECORDS", records)
    if kill.platform == "http":
        with Server(tmp_path / "elsewhere") as server:
            monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", server.url.partition("://")[2])
            yield *aimed(shell, server.url, records), kill
    elif kill.platform == "postgresql":
        postgresql = request.getfixturevalue("postgresql_server")
        url = postgresql.url(postgresql.new_database())
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", url.partition("@")[2].partition("/")[0])
        monkeypatch.setenv("PGPASSWORD", postgresql.password)
        yield *aimed(shell, url.replace(f":{postgresql.password}@", "@"), records), kill
    else:
        yield *aimed(shell, "embedded", records), kill


@pytest.mark.parametrize("site", kills(), indirect=True, ids=lambda kill: "-".join(map(str, kill)))
def test_whoever_is_killed_leaves_nothing_twice_nothing_lost_and_nothing_without_an_owner(
    site: tuple[Shell, Connection, Kill],
) -> None:
    shell, connection, kill = site
    declare(shell, kill.apply)
    words = apply_of(kill.apply)
    command = [sys.executable, "-c", KILLED, kill.how, str(kill.when), *words]
    done = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, check=False)
    assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    found = objects(connection)
    assert len(found) == len(set(found)), found
    planned = shell("plan", "--format", "json", *prune_of(kill.apply))
    assert planned.code == 0, planned.out
    assert planned.json["adopts"] == [], "what it made is known to be ours"
    check_converges(shell, connection, kill.apply)
    told_by_history(shell, kill, finished=done.returncode == 0)


def told_by_history(shell: Shell, kill: Kill, *, finished: bool) -> None:
    """The newest run led to what is there, each run that is listed can be shown, and none says that it did more than there is."""
    runs = shell("history", "--format", "json").json["runs"]
    assert runs[0]["converged"] and all(shell("show", each["run"]).code == 0 for each in runs)
    created = sum(each["summary"].get("done", 0) for each in runs)
    assert created <= len(NAMES["first"]) + (len(NAMES["second"]) + 1 if kill.apply == "second" else 0)
    if finished:
        assert runs[0]["summary"].get("done", 0) == 0, "all was done by the run that was not reached"
