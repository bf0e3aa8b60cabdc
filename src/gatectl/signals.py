"""What SIGINT, SIGTERM and SIGHUP mean, from before the command line is imported until the process has ended.

Only until something may have been written does a signal interrupt: one KeyboardInterrupt, and never a second. From then on
a handler notes that it was called and nothing more; who writes looks (`Watch.stopping`), so that no signal, whenever it
comes and however often, cuts off the receipt. What keeps the process beyond that (a result that nobody takes, say) is
ended by an alarm. This module imports nothing of ours, since it has to be there first.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Final, Literal, NoReturn

INTERRUPTED: Final = 130

GRACE: Final = 5.0
"""Seconds that what was sent has to be answered after the first signal. A pipeline that is cancelled has about twice that."""

WHOLE_GRACE: Final = 20.0
"""Seconds that the rest (reading back, remembering) has after the first signal, where nothing is without an answer."""

LAST_GRACE: Final = 1.0
"""Seconds that all of it has after the second signal."""

Phase = Literal["open", "writing", "saving", "closing"]
"""open: nothing was written, and a signal interrupts; writing: a signal stops; saving: a signal waits; closing: the result is
shown, for GRACE seconds at most after a signal."""

_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_POKE: Final = getattr(signal, "SIGURG", 0)
"""A signal that nobody sends us and that means nothing by itself."""

_PAUSES: Final = (0.005, 0.05, 0.5)
_WORDS: Final = b"\nstopping: what is under way is finished, nothing more is started\n"


class Watch:
    """The signals of one run. `abandoned` is set by who leaves a thread behind that may never end."""

    def __init__(self) -> None:
        self.phase: Phase = "open"
        self.received: list[float] = []
        self.abandoned = False
        self._interrupted = False
        self._callbacks: list[Callable[[], None]] = []
        self._before: dict[Any, Any] = {}
        self._wakeup: tuple[int, int] | None = None

    def begin(self) -> None:
        """Watch from now on. A signal that is ignored (nohup, a job in the background) stays so."""
        with contextlib.suppress(ValueError):  # only the main thread may say what a signal does
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
            if hasattr(signal, "SIGALRM"):
                self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._give_up)
                self._before[_POKE] = signal.signal(_POKE, lambda number, frame: None)
                self._rouse()

    def end(self) -> None:
        """Watch no more: everything as it was before."""
        self._disarm()
        if self._wakeup is not None:
            before, tell = self._wakeup
            signal.set_wakeup_fd(before, warn_on_full_buffer=False)
            os.close(tell)
            self._wakeup = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _rouse(self) -> None:
        """Python hears a signal between two of its steps, and one that comes at the last moment before a wait (for a line, for an
        answer) only after it. So somebody else listens too, and pokes whoever waits."""
        listen, tell = os.pipe()
        os.set_blocking(tell, False)
        self._wakeup = (signal.set_wakeup_fd(tell, warn_on_full_buffer=False), tell)
        _thread.start_new_thread(_poke, (listen, _thread.get_ident()))

    def leave(self, code: int) -> NoReturn:
        """End the process. Its ending is not cut short either: Python would put the signals back first."""
        with contextlib.suppress(ValueError):
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
        if self.abandoned:
            os._exit(code)
        raise SystemExit(code)

    def stopping(self) -> bool:
        return bool(self.received)

    def patience(self, *, unanswered: bool) -> float:
        """How many seconds longer to wait for what is under way; infinite without a signal."""
        if not self.received:
            return float("inf")
        first, now = self.received[0], time.monotonic()
        ends = first + (GRACE if unanswered else WHOLE_GRACE)
        if len(self.received) > 1:
            ends = min(ends, self.received[1] + LAST_GRACE)
        return ends - now

    @contextmanager
    def writing(self) -> Iterator[Callable[[Callable[[], None]], None]]:
        """While this lasts signals stop and do not interrupt, and neither do they later. Gives what registers who is to be told."""
        self.phase = "writing"
        try:
            yield self._register
        finally:
            self.phase = "saving"

    @contextmanager
    def reading(self, *, written: bool) -> Iterator[None]:
        """There is more to read or to ask: while this lasts a signal interrupts again. `written`: something was, so that there is a
        receipt to save whatever happens here."""
        if self.received:
            yield
            return
        self._callbacks.clear()
        self.phase = "open"
        try:
            yield
        finally:
            if written:
                self.phase = "saving"
                self._disarm()

    def close(self) -> None:
        """From now on nothing is left to do but to show what was done."""
        self.phase = "closing"
        if self.received:
            self._arm()

    def _register(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)
        if self.received:
            callback()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received.append(time.monotonic())
        if self.phase == "open":
            if not self._interrupted:
                self._interrupted = True
                self._arm()
                raise KeyboardInterrupt
        elif self.phase == "writing":
            for callback in self._callbacks:
                callback()
            if len(self.received) == 1:
                # Not through sys.stderr, which may be in the middle of a write of its own, or closed.
                with contextlib.suppress(OSError):
                    os.write(2, _WORDS)
        elif self.phase == "closing":
            self._arm()

    def _arm(self) -> None:
        if hasattr(signal, "setitimer") and signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    def _disarm(self) -> None:
        if hasattr(signal, "setitimer") and signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _give_up(self, number: int, frame: FrameType | None) -> None:
        if self.phase in ("open", "closing"):  # never while something is written, or saved
            os._exit(INTERRUPTED)


def _poke(listen: int, main: int) -> None:
    while said := os.read(listen, 64):
        for pause in _PAUSES if set(said) - {_POKE} else ():
            time.sleep(pause)
            signal.pthread_kill(main, _POKE)
    os.close(listen)


_CURRENT: ContextVar[Watch] = ContextVar("watch")


def current() -> Watch:
    """The watch of this run; one that was never begun (it hears nothing) where there is none."""
    found = _CURRENT.get(None)
    if found is None:
        found = Watch()
        _CURRENT.set(found)
    return found


def use(watch: Watch) -> None:
    """Make it the watch of this run."""
    _CURRENT.set(watch)
