"""A server that listens: the socket, uvicorn, signals, and one line for each request.

Law: what is logged of a request is its method, its path and its status; never a query, a header or a body.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatectl.errors import InputError, Interrupted
from gatectl.platforms.embedded.platform import Platform
from gatectl.quote import quote
from gatectl.server.application import Serving, make_application
from gatectl.server.faults import Faults
from gatectl.server.interference import Interference, Transports, protocol_class
from gatectl.server.patience import CONNECTIONS, patient
from gatectl.server.sessions import Sessions

_WORKERS: Final = 4
_GRACE_SECONDS: Final = 3
_KEEP_ALIVE_SECONDS: Final = 75


class Address(NamedTuple):
    host: str
    port: int


class Log(NamedTuple):
    """Where words go: `info` for each request, `error` for what the operator has to know."""

    info: Callable[[str], None]
    error: Callable[[str], None]


def listen(address: Address, platform: Platform, sessions: Sessions, faults: Faults | None, log: Log) -> None:
    """Serve until SIGTERM. Raises InputError when the address cannot be had, Interrupted on SIGINT."""
    # A command lives for seconds and does without the collector; a server does not. A list makes many objects and no cycles:
    # to look for some after every 700 is half of its time.
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    logging.getLogger("uvicorn").handlers = [logging.NullHandler()]
    with ThreadPoolExecutor(_WORKERS, "gatectl") as executor, _bound(address) as bound:
        config = _configured(Serving(platform, sessions, executor, log.error), faults, log)
        server = _Server(config, f"listening on http://{_shown(bound)}", log)
        server.run([bound])
    if server.interrupted:
        raise Interrupted("interrupted")


@contextlib.contextmanager
def listening(platform: Platform, sessions: Sessions, faults: Faults | None, log: Log) -> Iterator[str]:
    """Serve on a free port of this machine while this lasts, in a thread of its own; its URL. Nothing of the process is touched."""
    with ThreadPoolExecutor(_WORKERS, "gatectl") as executor, _bound(Address("127.0.0.1", 0)) as bound:
        bound.listen()  # who connects at once waits
        server = uvicorn.Server(_configured(Serving(platform, sessions, executor, log.error), faults, log))
        thread = Thread(target=server.run, args=([bound],), name="gatectl-serve", daemon=True)
        thread.start()
        try:
            yield f"http://{_shown(bound)}"
        finally:
            server.should_exit = True
            thread.join()


def _configured(serving: Serving, faults: Faults | None, log: Log) -> uvicorn.Config:
    transports: Transports = {}
    application = make_application(serving)
    if faults is not None:
        application = Interference(application, faults, serving.sessions, transports, serving.platform)
    return uvicorn.Config(
        _Logged(application, log.info),
        http=patient(protocol_class(transports)),
        limit_concurrency=CONNECTIONS,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


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


@contextlib.contextmanager
def _bound(address: Address) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(address, error) from error
    with bound:
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
        except OSError as error:
            raise _unusable(address, error) from error
        yield bound


def _unusable(address: Address, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"cannot listen on {quote(address.host)}, port {address.port}: {reason}", "choose another --port or --host"
    )


def _shown(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Logged:
    """Says what was asked and what was answered."""

    def __init__(self, application: ASGIApp, say: Callable[[str], None]) -> None:
        self._application = application
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = "dropped"

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        await self._application(scope, receive, noting)
        fault = scope.get("gatectl.fault")
        path = scope["raw_path"].decode("ascii", "backslashreplace")
        self._say(f"{scope['method']} {path} {status}{f' (rehearsal: {fault})' if fault else ''}")
