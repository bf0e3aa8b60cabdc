"""Requests to the platform: with a token, as many at once as it bears, and again while that does no harm.

A request that surely had no effect is repeated here: a GET; anything that was never sent; what was throttled. A write that
may have had one is never repeated here: it raises Uncertain, and `applying.execute` reads the platform again before it decides.
"""

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from gatectl.clock import CLOCK, Clock
from gatectl.documents.proofs import effect_of_request
from gatectl.errors import (
    DeadlinePassed,
    NotAuthenticated,
    PlatformError,
    PlatformRefused,
    Uncertain,
    Unreachable,
)
from gatectl.network import http
from gatectl.network.addresses import Admission
from gatectl.network.http import LATER, MORE_TIME, TRIED_SECONDS, backoff
from gatectl.platforms import fencing
from gatectl.platforms.flashback.answers import Answer, Throttled, judge, parse_body, redact
from gatectl.platforms.flashback.session import make_session
from gatectl.platforms.interface import HONOURS, Credentials, Heard

START: Final = 4
RENEWALS: Final = 5
"""How often a request is sent again with a new token; a token may be expired by whoever else shares the login."""

_LARGEST: Final = 256 * 1024 * 1024
_LARGEST_OF_WRITE: Final = 1024 * 1024
_GLANCE: Final = 0.1
"""How often who waits looks up whether it still should."""


