"""Statements that every write asks, spelt once and handed to the driver of SQLite themselves.

There the answer comes from this process, and takes a seventh of what SQLAlchemy does around it; an apply asks tens of thousands. A
server is asked through SQLAlchemy, which tells a connection that is gone: what lies between takes longer than either.

Law: what a statement says is as its module wrote it, and values are never in its text. Nothing is converted: a Boolean is read as
SQLite keeps it, as 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import ClauseElement, Connection, Executable

_IN_PROCESS: Final = "sqlite"

Values = Mapping[str, object]


class _Spelt(NamedTuple):
    """A statement as the driver takes it: its text, the names of its values in their order, and the values that are always the same."""

    text: str
    names: Sequence[str]
    fixed: Values


class Prepared:
    """A statement of which each name is given with every call. `columns`: those that an INSERT fills."""

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns

    def first(self, connection: Connection, values: Values) -> Sequence[Any] | None:
        """The first row of the answer. Raises what the database does."""
        if connection.dialect.name != _IN_PROCESS:
            return connection.execute(self._statement, values).first()
        found: Sequence[Any] | None = self._asked(connection, values).fetchone()
        return found

    def all(self, connection: Connection, values: Values) -> Sequence[Sequence[Any]]:
        """All rows of the answer. Raises what the database does."""
        if connection.dialect.name != _IN_PROCESS:
            return connection.execute(self._statement, values).all()
        found: Sequence[Sequence[Any]] = self._asked(connection, values).fetchall()
        return found

    def run(self, connection: Connection, *rows: Values) -> None:
        """Write, once for each of these. Raises what the database does."""
        if connection.dialect.name != _IN_PROCESS:
            connection.execute(self._statement, list(rows))
            return
        text, names, fixed = self._spelt
        driver: Any = connection.connection.dbapi_connection
        driver.executemany(text, [[row[name] if name in row else fixed[name] for name in names] for row in rows])

    def _asked(self, connection: Connection, values: Values) -> Any:
        text, names, fixed = self._spelt
        given = {**fixed, **values} if fixed else values
        driver: Any = connection.connection.dbapi_connection
        return driver.execute(text, [given[name] for name in names])

    @cached_property
    def _spelt(self) -> _Spelt:
        from .engines import sqlite_dialect

        assert isinstance(self._statement, ClauseElement)
        compiled: Any = self._statement.compile(dialect=sqlite_dialect(), column_keys=self._columns)
        names = tuple(compiled.positiontup or ())
        return _Spelt(
            str(compiled), names, {name: value for name, value in compiled.params.items() if value is not None}
        )
