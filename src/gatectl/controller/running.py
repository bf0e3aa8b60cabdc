"""A controller's process runs until it is told to end: by a signal, or by its own clock (`aliveness`)."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from gatectl.controller.process import Process, Settings
from gatectl.errors import Interrupted

LAPSED: Final = 70
"""The exit code of a process that took itself for dead: whoever started it starts it again."""

_PATIENCE: Final = 20.0
"""Seconds that what is under way has after it was told to end."""


def run(settings: Settings, beside: Callable[[Process], Callable[[], None]]) -> None:
    """Be one process of a controller until SIGTERM. `beside` starts what answers others, and hands back what ends it.

    Raises Interrupted on SIGINT, PlatformError where the database cannot be opened, and what `beside` raises.
    """
    # A command lives for seconds and does without the collector; this does not.
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    told = threading.Event()
    with _signalled(told) as received:
        process = Process(settings)
        try:
            end = beside(process)
            try:
                while not told.wait(1.0):
                    pass
            finally:
                end()
        finally:
            process.close(_PATIENCE)
    if signal.SIGINT in received:
        raise Interrupted("interrupted")


def end_at_once() -> None:
    """This process took itself for dead: nothing of it may go on, so nothing is tidied up."""
    sys.stderr.flush()
    os._exit(LAPSED)


@contextmanager
def _signalled(told: threading.Event) -> Iterator[list[int]]:
    """SIGINT and SIGTERM tell it to end, instead of what they meant before; which came."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        told.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
