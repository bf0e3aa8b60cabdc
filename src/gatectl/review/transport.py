"""Requests to a code host, and what to do when they fail. Beside the platform's transport the only module that knows httpx.

What surely had no effect is repeated: a GET, a replacement (PATCH, PUT), what was never sent, what was throttled. A POST
that may have had one raises Uncertain, and the caller looks before it posts again. The token is in no message.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from gatectl import __version__
from gatectl.errors import Forbidden, NotAuthenticated, PlatformError, PlatformRefused, Uncertain, Unreachable
from gatectl.redaction import Redaction

TRIED_SECONDS: Final = 10.0
"""How long a host that does not answer is tried."""

WAITED_SECONDS: Final = 120.0
"""How long a host may make us wait, all in all, before its limit counts as not reachable."""

_REQUEST_SECONDS: Final = 30.0
_PAGES: Final = 200
_LARGEST: Final = 64 * 1024 * 1024
_LATER: Final = "check the address and the network, then run it again"


class Patience(NamedTuple):
    """How long one run tries a host that fails, and how long it waits when it is told to."""

    tried: float = TRIED_SECONDS
    waited: float = WAITED_SECONDS


class Transport:
    """One connection to the API at `api`; `headers` carry the token, and go to no other origin."""

    def __init__(self, api: str, headers: Mapping[str, str], secret: str, patience: Patience) -> None:
        self._api = api
        self._without_secrets = Redaction([secret])
        self._patience = patience
        self._waited = 0.0
        self._client = httpx.Client(
            timeout=httpx.Timeout(_REQUEST_SECONDS, connect=5.0),
            headers={"User-Agent": f"gatectl/{__version__}", **headers},
            verify=api.startswith("https://"),
        )

    def close(self) -> None:
        self._client.close()

    def pages(self, path: str) -> Iterator[Any]:
        """The body of each page of a list, following `Link: rel="next"` on the same origin. Raises PlatformError."""
        url: str | None = f"{self._api}{path}"
        for _ in range(_PAGES):
            if url is None:
                return
            response = self._patient("GET", url, None)
            yield _body(response)
            url = self._next(response, url)
        raise PlatformError(
            f"there are more than {_PAGES} pages of comments", "delete some, or use another pull request"
        )

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The body of the answer. Raises Uncertain for a POST that may have had an effect, else PlatformError."""
        return _body(self._patient(method, f"{self._api}{path}", body))

    def _next(self, response: httpx.Response, url: str) -> str | None:
        link = response.links.get("next", {}).get("url")
        if link is None:
            return None
        try:
            there, ours = httpx.URL(url).join(link), httpx.URL(self._api)
        except httpx.InvalidURL:
            raise PlatformError("the address of the next page of comments cannot be read", _LATER) from None
        if (there.scheme, there.host, there.port) != (ours.scheme, ours.host, ours.port):
            raise PlatformError("the next page of comments is on another host, where the token does not go", _LATER)
        return str(there)

    def _patient(self, method: str, url: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """One request, repeated while that does no harm and there is time."""
        began, attempt = time.monotonic(), 0
        what = f"{method} {urlsplit(url).path}"
        while True:
            try:
                response = self._send(method, url, body, what)
                wait = _wait(response)
                if wait is None:
                    self._judge(response, what)
                    return response
                self._pause(wait if wait >= 0 else 2.0**attempt, what)
                began = time.monotonic()  # it is there, after all
            except Unreachable as error:
                if (isinstance(error, Uncertain) and method == "POST") or isinstance(error, _Limited):
                    raise
                if time.monotonic() - began >= self._patience.tried:
                    raise Unreachable(f"{error.message}; tried for {self._patience.tried:.0f} s", _LATER) from None
                time.sleep(min(0.1 * 2**attempt, 1.0) * (0.5 + random.random() / 2))  # noqa: S311 - spreading retries
            attempt += 1

    def _send(self, method: str, url: str, body: Mapping[str, Any] | None, what: str) -> httpx.Response:
        """One request. Raises Unreachable where it was never sent, Uncertain where it may have had an effect."""
        try:
            with self._client.stream(method, url, json=body) as response:
                size = 0
                chunks = []
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > _LARGEST:
                        raise PlatformError(f"{what}: the answer is larger than {_LARGEST // 1024 // 1024} MiB")
                    chunks.append(chunk)
                headers = [
                    (k, v) for k, v in response.headers.multi_items() if k not in ("content-encoding", "content-length")
                ]
                return httpx.Response(
                    response.status_code, headers=headers, content=b"".join(chunks), request=response.request
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreachable(f"{what}: the host cannot be reached: {self._words(error)}", _LATER) from None
        except httpx.HTTPError as error:
            raise Uncertain(f"{what}: the connection broke: {self._words(error)}", settled=True) from None

    def _pause(self, seconds: float, what: str) -> None:
        self._waited += seconds
        if self._waited > self._patience.waited:
            raise _Limited(f"{what}: the host's rate limit asks to wait {seconds:.0f} s", "run it again later")
        time.sleep(seconds)

    def _judge(self, response: httpx.Response, what: str) -> None:
        """Raise what an answer that is no success means."""
        status = response.status_code
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

    def _said(self, response: httpx.Response) -> str:
        try:
            body = response.json()
        except (ValueError, RecursionError):
            return ""
        message = (body.get("message") or body.get("error")) if isinstance(body, dict) else None
        return f": {self._clean(str(message))[:300]}" if message else ""

    def _words(self, error: Exception) -> str:
        return self._clean(str(error) or type(error).__name__)

    def _clean(self, text: str) -> str:
        """A text of the host's without the token, should it echo it."""
        return self._without_secrets(text)


class _Limited(Unreachable):
    """The host is there, and will not serve us for longer than we wait."""


def _wait(response: httpx.Response) -> float | None:
    """For how long an answer asks to wait (-1: it does not say); None for one that is no throttling.

    GitHub says 403 for its limits too; what tells them from a refusal is Retry-After, or a remainder of 0.
    """
    status, headers = response.status_code, response.headers
    after = headers.get("retry-after", "").strip()
    spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
    if status != 429 and not (status == 403 and (after or spent)):
        return None
    if after.isascii() and after.isdecimal():
        return float(min(int(after[:9]), 10**9))
    reset = headers.get("x-ratelimit-reset", "").strip()
    if spent and reset.isascii() and reset.isdecimal():
        return max(0.0, int(reset[:12]) - time.time())
    return -1.0


def _body(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except (ValueError, RecursionError):
        raise PlatformError(
            f"{response.request.method} {response.request.url.path}: the answer is not JSON", "check the API's address"
        ) from None
