"""The embedded platform's database as a file: creation, other processes, death, damage, secrets, speed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gatectl.errors import PlatformError, PlatformLocked, PlatformRefused
from gatectl.platforms.embedded import open_reader, open_writer, sqlite
from gatectl.platforms.embedded.store import open_for_writing
from gatectl.platforms.interface import Connection

WRITE_MANY = """
import sys
from pathlib import Path
from gatectl.platforms.embedded import open_writer
from gatectl.platforms.interface import Connection
folder, label, count, workspace, bucket = sys.argv[1:]
print("ready", flush=True); sys.stdin.readline()
writer = open_writer(Connection("embedded", Path(folder)))
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
folder, workspace = sys.argv[1:]
writer = open_writer(Connection("embedded", Path(folder)))
print("ready", flush=True); sys.stdin.readline()
for number in range(200):
    body = {"name": f"r-{number}", "storageType": "S3", "mode": "NORMAL", "workspaceId": workspace}
    try:
        writer.create("repo", body)
        print("made", flush=True)
    except PlatformRefused as error:
        assert error.platform_code == "NAME_ALREADY_USED"
"""


@pytest.fixture
def world(make_world: Any, tmp_path: Path) -> Iterator[Any]:
    """The project's own database: what is tested here is the file."""
    world = make_world(tmp_path)
    yield world
    world.close()


def database(folder: Path) -> Path:
    return folder / ".gatectl" / "platform.db"


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


# Creation


def test_a_reader_of_a_missing_database_creates_nothing(tmp_path: Path) -> None:
    reader = open_reader(Connection("embedded", tmp_path))
    assert [item["name"] for item in reader.list("workspace")] == ["default"]
    assert [reader.list(name) for name in ("bucket", "ai/llm", "repo", "apikeys")] == [[], [], [], []]
    assert reader.identification[:3] == ("embedded", "embedded", None)
    reader.close()
    assert list(tmp_path.iterdir()) == []


def test_a_reader_notices_that_the_database_came_to_be(tmp_path: Path) -> None:
    reader = open_reader(Connection("embedded", tmp_path))
    before = reader.list("workspace")
    writer = open_writer(Connection("embedded", tmp_path))
    (space,) = reader.list("workspace")
    assert space["orgId"] == reader.identification.instance is not None
    assert [{**space, "orgId": before[0]["orgId"]}] == before
    writer.create("workspace", {"name": "w"})
    assert len(reader.list("workspace")) == 2
    writer.close()
    reader.close()


def test_a_writer_creates_the_folder_and_keeps_it_out_of_git(tmp_path: Path) -> None:
    open_writer(Connection("embedded", tmp_path)).close()
    assert sorted(path.name for path in database(tmp_path).parent.iterdir()) == [".gitignore", "platform.db"]
    assert (tmp_path / ".gatectl" / ".gitignore").read_text() == "*\n"
    assert database(tmp_path).stat().st_mode & 0o777 == 0o600


def test_each_database_is_an_instance_of_its_own_and_stays_it(tmp_path: Path) -> None:
    instances = []
    for name in ("a.db", "b.db", "a.db"):
        url = f"sqlite:///{tmp_path}/{name}"
        open_writer(Connection(url, tmp_path)).close()
        identification = open_reader(Connection(url, tmp_path)).identification
        assert identification[:2] == ("sqlite", url)
        instances.append(identification.instance)
    assert instances[0] == instances[2] != instances[1]


def test_a_relative_path_is_relative_to_the_project(tmp_path: Path) -> None:
    open_writer(Connection("sqlite:///x y?#%41.db", tmp_path)).close()
    assert (tmp_path / "x y?#%41.db").exists()
    identification = open_reader(Connection("sqlite:///x y?#%41.db", tmp_path)).identification
    assert identification.url == f"sqlite:///{tmp_path.resolve()}/x y?#%41.db"
    assert identification.instance


