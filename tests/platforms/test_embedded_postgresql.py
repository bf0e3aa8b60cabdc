"""The embedded platform's database on a PostgreSQL server: creation, other processes, broken connections, passwords."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatectl.errors import NotAuthenticated, PlatformError, PlatformLocked, PlatformRefused, Unreachable
from gatectl.platforms.embedded import Reader, open_reader, open_writer, postgres
from gatectl.platforms.interface import Connection

WRITE_MANY = """
import sys
from pathlib import Path
from gatectl.platforms.embedded import open_writer
from gatectl.platforms.interface import Connection
url, label, count, workspace, bucket = sys.argv[1:]
print("ready", flush=True); sys.stdin.readline()
writer = open_writer(Connection(url, Path("/"), named=True))
for number in range(int(count)):
    attached = [{"bucketId": bucket, "folder": f"{label}-{number}"}] if bucket else []
    body = {"name": f"{label}-{number}", "storageType": "S3", "mode": "NORMAL", "workspaceId": workspace}
    print(writer.create("repo", body | {"repoBuckets": attached}), flush=True)
writer.close()
"""

SAME_NAMES = """
import sys
from pathlib import Path
from gatectl.errors import PlatformRefused
from gatectl.platforms.embedded import open_writer
from gatectl.platforms.interface import Connection
url, workspace, bucket = sys.argv[1:]
writer = open_writer(Connection(url, Path("/"), named=True))
print("ready", flush=True); sys.stdin.readline()
for number in range(100):
    body = {"name": f"r-{number}", "storageType": "S3", "mode": "NORMAL", "workspaceId": workspace}
    try:
        writer.create("repo", body | {"repoBuckets": [{"bucketId": bucket, "folder": str(number)}]})
        print("made", flush=True)
    except PlatformRefused as error:
        assert error.platform_code == "NAME_ALREADY_USED"
