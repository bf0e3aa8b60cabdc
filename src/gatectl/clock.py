"""Time, handed in where somebody waits: what waits can be tried without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple


class Clock(NamedTuple):
    """`now` in seconds that only grow, `sleep` for so many of them."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


CLOCK: Final = Clock(time.monotonic, time.sleep)
"""The machine's own."""


class Patience(NamedTuple):
    """How long a platform's lists may lag behind what was written, in seconds, and the clock that says so."""

    seconds: float = 0.0
    clock: Clock = CLOCK


CONSISTENT: Final = Patience()
"""For a platform whose lists never lag."""
