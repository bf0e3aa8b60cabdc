"""Leases in a database: the SQL of it, the same wherever the table is, in a platform's own database or in one of its own.

Law: no table but `leases` is touched. Whether a lease has lapsed is said by one clock: the server's, or for a file, which only this
machine has, the machine's. Every write is a transaction that no other write comes between.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, inspect, select, text, update

from gatectl.clock import timestamp
from gatectl.errors import PlatformError
from gatectl.files.packing import read_json
from gatectl.platforms.embedded import tables
from gatectl.platforms.embedded.store import Store, WritableStore
from gatectl.platforms.fencing import HIGHEST
from gatectl.quote import quote
from gatectl.records.leases import Lease, Seen, holder_json, is_same, read_holder

_l = tables.leases.c
_COLUMNS: Final = (_l.workspace, _l.fence, _l.holder, _l.since, _l.until, _l.lasts, _l.token, _l.released)
_NOW: Final = text("SELECT extract(epoch FROM clock_timestamp()) * 1000")
_ELSE: Final = "Restore the database from a copy; what it holds was left as it is."


class _Row(NamedTuple):
    """A row of the table, as `_COLUMNS` are."""

    workspace: str
    fence: int
    holder: str
    since: str
    until: int
    lasts: int
    token: str
    released: bool


class StoredLeases:
    """Reads the leases of a database (`leases.LeasesReader`); `store` None: nobody has created it yet. `wall` is the machine's time of
    day."""

    def __init__(
        self, store: Store | None, place: str, wall: Callable[[], float], close: Callable[[], None] | None = None
    ) -> None:
        self._store = store
        self._place = place
        self._wall = wall
        self._close = close

    @property
    def instance(self) -> str | None:
        return self._store.instance if self._store is not None else None

    def look(self, platform: str, workspace: str) -> Seen | None:
        found = self._read(platform, workspace)
        return found[0] if found else None

    def all(self, platform: str) -> Sequence[Seen]:
        return self._read(platform, None)

    def close(self) -> None:
        if self._close is not None:
            self._close()

    def _read(self, platform: str, workspace: str | None) -> list[Seen]:
        if self._store is None:
            return []
        with self._store.reading() as connection:
            if not inspect(connection).has_table(tables.leases.name):  # a database of before gets it from who writes
                return []
            return self._rows(connection, platform, workspace)

    def _rows(self, connection: Connection, platform: str, workspace: str | None) -> list[Seen]:
        asked = select(*_COLUMNS).where(_l.platform == platform).order_by(_l.workspace)
        rows = connection.execute(asked if workspace is None else asked.where(_l.workspace == workspace)).all()
        now = self._now(connection)
        return [self._seen(_Row(*row), now) for row in rows]

    def _now(self, connection: Connection) -> int:
        """Milliseconds since 1970, by the one clock."""
        if connection.dialect.name == "postgresql":
            return int(connection.execute(_NOW).scalar_one())
        return int(self._wall() * 1000)

    def _seen(self, row: _Row, now: int) -> Seen:
        try:
            holder = read_holder(read_json(row.holder.encode()))
            if not 0 <= row.fence <= HIGHEST:
                raise ValueError("its number cannot be")
            until = timestamp(datetime.fromtimestamp(row.until / 1000, UTC))
        except (ValueError, OverflowError, OSError) as error:
            raise PlatformError(
                f"the lease of workspace {quote(row.workspace)} in {quote(self._place)} is not as it was written: {quote(error)}",
                _ELSE,
            ) from error
        lease = Lease(
            row.workspace, row.fence, holder, row.since, until, row.lasts / 1000, row.token, bool(row.released)
        )
        return Seen(lease, (row.fence, row.token, row.until), row.until <= now)


class WritableLeases(StoredLeases):
    """Reads the leases of a database, and changes them (`leases.Leases`)."""

    def __init__(self, store: WritableStore, place: str, wall: Callable[[], float], close: Callable[[], None]) -> None:
        super().__init__(store, place, wall, close)
        self._writable = store

    def put(self, platform: str, lease: Lease, before: Seen | None) -> Seen | None:
        return self._write(platform, lease, lambda found: (found and found.version) == (before and before.version))

    def renew(self, platform: str, before: Seen) -> Seen | None:
        """Whether it is one's own is told by number and token: a renewal whose answer was lost is no other one."""
        mine = before.lease

        def fits(found: Seen | None) -> bool:
            return found is not None and not found.free and is_same(found.lease, mine)

        return self._write(platform, mine, fits)

    def _write(self, platform: str, lease: Lease, fits: Callable[[Seen | None], bool]) -> Seen | None:
        with self._writable.writing() as transaction:
            connection = transaction.connection
            found = self._rows(connection, platform, lease.workspace)
            if not fits(found[0] if found else None):
                return None
            lasts = round(lease.seconds * 1000)
            row = {
                "fence": lease.fence, "holder": json.dumps(holder_json(lease.holder)), "since": lease.since,
                "until": self._now(connection) + lasts, "lasts": lasts, "token": lease.token, "released": lease.released,
            }  # fmt: skip
            if found:
                here = (_l.platform == platform) & (_l.workspace == lease.workspace)
                connection.execute(update(tables.leases).where(here), row)
            else:
                connection.execute(insert(tables.leases), {"platform": platform, "workspace": lease.workspace, **row})
            return self._rows(connection, platform, lease.workspace)[0]
