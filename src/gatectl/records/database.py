"""A database of its own as the store: a SQLite file (`sqlite:///path`), or one on a server (`postgresql://…`).

Law: it is a database as the embedded platform has it, with nothing on the platform's side: one schema, one way to bring it
forwards, and what is remembered beside a platform is kept as it is kept inside of one. A file is written durably, because what it
tells of happened elsewhere. A server is connected to only where the operator trusts it with this database (product.md, section 7).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from gatectl.documents.journal import Head, Intent, OpenRun
from gatectl.documents.ownership import Owned
from gatectl.errors import UntrustedStore, UsageError
from gatectl.files.fences import OWN_FOLDER
from gatectl.files.outputs import own_folder
from gatectl.model import Outcome
from gatectl.network.addresses import Pattern, StoreAddress, store_address
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.quote import quote
from gatectl.records.chosen import Chosen
from gatectl.records.claims import claim
from gatectl.records.interface import History, HistoryReader, Release
from gatectl.records.leases import Leases, LeasesReader
from gatectl.records.nothing import NoRuns

if TYPE_CHECKING:
    from gatectl.platforms.embedded.keeping import Keeping
    from gatectl.platforms.embedded.postgres import PostgresDatabase
    from gatectl.platforms.embedded.store import Database, Store, WritableStore
    from gatectl.records.owners import StoredOwners, WritableOwners

_FILE: Final = "records.db"
_WHERE: Final = frozenset(("host", "hostaddr", "port", "dbname", "service"))
"""What of a URL's query says where the database is: the operator trusts it by what stands before."""


def read_records(connection: Connection, chosen: Chosen, reader: Reader) -> DatabaseOwners:
    """What a database holds of a platform, whether it is there yet or not. Creates nothing. Raises PlatformError, UsageError."""
    return DatabaseOwners(connection, chosen, reader)


def open_records(connection: Connection, chosen: Chosen, reader: Reader, writer: Writer) -> WritableDatabaseOwners:
    """A database in which whose the objects of a platform are is remembered. Raises PlatformError, UsageError."""
    return WritableDatabaseOwners(connection, chosen, reader, writer)


def read_history(connection: Connection, chosen: Chosen) -> HistoryReader:
    """The history of a database, whether it is there yet or not. Creates nothing. Raises PlatformError, UsageError."""
    store = _store(connection, chosen)
    if store is None:  # a plan asks too, and loads nothing for what is not there
        return NoRuns()
    from gatectl.records.runs import StoredRuns

    return StoredRuns(store, chosen.name, store.close)


def open_history(connection: Connection, chosen: Chosen) -> History:
    """A database that the history is added to; created where there is none. Raises PlatformError, UsageError."""
    from gatectl.platforms.embedded.store import open_for_writing
    from gatectl.records.runs import WritableRuns

    store = open_for_writing(_database(connection, chosen), connection.tell)
    return WritableRuns(store, chosen.name, store.close)


def read_leases(connection: Connection, chosen: Chosen) -> LeasesReader:
    """The leases of a database, whether it is there yet or not. Raises as `read_history`."""
    from gatectl.records.lease_rows import StoredLeases

    store = _store(connection, chosen)
    return StoredLeases(store, chosen.name, connection.clock.wall, store.close if store is not None else None)


def open_leases(connection: Connection, chosen: Chosen) -> Leases:
    """A database in which leases are taken; created where there is none. Raises as `open_history`."""
    from gatectl.platforms.embedded.store import open_for_writing
    from gatectl.records.lease_rows import WritableLeases

    store = open_for_writing(_database(connection, chosen), connection.tell)
    return WritableLeases(store, chosen.name, connection.clock.wall, store.close)


class DatabaseOwners:
    """Reads what a database holds of a platform (`interface.RecordsReader`). It is opened when something is asked for."""

    def __init__(self, connection: Connection, chosen: Chosen, reader: Reader) -> None:
        self._connection = connection
        self._chosen = chosen
        self._reader = reader
        self._open: Store | None = None

    def owned(self) -> Sequence[Owned]:
        found = self._found()
        return found.owned() if found is not None else ()

    def places(self, uid: str) -> frozenset[str]:
        found = self._found()
        return found.places(uid) if found is not None else frozenset()

    def open_runs(self) -> Sequence[OpenRun]:
        found = self._found()
        return found.open_runs() if found is not None else ()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _found(self) -> StoredOwners | None:
        """What it holds; None where there is no database, or none yet."""
        if self._open is None and not is_made(self._connection, self._chosen):
            return None
        from gatectl.platforms.embedded.store import open_for_reading
        from gatectl.records.owners import StoredOwners

        self._open = self._open or open_for_reading(_database(self._connection, self._chosen))
        if self._open is None:
            return None
        return StoredOwners(self._open, self._reader.identification.key, self._chosen.name)


