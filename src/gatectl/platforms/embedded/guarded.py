"""A SQLite file that a stranger may have made: it cannot run on for ever, nor run anything that it brought along.

Checkouts hold database files, and a query of ours may mean anything there: a view that never ends instead of a table, a
trigger, a cell of gigabytes, a number where a text belongs, one that cannot be counted on from. So a connection is given a clock and
limits when it is opened, and what the file holds is looked through before anything is read from it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table

from gatectl.clock import Clock
from gatectl.errors import DeadlinePassed, PlatformError
from gatectl.platforms.fencing import HIGHEST
from gatectl.quote import quote

from . import tables

_LARGEST_VALUE: Final = 16 * 1024 * 1024
"""Bytes of one value; what the platform takes is far smaller."""
_STEPS: Final = 20_000
"""How many steps of SQLite's machine lie between two looks at the clock: a millisecond, about."""
_LAST_MOMENT: Final = 253_402_300_799_999
"""The end of the year 9999, in milliseconds since 1970: what lies beyond is no moment."""
_ELSE: Final = "Name another database; this one was left as it is."
MORE_TIME: Final = "give it more time: --deadline SECONDS"


def check_file(path: Path) -> None:
    """Raises PlatformError for a pipe, a device or a socket: to open one may never end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise PlatformError(f"{quote(path)} is no file, so it is no database", _ELSE)


def guard(connection: sqlite3.Connection, ends: float | None, clock: Clock) -> None:
    """Limits for a connection that was just opened, and a clock: by `ends` of it every statement is over."""
    for limit, value in (
        (sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    ):
        connection.setlimit(limit, value)
    if ends is not None:
        connection.set_progress_handler(lambda: clock.now() >= ends, _STEPS)
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")


def check_content(connection: sqlite3.Connection, place: str) -> None:
    """Raises PlatformError for what gatectl never makes: views, triggers, tables of modules, computed columns, values of
    wrong types, numbers out of range."""
    for kind, name in connection.execute(_FOREIGN):
        raise PlatformError(
            f"the database {quote(place)} holds a {kind} '{quote(name)}', which gatectl never makes", _ELSE
        )
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables.meta.name not in names:
        return  # of something else, which is told where the facts are read
    for table in tables.metadata.sorted_tables:
        if table.name in names and (wrong := _wrong(connection, table)) is not None:
            raise PlatformError(
                f"the database {quote(place)} is damaged: {wrong}",
                "Restore it, or move it away and apply the manifests to a new one; this one was left as it is.",
            )


_FOREIGN: Final = """
SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index')
UNION ALL SELECT 'virtual table', name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'
UNION ALL SELECT 'computed column of', m.name FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS x
    WHERE m.type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND x.hidden <> 0
LIMIT 1
"""


def _wrong(connection: sqlite3.Connection, table: Table) -> str | None:
    """What is wrong with a value in a table, as far as there are columns: one that is missing is told where it is read, since the
    schema may be another version's. None: nothing."""
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    columns = [column for column in table.columns if column.name in there]
    if not _has(connection, table, [_is_wrong(column) for column in columns]):
        return None
    if _has(connection, table, map(_is_of_wrong_type, columns)):
        return f"a value in its table {table.name} is of a wrong type"
    out = next(each for each in columns if _has(connection, table, [_is_wrong(each)]))
    return f"a number in its table {table.name} is out of range ({out.name})"


def _has(connection: sqlite3.Connection, table: Table, conditions: Iterable[str]) -> bool:
    """Whether one of these holds for a row of a table. The names are our own."""
    wrong = " OR ".join(conditions)
    asked = f"SELECT 1 FROM {table.name} WHERE {wrong} LIMIT 1"  # noqa: S608 - names of our own tables
    return bool(wrong) and connection.execute(asked).fetchone() is not None


def _is_wrong(column: Column[Any]) -> str:
    """That a value is of a wrong type, or a number that gatectl never writes: it could not be counted on from, or is no moment."""
    if not isinstance(column.type, (Integer, Boolean)):
        return _is_of_wrong_type(column)
    highest = 1 if isinstance(column.type, Boolean) else HIGHEST
    if isinstance(column.type, BigInteger):
        highest = _LAST_MOMENT
    return f"{_is_of_wrong_type(column)} OR {column.name} NOT BETWEEN 0 AND {highest}"


def _is_of_wrong_type(column: Column[Any]) -> str:
    optional = ", 'null'" if column.nullable else ""
    return f"typeof({column.name}) NOT IN ('{_type_of(column)}'{optional})"


def _type_of(column: Column[Any]) -> str:
    """What SQLite calls the values of a column."""
    if isinstance(column.type, LargeBinary):
        return "blob"
    return "integer" if isinstance(column.type, (Integer, Boolean)) else "text"


def too_late(place: str) -> DeadlinePassed:
    return DeadlinePassed(f"the database {quote(place)} did not answer before the deadline passed", MORE_TIME)
