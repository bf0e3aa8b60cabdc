"""The rows of a list that may be long, handed on some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Select

_SOME: Final = 5_000
"""Rows that are fetched at once: a list of 300,000 attachments is not held beside what is made of it."""


def rows_of(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    """The rows of a statement, in its order. Raises what the database does, at any row."""
    for rows in connection.execute(statement).partitions(_SOME):
        yield from rows


class Shared:
    """Texts that many rows have, each kept once: a driver makes a new one for every row."""

    def __init__(self) -> None:
        self._texts: dict[str | None, str | None] = {}

    def one(self, text: str | None) -> str | None:
        """The first text that was equal to this one."""
        return self._texts.setdefault(text, text)
