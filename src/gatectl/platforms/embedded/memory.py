"""A database in memory: a platform for tests and rehearsals that writes nothing to any disk, and is gone when it is closed.

One connection serves everybody: `Store` gives it to one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock

from sqlalchemy import Connection, Engine, StaticPool, event
from sqlalchemy.exc import DBAPIError

from gatectl.errors import PlatformError, PlatformLocked
from gatectl.quote import quote

from .claim import PATIENCE, Release
from .engines import sqlite_engine
from .store import WRITES


class Memory:
    """A `store.Database` that nobody else can see."""

    place = "memory"

    def __init__(self) -> None:
        self._engine = sqlite_engine(StaticPool, _connect)
        self._applying = Lock()
        event.listen(self._engine, "begin", _begin)

    def exists(self) -> bool:
        return True

    def prepare(self, fill: Callable[[Connection], None]) -> None:
        """Nothing: there is room."""

    def engine(self, *, writes: bool) -> Engine:
        return self._engine

    def settle(self, connection: Connection) -> None:
        """Nothing: it is as it should be."""

    def claim(self, *, shared: bool = False) -> Release:
        """Keep other threads out, unless it is shared: it is as new as the program, and nobody migrates it. Raises PlatformLocked."""
        if shared:
            return lambda: None
        if not self._applying.acquire(timeout=PATIENCE):
            raise PlatformLocked("another apply of this program is under way", "wait for it, and try again")
        return self._applying.release

    def keep(self, schema: int) -> None:
        """Nothing: it is as new as the program."""

    def committing(self) -> AbstractContextManager[None]:
        """A COMMIT here is done or raises."""
        return nullcontext()

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error, OverflowError) as error:  # the last: a number that there is no room for
            raise PlatformError(f"the database in memory failed: {quote(error)}") from error


def _connect() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get(WRITES, False) else "BEGIN")
