"""Faults done to requests, for rehearsals (`faults` decides which).

Law: this wraps the application and knows none of its endpoints but by their row's family, so that a fault's body has the
shape that the real platform's would have. A dropped connection is one: its transport is closed, which uvicorn's protocols
do not offer to an application; so a subclass of the protocol notes the transport of each connection by the address of its
other end.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from gatectl.server.application import bearer
from gatectl.server.endpoint import Family, no
from gatectl.server.faults import Faults, Kind, Rule
from gatectl.server.routes import ENDPOINTS
from gatectl.server.sessions import Sessions

Peer = tuple[str, int]
Transports = dict[Peer, asyncio.Transport]

_PIECES: Final = 10
_PAGE: Final = b"<!DOCTYPE html>\n<html><head><title>Bad Gateway</title></head><body>Bad Gateway</body></html>\n"


def protocol_class(transports: Transports) -> type[asyncio.Protocol]:
    """uvicorn's protocol, noting the transport of each connection as long as there is one."""
    base: Any = AutoHTTPProtocol

    class NotingProtocol(base):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            self._peer = tuple((transport.get_extra_info("peername") or ("", 0))[:2])
            transports[self._peer] = transport
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            transports.pop(self._peer, None)
            super().connection_lost(error)

    return NotingProtocol


class Interference:
    """The application, and what a rehearsal does to it."""

    def __init__(self, application: ASGIApp, faults: Faults, sessions: Sessions, transports: Transports) -> None:
        self._application = application
        self._faults = faults
        self._sessions = sessions
        self._transports = transports
        self._families = [(Route(one.path, _never, methods=[one.method]), one.family) for one in ENDPOINTS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        struck = self._faults.strike(scope["method"], scope["path"])
        if struck:
            scope["gatectl.fault"] = " and ".join(rule.kind for rule in struck)
        for rule in struck:
            if rule.kind == "latency":
                await asyncio.sleep(rule.seconds)
            elif rule.kind in _INSTEAD:
                await self._instead(rule, scope, receive, send)
                return
            else:
                await self._distorted(rule, scope, receive, send)
                return
        await self._application(scope, receive, send)

    async def _instead(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        """Kinds that keep the request from being executed."""
        if rule.kind == "drop-before":
            await self._drop(scope, receive)
            return
        if rule.kind == "expire-token":
            self._sessions.expire(bearer(Request(scope).headers.get("authorization")))
        response = _INSTEAD[rule.kind](rule, self._family(scope), f"{scope['method']} {scope['path']}")
        await response(scope, receive, send)

    async def _distorted(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        """Kinds that let the request be executed, and do something to its answer."""
        start, body = await _answer_of(self._application, scope, receive)
        if not start:
            return  # whoever asked has gone
        if rule.kind == "drop-after":
            await self._drop(scope, receive)
        elif rule.kind == "truncate":
            await send(start)
            await send(_part(body[: len(body) // 2], more=True))
            await self._close(scope, receive)
        elif rule.kind == "slow-body":
            await send(start)
            await _trickle(body, rule.seconds, send)
        else:
            page = Response(_PAGE, rule.status or start["status"], media_type="text/html")
            await page(scope, receive, send)

    async def _drop(self, scope: Scope, receive: Receive) -> None:
        """Break the connection off, whatever is still to be sent."""
        transport = self._transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()
        await _gone(receive)

    async def _close(self, scope: Scope, receive: Receive) -> None:
        """Close the connection after what has been sent."""
        transport = self._transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.close()
        await _gone(receive)

    def _family(self, scope: Scope) -> Family:
        return next((family for route, family in self._families if route.matches(scope)[0] == Match.FULL), "general")


async def _never(request: Request) -> Response:
    raise AssertionError("these routes only tell families apart")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer_of(application: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    start: Message = {}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await application(scope, receive, keep)
    return start, b"".join(parts)


async def _trickle(body: bytes, seconds: float, send: Callable[[Message], Awaitable[None]]) -> None:
    size = max(1, -(-len(body) // _PIECES))
    pieces = [body[place : place + size] for place in range(0, len(body), size)]
    for piece in pieces:
        await asyncio.sleep(seconds / len(pieces))
        await send(_part(piece, more=True))
    await send(_part(b"", more=False))


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, "application/json")


def _dropped(rule: Rule, family: Family, request: str) -> Response:
    raise AssertionError("a dropped connection has no answer")


def _throttled(rule: Rule, family: Family, request: str) -> Response:
    answer = no(family, 429, "too many requests", rule.code)
    return _json(429, answer.body, {"Retry-After": str(math.ceil(rule.seconds))})


def _throttled_silently(rule: Rule, family: Family, request: str) -> Response:
    return _json(429, no(family, 429, "too many requests", rule.code).body)


def _quota(rule: Rule, family: Family, request: str) -> Response:
    status = rule.status or 429
    if request == "POST /bucket":
        return _json(status, {"success": False, "bucketId": None})
    body = no(family, status, "the quota of the subscription is exceeded").body
    return _json(status, {**body, "error_code": rule.code or "QUOTA_EXCEEDED"})


def _server_error(rule: Rule, family: Family, request: str) -> Response:
    status = rule.status or 500
    return _json(status, no(family, status, "the server is having a bad day", rule.code).body)


def _refused(rule: Rule, family: Family, request: str) -> Response:
    return _json(200, no(family, 400, "the platform refused", rule.code or "REFUSED").body)


def _expired(rule: Rule, family: Family, request: str) -> Response:
    return _json(401, no(family, 401, "the access token has expired", rule.code or "TOKEN_EXPIRED").body)


_INSTEAD: Final[Mapping[Kind, Callable[[Rule, Family, str], Response]]] = {
    "drop-before": _dropped,
    "throttle": _throttled,
    "throttle-without-retry-after": _throttled_silently,
    "quota": _quota,
    "server-error": _server_error,
    "refuse": _refused,
    "expire-token": _expired,
}
"""The kinds that keep a request from being executed, and what is answered instead."""
