"""What gatectl remembers: whose the objects are, and the history of all runs. Something to read, and something else to write.

As with platforms, these are two types on purpose. A plan is handed readers, which have no way to change anything; only
applying holds what writes. What is remembered is never a condition for writing to a platform, but it is the only thing
that lets a project delete (`--prune`): a store that cannot be read is an error, and never "this project applied nothing".

There are two sides. What was applied, and who is at it now, is asked of the platform's own database, where there is one
(`RecordsReader`, `Records`): it is opened with the platform. The history (`HistoryReader`, `History`) is in the store that the
environment names, which may be somewhere else and is opened by itself.

A new store is one module beside this one with `read_history` and `open_history`, and one line in the table of
`records/__init__.py`; one that remembers what was applied has `read_records` and `open_records` too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from gatectl.documents.history import Entry
from gatectl.documents.ownership import Owned
from gatectl.documents.receipts import Receipt

Release = Callable[[], None]
"""Lets go of a claim; called once."""


class Scope(NamedTuple):
    """Whose runs: those of a project and an environment.

    A project that has a `uid` has the runs under that, and those that its name had under none: it may have got it later. Without
    one it is known by its name and the `place` that it is applied from (None: none that could be told elsewhere).
    """

    project: str
    uid: str | None
    environment: str
    place: str | None = None


class RecordsReader(Protocol):
    """Reads what is remembered of objects; cannot change it, and creates nothing."""

    def owned(self) -> Iterable[Owned] | None:
        """All that anybody owns on this platform, some of which may be gone since; None where nothing is remembered.

        Raises PlatformError where it cannot be read whole.
        """

    def close(self) -> None: ...


class Records(RecordsReader, Protocol):
    """Reads what is remembered of objects, and remembers more."""

    def claim(self) -> Release:
        """Keep those out who would migrate the store, until what this returns is called; whoever dies lets go too.

        An apply claims before it takes its leases, and lets go when everything else is closed; others may claim beside it. Raises
        PlatformLocked where somebody is at it alone and does not end, PlatformError where the store fails.
        """

    def remember(self, project: str, object_ids: Iterable[str]) -> None:
        """From now on this project has applied these objects too; what is remembered already stays so.

        All of them or none. Where nothing is remembered, this does nothing. Raises PlatformError.
        """


class HistoryReader(Protocol):
    """Reads the history of runs; cannot change it, and creates nothing."""

    @property
    def instance(self) -> str | None:
        """The store's own id; None where nobody has created it yet."""

    def runs(self, scope: Scope) -> Iterator[Entry]:
        """The runs of a scope, the newest first, read as far as they are asked for.

        Raises PlatformError where one cannot be read, or is not as it was written: it names the place.
        """

    def receipt(self, scope: Scope, run: str) -> bytes | None:
        """The receipt of a run of a scope, as JSON; None where there is no such run. Raises as `runs`."""

    def close(self) -> None: ...


class History(HistoryReader, Protocol):
    """Reads the history of runs, and adds to it. Nothing takes anything away."""

    def keep(self, receipt: Receipt, place: str | None) -> None:
        """Add a run that was applied from a place, durable on return. A run that is there already stays as it is.

        Raises PlatformError.
        """
