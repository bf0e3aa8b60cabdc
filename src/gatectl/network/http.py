"""Requests over HTTP to one origin: the only room that knows httpx, and what it means when something fails there.

What every caller is given here, and none has to think of:

- Nothing is sent to an origin that was not admitted (`addresses.admit`), and no credential to one that is admitted without.
  Redirects are not followed.
- A deadline ends a request whatever the server does: every read, write, handshake and look-up of a name ends by it, so an
  answer that comes byte by byte does too.
- An answer has a largest size. Proxies and certificates are those of the usual variables; this machine is never spoken to
  through a proxy. What is wrong with a variable is told by its name.
- Whatever is raised beneath is translated, by class (`MEANINGS`), into what is known of the request: it was never sent
  (Unreachable), it was sent and nobody knows (Uncertain), it cannot be sent (PlatformError).

Repeating is the caller's: only it knows what may be done twice.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any, Final, Literal, NamedTuple

import httpcore
import httpx

from gatectl.clock import CLOCK, Clock
from gatectl.errors import DeadlinePassed, PlatformError, Uncertain, Unreachable, UsageError
from gatectl.network.addresses import Admission
from gatectl.network.proxies import Proxy, find_proxy
from gatectl.network.sockets import Backend, Exchange, trusted_authorities
from gatectl.quote import quote
from gatectl.version import __version__

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 30.0
"""How long the head of an answer may take; the whole of it, four times as long."""
TRIED_SECONDS: Final = 10.0
"""How long a server that does not answer is tried (product.md, section 2: exit code 10)."""

LATER: Final = "check the address and the network, then try again"
MORE_TIME: Final = "give it more time: --deadline SECONDS"

_GLANCE: Final = 0.1
"""How often who waits looks up whether it still should."""
_CREDENTIALS: Final = frozenset(("authorization", "private-token", "job-token", "cookie"))

Meaning = Literal["away", "silent", "broken", "unsendable"]

MEANINGS: Final[Mapping[type[Exception], Meaning]] = {
    httpx.ConnectError: "away",
    httpx.ConnectTimeout: "away",
    httpx.PoolTimeout: "away",
    httpx.ProxyError: "away",
    httpx.TimeoutException: "silent",
    httpx.HTTPError: "broken",
    httpx.StreamError: "broken",
    httpx.CookieConflict: "broken",
    httpx.LocalProtocolError: "unsendable",
    httpx.UnsupportedProtocol: "unsendable",
    httpx.InvalidURL: "unsendable",
    OSError: "broken",  # ssl.SSLError too
    ValueError: "unsendable",  # UnicodeError too
    TypeError: "unsendable",
}
"""What an exception means for the request, by the nearest of its classes. What was never sent is never "broken" or "silent"."""


class Response(NamedTuple):
    """An answer, whole. `headers` have lower-case names; `next` is the address of the next page of a list, where it says one."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    next: str | None


class Request(NamedTuple):
    """What to send: `body` as JSON, or `content` as it is. `what` names it in messages; `changes` says that it may have an effect;
    `largest` is in bytes of the answer."""

    method: str
    url: str
    what: str
    largest: int
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    changes: bool = False
    content: bytes | None = None


