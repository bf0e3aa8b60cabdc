"""The table of endpoints as an ASGI application: who may ask, what was sent, what is answered.

Law: nothing that comes in over the wire becomes a 5xx or reaches a log. An endpoint runs in a worker thread, since the
database's drivers wait; so do reading and writing JSON, which belong to it.

Where everybody is let in, a web page that the user happens to visit must not be: a request that names another host than
a loopback one, or comes from a page of another origin, is refused (403).
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gatectl.errors import (
    LeaseLost,
    OtherStore,
    PlatformError,
    PlatformLocked,
    PlatformRefused,
    Uncertain,
    Unreachable,
)
from gatectl.network.addresses import is_loopback, origin_host
from gatectl.platforms.embedded.platform import Platform
from gatectl.platforms.fencing import ANOTHER, HEADER, STALE, read
from gatectl.platforms.interface import HONOURS, KEY, Fences
from gatectl.quote import quote
from gatectl.server.endpoint import Answer, Call, Endpoint, fenced_off, no, refusal
from gatectl.server.hosting import bearer
from gatectl.server.openapi import describe
from gatectl.server.routes import ENDPOINTS, NOT_OFFERED
from gatectl.server.sessions import Sessions
from gatectl.server.typed import typed

LARGEST_BODY: Final = 1024 * 1024

PLATFORM: Final = "gatectl.platform"
"""In a request's scope: the platform as this request has it, where that is another one (`views`)."""

_ABSENT: Final = ("", "undefined")
"""What the official client sends for a query parameter that it does not have (section 3.4)."""


class Serving(NamedTuple):
    """What every request needs; `report` is told the trace of an internal error."""

    platform: Platform
    sessions: Sessions
    executor: Executor
    report: Callable[[str], None]


class _TooLarge(Exception):
    """The body is larger than LARGEST_BODY."""


def make_application(serving: Serving) -> ASGIApp:
    """All endpoints of the table, and their description at `/openapi.json`."""
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    paths = sorted(by_path, key=lambda path: path.count("{"))
    routes = [Route("/openapi.json", _Description())]
    routes += [Route(path, _NotOffered()) for path in NOT_OFFERED]
    routes += [Route(path, _Path(by_path[path], serving)) for path in paths]
    return Router(routes, redirect_slashes=False, default=_unknown_path)


class _Path:
    """The endpoints of one path, by method."""

    def __init__(self, endpoints: Iterable[Endpoint], serving: Serving) -> None:
        self._by_method = {endpoint.method: endpoint for endpoint in endpoints}
        self._serving = serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        endpoint = self._by_method.get(method)
        if endpoint is None:
            response = _wrong_method(self._by_method)
        else:
            try:
                response = await _respond(endpoint, self._serving, Request(scope, receive))
            except ClientDisconnect:
                return
        await response(scope, receive, send)


