"""What people ask of a controller from the command line: at its database, and over HTTP. The controller's own processes are not needed."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from cli.conftest import Shell, fits, shell
from controller.test_acts import B, C, Kept
from controller.test_store import address, database, postgresql_server, store
from gatectl.clock import Clock
from gatectl.controller import acts, place, tables
from gatectl.controller.approvals import Approvals
from gatectl.controller.approving import key_of, refusal
from gatectl.controller.database import Database
from gatectl.controller.deciding import IN_SYNC
from gatectl.controller.repositories import Followed, Repositories
from gatectl.controller.store import Placed, Seen, Store
from gatectl.documents import fleets
from gatectl.manifests.sources import read_schema
from gatectl.render.fleets import FEW

__all__ = ["address", "database", "fits", "postgresql_server", "shell", "store"]

OTHER = "sha256:" + "0" * 64


class Place(Kept):
    """A controller's database with a target that waits, the fleet file beside it, and the command line there."""

    def __init__(self, shell: Shell, database: Database, store: Store, **source: Any) -> None:
        os.environ["CONTROLLER_DATABASE"] = database.address
        super().__init__(shell.folder, database, store, **source)
        self.shell = shell
        said = {
            "name": "data", "git": {"url": "/srv/git/data.git"}, "platform": self.site.platform, "environment": "prod",
            "mode": "apply", "approvals": "all", **source,
        }  # fmt: skip
        spec = {"database": {"env": "CONTROLLER_DATABASE"}, "sources": [said]}
        self.file = shell.write("etc/fleet.yaml", json.dumps(
            {"apiVersion": "gatectl.io/v1", "kind": "Fleet", "metadata": {"name": "acme"}, "spec": spec}
        ))  # fmt: skip
        self.key_file = place.key_file_of(self.site.fleet._replace(file=str(self.file)), database.address, {})
        self.key_file.parent.mkdir(parents=True, exist_ok=True)
        self.desk = self.desk._replace(key=key_of(self.key_file))

    def __call__(self, *words: str) -> Any:
        return self.shell(*words, "--fleet", "etc/fleet.yaml")

    def json(self, *words: str) -> Any:
        done = self(*words, "--format", "json")
        assert done.code == 0, done.err
        return done.json


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test says to processes of its own is forgotten after it."""
    monkeypatch.setenv("CONTROLLER_DATABASE", "")


@pytest.fixture
def there(shell: Shell, database: Database, store: Store) -> Place:
    return Place(shell, database, store)


# At the database


def test_status_says_what_waits_and_for_what(there: Place, fits: Any) -> None:
    told = there.json("status")
    fits(told, "status")
    (target,) = told["targets"]
    assert (target["name"], target["state"], target["fingerprint"]) == ("data", "waiting", there.fingerprint)
    assert told == {**acts.status(there.desk), "fleet": "acme", "at": told["at"], "workers": told["workers"]}
    out = there("status").out
    assert re.search(rf"data +waiting +0{{12}} +\d{{4}}-\S+ \S+ +approval of {there.fingerprint}\n", out), out
    assert out.endswith("acme: 1 target (1 waiting).\n")
    assert there("status", "data").out == out
    assert there("status").code == 0 and there("status", "--detailed-exitcode").code == 2


def test_a_target_that_there_is_not_is_wrong_usage(there: Place) -> None:
    for words in (
        ("status", "dato"),
        ("why", "dato"),
        ("approve", "dato", there.fingerprint),
        ("pause", "dato"),
        ("resume", "dato"),
    ):
        done = there(*words)
        assert done.code == 64 and "no target is called 'dato'" in done.err and "did you mean 'data'?" in done.err, (
            words
        )


def test_the_detailed_exit_code_is_that_of_what_is_worst(there: Place) -> None:
    begun = there.store.want(["data"]) and there.store.begin("data", "w")
    assert begun
    there.store.finish(begun, "w", Seen(IN_SYNC, (IN_SYNC,), f"{1:040x}"))
    assert there("status", "--detailed-exitcode").code == 0
    repositories = Repositories(there.desk.database)
    repositories.keep_to(["/srv/git/data.git"])
    (mine,) = repositories.claim("w", {})
    repositories.found(mine, "w", "no answer")
    done = there("status", "--detailed-exitcode")
    assert done.code == 3 and "git: /srv/git/data.git (1 target): no answer" in done.out


def test_what_waits_is_approved_and_counts_under_the_controllers_key(there: Place) -> None:
    assert there("approve", "data", OTHER).code == 6
    assert there("approve", "data", there.fingerprint, "--allow", "deletes=3").code == 64, "no reason"
    assert there("approve", "data", there.fingerprint, "--allow", "trees=3", "--reason", "seen").code == 64
    assert not Approvals(there.desk.database).of("data")
    done = there("approve", "data", there.fingerprint, "--allow", "deletes=3", "--reason", "seen")
    assert done.code == 0 and done.out.startswith("Approved for 'data' by "), done.err
    (kept,) = Approvals(there.desk.database).of("data")
    assert there.desk.key is not None
    assert refusal(there.desk.key, kept.approval, kept.mac, "data", f"{1:040x}", there.plan, kept.approval.at) is None
    assert (kept.approval.how, kept.approval.allow, kept.approval.reason) == ("command", ("deletes=3",), "seen")
    assert [each.urgent for each in there.store.due(9)] == [True]


def test_nothing_is_approved_under_another_key_than_the_controllers(there: Place) -> None:
    there.key_file.unlink()
    done = there("approve", "data", there.fingerprint)
    assert done.code == 1 and "controller.key is not there" in done.err
    assert not there.key_file.exists() and not Approvals(there.desk.database).of("data")


def test_a_commit_that_was_pushed_by_force_is_accepted(there: Place) -> None:
    repositories = Repositories(there.desk.database)
    repositories.keep_to(["/srv/git/data.git"])
    (mine,) = repositories.claim("w", {})
    repositories.seen(mine, "w", {"main": Followed(B, C, "a" * 64, "refs/heads/main")})
    repositories.found(mine, "w", None)
    why = there("why", "data").out
    assert f"look at what was pushed, then: gatectl approve data --commit {C} --fleet etc/fleet.yaml" in why
    assert there("approve", "data", "--commit", B).code == 6
    assert there("approve", "data", "--commit", C, there.fingerprint).code == 64
    assert there("approve", "data").code == 64
    assert there("approve", "data", "--commit", C, "--allow", "deletes=1", "--reason", "x").code == 64
    told = there.json("approve", "data", "--commit", C)
    assert fits_part(told, "act") and not fits_part(told, "story")
    assert (told["did"], told["commit"]) == ("accepted", C)
    assert there.json("status")["targets"][0]["git"]["forced"] is None


def test_why_explains_a_target_and_says_what_to_do(there: Place) -> None:
    told = there("why", "data").out
    assert re.match(r"data is waiting since \d{4}-", told)
    assert f"next: look at the plan, then: gatectl approve data {there.fingerprint} --fleet etc/fleet.yaml" in told
    assert re.search(
        r"^BEGAN +STATE +COMMIT +RUN +WHY\n\S+ \S+ +waiting +0{12} +- +approval of sha256", told, re.MULTILINE
    )
    there("pause", "data", "--reason", "moving")
    assert "next: gatectl resume data --fleet etc/fleet.yaml" in there("why", "data").out
    document = there.json("why", "data")
    assert fits_part(document, "story") and not fits_part(document, "act")
    assert document["target"]["name"] == "data" and [run["state"] for run in document["runs"]] == ["waiting"]
    assert there("why", "data", "field").code == 64


def test_a_target_is_paused_and_goes_on(there: Place) -> None:
    told = there.json("pause", "data", "--reason", "moving house")
    assert told["did"] == "paused"
    (target,) = there.json("status")["targets"]
    assert target["state"] == "paused" and target["reason"] == f"paused by {told['who']}: moving house"
    assert "'data' goes on" in there("resume", "data").out
    assert there.json("status")["targets"][0]["state"] == "waiting"


def test_many_targets_are_counted_and_what_needs_somebody_comes_first(
    shell: Shell, database: Database, store: Store
) -> None:
    there = Place(shell, database, store)
    names = [f"data/{number:03}" for number in range(FEW + 5)]
    store.place("data", B, [Placed(name, "gatectl.yaml") for name in names], urgent=False)
    for name in names[:-1]:
        begun = store.begin(name, "w")
        assert begun is not None
        store.finish(begun, "w", Seen(IN_SYNC, (IN_SYNC,), B))
    lines = there("status").out.splitlines()
    assert re.match(rf"{names[-1]} +pending +none", lines[1]) and lines[2].startswith("… and 44 in sync"), lines
    assert lines[-1] == "acme: 45 targets (1 pending, 44 in-sync)."
    assert len(there("status", "data").out.splitlines()) == len(names) + 2, "those that are named are listed"
    assert len(there("status", "-v").out.splitlines()) == len(names) + 2


def everything(database: Database) -> list[object]:
    """All rows of a controller's database."""
    with database.writing() as connection:
        return [[tuple(row) for row in connection.execute(table.select())] for table in tables.METADATA.sorted_tables]