class Client:
    """Connections to one origin, kept open until `close`. `ends` is the moment (of `clock`) that no request outlives.

    `environ` names proxies and certificates. `sent` is told of each request when it is sent: its method, its path, and whether it
    may have an effect. Raises InputError or UsageError for variables that cannot be used.
    """

    def __init__(
        self, admission: Admission, *, headers: Mapping[str, str], parallel: int = 4, ends: float | None = None,
        environ: Mapping[str, str] = os.environ, clock: Clock = CLOCK,
        sent: Callable[[str, str, bool], None] | None = None,
    ) -> None:  # fmt: skip
        self._sent = sent
        self._admission = admission
        self._ends = math.inf if ends is None else ends
        self._clock = clock
        self._exchange = Exchange(clock)
        self._proxy = find_proxy(admission.address, environ)
        self.base = str(admission.address)
        self._client = httpx.Client(
            transport=_Line(admission, self._proxy, self._exchange, parallel, environ),
            headers={"User-Agent": f"gatectl/{__version__}", "Accept-Encoding": "gzip, deflate", **headers},
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        self._client.close()

    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return self._ends - self._clock.now()

    def at(self, path: str) -> str:
        """The address of a path below the origin's own."""
        return self.base + path

    def exchange(self, request: Request) -> Response:
        """Send a request, once; the whole answer, whatever its status.

        Raises Unreachable where it was never sent, Uncertain where it may have had an effect, DeadlinePassed where it can
        have had none, PlatformError where it cannot be sent, or is answered by more than `largest`.
        """
        self._exchange.begin(min(self._ends, self._clock.now() + REQUEST_SECONDS))
        status = 0
        try:
            built = self._build(request)
            if self._sent is not None:
                self._sent(built.method, built.url.path, request.changes)
            with closing(self._client.send(built, stream=True)) as response:
                status = response.status_code
                self._exchange.ends = min(self._ends, self._clock.now() + 4 * REQUEST_SECONDS)
                return Response(status, dict(response.headers), self._whole(request, response), _next(response))
        except tuple(MEANINGS) as error:
            raise self._explained(request, error, status) from None

    def pause(
        self, seconds: float, check: Callable[[], None], *, after: PlatformError | None = None, asked: float | None = None,
    ) -> None:  # fmt: skip
        """Wait before a request is sent again, but never beyond the deadline; `check` raises where it is not to be sent any more.

        `after` is what went wrong, `asked` the wait that the server asked for. Raises DeadlinePassed, which says both.
        """
        rest = self.left()
        if seconds >= rest:
            if asked is not None:
                why = f"the deadline comes first: the platform asks to wait {asked:.0f} s, and {max(0.0, rest):.0f} s are left"
            elif after is not None:
                why = f"{after.message}; the deadline passed while it was tried again"
            else:
                why = "the deadline passed while waiting for the platform"
            raise DeadlinePassed(why, MORE_TIME)
        until = self._clock.now() + seconds
        while (remains := until - self._clock.now()) > 0:
            check()
            self._clock.sleep(min(_GLANCE, remains))

    def _build(self, request: Request) -> httpx.Request:
        url = httpx.URL(request.url)
        address = self._admission.address
        if (url.scheme, url.host, url.port or None) != _origin(httpx.URL(str(address))):
            raise PlatformError(f"{request.what}: the address is on another host, where nothing of ours goes", LATER)
        built = self._client.build_request(
            request.method, url, params=request.query, json=request.body, content=request.content, headers=request.headers,
            timeout=httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS),
        )  # fmt: skip
        if not self._admission.credentials:
            for name in _CREDENTIALS:
                built.headers.pop(name, None)
        return built

    def _whole(self, request: Request, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > request.largest:
                message = f"{request.what}: the answer is larger than {request.largest // 1024 // 1024} MiB"
                settled = succeeded(response.status_code)
                raise Uncertain(message, settled=settled) if request.changes else PlatformError(message)
        return b"".join(chunks)

    def _explained(self, request: Request, error: Exception, status: int) -> PlatformError:
        """What a failure means. Whatever was never written to the origin was never sent, whichever way it failed."""
        meaning = meaning_of(error)
        if not self._exchange.sent:
            if meaning == "unsendable":
                # What cannot be put into a request is not shown: it may be a secret.
                return PlatformError(f"{request.what}: this cannot be sent as a request")
            return self._away(request, error)
        if meaning == "silent":
            return self._silent(request, status)
        # Without an answer nothing says that the server is not at work on it still.
        return Uncertain(f"{request.what}: the connection broke: {_words(error)}", settled=succeeded(status))

    def _away(self, request: Request, error: Exception) -> PlatformError:
        words = _words(error)
        if isinstance(error, httpx.ProxyError) and self._proxy is not None:
            reason = f"the proxy {self._proxy.place} ({self._proxy.variable}) does not lead to {self.base}: {words}"
            hint = f"check {self._proxy.variable}, or name the host in NO_PROXY"
        else:
            through = f" (through the proxy {self._proxy.place})" if self._proxy is not None else ""
            reason = f"{self.base} cannot be reached{through}: {words}"
            hint = "SSL_CERT_FILE names the authorities that you trust" if "CERTIFICATE" in words.upper() else LATER
        if self.left() <= 0:
            return DeadlinePassed(f"{request.what}: {reason}, and the deadline passed", MORE_TIME)
        return Unreachable(f"{request.what}: {reason}", hint)

    def _silent(self, request: Request, status: int) -> PlatformError:
        """What the end of patience means for a request that was sent."""
        if self.left() > 0:
            late = "the answer does not end" if status else f"no answer within {REQUEST_SECONDS:.0f} s"
            return Uncertain(f"{request.what}: {late}", settled=succeeded(status))
        message = f"{request.what}: the deadline passed before it was answered"
        return Uncertain(message, settled=False) if request.changes else DeadlinePassed(message, MORE_TIME)


def meaning_of(error: Exception) -> Meaning:
    """The row of `MEANINGS` for the nearest class of an exception."""
    return next((MEANINGS[each] for each in type(error).__mro__ if each in MEANINGS), "broken")


def succeeded(status: int) -> bool:
    return 200 <= status < 300


def backoff(attempt: int) -> float:
    """How long to wait before something is tried again for the n-th time, spread so that many do not come at once."""
    return float(min(0.1 * 2 ** min(attempt, 10), 1.0) * (0.5 + random.random() / 2))  # noqa: S311 - spreading retries, not a secret


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or None


def _next(response: httpx.Response) -> str | None:
    """The address of the next page, on whatever host. Raises PlatformError for one that cannot be read."""
    link = response.links.get("next", {}).get("url")
    try:
        return str(response.url.join(link)) if link else None
    except (httpx.InvalidURL, ValueError):
        raise PlatformError("the address of the next page cannot be read", LATER) from None


def _words(error: Exception) -> str:
    return quote(str(error) or type(error).__name__)


class _Line(httpx.BaseTransport):
    """A pool of connections, direct or through a proxy, in httpx's words."""

    def __init__(
        self, admission: Admission, proxy: Proxy | None, exchange: Exchange, parallel: int, environ: Mapping[str, str]
    ) -> None:
        secure = admission.address.scheme == "https"
        common: dict[str, Any] = {
            "ssl_context": trusted_authorities(environ) if secure else None,
            "max_connections": parallel + 2,
            "max_keepalive_connections": parallel + 2,
            "keepalive_expiry": 5.0,
            "network_backend": Backend(exchange, proxy),
        }
        self._pool = _pool(proxy, common, environ)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        content: Any = request.stream
        sent = httpcore.Request(
            request.method, target, headers=request.headers.raw, content=content, extensions=request.extensions
        )
        with _in_words_of_httpx():
            answer = self._pool.handle_request(sent)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        self._pool.close()


def _pool(proxy: Proxy | None, common: dict[str, Any], environ: Mapping[str, str]) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(**common)
    url = f"{'socks5' if proxy.socks else proxy.scheme}://{proxy.authority}"
    if proxy.socks:
        try:
            import_module("socksio")
        except ImportError:
            raise UsageError(
                f"{proxy.variable} names a SOCKS proxy, which needs the package socksio",
                "install gatectl with its extra 'socks', or name the host in NO_PROXY",
            ) from None
        return httpcore.SOCKSProxy(url, proxy_auth=proxy.login, **common)
    context = trusted_authorities(environ) if proxy.scheme == "https" else None
    return httpcore.HTTPProxy(url, proxy_auth=proxy.login, proxy_ssl_context=context, **common)


@contextmanager
def _in_words_of_httpx() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise _in_httpx(error) from error


def _in_httpx(error: Exception) -> Exception:
    """httpx's exception of the same name as httpcore's; anything of httpcore's that it has no word for is an error of transport."""
    for each in type(error).__mro__:
        if each.__module__.partition(".")[0] == "httpcore":
            named = getattr(httpx, each.__name__, httpx.TransportError)
            made: Exception = named(str(error))
            return made
    return error


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _in_words_of_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
