"""Whether this process may go on: by its own clock, since it said last that it is there (product.md, section 9; DBOS and leases go by
others). Pure: the clock is handed in.

A worker says every few seconds that it is there. Where it could not, because it was paused, cut off or too busy, others take its
work over; it must not go on then, and does not come back to life.
"""

from __future__ import annotations

import threading
from typing import Final

from gatectl.clock import CLOCK, Clock

BEAT: Final = 4.0
"""Seconds between two beats."""
LASTS: Final = 20.0
"""Seconds after which others take a worker for dead."""
ENOUGH: Final = 12.0
"""Seconds without a beat after which a worker takes itself for dead: well before others do."""


class Aliveness:
    """One process, as it sees itself. `stop` is set when it is over: what writes looks at it between two writes."""

    def __init__(self, clock: Clock = CLOCK) -> None:
        self._clock = clock
        self._last = clock.passed()
        self._turn = threading.Lock()
        self.stop = threading.Event()

    def asked(self) -> float:
        """The moment at which a beat is sent: what `heard` is told when it was taken. A beat counts from when it was sent, since
        nobody knows when it arrived."""
        return self._clock.passed()

    def heard(self, asked: float) -> bool:
        """A beat was taken that was sent at this moment. False: that was too late, and it stays over."""
        with self._turn:
            if self._lapsed():
                return False
            self._last = max(self._last, asked)
            return not self._lapsed()

    @property
    def lapsed(self) -> bool:
        """Whether it is over."""
        with self._turn:
            return self._lapsed()

    def _lapsed(self) -> bool:
        if self._clock.passed() - self._last > ENOUGH:
            self.stop.set()
        return self.stop.is_set()
