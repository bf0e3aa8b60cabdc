"""Processes of a controller: they make a fleet as its repositories say, and go on whatever becomes of one of them."""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from controller.at_work import SECRET, Fleet
from gatectl.controller.running import LAPSED
from gatectl.controller.store import Known
from platforms.postgresql_server import Server, postgresql_server

pytest.importorskip("dbos", reason="the extra controller is not installed")

__all__ = ["postgresql_server"]

Makes = Callable[..., Fleet]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Makes]:
    """Makes a fleet, whose processes end with the test."""
    made: list[Fleet] = []

    def begin(*how: Any, **source: Any) -> Fleet:
        made.append(Fleet(tmp_path, *how, **source))
        return made[-1]

    yield begin
    for each in made:
        each.close()


def once(names: list[str]) -> bool:
    return len(names) == len(set(names))


def test_a_fleet_is_made_as_its_repositories_say_and_follows_them(make: Makes) -> None:
    """From nothing, on one machine; a push is applied, what is wrong holds up no other, and who is told to end does."""
    fleet = make(2, 2)
    (process,) = fleet.start()
    fleet.until_all()
    assert once(fleet.live()) and len(fleet.live()) == 4 * 3
    fleet.write(0, 0, "raw", "more")
    fleet.write(0, 1, text="kind: [\n")
    fleet.commit(0)
    known = fleet.until(
        lambda known: (
            known["s0/w0-1"].state is not None
            and known["s0/w0-1"].state.state == "invalid"
            and known["s0/w0-0"].commit == known["s0/w0-1"].commit
        )
    )
    assert known["s0/w0-0"].state is not None and known["s0/w0-0"].state.state == "in-sync"
    assert sum("more" in name for name in fleet.live()) == 2
    code, out, _ = fleet.run("status", "--fleet", "fleet.yaml", "--format", "json")
    told = {each["name"]: each for each in json.loads(out)["targets"]}
    assert code == 0 and "all.yaml:1" in told["s0/w0-1"]["reason"]
    assert fleet.run("status", "--fleet", "fleet.yaml", "--detailed-exitcode")[0] == 3
    fleet.git(0, "revert", "--no-edit", "HEAD")
    fleet.until_all()
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert SECRET not in fleet.logs()
    for place in fleet.folder.rglob("*"):
        assert not place.is_file() or place.name == "platform.db" or SECRET.encode() not in place.read_bytes(), place


def test_what_waits_is_applied_when_somebody_approves_it_and_once(make: Makes) -> None:
    fleet = make(1, 1, approvals="all")
    fleet.start()
    name = "s0/w0-0"
    known = fleet.until_all("waiting")
    print_of = known[name].fingerprint
    assert print_of is not None and fleet.live() == []
    assert fleet.run("approve", name, "sha256:" + "0" * 64, "--fleet", "fleet.yaml")[0] == 6
    code, _, err = fleet.run("approve", name, print_of, "--fleet", "fleet.yaml")
    assert code == 0, err
    fleet.until_all()
    assert [run.fingerprint for run in fleet.runs(name) if run.receipt is not None] == [print_of]
    fleet.git(0, "commit", "-q", "--allow-empty", "-m", "nothing")
    fleet.until_all()
    fleet.write(0, 0, "raw", "more")
    fleet.commit(0)
    fleet.until_all("waiting")
    assert [run.fingerprint for run in fleet.runs(name) if run.receipt is not None] == [print_of], (
        "the approval is used up"
    )


def test_a_push_by_force_waits_for_somebody(make: Makes) -> None:
    fleet = make(1, 1)
    fleet.start()
    before = fleet.until_all()["s0/w0-0"].commit
    fleet.write(0, 0, "forced")
    fleet.git(0, "add", "--all")
    fleet.git(0, "commit", "-q", "--amend", "-m", "forced")
    forced = fleet.git(0, "rev-parse", "HEAD")
    said = fleet.until_told(lambda said: said["git"]["forced"] == forced)
    assert (said["state"], said["commit"]) == ("waiting", before) and forced in said["reason"]
    assert not any("forced" in name for name in fleet.live())
    code, _, err = fleet.run("approve", "s0/w0-0", "--commit", forced, "--fleet", "fleet.yaml")
    assert code == 0, err
    fleet.until_all()
    assert any("forced" in name for name in fleet.live())


