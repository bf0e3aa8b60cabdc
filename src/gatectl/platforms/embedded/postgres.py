"""PostgreSQL: everything about it that another database does differently.

Law: nothing outside this file knows a URL, a lock or an error code of PostgreSQL. It hands out engines and turns the
server's complaints into the errors of gatectl, once. A password never leaves the URL: not in messages, not in the place
that a plan is bound to.

How it is run, and why:

- Writers take one advisory lock of the database first, for as long as the transaction lasts, and see (READ COMMITTED) all
  that was committed before they had it: a rule that was checked still holds when the write follows. One lock, taken
  before any other, makes deadlocks impossible, and nothing ever has to be repeated.
- Readers are REPEATABLE READ, READ ONLY: one snapshot, that nobody waits for and that cannot write.
- The driver is in autocommit mode and begins nothing by itself; `_begin` does, in one round trip.
"""

from __future__ import annotations

import functools
import math
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from gatectl.clock import CLOCK, Clock
from gatectl.errors import (
    DeadlinePassed,
    NotAuthenticated,
    PlatformError,
    PlatformLocked,
    PlatformRefused,
    Uncertain,
    Unreachable,
    UsageError,
)
from gatectl.network.addresses import Pattern
from gatectl.platforms.embedded.keeping import Keeping
from gatectl.platforms.interface import Heard
from gatectl.quote import quote

from .claim import PATIENCE, Release, wait_for
from .servers import Way, find_way
from .statements import telling
from .store import WRITES

if TYPE_CHECKING:
    import psycopg

BUSY_SECONDS = 10.0
"""How long a writer waits for the others."""

CONNECT_SECONDS = 10
"""How long anybody waits for the server."""

DEFAULT_PORT: Final = 5432

_LOCK: Final = 0x6761746563746C
"""The advisory lock of writers: "gatectl" as a number."""

_CLAIM: Final = _LOCK + 1
"""The advisory lock of applies."""

_SETTINGS: Final[Mapping[str, Any]] = {
    "application_name": "gatectl",
    "connect_timeout": CONNECT_SECONDS,
    # A server that is gone without a word is noticed in half a minute, not in a quarter of an hour.
    "keepalives_idle": 30,
    "tcp_user_timeout": 30_000,
}
"""How connections are made, as far as the URL does not say otherwise."""

_CAN_WITHHOLD: Final = 160_000
"""The libpq that can be told to send no credential (require_auth, sslcertmode)."""
_GLANCE: Final = 0.1
"""Seconds between two looks at the clock."""
_LONGEST: Final = 2_000_000.0
"""Seconds that the server can count."""
_MORE_TIME: Final = "give it more time: --deadline SECONDS"

_SECRET_PARAMETERS: Final = ("password", "sslpassword")


