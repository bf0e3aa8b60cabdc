"""The schemas of the embedded platform's database, as a table: what each added to the one before, and the way from any of them
to the newest.

Law: nothing is opened, begun or committed here, and no database is told from another; `store` says when, and that it is all of
it or nothing. A schema that was ever released keeps its row as it is: databases of it lie about.

A new schema is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, Table, delete, false, func, insert, literal, select

from . import tables


class Schema(NamedTuple):
    """One schema, by its number: what came with it.

    `adds`: the tables that it has and the one before has not. They are made as `tables` says today, so a row that changes a table
    of an earlier one is for databases that had that table before. `changes`: whatever else is done to a database of the schema
    before, when the tables are made; a new database is made whole, and nothing is changed in it. `early`: a database of the schema
    before may have the tables already.
    """

    number: int
    adds: tuple[Table, ...] = ()
    changes: Callable[[Connection], None] | None = None
    early: bool = False


def _own_what_was_applied(connection: Connection) -> None:
    """What one project alone applied is its own, of no environment yet (`documents.ownership.Owner`)."""
    applied, owned = tables.applied.c, tables.owned.c
    taken = (
        select(
            tables.ORGANIZATION,
            applied.object_id,
            func.min(applied.project),
            *map(literal, ("", "", "")),
            false(),
            false(),
        )
        .group_by(applied.object_id)
        .having(func.count() == 1)
    )
    columns = ["platform", "object_id", "project", "environment", "kind", "name", "protected", "adopted"]
    connection.execute(insert(tables.owned).from_select(columns, taken))
    connection.execute(delete(tables.applied).where(applied.object_id.in_(select(owned.object_id))))


SCHEMAS: tuple[Schema, ...] = (
    Schema(
        1,
        (
            tables.meta,
            tables.workspaces,
            tables.api_keys,
            tables.buckets,
            tables.llms,
            tables.repositories,
            tables.bucket_attachments,
            tables.llm_attachments,
            tables.repository_keys,
            tables.applied,
        ),
    ),
    # Of schema 1 the table of creations came into being with the first Idempotency-Key.
    Schema(2, (tables.creations,), early=True),
    # The history of applies.
    Schema(3, (tables.runs, tables.run_receipts)),
    # Leases of applies, and the numbers by which who comes too late is told.
    Schema(4, (tables.leases, tables.fences)),
    # Owners of objects, the places that they were applied from, and the journal.
    Schema(5, (tables.owned, tables.places, tables.journal), changes=_own_what_was_applied),
)
"""All that this gatectl reads, the oldest first."""


def oldest() -> int:
    """The oldest schema that can be read, and brought forwards."""
    return SCHEMAS[0].number


def newest() -> int:
    """The schema that is written."""
    return SCHEMAS[-1].number


def missing_tables(names: Iterable[str], number: int) -> set[str]:
    """The tables that every database of a schema has, and that are not among these."""
    return {table.name for schema in SCHEMAS if schema.number <= number for table in schema.adds} - set(names)


def create(connection: Connection) -> None:
    """Make all tables of the newest schema in an empty database."""
    added = [table for schema in SCHEMAS for table in schema.adds]
    tables.metadata.create_all(connection, added, checkfirst=False)


def migrate(connection: Connection, number: int) -> None:
    """Bring a database of a schema to the newest, row after row, within the caller's transaction."""
    for schema in SCHEMAS:
        if schema.number > number:
            tables.metadata.create_all(connection, schema.adds, checkfirst=schema.early)
            if schema.changes is not None:
                schema.changes(connection)
