"""What gatectl remembers: whose the objects are, and the history of all runs. Something to read, and something else to write.

As with platforms, these are two types on purpose. A plan is handed readers, which have no way to change anything; only
applying holds what writes. What is remembered is never a condition for writing to a platform, but it is the only thing
that lets a project delete (`--prune`): a store that cannot be read is an error, and never "this project applied nothing".

There are two sides, in the one store that the environment names. Whose objects are, and what is under way (`RecordsReader`,
`Records`), is of one platform, and opened with that. The history (`HistoryReader`, `History`) is of all, and opened by itself. Who is
at it now is asked of the platform's own database, where there is one, wherever the rest is kept.

A new store is one module beside this one with `read_records`, `open_records`, `read_history` and `open_history`, and one line in the
table of `records/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from gatectl.documents.history import Entry
from gatectl.documents.journal import Head, Intent, OpenRun
from gatectl.documents.ownership import Owned
from gatectl.documents.receipts import Receipt
from gatectl.model import Outcome

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
    """Reads whose the objects of a platform are, and which runs have not ended; cannot change it, and creates nothing.

    Raises PlatformError where something cannot be read whole, or is not as it was written: it names the place.
    """

    def owned(self) -> Sequence[Owned] | None:
        """All that anybody owns on this platform, some of which may be gone since; None where nothing is remembered."""

    def places(self, uid: str) -> frozenset[str]:
        """The places that the project with a uid was applied from: the first one, and what was noted since."""

    def open_runs(self) -> Sequence[OpenRun]:
        """The runs that have no end, the oldest first: they are under way, or broke off."""

    def close(self) -> None: ...


class Records(RecordsReader, Protocol):
    """Reads what is remembered of a platform, and remembers more. Where nothing is remembered, it does nothing.

    What is written is durable on return: all of it or none. Raises PlatformError.
    """

    def claim(self) -> Release:
        """Keep those out who would migrate the store, until what this returns is called; whoever dies lets go too.

        An apply claims before it takes its leases, and lets go when everything else is closed; others may claim beside it. Raises
        PlatformLocked where somebody is at it alone and does not end, PlatformError where the store fails.
        """

    def intend(self, head: Head, intents: Sequence[Intent]) -> None:
        """A run is about to send these writes. Until it ends it is open."""

    def record(
        self, put: Collection[Owned], drop: Collection[str] = (), head: Head | None = None,
        outcomes: Collection[Outcome] = (),
    ) -> None:  # fmt: skip
        """From now on these objects belong to these owners, and to nobody else; those of the ids `drop` are gone, and belong to
        nobody. It may be that only the run's journal tells of it until `finish`. `outcomes`: what became of what `head` intended.
        Of an owner with a uid, of whom no place is noted yet, the place is."""

    def note(self, uid: str, place: str) -> None:
        """The project with a uid is applied from this place too, from now on."""

    def finish(self) -> None:
        """Nothing more is recorded: what was is now where readers look for it, where it was not before."""

    def end(self, run: str) -> None:
        """A run is not open any more. (Adding its receipt to the history does the same.)"""


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
        """Add a run that was applied from a place, durable on return: it has ended. A run that is there already stays as it is.

        Raises PlatformError.
        """