class PostgresDatabase:
    """A database on a server. `url`: `postgresql://user:password@host:port/name?sslmode=…`.

    `named` and `trusted` are those of an `interface.Connection`; by `ends` (of `clock`) everything is over. `heard`
    is told of every statement that is sent; `keeping` has connections that stay open. Raises PlatformError when the URL is not one,
    UsageError when the driver is not installed; whoever connects, UntrustedHost too.
    """

    def __init__(
        self, url: str, *, named: bool = False, trusted: tuple[Pattern, ...] = (), ends: float | None = None,
        environ: Mapping[str, str] = os.environ, clock: Clock = CLOCK, heard: Heard | None = None, keeping: Keeping | None = None,
    ) -> None:  # fmt: skip
        self._heard = heard
        self._keeping = keeping if heard is None else None
        self._ends = ends
        self._clock = clock
        self._environ = environ
        self._watches: dict[int, Event] = {}
        try:
            self._url = make_url(url).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            # The reason is left out, and the cause too: both may quote the password.
            raise PlatformError(
                "the postgresql:// URL cannot be read", "postgresql://user@host:5432/database"
            ) from None
        if not self._url.database:
            raise PlatformError("the postgresql:// URL names no database", "postgresql://user@host:5432/database")
        self._named, self._trusted = named, trusted
        try:
            import_module("psycopg")
        except ImportError:
            raise UsageError("PostgreSQL needs the driver psycopg", "install gatectl with its extra 'server'") from None

    @cached_property
    def way(self) -> Way:
        """How it is connected to. Raises UntrustedHost, UsageError."""
        return find_way(self._url, self._environ, named=self._named, trusted=self._trusted)

    @property
    def place(self) -> str:
        """The database as messages and plans name it: the server and the name, nobody's user or password.

        Whoever plans and whoever applies may be different users of one database.
        """
        hosts = self._url.host or _first(self._url, "host") or "localhost"
        port = self._url.port or _first(self._url, "port")
        shown = f"[{hosts}]" if ":" in hosts and not hosts.startswith("[") else hosts
        return (
            f"postgresql://{shown}{f':{port}' if port and str(port) != str(DEFAULT_PORT) else ''}/{self._url.database}"
        )

    def exists(self) -> bool:
        """Whether there is anything to open: the server tells when it is asked."""
        return True

    def prepare(self, fill: Callable[[Connection], None]) -> None:
        """Nothing: a database is its administrator's to create."""

    def engine(self, *, writes: bool) -> Engine:
        """An engine whose connections can write, or cannot."""
        settings = {name: value for name, value in _SETTINGS.items() if name not in self._url.query}
        arguments = {**settings, "autocommit": True, **self.way.arguments}
        if self._heard is not None:
            arguments["cursor_factory"] = _telling_cursor(telling(self._heard))
        self._refuse_old_driver()
        if self._ends is not None:
            asked = float(arguments.get("connect_timeout", self._url.query.get("connect_timeout", CONNECT_SECONDS)))
            arguments["connect_timeout"] = max(1, math.ceil(min(asked or CONNECT_SECONDS, self._left())))
        # hide_parameters: values never reach an exception's text.
        if self._keeping is not None:
            engine = self._keeping.engine(self._url, arguments)
        else:
            engine = create_engine(self._url, connect_args=arguments, poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "begin", self._begin)
        if self._heard is not None:
            for end in ("commit", "rollback"):  # sent by the driver itself
                event.listen(engine, end, functools.partial(_ended, self._heard, end.upper()))
        if self._ends is not None:
            event.listen(engine, "connect", self._watch)
            event.listen(engine, "close", self._unwatch)
        return engine

    def _refuse_old_driver(self) -> None:
        import psycopg

        if not self.way.credentials and psycopg.pq.version() < _CAN_WITHHOLD:
            raise NotAuthenticated(
                f"no credential may be sent to {quote(self.way.place)}, and this libpq ({psycopg.pq.version()}) cannot be told so",
                f"if you trust it: gatectl trust {quote(self.way.place)}, or use a libpq of PostgreSQL 16 or newer",
            )

    def _left(self) -> float:
        return math.inf if self._ends is None else self._ends - self._clock.now()

    def _begin(self, connection: Connection) -> None:
        if self._left() <= 0:
            raise self._too_late()
        _begin(connection, self._left())

    def _too_late(self) -> DeadlinePassed:
        return DeadlinePassed(f"the database {quote(self.place)} did not answer before the deadline passed", _MORE_TIME)

    def _watch(self, driver: Any, _record: object) -> None:
        """Break the connection off at the deadline: a server that says nothing is waited for without an end."""
        closed = self._watches[id(driver)] = Event()

        def watch() -> None:
            while (left := self._left()) > 0:
                if closed.wait(min(_GLANCE, left)):
                    return
            _cut(driver)

        Thread(target=watch, daemon=True).start()

    def _unwatch(self, driver: Any, _record: object) -> None:
        closed = self._watches.pop(id(driver), None)
        if closed is not None:
            closed.set()

    def settle(self, connection: Connection) -> None:
        """Nothing: how it is run is a matter of each transaction."""

    def keep(self, schema: int) -> None:
        """Nothing: a server's copies are its administrator's to make."""

    def claim(self, *, shared: bool = False) -> Release:
        """Keep others out: a lock of a session of its own; who shares it, those who do not. Raises PlatformLocked when one is under way."""
        with self.translated():
            connection = self.engine(writes=False).connect()
            driver: Any = connection.connection.dbapi_connection
            statement = f"SELECT pg_try_advisory_lock{'_shared' if shared else ''}({_CLAIM})"
            try:
                patience = min(PATIENCE, self._left())
                wait_for(lambda: bool(driver.execute(statement).fetchone()[0]), self.place, patience, self._clock)
            except BaseException:
                connection.close()
                raise
        return connection.close

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what psycopg and SQLAlchemy raise into the errors of gatectl."""
        import psycopg

        try:
            yield
        except DBAPIError as error:
            raise self._explained(error.orig or error) from error
        except psycopg.Error as error:
            raise self._explained(error) from error

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Turn a COMMIT whose answer did not come into Uncertain: it was sent, and the server may have done it."""
        if self._left() <= 0:
            raise self._too_late()  # not sent
        try:
            yield
        except DBAPIError as error:
            cause = error.orig or error
            state, text = _state(cause), self._words(cause)
            if not _is_gone(state, text):
                raise
            why = "the deadline passed" if self._left() <= 0 else quote(text)
            raise Uncertain(
                f"whether the database {quote(self.place)} kept what was written is not known, its answer to COMMIT did not come ({why})",
                settled=False,
            ) from error

    def _explained(self, error: BaseException) -> PlatformError:
        state = _state(error)
        text = self._words(error)
        if self._left() <= 0 and (state == "57014" or _is_gone(state, text)):
            return self._too_late()
        if not self.way.credentials and _asks_who(state, text):
            return NotAuthenticated(
                f"the database {quote(self.place)} wants to know who asks; no credential was sent to {quote(self.way.place)},"
                f" because only the project file names it: {quote(text)}",
                f"if you trust it: gatectl trust {quote(self.way.place)}, or name it in --platform or GATECTL_TRUSTED_HOSTS",
            )
        if state == "55P03":
            return PlatformLocked(
                f"the database {quote(self.place)} stayed locked by another process for {BUSY_SECONDS:g} s",
                "Wait for the other process to end, or end it, and try again.",
            )
        if state == "54000":
            return PlatformRefused("a text is longer than the database can keep")
        for says, make, message, hint in _EXPLANATIONS:
            if says(state, text):
                return make(f"{message.format(place=quote(self.place))}: {quote(text)}", hint)
        return PlatformError(f"the database {quote(self.place)} failed: {quote(text)}")

    def _words(self, error: BaseException) -> str:
        """The first line of what the server says, which is about the matter, without any password it may quote."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        text = lines[0]
        for secret in (self._url.password, *(_first(self._url, name) for name in _SECRET_PARAMETERS)):
            if secret:
                text = text.replace(str(secret), "***")
        return text


_GONE: Final = ("08", "57P", "53300", "25P03")
"""The beginnings of the codes by which a server says that it is going, gone, or full."""

_WHO: Final = ("authentication", "password", "no pg_hba.conf entry", "role ")


def _state(error: BaseException) -> str:
    """The server's code; "" where there was no server to give one, "?" where the driver itself refused."""
    import psycopg

    code = getattr(error, "sqlstate", None)
    return str(code or ("?" if isinstance(error, psycopg.ProgrammingError) else ""))


