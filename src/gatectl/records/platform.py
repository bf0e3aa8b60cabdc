"""The platform's own database as the store: the embedded platform, in a file, on a server or in memory.

Law: there is no connection but the platform's. What is read is read as its reader reads, what is remembered goes into the
transactions of its writer; so whoever closes those has closed this. Where there is no database yet, nothing was applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import String, bindparam, cast, exists, insert, select

from gatectl.documents.ownership import Owned, Owner
from gatectl.platforms import driver_for, embedded
from gatectl.platforms.embedded.store import Store, WritableStore
from gatectl.platforms.embedded.tables import applied
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.chosen import Chosen
from gatectl.records.interface import Release
from gatectl.records.lease_rows import StoredLeases, WritableLeases
from gatectl.records.runs import StoredRuns, WritableRuns

_APPLIED = select(applied.c.project, applied.c.object_id)
_PROJECT, _OBJECT = cast(bindparam("project_"), String), cast(bindparam("object_"), String)
_REMEMBER = insert(applied).from_select(
    ["project", "object_id"],
    select(_PROJECT, _OBJECT).where(~exists().where(applied.c.project == _PROJECT, applied.c.object_id == _OBJECT)),
)


def read_records(connection: Connection, reader: Reader) -> PlatformRecordsReader:
    """What the database of an embedded platform's reader remembers."""
    assert isinstance(reader, embedded.Reader), reader
    return PlatformRecordsReader(reader)


def open_records(connection: Connection, writer: Writer) -> PlatformRecords:
    """The database of an embedded platform's writer."""
    assert isinstance(writer, embedded.Writer), writer
    return PlatformRecords(writer.store)


def read_history(connection: Connection, chosen: Chosen) -> StoredRuns:
    """The runs that an embedded platform's database keeps, through a reader of its own."""
    reader = embedded.open_reader(connection)
    try:
        return StoredRuns(reader.store, reader.identification.url, reader.close)
    except BaseException:
        reader.close()
        raise


def open_history(connection: Connection, chosen: Chosen) -> WritableRuns:
    """An embedded platform's database, to which runs are added, through a writer of its own."""
    writer = embedded.open_writer(connection)
    return WritableRuns(writer.store, driver_for(connection.target).name, writer.close)


def read_leases(connection: Connection, chosen: Chosen) -> StoredLeases:
    """The leases that an embedded platform's database has, through a reader of its own."""
    reader = embedded.open_reader(connection)
    try:
        return StoredLeases(reader.store, reader.identification.url, connection.clock.wall, reader.close)
    except BaseException:
        reader.close()
        raise


def open_leases(connection: Connection, chosen: Chosen) -> WritableLeases:
    """The same, to take some, through a writer of its own."""
    writer = embedded.open_writer(connection)
    return WritableLeases(writer.store, driver_for(connection.target).name, connection.clock.wall, writer.close)


class PlatformRecordsReader:
    """Reads what a platform's database remembers (`interface.RecordsReader`)."""

    def __init__(self, reader: embedded.Reader) -> None:
        self._reader = reader

    def owned(self) -> Sequence[Owned]:
        """See `interface`; a database that was missing may have come to be since."""
        store = self._reader.store
        return _owned(store) if store is not None else ()

    def close(self) -> None:
        """Nothing: the connection is the reader's."""


class PlatformRecords:
    """A platform's database that remembers (`interface.Records`)."""

    def __init__(self, store: WritableStore) -> None:
        self._store = store

    def owned(self) -> Sequence[Owned]:
        return _owned(self._store)

    def claim(self) -> Release:
        return self._store.claim()

    def remember(self, project: str, object_ids: Iterable[str]) -> None:
        rows: Any = [{"project_": project, "object_": object_id} for object_id in object_ids]
        if rows:
            with self._store.writing() as transaction:
                transaction.connection.execute(_REMEMBER, rows)

    def close(self) -> None:
        """Nothing: the connection is the writer's."""


def _owned(store: Store) -> list[Owned]:
    with store.reading() as connection:
        rows = connection.execute(_APPLIED).all()
    owners = {project: Owner(project, None, "") for project, _ in rows}
    return [Owned(owners[project], "", None, None, "", object_id) for project, object_id in rows]
