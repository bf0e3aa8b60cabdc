"""The engine runs what it was asked for, whatever becomes of a process, and runs nothing that somebody planted in its database."""

from __future__ import annotations

import base64
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, inspect, text

from platforms.postgresql_server import Server, postgresql_server

pytest.importorskip("dbos", reason="the extra controller is not installed")

from gatectl.controller.engine import Engine, Json, Planted, Why, Work
from gatectl.errors import PlatformError

__all__ = ["postgresql_server"]


class Runs:
    """What was run, and a door that holds it back until it is opened."""

    def __init__(self) -> None:
        self.done: list[list[str]] = []
        self.door = threading.Event()
        self._changed = threading.Condition()

    def __call__(self, names: Sequence[str]) -> None:
        assert self.door.wait(60)
        with self._changed:
            self.done.append(list(names))
            self._changed.notify_all()

    def wait(self, number: int) -> list[list[str]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.done) >= number, timeout=60), self.done
        return self.done


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'controller.db'}"
    server: Server = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


Starts = Callable[..., Engine]


@pytest.fixture
def start(address: str) -> Iterator[Starts]:
    """Starts an engine; one at a time, the one before is closed."""
    open_one: list[Engine] = []

    def begin(work: Work, executor: str = "one", **how: Any) -> Engine:
        while open_one:
            open_one.pop().close()
        open_one.append(Engine(address, executor, work, **{"polling": 0.05, **how}))
        return open_one[-1]

    yield begin
    while open_one:
        open_one.pop().close()


def database(address: str) -> Database:
    return create_engine(address.replace("postgresql://", "postgresql+psycopg://"))


def ended(engine: Engine, run: str) -> str | None:
    """How a run ended; it is waited for."""
    pause = threading.Event()
    for _ in range(600):
        if engine.state_of(run) not in ("PENDING", "ENQUEUED"):
            break
        pause.wait(0.05)
    return engine.state_of(run)


def test_what_it_is_asked_for_is_run_once_and_deleted_in_the_end(start: Starts) -> None:
    runs = Runs()
    runs.door.set()
    engine = start(runs)
    run = engine.ask(["a", "a/b c"], "schedule")
    assert runs.wait(1) == [["a", "a/b c"]]
    assert ended(engine, run) == "SUCCESS"
    assert engine.sweep("2000-01-01T00:00:00+00:00") == 0, "it is not that old"
    assert engine.sweep("2999-01-01T00:00:00+00:00") == 1
    assert engine.state_of(run) is None


def test_what_is_urgent_comes_before_what_waits_already(start: Starts) -> None:
    runs = Runs()
    engine = start(runs, threads=1)
    first = engine.ask(["first"], "schedule")
    pause = threading.Event()
    while engine.state_of(first) == "ENQUEUED":
        pause.wait(0.05)
    asked: list[tuple[str, Why]] = [
        ("s", "schedule"),
        ("d", "drift"),
        ("t", "schedule"),
        ("w", "webhook"),
        ("a", "approval"),
    ]
    for name, why in asked:
        engine.ask([name], why)
    runs.door.set()
    assert [names[0] for names in runs.wait(6)] == ["first", "w", "a", "d", "s", "t"]


def test_what_fails_has_ended_and_others_go_on(start: Starts) -> None:
    seen: list[str] = []

    def work(names: Sequence[str]) -> None:
        seen.extend(names)
        if names == ["bad"]:
            raise PlatformError("hush-hush-hush")

    engine = start(work)
    bad, good = engine.ask(["bad"], "schedule"), engine.ask(["good"], "schedule")
    assert (ended(engine, bad), ended(engine, good)) == ("ERROR", "SUCCESS")
    assert seen.count("bad") == 1


KILLED = """
import sys, threading
from gatectl.controller.engine import Engine
def work(names):
    print("begun", flush=True)
    threading.Event().wait()
engine = Engine(sys.argv[1], "killed", work, polling=0.05, threads=2)
engine.ask(["under-way"], "webhook")
engine.ask(["under-way-too"], "webhook")
threading.Event().wait()
"""


