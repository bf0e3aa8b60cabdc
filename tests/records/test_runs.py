"""`gatectl runs`: what a run did that broke off is looked for and recorded; what nobody can tell waits, until somebody says that it
is right as it is (product.md, section 6, *Journal*)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.conftest import Shell, shell
from gatectl.platforms import driver_for
from gatectl.platforms.interface import HONOURS, Connection
from leaping import Leaping
from proxying import Answer, Asked, Proxy
from records.converging import aimed, bucket_manifest, llm_manifest, objects, owned, repository_manifest
from records.killing import KILLED
from serving import EMAIL, PASSWORD, Server

__all__ = ["shell"]  # pytest finds the fixtures here

MANIFESTS = (
    bucket_manifest("raw", "raw-events")
    + llm_manifest("https://api.example.com/v1")
    + repository_manifest("raw-events")
)
BEFORE_RAW, AFTER_RAW, BEFORE_DATA = 2, 3, 10
"""What `KILLED` counts up to."""


@pytest.fixture(autouse=True)
def variables(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEY": "k", "SECRET": "s", "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def here(shell: Shell) -> tuple[Shell, Connection]:
    shell.write("manifests/all.yaml", MANIFESTS)
    return aimed(shell, "embedded", None)


def break_off(shell: Shell, point: int) -> str:
    """An apply that is killed; its run."""
    command = [sys.executable, "-c", KILLED, "boundary", str(point), "apply", "--yes"]
    done = subprocess.run(command, cwd=shell.folder, capture_output=True, text=True, check=False)
    assert done.returncode < 0, done.stderr
    (run,) = shell("runs", "--format", "json").json["runs"]
    return str(run["run"])


def create(connection: Connection, name: str) -> str:
    """A repository that somebody makes by hand, and that attaches nothing; its id."""
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        (home,) = [each["id"] for each in reader.list("workspace") if each["name"] == "default"]
    with closing(driver_for(connection.target).open_writer(connection)) as writer:
        body = {"name": name, "storageType": "S3", "mode": "NORMAL", "workspaceId": home, "repoBuckets": []}
        return str(writer.create("repo", body))


def test_a_run_that_was_killed_is_listed_until_the_next_apply_has_settled_it(here: tuple[Shell, Connection]) -> None:
    shell, connection = here
    assert shell("runs").out == "Every run on embedded has ended.\n"
    run = break_off(shell, AFTER_RAW)
    line = shell("runs").out.splitlines()[1]
    assert line.startswith(run) and line.endswith("broke off")
    planned = shell("plan", "--format", "json")
    (told,) = planned.json["openRuns"]
    assert (told["run"], told["underWay"], told["unclear"]) == (run, False, [])
    assert "held" not in planned.json
    assert shell("apply", "--yes").code == 0
    assert shell("runs").out == "Every run on embedded has ended.\n"
    assert objects(connection) == ["data", "gpt", "raw"]


def test_what_nobody_can_tell_waits_for_a_word_and_everything_else_does_not(here: tuple[Shell, Connection]) -> None:
    shell, connection = here
    run = break_off(shell, BEFORE_DATA)
    made = create(connection, "data")
    (told,) = shell("runs", "--format", "json").json["runs"]
    assert told["unclear"] == [
        {"kind": "Repository", "workspace": "default", "name": "data", "ids": [made], "until": None}
    ]
    planned = shell("plan", "--format", "json")
    assert planned.code == 0 and planned.json["operations"] == []
    assert [(held["name"], held["reason"]) for held in planned.json["held"]] == [("data", f"run {run} is not settled")]
    (warning,) = [found for found in planned.json["diagnostics"] if found["rule"] == "GW509"]
    assert warning["severity"] == "warning" and made in warning["message"] and "runs settle" in warning["hint"]
    refused = shell("apply", "--yes")
    assert refused.code == 8 and "gatectl runs" in refused.err and "Repository default/data" in refused.err
    assert owned_by_name(connection) == {"raw", "gpt"}, "what can be told is not waited for"


def owned_by_name(connection: Connection) -> set[str]:
    """What is surely somebody's: recorded, or found to be so by who looks."""
    from gatectl.records import read_records

    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        return {each.name for each in records.owned() or ()}


