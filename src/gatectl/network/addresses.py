"""Addresses: the one place that reads them, says which are of this machine, and which hosts the operator trusts. Pure.

An address is read strictly, so that what is decided here is what a connection is opened to: a host is a name of ASCII
letters, an IPv4 address as four decimal numbers, or an IPv6 address in brackets; anything that two programs could read in
two ways (a backslash, a zone, `127.1`, `0x7f.1`, letters beyond ASCII) is not an address.

Whom credentials go to is the operator's word (product.md, section 7): the platform's own hosts, the target that
`--platform` or GATECTL_PLATFORM names, and the hosts of GATECTL_TRUSTED_HOSTS and of the user's own file. A host is trusted
with its port, 443 where none is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from gatectl.errors import UntrustedHost, UsageError
from gatectl.quote import quote

PORTS: Final = {"https": 443, "http": 80, "postgresql": 5432}
"""The schemes that are known, and the port of each where none is written."""

PLATFORM_HOSTS: Final = ("backend.flashback.tech", "api.flashback.tech")
"""The platform's own."""

_TRUSTED_PORT: Final = 443
_EXAMPLE: Final = "https://backend.flashback.tech"

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_NEVER: Final = frozenset('\\<>"^`{|}')
"""Printable characters that stand in no address as they are."""


class Address(NamedTuple):
    """Where something listens: scheme and host in lower case, the port always a number, the path without a slash at its end."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can be meant."""
        return is_loopback(self.host)

    @property
    def place(self) -> str:
        """Host and port as they are trusted: the port is left out where it is 443."""
        return place_of(self.host, self.port)

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{shown}{port}{self.path}"


class Pattern(NamedTuple):
    """Hosts that are trusted: one name, or (`below`) all names under it; on one port."""

    host: str
    port: int
    below: bool

    def fits(self, host: str, port: int) -> bool:
        return port == self.port and (host.endswith(f".{self.host}") if self.below else host == self.host)

    def __str__(self) -> str:
        return ("*." if self.below else "") + place_of(self.host, self.port)


class Admission(NamedTuple):
    """That a connection may be opened to an address, and whether a credential may be sent over it."""

    address: Address
    credentials: bool


