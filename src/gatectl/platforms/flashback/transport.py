"""Requests over HTTP, and what to do when they fail. The only module that knows httpx; no other knows its exceptions.

A request that surely had no effect is repeated here: a GET; anything that was never sent; what was throttled. A write that
may have had one is never repeated here: it raises Uncertain, and `apply` reads the platform again before it decides.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx

from gatectl import __version__
from gatectl.errors import NotAuthenticated, PlatformError, PlatformRefused, Uncertain, Unreachable
from gatectl.platforms.flashback.answers import Answer, Throttled, judge, parse_body, redact
from gatectl.platforms.flashback.session import make_session
from gatectl.platforms.interface import Credentials

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 30.0
TRIED_SECONDS: Final = 10.0
"""How long a platform that does not answer is tried (product.md, section 2: exit code 10)."""

START: Final = 4
_LARGEST: Final = 256 * 1024 * 1024


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
    def turn(self) -> Iterator[None]:
        with self._change:
            while self._under_way >= self.limit:
                self._change.wait()
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


class Transport:
    """One connection pool to one platform."""

    def __init__(self, url: str, credentials: Credentials | None, *, parallel: int, ends: float | None) -> None:
        self.pace = Pace(parallel)
        self._ends = ends
        self._client = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=parallel + 2, max_keepalive_connections=parallel + 2),
            headers={"User-Agent": f"gatectl/{__version__}", "Accept": "application/json"},
            trust_env=True,
            # Plain http is for loopback and checks no certificates, so none need be loaded.
            verify=url.startswith("https://"),
        )
        self._session = make_session(credentials, self._post_without_token)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The body of a successful GET; tried until it is whole. Raises PlatformError."""
        return self._until_whole(lambda: self._authorized("GET", path, query, None, None), refusals=True)

    def _until_whole(self, ask: Callable[[], Any], *, refusals: bool) -> Any:
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
                    raise Unreachable(f"{error.message}; tried for {TRIED_SECONDS:.0f} s", _LATER) from error
            self._sleep(_backoff(attempt))
            attempt += 1

    def write(self, method: str, path: str, body: Mapping[str, Any] | None, etag: str | None = None) -> Any:
        """The body of a successful write. Raises Uncertain where it may have had an effect all the same."""
        try:
            return self._authorized(method, path, None, body, etag)
        except PlatformError as error:
            raise redact(
                error, [v for k, v in (body or {}).items() if k in ("key", "secret") and isinstance(v, str)]
            ) from None

    def _authorized(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, etag: str | None
    ) -> Any:
        """One request with a token, and again with a new one where the platform refused it: it did nothing then."""
        began = time.monotonic()
        while True:
            token = self._token()
            try:
                headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
                if etag is not None:
                    headers["If-Match"] = etag
                return self._patient(method, path, query, body, headers)
            except NotAuthenticated as error:
                if error.code == "forbidden" or not self._session.renew(token):
                    raise redact(error, self._session.secrets()) from None
                if time.monotonic() - began >= TRIED_SECONDS:
                    raise redact(error, self._session.secrets()) from None
            except PlatformError as error:
                raise redact(error, self._session.secrets()) from None

    def _token(self) -> str | None:
        try:
            return self._session.token()
        except PlatformError as error:
            raise redact(error, self._session.secrets()) from None

    def _post_without_token(self, path: str, body: Mapping[str, Any]) -> Any:
        """A login or a refresh: done twice it does no harm."""
        return self._until_whole(lambda: self._patient("POST", path, None, body, {}), refusals=False)

    def _patient(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> Any:
        """One request, repeated while it surely had no effect: it was never sent, or it was throttled."""
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                with self.pace.turn():
                    answer = self._send(method, path, query, body, headers)
                result = judge(answer)
                self.pace.went_well()
                return result
            except Throttled as error:
                self.pace.was_throttled()
                self._sleep(error.seconds if error.seconds is not None else _backoff(attempt) * 2)
            except Unreachable as error:
                if isinstance(error, Uncertain) or time.monotonic() - began >= TRIED_SECONDS:
                    raise
                self._sleep(_backoff(attempt))
            attempt += 1

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> Answer:
        self._check_deadline()
        what = f"{method} {path}"
        try:
            with self._client.stream(method, path, params=query, json=body, headers=headers) as response:
                # A list may be large, and is bounded; what a write answers is a few fields, read in one go.
                content = _bounded(response, what) if method == "GET" else response.read()
                return Answer(
                    method,
                    path,
                    response.status_code,
                    response.headers.get("retry-after"),
                    _without_query(response.headers.get("location")),
                    parse_body(content, response.headers.get("content-type", "")),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreachable(f"{what}: {self._client.base_url} cannot be reached: {_reason(error)}", _LATER) from None
        except httpx.TimeoutException:
            raise Uncertain(f"{what}: no answer within {REQUEST_SECONDS:.0f} s", settled=False) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError) as error:
            raise Uncertain(f"{what}: the connection broke: {_reason(error)}", settled=True) from None
        except httpx.HTTPError as error:
            raise PlatformError(f"{what}: {_reason(error)}") from None

    def _check_deadline(self) -> None:
        if self._ends is not None and time.monotonic() >= self._ends:
            raise DeadlinePassed("the deadline passed", "give it more time: --deadline SECONDS")

    def _sleep(self, seconds: float) -> None:
        """Wait, but never beyond the deadline."""
        if self._ends is not None and time.monotonic() + seconds >= self._ends:
            raise DeadlinePassed(
                "the deadline passed while waiting for the platform", "give it more time: --deadline SECONDS"
            )
        time.sleep(seconds)


class DeadlinePassed(PlatformError):
    """The time for the whole run is over. Whatever was to be sent next was not."""

    code = "deadline"
    exit_code = Unreachable.exit_code


_LATER: Final = "check the address and the network, then try again"


def _backoff(attempt: int) -> float:
    return float(min(0.1 * 2**attempt, 1.0) * (0.5 + random.random() / 2))  # noqa: S311 - spreading retries, not a secret


def _bounded(response: httpx.Response, what: str) -> bytes:
    """The whole body, of a size that fits a list of anything; a body that never ends is an error and not a full memory."""
    chunks = []
    size = 0
    started = time.monotonic()
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST:
            raise PlatformError(f"{what}: the answer is larger than {_LARGEST // 1024 // 1024} MiB")
        if time.monotonic() - started > 4 * REQUEST_SECONDS:
            raise Uncertain(f"{what}: the answer does not end", settled=True)
    return b"".join(chunks)


def _without_query(location: str | None) -> str | None:
    return location.partition("?")[0] if location is not None else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
