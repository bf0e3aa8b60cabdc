"""Who is asking, and what they may do: the controller's token, a header that a trusted proxy sets, or the session of a browser that
gave the token (product.md, section 9).

Law: a token is compared in constant time, and is in no message, cookie or page. A session is no token: it is signed under the
controller's key and ends after twelve hours, or with the token that it was begun with.

Where nobody set a token or proxies, the controller listens on loopback only: then whoever is on this machine may look, and nobody may
act. A web page that somebody there visits may not even look: it would name another host (`is_ours`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, NamedTuple

from gatectl.controller.remote import TOKEN
from gatectl.controller.serving.asking import Asked
from gatectl.network.addresses import is_loopback, origin_host
from gatectl.server.hosting import bearer

__all__ = ["COOKIE", "FORM", "FORM_HEADER", "METRICS_TOKEN", "TOKEN", "Caller", "Doors", "Entrance", "doors"]

METRICS_TOKEN: Final = "GATECTL_METRICS_TOKEN"  # noqa: S105 - the name of a variable
COOKIE: Final = "gatectl-session"
FORM: Final = "form"
"""The field of a form that shows that the form was ours."""
FORM_HEADER: Final = "gatectl-form"
"""The same, for a script."""
LASTS: Final = 12 * 3600
"""Seconds of a session, and of a form."""

_SIGNED: Final = re.compile(r"(\d{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)
_LONGEST: Final = 128

Way = Literal["token", "proxy", "session", "open"]


class Caller(NamedTuple):
    """Who is asking: how they are called where it is recorded, and by which way they came in. `proof`: what their forms are signed for."""

    who: str
    way: Way
    proof: str = ""

    @property
    def by_browser(self) -> bool:
        """Whether a browser would send along what lets them in, whoever made it ask."""
        return self.way in ("proxy", "session")


class Doors(NamedTuple):
    """What lets somebody in. `proxies` are networks, `header` is what a proxy there says who a user is in, in lower case."""

    token: str | None
    metrics: str | None
    proxies: Sequence[IPv4Network | IPv6Network]
    header: str | None
    key: bytes

    @property
    def open(self) -> bool:
        """Whether nothing was set, so that whoever is on this machine may look."""
        return self.token is None and not self.proxies


def doors(
    token: str | None, metrics: str | None, proxies: Sequence[str], header: str | None, key: bytes
) -> Doors:  # fmt: skip
    """`key` is the controller's; what is signed here is signed under another one, made of it and the token."""
    own = hmac.new(key, b"gatectl session 1\n" + hashlib.sha256(_bytes(token or "")).digest(), hashlib.sha256).digest()
    networks = [ip_network(each, strict=False) for each in proxies]
    return Doors(token or None, metrics or None, networks, header.lower() if header else None, own)


class Entrance:
    """Tells who is asking. `wall` is the time of day, in seconds since 1970."""

    def __init__(self, doors: Doors, wall: Callable[[], float]) -> None:
        self.doors = doors
        self._wall = wall

    def is_ours(self, asked: Asked) -> bool:
        """Whether a request names a host that is this controller: where everybody of this machine may look, only this machine."""
        return not self.doors.open or is_loopback(asked.header("host") or "")

    def caller(self, asked: Asked) -> Caller | None:
        """Who is asking; None: nobody that is known."""
        if "authorization" in asked.headers:
            return Caller("token", "token") if self.knows(bearer(asked.header("authorization"))) else None
        user = self._user(asked)
        if user is not None:
            return Caller(user, "proxy", f"proxy:{user}")
        session = asked.cookie(COOKIE)
        if session is not None and self.doors.token is not None and self._holds("session", session):
            return Caller("token", "session", f"session:{session}")
        return Caller("somebody on this machine", "open") if self.doors.open else None

    def knows(self, token: str) -> bool:
        """Whether it is the controller's token."""
        return self.doors.token is not None and _same(token, self.doors.token)

    def may_measure(self, asked: Asked) -> bool:
        """Whether somebody may read the metrics: who has their token, and whoever may read the rest."""
        given = bearer(asked.header("authorization"))
        own = self.doors.metrics is not None and _same(given, self.doors.metrics)
        return own or self.caller(asked) is not None

    def is_own_page(self, asked: Asked) -> bool:
        """Whether a browser says that a page of ours asks."""
        origin = asked.header("origin")
        host = asked.header("host")
        if self._is_proxy(asked.peer):
            host = asked.header("x-forwarded-host") or host
        site = asked.header("sec-fetch-site")
        return origin is not None and host is not None and origin_host(origin) == host and site in (None, "same-origin")

    def form(self, proof: str) -> str:
        """What a form of ours holds, for whoever is shown it."""
        return self._signed("form", proof)

    def is_own_form(self, given: str, proof: str) -> bool:
        """Whether a form was ours, and shown to the same."""
        return self._holds("form", given, proof)

    def begin(self, asked: Asked) -> str:
        """The cookie of a session that begins."""
        return self._cookie(asked, self._signed("session"), LASTS)

    def end(self, asked: Asked) -> str:
        """The cookie that ends one."""
        return self._cookie(asked, "", 0)

    def is_proxied(self, asked: Asked) -> bool:
        """Whether a proxy that is trusted asks."""
        return self._is_proxy(asked.peer)

    def _cookie(self, asked: Asked, value: str, seconds: int) -> str:
        origin = asked.header("origin") or ""
        forwarded = self._is_proxy(asked.peer) and asked.header("x-forwarded-proto") == "https"
        secure = "; Secure" if forwarded or origin.startswith("https://") else ""
        return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"

    def _user(self, asked: Asked) -> str | None:
        """Who a trusted proxy says is asking; what any other peer says is not heard."""
        if self.doors.header is None or not self._is_proxy(asked.peer):
            return None
        user = (asked.header(self.doors.header) or "").strip()
        return user if user and len(user) <= _LONGEST and user.isprintable() else None

    def _is_proxy(self, peer: str) -> bool:
        try:
            address: IPv4Address | IPv6Address | None = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.doors.proxies)

    def _signed(self, what: str, proof: str = "") -> str:
        said = f"{int(self._wall()) + LASTS}.{secrets.token_hex(16)}"
        return f"{said}.{self._mac(what, said, proof)}"

    def _holds(self, what: str, given: str, proof: str = "") -> bool:
        found = _SIGNED.fullmatch(given)
        if found is None:
            return False
        right = _same(found[3], self._mac(what, f"{found[1]}.{found[2]}", proof))
        return right and int(found[1]) > self._wall()

    def _mac(self, what: str, said: str, proof: str) -> str:
        return hmac.new(self.doors.key, _bytes(f"{what}\n{said}\n{proof}"), hashlib.sha256).hexdigest()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(_bytes(given), _bytes(right)) and bool(right)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
