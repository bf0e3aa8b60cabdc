"""A database file that a stranger made: it ends by the deadline, in words, whatever is in it."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Integer, LargeBinary

from gatectl.clock import CLOCK, Clock
from gatectl.errors import DeadlinePassed, PlatformError
from gatectl.platforms.embedded import open_reader, open_writer, tables
from gatectl.platforms.interface import Connection
from gatectl.records import read_records

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
COLLECTIONS = ("workspace", "bucket", "ai/llm", "repo", "apikeys")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with a bucket and a repository that attaches it."""
    path = tmp_path / "x.db"
    writer = open_writer(Connection(f"sqlite:///{path}", tmp_path))
    workspace = open_reader(Connection(f"sqlite:///{path}", tmp_path)).list("workspace")[0]["id"]
    bucket = writer.create(
        "bucket",
        {"name": "b", "bucket": "data", "storageType": "S3", "key": "k", "secret": "s", "workspaceId": workspace},
    )
    body = {
        "name": "r",
        "storageType": "S3",
        "mode": "NORMAL",
        "workspaceId": workspace,
        "repoBuckets": [{"bucketId": bucket}],
    }
    writer.create("repo", body)
    writer.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def read(path: Path) -> None:
    """All that a plan reads."""
    connection = Connection(f"sqlite:///{path}", path.parent, ends=CLOCK.now() + 60)
    reader = open_reader(connection)
    try:
        for collection in COLLECTIONS:
            reader.list(collection)  # type: ignore[arg-type]
        read_records(connection, reader).owned()
    finally:
        reader.close()


def test_a_database_of_ours_is_read(path: Path) -> None:
    read(path)


FOREIGN = {
    "an endless view instead of a table": ["DROP TABLE workspaces", f"CREATE VIEW workspaces AS {ENDLESS} SELECT i AS id FROM n"],
    "an endless view instead of the facts": [
        "DROP TABLE gatectl_meta",
        f"CREATE VIEW gatectl_meta AS {ENDLESS} SELECT i AS name, i AS value FROM n",
    ],
    "a view beside": ["CREATE VIEW more AS SELECT 1"],
    "a trigger": ["CREATE TRIGGER t AFTER INSERT ON buckets BEGIN DELETE FROM repositories; END"],
    "a table of a module": ["CREATE VIRTUAL TABLE more USING fts5(x)"],
    "a computed column": ["ALTER TABLE workspaces ADD COLUMN more TEXT AS (upper(name))"],
    "a number as a name": ["UPDATE buckets SET name = x'00ff'"],
    "bytes as an id": ["UPDATE repositories SET id = x'00'"],
    "a text as a version": ["UPDATE workspaces SET version = 'many'"],
    "a text as a boolean": ["UPDATE bucket_attachments SET master = 'yes'"],
}  # fmt: skip
DAMAGED = {
    "a huge value": ["UPDATE workspaces SET name = CAST(zeroblob(40000000) AS TEXT)"],
    "a table without a column": ["ALTER TABLE buckets DROP COLUMN region"],
    "letters that are none": ["UPDATE workspaces SET name = CAST(x'ff61' AS TEXT)"],
}  # fmt: skip


@pytest.mark.parametrize("what", [*FOREIGN, *DAMAGED])
def test_what_gatectl_never_makes_is_refused_in_words(path: Path, what: str) -> None:
    change(path, *(FOREIGN | DAMAGED)[what])
    with pytest.raises(PlatformError) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    if what in FOREIGN:
        with pytest.raises(PlatformError):
            open_writer(Connection(f"sqlite:///{path}", path.parent))


NUMBERS = [
    (table.name, column.name, number)
    for table in tables.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, (Integer, Boolean))
    for number in (-1, 2**63 - 1)
]


