"""The wire: a request is read and handed to whoever answers (`answering`), in a thread, since the database's drivers wait; what is
answered gets the headers that hold for all. And the stream of events by which an open page learns that there is something new.

Law: nothing that comes in becomes a 5xx but for a fault of ours or a database that is away, and nothing of it reaches a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from threading import Event
from typing import Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gatectl.controller import acts
from gatectl.controller.serving.answering import Site
from gatectl.controller.serving.asking import LARGEST, Asked, Reply, refused
from gatectl.errors import GatectlError, PlatformError

_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
T = TypeVar("T")

_EVENTS: Final = "/events"
_STREAMS: Final = 200
"""Pages that are told of what is new at once; further ones are not, and work all the same."""
_APART: Final = 2.0
"""Seconds between two looks whether there is something new."""
_SIGN_OF_LIFE: Final = 15


class Application:
    """ASGI. `stopping` ends the streams."""

    def __init__(self, site: Site, executor: Executor, stopping: Event) -> None:
        self._site = site
        self._executor = executor
        self._stopping = stopping
        self._streams = 0
        self._digest = ""
        self._asked = 0.0
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        body = b""
        if request.method == "POST":
            read = await _read(request)
            if read is None:
                return _response(
                    refused(413, "too_large", f"the body is larger than {LARGEST:,} bytes", Connection="close")
                )
            body = read
        asked = _asked(request, body)
        if asked.path == _EVENTS and asked.method == "GET" and await self._in_thread(self._may_listen, asked):
            return self._events()
        return _response(await self._in_thread(self._answer, asked))

    async def _in_thread(self, what: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, what, *given)

    def _may_listen(self, asked: Asked) -> bool:
        return self._site.caller(asked) is not None and self._streams < _STREAMS

    def _answer(self, asked: Asked) -> Reply:
        try:
            return self._site.answer(asked)
        except PlatformError as error:
            self._site.settings.log.error(error.message)
            return refused(503, "unavailable", error.message, error.hint, Retry_After="5")
        except GatectlError as error:
            self._site.settings.log.error(error.message)
            return refused(500, error.code, error.message, error.hint)
        except Exception:
            self._site.settings.log.error(traceback.format_exc())
            return refused(500, "internal", "internal error, which is a fault of gatectl and not yours")

    def _events(self) -> Response:
        headers = {**_HEADERS, "X-Accel-Buffering": "no"}  # nginx would keep them until there are many
        return StreamingResponse(self._told(), 200, headers, "text/event-stream")

    async def _told(self) -> AsyncIterator[str]:
        """An event whenever the fleet is another than it was; and something all the while, so that nobody takes it for dead."""
        self._streams += 1
        try:
            told, quiet = "", 0.0
            while not self._stopping.is_set():
                digest = await self._current()
                if digest != told or quiet >= _SIGN_OF_LIFE:
                    yield f"event: fleet\ndata: {digest}\n\n" if digest != told else ": still here\n\n"
                    told, quiet = digest, 0.0
                await asyncio.sleep(_APART / 4)
                quiet += _APART / 4
        finally:
            self._streams -= 1

    async def _current(self) -> str:
        """A digest of what pages say; looked up once for all who listen."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now >= self._asked + _APART:
                self._asked = now
                self._digest = await self._in_thread(self._looked_up)
            return self._digest

    def _looked_up(self) -> str:
        try:
            targets = acts.status(self._site.desk)["targets"]
        except GatectlError:
            return self._digest
        shown = [
            {key: value for key, value in each.items() if key not in ("looked", "due", "worker")} for each in targets
        ]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


async def _read(request: Request) -> bytes | None:
    """The body; None: there is too much of it."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
    return b"".join(parts)


def _asked(request: Request, body: bytes) -> Asked:
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.raw:
        text = value.decode("utf-8", "surrogateescape")
        headers.setdefault(name.decode("latin-1").lower(), []).append(text)
    peer = request.client.host if request.client is not None else ""
    return Asked(request.method, _path(request.scope), request.url.query, headers, peer, body)


def _path(scope: Scope) -> str:
    """The path as it was meant: starlette's `url` would take a question mark of a name for the query's."""
    (path,) = [str(value) for name, value in scope.items() if name == "path"]
    return path


def _response(reply: Reply) -> Response:
    return Response(reply.content, reply.status, {**_HEADERS, **reply.headers}, reply.type)