def test_settling_asks_and_takes_what_is_there_for_right(here: tuple[Shell, Connection]) -> None:
    shell, connection = here
    run = break_off(shell, BEFORE_DATA)
    made = create(connection, "data")
    assert shell("runs", "settle").code == 64 and shell("runs", "--yes").code == 64
    assert shell("runs", "settle", run).code == 64, "nobody is there to ask"
    unknown = shell("runs", "settle", "20260131T101530123Z-00000000", "--yes")
    assert unknown.code == 64 and "gatectl runs lists them" in unknown.err
    done = shell("runs", "settle", run, "--yes", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["settled"]["run"] == run and done.json["gone"] == []
    assert made not in {each["id"] for each in done.json["recorded"]}, "nobody made it for us"
    assert shell("runs").out == "Every run on embedded has ended.\n"
    planned = shell("plan", "--format", "json").json
    assert "openRuns" not in planned and [op["platformId"] for op in planned["operations"] or planned["held"]]


def protected(connection: Connection) -> set[str]:
    """The names of what is protected by the records."""
    from gatectl.records import read_records

    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        return {each.name for each in records.owned() or () if each.protected}


def test_what_the_manifest_of_a_run_that_broke_off_protected_is_so_when_it_is_settled(
    here: tuple[Shell, Connection],
) -> None:
    shell, connection = here
    said = MANIFESTS.replace("{name: raw,", "{protect: true, name: raw,")
    shell.write("manifests/all.yaml", said)
    break_off(shell, AFTER_RAW)
    shell.write("manifests/all.yaml", MANIFESTS)
    assert protected(connection) == set()
    assert shell("apply", "--yes").code == 0
    assert protected(connection) == {"raw"}
    shell.write("manifests/all.yaml", MANIFESTS.replace("{type: S3,", "{type: S3, region: eu,", 1))
    assert [op["name"] for op in shell("plan", "--format", "json").json["operations"]] == ["raw"]
    break_off(shell, AFTER_RAW)
    assert shell("apply", "--yes").code == 0
    assert protected(connection) == {"raw"}, "whose change did not say otherwise"


class Plain(Proxy):
    """The platform as it is told of: it says nothing of what it heeds, and heeds no keys."""

    def answer(self, asked: Asked) -> Answer | None:
        asked.headers.pop("idempotency-key", None)
        found = self.forward(asked)
        return found._replace(headers={n: v for n, v in found.headers.items() if n.lower() != HONOURS.lower()})


@pytest.fixture
def plain(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Shell, Connection]]:
    shell.write("manifests/all.yaml", MANIFESTS)
    with Server(tmp_path / "elsewhere") as server, Plain(server.url) as proxy:
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", proxy.url.partition("://")[2])
        yield aimed(shell, proxy.url, None)


def test_a_creation_that_may_still_come_is_waited_for_and_then_made_again(plain: tuple[Shell, Connection]) -> None:
    shell, connection = plain
    break_off(shell, BEFORE_RAW)
    planned = shell("plan", "--format", "json").json
    assert {held["name"] for held in planned["held"]} >= {"raw", "data"}
    assert any("it may still come, until" in found["message"] for found in planned["diagnostics"])
    assert planned["operations"] == [] or {op["name"] for op in planned["operations"]} == {"gpt"}
    assert shell("apply", "--yes").code == 8
    assert objects(connection) == []
    later = Leaping(running=True)
    later.leap(71)
    shell.clock = later.clock
    applied = shell("apply", "--yes")
    assert applied.code == 0, applied.err
    assert objects(connection) == ["data", "gpt", "raw"]
    assert owned(connection) == {"raw": False, "gpt": False, "data": False}


def test_where_keys_of_creations_are_known_nobody_waits(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.write("manifests/all.yaml", MANIFESTS)
    with Server(tmp_path / "elsewhere") as server:
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", server.url.partition("://")[2])
        shell, connection = aimed(shell, server.url, None)
        break_off(shell, BEFORE_RAW)
        assert shell("apply", "--yes").code == 0
        assert objects(connection) == ["data", "gpt", "raw"]