@pytest.mark.parametrize(("table", "column", "number"), NUMBERS)
def test_a_number_that_nobody_could_count_on_from_is_damage_before_anything_is_read_or_written(
    path: Path, table: str, column: str, number: int
) -> None:
    """Of every table, also of those that have no row yet: one more would not be a number any more, or no moment."""
    values = {
        each.name: "x'00'" if isinstance(each.type, LargeBinary) else "1" if isinstance(each.type, Integer) else "'x'"
        for each in tables.metadata.tables[table].columns
        if not isinstance(each.type, Boolean)
    }
    values |= {each.name: "0" for each in tables.metadata.tables[table].columns if isinstance(each.type, Boolean)}
    values |= {each.name: "NULL" for each in tables.metadata.tables[table].columns if each.nullable}
    values[column] = str(number)
    change(path, f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})")
    before = path.read_bytes()
    for opened in (open_reader, open_writer):
        with pytest.raises(PlatformError, match=f"a number in its table {table} is out of range .{column}.") as caught:
            opened(Connection(f"sqlite:///{path}", path.parent))
        assert str(path) in caught.value.message
    assert path.read_bytes() == before


def test_a_number_that_sqlite_has_no_room_for_is_damage_wherever_it_comes_from(path: Path) -> None:
    """What is open already may be changed by others: no number is looked at before it is counted on from."""
    writer = open_writer(Connection(f"sqlite:///{path}", path.parent))
    try:
        (bucket,) = open_reader(Connection(f"sqlite:///{path}", path.parent)).list("bucket")
        change(path, f"UPDATE buckets SET version = {2**63 - 1}")
        with pytest.raises(PlatformError, match=r"x\.db is damaged: a number in it is too large"):
            writer.update("bucket", bucket["id"], {"name": "c"})
    finally:
        writer.close()


def test_the_deadline_ends_a_statement_that_does_not(path: Path) -> None:
    """The clock itself, without the look at what the file holds: each look at it is a second later."""
    from gatectl.platforms.embedded.sqlite import SqliteFile

    looks = count(0.0, 1.0)
    database = SqliteFile(path, own_folder=False, ends=100, clock=Clock(looks.__next__, lambda _: None))
    with (
        pytest.raises(DeadlinePassed, match=r"x\.db"),
        database.translated(),
        database.engine(writes=False).connect() as connection,
    ):
        connection.exec_driver_sql(f"{ENDLESS} SELECT count(*) FROM n").scalar()


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_the_deadline_ends_the_wait_for_somebody_elses_lock(path: Path, lock: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute(lock)
        # SQLite waits by itself, by the machine's clock.
        connection = Connection(f"sqlite:///{path}", path.parent, ends=CLOCK.now() + 0.3)
        with pytest.raises(DeadlinePassed):
            open_writer(connection).create("workspace", {"name": "x"})


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(str(path))


@pytest.mark.parametrize("make", [make_pipe, make_socket])
def test_a_pipe_is_no_database_and_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("p.db"))
    for opened in (open_reader, open_writer):
        with pytest.raises(PlatformError, match="is no file"):
            opened(Connection("sqlite:///p.db", tmp_path))


NEVER_WRITTEN = {
    "an LLM that is attached and not there": ["DELETE FROM llms"],
    "a bucket that is attached and not there": ["DELETE FROM buckets"],
    "no schema among the facts": ["DELETE FROM gatectl_meta WHERE name = 'schema'"],
    "a schema that is no number": ["UPDATE gatectl_meta SET value = 'x' WHERE name = 'schema'"],
    "no instance among the facts": ["DELETE FROM gatectl_meta WHERE name = 'instance'"],
    "no facts": ["DELETE FROM gatectl_meta"],
    "a version that is no number, where a column is gone": [
        "ALTER TABLE llms DROP COLUMN secret_hash",
        "UPDATE llms SET version = 'x'",
    ],
    "a seal that is none": ["UPDATE gatectl_meta SET value = 'xyz' WHERE name = 'seal'"],
}


@pytest.mark.parametrize("name", NEVER_WRITTEN)
def test_what_gatectl_never_writes_is_damage(path: Path, name: str) -> None:
    writer = open_writer(Connection(f"sqlite:///{path}", path.parent))
    workspace = open_reader(Connection(f"sqlite:///{path}", path.parent)).list("workspace")[0]["id"]
    llm = writer.create("ai/llm", {"name": "l", "aiType": "OPENAI", "secret": "s", "workspaceId": workspace})
    body = {
        "name": "chat",
        "storageType": "OPENAI",
        "mode": "NORMAL",
        "workspaceId": workspace,
        "repoAiLlms": [{"aiLlmId": llm}],
    }
    writer.create("repo", body)
    writer.close()
    change(path, *NEVER_WRITTEN[name])
    with pytest.raises(PlatformError, match="is damaged"):
        read(path)
