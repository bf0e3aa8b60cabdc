"""A clock for what waits: it stands still, or runs as the machine's does, and who sleeps by it is taken so much further at once.

How long a test takes, and how busy the machine is, is then no matter of what it says.
"""

from __future__ import annotations

import threading
import time

from gatectl.clock import Clock


class Leaping:
    """The clock (`clock`), in the hands of a test. `slept` are the waits that were asked for, in order."""

    def __init__(self, *, running: bool = False) -> None:
        self.slept: list[float] = []
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._stands: float | None = None if running else time.monotonic()
        self._born = time.time() - time.monotonic()
        self.clock = Clock(self.now, self.sleep, self.wall)

    def now(self) -> float:
        return self._ahead + (time.monotonic() if self._stands is None else self._stands)

    def wall(self) -> float:
        return self._born + self.now()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._ahead += seconds

    def leap(self, seconds: float) -> None:
        """So much later, at once."""
        with self._lock:
            self._ahead += seconds

    def run(self, ahead: float = 0.0) -> None:
        """From now on it runs as the machine's does, and it is so much later at once; only the first time that this is called."""
        with self._lock:
            if self._stands is not None:
                self._ahead += self._stands - time.monotonic() + ahead
                self._stands = None
