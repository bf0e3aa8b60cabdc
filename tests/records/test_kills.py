"""kill -9 around every write, to the platform and to the records: no object twice, none lost, none without an owner, and `apply`
again converges.

`GATECTL_POINTS=1 pytest tests/records/test_kills.py` is the long run: before and after each write there is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.conftest import Shell, project, shell
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, Secret
from gatectl.records import read_records
from platforms.postgresql_server import Server as Postgresql
from serving import EMAIL, PASSWORD, Server

__all__ = ["shell"]  # pytest finds the fixtures here

MANIFESTS = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: raw, workspace: default}
spec: {type: S3, bucket: raw-events, credentials: {key: {env: KEY}, secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {name: gpt, workspace: default}
spec: {provider: OpenAI, endpoint: "https://api.example.com/v1", credentials: {secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data, workspace: default}
spec: {endpointType: S3, resources: [{type: S3, bucket: raw-events}]}
"""

KILLED = """
import os, signal, sys
from gatectl.platforms import embedded, flashback
from gatectl.records import database, owners, runs
left = int(sys.argv.pop(1))
def strike():
    global left
    left -= 1
    if left < 0:
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
around(runs.WritableRuns, "keep")
from gatectl.cli.exits import run
sys.exit(run(sys.argv[1:]))
"""
POINTS = range(14) if os.environ.get("GATECTL_POINTS") else (2, 5, 9)
"""Three objects, each before and after its creation, what is intended and recorded of two levels, and the receipt."""


@pytest.fixture(params=["embedded", "http", "postgresql"])
def site(
    request: pytest.FixtureRequest, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Shell, Connection]]:
    for name, value in {"KEY": "k", "SECRET": "s", "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)
    shell.write("manifests/all.yaml", MANIFESTS)
    if request.param == "http":
        with Server(tmp_path / "elsewhere") as server:
            monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", server.url.partition("://")[2])
            yield aimed(shell, server.url)
    elif request.param == "postgresql":
        postgresql: Postgresql = request.getfixturevalue("postgresql_server")
        url = postgresql.url(postgresql.new_database())
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", url.partition("@")[2].partition("/")[0])
        monkeypatch.setenv("PGPASSWORD", postgresql.password)
        yield aimed(shell, url.replace(f":{postgresql.password}@", "@"))
    else:
        yield aimed(shell, "embedded")


def aimed(shell: Shell, target: str) -> tuple[Shell, Connection]:
    shell.write("gatectl.yaml", project(default={"platform": target}))
    credentials = Credentials(email=EMAIL, password=Secret(PASSWORD)) if target.startswith("http") else None
    return shell, Connection(target, shell.folder, "OPENAI", credentials, named=True)


def objects(connection: Connection) -> Counter[str]:
    """What is live, by its name."""
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        (home,) = [each["id"] for each in reader.list("workspace") if each["name"] == "default"]
        lists = [reader.list("bucket", home), reader.list("ai/llm", home), reader.list("repo", home)]
    return Counter(each.get("name") or each["repoName"] for found in lists for each in found)


def owned(connection: Connection) -> dict[str, bool]:
    """What has an owner, by its name, and whether it was made by hand."""
    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        assert list(records.open_runs()) == []
        return {each.name: each.adopted for each in records.owned() or ()}


@pytest.mark.parametrize("point", POINTS)
def test_whoever_is_killed_leaves_nothing_twice_nothing_lost_and_nothing_without_an_owner(
    site: tuple[Shell, Connection], point: int
) -> None:
    shell, connection = site
    command = [sys.executable, "-c", KILLED, str(point), "apply", "--yes"]
    done = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, check=False)
    assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    assert all(count == 1 for count in objects(connection).values())
    planned = shell("plan", "--format", "json")
    assert planned.code == 0, planned.out
    assert planned.json["adopts"] == [], "what it made is known to be ours"
    applied = shell("apply", "--yes")
    assert applied.code == 0, applied.err
    assert objects(connection) == {"raw": 1, "gpt": 1, "data": 1}
    assert owned(connection) == {"raw": False, "gpt": False, "data": False}
    again = shell("plan", "--detailed-exitcode")
    assert again.code == 0 and "has not ended" not in again.err
