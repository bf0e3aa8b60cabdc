"""One suite for every store of records: what a plan and an apply rely on holds wherever it is remembered who applied what.

A new store is one row of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from gatectl.errors import PlatformError
from gatectl.platforms import PLATFORMS, driver_for
from gatectl.platforms.interface import Connection, Credentials, Secret, Shared
from gatectl.records import STORES, open_records, read_records
from gatectl.records.interface import Records, RecordsReader
from platforms.postgresql_server import Server as Postgresql
from serving import EMAIL, PASSWORD, Server


class Store(NamedTuple):
    """A store as it is reached."""

    connection: Connection

    @contextmanager
    def opened(self) -> Iterator[Records]:
        """The store beside a writer of its platform, as an apply has it."""
        driver, connection = driver_for(self.connection.target), self.connection
        with closing(driver.open_writer(connection)) as writer, closing(open_records(connection, writer)) as records:
            yield records

    @contextmanager
    def read(self) -> Iterator[RecordsReader]:
        """The store beside a reader of its platform, as a plan has it."""
        driver, connection = driver_for(self.connection.target), self.connection
        with closing(driver.open_reader(connection)) as reader, closing(read_records(connection, reader)) as records:
            yield records

    def remember(self, project: str, *object_ids: str) -> None:
        with self.opened() as records:
            records.remember(project, object_ids)

    def applied(self, project: str) -> frozenset[str] | None:
        """What is remembered of a project, as a plan reads it."""
        with self.read() as records:
            return owned_by(project, records)

    def applied_at_work(self, project: str) -> frozenset[str] | None:
        """What is remembered of a project, as an apply reads it."""
        with self.opened() as records:
            return owned_by(project, records)


def owned_by(project: str, records: RecordsReader) -> frozenset[str] | None:
    """The ids of what a project owns."""
    owned = records.owned()
    return None if owned is None else frozenset(each.id for each in owned if each.owner.project == project)


Reach = Callable[[pytest.FixtureRequest, Path], Iterator[Connection]]


def _file(request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    yield Connection("embedded", folder)


def _database(request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    yield Connection("sqlite:///platform.db", folder)


def _server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    postgresql: Postgresql = request.getfixturevalue("postgresql_server")
    yield Connection(postgresql.url(postgresql.new_database()), folder, named=True)


def _memory(request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    with closing(Shared()) as shared:
        yield Connection("memory", folder, shared=shared)


def _http(request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    with Server(folder) as server:
        yield Connection(server.url, folder, "OPENAI", Credentials(email=EMAIL, password=Secret(PASSWORD)), named=True)


class Row(NamedTuple):
    """How a store is reached, whether it remembers anything, and whether several processes can share it."""

    reach: Reach
    remembers: bool = True
    shared: bool = True


ROWS = {
    "embedded": Row(_file),
    "sqlite": Row(_database),
    "postgresql": Row(_server),
    "memory": Row(_memory, shared=False),
    "http": Row(_http, remembers=False),
}


@contextmanager
def _reached(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    with contextmanager(ROWS[name].reach)(request, folder) as connection:
        yield Store(connection)


@pytest.fixture(params=[name for name, row in ROWS.items() if row.remembers])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store that remembers."""
    with _reached(request.param, request, tmp_path) as found:
        yield found


@pytest.fixture(params=[name for name, row in ROWS.items() if row.remembers and row.shared])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store that remembers, for several processes."""
    with _reached(request.param, request, tmp_path) as found:
        yield found


@pytest.fixture(params=[name for name, row in ROWS.items() if not row.remembers])
def forgetful(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """None that remembers."""
    with _reached(request.param, request, tmp_path) as found:
        yield found


def test_every_platform_names_a_store_that_there_is() -> None:
    assert {driver.records for driver in PLATFORMS.values()} == set(STORES)


# What is remembered


def test_before_the_first_apply_nothing_was_applied_and_asking_makes_nothing(store: Store) -> None:
    assert store.applied("p") == frozenset()
    assert list(store.connection.folder.iterdir()) == []


def test_what_a_project_applied_is_remembered_as_its_own(store: Store) -> None:
    store.remember("p", "one")
    store.remember("p", "two", "three")
    store.remember("q", "two")
    for applied in (store.applied, store.applied_at_work):
        assert applied("p") == {"one", "two", "three"}
        assert applied("q") == {"two"}
        assert applied("r") == frozenset()


def test_what_is_remembered_already_may_be_remembered_again_and_nothing_too(store: Store) -> None:
    store.remember("p", "one", "one")
    store.remember("p", "one", "two")
    store.remember("p")
    assert store.applied("p") == {"one", "two"}


def test_names_of_projects_and_ids_are_compared_as_they_are(store: Store) -> None:
    odd = ("Ünïcode 🪣", "it's", 'a "b"', "%_", "P", "p ")
    for project in odd:
        store.remember(project, f"of {project}", "x' OR '1'='1")
    assert [store.applied(project) for project in odd] == [{f"of {name}", "x' OR '1'='1"} for name in odd]
    assert store.applied("p") == frozenset()


def test_many_are_remembered_at_once(store: Store) -> None:
    many = [f"object-{number}" for number in range(2_000)]
    store.remember("p", *many)
    assert store.applied("p") == set(many)


def test_of_what_cannot_be_remembered_whole_nothing_is(store: Store) -> None:
    with pytest.raises(PlatformError):
        store.remember("p", "one", None, "two")  # type: ignore[arg-type]
    assert store.applied("p") == frozenset()


def test_a_reader_sees_what_is_remembered_meanwhile(store: Store) -> None:
    with store.read() as records:
        assert owned_by("p", records) == frozenset()
        store.remember("p", "one")
        assert owned_by("p", records) == {"one"}


def test_a_reader_cannot_remember_nor_claim(store: Store) -> None:
    with store.read() as records:
        assert not hasattr(records, "remember") and not hasattr(records, "claim")


# Who keeps the schema as it is


def test_applies_share_a_claim_and_let_go_of_it_each_for_itself(store: Store) -> None:
    with store.opened() as first, store.opened() as second:
        releases = [first.claim(), second.claim()]
    for release in releases:
        release()


def test_a_claim_stops_neither_readers_nor_those_who_write_without_one(store: Store) -> None:
    with store.opened() as records:
        release = records.claim()
        with closing(driver_for(store.connection.target).open_writer(store.connection)) as writer:
            writer.create("workspace", {"name": "while-it-is-claimed"})
        assert store.applied("p") == frozenset()
        release()


# No store


def test_where_nothing_is_remembered_that_is_said_and_nobody_is_kept_out(forgetful: Store) -> None:
    forgetful.remember("p", "one")
    assert forgetful.applied("p") is None and forgetful.applied_at_work("p") is None
    with forgetful.opened() as first, forgetful.opened() as second:
        for release in (first.claim(), second.claim()):
            release()
