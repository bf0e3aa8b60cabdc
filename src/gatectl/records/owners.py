"""Owners and journals in a database: the SQL of it, the same wherever the tables are, in a platform's own database or in one of
their own, where `platform` tells whose objects they are.

Law: nothing is opened here, and no table but `owned`, `places`, `journal` and `applied` is touched. What was written by hand, or is
not whole, is an error that names the database and the object: it is never "nobody owns it".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Final

from sqlalchemy import Connection, delete, func, insert, inspect, select, text

from gatectl.documents.journal import Head, Intent, OpenRun, part_json, read_parts
from gatectl.documents.ownership import Owned, Owner
from gatectl.documents.plans import State
from gatectl.errors import PlatformError
from gatectl.files.packing import gzipped, read_json, unpacked
from gatectl.model import Outcome
from gatectl.platforms.embedded import tables
from gatectl.platforms.embedded.store import Store, Transaction, WritableStore
from gatectl.quote import quote
from gatectl.records.kept import kept_state, read_kept

_o, _p, _j, _a = tables.owned.c, tables.places.c, tables.journal.c, tables.applied.c
_COLUMNS: Final = tuple(column.name for column in tables.owned.columns)
_READ: Final = (_o.kind, _o.object_id, _o.state, _o.project, _o.uid, _o.environment, _o.place, _o.workspace, _o.workspace_id, _o.name,
                _o.hash, _o.file, _o.commit_id, _o.run, _o.applied_at, _o.protected, _o.adopted)  # fmt: skip
"""What is read of an owner, first what tells its state."""
_PUT: Final = text(
    f"INSERT INTO owned ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"  # noqa: S608 - our own names
    " ON CONFLICT (platform, object_id) DO UPDATE SET"
    f" {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[2:-1])}, adopted = (owned.adopted OR excluded.adopted)"
)
_DROP: Final = text("DELETE FROM owned WHERE platform = :platform AND object_id = :object_id")
_FORGET: Final = text("DELETE FROM applied WHERE object_id = :object_id")
_NOTE: Final = text("INSERT INTO places (platform, uid, place) VALUES (:platform, :uid, :place) ON CONFLICT DO NOTHING")
_FIRST: Final = text(
    "INSERT INTO places (platform, uid, place) SELECT CAST(:platform AS TEXT), CAST(:uid AS TEXT), CAST(:place AS TEXT)"
    " WHERE NOT EXISTS (SELECT 1 FROM places WHERE platform = :platform AND uid = :uid)"
)
_AT_ONCE: Final = 2_000
"""Intents of one row."""
_LEVEL: Final = 1
_TOGETHER: Final = 500
"""Rows of what is owned that are read at a time."""
_ELSE: Final = "Restore the database from a copy, or move it away; what it holds was left as it is."


class StoredOwners:
    """Reads owners and journals of one platform (`interface.RecordsReader`); `store` None: nobody has created it yet."""

    def __init__(self, store: Store | None, platform: str | None, name: str) -> None:
        self._store = store
        self._platform = platform
        self._name = name

    def owned(self) -> Sequence[Owned]:
        with self._reading() as connection:
            return list(self._owned(connection)) if connection is not None else ()

    def places(self, uid: str) -> frozenset[str]:
        with self._reading() as connection:
            if connection is None or not _has_tables(connection):
                return frozenset()
            asked = select(_p.place).where(_p.platform == self._platform, _p.uid == uid)
            return frozenset(connection.execute(asked).scalars())

    def open_runs(self) -> Sequence[OpenRun]:
        with self._reading() as connection:
            if connection is None or not _has_tables(connection):
                return ()
            asked = select(_j.run, _j.content).where(_j.platform == self._platform).order_by(_j.run, _j.number)
            rows = connection.execute(asked).all()
        return [self._open_run(run, [row[1] for row in parts]) for run, parts in groupby(rows, lambda row: str(row[0]))]

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        """A connection, where there is a database, and a platform that anything could be known of."""
        if self._store is None or self._platform is None:
            yield None
            return
        with self._store.reading() as connection:
            yield connection

    def _owned(self, connection: Connection) -> Iterator[Owned]:
        owners: dict[Owner, Owner] = {}
        asked = select(*_READ).where(_o.platform == self._platform)
        rows = iter(connection.execute(asked) if _has_tables(connection) else ())
        once: dict[str | None, str | None] = {}
        same = once.setdefault  # of what many objects have in common there is one
        while some := list(islice(rows, _TOGETHER)):
            for row, known in zip(some, self._states([row[:3] for row in some]), strict=True):
                kind, object_id, _, project, uid, environment, place, workspace, workspace_id, name, *rest = row
                digest, file, commit, run, at, protected, adopted = rest
                owner = Owner(project, uid, environment, place)
                yield Owned(
                    owners.setdefault(owner, owner), str(same(kind, kind)), same(workspace, workspace),
                    same(workspace_id, workspace_id), name, object_id, known, digest, file, same(commit, commit),
                    same(run, run), same(at, at), bool(protected), bool(adopted),
                )  # fmt: skip
        if self._platform == self._instance:
            for project, object_id in connection.execute(select(_a.project, _a.object_id)):
                yield Owned(Owner(project, None, ""), "", None, None, "", object_id)

    @property
    def _instance(self) -> str | None:
        return self._store.instance if self._store is not None else None

    def _states(self, rows: Sequence[tuple[str, str, str | None]]) -> Iterable[State | None]:
        """The states of these rows (kind, id, state). They are read as one document, which takes half the time and less memory; where
        that is none, each by itself, to tell which it is."""
        texts = [text for _, _, text in rows if text is not None]
        try:
            found = read_json(f"[{','.join(texts)}]".encode())
            if len(found) != len(texts):
                raise ValueError("one is not of one row")
            states = iter([read_kept(each) for each in found])
        except ValueError:
            states = iter([self._state(kind, object_id, text) for kind, object_id, text in rows if text is not None])
        return [next(states) if text is not None else None for _, _, text in rows]

    def _state(self, kind: str, object_id: str, text: str) -> State:
        try:
            return read_kept(read_json(text.encode()))
        except ValueError as error:
            what = f"what {quote(self._name)} holds of {quote(kind)} {quote(object_id)}"
            raise PlatformError(f"{what} is not as it was written: {quote(error)}", _ELSE) from error

    def _open_run(self, run: str, contents: Sequence[bytes]) -> OpenRun:
        try:
            found = read_parts(read_json(unpacked(bytes(content))) for content in contents)
            if found.head.run != run:
                raise ValueError("it is of another run")
        except ValueError as error:
            raise PlatformError(
                f"the journal of run {quote(run)} in {quote(self._name)} is not as it was written: {quote(error)}",
                _ELSE,
            ) from error
        return found


class WritableOwners(StoredOwners):
    """Reads owners and journals of one platform, and writes them (`interface.Records`, but for the claim)."""

    def __init__(self, store: WritableStore, platform: str, name: str) -> None:
        super().__init__(store, platform, name)
        self._writable = store
        self._of = platform

    def intend(self, head: Head, intents: Sequence[Intent]) -> None:
        with self._writable.writing() as transaction:
            for start in range(0, len(intents), _AT_ONCE):
                _add(transaction, self._of, head, intents[start : start + _AT_ONCE])

    def record(
        self,
        put: Collection[Owned],
        drop: Collection[str] = (),
        head: Head | None = None,
        outcomes: Collection[Outcome] = (),
    ) -> None:
        with self._writable.writing() as transaction:
            connection = transaction.connection
            if put:
                connection.execute(_PUT, [_row(self._of, each) for each in put])
            if drop:
                connection.execute(_DROP, [{"platform": self._of, "object_id": _storable(each)} for each in drop])
            self._forget(connection, [*(each.id for each in put), *drop])
            self._note(connection, {each.owner for each in put})
            if head is not None and outcomes:
                _add(transaction, self._of, head, (), outcomes)

    def note(self, uid: str, place: str) -> None:
        with self._writable.writing() as transaction:
            transaction.connection.execute(_NOTE, {"platform": self._of, "uid": uid, "place": place})

    def finish(self) -> None:
        """Nothing: it is all there."""

    def end(self, run: str) -> None:
        with self._writable.writing() as transaction:
            end(transaction, run)

    def _note(self, connection: Connection, owners: Iterable[Owner]) -> None:
        """Where projects with a uid are applied from, of which nobody knows that yet."""
        for uid, place in {owner.uid: owner.place for owner in owners if owner.uid and owner.place}.items():
            connection.execute(_FIRST, {"platform": self._of, "uid": uid, "place": place})

    def _forget(self, connection: Connection, object_ids: Iterable[str]) -> None:
        """What several projects noted of an object before there were owners: now it has one, or is gone."""
        if (
            self._of == self._writable.instance
            and connection.execute(select(_a.object_id).limit(1)).first() is not None
        ):
            connection.execute(_FORGET, [{"object_id": _storable(each)} for each in object_ids])


def _has_tables(connection: Connection) -> bool:
    """Whether it has the tables: a database of before gets them from who writes."""
    return inspect(connection).has_table(tables.owned.name)


def end(transaction: Transaction, run: str) -> None:
    """A run has ended: it has no journal any more."""
    transaction.connection.execute(delete(tables.journal).where(_j.run == run))


def _add(
    transaction: Transaction, platform: str, head: Head, intents: Sequence[Intent], outcomes: Iterable[Outcome] = ()
) -> None:
    connection = transaction.connection
    last = connection.execute(
        select(func.max(_j.number)).where(_j.platform == platform, _j.run == head.run)
    ).scalar_one()
    content = _packed(json.dumps(part_json(head, intents, outcomes), separators=(",", ":")))
    row = {"platform": platform, "run": head.run, "number": 0 if last is None else last + 1, "content": content}
    connection.execute(insert(tables.journal), row)


def _packed(content: str) -> bytes:
    return gzipped(content.encode("utf-8", "backslashreplace"), _LEVEL)


def _row(platform: str, owned: Owned) -> dict[str, object]:
    owner, state = owned.owner, owned.state
    row = {
        "platform": platform, "object_id": owned.id, "project": owner.project, "uid": owner.uid, "environment": owner.environment,
        "place": owner.place, "kind": owned.kind, "workspace": owned.workspace, "workspace_id": owned.workspace_id,
        "name": owned.name, "state": json.dumps(kept_state(owned.kind, state)) if state is not None else None, "hash": owned.hash,
        "file": owned.file, "commit_id": owned.commit, "run": owned.run, "applied_at": owned.at, "protected": owned.protected,
        "adopted": owned.adopted,
    }  # fmt: skip
    return {name: _storable(value) if isinstance(value, str) else value for name, value in row.items()}


def _storable(text: str) -> str:
    """A text as a database can hold it: names of files and of live objects may hold half of a character."""
    return text.encode("utf-8", "backslashreplace").decode()