def place_of(host: str, port: int) -> str:
    """Host and port as a trusted host is written."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == _TRUSTED_PORT else f"{shown}:{port}"


def normal_host(text: str) -> str:
    """A host as it is compared and connected to: lower case, no dot at its end, IP addresses in their one spelling.

    Raises ValueError for what is none. An IPv6 address may stand in brackets or without; one that maps an IPv4 address is
    that one.
    """
    from ipaddress import IPv4Address

    bracketed = text.startswith("[") and text.endswith("]")
    if bracketed or ":" in text:
        return _normal_six(text[1:-1] if bracketed else text)
    if not text.isascii():
        raise ValueError("a host with letters beyond ASCII: write it as it is in DNS (xn--…)")
    name = text.lower()
    if _NUMBER.fullmatch(name.removesuffix(".").rpartition(".")[2]):
        return str(IPv4Address(name))
    name = name.removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("not the name of a host")
    return name


def _normal_six(text: str) -> str:
    from ipaddress import IPv6Address

    if "%" in text or not text.isascii():
        raise ValueError("an IPv6 address with a zone, or none at all")
    six = IPv6Address(text)
    return str(six.ipv4_mapped or six)


def split_host(text: str) -> tuple[str, int | None]:
    """Host and port of "host", "host:port", "[v6]" or "[v6]:port". Raises ValueError."""
    host, colon, port = text, "", ""
    if text.startswith("["):
        inner, bracket, rest = text.partition("]")
        host, colon, port = inner + bracket, rest[:1], rest[1:]
    elif text.count(":") == 1:
        host, colon, port = text.partition(":")
    elif ":" in text:
        raise ValueError("an IPv6 address stands in brackets here")
    if colon not in ("", ":") or not re.fullmatch("[0-9]{0,5}", port, re.ASCII) or int(port or 0) > 65535:
        raise ValueError("not the number of a port")
    return normal_host(host), int(port) if port else None


def is_loopback(text: str) -> bool:
    """Whether a host, with or without a port, is this machine and nothing else. False for what is no host."""
    from ipaddress import ip_address

    try:
        host = normal_host(text) if text.count(":") > 1 and not text.startswith("[") else split_host(text)[0]
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def http_address(url: str, what: str = "the platform's address", instead: str = "set GATECTL_TOKEN instead") -> Address:
    """The address of an API. Raises UsageError for what is none, holds more, or would be spoken to in clear.

    `what` is called so in messages; `instead` is the hint where it holds a user or a password. No message shows the address
    before it is known to hold no secret.
    """
    found = _URL.fullmatch(url)
    if found is None or not _is_readable(url) or found[1].lower() not in ("http", "https"):
        raise UsageError(f"{what} cannot be read", f"for example: {_EXAMPLE}")
    scheme, authority = found[1].lower(), found[2]
    if "@" in authority:
        raise UsageError(f"{what} holds a user name or password", instead)
    if found[4] is not None or found[5] is not None:
        raise UsageError(f"{what} has a query or fragment", f"for example: {_EXAMPLE}")
    try:
        host, port = split_host(authority)
    except ValueError:
        raise UsageError(f"{what} cannot be read: it names no host", f"for example: {_EXAMPLE}") from None
    address = Address(scheme, host, PORTS[scheme] if port is None else port, found[3].rstrip("/"))
    if scheme == "http" and not address.loopback:
        raise UsageError(f"{what}, {quote(address)}, would be spoken to in clear, the token included", "use https://")
    return address


def _is_readable(url: str) -> bool:
    """Whether a URL holds only characters that one may hold."""
    return url.isascii() and url.isprintable() and " " not in url and not _NEVER & set(url)


def origin_host(url: str) -> str | None:
    """The host, with its port, of a page's origin (`https://host:port`); None for what names none."""
    found = _URL.fullmatch(url)
    return found[2] if found is not None and "@" not in found[2] else None


def same_target(one: str, other: str) -> bool:
    """Whether two targets name the same platform, however an address is written."""
    if one == other:
        return True
    try:
        return http_address(one) == http_address(other)
    except UsageError:
        return False


def without_secrets(target: str) -> str:
    """A target as it may be shown: whatever stands before the last @ (a user, a password) and behind a ? is left out.

    A password may hold a slash or a question mark; so the @ is looked for first.
    """
    scheme, separator, rest = target.partition("://")
    if not separator or scheme == "sqlite":
        return target
    return f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2])[0]}"


OBJECTS: Final = ("s3", "gs", "az")
"""The schemes of object stores."""

_BUCKET: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{1,61}[A-Za-z0-9])?", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=@+-]{0,127}", re.ASCII)
_STORES: Final = "s3://bucket/prefix, gs://…, az://container/prefix, postgresql://host/database or sqlite:///path"


def remote_name(url: str) -> str:
    """What a URL of a git remote names, whichever way one gets there: host and path, without scheme, user, port and `.git`."""
    scheme, is_url, rest = url.partition("://")
    host, separator, path = rest.partition("/") if is_url else url.partition(":")
    if scheme.lower() == "file" or (not is_url and (not separator or "/" in host)):
        return (rest if is_url else url).rstrip("/").removesuffix(".git")  # a path of this machine
    host = host.rpartition("@")[2]
    if is_url:
        path = path.partition("?")[0].partition("#")[0]
        host = re.sub(r":\d*$", "", host)
    return f"{host.lower()}/{path.strip('/').removesuffix('.git')}"