class _NotOffered:
    """A path that the platform has and we do not; it is no id of anything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _unknown_path(scope, receive, send)


class _Description:
    """`GET /openapi.json`; made when it is first asked for."""

    def __init__(self) -> None:
        self._content: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await _wrong_method(["GET"])(scope, receive, send)
            return
        if self._content is None:
            self._content = json.dumps(describe(), indent=1).encode()
        await _response(200, self._content)(scope, receive, send)


async def _respond(endpoint: Endpoint, serving: Serving, request: Request) -> Response:
    token = bearer(request.headers.get("authorization"))
    try:
        _check_origin(serving.sessions, request.headers)
        if not endpoint.free:
            serving.sessions.admit(token)
        content = b"" if endpoint.body is None else await _read_body(request)
    except PlatformRefused as error:
        return _written(refusal(endpoint.family, error))
    except _TooLarge:
        response = _written(no(endpoint.family, 413, f"the body is larger than {LARGEST_BODY} bytes"))
        response.headers["Connection"] = "close"
        return response
    path = {name: str(value) for name, value in request.path_params.items()}
    if_match = request.headers.get("if-match") if endpoint.conditional else None
    once = request.headers.get(KEY) if endpoint.once else None
    platform = request.scope.get(PLATFORM, serving.platform)
    query = request.url.query
    peer = request.client.host if request.client is not None else ""
    fence = ", ".join(request.headers.getlist(HEADER)) if endpoint.fenced else ""
    raw = _Raw(path, query, content, if_match, once, token, peer, fence)

    def work() -> Response:
        return _written(_run(endpoint, serving._replace(platform=platform), raw))

    return await asyncio.get_running_loop().run_in_executor(serving.executor, work)


class _Raw(NamedTuple):
    """What was sent, as it came."""

    path: Mapping[str, str]
    query: str
    content: bytes
    if_match: str | None
    idempotency_key: str | None
    token: str
    peer: str
    fence: str


def _run(endpoint: Endpoint, serving: Serving, raw: _Raw) -> Answer:
    try:
        call = _call(endpoint, serving, raw)
        if endpoint.method != "GET":
            return endpoint.handle(call)
        call.platform.meet()
        answer = endpoint.handle(call)
        return answer._replace(body=typed(answer.body))
    except PlatformRefused as error:
        return refusal(endpoint.family, error)
    except LeaseLost as error:
        return fenced_off(endpoint.family, STALE, error.message)
    except OtherStore as error:
        return fenced_off(endpoint.family, ANOTHER, error.message)
    except Uncertain as error:
        return no(endpoint.family, 504, error.message)
    except (PlatformLocked, Unreachable) as error:
        return no(endpoint.family, 503, error.message)
    except PlatformError as error:
        serving.report(f"{endpoint.method} {endpoint.path}: {error.message}")
        return no(endpoint.family, 500, error.message)
    except Exception:
        serving.report(traceback.format_exc())
        return no(endpoint.family, 500, "internal error, which is a fault of gatectl and not yours")


def _call(endpoint: Endpoint, serving: Serving, raw: _Raw) -> Call:
    """The request as its endpoint takes it. Raises PlatformRefused (400)."""
    query = _query(raw.query)
    for name, value in (*raw.path.items(), *query.items()):
        if "\0" in value:
            raise PlatformRefused(f"{quote(name)} holds a character that cannot be stored")
    body = {} if endpoint.body is None else _body(endpoint, raw.content)
    fences = _fences(raw.fence)
    return Call(
        serving.platform if fences is None else serving.platform.fenced(fences),
        serving.sessions,
        raw.path,
        query,
        body,
        raw.if_match,
        raw.idempotency_key,
        raw.token,
        raw.peer,
        fences,
    )


def _fences(header: str) -> Fences | None:
    """The leases that a request names; None: none. Raises PlatformRefused (400)."""
    if not header:
        return None
    try:
        return read(header)
    except ValueError as error:
        raise PlatformRefused(str(error), platform_code="INVALID_FENCE") from None


def _check_origin(sessions: Sessions, headers: Mapping[str, str]) -> None:
    if not sessions.open:
        return
    origin = headers.get("origin")
    hosts = [headers.get("host", "localhost"), *([origin_host(origin) or ""] if origin is not None else [])]
    if not all(is_loopback(host) for host in hosts):
        message = "requests to a server without tokens come from this machine, and not from web pages of others"
        raise PlatformRefused(message, platform_code="FORBIDDEN", status=403)


def _query(text: str) -> dict[str, str]:
    """The query parameters, without those that mean nothing; of repeated ones the last."""
    return {name: value for name, value in parse_qsl(text, keep_blank_values=True) if value not in _ABSENT}


async def _read_body(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > LARGEST_BODY:
        raise _TooLarge
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise _TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _body(endpoint: Endpoint, content: bytes) -> dict[str, Any]:
    """The JSON object that was sent. Raises PlatformRefused (400)."""
    if not content.strip() and not endpoint.body_required:
        return {}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise PlatformRefused("the body is not JSON") from None
    if not isinstance(body, dict):
        raise PlatformRefused("the body is not a JSON object")
    return body


def _written(answer: Answer) -> Response:
    content = json.dumps(answer.body, separators=(",", ":")).encode()
    headers = {} if answer.etag is None else {"ETag": answer.etag}
    return _response(answer.status, content, headers)


def _response(status: int, content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Nothing of it may be kept by a cache, not only because some answers hold secrets."""
    return Response(
        content,
        status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", HONOURS: KEY, **(headers or {})},
        "application/json",
    )


def _wrong_method(methods: Sequence[str] | Mapping[str, Any]) -> Response:
    allowed = ", ".join(sorted(methods))
    response = _written(Answer({"success": False, "message": f"the method is not one of {allowed}"}, 405))
    response.headers["Allow"] = allowed
    return response


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    await _written(Answer({"success": False, "message": "there is no such path"}, 404))(scope, receive, send)
