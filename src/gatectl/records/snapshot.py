"""A snapshot as the store: whose the objects were when it was taken.

Law: it is only read. A plan against a snapshot knows what a plan of the platform itself would have known at that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from gatectl.documents.journal import OpenRun
from gatectl.documents.ownership import Owned
from gatectl.errors import UsageError
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.platforms.snapshot import SnapshotReader
from gatectl.records.chosen import Chosen


def read_records(connection: Connection, chosen: Chosen, reader: Reader) -> SnapshotRecords:
    """What was remembered when a snapshot was taken."""
    assert isinstance(reader, SnapshotReader), reader
    return SnapshotRecords(reader)


def open_records(connection: Connection, chosen: Chosen, reader: Reader, writer: Writer) -> NoReturn:
    """Raises UsageError: a snapshot is the past."""
    raise UsageError("nothing can be applied to a snapshot", "apply to the platform itself")


class SnapshotRecords:
    """Reads what a snapshot holds of owners (`interface.RecordsReader`)."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader

    def owned(self) -> Sequence[Owned] | None:
        """None where the platform of the snapshot remembered nothing, or an older gatectl has not noted it."""
        return self._reader.owned()

    def places(self, uid: str) -> frozenset[str]:
        return frozenset()

    def open_runs(self) -> Sequence[OpenRun]:
        return ()

    def close(self) -> None: ...