@pytest.fixture
def database(postgresql_server: Server) -> str:
    return postgresql_server.url(postgresql_server.new_database())


def test_who_is_killed_is_taken_over_and_nothing_is_made_twice(make: Makes, database: str) -> None:
    """One process in the middle of its work, then all of them."""
    fleet = make(4, 3, database)
    first, *_ = fleet.start(2)
    fleet.until(
        lambda known: (
            sum(each.worker is not None for each in known.values()) >= 2 or all(e.applied for e in known.values())
        )
    )
    first.kill()
    fleet.until_all()
    assert once(fleet.live()) and len(fleet.live()) == 12 * 3
    for number in range(4):
        for folder in range(3):
            fleet.write(number, folder, "raw", "more")
        fleet.commit(number)
    fleet.until(lambda known: any(each.worker is not None and each.newest != each.commit for each in known.values()))
    for process in fleet.processes:
        process.kill()
        process.wait(60)
    fleet.start(2)
    fleet.until_all()
    assert once(fleet.live()) and len(fleet.live()) == 12 * 5
    for name in fleet.names:
        receipts = [run.receipt for run in fleet.runs(name) if run.receipt is not None]
        assert len(receipts) == len(set(receipts))


def test_whoever_is_killed_whenever_nothing_is_applied_that_nobody_approved(make: Makes, database: str) -> None:
    """Pushes, approvals, and processes that are killed at any moment: each approval is for one apply, and in the end all is as it was said
    last. GATECTL_ROUNDS of them."""
    chance = random.Random(7)
    fleet = make(2, 2, database, approvals="all")
    fleet.start(2)
    approved: list[tuple[str, str]] = []
    for number in range(int(os.environ.get("GATECTL_ROUNDS", "3"))):
        fleet.write(chance.randrange(2), chance.randrange(2), "raw", *(f"more-{each}" for each in range(number + 1)))
        for repository in range(2):
            fleet.git(repository, "add", "--all")
            fleet.git(repository, "commit", "-q", "--allow-empty", "-m", "said")
        fleet.strike(chance, 2)
        approved += fleet.approve_all()
        fleet.strike(chance, 2)
        approved += fleet.approve_all()
    newest = {f"s{number}": fleet.git(number, "rev-parse", "HEAD") for number in range(2)}

    def applied(known: Mapping[str, Known]) -> bool:
        approved.extend(fleet.approve_all())
        return len(known) == 4 and all(each.applied == newest[each.source or ""] for each in known.values())

    fleet.until(applied)
    fleet.until_all()
    assert once(fleet.live())
    for name in fleet.names:
        applied = Counter(run.fingerprint for run in fleet.runs(name) if run.receipt is not None)
        yes = Counter(print_of for target, print_of in approved if target == name)
        assert applied <= yes, (applied, yes)


def test_a_database_that_closes_all_connections_loses_nothing(
    make: Makes, database: str, postgresql_server: Server
) -> None:
    """As it does when it is started again: what could not be kept is looked at once more."""
    fleet = make(2, 3, database)
    fleet.start(2)
    # Who cannot reach it at all does not begin.
    fleet.until(lambda known: fleet.logs().count('"started"') == 2 and len(known) == 6)
    for _ in range(3):
        postgresql_server.disconnect(database.rpartition("/")[2])
        fleet.until(lambda known: len(known) == 6)
    fleet.until_all()
    assert once(fleet.live()) and len(fleet.live()) == 6 * 3
    assert [process.poll() for process in fleet.processes] == [None, None]


def test_an_engine_that_takes_its_time_is_no_reason_to_be_taken_for_dead(make: Makes, database: str) -> None:
    """A process says that it is there from the first moment on, also while the engine waits for its tables."""
    fleet = make(1, 1, database)
    (first,) = fleet.start()
    fleet.until_all()
    first.send_signal(signal.SIGTERM)
    assert first.wait(120) == 0
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    beats = text("SELECT beat FROM gatectl_controller.gatectl_workers")
    with engine.begin() as held, engine.connect() as looking:
        tables = (
            held.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'gatectl_engine'")).scalars().all()
        )
        held.execute(
            text(f"LOCK TABLE {', '.join(f'gatectl_engine.{table}' for table in tables)} IN ACCESS EXCLUSIVE MODE")
        )
        fleet.start()
        seen: set[int] = set()

        def twice(_: object) -> bool:
            looking.rollback()
            seen.update(looking.execute(beats).scalars())
            return len(seen) >= 2

        fleet.until(twice)
        assert '"started"' not in (fleet.folder / "log-1").read_text(), "it waits for the engine all the while"
    fleet.write(0, 0, "raw", "more")
    fleet.commit(0)
    fleet.until_all()


