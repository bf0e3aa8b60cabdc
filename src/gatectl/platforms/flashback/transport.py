"""Requests over HTTP, and what to do when they fail. The only module that knows httpx; no other knows its exceptions.

A request that surely had no effect is repeated here: a GET; anything that was never sent; what was throttled. A write that
may have had one is never repeated here: it raises Uncertain, and `apply` reads the platform again before it decides.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

import httpx

from gatectl import __version__
from gatectl.errors import (
    DeadlinePassed,
    NotAuthenticated,
    PlatformError,
    PlatformRefused,
    Uncertain,
    Unreachable,
)
from gatectl.platforms.flashback.answers import Answer, Throttled, judge, parse_body, redact
from gatectl.platforms.flashback.session import make_session
from gatectl.platforms.interface import Credentials

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 30.0
TRIED_SECONDS: Final = 10.0
"""How long a platform that does not answer is tried (product.md, section 2: exit code 10)."""

START: Final = 4
RENEWALS: Final = 5
"""How often a request is sent again with a new token; a token may be expired by whoever else shares the login."""

_LARGEST: Final = 256 * 1024 * 1024
_LARGEST_OF_WRITE: Final = 1024 * 1024
_GLANCE: Final = 0.1
"""How often who waits looks up whether it still should."""


class Pace:
    """How many requests may be under way: starts at 4, halves when throttled, grows by one after a clean window."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.limit = min(START, largest)
        self._under_way = 0
        self._clean = 0
        self._halved = 0.0
        self._change = threading.Condition()

    @contextmanager
    def turn(self, check: Callable[[], None]) -> Iterator[None]:
        """Room for a request, once there is; `check` raises where it is not to be sent any more."""
        with self._change:
            check()
            while self._under_way >= self.limit:
                self._change.wait(_GLANCE)
                check()
            self._under_way += 1
        try:
            yield
        finally:
            with self._change:
                self._under_way -= 1
                self._change.notify()

    def went_well(self) -> None:
        with self._change:
            self._clean += 1
            if self._clean >= 4 * self.limit and self.limit < self.largest:
                self.limit += 1
                self._clean = 0
                self._change.notify()

    def was_throttled(self) -> None:
        with self._change:
            self._clean = 0
            # Answers to requests of the same moment are one sign, not several.
            if time.monotonic() - self._halved > 0.5:
                self.limit = max(1, self.limit // 2)
                self._halved = time.monotonic()


_PLAIN: Final[Mapping[str, str]] = {}


class _Request(NamedTuple):
    """What to send; `extra` are headers of its own. `changes`: it is a write, which is never sent twice unless it surely had
    no effect, and can be stopped."""

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    extra: Mapping[str, str] = _PLAIN
    changes: bool = False

    @property
    def what(self) -> str:
        return f"{self.method} {self.path}"

    def headers(self, token: str | None) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return authorization | dict(self.extra)

    def secrets(self) -> list[str]:
        return [v for k, v in (self.body or {}).items() if k in ("key", "secret") and isinstance(v, str)]


class Transport:
    """One connection pool to one platform."""

    def __init__(self, url: str, credentials: Credentials | None, *, parallel: int, ends: float | None) -> None:
        self.pace = Pace(parallel)
        self.stopping = False
        self._ends = ends
        secure = url.startswith("https://")
        self._client = httpx.Client(
            base_url=url,
            limits=httpx.Limits(max_connections=parallel + 2, max_keepalive_connections=parallel + 2),
            headers={"User-Agent": f"gatectl/{__version__}", "Accept": "application/json"},
            # Plain http is for loopback: no proxy may see it, and there are no certificates to load.
            trust_env=secure,
            verify=secure,
        )
        self._session = make_session(credentials, self._post_without_token)

    def close(self) -> None:
        self._client.close()

    def stop(self) -> None:
        """No write is sent from now on, and none waits any longer to be. A flag and no lock: signal handlers come here."""
        self.stopping = True

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The body of a successful GET; tried until it is whole. Raises PlatformError."""
        request = _Request("GET", path, query)
        return self._until_whole(lambda: self._authorized(request), request, refusals=True)

    def _until_whole(self, ask: Callable[[], Any], request: _Request, *, refusals: bool) -> Any:
        """Ask something that does no harm when it is asked twice, until it is answered or the time for trying is over.

        `refusals`: a 200 that says no, or a quota, is a passing fault too; a list has nothing to refuse.
        """
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                return ask()
            except (Uncertain, PlatformRefused) as error:
                passing = (
                    refusals and isinstance(error, PlatformRefused) and (error.status < 300 or error.status == 429)
                )
                if not (passing or isinstance(error, Uncertain)):
                    raise
                if time.monotonic() - began >= TRIED_SECONDS:
                    raise Unreachable(f"{error.message}; tried for {TRIED_SECONDS:.0f} s", _LATER) from None
            self._sleep(_backoff(attempt), request)
            attempt += 1

    def write(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] = _PLAIN) -> Any:
        """The body of a successful write. Raises Uncertain where it may have had an effect all the same."""
        return self._authorized(_Request(method, path, None, body, headers, changes=True))

    def _authorized(self, request: _Request) -> Any:
        """One request with a token. Whatever goes wrong on the way, no secret is in what it raises."""
        try:
            return self._renewing(request)
        except PlatformError as error:
            raise redact(error, [*self._session.secrets(), *request.secrets()]) from None

    def _renewing(self, request: _Request) -> Any:
        """Sent again with a new token where the platform refused the old: it did nothing then."""
        renewals = 0
        while True:
            token = self._session.token()
            try:
                return self._patient(request, request.headers(token))
            except NotAuthenticated as error:
                if error.code == "forbidden" or renewals == RENEWALS or not self._session.renew(token):
                    raise
            self._sleep(_backoff(renewals), request)
            renewals += 1

    def _post_without_token(self, path: str, body: Mapping[str, Any]) -> Any:
        """A login or a refresh: done twice it does no harm."""
        request = _Request("POST", path, None, body)
        return self._until_whole(lambda: self._patient(request, {}), request, refusals=False)

    def _patient(self, request: _Request, headers: Mapping[str, str]) -> Any:
        """One request, repeated while it surely had no effect: it was never sent, or it was throttled."""
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                with self.pace.turn(lambda: self._check(request)):
                    answer = self._send(request, headers)
                result = judge(answer)
                self.pace.went_well()
                return result
            except Throttled as error:
                self.pace.was_throttled()
                self._sleep(max(error.seconds or 0.0, _backoff(attempt) * 2), request, asked=error.seconds)
            except Unreachable as error:
                if isinstance(error, Uncertain) or time.monotonic() - began >= TRIED_SECONDS:
                    raise
                self._sleep(_backoff(attempt), request)
            attempt += 1

    def _send(self, request: _Request, headers: Mapping[str, str]) -> Answer:
        built = self._build(request, headers)
        status = 0
        try:
            with closing(self._client.send(built, stream=True)) as response:
                status = response.status_code
                return _answer(request, response, self._bounded(request, response))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self._check(request)
            reason = f"{self._client.base_url} cannot be reached: {_reason(error)}"
            raise Unreachable(f"{request.what}: {reason}", _LATER) from None
        except httpx.TimeoutException:
            raise self._too_late(request) or Uncertain(
                f"{request.what}: no answer within {REQUEST_SECONDS:.0f} s", settled=False
            ) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError) as error:
            # Without an answer nothing says that the platform is not at work on it still.
            raise Uncertain(
                f"{request.what}: the connection broke: {_reason(error)}", settled=_succeeded(status)
            ) from None
        except httpx.LocalProtocolError:
            raise _unsendable(request) from None
        except httpx.HTTPError as error:
            raise PlatformError(f"{request.what}: {_reason(error)}") from None

    def _build(self, request: _Request, headers: Mapping[str, str]) -> httpx.Request:
        left = min(REQUEST_SECONDS, max(0.05, self._left()))
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        try:
            return self._client.build_request(
                request.method, request.path, params=request.query, json=request.body, headers=headers, timeout=timeout
            )
        except (httpx.InvalidURL, ValueError, TypeError):
            raise _unsendable(request) from None

    def _bounded(self, request: _Request, response: httpx.Response) -> bytes:
        """The whole body, of a size that fits a list of anything; one that never ends is an error and not a full memory."""
        largest = _LARGEST if request.method == "GET" else _LARGEST_OF_WRITE
        settled = _succeeded(response.status_code)
        chunks = []
        size = 0
        started = time.monotonic()
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > largest:
                message = f"{request.what}: the answer is larger than {largest // 1024 // 1024} MiB"
                raise Uncertain(message, settled=settled) if request.changes else PlatformError(message)
            if time.monotonic() - started > 4 * REQUEST_SECONDS:
                raise Uncertain(f"{request.what}: the answer does not end", settled=settled)
            late = self._too_late(request)
            if late is not None:
                raise late
        return b"".join(chunks)

    def _left(self) -> float:
        return self._ends - time.monotonic() if self._ends is not None else math.inf

    def _too_late(self, request: _Request) -> PlatformError | None:
        """What the deadline means for a request that was sent, where it passed."""
        if self._left() > 0:
            return None
        if request.changes:
            return Uncertain(f"{request.what}: the deadline passed before it was answered", settled=False)
        return DeadlinePassed(f"{request.what}: the deadline passed before it was answered", _MORE_TIME)

    def _check(self, request: _Request) -> None:
        """Whether a request may (still) be sent. Raises Stopped, DeadlinePassed."""
        if request.changes and self.stopping:
            raise Stopped(f"{request.what}: not sent, because the run was stopped")
        if self._left() <= 0:
            raise DeadlinePassed("the deadline passed", _MORE_TIME)

    def _sleep(self, seconds: float, request: _Request, asked: float | None = None) -> None:
        """Wait before a request is sent, but never beyond the deadline, nor after `stop`."""
        left = self._left()
        if seconds >= left:
            why = "the deadline passed while waiting for the platform"
            if asked is not None:
                why = f"the deadline comes first: the platform asks to wait {asked:.0f} s, and {max(0.0, left):.0f} s are left"
            raise DeadlinePassed(why, _MORE_TIME)
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            self._check(request)
            time.sleep(min(_GLANCE, rest))


class Stopped(PlatformError):
    """The run was stopped before this write was sent; it surely had no effect."""

    code = "stopped"


_MORE_TIME: Final = "give it more time: --deadline SECONDS"
_LATER: Final = "check the address and the network, then try again"


def _backoff(attempt: int) -> float:
    return float(min(0.1 * 2 ** min(attempt, 10), 1.0) * (0.5 + random.random() / 2))  # noqa: S311 - spreading retries, not a secret


def _answer(request: _Request, response: httpx.Response, content: bytes) -> Answer:
    return Answer(
        request.method,
        request.path,
        response.status_code,
        response.headers.get("retry-after"),
        _without_query(response.headers.get("location")),
        parse_body(content, response.headers.get("content-type", "")),
    )


def _unsendable(request: _Request) -> PlatformError:
    """What cannot be put into a request is not shown: it may be a secret."""
    return PlatformError(f"{request.what}: this cannot be sent as a request")


def _succeeded(status: int) -> bool:
    return 200 <= status < 300


def _without_query(location: str | None) -> str | None:
    return location.partition("?")[0] if location is not None else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
