"""Who attends an apply of a program: nobody is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from gatectl.documents import plans
from gatectl.model import Outcome
from gatectl.reconcile.execution import Attendant


class Program(Attendant):
    """A program that applies: told of outcomes, and able to stop."""

    def __init__(self, on_event: Callable[[Outcome], None] | None, stop: threading.Event | None) -> None:
        self._on_event = on_event
        self._stop = stop

    def progress(self, plan: plans.Plan) -> AbstractContextManager[Callable[[Outcome], None]]:
        return self._telling()

    @contextmanager
    def _telling(self) -> Iterator[Callable[[Outcome], None]]:
        yield self._on_event or (lambda outcome: None)

    def stopping(self) -> bool:
        return self._stop is not None and self._stop.is_set()
