"""Engines of SQLite, which share what they know: how each statement of ours is spelt is worked out once in a process.

An engine keeps that for itself otherwise, and works it out again for every database that is opened: it took longer than all that
was asked. An apply opens its database to read and to write, and a program or a test that applies often does so all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, cast

from sqlalchemy import Dialect, Engine, NullPool, Pool, create_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.util import LRUCache

_SPELT: Final = LRUCache[object, object](500)
"""SQLAlchemy's own: it may be used by several threads, and holds as many statements as an engine would by itself."""


def sqlite_engine(pool: type[Pool], connect: Callable[[], object]) -> Engine:
    """An engine for the connections that `connect` opens. Values never reach the text of an exception."""
    first = _first()
    opening = cast("Callable[[], DBAPIConnection]", connect)  # mypy does not see that sqlite3's is one
    return Engine(
        pool(opening, dialect=first.dialect), first.dialect, first.url, hide_parameters=True,
        execution_options={"compiled_cache": _SPELT},
    )  # fmt: skip


def sqlite_dialect() -> Dialect:
    """How SQLite is spoken to."""
    return _first().dialect


@cache
def _first() -> Engine:
    """An engine that knows SQLite: it has asked, at a database of nobody."""
    engine = create_engine("sqlite://", poolclass=NullPool)
    engine.connect().close()
    return engine
