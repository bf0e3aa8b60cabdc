"""Faults done to requests, for rehearsals (`faults` decides which).

Law: this wraps the application and knows none of its endpoints but by their row's family, so that a fault's body has the
shape that the real platform's would have. How a platform may be is said by `distortion` (what is read) and by `views`
(what is done). A dropped connection is one: its transport is closed, which uvicorn's protocols do not offer to an
application; so a subclass of the protocol notes the transport of each connection by the address of its other end.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from gatectl.platforms.embedded.platform import Platform
from gatectl.server.application import PLATFORM
from gatectl.server.distortion import READ, with_role
from gatectl.server.endpoint import Family, no
from gatectl.server.faults import ADDED, Faults, Kind, Rule
from gatectl.server.hosting import bearer
from gatectl.server.routes import ENDPOINTS
from gatectl.server.sessions import Sessions
from gatectl.server.views import History, Writing

Peer = tuple[str, int]
Transports = dict[Peer, asyncio.Transport]

_PIECES: Final = 10
_OK: Final = 200
_WRITING: Final = frozenset[Kind](("replacing-put", "lower-case"))
_LENGTH: Final = b"content-length"
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

    def __init__(
        self, application: ASGIApp, faults: Faults, sessions: Sessions, transports: Transports, platform: Platform,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._application = application
        self._faults = faults
        self._sessions = sessions
        self._transports = transports
        self._platform = platform
        self._sleep = sleep
        self._history = None if faults.longest_lag is None else History(platform, faults.longest_lag)
        self._families = [(Route(one.path, _never, methods=[one.method]), one.family) for one in ENDPOINTS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        struck = self._faults.strike(scope["method"], scope["path"])
        if struck:
            scope["gatectl.fault"] = " and ".join(rule.kind for rule in struck)
        kinds = {rule.kind for rule in struck}
        if scope["method"] != "GET" and kinds & _WRITING:
            replaces, folds = "replacing-put" in kinds, "lower-case" in kinds
            scope[PLATFORM] = Writing(self._platform, replaces=replaces, folds=folds)
        changes: list[Callable[[Any], Any]] = []
        for rule in struck:
            if rule.kind not in ADDED:
                await self._troubled(rule, _Changed(self._executing, changes), scope, receive, send)
                return
            if rule.kind == "read-role" and scope["method"] != "GET" and self._family(scope) != "auth":
                await _forbidden(rule, self._family(scope))(scope, receive, send)
                return
            changes += await self._added(rule, scope)
        await _Changed(self._executing, changes)(scope, receive, send)

    async def _added(self, rule: Rule, scope: Scope) -> list[Callable[[Any], Any]]:
        """What a kind that adds to others does before a request, and what it makes of the answer to a GET."""
        if rule.kind == "latency":
            await self._sleep(rule.seconds)
        elif rule.kind == "lag" and self._history is not None and scope["method"] == "GET":
            scope[PLATFORM] = await asyncio.to_thread(self._history.before, rule.seconds)
        if scope["method"] != "GET":
            return []
        if rule.kind == "read-role":
            user = self._sessions.profile(bearer(Request(scope).headers.get("authorization")))
            return [lambda body: with_role(body, user, "READ")]
        return [READ[rule.kind]] if rule.kind in READ else []

    async def _executing(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application; a write is remembered before it is answered, for lists that lag."""
        if self._history is None or scope["method"] == "GET":
            await self._application(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._application(scope, receive, keep)
        await asyncio.to_thread(self._history.note)
        for message in messages:
            await send(message)

    async def _troubled(self, rule: Rule, application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if rule.kind in _INSTEAD:
            await self._instead(rule, scope, receive, send)
        else:
            await self._distorted(rule, application, scope, receive, send)

    async def _instead(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        """Kinds that keep the request from being executed."""
        if rule.kind == "drop-before":
            await self._drop(scope, receive)
            return
        if rule.kind == "expire-token":
            self._sessions.expire(bearer(Request(scope).headers.get("authorization")))
        response = _INSTEAD[rule.kind](rule, self._family(scope), f"{scope['method']} {scope['path']}")
        await response(scope, receive, send)

    async def _distorted(self, rule: Rule, application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Kinds that let the request be executed, and do something to its answer."""
        start, body = await _answer_of(application, scope, receive)
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
            await self._trickle(body, rule.seconds, send)
        else:
            page = Response(_PAGE, rule.status or start["status"], media_type="text/html")
            await page(scope, receive, send)

    async def _trickle(self, body: bytes, seconds: float, send: Callable[[Message], Awaitable[None]]) -> None:
        size = max(1, -(-len(body) // _PIECES))
        pieces = [body[place : place + size] for place in range(0, len(body), size)]
        for piece in pieces:
            await self._sleep(seconds / len(pieces))
            await send(_part(piece, more=True))
        await send(_part(b"", more=False))

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


class _Changed:
    """An application whose answers read otherwise: `changes` are done to the JSON of what succeeded."""

    def __init__(self, application: ASGIApp, changes: Sequence[Callable[[Any], Any]]) -> None:
        self._application = application
        self._changes = changes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._changes:
            await self._application(scope, receive, send)
            return
        start, content = await _answer_of(self._application, scope, receive)
        if not start:
            return  # whoever asked has gone
        if start["status"] == _OK:
            body = json.loads(content)
            for change in self._changes:
                body = change(body)
            content = json.dumps(body).encode()
            headers = [(name, value) for name, value in start["headers"] if name != _LENGTH]
            start = {**start, "headers": [*headers, (_LENGTH, str(len(content)).encode())]}
        await send(start)
        await send(_part(content, more=False))


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


def _withheld(rule: Rule, family: Family, request: str) -> Response:
    status = rule.status or 403
    if status == _OK:
        return _json(status, {"success": True, "message": "there is nothing to see"})
    return _json(status, no(family, status, "this is not for you", rule.code).body)


def _successful_error(rule: Rule, family: Family, request: str) -> Response:
    code = rule.code or "QUOTA_EXCEEDED"
    return _json(200, {"success": True, "error_code": code, "error_message": "the platform did not do it"})


def _forbidden(rule: Rule, family: Family) -> Response:
    return _json(403, no(family, 403, "your role in this workspace is READ", rule.code).body)


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
    "withheld": _withheld,
    "success-with-error": _successful_error,
}
"""The kinds that keep a request from being executed, and what is answered instead."""
