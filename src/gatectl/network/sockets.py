"""Connections below httpx: sockets every step of which ends by a deadline, and what certificates are checked by.

httpx and httpcore count the seconds of each read by itself, so that an answer that comes byte by byte never ends; here the
clock of the request is asked before every step. `http` is the only one who uses this.
"""

from __future__ import annotations

import math
import os
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpcore

from gatectl.clock import Clock
from gatectl.errors import InputError
from gatectl.network.proxies import Proxy
from gatectl.quote import quote

_PIECE: Final = 16 * 1024
"""Bytes that are written before the clock is asked again."""


class Exchange(threading.local):
    """Of the request that this thread is sending: when it has to be over, and whether anything of it went to the origin."""

    ends: float = math.inf
    sent: bool = False

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now

    def begin(self, ends: float) -> None:
        self.ends = ends
        self.sent = False

    def within(self, timeout: float | None) -> float:
        return min(math.inf if timeout is None else timeout, self.ends - self.now())


class Backend(httpcore.NetworkBackend):
    """Sockets. Where there is a proxy they lead to it, and what fails before it has let us through is the proxy's."""

    def __init__(self, exchange: Exchange, proxy: Proxy | None) -> None:
        self._exchange = exchange
        self._proxy = proxy
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        until = self._exchange.now() + self._exchange.within(timeout)
        try:
            inner = self._connected(host, port, until)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            if self._proxy is not None:
                raise httpcore.ProxyError(str(error)) from error
            raise
        return _Stream(inner, self._exchange, self._proxy)

    def _connected(self, host: str, port: int, until: float) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectTimeout("no connection in time")
        for place in _resolve(host, port, until - self._exchange.now()):
            left = until - self._exchange.now()
            if left <= 0:
                break
            try:
                return self._inner.connect_tcp(place, port, left)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error if str(error) else failure
        raise failure

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("nothing here asks httpcore to try again")


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name. A resolver cannot be interrupted, so it is asked beside, and left alone when it takes too long."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(max(0.0, seconds))
    if not found:
        raise httpcore.ConnectTimeout("the name of the host was not found in time")
    if isinstance(found[0], Exception):
        raise httpcore.ConnectError(str(found[0])) from found[0]
    return list(dict.fromkeys(str(place[0]) for *_, place in found[0]))


class _Stream(httpcore.NetworkStream):
    """A connection, every step of which ends by the deadline. What is written to the origin itself is noted as sent."""

    def __init__(self, inner: httpcore.NetworkStream, exchange: Exchange, proxy: Proxy | None) -> None:
        self._inner = inner
        self._exchange = exchange
        self._proxy = proxy
        """The one that still stands between us and the origin."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._exchange.within(timeout)
        if left <= 0:
            raise httpcore.ReadTimeout("too late")
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._exchange.within(timeout)
            if left <= 0:
                raise httpcore.WriteTimeout("too late")
            if self._proxy is None:
                self._exchange.sent = True
            self._inner.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._exchange.within(timeout)
        to_proxy = self._proxy is not None and self._proxy.scheme == "https" and not isinstance(self, _ToProxy)
        if left <= 0:
            raise httpcore.ConnectTimeout("too late")
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, left)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            if to_proxy:
                raise httpcore.ProxyError(str(error)) from error
            raise
        return _ToProxy(inner, self._exchange, self._proxy) if to_proxy else _Stream(inner, self._exchange, None)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _ToProxy(_Stream):
    """Encrypted as far as to the proxy."""


def trusted_authorities(environ: Mapping[str, str]) -> ssl.SSLContext:
    """What certificates are checked by: SSL_CERT_FILE, else SSL_CERT_DIR, else those that come with certifi.

    Raises InputError, which names the variable and the file.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    variable, named = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
    hint = f"{variable} names the authorities that are trusted, as PEM; leave it out for the usual ones"
    if not file and folder and not os.path.isdir(folder):
        raise InputError(f"SSL_CERT_DIR names {quote(folder)}, which is no folder", hint)
    try:
        context = _context(file, folder)
    except (OSError, ValueError) as error:  # ssl.SSLError too
        if not named or (environ.get("SSLKEYLOGFILE") and os.path.exists(named)):
            raise InputError(
                f"TLS cannot be used: {quote(error)}", "check SSLKEYLOGFILE and the certificates"
            ) from None
        reason = (
            error.strerror
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
            else "it holds no certificate"
        )
        raise InputError(f"{variable} names {quote(named)}, which cannot be used: {reason}", hint) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    import certifi

    if file:
        return ssl.create_default_context(cafile=file)
    if folder:
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())
