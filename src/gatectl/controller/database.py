"""The controller's database: a file, or a server's. One clock counts, the database's (of a file, this machine's), and each call of
what uses it is a transaction that no other write comes between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateSchema

from gatectl.controller.tables import METADATA, SCHEMA, targets
from gatectl.errors import InputError, PlatformError
from gatectl.platforms.embedded.postgres import PostgresDatabase
from gatectl.quote import quote

_SERVER: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
_FILE: Final = text("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(6073410020191)")
"""Of our tables alone: whoever writes them has them to themselves for a moment."""
_BUSY: Final = 10


class Database:
    """The tables in a database: `sqlite:////absolute/path` or `postgresql://…`, the operator's own word. They are made where they are
    not, unless whoever comes only looks (`make`). Raises PlatformError, also from all that is done within `writing`; InputError where
    nothing is there and nothing is made."""

    def __init__(self, address: str, *, make: bool = True) -> None:
        self.address = address
        if not make and address.startswith("sqlite:///") and not os.path.isfile(address.removeprefix("sqlite:///")):
            raise _nothing(address.removeprefix("sqlite:///"))
        self._engine = _engine(address)
        with self.writing() as connection:
            schema = SCHEMA if connection.dialect.name == "postgresql" else None
            if not make and not inspect(connection).has_table(targets.name, schema):
                raise _nothing("that database")
            if make and schema is not None:
                connection.execute(CreateSchema(schema, if_not_exists=True))
            if make:
                METADATA.create_all(connection)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, alone with our tables."""
        try:
            with self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(_LOCK)
                yield connection
        except DBAPIError as error:
            raise PlatformError(
                f"the controller's database failed: {quote(type(error).__name__)}", "is it there?"
            ) from None
        except (
            SQLAlchemyError,
            OverflowError,
        ) as error:  # the latter of a damaged one: a number is too large to go on from
            raise PlatformError(f"the controller's database cannot be used: {quote(type(error).__name__)}") from None


def _nothing(where: str) -> InputError:
    return InputError(
        f"no controller has kept anything in {quote(where)}",
        "is the controller running? gatectl controller --fleet FILE",
    )


def beside(address: str, what: str) -> str:
    """Where something else of a controller is kept: in the same database of a server; beside a file, in one of its own, since each has its
    own way to write."""
    if address.startswith("postgresql://"):
        return address
    path = Path(address.removeprefix("sqlite:///"))
    return f"sqlite:///{path.with_name(f'{path.stem}-{what}{path.suffix}')}"


def moment(connection: Connection) -> int:
    """Milliseconds since 1970, by the one clock."""
    return int(connection.execute(_SERVER if connection.dialect.name == "postgresql" else _FILE).scalar_one())


def server_engine(address: str) -> Engine:
    """The way to a server's database. Values never reach the text of an exception. Raises PlatformError, UntrustedHost, UsageError."""
    way = PostgresDatabase(address, named=True).way
    url = make_url(address).set(drivername="postgresql+psycopg")
    return create_engine(url, connect_args=dict(way.arguments), hide_parameters=True, pool_pre_ping=True)


def _engine(address: str) -> Engine:
    if address.startswith("postgresql://"):
        return server_engine(address).execution_options(schema_translate_map={None: SCHEMA})
    path = Path(address.removeprefix("sqlite:///"))
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700, parents=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY}, hide_parameters=True)
    event.listen(engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
