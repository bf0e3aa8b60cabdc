"""Requests to a code host, and what its answers mean.

What surely had no effect is repeated: a GET, a replacement (PATCH, PUT), what was never sent, what was throttled. A POST
that may have had one raises Uncertain, and the caller looks before it posts again. The token is in no message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from gatectl.clock import CLOCK, Clock
from gatectl.credentials.redaction import Redaction
from gatectl.errors import Forbidden, NotAuthenticated, PlatformError, PlatformRefused, Uncertain, Unreachable
from gatectl.network import http
from gatectl.network.addresses import admit, http_address
from gatectl.network.http import LATER, TRIED_SECONDS, backoff
from gatectl.quote import quote

WAITED_SECONDS: Final = 120.0
"""How long a host may make us wait, all in all, before its limit counts as not reachable."""

_PAGES: Final = 200
_LARGEST: Final = 64 * 1024 * 1024


class Patience(NamedTuple):
    """How long one run tries a host that fails, and how long it waits when it is told to."""

    tried: float = TRIED_SECONDS
    waited: float = WAITED_SECONDS


class Transport:
    """One connection to the API at `api`, which the CI names; `headers` carry the token, and go to no other origin.

    `ends` is the moment (of `clock`) by which all is over.
    """

    def __init__(
        self, api: str, headers: Mapping[str, str], secret: str, patience: Patience, ends: float | None = None,
        clock: Clock = CLOCK,
    ) -> None:  # fmt: skip
        self._without_secrets = Redaction([secret])
        self._patience = patience
        self._waited = 0.0
        self._clock = clock
        # The variables that CI sets are the operator's word (`settings`); nothing of a checkout is asked for an address.
        admission = admit(http_address(api), named=True, trusted=())
        self._client = http.Client(admission, headers=headers, ends=ends, clock=clock)

    def close(self) -> None:
        self._client.close()

    def pages(self, path: str) -> Iterator[Any]:
        """The body of each page of a list, following `Link: rel="next"` on the same origin. Raises PlatformError."""
        url: str | None = self._client.at(path)
        for _ in range(_PAGES):
            if url is None:
                return
            response = self._patient("GET", url, None)
            yield _body(response, "GET", url)
            url = response.next
        raise PlatformError(
            f"there are more than {_PAGES} pages of comments", "delete some, or use another pull request"
        )

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The body of the answer. Raises Uncertain for a POST that may have had an effect, else PlatformError."""
        url = self._client.at(path)
        return _body(self._patient(method, url, body), method, url)

    def _patient(self, method: str, url: str, body: Mapping[str, Any] | None) -> http.Response:
        """One request, repeated while that does no harm and there is time."""
        began, attempt = self._clock.now(), 0
        what = _what(method, url)
        while True:
            try:
                response = self._client.exchange(
                    http.Request(method, url, what, _LARGEST, body=body, changes=method == "POST")
                )
                wait = _wait(response, self._clock.wall)
                if wait is None:
                    self._judge(response, what)
                    return response
                self._throttled(wait if wait >= 0 else 2.0**attempt, what)
                began = self._clock.now()  # it is there, after all
            except Unreachable as error:
                error = self._redacted(error)
                if (isinstance(error, Uncertain) and method == "POST") or isinstance(error, _Limited):
                    raise error from None
                if self._clock.now() - began >= self._patience.tried:
                    message = f"{error.message}; tried for {self._patience.tried:.0f} s"
                    raise Unreachable(message, error.hint if not isinstance(error, Uncertain) else LATER) from None
                self._client.pause(backoff(attempt), _nothing, after=error)
            attempt += 1

    def _throttled(self, seconds: float, what: str) -> None:
        self._waited += seconds
        if self._waited > self._patience.waited:
            raise _Limited(f"{what}: the host's rate limit asks to wait {seconds:.0f} s", "run it again later")
        self._client.pause(seconds, _nothing, asked=seconds)

    def _redacted(self, error: Unreachable) -> Unreachable:
        error.message = self._without_secrets(error.message)
        error.args = (error.message,)
        return error

    def _judge(self, response: http.Response, what: str) -> None:
        """Raise what an answer that is no success means."""
        status = response.status
        if 200 <= status < 300:
            return
        said = self._said(response)
        if status == 401:
            raise NotAuthenticated(f"{what}: the token was refused (401){said}", "set a token that is valid")
        if status == 403:
            raise Forbidden(
                f"{what}: the token may not do this (403){said}",
                "GitHub: permissions: {pull-requests: write}; GitLab: a project access token with the scope api in GITLAB_TOKEN",
            )
        if status == 408 or status >= 500:
            raise Uncertain(f"{what}: the host answered {status}{said}", settled=True)
        if status == 404:
            hint = "check the project and the number; a token that may not see it gets this answer too"
            raise PlatformRefused(f"{what}: there is no such thing (404){said}", status=404, hint=hint)
        if 300 <= status < 400:
            raise PlatformRefused(
                f"{what}: it has moved ({status})", status=status, hint="use the address that it has now"
            )
        raise PlatformRefused(f"{what}: the host refused it ({status}){said}", status=status)

    def _said(self, response: http.Response) -> str:
        try:
            body = json.loads(response.content)
        except (ValueError, RecursionError):
            return ""
        message = (body.get("message") or body.get("error")) if isinstance(body, dict) else None
        return f": {quote(self._without_secrets(str(message)))}" if message else ""


class _Limited(Unreachable):
    """The host is there, and will not serve us for longer than we wait."""


def _wait(response: http.Response, now: Callable[[], float]) -> float | None:
    """For how long an answer asks to wait (-1: it does not say); None for one that is no throttling.

    GitHub says 403 for its limits too; what tells them from a refusal is Retry-After, or a remainder of 0.
    """
    status, headers = response.status, response.headers
    after = headers.get("retry-after", "").strip()
    spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
    if status != 429 and not (status == 403 and (after or spent)):
        return None
    if after.isascii() and after.isdecimal():
        return float(min(int(after[:9]), 10**9))
    reset = headers.get("x-ratelimit-reset", "").strip()
    if spent and reset.isascii() and reset.isdecimal():
        return max(0.0, int(reset[:12]) - now())
    return -1.0


def _body(response: http.Response, method: str, url: str) -> Any:
    try:
        return json.loads(response.content) if response.content else None
    except (ValueError, RecursionError):
        raise PlatformError(f"{_what(method, url)}: the answer is not JSON", "check the API's address") from None


def _what(method: str, url: str) -> str:
    return f"{method} {quote(urlsplit(url).path)}"


def _nothing() -> None:
    """Nobody stops a comment but the deadline."""
