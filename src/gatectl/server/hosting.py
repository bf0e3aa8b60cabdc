"""What any server of ours stands on: the socket, uvicorn and how it is set up, and one line for each request.

Law: what is logged of a request is its method, its path and its status; never a query, a header or a body.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from threading import Thread
from typing import Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from gatectl.errors import InputError
from gatectl.quote import quote
from gatectl.server.patience import CONNECTIONS, patient

_GRACE_SECONDS: Final = 3
_KEEP_ALIVE_SECONDS: Final = 75


class Address(NamedTuple):
    host: str
    port: int


class Log(NamedTuple):
    """Where words go: `info` for each request, `error` for what the operator has to know."""

    info: Callable[[str], None]
    error: Callable[[str], None]


def configured(application: ASGIApp, log: Log, protocol: object = AutoHTTPProtocol) -> uvicorn.Config:
    """uvicorn for an application. `protocol` is its protocol, or a subclass of it."""
    return uvicorn.Config(
        _Logged(application, log.info),
        http=patient(protocol),
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


class Standing:
    """A server in a thread of its own, which touches nothing of the process. It has the socket, and closes it."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, name: str) -> None:
        listening.listen()  # who connects at once waits
        self.url = f"http://{shown(listening)}"
        self._socket = listening
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([listening],), name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still listens."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End it; what it is answering is answered, within a few seconds."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def silence() -> None:
    """uvicorn says nothing by itself: it would write to the standard error."""
    logging.getLogger("uvicorn").handlers = [logging.NullHandler()]


def bind(address: Address, hint: str) -> socket.socket:
    """A socket on an address, for whoever closes it. Raises InputError, with a hint what else to choose."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(address, error, hint) from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
    except OSError as error:
        made.close()
        raise _unusable(address, error, hint) from error
    return made


def _unusable(address: Address, error: OSError, hint: str) -> InputError:
    reason = error.strerror or str(error)
    return InputError(f"cannot listen on {quote(address.host)}, port {address.port}: {reason}", hint)


def bearer(header: str | None) -> str:
    """The token of an Authorization header; "" where there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def shown(listening: socket.socket) -> str:
    """Host and port of a socket, as a URL has them."""
    host, port = listening.getsockname()[:2]
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
