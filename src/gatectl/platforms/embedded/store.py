"""A database that holds a platform: opening it, and its transactions.

Law: a `Store` can read and has no way to write; a `WritableStore` can do both. Every read is one snapshot and every
write one transaction that nobody else's write can come between. No table but `meta` and the first workspace is touched
here, and no rule of the platform is known.

What can be read may be of an older schema (`migrations`), and is read as it is. Who opens it to write brings it to the newest
first: alone, in one transaction. Anybody may do so at any moment, a newer gatectl too, so each transaction looks at the schema
that it finds.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, RootTransaction, insert, inspect, select, update

from gatectl.errors import PlatformError
from gatectl.quote import quote
from gatectl.version import __version__

from . import migrations, tables
from .identity import DEFAULT_WORKSPACE_ID, DEFAULT_WORKSPACE_NAME, new_id, timestamp

WRITES = "gatectl.writes"
"""In a connection's `info`: whether the transaction that begins next is going to write."""

_SCHEMA: Final = "SELECT value FROM gatectl_meta WHERE name = 'schema'"
"""In words of its own: it is asked in every transaction."""
_NUMBER: Final = re.compile("[0-9]{1,9}")


class Database(Protocol):
    """What differs from one database to another (`sqlite.SqliteFile`, `postgres.PostgresDatabase`).

    `prepare` makes room for a database that is not there yet; where it makes the database itself, `fill` puts the first content
    into it. `engine`'s connections begin their transactions as `WRITES` says: a reading one is a snapshot, a writing one has the
    database to itself among the writers. `claim` keeps others out until what it returns is called; where it
    is shared, those who do not share it. `translated`
    turns the driver's exceptions into PlatformError; `committing` those of a COMMIT into Uncertain, where it may have been done.
    `keep` puts a copy of what was committed last beside the database, where it is a file: whole, for good, and over nothing that
    is there; its path (None: there is none). It is called within a writing transaction, which has written little yet.
    """

    @property
    def place(self) -> str: ...

    def exists(self) -> bool: ...

    def prepare(self, fill: Callable[[Connection], None]) -> None: ...

    def engine(self, *, writes: bool) -> Engine: ...

    def settle(self, connection: Connection) -> None: ...

    def translated(self) -> AbstractContextManager[None]: ...

    def committing(self) -> AbstractContextManager[None]: ...

    def claim(self, *, shared: bool = False) -> Callable[[], None]: ...

    def keep(self, schema: int) -> str | None: ...


class Facts(NamedTuple):
    """What a database says of itself: the number of its schema, its own id, and the key of its secrets' hashes."""

    schema: int
    instance: str
    seal: bytes


class Transaction(NamedTuple):
    """One write under way: where its statements go, and how it stores a secret (as a keyed hash, never in clear)."""

    connection: Connection
    seal: Callable[[str], str]


class Store:
    """An open database that can be read. One thread at a time gets it; the others wait their turn."""

    def __init__(self, database: Database, connection: Connection, facts: Facts) -> None:
        self._database = database
        self._connection = connection
        self._turn = Lock()
        self._oldest = migrations.oldest()
        self.instance = facts.instance

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which every statement sees the same moment. Raises PlatformError."""
        with self._turn, self._database.translated(), self._connection.begin():
            self._look()
            yield self._connection

    def close(self) -> None:
        with self._turn, self._database.translated():
            self._connection.close()
            self._connection.engine.dispose()

    def _look(self) -> None:
        """Raises PlatformError where the schema is none (any more) that this can work with."""
        driver: Any = (
            self._connection.connection.dbapi_connection
        )  # SQLAlchemy takes longer for it than many a transaction
        row = driver.execute(_SCHEMA).fetchone()
        number = _number(row[0]) if row else None
        if number is None or not self._oldest <= number <= migrations.newest():
            # Once more, and as thoroughly as when it is opened.
            _facts(self._connection, self._database.place)
            raise PlatformError(
                f"the database {quote(self._database.place)} is of schema {quote(number)} again, an older one than it was opened with",
                "Start this gatectl again, or use the older one.",
            )


class WritableStore(Store):
    """An open database that can be read and written."""

    def __init__(self, database: Database, connection: Connection, facts: Facts) -> None:
        super().__init__(database, connection, facts)
        self._oldest = migrations.newest()
        self._seal_key = facts.seal

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction: all of it is kept when the block ends, none of it when the block raises.

        Raises PlatformLocked when another process writes for too long, Uncertain where nobody knows whether it was kept,
        PlatformError when the database fails, or is not of the newest schema (any more).
        """
        with self._turn, self._database.translated(), _begun_to_write(self._connection) as transaction:
            self._look()
            yield Transaction(self._connection, self._seal)
            with self._database.committing():
                _commit(transaction)

    def claim(self) -> Callable[[], None]:
        """Keep those out who migrate, until what this returns is called; applies share it. Raises PlatformLocked."""
        return self._database.claim(shared=True)

    def _seal(self, secret: str) -> str:
        return hmac.new(self._seal_key, secret.encode(), hashlib.sha256).hexdigest()