class WritableDatabaseOwners(DatabaseOwners):
    """Reads what a database holds of a platform, and writes it (`interface.Records`). It is created when something is written."""

    def __init__(self, connection: Connection, chosen: Chosen, reader: Reader, writer: Writer) -> None:
        super().__init__(connection, chosen, reader)
        self._writer = writer
        self._writable: WritableStore | None = None

    def claim(self) -> Release:
        return claim(self._writer)

    def intend(self, head: Head, intents: Sequence[Intent]) -> None:
        self._made().intend(head, intents)

    def record(
        self,
        put: Collection[Owned],
        drop: Collection[str] = (),
        head: Head | None = None,
        outcomes: Collection[Outcome] = (),
    ) -> None:
        self._made().record(put, drop, head, outcomes)

    def note(self, uid: str, place: str) -> None:
        self._made().note(uid, place)

    def finish(self) -> None:
        """Nothing: it is all there."""

    def end(self, run: str) -> None:
        self._made().end(run)

    def close(self) -> None:
        super().close()
        if self._writable is not None:
            self._writable.close()
            self._writable = None

    def _made(self) -> WritableOwners:
        from gatectl.platforms.embedded.store import open_for_writing
        from gatectl.records.owners import WritableOwners

        if self._writable is None:
            self._writable = open_for_writing(_database(self._connection, self._chosen), self._connection.tell)
        return WritableOwners(self._writable, self._reader.identification.key, self._chosen.name)


def is_made(connection: Connection, chosen: Chosen) -> bool:
    """Whether there is anything to open, as far as a file system tells. A server has to be asked."""
    if chosen.scheme != "sqlite":
        return True
    path = _path(connection, chosen)
    return os.path.lexists(path) and (not path.is_file() or path.stat().st_size > 0)


def _store(connection: Connection, chosen: Chosen) -> Store | None:
    """The database, opened to be read; None where nobody has created it yet."""
    if not is_made(connection, chosen):
        return None
    from gatectl.platforms.embedded.store import open_for_reading

    return open_for_reading(_database(connection, chosen))


def _database(connection: Connection, chosen: Chosen) -> Database:
    if chosen.scheme == "postgresql":
        return _server(connection, chosen)
    from gatectl.platforms.embedded.sqlite import SqliteFile

    path = _path(connection, chosen)
    # Who spells out where it lies by default means the folder that is made by default.
    own = chosen.default or path.parent == connection.folder.resolve() / OWN_FOLDER
    return SqliteFile(
        path,
        own_folder=own,
        ends=connection.ends,
        clock=connection.clock,
        durable=True,
        heard=connection.heard("records"),
    )


def _path(connection: Connection, chosen: Chosen) -> Path:
    folder = connection.folder
    if chosen.default:
        return own_folder(folder.absolute(), create=False) / _FILE
    name = chosen.target.removeprefix("sqlite:///")
    if name in ("", ":memory:") or name == chosen.target:
        raise UsageError(f"'{quote(chosen.target)}' does not name a file", "write sqlite:///path/to/records.db")
    return (folder / name).resolve()


def _server(connection: Connection, chosen: Chosen) -> PostgresDatabase:
    """Raises UntrustedStore where the operator trusts another database, or none; UsageError for a URL that cannot be told."""
    from sqlalchemy import make_url

    from gatectl.platforms.embedded.postgres import PostgresDatabase

    trusted = [] if chosen.named else list(_servers(connection.records.trusted, chosen))
    database = PostgresDatabase(
        chosen.target,
        named=chosen.named,
        trusted=tuple(trusted),
        ends=connection.ends,
        environ=connection.environ,
        clock=connection.clock,
        heard=connection.heard("records"),
        keeping=_keeping(connection),
    )
    if chosen.named:
        return database
    if said := sorted(_WHERE & set(make_url(chosen.target).query)):
        raise UsageError(
            f"the records' postgresql:// URL sets '{said[0]}', which is the operator's to say",
            "write it before the ?; --records or GATECTL_RECORDS may say it",
        )
    if not trusted or not database.way.credentials:
        raise UntrustedStore(chosen.name)
    return database


def _keeping(connection: Connection) -> Keeping | None:
    """What keeps connections open for a process that lives long; None for a command."""
    from gatectl.platforms.embedded.keeping import Keeping

    lasting = connection.shared.lasting if connection.shared is not None else None
    return None if lasting is None else cast("Keeping", lasting.of("postgresql", Keeping))


def _servers(trusted: tuple[StoreAddress, ...], chosen: Chosen) -> Iterator[Pattern]:
    """The servers that are trusted with a database of this name."""
    for store in trusted:
        if store.scheme == "postgresql" and store.prefix == store_address(chosen.target).prefix:
            yield Pattern(store.host, store.port, below=False)
