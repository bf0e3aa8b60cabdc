"""What gatectl remembers to have applied, per project: something to read, and something else to write.

As with platforms, these are two types on purpose. A plan is handed a `RecordsReader`, which has no way to change anything;
only `applying` holds `Records`. What is remembered is never a condition for writing to a platform, but it is the only thing
that lets a project delete (`--prune`): a store that cannot be read is an error, and never "this project applied nothing".

A new store is one module beside this one with `read_records` and `open_records`, and one line in the table of
`records/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

Release = Callable[[], None]
"""Lets go of a claim; called once."""


class RecordsReader(Protocol):
    """Reads what is remembered; cannot change it, and creates nothing."""

    def applied(self, project: str) -> frozenset[str] | None:
        """The ids of the objects that a project has applied, some of which may be gone since; None where nothing is remembered.

        Raises PlatformError where it cannot be read whole, InputError where it is of something else than was asked for.
        """

    def close(self) -> None: ...


class Records(RecordsReader, Protocol):
    """Reads what is remembered, and remembers more."""

    def claim(self) -> Release:
        """Keep other applies out until what this returns is called, where the store can; whoever dies lets go too.

        An apply claims before it reads the platform for the last time, and lets go when everything else is closed. Raises
        PlatformLocked where another one is under way and does not end, PlatformError where the store fails.
        """

    def remember(self, project: str, object_ids: Iterable[str]) -> None:
        """From now on this project has applied these objects too; what is remembered already stays so.

        All of them or none. Where nothing is remembered, this does nothing. Raises PlatformError.
        """
