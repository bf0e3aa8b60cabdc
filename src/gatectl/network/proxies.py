"""Which proxy leads to an address, as the usual variables say: HTTPS_PROXY, ALL_PROXY, NO_PROXY (also in lower case). Pure.

Only https goes through a proxy: plain http is for this machine, and nobody else is to see it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from gatectl.errors import UsageError
from gatectl.network.addresses import Address, split_host
from gatectl.quote import quote

_VARIABLES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""The first that is set and not empty."""
_SCHEMES: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_AROUND: Final = "or name the host in NO_PROXY"


class Proxy(NamedTuple):
    """A proxy; `variable` is who named it. `login` is never shown."""

    scheme: str
    host: str
    port: int
    login: tuple[bytes, bytes] | None
    variable: str

    @property
    def socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def place(self) -> str:
        """As messages show it."""
        return f"{self.scheme}://{self.authority}"

    def __repr__(self) -> str:
        return f"Proxy({self.place})"


def find_proxy(address: Address, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy to an address; None for a direct connection. Raises UsageError, which names the variable and no password."""
    if address.scheme != "https" or address.loopback:
        return None
    variable = next((name for name in _VARIABLES if environ.get(name)), None)
    if variable is None or goes_around(environ.get("no_proxy") or environ.get("NO_PROXY") or "", address):
        return None
    return _read(environ[variable].strip(), variable)


def _read(text: str, variable: str) -> Proxy:
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme.lower() not in _SCHEMES:
        raise UsageError(
            f"{variable} names a proxy of the kind '{quote(scheme, 40)}', which gatectl does not speak",
            f"http://, https:// or socks5://, {_AROUND}",
        )
    login, at, place = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")
    try:
        host, port = split_host(place)
    except ValueError:
        raise UsageError(
            f"{variable} names no proxy: it cannot be read", f"for example: http://proxy.example:3128, {_AROUND}"
        ) from None
    user, _, password = login.partition(":")
    given = (unquote(user).encode(), unquote(password).encode()) if at else None
    return Proxy(scheme.lower(), host, port or _SCHEMES[scheme.lower()], given, variable)


def goes_around(listed: str, address: Address) -> bool:
    """Whether NO_PROXY names an address: by `*`, a name or a domain above it, an IP address, or a network; with or without a port.

    A word that cannot be read names nothing.
    """
    return any(word == "*" or _names(word, address) for word in re.split(r"[\s,]+", listed) if word)


def _names(word: str, address: Address) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        network = ip_network(word.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        try:
            return ip_address(address.host) in network
        except ValueError:
            return False
    try:
        name, port = split_host(word.removeprefix("*").removeprefix("."))
    except ValueError:
        return False
    return port in (None, address.port) and (address.host == name or address.host.endswith(f".{name}"))