def _asks_who(state: str, text: str) -> bool:
    """Whether a connection was refused because of who asked; the driver has only the server's words for it."""
    return state.startswith("28") or (not state and any(word in text for word in _WHO))


def _is_missing(state: str, text: str) -> bool:
    return state == "3D000" or (not state and " does not exist" in text)


def _is_gone(state: str, text: str) -> bool:
    return not state or state.startswith(_GONE)


_EXPLANATIONS: Final[tuple[tuple[Callable[[str, str], bool], type[PlatformError], str, str], ...]] = (
    (
        _asks_who,
        NotAuthenticated,
        "the database {place} does not let this user in",
        "Check the user and the password of the URL (or PGPASSWORD, or ~/.pgpass).",
    ),
    (
        lambda state, _: state == "42501",
        NotAuthenticated,
        "this user may not do that in the database {place}",
        "Grant it the rights: CREATE on the schema for the first writer, also of a newer gatectl, and SELECT on the tables for readers.",
    ),
    (_is_missing, PlatformError, "there is no database {place}", "Create it: createdb NAME."),
    (
        lambda state, _: state == "22003",
        PlatformError,
        "the database {place} is damaged: a number in it is too large to go on from",
        "Restore it from a copy; nothing was half written.",
    ),
    (
        _is_gone,
        Unreachable,
        "the database {place} cannot be reached",
        "Check the host and the port, and whether the server runs.",
    ),
)
"""What the server's code and words mean to a user, the first that fits, and what to do."""


def _ended(heard: Heard, method: str, _connection: Connection) -> None:
    heard("session", method, "")


def _telling_cursor(tell: Callable[[str], None]) -> type[psycopg.Cursor[Any]]:
    """The driver's own cursor, through which it sends whatever is executed; it tells of that."""
    import psycopg

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **how: Any) -> Any:
            tell(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *arguments, **how)

        def executemany(self, query: Any, *arguments: Any, **how: Any) -> None:
            tell(query.decode() if isinstance(query, bytes) else str(query))
            super().executemany(query, *arguments, **how)

    return Cursor


def _first(url: URL, name: str) -> str | None:
    value = url.query.get(name)
    return value if isinstance(value, str) or value is None else value[0]


def _cut(driver: Any) -> None:
    """Shut the socket of a connection that another thread may be waiting at; that one sees it close."""
    with suppress(Exception), socket.socket(fileno=os.dup(driver.fileno())) as shared:
        shared.shutdown(socket.SHUT_RDWR)


def _begin(connection: Connection, left: float) -> None:
    """Begin; where the server closed the connection meanwhile (it was restarted, say), on a new one.

    Nothing has been done yet at that moment, so nothing can be done twice.
    """
    writes = connection.info.get(WRITES, False)
    try:
        _begin_on(connection.connection.dbapi_connection, writes, left)
    except Exception:
        if not _is_closed(connection):
            raise
        connection.invalidate()
        connection.info[WRITES] = writes
        _begin_on(connection.connection.dbapi_connection, writes, left)


def _begin_on(driver: Any, writes: bool, left: float) -> None:
    # The server ends by itself what takes longer than there is; it is asked, and watched all the same.
    limit = f"; SET LOCAL statement_timeout = {max(1, int(left * 1000))}" if left < _LONGEST else ""
    try:
        # prepare=False: only an unprepared query may hold several statements.
        driver.execute(_begin_to_write(limit) if writes else _BEGIN_TO_READ + limit, prepare=False)
    except BaseException:
        if not driver.closed:
            driver.rollback()
        raise


def _is_closed(connection: Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.closed)


_BEGIN_TO_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def _begin_to_write(limit: str) -> str:
    return (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {int(BUSY_SECONDS * 1000)}{limit};"
        f" SELECT pg_advisory_xact_lock({_LOCK})"
    )
