"""One suite for every platform: what a plan and an apply rely on of the records that it has by itself, and who is kept out.

What stores hold is in `records/test_owners.py`, and on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from gatectl.platforms import PLATFORMS, driver_for
from gatectl.platforms.interface import Connection, Credentials, RecordsChoice, Secret, Shared
from gatectl.records import STORES
from gatectl.records.interface import Records, RecordsReader
from owning import owned_by
from platforms.postgresql_server import Server as Postgresql
from records.stores import opened, read
from serving import EMAIL, PASSWORD, Server


class Store(NamedTuple):
    """A store as it is reached."""

    connection: Connection

    def opened(self) -> AbstractContextManager[Records]:
        """The store beside a writer of its platform, as an apply has it."""
        return opened(self.connection)

    def read(self) -> AbstractContextManager[RecordsReader]:
        """The store beside a reader of its platform, as a plan has it."""
        return read(self.connection)


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
        yield Connection(
            server.url,
            folder,
            "OPENAI",
            Credentials(email=EMAIL, password=Secret(PASSWORD)),
            named=True,
            records=RecordsChoice("none"),
        )


def _nowhere(request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    yield Connection("embedded", folder, records=RecordsChoice("none"))


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
    "none": Row(_nowhere, remembers=False),
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
    assert {driver.records for driver in PLATFORMS.values()} < set(STORES)


def test_a_reader_has_no_way_to_write_nor_to_claim(store: Store) -> None:
    with store.read() as records:
        assert not {"record", "intend", "finish", "end", "claim"} & set(dir(records))


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
        with store.read() as records:
            assert list(records.owned() or ()) == []
        release()


# No store


def test_where_nothing_is_remembered_that_is_said_and_nobody_is_kept_out(forgetful: Store) -> None:
    with forgetful.opened() as records, forgetful.read() as reader:
        records.record([owned_by("p", "one")])
        assert records.owned() is None and reader.owned() is None and list(reader.open_runs()) == []
    if forgetful.connection.target == "embedded":
        return  # its own database keeps others out, whatever remembers
    with forgetful.opened() as first, forgetful.opened() as second:
        for release in (first.claim(), second.claim()):
            release()
