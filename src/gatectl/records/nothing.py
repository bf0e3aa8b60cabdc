"""No store: nothing is remembered of a platform.

Law: that is said: `owned` is None, which is not the same as that nobody owns anything. Applies are kept apart all the same, where the
platform's own database can do that; elsewhere conditional writes, and reading back, have to do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gatectl.documents.history import Entry
from gatectl.documents.journal import Head, Intent, OpenRun
from gatectl.documents.ownership import Owned
from gatectl.documents.receipts import Receipt
from gatectl.model import Outcome
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.chosen import Chosen
from gatectl.records.claims import claim
from gatectl.records.interface import Release, Scope
from gatectl.records.leases import Lease, Seen


def read_records(connection: Connection, chosen: Chosen, reader: Reader) -> NothingOwned:
    """Nothing."""
    return NothingOwned()


def open_records(connection: Connection, chosen: Chosen, reader: Reader, writer: Writer) -> WritableNothing:
    """Nothing."""
    return WritableNothing(writer)


def read_history(connection: Connection, chosen: Chosen) -> Nothing:
    """No runs."""
    return Nothing()


def open_history(connection: Connection, chosen: Chosen) -> Nothing:
    """Nothing."""
    return Nothing()


def read_leases(connection: Connection, chosen: Chosen) -> NoLeases:
    """None."""
    return NoLeases()


def open_leases(connection: Connection, chosen: Chosen) -> NoLeases:
    """None."""
    return NoLeases()


class NoLeases:
    """Whoever asks for a lease has it, beside everybody else (`leases.Leases`)."""

    instance = None

    def look(self, platform: str, workspace: str) -> None: ...

    def all(self, platform: str) -> Sequence[Seen]:
        return ()

    def put(self, platform: str, lease: Lease, before: Seen | None) -> Seen:
        return Seen(lease, None)

    def renew(self, platform: str, before: Seen) -> Seen:
        return before

    def close(self) -> None: ...


class NothingOwned:
    """Remembers nothing (`interface.RecordsReader`)."""

    def owned(self) -> None:
        """None: whatever was applied, nobody wrote it down."""

    def places(self, uid: str) -> frozenset[str]:
        return frozenset()

    def open_runs(self) -> Sequence[OpenRun]:
        return ()

    def close(self) -> None: ...


class WritableNothing(NothingOwned):
    """Forgets everything at once (`interface.Records`)."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def claim(self) -> Release:
        return claim(self._writer)

    def intend(self, head: Head, intents: Sequence[Intent]) -> None: ...

    def record(
        self,
        put: Collection[Owned],
        drop: Collection[str] = (),
        head: Head | None = None,
        outcomes: Collection[Outcome] = (),
    ) -> None: ...

    def note(self, uid: str, place: str) -> None: ...

    def finish(self) -> None: ...

    def end(self, run: str) -> None: ...


class NoRuns:
    """A history in which there is nothing (`interface.HistoryReader`)."""

    instance = None

    def runs(self, scope: Scope) -> Iterator[Entry]:
        return iter(())

    def receipt(self, scope: Scope, run: str) -> None: ...

    def close(self) -> None: ...


class Nothing(NoRuns):
    """Remembers no run (`interface.History`)."""

    def keep(self, receipt: Receipt, place: str | None) -> None:
        """Forgets it at once."""
