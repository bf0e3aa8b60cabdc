"""Time, handed in where somebody waits: what waits can be tried without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, NamedTuple


class Clock(NamedTuple):
    """`now` in seconds that only grow, `sleep` for so many of them; `wall` is the time of day, in seconds since 1970.

    `lasting` is like `now`, and goes on while the machine sleeps (None: there is no such clock, and `now` has to do).

    What waits elsewhere (a database, for somebody's lock) goes by the machine's own clock, so `now` is that one's or ahead of it.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    wall: Callable[[], float] = time.time
    lasting: Callable[[], float] | None = None

    def passed(self) -> float:
        """Seconds that only grow, whatever the machine does meanwhile: what somebody else goes by who may wait for us."""
        return (self.lasting or self.now)()

    def moment(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


CLOCK: Final = Clock(time.monotonic, time.sleep, lasting=_since_boot if hasattr(time, "CLOCK_BOOTTIME") else None)
"""The machine's own."""

_CURRENT: ContextVar[Clock] = ContextVar("clock", default=CLOCK)


def current() -> Clock:
    """The clock of this run, for commands; whatever they call is handed it."""
    return _CURRENT.get()


def use(clock: Clock) -> None:
    """Make it the clock of this run."""
    _CURRENT.set(clock)


def timestamp(moment: datetime) -> str:
    """A moment as receipts and records write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Deadline(NamedTuple):
    """The moment of a clock by which a run has to be over (None: it may take as long as it takes)."""

    ends: float | None = None
    clock: Clock = CLOCK


NEVER: Final = Deadline()


class Patience(NamedTuple):
    """How long a platform's lists may lag behind what was written, in seconds, and the clock that says so."""

    seconds: float = 0.0
    clock: Clock = CLOCK


CONSISTENT: Final = Patience()
"""For a platform whose lists never lag."""