def test_what_only_looks_changes_nothing_and_nothing_is_done_on_the_platform(there: Place) -> None:
    before = everything(there.desk.database)
    live = there.site.live()
    for words in (("status",), ("status", "--format", "json"), ("why", "data")):
        assert there(*words).code == 0
    assert everything(there.desk.database) == before
    for words in (("pause", "data"), ("resume", "data"), ("approve", "data", there.fingerprint)):
        assert there(*words).code == 0
    assert everything(there.desk.database) != before
    assert there.site.live() == live and not Path(there.site.records.removeprefix("sqlite:///")).exists()


# Which controller


def test_a_command_that_reads_makes_nothing(shell: Shell) -> None:
    shell.write("fleet.yaml", json.dumps(
        {"apiVersion": "gatectl.io/v1", "kind": "Fleet", "metadata": {"name": "acme"},
         "spec": {"sources": [{"name": "data", "git": {"url": "/srv/git/data.git"}, "platform": "sqlite:////srv/p.db"}]}}
    ))  # fmt: skip
    for words in (("status",), ("why", "data"), ("approve", "data", OTHER), ("pause", "data"), ("resume", "data")):
        done = shell(*words, "--fleet", "fleet.yaml")
        assert done.code == 1 and ".gatectl/controller.db" in done.err and "gatectl controller --fleet" in done.err, (
            words
        )
    assert [path.name for path in shell.folder.iterdir()] == ["fleet.yaml"]
    Database(f"sqlite:///{shell.folder}/.gatectl/controller.db").close()
    done = shell("status", "--fleet", "fleet.yaml")
    assert done.code == 0 and "No process of the controller is there" in done.out and "data" in done.out