class StoreAddress(NamedTuple):
    """A store of records that is shared: a bucket or a container (`host`) of an object store, or a database server (`host`,
    `port`) with the name of a database; what is behind that is `prefix`."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def trusted_as(self) -> str:
        """What of it is trusted: the bucket, or the database."""
        return f"{self.scheme}://{self.host}" if self.scheme in OBJECTS else str(self)

    def __str__(self) -> str:
        if self.scheme in OBJECTS:
            return f"{self.scheme}://{self.host}" + (f"/{self.prefix}" if self.prefix else "")
        shown = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{shown}{port}/{self.prefix}"


def is_shared_store(text: str) -> bool:
    """Whether a word names a store of records by its address: in a bucket, or a database on a server."""
    scheme, separator, rest = text.partition("://")
    return bool(separator) and (
        scheme.lower() in OBJECTS
        or (scheme.lower() == "postgresql" and bool(rest.rpartition("@")[2].partition("/")[2]))
    )


def store_address(text: str) -> StoreAddress:
    """The address of a store that is shared. Raises UsageError, whose message shows none of it: it may hold a password.

    A bucket's holds nothing else; a database's may hold a user, a password and settings, which are no part of the address.
    """
    scheme, _, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if scheme in OBJECTS:
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.rstrip("/")
        if _BUCKET.fullmatch(bucket) and all(_KEY.fullmatch(part) for part in prefix.split("/") if prefix):
            return StoreAddress(scheme, bucket, 0, prefix)
        raise UsageError(
            f"the {scheme}:// URL of the records cannot be read", f"{scheme}://bucket/prefix, and nothing else"
        )
    place, _, database = re.split("[?#]", rest.rpartition("@")[2])[0].partition("/")
    try:
        host, port = split_host(place)
    except ValueError:
        host, port = "", None
    if scheme != "postgresql" or not host or not database or "/" in database:
        raise UsageError("the address of the records cannot be read", _STORES)
    return StoreAddress(scheme, host, PORTS[scheme] if port is None else port, database)


def is_trusted_store(address: StoreAddress, trusted: Iterable[StoreAddress]) -> bool:
    """Whether the operator trusts a bucket, or a database, with the records."""
    return any(address.trusted_as == each.trusted_as for each in trusted)


def pattern(text: str) -> Pattern:
    """A trusted host as it is written: `host`, `host:port`, `*.example.com`, or the URL of an API or a database server.

    Raises ValueError, whose text says what is wrong.
    """
    word = text.strip()
    scheme, separator, rest = word.partition("://")
    default = _TRUSTED_PORT
    if separator:
        if scheme.lower() not in PORTS or "@" in rest or rest.rstrip("/").count("/"):
            raise ValueError("a host is NAME or NAME:PORT, without user, password and path")
        default, word = PORTS[scheme.lower()], rest.rstrip("/")
    below = word.startswith("*.")
    host, port = split_host(word.removeprefix("*."))
    if below and ("." not in host or is_loopback(host) or host.replace(".", "").isdigit()):
        raise ValueError("a star stands for the names below a domain, like *.example.com")
    return Pattern(host, default if port is None else port, below)


def patterns(texts: Iterable[str], source: str) -> tuple[Pattern, ...]:
    """Trusted hosts as they are written in `source`. Raises UsageError, which names it."""
    found = []
    for text in texts:
        try:
            found.append(pattern(text))
        except ValueError as error:
            raise UsageError(
                f"{source} holds '{quote(text)}', which is no host to trust: {error}",
                "NAME, NAME:PORT or *.example.com",
            ) from None
    return tuple(found)


def is_trusted(host: str, port: int, trusted: Iterable[Pattern]) -> bool:
    """Whether the operator trusts a host, given in its normal form, on a port."""
    own = (Pattern(name, _TRUSTED_PORT, below=False) for name in PLATFORM_HOSTS)
    return any(each.fits(host, port) for each in (*own, *trusted))


def admit(address: Address, *, named: bool, trusted: Iterable[Pattern]) -> Admission:
    """Whether a connection may be opened, and a credential sent over it. Raises UntrustedHost.

    `named`: the address is the operator's own word. A loopback address that is not may be spoken to without credentials.
    """
    if named or is_trusted(address.host, address.port, trusted):
        return Admission(address, credentials=True)
    if address.loopback:
        return Admission(address, credentials=False)
    raise UntrustedHost(address.place)