def open_for_reading(database: Database) -> Store | None:
    """Open a database without any way to change it; None where nobody has written one yet. Creates nothing, migrates nothing.

    Raises PlatformError when what is there is not a database that this gatectl can read.
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


def open_for_writing(database: Database, tell: Callable[[str], None] = lambda text: None) -> WritableStore:
    """Open a database, creating it where there is none; several processes may do so at the same moment.

    One of an older schema is migrated, which `tell` is told. Raises PlatformError when what is there is not a database of this
    gatectl, or cannot be created, migrated or written; PlatformLocked where an apply is at work on one that is to be migrated.
    """
    with database.translated():
        database.prepare(lambda connection: _fill(connection, database.place))
        connection = database.engine(writes=True).connect()
        try:
            _fill(connection, database.place)
            facts = _found(connection, database.place)
            if facts.schema < migrations.newest():
                news = _migrated(database, connection)
                facts = _found(connection, database.place)
                if news is not None:
                    tell(news)
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


# What a database says of itself


def _facts(connection: Connection, place: str) -> Facts | None:
    """What the meta table says; None for an empty database. Raises PlatformError for what this gatectl cannot read."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if tables.meta.name not in names:
        raise PlatformError(
            f"the database {quote(place)} holds something else than a platform of gatectl",
            "Name another database; this one was left as it is.",
        )
    rows = connection.execute(select(tables.meta.c.name, tables.meta.c.value)).all()
    said = {name: value for name, value in rows}
    facts = _understood(said)
    if facts is not None and facts.schema > migrations.newest():  # whatever else it holds
        raise PlatformError(
            f"the database {quote(place)} was written by a newer gatectl{_named(said)}, and left as it is"
            f" (schema {facts.schema}; this one, {__version__}, knows up to {migrations.newest()})",
            "Use that newer gatectl.",
        )
    if facts is not None and facts.schema < migrations.oldest():
        raise PlatformError(
            f"the database {quote(place)} was written by an older gatectl{_named(said)}, and left as it is"
            f" (schema {facts.schema}; this one, {__version__}, knows {migrations.oldest()} to {migrations.newest()})",
            "Use that older gatectl, or move it away and apply the manifests to a new one.",
        )
    if facts is None or migrations.missing_tables(names, facts.schema):
        raise PlatformError(
            f"the database {quote(place)} is damaged: it does not hold what a platform of gatectl does",
            "Restore it, or move it away and apply the manifests to a new one; this one was left as it is.",
        )
    return facts


def _understood(said: Mapping[str, object]) -> Facts | None:
    """The facts that gatectl wrote; None where they are not those that it writes."""
    number, instance, seal = _number(said.get("schema")), said.get("instance"), said.get("seal")
    if number is None or not isinstance(instance, str) or not isinstance(seal, str) or not instance or not seal:
        return None
    try:
        return Facts(number, instance, bytes.fromhex(seal))
    except ValueError:
        return None


def _number(said: object) -> int | None:
    return int(said) if isinstance(said, str) and _NUMBER.fullmatch(said) else None


def _named(said: Mapping[str, object]) -> str:
    """Which gatectl it was, where that is said."""
    return f", {quote(said['gatectl'])}" if said.get("gatectl") else ""


def _found(connection: Connection, place: str) -> Facts:
    with connection.begin():
        facts = _facts(connection, place)
    assert facts is not None, "it was filled"
    return facts


# Making it, and bringing it forwards


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
        facts = {"instance": new_id(), "seal": secrets.token_hex(32)} | _written_now()
        migrations.create(connection)
        connection.execute(insert(tables.meta), [{"name": name, "value": value} for name, value in facts.items()])
        connection.execute(
            insert(tables.workspaces),
            {"id": DEFAULT_WORKSPACE_ID, "name": DEFAULT_WORKSPACE_NAME, "created_at": timestamp(), "version": 1},
        )


def _migrated(database: Database, connection: Connection) -> str | None:
    """Bring a database to the newest schema, all of it or nothing; what there is to tell of it. None: somebody was quicker.

    No apply is at work meanwhile, of an older gatectl neither, and nobody else writes.
    """
    release = database.claim()
    try:
        with _begun_to_write(connection) as transaction:
            facts = _facts(connection, database.place)
            if facts is None or facts.schema == migrations.newest():
                return None
            _state(connection, _written_now())  # where nothing can be written, there is no copy of it either
            copy = database.keep(facts.schema)
            migrations.migrate(connection, facts.schema)
            with database.committing():
                _commit(transaction)
    finally:
        release()
    kept = f"; as it was before: {quote(copy)}" if copy is not None else ""
    return f"migrated the database {quote(database.place)} from schema {facts.schema} to {migrations.newest()}{kept}"


def _written_now() -> dict[str, str]:
    """The facts that say who gave a database its schema."""
    return {"schema": str(migrations.newest()), "gatectl": __version__}


def _state(connection: Connection, facts: Mapping[str, str]) -> None:
    """Write facts over those of before."""
    for name, value in facts.items():
        done = connection.execute(update(tables.meta).where(tables.meta.c.name == name).values(value=value))
        if not done.rowcount:
            connection.execute(insert(tables.meta), {"name": name, "value": value})
