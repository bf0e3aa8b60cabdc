"""Creations that carry a key are done once (product.md, section 4): for a day, while what was made is still there under that
name and in that form, the same key is answered with what it made.

Law: the record of a creation is written in the creation's own transaction. A form is what an object says without its
credentials: renewing them makes no other object of it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, String, Table, bindparam, delete, insert, select

from gatectl import clock
from gatectl.platforms.interface import KEY, Collection

from . import tables
from .fields import Body, refused
from .identity import timestamp
from .store import Transaction

LONGEST_KEY: Final = 255
_DAY: Final = timedelta(days=1)

_NO_FORM: Final = frozenset(("id", "created_at", "version", "deleted_at", "secret_hash", "api_key_id"))

_t = tables.creations.c
_a = tables.bucket_attachments.c
_l = tables.llm_attachments.c
_ID = bindparam("id_", type_=String)
_FIND = select(_t.collection, _t.object_id, _t.form).where(_t.key == bindparam("key_"))
_FORGET = delete(tables.creations).where((_t.created_at < bindparam("before")) | (_t.key == bindparam("key_")))
_ATTACHED = (
    select(_a.bucket_id, _a.folder, _a.master).where(_a.repository_id == _ID).order_by(_a.position),
    select(_l.llm_id).where(_l.repository_id == _ID).order_by(_l.position),
)


class Place(NamedTuple):
    """A collection, and the table of its objects."""

    collection: Collection
    table: Table


def check_key(key: str) -> None:
    """Raises PlatformRefused (400) for a key that cannot be remembered."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise refused(f"{KEY} is not text of 1 to {LONGEST_KEY} characters of ASCII")


def find(connection: Connection, place: Place, body: Body, key: str) -> tuple[str, int] | None:
    """The id and the version of what this key made within a day and that is still as it was made; None where there is none."""
    row = connection.execute(_FIND.where(_t.created_at >= _yesterday()), {"key_": key}).first()
    if row is None or row.collection != place.collection:
        return None
    live = _live(connection, place.table, row.object_id)
    if live is None or live.get("name") != body.get("name") or _form(connection, live) != row.form:
        return None
    return row.object_id, int(live["version"])


def remember(transaction: Transaction, place: Place, object_id: str, key: str) -> None:
    """This key made this object, just now; what was remembered for more than a day is forgotten."""
    connection = transaction.connection
    live = _live(connection, place.table, object_id)
    if live is None:
        raise AssertionError("what was made is there")
    connection.execute(_FORGET, {"before": _yesterday(), "key_": key})
    made = {"key": key, "collection": place.collection, "object_id": object_id, "created_at": timestamp()}
    connection.execute(insert(tables.creations), made | {"form": _form(connection, live)})


def _yesterday() -> str:
    return clock.timestamp(datetime.now(UTC) - _DAY)


def _live(connection: Connection, table: Table, object_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(table).where(table.c.id == _ID), {"id_": object_id}).mappings().first()
    return None if row is None or row.get("deleted_at") is not None else {str(name): row[name] for name in row}


def _form(connection: Connection, live: dict[str, Any]) -> str:
    said = {name: value for name, value in live.items() if name not in _NO_FORM}
    if "key" in said and said.get("storage_type") != "BLOB":  # whose key is the account, which is no credential
        del said["key"]
    attached = [
        [list(row) for row in connection.execute(statement, {"id_": live["id"]})]
        for statement in (_ATTACHED if "mode" in live else ())
    ]
    return hashlib.sha256(json.dumps([said, attached], sort_keys=True).encode()).hexdigest()
