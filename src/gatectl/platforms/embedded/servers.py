"""Which database servers may be connected to, with what, and how well hidden (product.md, section 7). Pure.

libpq takes what a URL leaves out from variables and files (PGPASSWORD, PGPASSFILE, PGSERVICE, certificates, Kerberos), and some
of what a URL may hold reads files and writes them. All of that is the operator's: a URL of a checkout says a host, a database
and a user, and little else; where its host is not trusted, libpq is told to send nothing that it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError

from gatectl.errors import PlatformError, UsageError
from gatectl.network.addresses import PORTS, Address, Pattern, admit, is_loopback, normal_host, place_of
from gatectl.quote import quote

_OF_A_CHECKOUT: Final = frozenset(
    ("host", "port", "dbname", "user", "password", "sslmode", "application_name", "connect_timeout", "target_session_attrs",
     "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
)  # fmt: skip
"""What a URL may say that is not the operator's word."""

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""How a connection is hidden, the weakest first."""
_HIDDEN: Final = _MODES.index("require")

_NOTHING: Final[Mapping[str, str]] = {
    "password": "",
    "passfile": "/dev/null/none",
    "sslcertmode": "disable",
    "gssencmode": "disable",
    "require_auth": "none",
}
"""What libpq is told so that it sends no credential, whatever its variables and files hold."""


class Way(NamedTuple):
    """How a server is connected to: what is added to what the URL says, whether credentials are sent, and what to remark."""

    arguments: Mapping[str, Any]
    credentials: bool
    remark: str | None
    place: str


class _Server(NamedTuple):
    host: str
    port: int

    @property
    def local(self) -> bool:
        """A socket of this machine, or its loopback address."""
        return self.host.startswith(("/", "@")) or is_loopback(self.host)


def find_way(url: URL, environ: Mapping[str, str], *, named: bool, trusted: tuple[Pattern, ...]) -> Way:
    """The way to the servers of a URL. `named`: it is the operator's word.

    Raises UntrustedHost, PlatformError for a URL that cannot be read, UsageError for one that says what is not its to say, or
    whose server would be spoken to in clear.
    """
    try:
        _, given = url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError):
        raise PlatformError("the postgresql:// URL cannot be read", "postgresql://user@host:5432/database") from None
    _refuse_what_the_operator_says(given if not named else ())
    servers = [server for server in _servers(given, environ) if server is not None]
    admitted = [_admitted(server, named, trusted) for server in servers]  # each is asked
    credentials = all(admitted)
    mode, remark = _mode(given, environ, servers, named=named)
    arguments = {} if credentials else dict(_NOTHING)
    place = ", ".join(place_of(server.host, server.port) for server in servers)
    return Way(arguments | ({"sslmode": mode} if mode is not None else {}), credentials, remark, place)


def _refuse_what_the_operator_says(given: Iterable[str]) -> None:
    """Raises UsageError for a parameter that a checkout may not set."""
    for name in given:
        if name not in _OF_A_CHECKOUT:
            raise UsageError(
                f"the project file's postgresql:// URL sets '{quote(name)}', which is the operator's to say",
                "leave it out; --platform or GATECTL_PLATFORM may say it",
            )


def _admitted(server: _Server, named: bool, trusted: tuple[Pattern, ...]) -> bool:
    if named:
        return True
    if server.host.startswith(("/", "@")):
        return False  # whoever put the socket there
    return admit(Address("postgresql", server.host, server.port), named=False, trusted=trusted).credentials


def _servers(given: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[_Server | None]:
    """The servers of a URL; None for one that only the operator's variables and files name. Raises PlatformError."""
    hosts = str(given.get("hostaddr") or given.get("host") or "").split(",")
    ports = str(given.get("port") or environ.get("PGPORT") or PORTS["postgresql"]).split(",")
    for index, host in enumerate(hosts):
        port = ports[index] if len(ports) > 1 and index < len(ports) else ports[0]
        if not host:
            yield _of_the_operator(environ, port)
            continue
        try:
            name = host if host.startswith(("/", "@")) else normal_host(host)
            yield _Server(name, int(port or PORTS["postgresql"]))
        except ValueError:
            raise PlatformError(
                "the postgresql:// URL names no host that can be read", "postgresql://user@host:5432/database"
            ) from None


def _of_the_operator(environ: Mapping[str, str], port: str) -> _Server | None:
    """The server that libpq's variables name, where it is one that can be told."""
    if environ.get("PGSERVICE"):
        return None
    host = environ.get("PGHOSTADDR") or environ.get("PGHOST") or ""
    try:
        return (
            _Server(normal_host(host), int(port))
            if host and not host.startswith(("/", "@")) and "," not in host
            else None
        )
    except ValueError:
        return None


def _mode(
    given: Mapping[str, Any], environ: Mapping[str, str], servers: list[_Server], *, named: bool
) -> tuple[str | None, str | None]:
    """The sslmode to connect with (None: as it is), and what to say of it. Raises UsageError for one that hides nothing."""
    far = [server for server in servers if not server.local]
    if not far:
        return None, None
    said, own = str(given.get("sslmode") or ""), environ.get("PGSSLMODE") or ""
    # A checkout does not weaken what the operator asks for.
    mode = said or own if named else max(said, own, key=lambda each: _MODES.index(each) if each in _MODES else -1)
    if mode not in _MODES[_HIDDEN:]:
        shown = f"sslmode is {quote(mode, 40)}" if mode else "no sslmode is set"
        raise UsageError(
            f"the database server {quote(far[0].host)} would be spoken to in clear, or by whoever stands between: {shown}",
            "add ?sslmode=verify-full to the URL (or require, which hides everything and checks nobody)",
        )
    if mode == "verify-full":
        return mode, None
    return (
        mode,
        f"sslmode={mode} hides what is sent to {far[0].host}, and does not check that it is {far[0].host}: verify-full does",
    )
