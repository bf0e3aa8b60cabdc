"""`gatectl serve` as it listens: until a signal ends it, or in a thread for as long as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import uvicorn

from gatectl.errors import Interrupted
from gatectl.platforms.embedded.platform import Platform
from gatectl.server.application import Serving, make_application
from gatectl.server.faults import Faults
from gatectl.server.hosting import Address, Log, Standing, bind, configured, shown, silence
from gatectl.server.interference import Interference, Transports, protocol_class
from gatectl.server.sessions import Sessions

__all__ = ["Address", "Log", "listen", "listening"]

_WORKERS: Final = 4
_HINT: Final = "choose another --port or --host"


def listen(address: Address, platform: Platform, sessions: Sessions, faults: Faults | None, log: Log) -> None:
    """Serve until SIGTERM. Raises InputError when the address cannot be had, Interrupted on SIGINT."""
    # A command lives for seconds and does without the collector; a server does not. A list makes many objects and no cycles:
    # to look for some after every 700 is half of its time.
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    silence()
    with ThreadPoolExecutor(_WORKERS, "gatectl") as executor, bind(address, _HINT) as bound:
        config = _configured(Serving(platform, sessions, executor, log.error), faults, log)
        server = _Server(config, f"listening on http://{shown(bound)}", log)
        server.run([bound])
    if server.interrupted:
        raise Interrupted("interrupted")


@contextlib.contextmanager
def listening(platform: Platform, sessions: Sessions, faults: Faults | None, log: Log) -> Iterator[str]:
    """Serve on a free port of this machine while this lasts, in a thread of its own; its URL. Nothing of the process is touched."""
    with ThreadPoolExecutor(_WORKERS, "gatectl") as executor:
        bound = bind(Address("127.0.0.1", 0), _HINT)
        config = _configured(Serving(platform, sessions, executor, log.error), faults, log)
        with contextlib.closing(Standing(config, bound, "gatectl-serve")) as standing:
            yield standing.url


def _configured(serving: Serving, faults: Faults | None, log: Log) -> uvicorn.Config:
    transports: Transports = {}
    application = make_application(serving)
    if faults is not None:
        application = Interference(application, faults, serving.sessions, transports, serving.platform)
    return configured(application, log, protocol_class(transports))


class _Server(uvicorn.Server):
    """uvicorn, with a word when it listens, and with signals that end it without ending the process."""

    def __init__(self, config: uvicorn.Config, word: str, log: Log) -> None:
        super().__init__(config)
        self._word = word
        self._log = log
        self.interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._log.info(self._word)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self, number: int) -> None:
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.force_exit = self.should_exit
        self.should_exit = True
