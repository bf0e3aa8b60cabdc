"""No store: a platform that has nowhere to keep records (platform-contract.md, section 1.3), and none beside it.

Law: nothing is remembered, and that is said: `owned` is None, which is not the same as that nobody owns anything. Nobody is
kept out either: conditional writes, and reading back, have to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gatectl.documents.history import Entry
from gatectl.documents.receipts import Receipt
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.chosen import Chosen
from gatectl.records.interface import Release, Scope
from gatectl.records.leases import Lease, Seen


def read_records(connection: Connection, reader: Reader) -> Nothing:
    """Nothing."""
    return Nothing()


def open_records(connection: Connection, writer: Writer) -> Nothing:
    """Nothing."""
    return Nothing()


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


class Nothing:
    """Remembers nothing (`interface.Records`, `interface.History`)."""

    instance = None

    def owned(self) -> None:
        """None: whatever was applied, nobody wrote it down."""

    def claim(self) -> Release:
        """Keeps nobody out."""
        return lambda: None

    def remember(self, project: str, object_ids: Iterable[str]) -> None:
        """Forgets it at once."""

    def runs(self, scope: Scope) -> Iterator[Entry]:
        return iter(())

    def receipt(self, scope: Scope, run: str) -> None: ...

    def keep(self, receipt: Receipt, place: str | None) -> None:
        """Forgets it at once."""

    def close(self) -> None: ...
