"""A database that holds a platform: opening it, and its transactions.

Law: a `Store` can read and has no way to write; a `WritableStore` can do both. Every read is one snapshot and every
write one transaction that nobody else's write can come between. No table but `meta` and the first workspace is touched
here, and no rule of the platform is known.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, Engine, RootTransaction, insert, inspect, select

from gatectl.errors import PlatformError
from gatectl.quote import quote

from . import tables
from .identity import DEFAULT_WORKSPACE_ID, DEFAULT_WORKSPACE_NAME, new_id, timestamp

WRITES = "gatectl.writes"
"""In a connection's `info`: whether the transaction that begins next is going to write."""


class Database(Protocol):
    """What differs from one database to another (`sqlite.SqliteFile`, `postgres.PostgresDatabase`).

    `prepare` makes room for a database that is not there yet; where it makes the database itself, `fill` puts the first content
    into it. `engine`'s connections begin their transactions as `WRITES` says: a reading one is a snapshot, a writing one has the
    database to itself among the writers. `claim` keeps other applies out until what it returns is called. `translated`
    turns the driver's exceptions into PlatformError; `committing` those of a COMMIT into Uncertain, where it may have been done.
    """

    @property
    def place(self) -> str: ...

    def exists(self) -> bool: ...

    def prepare(self, fill: Callable[[Connection], None]) -> None: ...

    def engine(self, *, writes: bool) -> Engine: ...

    def settle(self, connection: Connection) -> None: ...

    def translated(self) -> AbstractContextManager[None]: ...

    def committing(self) -> AbstractContextManager[None]: ...

    def claim(self) -> Callable[[], None]: ...


class Transaction(NamedTuple):
    """One write under way: where its statements go, and how it stores a secret (as a keyed hash, never in clear)."""

    connection: Connection
    seal: Callable[[str], str]


class Store:
    """An open database that can be read. One thread at a time gets it; the others wait their turn."""

    def __init__(self, database: Database, connection: Connection, facts: Mapping[str, str]) -> None:
        self._database = database
        self._connection = connection
        self._turn = Lock()
        self.instance = facts["instance"]

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which every statement sees the same moment. Raises PlatformError."""
        with self._turn, self._database.translated(), self._connection.begin():
            yield self._connection

    def close(self) -> None:
        with self._turn, self._database.translated():
            self._connection.close()
            self._connection.engine.dispose()


class WritableStore(Store):
    """An open database that can be read and written."""

    def __init__(self, database: Database, connection: Connection, facts: Mapping[str, str]) -> None:
        super().__init__(database, connection, facts)
        self._seal_key = bytes.fromhex(facts["seal"])

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction: all of it is kept when the block ends, none of it when the block raises.

        Raises PlatformLocked when another process writes for too long, Uncertain where nobody knows whether it was kept,
        PlatformError when the database fails.
        """
        with self._turn, self._database.translated(), _begun_to_write(self._connection) as transaction:
            yield Transaction(self._connection, self._seal)
            with self._database.committing():
                _commit(transaction)

    def claim(self) -> Callable[[], None]:
        """Keep other applies out until what this returns is called. Raises PlatformLocked."""
        return self._database.claim()

    def _seal(self, secret: str) -> str:
        return hmac.new(self._seal_key, secret.encode(), hashlib.sha256).hexdigest()


def open_for_reading(database: Database) -> Store | None:
    """Open a database without any way to change it; None where nobody has written one yet. Creates nothing.

    Raises PlatformError when what is there is not a database of this gatectl.
    """
    if not database.exists():
        return None
    with database.translated():
        connection = database.engine(writes=False).connect()
        try:
            with connection.begin():
                facts = _facts(connection, database.place)
        except BaseException:
            connection.close()
            raise
    if facts is None:
        connection.close()
        return None
    return Store(database, connection, facts)


def open_for_writing(database: Database) -> WritableStore:
    """Open a database, creating it where there is none; several processes may do so at the same moment.

    Raises PlatformError when what is there is not a database of this gatectl, or cannot be created or written.
    """
    with database.translated():
        database.prepare(lambda connection: _fill(connection, database.place))
        connection = database.engine(writes=True).connect()
        try:
            _fill(connection, database.place)
            with connection.begin():
                facts = _facts(connection, database.place)
            assert facts is not None
            database.settle(connection)
        except BaseException:
            connection.close()
            raise
    return WritableStore(database, connection, facts)


@contextmanager
def _begun_to_write(connection: Connection) -> Iterator[RootTransaction]:
    connection.info[WRITES] = True
    try:
        with connection.begin() as transaction:
            yield transaction
    finally:
        if not connection.invalidated:  # a new connection begins anew; asking for it here would make it
            connection.info[WRITES] = False


def _commit(transaction: RootTransaction) -> None:
    try:
        transaction.commit()
    except BaseException:
        transaction.rollback()  # it stays on until it is told so, also where there is no connection any more
        raise


def _facts(connection: Connection, place: str) -> dict[str, str] | None:
    """The meta table's content; None for an empty database."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if tables.meta.name not in names:
        raise PlatformError(
            f"the database {quote(place)} holds something else than a platform of gatectl",
            "Name another database; this one was left as it is.",
        )
    rows = connection.execute(select(tables.meta.c.name, tables.meta.c.value)).all()
    facts = {name: value for name, value in rows}
    version = _version(facts)
    if version is None or missing_tables(names):
        raise PlatformError(
            f"the database {quote(place)} is damaged: it does not hold what a platform of gatectl does",
            "Restore it, or move it away and apply the manifests to a new one; this one was left as it is.",
        )
    if version < tables.SCHEMA_VERSION:
        raise PlatformError(
            f"the database {quote(place)} was written by an older gatectl"
            f" (schema {quote(version)}; this one knows {tables.SCHEMA_VERSION})",
            "Use that older gatectl, or move it away and apply the manifests to a new one.",
        )
    if version > tables.SCHEMA_VERSION:
        raise PlatformError(
            f"the database {quote(place)} was written by a newer gatectl"
            f" (schema {quote(version)}; this one knows up to {tables.SCHEMA_VERSION})",
            "Use that newer gatectl.",
        )
    return facts


def _version(facts: Mapping[str, str]) -> int | None:
    """The version of the schema; None where the facts are not those that gatectl writes."""
    try:
        bytes.fromhex(facts["seal"])
        return int(facts["schema"]) if facts["instance"] and facts["seal"] else None
    except (KeyError, ValueError, TypeError):
        return None


def missing_tables(names: Iterable[str]) -> set[str]:
    """The tables that every platform has and that are not among these."""
    return set(tables.metadata.tables) - tables.LATER - set(names)


def _fill(connection: Connection, place: str) -> None:
    with connection.begin():
        facts = _facts(connection, place)
    if facts is None:
        _created(connection, place)


def _created(connection: Connection, place: str) -> None:
    """Fill a database that was empty a moment ago, unless somebody was quicker."""
    with _begun_to_write(connection):
        if _facts(connection, place) is not None:
            return
        facts = {"schema": str(tables.SCHEMA_VERSION), "instance": new_id(), "seal": secrets.token_hex(32)}
        tables.metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(tables.meta), [{"name": name, "value": value} for name, value in facts.items()])
        connection.execute(
            insert(tables.workspaces),
            {"id": DEFAULT_WORKSPACE_ID, "name": DEFAULT_WORKSPACE_NAME, "created_at": timestamp(), "version": 1},
        )
