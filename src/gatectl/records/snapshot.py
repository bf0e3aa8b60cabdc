"""A snapshot as the store: what one project had applied when it was taken.

Law: it is only read. A plan against a snapshot knows what a plan of the platform itself would have known at that moment.
"""

from __future__ import annotations

from typing import NoReturn

from gatectl.errors import UsageError
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.platforms.snapshot import SnapshotReader


def read_records(connection: Connection, reader: Reader) -> SnapshotRecords:
    """What was remembered when a snapshot was taken."""
    assert isinstance(reader, SnapshotReader), reader
    return SnapshotRecords(reader)


def open_records(connection: Connection, writer: Writer) -> NoReturn:
    """Raises UsageError: a snapshot is the past."""
    raise UsageError("nothing can be applied to a snapshot", "apply to the platform itself")


class SnapshotRecords:
    """Reads what a snapshot holds of one project (`interface.RecordsReader`)."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader

    def applied(self, project: str) -> frozenset[str] | None:
        """None where the platform of the snapshot remembered nothing. Raises InputError for another project than that it was
        taken for: what that one applied is not in it."""
        return self._reader.taken_of(project)

    def close(self) -> None: ...