def test_the_runs_of_a_process_that_was_killed_are_given_to_another_once(start: Starts, address: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, address], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"begun\n"] * 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    runs = Runs()
    engine = start(runs, "another")
    assert engine.executors() == {"killed"}
    assert engine.recover("killed") == 2
    assert engine.recover("killed") == 0, "they are somebody else's now"
    runs.door.set()
    assert sorted(runs.wait(2)) == [["under-way"], ["under-way-too"]]


def test_what_was_asked_while_nobody_was_there_is_run_by_whoever_comes(start: Starts) -> None:
    first = Runs()
    engine = start(first, threads=1)
    for name in ("one", "two", "three"):
        engine.ask([name], "schedule")
    second = Runs()
    second.door.set()
    first.door.set()
    engine = start(second, "two")
    engine.recover("one")
    done = {name for names in first.done + second.wait(3 - len(first.done)) for name in names}
    assert done == {"one", "two", "three"}


# Harm


class Harm:
    """What a pickle can do: whoever reads it runs this."""

    def __init__(self, told: Path) -> None:
        self.told = told

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.told}",)


def plant(address: str, value: str) -> int:
    """Put a text into every column of every row of every table of the engine that takes one, and say that it is pickled."""
    planted = 0
    with database(address).begin() as connection:
        schema = "gatectl_engine" if connection.dialect.name == "postgresql" else None
        found = inspect(connection)
        for table in found.get_table_names(schema=schema):
            for column in found.get_columns(table, schema=schema):
                name = column["name"]
                if name in ("serialization", "inputs", "output", "error", "request", "message", "value", "context"):
                    said = "py_pickle" if name == "serialization" else value
                    where = f'"{schema}"."{table}"' if schema else f'"{table}"'
                    planted += connection.execute(
                        text(f'UPDATE {where} SET "{name}" = :value'), {"value": said}
                    ).rowcount
    return planted


def test_a_pickle_that_somebody_planted_runs_nothing(start: Starts, address: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    value = base64.b64encode(pickle.dumps(Harm(told))).decode()
    pickle.loads(base64.b64decode(value))
    assert told.exists(), "it would"
    told.unlink()
    runs = Runs()
    engine = start(runs, threads=1)
    for name in ("one", "two", "three"):
        engine.ask([name], "schedule")
    pause = threading.Event()
    while not engine.executors():
        pause.wait(0.05)
    assert plant(address, value) > 3
    runs.door.set()
    after = Runs()
    after.door.set()
    engine = start(after, "two")
    engine.recover("one")
    run = engine.ask(["good"], "schedule")
    assert ended(engine, run) == "SUCCESS"
    assert engine.sweep("2999-01-01T00:00:00+00:00") >= 1
    assert not told.exists()
    assert {name for names in after.done for name in names} <= {"good"}


def test_a_run_that_somebody_planted_names_targets_and_nothing_else(start: Starts, address: str) -> None:
    runs = Runs()
    engine = start(runs)
    with pytest.raises(Planted):
        engine.ask(["--fleet=other"], "schedule")
    with pytest.raises(Planted):
        engine.ask("names", "schedule")
    assert Json().deserialize('["a"]') == ["a"]
    for said in ("{", "[" * 100_000, base64.b64encode(pickle.dumps(1)).decode()):
        with pytest.raises(Planted):
            Json().deserialize(said)


def test_no_variable_of_the_process_says_otherwise(start: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBOS__VMID", "somebody")
    monkeypatch.setenv("DBOS__APPVERSION", "other")
    runs = Runs()
    engine = start(runs, "mine")
    engine.ask(["a"], "schedule")
    pause = threading.Event()
    while not engine.executors():
        pause.wait(0.05)
    assert engine.executors() == {"mine"}
    runs.door.set()