def test_an_empty_file_is_a_database_that_nobody_has_written_to(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    reader = open_reader(Connection("sqlite:///a.db", tmp_path))
    assert reader.identification.instance is None
    open_writer(Connection("sqlite:///a.db", tmp_path)).close()
    assert reader.identification.instance


def test_sqlalchemy_is_imported_only_when_something_is_opened() -> None:
    code = "import sys, gatectl.platforms.embedded; sys.exit('sqlalchemy' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


# Several processes


@pytest.mark.parametrize("attempt", range(5))
def test_processes_that_create_the_database_at_once_all_succeed(tmp_path: Path, processes: Any, attempt: int) -> None:
    workspace = open_reader(Connection("embedded", tmp_path)).list("workspace")[0]["id"]
    started = [processes.start(WRITE_MANY, str(tmp_path), label, "5", workspace, "") for label in "abcd"]
    released(*started)
    ids = {object_id for process in started for object_id in finished(process)}
    assert {item["id"] for item in open_reader(Connection("embedded", tmp_path)).list("repo")} == ids
    assert len(ids) == 20


def test_two_processes_that_write_at_once_lose_nothing(world: Any, processes: Any) -> None:
    bucket = world.bucket()
    started = [processes.start(WRITE_MANY, str(world.folder), x, "300", world.workspace, bucket) for x in "ab"]
    released(*started)
    ids = {object_id for process in started for object_id in finished(process)}
    assert len(ids) == 600
    assert {item["id"] for item in world.reader.list("repo")} == ids
    assert len(world.one("bucket", bucket)["repos"]) == 600


def test_two_processes_at_once_cannot_break_a_rule(world: Any, processes: Any) -> None:
    started = [processes.start(SAME_NAMES, str(world.folder), world.workspace) for _ in range(2)]
    released(*started)
    made = [finished(process).count("made") for process in started]
    assert sum(made) == 200
    names = [item["name"] for item in world.reader.list("repo")]
    assert len(names) == len(set(names)) == 200


def test_a_killed_writer_leaves_whole_objects_only(world: Any, processes: Any) -> None:
    bucket = world.bucket()
    process = processes.start(WRITE_MANY, str(world.folder), "a", "100000", world.workspace, bucket)
    released(process)
    confirmed = [process.stdout.readline().strip() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    confirmed += process.communicate()[0].split()[:-1]
    live = {item["id"]: item for item in open_reader(Connection("embedded", world.folder)).list("repo")}
    assert set(confirmed) <= set(live)
    assert all(len(item["buckets"]) == 1 for item in live.values())
    world.repository({"bucketId": bucket, "folder": "afterwards"})
    check = sqlite3.connect(database(world.folder))
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("share", range(24))
def test_whoever_is_killed_while_the_database_is_made_leaves_none_or_a_whole_one(tmp_path: Path, share: int) -> None:
    calls = _calls_of_making(tmp_path / "whole")
    _killed_while_making(tmp_path, calls * share // 24 + share % 3)
    reader = open_reader(Connection("embedded", tmp_path))
    assert len(reader.list("workspace")) == 1
    reader.close()
    open_writer(Connection("embedded", tmp_path)).close()
    names = {path.name for path in (tmp_path / ".gatectl").iterdir()}
    assert names == {".gitignore", "platform.db"}, "nothing of the broken one is left"


def _calls_of_making(folder: Path) -> int:
    """How many steps (calls of functions) the making of a database takes."""
    folder.mkdir()
    seen = 0

    def count(*arguments: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(count)
    open_writer(Connection("embedded", folder)).close()
    sys.setprofile(None)
    return seen


def _killed_while_making(folder: Path, at: int) -> None:
    child = os.fork()
    if not child:
        left = at

        def strike(*arguments: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(strike)
            open_writer(Connection("embedded", folder))
        finally:
            os._exit(0)  # whatever happens, there is only one test run
    os.waitpid(child, 0)


def test_a_hot_journal_is_rolled_back_for_who_may_only_read(tmp_path: Path) -> None:
    open_writer(Connection("sqlite:///a.db", tmp_path)).close()
    path = tmp_path / "a.db"
    child = os.fork()
    if not child:
        try:
            raw = sqlite3.connect(path, isolation_level=None)
            raw.execute("PRAGMA journal_mode=DELETE")
            raw.execute("PRAGMA cache_size=1")  # it spills into the file, which the journal is needed for then
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("CREATE TABLE filler (text)")
            for _ in range(500):
                raw.execute("INSERT INTO filler VALUES (?)", ("x" * 1000,))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert Path(f"{path}-journal").stat().st_size > 0
    reader = open_reader(Connection("sqlite:///a.db", tmp_path))
    assert len(reader.list("workspace")) == 1
    reader.close()


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM gatectl_meta WHERE name = 'schema'", "UPDATE gatectl_meta SET value = 'x' WHERE name = 'schema'",
     "UPDATE gatectl_meta SET value = '' WHERE name = 'instance'", "UPDATE gatectl_meta SET value = 'zz' WHERE name = 'seal'",
     "DELETE FROM gatectl_meta", "DROP TABLE applied"],
)  # fmt: skip
def test_a_database_whose_facts_are_damaged_is_said(world: Any, change: str) -> None:
    raw = sqlite3.connect(database(world.folder))
    raw.execute(change)
    raw.commit()
    message = refused_by_both("embedded", world.folder).message
    assert "is damaged" in message and str(database(world.folder)) in message


def test_a_database_of_an_older_gatectl_is_said(world: Any) -> None:
    raw = sqlite3.connect(database(world.folder))
    raw.execute("UPDATE gatectl_meta SET value = '0' WHERE name = 'schema'")
    raw.commit()
    assert "older gatectl" in refused_by_both("embedded", world.folder).message


def test_a_lock_that_is_held_for_too_long_is_said(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(database(world.folder), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writer = open_writer(Connection("embedded", world.folder))
    with pytest.raises(PlatformLocked):
        writer.create("workspace", {"name": "w"})
    assert len(open_reader(Connection("embedded", world.folder)).list("workspace")) == 1
    holder.execute("ROLLBACK")
    writer.create("workspace", {"name": "w"})
    assert len(world.reader.list("workspace")) == 2
    writer.close()


# What is not a database of ours


def refused_by_both(target: str, folder: Path) -> PlatformError:
    with pytest.raises(PlatformError) as reading:
        open_reader(Connection(target, folder))
    with pytest.raises(PlatformError) as writing:
        open_writer(Connection(target, folder))
    assert writing.value.message == reading.value.message
    return writing.value


def test_a_file_that_is_not_a_database_is_said_and_left_alone(tmp_path: Path) -> None:
    content = b"apiVersion: gatectl.io/v1\n" * 100
    (tmp_path / "a.db").write_bytes(content)
    error = refused_by_both("sqlite:///a.db", tmp_path)
    assert "is not a database" in error.message and str(tmp_path / "a.db") in error.message
    assert error.hint
    assert (tmp_path / "a.db").read_bytes() == content


def test_a_folder_in_the_place_of_the_database_is_said(tmp_path: Path) -> None:
    database(tmp_path).mkdir(parents=True)
    assert "is a folder" in refused_by_both("embedded", tmp_path).message


def test_a_database_of_something_else_is_said_and_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("CREATE TABLE workspaces (id)")
    other.close()
    content = (tmp_path / "a.db").read_bytes()
    assert "something else" in refused_by_both("sqlite:///a.db", tmp_path).message
    assert (tmp_path / "a.db").read_bytes() == content


def test_a_database_of_a_newer_gatectl_is_said(world: Any) -> None:
    raw = sqlite3.connect(database(world.folder))
    raw.execute("UPDATE gatectl_meta SET value = '999' WHERE name = 'schema'")
    raw.commit()
    assert "newer gatectl" in refused_by_both("embedded", world.folder).message


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    open_writer(Connection("embedded", tmp_path)).close()
    content = bytearray(database(tmp_path).read_bytes())
    content[200 : len(content)] = b"\xff" * (len(content) - 200)
    database(tmp_path).write_bytes(content)
    assert "damaged" in refused_by_both("embedded", tmp_path).message


def test_a_damaged_database_of_which_sqlite_says_what_is_not_text_is_said(world: Any) -> None:
    raw = sqlite3.connect(database(world.folder))
    raw.execute("PRAGMA writable_schema=ON")
    raw.execute("UPDATE sqlite_master SET sql = CAST(x'435245415445be' AS TEXT) WHERE name = 'gatectl_meta'")
    raw.commit()
    raw.close()
    assert "damaged" in refused_by_both("embedded", world.folder).message


def test_a_missing_folder_and_a_file_as_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="does not exist"):
        open_writer(Connection("sqlite:///nowhere/a.db", tmp_path))
    (tmp_path / ".gatectl").write_text("")
    with pytest.raises(PlatformError, match="cannot be used"):
        open_writer(Connection("embedded", tmp_path))


AS_NOBODY = """
import os, sys
from pathlib import Path
from gatectl.errors import PlatformError
from gatectl.platforms.embedded import open_reader, open_writer, platform, sqlite, store
from gatectl.platforms.interface import Connection
import sqlalchemy.dialects.sqlite
if os.getuid() == 0:
    os.setuid(65534)
for do in (open_reader, open_writer):
    try:
        do(Connection(f"sqlite:///{sys.argv[1]}", Path("/")))
    except PlatformError as error:
        assert error.hint
        print(error.message.replace(" ", "-"))
"""


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o000, 0o644), (0o755, 0o000)])
def test_missing_permissions_are_said(processes: Any, folder_mode: int, file_mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others from the top
        folder = Path(name)
        open_writer(Connection("sqlite:///a.db", folder)).close()
        (folder / "a.db").chmod(file_mode)
        folder.chmod(folder_mode)
        messages = finished(processes.start(AS_NOBODY, str(folder / "a.db")))
        folder.chmod(0o700)
    assert len(messages) == 2
    assert all(str(folder / "a.db") in message for message in messages)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://x/y"])
def test_a_url_that_names_no_file_is_said(tmp_path: Path, url: str) -> None:
    refused_by_both(url, tmp_path)


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    store = open_for_writing(sqlite.SqliteFile(tmp_path / "a.db", own_folder=False))
    with pytest.raises(PlatformError, match="disk is full") as caught, store.writing() as transaction:
        transaction.connection.exec_driver_sql("PRAGMA max_page_count = 40")
        transaction.connection.exec_driver_sql("INSERT INTO gatectl_meta VALUES ('small', 'kept?')")
        transaction.connection.exec_driver_sql("INSERT INTO gatectl_meta VALUES ('big', zeroblob(1000000))")
    assert caught.value.hint
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM gatectl_meta").scalar() == 4
    store.close()


def test_the_readers_connection_cannot_write(world: Any) -> None:
    store = world.reader.store
    assert not hasattr(store, "writing")
    with pytest.raises(PlatformError, match="may not be written"), store.reading() as connection:
        connection.exec_driver_sql("DELETE FROM workspaces")


# Secrets


def test_secrets_are_never_on_disk_nor_in_errors(world: Any) -> None:
    canary = "canary-7f3a9c51"
    bucket, llm, api_key = world.bucket(secret=canary), world.llm(secret=canary), world.api_key(secret=canary)
    for collection, object_id in (("bucket", bucket), ("ai/llm", llm), ("apikeys", api_key)):
        world.writer.update(collection, object_id, {"secret": canary})
        assert canary not in repr(world.one(collection, object_id))
    with pytest.raises(PlatformRefused) as caught:
        world.bucket(secret=canary, workspaceId="nowhere")
    assert canary not in str(caught.value)
    with pytest.raises(PlatformRefused) as caught:
        world.bucket(secret=[canary])
    assert canary not in str(caught.value)
    files = list((world.folder / ".gatectl").iterdir())
    assert {path.suffix for path in files} >= {".db", ".db-wal"}
    assert not [path for path in files if canary.encode() in path.read_bytes()]


# Speed


class Steps:
    """How many steps SQLite's machine makes, in `with`, on all connections that are opened there; ten at a time."""

    count = 0

    def _look(self) -> int:
        self.count += 10
        return 0

    def _connected(self, driver: sqlite3.Connection, _record: object) -> None:
        driver.set_progress_handler(self._look, 10)

    def __enter__(self) -> Steps:
        event.listen(Engine, "connect", self._connected)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "connect", self._connected)


def test_creating_and_listing_stay_linear(tmp_path: Path) -> None:
    """A shared bucket is the worst case: what is looked up for one more repository must not grow with those before."""
    with Steps() as steps:
        writer, reader = open_writer(Connection("embedded", tmp_path)), open_reader(Connection("embedded", tmp_path))
        workspace = reader.list("workspace")[0]["id"]
        bucket_body = {"name": "b", "bucket": "b", "storageType": "S3", "workspaceId": workspace, "secret": "s"}
        buckets = [writer.create("bucket", bucket_body) for _ in range(3)]

        def create(beginning: int, end: int) -> None:
            for number in range(beginning, end):
                attached = [{"bucketId": bucket, "folder": f"f{number}"} for bucket in buckets]
                body = {"name": f"r{number}", "storageType": "S3", "mode": "NORMAL", "workspaceId": workspace}
                writer.create("repo", body | {"repoBuckets": attached})

        def made(act: Callable[[], object]) -> int:
            before = steps.count
            act()
            return steps.count - before

        create(0, 50)
        first, one = made(lambda: create(50, 100)), made(lambda: reader.list("repo", workspace))
        create(100, 950)
        last, ten = made(lambda: create(950, 1000)), made(lambda: reader.list("repo", workspace))
        assert len(reader.list("repo", workspace)) == 1000
        writer.close()
        reader.close()
    assert first > 10_000 and last < 1.2 * first
    assert ten < 11 * one
