"""kill -9 around every write, to the platform and to the records, and at any moment: no object twice, none lost, none without an
owner, `apply` again converges, and the history tells the truth.

`GATECTL_KILLS=1000 pytest tests/records/test_kills.py` is the campaign: so many in all, spread over every platform with every
kind of store, at each boundary and at random.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.conftest import Shell, project, shell
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, RecordsChoice, Secret
from gatectl.records import read_records
from platforms.postgresql_server import Server as Postgresql
from records.conftest import OBJECTS, bucket
from serving import EMAIL, PASSWORD, Server

__all__ = ["shell"]  # pytest finds the fixtures here

KEYS = "credentials: {key: {env: KEY}, secret: {env: SECRET}}"


def bucket_manifest(name: str, remote: str) -> str:
    return f"""---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: {name}, workspace: default}}
spec: {{type: S3, bucket: {remote}, {KEYS}}}
"""


def llm_manifest(endpoint: str) -> str:
    return f"""---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {{name: gpt, workspace: default}}
spec: {{provider: OpenAI, endpoint: "{endpoint}", credentials: {{secret: {{env: SECRET}}}}}}
"""


def repository_manifest(*remotes: str) -> str:
    attached = ", ".join(f"{{type: S3, bucket: {remote}}}" for remote in remotes)
    return f"""---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: data, workspace: default}}
spec: {{endpointType: S3, attachmentPolicy: Exact, resources: [{attached}]}}
"""


FIRST = (
    bucket_manifest("raw", "raw-events")
    + bucket_manifest("old", "old-events")
    + llm_manifest("https://api.example.com/v1")
    + repository_manifest("raw-events", "old-events")
)
"""Creations alone."""
SECOND = (
    bucket_manifest("raw", "raw-events")
    + bucket_manifest("new", "new-events")
    + llm_manifest("https://api.example.com/v2")
    + repository_manifest("raw-events", "new-events")
)
"""A creation, two updates, a detachment and a deletion, after FIRST."""
NAMES = {"first": {"raw", "old", "gpt", "data"}, "second": {"raw", "new", "gpt", "data"}}

KILLED = """
import os, signal, sys, threading, time
from gatectl.platforms import embedded, flashback
from gatectl.records import buckets, owners, runs, shards
how, left = sys.argv.pop(1), float(sys.argv.pop(1))
def strike():
    global left
    left -= 1
    if how == "boundary" and left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
def around(cls, *names):
    for name in names:
        def call(self, *arguments, inner=getattr(cls, name), **named):
            strike()
            result = inner(self, *arguments, **named)
            strike()
            return result
        setattr(cls, name, call)
around(embedded.Writer, "create", "update", "delete")
around(flashback.Writer, "create", "update", "delete")
around(owners.WritableOwners, "intend", "record", "end")
around(shards.WritableObjectOwners, "intend", "record", "end")
around(runs.WritableRuns, "keep")
around(buckets.Objects, "swap", "delete")
from gatectl.cli.exits import run
if how == "moment":
    def later():
        time.sleep(left)
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=later, daemon=True).start()
sys.exit(run(sys.argv[1:]))
"""

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
    for name, value in {"KEY": "k", "SECRET": "s", "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANG", "C")
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


def aimed(shell: Shell, target: str, records: str | None) -> tuple[Shell, Connection]:
    file = json.loads(project(default={"platform": target, "guardrails": {"maxDeletes": 5}}))
    file["spec"]["uid"] = "6f1f5d4e-0c5b-4a53-9d39-1f3f9c8d2b11"
    shell.write("gatectl.yaml", json.dumps(file))
    credentials = Credentials(email=EMAIL, password=Secret(PASSWORD)) if target.startswith("http") else None
    choice = RecordsChoice(records, named=True) if records is not None else RecordsChoice()
    environ = dict(os.environ)
    return shell, Connection(target, shell.folder, "OPENAI", credentials, named=True, environ=environ, records=choice)


def objects(connection: Connection) -> list[str]:
    """What is live, by its names, one of each object."""
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        homes = [each["id"] for each in reader.list("workspace") if each["name"] == "default"]
        lists = [reader.list(kind, home) for home in homes for kind in ("bucket", "ai/llm", "repo")]
    return sorted(each.get("name") or each["repoName"] for found in lists for each in found)


def owned(connection: Connection) -> dict[str, bool]:
    """What has an owner, by its name, and whether it was made by hand."""
    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        assert list(records.open_runs()) == []
        return {each.name: each.adopted for each in records.owned() or ()}


def apply_of(which: str) -> tuple[str, ...]:
    return ("apply", "--yes", "--new-records", *(("--prune",) if which == "second" else ()))


@pytest.mark.parametrize("site", kills(), indirect=True, ids=lambda kill: "-".join(map(str, kill)))
def test_whoever_is_killed_leaves_nothing_twice_nothing_lost_and_nothing_without_an_owner(
    site: tuple[Shell, Connection, Kill],
) -> None:
    shell, connection, kill = site
    shell.write("manifests/all.yaml", FIRST)
    if kill.apply == "second":
        began = shell(*apply_of("first"))
        assert began.code == 0, began.err
        shell.write("manifests/all.yaml", SECOND)
    words = apply_of(kill.apply)
    command = [sys.executable, "-c", KILLED, kill.how, str(kill.when), *words]
    done = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, check=False)
    assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    found = objects(connection)
    assert len(found) == len(set(found)), found
    planned = shell("plan", "--format", "json", *(("--prune",) if kill.apply == "second" else ()))
    assert planned.code == 0, planned.out
    assert planned.json["adopts"] == [], "what it made is known to be ours"
    applied = shell(*words)
    assert applied.code == 0, applied.err
    assert objects(connection) == sorted(NAMES[kill.apply])
    assert owned(connection) == dict.fromkeys(NAMES[kill.apply], False)
    again = shell("plan", "--detailed-exitcode", *(("--prune",) if kill.apply == "second" else ()))
    assert again.code == 0 and "has not ended" not in again.err
    told_by_history(shell, kill, finished=done.returncode == 0)


def told_by_history(shell: Shell, kill: Kill, *, finished: bool) -> None:
    """The newest run led to what is there, each run that is listed can be shown, and none says that it did more than there is."""
    runs = shell("history", "--format", "json").json["runs"]
    assert runs[0]["converged"] and all(shell("show", each["run"]).code == 0 for each in runs)
    created = sum(each["summary"].get("done", 0) for each in runs)
    assert created <= len(NAMES["first"]) + (len(NAMES["second"]) + 1 if kill.apply == "second" else 0)
    if finished:
        assert runs[0]["summary"].get("done", 0) == 0, "all was done by the run that was not reached"
