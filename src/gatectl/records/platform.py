"""The platform's own database as the store: the embedded platform, in a file, on a server or in memory.

Law: there is no connection but the platform's. What is read is read as its reader reads, what is remembered goes into the
transactions of its writer; so whoever closes those has closed this. Where there is no database yet, nothing was applied.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatectl.documents.journal import OpenRun
from gatectl.documents.ownership import Owned
from gatectl.platforms import driver_for, embedded
from gatectl.platforms.embedded.store import WritableStore
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.chosen import Chosen
from gatectl.records.interface import Release
from gatectl.records.lease_rows import StoredLeases, WritableLeases
from gatectl.records.owners import StoredOwners, WritableOwners
from gatectl.records.runs import StoredRuns, WritableRuns


def read_records(connection: Connection, chosen: Chosen, reader: Reader) -> PlatformRecordsReader:
    """What the database of an embedded platform's reader remembers."""
    assert isinstance(reader, embedded.Reader), reader
    return PlatformRecordsReader(reader)


def open_records(connection: Connection, chosen: Chosen, reader: Reader, writer: Writer) -> PlatformRecords:
    """The database of an embedded platform's writer."""
    assert isinstance(writer, embedded.Writer), writer
    return PlatformRecords(writer.store, driver_for(connection.target).name)


def read_history(connection: Connection, chosen: Chosen) -> StoredRuns:
    """The runs that an embedded platform's database keeps, through a reader of its own."""
    reader = embedded.open_reader(connection)
    try:
        return StoredRuns(reader.store, reader.identification.url, reader.close)
    except BaseException:
        reader.close()
        raise


def history_of(reader: Reader) -> StoredRuns:
    """The runs that an embedded platform's database keeps, through its own reader, who closes it."""
    assert isinstance(reader, embedded.Reader), reader
    return StoredRuns(reader.store, reader.identification.url)


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
    """Reads what a platform's database remembers (`interface.RecordsReader`); a database that was missing may have come to be
    since."""

    def __init__(self, reader: embedded.Reader) -> None:
        self._reader = reader

    def owned(self) -> Sequence[Owned]:
        return self._found.owned()

    def places(self, uid: str) -> frozenset[str]:
        return self._found.places(uid)

    def open_runs(self) -> Sequence[OpenRun]:
        return self._found.open_runs()

    def close(self) -> None:
        """Nothing: the connection is the reader's."""

    @property
    def _found(self) -> StoredOwners:
        store = self._reader.store
        return StoredOwners(store, store.instance if store is not None else None, self._reader.identification.url)


class PlatformRecords(WritableOwners):
    """A platform's database that remembers (`interface.Records`)."""

    def __init__(self, store: WritableStore, name: str) -> None:
        super().__init__(store, store.instance, name)

    def claim(self) -> Release:
        return self._writable.claim()

    def close(self) -> None:
        """Nothing: the connection is the writer's."""