"""


@pytest.fixture
def world(make_world: Any, tmp_path: Path, postgresql_url: str) -> Iterator[Any]:
    world = make_world(tmp_path, postgresql_url)
    yield world
    world.close()


def reader_of(url: str) -> Reader:
    return open_reader(Connection(url, Path("/"), named=True))


def released(*processes: subprocess.Popen[str]) -> None:
    """Let all go at the same moment, once all are ready."""
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()


def finished(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.split()


def refused_by_both(url: str, kind: type[PlatformError]) -> PlatformError:
    with pytest.raises(kind) as reading:
        open_reader(Connection(url, Path("/"), named=True))
    with pytest.raises(kind) as writing:
        open_writer(Connection(url, Path("/"), named=True))
    assert writing.value.message == reading.value.message
    assert writing.value.hint
    return writing.value


# Creation


def test_a_reader_of_an_empty_database_creates_nothing(postgresql_server: Any, postgresql_url: str) -> None:
    reader = reader_of(postgresql_url)
    assert [item["name"] for item in reader.list("workspace")] == ["default"]
    assert [reader.list(name) for name in ("bucket", "ai/llm", "repo", "apikeys")] == [[], [], [], []]
    assert reader.identification.instance is None
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert postgresql_server.run(tables, postgresql_url.rpartition("/")[2]) == [(0,)]
    open_writer(Connection(postgresql_url, Path("/"), named=True)).close()
    assert reader.identification.instance
    reader.close()


def test_a_number_that_cannot_be_counted_on_from_is_damage(world: Any, postgresql_server: Any) -> None:
    workspace = world.reader.list("workspace")[0]["id"]
    postgresql_server.run(f"UPDATE workspaces SET version = {2**31 - 1}", world.target.rpartition("/")[2])
    with pytest.raises(PlatformError, match="is damaged: a number in it is too large"):
        world.writer.update("workspace", workspace, {"name": "other"})
    assert world.reader.list("workspace")[0]["name"] == "default"


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_create_the_database_at_once_all_succeed(
    postgresql_url: str, processes: Any, attempt: int
) -> None:
    workspace = reader_of(postgresql_url).list("workspace")[0]["id"]
    started = [processes.start(WRITE_MANY, postgresql_url, label, "5", workspace, "") for label in "abcd"]
    released(*started)
    ids = {object_id for process in started for object_id in finished(process)}
    assert {item["id"] for item in reader_of(postgresql_url).list("repo")} == ids
    assert len(ids) == 20


def test_the_same_database_is_the_same_instance_for_every_user_of_it(world: Any, postgresql_server: Any) -> None:
    database = world.target.rpartition("/")[2]
    password = postgresql_server.new_user("other", "SUPERUSER")
    other = reader_of(postgresql_server.url(database, user="other", password=password))
    assert other.identification == world.reader.identification
    assert world.reader.identification.url == f"postgresql://127.0.0.1:{postgresql_server.port}/{database}"


# Several processes


def test_processes_that_write_at_once_lose_nothing(world: Any, processes: Any) -> None:
    bucket = world.bucket()
    started = [processes.start(WRITE_MANY, world.target, x, "100", world.workspace, bucket) for x in "abc"]
    released(*started)
    ids = {object_id for process in started for object_id in finished(process)}
    assert len(ids) == 300
    assert {item["id"] for item in world.reader.list("repo")} == ids
    assert len(world.one("bucket", bucket)["repos"]) == 300


def test_processes_at_once_cannot_break_a_rule(world: Any, processes: Any) -> None:
    bucket = world.bucket()
    started = [processes.start(SAME_NAMES, world.target, world.workspace, bucket) for _ in range(3)]
    released(*started)
    made = [finished(process).count("made") for process in started]
    assert sum(made) == 100
    names = [item["name"] for item in world.reader.list("repo")]
    assert len(names) == len(set(names)) == 100


def test_a_list_is_one_moment_of_the_database(world: Any) -> None:
    store = world.reader.store
    with store.reading() as connection:
        count = "SELECT count(*) FROM repositories"
        before = connection.exec_driver_sql(count).scalar()
        world.repository()
        assert connection.exec_driver_sql(count).scalar() == before
    assert len(world.reader.list("repo")) == 1


def test_a_lock_that_is_held_for_too_long_is_said(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "BUSY_SECONDS", 0.1)
    waiting = open_writer(world.connection)
    with world.writer._platform._store.writing():
        with pytest.raises(PlatformLocked):
            waiting.create("workspace", {"name": "w"})
        assert len(world.reader.list("workspace")) == 1
    waiting.create("workspace", {"name": "w"})
    assert len(world.reader.list("workspace")) == 2
    waiting.close()


# Connections that break


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(world: Any, postgresql_server: Any) -> None:
    world.repository(name="before")
    postgresql_server.disconnect(world.target.rpartition("/")[2])
    world.repository(name="after")
    assert [item["name"] for item in world.reader.list("repo")] == ["before", "after"]


def test_a_connection_that_breaks_within_a_write_keeps_nothing_of_it(world: Any, postgresql_server: Any) -> None:
    database = world.target.rpartition("/")[2]
    with pytest.raises(Unreachable), world.writer._platform._store.writing() as transaction:
        transaction.connection.exec_driver_sql("UPDATE workspaces SET name = 'changed'")
        postgresql_server.disconnect(database)
        transaction.connection.exec_driver_sql("UPDATE workspaces SET name = 'changed again'")
    assert [item["name"] for item in world.reader.list("workspace")] == ["default"]
    world.repository(name="after")


def test_a_server_that_is_not_there_is_unreachable() -> None:
    assert "127.0.0.1:1/nothing" in refused_by_both("postgresql://u:canary-pw@127.0.0.1:1/nothing", Unreachable).message


# Who may, and what is there


def test_a_wrong_password_is_a_matter_of_authentication(postgresql_server: Any) -> None:
    canary = "canary-7f3a"
    error = refused_by_both(postgresql_server.url("postgres", password=canary), NotAuthenticated)
    assert canary not in error.message + str(error.hint)
    refused_by_both(postgresql_server.url("postgres", user="nobody-there"), NotAuthenticated)


def test_a_user_without_rights_is_told_so(world: Any, postgresql_server: Any) -> None:
    password = postgresql_server.new_user("guest")
    url = postgresql_server.url(world.target.rpartition("/")[2], user="guest", password=password)
    with pytest.raises(NotAuthenticated) as caught:
        open_reader(Connection(url, Path("/"), named=True))
    assert caught.value.hint
    assert password not in str(caught.value)


def test_a_database_that_does_not_exist_is_said(postgresql_server: Any) -> None:
    assert "no database" in refused_by_both(postgresql_server.url("nowhere"), PlatformError).message


def test_a_database_of_something_else_is_said_and_left_alone(postgresql_server: Any, postgresql_url: str) -> None:
    database = postgresql_url.rpartition("/")[2]
    postgresql_server.run("CREATE TABLE workspaces (id text)", database)
    assert "something else" in refused_by_both(postgresql_url, PlatformError).message
    assert postgresql_server.run(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'", database
    ) == [(1,)]


def test_a_database_of_a_newer_gatectl_is_said(world: Any, postgresql_server: Any) -> None:
    postgresql_server.run(
        "UPDATE gatectl_meta SET value = '999' WHERE name = 'schema'", world.target.rpartition("/")[2]
    )
    assert "newer gatectl" in refused_by_both(world.target, PlatformError).message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://u:canary-pw@h:port/d",
        "postgresql://u:canary-pw@h",
        "postgresql://u:can/ary-pw@h/d:1?sslmode=require",
    ],
)
def test_a_url_that_cannot_be_read_is_said_without_its_password(url: str) -> None:
    with pytest.raises(PlatformError) as caught:
        open_writer(Connection(url, Path("/"), named=True))
    assert "canary" not in f"{caught.value.message} {caught.value.hint}"
    assert "ary-pw" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://u:pw@h:5432/d", "postgresql://h/d"),
        ("postgresql://u:pw@h:1/d?sslmode=require", "postgresql://h:1/d"),
        ("postgresql:///d?host=h&port=2&user=u&password=pw", "postgresql://h:2/d"),
        ("postgresql://u:pw@[::1]:1/d", "postgresql://[::1]:1/d"),
        ("postgresql:///d", "postgresql://localhost/d"),
    ],
)
def test_the_place_of_a_database_is_its_server_and_name(url: str, place: str) -> None:
    assert postgres.PostgresDatabase(url).place == place


def test_the_readers_connection_cannot_write(world: Any) -> None:
    store = world.reader.store
    assert not hasattr(store, "writing")
    with pytest.raises(PlatformError, match="read-only transaction"), store.reading() as connection:
        connection.exec_driver_sql("DELETE FROM workspaces")
    assert len(world.reader.list("workspace")) == 1


def test_secrets_are_never_in_the_database_nor_in_errors(world: Any, postgresql_server: Any) -> None:
    canary = "canary-7f3a9c51"
    world.bucket(secret=canary), world.llm(secret=canary), world.api_key(secret=canary)
    with pytest.raises(PlatformRefused) as caught:
        world.bucket(secret=canary, workspaceId="nowhere")
    assert canary not in str(caught.value)
    for table in ("buckets", "llms", "api_keys"):
        rows = postgresql_server.run(f"SELECT t::text FROM {table} t", world.target.rpartition("/")[2])
        assert rows and canary not in str(rows)