def test_one_controller_is_asked_and_it_is_said_which(shell: Shell) -> None:
    for words in ((), ("--fleet", "f", "--url", "https://h"), ("--url", "https://h", "--database", "sqlite:///c.db")):
        done = shell("status", *words)
        assert done.code == 64 and "--url URL" in done.err, words
    assert shell("why", "data", "--database", "sqlite:///c.db").code == 64
    shell.write("fleet.yaml", "apiVersion: gatectl.io/v1\nkind: Fleet\nmetadata: {name: acme}\nspec: {sorces: []}\n")
    done = shell("status", "--fleet", "fleet.yaml")
    assert done.code == 4 and "fleet.yaml:4:8: GW202: unknown field 'sorces'" in done.err
    assert shell("status", "--fleet", "none.yaml").code == 1


# Over and over


def fits_part(document: Any, part: str) -> bool:
    """Whether a document fits a part of the published schema."""
    schema = dict(read_schema("status"))
    schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{part}"}
    return jsonschema_rs.Draft202012Validator(schema).is_valid(document)


def ending(*between: Callable[[], object]) -> Clock:
    """A clock by which nobody waits: while somebody sleeps for the n-th time the n-th of these is done, and then Ctrl-C is pressed."""
    steps = iter(between)

    def sleep(seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    return Clock(lambda: 0.0, sleep, lambda: 0.0)


def test_watching_a_pipe_prints_what_changes(there: Place) -> None:
    again = (lambda: None, lambda: acts.pause(there.desk, "data", "ana"), lambda: there.store.want(["data"]))
    there.shell.clock = ending(*again)
    done = there("status", "--watch")
    assert done.code == 0
    assert [line.split()[2:4] for line in done.out.splitlines()] == [["waiting", "data"], ["paused", "data"]]
    there.shell.clock = ending(lambda: acts.resume(there.desk, "data", "ana"))
    done = there("status", "--watch", "--format", "json", "--detailed-exitcode")
    assert [json.loads(line)["targets"][0]["state"] for line in done.out.splitlines()] == ["paused", "waiting"]
    assert done.code == 2


def test_watching_a_terminal_draws_it_again_in_its_place(shell: Shell, tmp_path: Path) -> None:
    """In a process of its own, on a terminal: it is drawn at least twice before it is interrupted."""
    address = f"sqlite:///{tmp_path / 'c.db'}"
    with closing(Database(address)) as database:
        store = Store(database)
        store.join("w", "here")
        there = Place(shell, database, store)
    inner, outer = pty.openpty()
    process = subprocess.Popen(
        shell.command("status", "--watch", "--fleet", str(there.file)), cwd=shell.folder, stdout=outer, stderr=outer,
        env={**os.environ, "COLUMNS": "60", "LINES": "20", "TERM": "xterm"},
    )  # fmt: skip
    os.close(outer)
    seen = b""
    while seen.count(b"acme: 1 target") < 2:
        seen += os.read(inner, 4096)
    process.send_signal(2)
    assert process.wait(30) == 0
    os.close(inner)
    text = seen.decode()
    assert "\x1b[2J" in text and "\x1b[33mwaiting\x1b[0m" in text
    assert max(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)) for line in text.splitlines()) <= max(
        60, len(there.fingerprint) + 8
    )


# The schema


@pytest.mark.parametrize(
    ("part", "document"),
    [
        (None, fleets.FleetStatus), ("target", fleets.TargetStatus), ("git", fleets.GitStatus), ("holds", fleets.Holds),
        ("worker", fleets.WorkerStatus), ("run", fleets.RunStatus), ("story", fleets.TargetStory), ("act", fleets.Act),
    ],
)  # fmt: skip
def test_the_schema_has_the_fields_of_the_documents(part: str | None, document: type) -> None:
    schema = read_schema("status") if part is None else read_schema("status")["$defs"][part]
    assert set(schema["properties"]) == set(schema["required"]) == set(document.__annotations__)
    states = read_schema("status")["$defs"]["target"]["properties"]["state"]["enum"]
    assert tuple(states) == fleets.STATES