class Pace:
    """How many requests may be under way: starts at 4, halves when throttled, grows by one after a clean window."""

    def __init__(self, largest: int, clock: Clock = CLOCK) -> None:
        self.largest = largest
        self._clock = clock
        self.limit = min(START, largest)
        self._under_way = 0
        self._clean = 0
        self._halved = -math.inf
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
            if self._clock.now() - self._halved > 0.5:
                self.limit = max(1, self.limit // 2)
                self._halved = self._clock.now()


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

    def __init__(
        self, admission: Admission, credentials: Credentials | None, *, parallel: int, ends: float | None,
        environ: Mapping[str, str] = os.environ, clock: Clock = CLOCK, heard: Heard | None = None,
        allowed: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self.pace = Pace(parallel, clock)
        self._allowed = allowed
        self._clock = clock
        self.stopping = False
        self.told: Mapping[str, str] = _PLAIN
        """Headers of each read: what whoever holds leases wants the platform to know."""
        self.honours: frozenset[str] = frozenset()
        """The headers of requests that the platform says it heeds (`Gatectl-Honours`), as far as it has answered."""
        # A platform that nobody but the checkout names gets no credential, and no login is tried there.
        self._withheld = not admission.credentials
        self._place = admission.address.place
        self._client = http.Client(
            admission,
            headers={"Accept": "application/json"},
            parallel=parallel,
            ends=ends,
            environ=environ,
            clock=clock,
            sent=_counted(heard) if heard is not None else None,
        )
        self._session = make_session(credentials if admission.credentials else None, self._post_without_token, clock)

    def close(self) -> None:
        self._client.close()

    def stop(self) -> None:
        """No write is sent from now on, and none waits any longer to be. A flag and no lock: signal handlers come here."""
        self.stopping = True

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The body of a successful GET; tried until it is whole. Raises PlatformError."""
        request = _Request("GET", path, query, extra=self.told)
        return self._until_whole(lambda: self._authorized(request), request, quotas=True)

    def get_once(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The same without trying again: for what is not needed."""
        return self._authorized(_Request("GET", path, query, extra=self.told))

    def _until_whole(self, ask: Callable[[], Any], request: _Request, *, quotas: bool) -> Any:
        """Ask something that does no harm when it is asked twice, until it is answered or the time for trying is over.

        `quotas`: a quota is a passing fault too; a list has none. A refusal is an answer, and asking again does not change it.
        """
        began = self._clock.now()
        attempt = 0
        while True:
            try:
                return ask()
            except (Uncertain, PlatformRefused) as error:
                passing = quotas and isinstance(error, PlatformRefused) and error.status == 429
                if not (passing or isinstance(error, Uncertain)):
                    raise
                if self._clock.now() - began >= TRIED_SECONDS:
                    raise Unreachable(f"{error.message}; tried for {TRIED_SECONDS:.0f} s", LATER) from None
                failure = error
            self._sleep(backoff(attempt), request, failure)
            attempt += 1

    def write(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str] = _PLAIN) -> Any:
        """The body of a successful write. Raises Uncertain where it may have had an effect all the same."""
        return self._authorized(_Request(method, path, None, body, headers, changes=True))

    def _authorized(self, request: _Request) -> Any:
        """One request with a token. Whatever goes wrong on the way, no secret is in what it raises."""
        try:
            return self._renewing(request)
        except PlatformError as error:
            if self._withheld and error.code == NotAuthenticated.code:
                error = self._told_of_withholding(error)
            raise redact(error, [*self._session.secrets(), *request.secrets()]) from None

    def _told_of_withholding(self, error: PlatformError) -> NotAuthenticated:
        return NotAuthenticated(
            f"{error.message}; no credential was sent to {self._place}, because only the project file names it",
            f"if you trust it: gatectl trust {self._place}, or name it in --platform or GATECTL_TRUSTED_HOSTS",
        )

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
                failure = error
            self._sleep(backoff(renewals), request, failure)
            renewals += 1

    def _post_without_token(self, path: str, body: Mapping[str, Any]) -> Any:
        """A login or a refresh: done twice it does no harm."""
        request = _Request("POST", path, None, body)
        return self._until_whole(lambda: self._patient(request, {}), request, quotas=False)

    def _patient(self, request: _Request, headers: Mapping[str, str]) -> Any:
        """One request, repeated while it surely had no effect: it was never sent, or it was throttled."""
        began = self._clock.now()
        attempt = 0
        while True:
            try:
                with self.pace.turn(lambda: self._check(request)):
                    self._wait_for_budget(request)
                    answer = self._send(request, headers)
                result = judge(answer)
                self.pace.went_well()
                return result
            except Throttled as error:
                self.pace.was_throttled()
                self._sleep(max(error.seconds or 0.0, backoff(attempt) * 2), request, error, asked=error.seconds)
            except Unreachable as error:
                if isinstance(error, Uncertain) or self._clock.now() - began >= TRIED_SECONDS:
                    raise
                self._sleep(backoff(attempt), request, error)
            attempt += 1

    def _wait_for_budget(self, request: _Request) -> None:
        """Where requests are counted, beyond this run too. Raises DeadlinePassed, Stopped."""
        while self._allowed is not None and (wait := self._allowed()) > 0:
            self._client.pause(wait, lambda: self._check(request))

    def _send(self, request: _Request, headers: Mapping[str, str]) -> Answer:
        largest = _LARGEST if request.method == "GET" else _LARGEST_OF_WRITE
        try:
            response = self._client.exchange(
                http.Request(
                    request.method, self._client.at(request.path), request.what, largest, request.query, request.body,
                    headers, request.changes,
                )
            )  # fmt: skip
        except Unreachable as error:
            if not isinstance(error, Uncertain):
                self._check_stop(request)
            raise
        if (told := response.headers.get(HONOURS.lower())) is not None:
            self.honours = frozenset(re.split(r"\s*,\s*", told.strip().lower()))
        return _answer(request, response, self._clock.wall())

    def _check(self, request: _Request) -> None:
        """Whether a request may (still) be sent. Raises Stopped, DeadlinePassed."""
        self._check_stop(request)
        if self._client.left() <= 0:
            raise DeadlinePassed("the deadline passed", MORE_TIME)

    def _check_stop(self, request: _Request) -> None:
        if request.changes and self.stopping:
            raise Stopped(f"{request.what}: not sent, because the run was stopped")

    def _sleep(self, seconds: float, request: _Request, after: PlatformError, asked: float | None = None) -> None:
        """Wait before a request is sent again, but never beyond the deadline, nor after `stop`."""
        self._client.pause(seconds, lambda: self._check(request), after=after, asked=asked)


def _counted(heard: Heard) -> Callable[[str, str, bool], None]:
    """What tells of a request to the platform; the only ones that change nothing and are no GET sign in."""

    def sent(method: str, path: str, changes: bool) -> None:
        heard(effect_of_request(method, signs_in=not changes), method, path)

    return sent


class Stopped(PlatformError):
    """The run was stopped before this write was sent; it surely had no effect."""

    code = "stopped"


def _answer(request: _Request, response: http.Response, at: float) -> Answer:
    headers = response.headers
    return Answer(
        request.method,
        request.path,
        response.status,
        headers.get("retry-after"),
        _without_query(headers.get("location")),
        parse_body(response.content, headers.get("content-type", "")),
        at,
        fencing.HEADER in request.extra,
    )


def _without_query(location: str | None) -> str | None:
    return location.partition("?")[0] if location is not None else None