def test_a_repository_that_is_away_is_said_and_drift_is_found_all_the_same(make: Makes) -> None:
    fleet = make(1, 1, mode="observe")
    fleet.start()
    commit = fleet.until_all("pending")["s0/w0-0"].commit
    moved = fleet.repository(0).rename(fleet.folder / "elsewhere")
    said = fleet.until_told(lambda said: said["git"]["error"] is not None)
    assert (said["state"], said["commit"]) == ("pending", commit)
    looked = fleet.known()[0].looked
    fleet.until(lambda known: (known["s0/w0-0"].looked or 0) > (looked or 0))
    moved.rename(fleet.repository(0))
    fleet.write(0, 0, "raw", "more")
    newest = fleet.commit(0)
    assert fleet.until_all("pending")["s0/w0-0"].commit == newest


def test_who_was_paused_ends_and_writes_nothing_more(make: Makes, database: str) -> None:
    fleet = make(3, 2, database)
    first, _ = fleet.start(2)
    fleet.until(lambda known: len(known) == 6)
    first.send_signal(signal.SIGSTOP)
    fleet.until_all()
    for number in range(3):
        fleet.write(number, 0, "raw", "more")
        fleet.commit(number)
    fleet.until_all()
    settled = fleet.live()
    # It was taken for dead by the others: they have taken over what it was at.
    with create_engine(database.replace("postgresql://", "postgresql+psycopg://")).connect() as connection:
        count = text("SELECT count(*) FROM gatectl_controller.gatectl_workers")

        def alone(_: object) -> bool:
            connection.rollback()
            return bool(connection.execute(count).scalar_one() == 1)

        fleet.until(alone)
    first.send_signal(signal.SIGCONT)
    assert first.wait(120) == LAPSED
    fleet.until_all()
    assert fleet.live() == settled and once(settled)


def test_a_row_that_somebody_planted_runs_nothing_and_applies_nothing(
    make: Makes, database: str, tmp_path: Path
) -> None:
    """Whoever writes to the database neither approves, nor makes another commit the newest."""
    fleet = make(1, 1, database, approvals="all")
    fleet.start()
    name = "s0/w0-0"
    fleet.until_all("waiting")
    with create_engine(database.replace("postgresql://", "postgresql+psycopg://")).begin() as connection:
        for statement in (
            "UPDATE gatectl_controller.gatectl_repositories SET heads = replace(heads, '\"commit', 'x')",
            "UPDATE gatectl_controller.gatectl_targets SET newest = repeat('a', 40), wanted = wanted + 1, asked = 0",
            "INSERT INTO gatectl_controller.gatectl_approvals (mac, target, said, plan) SELECT repeat('0', 64), target,"
            " json_build_array(target, commit_id, fingerprint, 'sha256:0', 'mallory', 'command', 1, 4000000000, '[]'::json,"
            " null)::text, plan"
            " FROM gatectl_controller.gatectl_plans",
        ):
            connection.execute(text(statement))
    fleet.git(0, "commit", "-q", "--allow-empty", "-m", "another")
    fleet.until_all("waiting")
    assert fleet.live() == [] and fleet.runs(name)[0].receipt is None


def test_a_process_of_an_older_fleet_file_takes_no_more_work(make: Makes) -> None:
    fleet = make(1, 2)
    fleet.start()
    fleet.until_all()
    document = json.loads(json.dumps(fleet.document))
    document["spec"]["sources"][0]["forEach"]["folders"] = "teams/w0-0"
    document["spec"]["sources"][0]["mode"] = "observe"
    fleet.save(document)
    fleet.names = ["s0/w0-0"]
    fleet.start()
    fleet.until(lambda _: "newer fleet file" in (fleet.folder / "log-0").read_text())
    fleet.write(0, 0, "raw", "more")
    fleet.commit(0)
    fleet.until_all("pending")
    assert not any("more" in name for name in fleet.live()), "the file that was read last says: observe"
    assert len(fleet.live()) == 2 * 3, "who left the fleet keeps what it has"
