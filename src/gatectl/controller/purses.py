"""What this process may still send of the budget that all processes share (`budgets`): lots are asked for in the database, and used up
here, request by request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from gatectl.clock import CLOCK, Clock
from gatectl.controller import budgets
from gatectl.controller.measures import Measures
from gatectl.controller.store import Store
from gatectl.fleet.values import Budget

_LONGEST: Final = 1.0
"""Seconds after which whoever waits asks again, however long the wait was said to be."""


class Purses:
    """The lots of this process, for each platform that has a budget. All its threads share them."""

    def __init__(self, fleet: Sequence[Budget], store: Store, measures: Measures, clock: Clock = CLOCK) -> None:
        self._budgets = fleet
        self._store = store
        self._measures = measures
        self._clock = clock
        self._turn = threading.Lock()
        self._left: dict[str, tuple[int, float]] = {}
        """Requests that may be sent, and until when, by the clock of this process."""

    def of(self, platform: str, *, urgent: bool) -> Callable[[], float] | None:
        """Asked before each request to a platform: 0.0, it may be sent; else how many seconds to wait before asking again. None: the
        platform has no budget. Raises PlatformError."""
        rate = next((each.requests_per_second for each in self._budgets if fnmatchcase(platform, each.match)), None)
        return None if rate is None else lambda: self._ask(platform, rate, urgent)

    def _ask(self, platform: str, rate: float, urgent: bool) -> float:
        with self._turn:
            asked = self._clock.now()
            left, until = self._left.get(platform, (0, 0.0))
            if left > 0 and asked < until:
                self._left[platform] = (left - 1, until)
                return 0.0
            taken = self._store.take(platform, rate, urgent=urgent)
            if taken.lot is not None:
                # A lot lapses a second after it was taken, and nobody knows when that was: it counts from when it was asked for.
                self._left[platform] = (taken.lot.requests - 1, asked + budgets.LAPSES)
                return 0.0
        wait = min(taken.wait, _LONGEST)
        self._measures.waited(wait)
        return wait
