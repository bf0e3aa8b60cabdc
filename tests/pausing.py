"""A proxy on loopback that stops at one request, for as long as a test wants: where a request stands is no matter of time.

At the request of that number (from 0, counted in the order in which they come) it calls `act`, before the server has the
request or after it has answered; what `act` returns says whether the request goes on, or is never answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from proxying import Answer, Asked, Proxy

Act = Callable[[], bool]


class Pausing(Proxy):
    """The proxy. `requests` are the methods and paths in order, up to now."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.requests: list[str] = []
        self._turn = threading.Lock()
        self._at: int | None = None
        self._first = ""
        self._late = False
        self._act: Act = lambda: True

    def pause(self, at: int | None, act: Act, *, late: bool = False) -> None:
        """Begin to count anew, and stop at this request (None: at none)."""
        self.requests.clear()
        self._at, self._act, self._late = at, act, late

    def pause_at_first(self, what: str, act: Act, *, late: bool = False) -> None:
        """The same at the first request of this method and path."""
        self.pause(None, act, late=late)
        self._first = what

    def answer(self, asked: Asked) -> Answer | None:
        with self._turn:
            mine = len(self.requests) == self._at or asked.what == self._first
            self._first = "" if mine else self._first
            self.requests.append(asked.what)
        if mine and not self._late and not self._act():
            return None
        answer = self.forward(asked)
        return None if mine and self._late and not self._act() else answer
