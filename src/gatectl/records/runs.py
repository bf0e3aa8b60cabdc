"""The history in a database: the SQL of it, the same wherever the tables are, in a platform's own database or in one of their own.

Law: nothing is opened here and no table but `runs` and `run_receipts` is touched, but that the journal of a run ends. What was
written by hand, or is not whole, is an error that names the database and the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, insert, inspect, or_, select

from gatectl.documents.history import Entry, believed, entry_of
from gatectl.documents.receipts import Receipt
from gatectl.errors import PlatformError
from gatectl.files.packing import gzipped, read_json, unpacked
from gatectl.platforms.embedded import tables
from gatectl.platforms.embedded.store import Store, Transaction, WritableStore
from gatectl.quote import quote
from gatectl.records.interface import Scope
from gatectl.records.owners import end

_PAGE: Final = 200
_PART: Final = 4 * 1024 * 1024
"""Bytes of one part of a receipt: no value is larger than a database takes."""
_LEVEL: Final = 4
"""How hard receipts are packed: most of what there is to gain, in a third of the time."""
_ELSE: Final = "Restore the database from a copy, or move it away; what it holds was left as it is."

_r, _c = tables.runs.c, tables.run_receipts.c


def packed(receipt: Receipt) -> bytes:
    """A receipt as stores hold it."""
    return gzipped(json.dumps(receipt, separators=(",", ":")).encode("utf-8", "backslashreplace"), _LEVEL)


class StoredRuns:
    """Reads the history of a database (`interface.HistoryReader`); `store` None: nobody has created it yet."""

    def __init__(self, store: Store | None, place: str, close: Callable[[], None] | None = None) -> None:
        self._store = store
        self._place = place
        self._close = close

    @property
    def instance(self) -> str | None:
        return self._store.instance if self._store is not None else None

    def runs(self, scope: Scope) -> Iterator[Entry]:
        last: str | None = None
        while self._store is not None:
            with self._store.reading() as connection:
                rows = _page(connection, scope, last)
            for run, entry in rows:
                last = run
                yield self._believed(run, entry)
            if len(rows) < _PAGE:
                return

    def receipt(self, scope: Scope, run: str) -> bytes | None:
        if self._store is None:
            return None
        with self._store.reading() as connection:
            parts = _parts(connection, scope, run)
        if parts is None:
            return None
        try:
            content = unpacked(b"".join(parts))
            if not parts or read_json(content).get("run") != run:
                raise ValueError("it is not the receipt of this run")
        except (ValueError, AttributeError) as error:
            raise self._broken(run, error) from error
        return content

    def close(self) -> None:
        if self._close is not None:
            self._close()

    def _believed(self, run: str, entry: str) -> Entry:
        try:
            found = believed(read_json(entry.encode()))
            if found["run"] != run:
                raise ValueError("it is of another run")
        except ValueError as error:
            raise self._broken(run, error) from error
        return found

    def _broken(self, run: str, error: Exception) -> PlatformError:
        return PlatformError(
            f"run {quote(run)} in {quote(self._place)} is not as it was written: {quote(error)}", _ELSE
        )


class WritableRuns(StoredRuns):
    """Reads the history of a database, and adds to it (`interface.History`)."""

    def __init__(self, store: WritableStore, place: str, close: Callable[[], None]) -> None:
        super().__init__(store, place, close)
        self._writable = store

    def keep(self, receipt: Receipt, place: str | None) -> None:
        with self._writable.writing() as transaction:
            _keep(transaction, receipt, place)
            end(transaction, entry_of(receipt)["run"])


def _of(scope: Scope) -> ColumnElement[bool]:
    here = _r.place.is_(None) if scope.place is None else _r.place == scope.place
    by_name = and_(_r.project == scope.project, _r.uid.is_(None), here)
    return and_(_r.environment == scope.environment, or_(_r.uid == scope.uid, by_name) if scope.uid else by_name)


def _page(connection: Connection, scope: Scope, last: str | None) -> list[tuple[str, str]]:
    if not _has_tables(connection):
        return []
    asked = select(_r.run, _r.entry).where(_of(scope)).order_by(_r.run.desc()).limit(_PAGE)
    rows = connection.execute(asked if last is None else asked.where(_r.run < last))
    return [(run, entry) for run, entry in rows]


def _parts(connection: Connection, scope: Scope, run: str) -> list[bytes] | None:
    if not _has_tables(connection):
        return None
    if connection.execute(select(_r.run).where(_of(scope), _r.run == run)).first() is None:
        return None
    asked = select(_c.part, _c.content).where(_c.run == run).order_by(_c.part)
    rows = connection.execute(asked).all()
    return [bytes(content) for number, (part, content) in enumerate(rows) if part == number]


def _keep(transaction: Transaction, receipt: Receipt, place: str | None) -> None:
    connection, entry = transaction.connection, entry_of(receipt)
    run = entry["run"]
    if connection.execute(select(_r.run).where(_r.run == run)).first() is not None:
        return
    project = entry["project"]
    row = {"run": run, "project": project["name"], "uid": project["uid"], "environment": entry["environment"]}
    connection.execute(insert(tables.runs), row | {"place": place, "entry": json.dumps(entry)})
    content = packed(receipt)
    parts = [content[start : start + _PART] for start in range(0, len(content), _PART)]
    connection.execute(
        insert(tables.run_receipts), [{"run": run, "part": part, "content": data} for part, data in enumerate(parts)]
    )


def _has_tables(connection: Connection) -> bool:
    """Whether it has the tables: a database of before gets them from who writes."""
    return inspect(connection).has_table(tables.run_receipts.name)
