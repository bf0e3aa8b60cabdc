"""A database of an older schema: read as it is, brought forwards by who writes, whole or not at all; a newer one is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Column, String, Table
from sqlalchemy import Connection as Sql

from gatectl.cli.exits import run
from gatectl.errors import NotAuthenticated, PlatformError, PlatformLocked
from gatectl.platforms.embedded import migrations, open_reader, open_writer, postgres, sqlite, tables
from gatectl.platforms.interface import Collection, Connection
from gatectl.records import open_records, read_records
from leaping import Leaping
from owning import owned_by
from serving import EMAIL, PASSWORD, Server

DUMPS = Path(__file__).parent
NEWEST, NEWER = str(migrations.newest()), str(migrations.newest() + 1)
COLLECTIONS: tuple[Collection, ...] = ("workspace", "bucket", "ai/llm", "repo", "apikeys")
ONE_MORE = """---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: one-more, workspace: lab}
spec: {endpointType: S3}
"""


class Old:
    """A database of a schema, in a folder with the project that it was applied from. `raw` is a way to it beside gatectl."""

    def __init__(self, number: int, folder: Path, target: str, raw: Callable[[str], Sequence[Sequence[Any]]]) -> None:
        self.number = number
        self.folder = folder
        self.raw = raw
        self.told: list[str] = []
        self.connection = Connection(target, folder, named=True, tell=self.told.append)
        shutil.copy(dump(number, "manifests.yaml"), folder / "manifests.yaml")
        spec = {"manifests": ["manifests.yaml"], "environments": {"default": {"platform": "embedded"}}}
        project = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "estate"}, "spec": spec}
        (folder / "gatectl.yaml").write_text(json.dumps(project))

    @property
    def path(self) -> Path:
        """The file, where it is one."""
        return self.folder / "old.db"

    @property
    def is_file(self) -> bool:
        return self.connection.target.startswith("sqlite")

    @property
    def schema(self) -> str:
        return str(self.raw("SELECT value FROM gatectl_meta WHERE name = 'schema'")[0][0])

    def content(self) -> dict[str, list[Any]]:
        """All that the tables of its schema hold, but for who wrote that."""
        names = migrations.missing_tables((), max(self.number, 2))
        found = {name: sorted(map(tuple, self.raw(f"SELECT * FROM {name}"))) for name in names}
        if self.schema == NEWEST:  # what one project applied has an owner since schema 5
            owned = map(tuple, self.raw("SELECT project, object_id FROM owned"))
            found["applied"] = sorted([*found["applied"], *owned])
        found["gatectl_meta"] = [row for row in found["gatectl_meta"] if row[0] not in ("schema", "gatectl")]
        return found

    def bytes(self) -> dict[str, bytes]:
        """All files beside it and itself; what SQLite lays beside for who reads is empty, or no part of the database."""
        shared = ("-shm", ".gitignore")
        files = {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return {name: data for name, data in files.items() if data and not name.endswith(shared)}

    def copies(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*schema-*"))

    def objects(self) -> dict[str, Any]:
        """All that a plan reads."""
        with closing(open_reader(self.connection)) as reader:
            found: dict[str, Any] = {name: list(reader.list(name)) for name in COLLECTIONS}
            found["applied"] = sorted(each.id for each in read_records(self.connection, reader).owned() or ())
            return found

    def migrate(self) -> None:
        open_writer(self.connection).close()

    def refused(self, kind: type[PlatformError] = PlatformError) -> PlatformError:
        """What opening it to write raises."""
        with pytest.raises(kind) as caught:
            open_writer(self.connection)
        assert caught.value.hint
        return caught.value


def dump(number: int, name: str) -> Path:
    return DUMPS / f"schema_{number}" / name


def make_file(folder: Path, journal: str = "WAL", number: int = 1) -> Old:
    path = folder / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump(number, "sqlite.sql").read_text())
        connection.execute(f"PRAGMA journal_mode={journal}")
    path.chmod(0o600)

    def raw(statement: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    return Old(number, folder, f"sqlite:///{path}", raw)


def make_on_server(folder: Path, server: Any, number: int = 1) -> Old:
    name = server.new_database()
    server.run(dump(number, "postgresql.sql").read_text(), name)
    return Old(number, folder, server.url(name), lambda statement: server.run(statement, name))


@pytest.fixture
def file(tmp_path: Path) -> Old:
    return make_file(tmp_path)


@pytest.fixture
def on_server(tmp_path: Path, postgresql_server: Any) -> Old:
    return make_on_server(tmp_path, postgresql_server)


@pytest.fixture(params=["file", "on_server"])
def old(request: pytest.FixtureRequest) -> Old:
    found: Old = request.getfixturevalue(request.param)
    return found


EACH = [(number, is_file) for number in range(migrations.oldest(), migrations.newest()) for is_file in (True, False)]


@pytest.fixture(params=EACH, ids=[f"{number}-{'file' if is_file else 'on_server'}" for number, is_file in EACH])
def any_old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    """A database of each schema that there was."""
    number, is_file = request.param
    if is_file:
        return make_file(tmp_path, number=number)
    return make_on_server(tmp_path, request.getfixturevalue("postgresql_server"), number)


@pytest.fixture
def gatectl(
    old: Old, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """A command on the old database: its exit code, and what it said on both streams."""
    monkeypatch.chdir(old.folder)
    monkeypatch.setenv("KEY", "AKIA")
    monkeypatch.setenv("SECRET", "hush-hush-hush")

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run((*arguments, "--platform", old.connection.target))
        return (code, *capsys.readouterr())

    return call


def logged_in(server: Server) -> httpx.Client:
    client = httpx.Client(base_url=server.url)
    token = client.post("/user/login", json={"email": EMAIL, "password": PASSWORD}).json()["accessToken"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


# Read as it is


@pytest.mark.parametrize(
    "command", [["plan", "--detailed-exitcode"], ["export"], ["snapshot", "--out", "s.json"], ["graph", "--live"]]
)
def test_who_reads_an_older_schema_reads_it_as_it_is(old: Old, gatectl: Any, command: list[str]) -> None:
    before, content = old.bytes(), old.content()
    code, _, err = gatectl(*command)
    assert code == 0, err
    (old.folder / "s.json").unlink(missing_ok=True)
    assert old.bytes() == before
    assert (old.schema, old.content(), old.copies()) == ("1", content, [])


def test_nothing_of_an_older_schema_reads_as_it_did_not_before(old: Old) -> None:
    """The table that came later may not even be there."""
    before = old.objects()
    old.raw("DROP TABLE creations")
    assert old.objects() == before
    assert len(before["repo"]) == 4 and len(before["applied"]) == 10
    old.migrate()
    assert old.objects() == before


# Brought forwards


def test_an_apply_brings_it_forwards_and_says_so(old: Old, gatectl: Any) -> None:
    content = old.content()
    assert runs_of(gatectl) == []
    with (old.folder / "manifests.yaml").open("a") as manifests:
        manifests.write(ONE_MORE)
    code, out, err = gatectl("apply", "--yes")
    assert code == 0, err
    assert old.schema == NEWEST
    assert [entry["changes"]["create"] for entry in runs_of(gatectl)] == [1]
    assert f"from schema 1 to {NEWEST}" in err
    after = old.content()
    (added,) = set(after["repositories"]) - set(content["repositories"])
    assert "one-more" in added
    assert all(set(after[name]) >= set(rows) for name, rows in content.items())
    assert {name for name, rows in after.items() if rows != content[name]} == {"repositories", "applied"}
    code, out, err = gatectl("plan", "--detailed-exitcode")
    assert code == 0, out


def runs_of(gatectl: Callable[..., tuple[int, str, str]]) -> list[Any]:
    """The history, of which a database of before has none."""
    code, out, err = gatectl("history", "--format", "json")
    assert code == 0, err
    return list(json.loads(out)["runs"])


def test_all_that_it_holds_stays_as_it_is(any_old: Old) -> None:
    old = any_old
    content, objects = old.content(), old.objects()
    old.migrate()
    assert (old.schema, old.content(), old.objects()) == (NEWEST, content, objects)
    assert len(old.told) == 1
    old.migrate()
    assert len(old.told) == 1 and len(old.copies()) == (1 if old.is_file else 0)


def test_a_server_brings_it_forwards_before_it_serves(old: Old) -> None:
    """One that nobody had sent an Idempotency-Key to takes them now."""
    before = {wire["name"] for wire in old.objects()["repo"]}
    old.raw("DROP TABLE creations")
    with Server(old.folder / "served", database=old.connection.target) as server:
        assert f"from schema 1 to {NEWEST}" in server.said
        assert {name for _, name in server.names("repo")} == before
        client = logged_in(server)
        keyed = {"Idempotency-Key": "a-new-key"}
        made = [client.post("/workspace", json={"name": "another"}, headers=keyed).json() for _ in range(2)]
        assert made[0] == made[1]
    assert old.schema == NEWEST


def test_a_database_that_was_brought_forwards_is_like_a_new_one(
    any_old: Old, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """To the last index: whoever changes a table says in the row of the new schema how the old ones come to it."""
    any_old.migrate()
    if any_old.is_file:
        open_writer(Connection(f"sqlite:///{tmp_path}/new.db", tmp_path)).close()
        with closing(sqlite3.connect(tmp_path / "new.db")) as new:
            assert layout(any_old.raw) == layout(lambda text: new.execute(text).fetchall())
    else:
        server = request.getfixturevalue("postgresql_server")
        name = server.new_database()
        open_writer(Connection(server.url(name), tmp_path, named=True)).close()
        assert layout_on_server(any_old.raw) == layout_on_server(lambda text: server.run(text, name))


def layout(raw: Callable[[str], Sequence[Sequence[Any]]]) -> set[tuple[str, ...]]:
    """What there is, as SQLite keeps it: each statement by its words, as they were written or as a dump spells them."""
    rows = raw("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    return {(kind, name, *re.findall(r"\w+|[^\w\s\"]", text)) for kind, name, text in rows}


def layout_on_server(raw: Callable[[str], Sequence[Sequence[Any]]]) -> list[tuple[Any, ...]]:
    queries = (
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype IN ('f', 'p', 'u', 'c') AND connamespace = 'public'::regnamespace",
    )
    return sorted(tuple(map(str, row)) for query in queries for row in raw(query))


# The copy


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_a_copy_of_before_lies_beside_it(tmp_path: Path, journal: str) -> None:
    file = make_file(tmp_path, journal)
    content = file.content()
    file.migrate()
    assert file.copies() == ["old.db.schema-1"]
    assert str(file.path) + ".schema-1" in file.told[0]
    copy = file.folder / "old.db.schema-1"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    shutil.copy(copy, file.path)  # the way back
    assert (file.schema, file.content()) == ("1", content)
    file.migrate()
    assert file.schema == NEWEST


def test_the_copy_holds_what_others_committed_and_did_not_write_back(file: Old) -> None:
    with closing(sqlite3.connect(file.path)) as other:
        other.execute("UPDATE workspaces SET name = 'renamed' WHERE name = 'lab'")
        other.commit()
        assert file.path.with_name("old.db-wal").stat().st_size > 0
        file.migrate()
    with closing(sqlite3.connect(file.folder / "old.db.schema-1")) as copy:
        assert copy.execute("SELECT count(*) FROM workspaces WHERE name = 'renamed'").fetchone() == (1,)


def test_no_copy_takes_the_place_of_anything(file: Old) -> None:
    (file.folder / "elsewhere").write_text("another's")
    (file.folder / "old.db.schema-1").write_text("mine")
    (file.folder / "old.db.schema-1.2").symlink_to("elsewhere")
    (file.folder / "old.db.schema-1.3").mkdir()
    file.migrate()
    assert (file.folder / "old.db.schema-1").read_text() == "mine"
    assert (file.folder / "elsewhere").read_text() == "another's"
    assert "old.db.schema-1.4" in file.told[0]
    with closing(sqlite3.connect(file.folder / "old.db.schema-1.4")) as copy:
        assert copy.execute("SELECT value FROM gatectl_meta WHERE name = 'schema'").fetchone() == ("1",)


WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from gatectl.errors import PlatformError
from gatectl.platforms.embedded import open_writer, platform, sqlite, store
from gatectl.platforms.interface import Connection
import sqlalchemy.dialects.sqlite
path = Path(sys.argv[1])
size = path.stat().st_size - 4096
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    open_writer(Connection(f"sqlite:///{path}", Path("/")))
except PlatformError as error:
    print(error.message, error.hint, sep="|")
"""


def test_where_there_is_no_room_for_a_copy_nothing_is_migrated(file: Old, processes: Any) -> None:
    content, files = file.content(), file.bytes()
    output, errors = processes.start(WITHOUT_ROOM, str(file.path)).communicate(timeout=60)
    message, _, hint = output.partition("|")
    assert "was left in schema 1" in message and str(file.path) in message and "room" in hint, errors
    assert (file.schema, file.content()) == ("1", content)
    assert file.bytes().keys() == files.keys()


AS_NOBODY = """
import os, sys
from pathlib import Path
from gatectl.errors import PlatformError
from gatectl.platforms.embedded import open_reader, open_writer, platform, sqlite, store
from gatectl.platforms.interface import Connection
import sqlalchemy.dialects.sqlite
if os.getuid() == 0:
    os.setuid(65534)
connection = Connection(f"sqlite:///{sys.argv[1]}", Path("/"))
try:
    open_writer(connection)
except PlatformError as error:
    assert error.hint
    print(error.message)
print(len(open_reader(connection).list("repo")))
"""


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o666), (0o777, 0o444)])
def test_what_may_not_be_written_is_read_and_not_migrated(processes: Any, folder_mode: int, file_mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others from the top
        old = make_file(Path(name), "DELETE")  # in WAL nobody reads it in a folder that may not be written
        old.path.chmod(file_mode)
        old.folder.chmod(folder_mode)
        output, errors = processes.start(AS_NOBODY, str(old.path)).communicate(timeout=60)
        old.folder.chmod(0o700)
        message, count = output.splitlines() or ["", errors]
        assert str(old.path) in message and count == "4", errors
        assert (old.schema, old.copies()) == ("1", [])


def test_a_user_without_the_right_to_make_tables_is_told_so(on_server: Old, postgresql_server: Any) -> None:
    password = postgresql_server.new_user("writes")
    for right in ("USAGE ON SCHEMA public", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"):
        on_server.raw(f"GRANT {right} TO writes")
    on_server.raw("DROP TABLE creations")
    name = on_server.connection.target.rpartition("/")[2]
    target = postgresql_server.url(name, user="writes", password=password)
    with pytest.raises(NotAuthenticated) as caught:
        open_writer(on_server.connection._replace(target=target))
    assert "CREATE" in str(caught.value.hint)
    assert on_server.schema == "1"


# Refused


def commands(old: Old) -> Iterator[list[str]]:
    yield ["plan"]
    yield ["export"]
    yield ["snapshot", "--out", "s.json"]
    yield ["graph", "--live"]
    yield ["apply", "--yes"]
    yield ["apply", "--plan", "plan.json", "--yes"]


@pytest.mark.parametrize("schema", ["0", NEWER, "999999999"])
def test_another_schema_is_refused_by_every_command_and_left_as_it_is(old: Old, gatectl: Any, schema: str) -> None:
    with (old.folder / "manifests.yaml").open("a") as manifests:
        manifests.write(ONE_MORE)
    assert gatectl("plan", "--out", "plan.json")[0] == 0
    old.raw(f"UPDATE gatectl_meta SET value = '{schema}' WHERE name = 'schema'")
    old.raw("INSERT INTO gatectl_meta VALUES ('gatectl', '9.9.9')")
    before, content = old.bytes(), old.content()
    for command in commands(old):
        code, _, err = gatectl(*command)
        assert code == 1, command
        assert f"gatectl, 9.9.9, and left as it is (schema {schema}; this one, " in err, command
        assert "hint" in err
    served = subprocess.run(
        [sys.executable, "-m", "gatectl", "serve", "--port", "0", "--database", old.connection.target],
        cwd=old.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert served.returncode == 1 and f"schema {schema}" in served.stderr
    assert old.bytes() == before
    assert (old.schema, old.content()) == (schema, content)


@pytest.mark.parametrize("schema", ["", "x", "-1", "1.0", " 1", "1_0", "٣", "9" * 400])
def test_a_schema_that_is_none_is_damage(old: Old, schema: str) -> None:
    old.raw(f"UPDATE gatectl_meta SET value = '{schema}' WHERE name = 'schema'")
    content = old.content()
    with pytest.raises(PlatformError, match="is damaged"):
        open_reader(old.connection)
    assert "is damaged" in old.refused().message
    assert (old.schema, old.content(), old.copies()) == (schema, content, [])


def test_a_database_of_the_newest_schema_without_its_tables_is_damaged(old: Old) -> None:
    old.migrate()
    old.raw("DROP TABLE creations")
    assert "is damaged" in old.refused().message


# Meanwhile


def test_who_reads_goes_on_when_it_is_migrated_beside(old: Old) -> None:
    with closing(open_reader(old.connection)) as reader:
        before = reader.list("repo")
        old.migrate()
        assert reader.list("repo") == before
        assert len(list(read_records(old.connection, reader).owned() or ())) == 10


def test_who_is_at_work_when_a_newer_gatectl_migrates_stops_in_words(old: Old) -> None:
    writer, reader = open_writer(old.connection), open_reader(old.connection)
    records = open_records(old.connection, writer, reader)
    workspace = {"name": "late"}
    old.raw(f"UPDATE gatectl_meta SET value = '{NEWER}' WHERE name = 'schema'")
    content = old.content()
    doings: tuple[Callable[[], Any], ...] = (
        lambda: writer.create("workspace", workspace),
        lambda: records.record([owned_by("estate", "x")]),
        records.owned,
        lambda: reader.list("repo"),
    )
    for do in doings:
        with pytest.raises(PlatformError, match=rf"newer gatectl.*schema {NEWER}"):
            do()
    assert old.content() == content
    old.raw(f"UPDATE gatectl_meta SET value = '{NEWEST}' WHERE name = 'schema'")
    assert writer.create("workspace", workspace)
    old.raw("UPDATE gatectl_meta SET value = '1' WHERE name = 'schema'")
    with pytest.raises(PlatformError, match="of schema 1 again"):
        writer.create("workspace", {"name": "later"})
    assert len(reader.list("workspace")) == 3
    writer.close()
    reader.close()


def test_a_server_refuses_in_words_when_a_newer_gatectl_migrates(old: Old) -> None:
    with Server(old.folder / "served", database=old.connection.target) as server:
        client = logged_in(server)
        old.raw(f"UPDATE gatectl_meta SET value = '{NEWER}' WHERE name = 'schema'")
        content = old.content()
        for answer in (client.get("/workspace"), client.post("/workspace", json={"name": "late"})):
            assert answer.status_code == 500
            assert "newer gatectl" in answer.text
        assert old.content() == content


@pytest.mark.parametrize("shared", [True, False], ids=["ours", "of-an-older-gatectl"])
def test_while_an_apply_is_at_work_nothing_is_migrated(old: Old, shared: bool) -> None:
    old.connection = old.connection._replace(clock=Leaping().clock)
    database: Any = (
        sqlite.SqliteFile(old.path, own_folder=False)
        if old.is_file
        else postgres.PostgresDatabase(old.connection.target, named=True)
    )
    release = database.claim(shared=shared)
    old.refused(PlatformLocked)
    assert (old.schema, old.copies()) == ("1", [])
    release()
    old.migrate()
    assert old.schema == NEWEST


AT_ONCE = """
import sys
from pathlib import Path
from gatectl.platforms.embedded import open_writer, platform, sqlite, store
from gatectl.platforms.interface import Connection
print("ready", flush=True); sys.stdin.readline()
writer = open_writer(Connection(sys.argv[1], Path("/"), named=True, tell=lambda text: print(text.partition(" ")[0])))
writer.create("workspace", {"name": sys.argv[2]})
"""


def test_of_many_who_migrate_at_once_one_does(old: Old, processes: Any) -> None:
    content = old.content()
    started = [processes.start(AT_ONCE, old.connection.target, name) for name in "abcdef"]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 6, said
    assert [out for out, _ in said if out] == ["migrated\n"]
    after = old.content()
    assert {row[1] for row in after.pop("workspaces")} >= set("abcdef")
    content.pop("workspaces")
    assert (old.schema, after) == (NEWEST, content)
    assert old.copies() == (["old.db.schema-1"] if old.is_file else [])


# Killed


def calls_of(do: Callable[[], None]) -> int:
    """How many steps (calls of functions) something takes."""
    seen = 0

    def count(*arguments: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(None)
    return seen


def killed(do: Callable[[], None], at: int) -> None:
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
            do()
        finally:
            os._exit(0)  # whatever happens, there is only one test run
    os.waitpid(child, 0)


POINTS = 400 if os.environ.get("GATECTL_POINTS") else 20


def test_who_is_killed_while_a_file_is_migrated_leaves_it_old_or_new(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = make_file(tmp_path / "whole")
    calls = calls_of(whole.migrate)
    seen = set()
    for point in range(POINTS):
        folder = tmp_path / str(point)
        folder.mkdir()
        old = make_file(folder)
        content = old.content()
        for _ in range(2):
            killed(old.migrate, calls * point // POINTS)
            objects = old.objects()
            seen.add((old.schema, bool(old.copies())))
            assert old.schema in ("1", NEWEST) and old.content() == content
            assert old.schema == "1" or old.copies()
        old.migrate()
        assert (old.schema, old.content(), old.objects()) == (NEWEST, content, objects)
        assert old.raw("PRAGMA integrity_check") == [("ok",)]
        assert old.copies() == ["old.db.schema-1"], "the same copy is made once"
        assert not list(folder.glob(".old*")), "what was left of a copy is gone when one is made"
    assert {("1", False), ("1", True), (NEWEST, True)} <= seen


def test_who_is_killed_while_a_server_is_migrated_leaves_it_old_or_new(on_server: Old, postgresql_server: Any) -> None:
    on_server.raw("DROP TABLE creations")
    name = on_server.connection.target.rpartition("/")[2]
    template = f"{name}_old"
    postgresql_server.run(f"CREATE DATABASE {template} TEMPLATE {name}")
    calls = calls_of(on_server.migrate)
    seen = set()
    points = POINTS // 2
    for point in range(points):
        postgresql_server.disconnect(name)
        postgresql_server.run(f"DROP DATABASE {name}")
        postgresql_server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        killed(on_server.migrate, calls * point // points)
        made = bool(on_server.raw("SELECT 1 FROM pg_tables WHERE tablename = 'creations'"))
        assert (on_server.schema, made) in (("1", False), (NEWEST, True))
        seen.add(on_server.schema)
        on_server.migrate()
        assert on_server.schema == NEWEST
    assert "1" in seen


# The table


def test_each_schema_is_a_row_and_each_table_came_with_one() -> None:
    assert [schema.number for schema in migrations.SCHEMAS] == list(range(1, migrations.newest() + 1))
    added = [table for schema in migrations.SCHEMAS for table in schema.adds]
    assert len(added) == len(set(added))
    assert set(added) == set(tables.metadata.tables.values())


def test_of_each_older_schema_there_is_a_database_to_try() -> None:
    for number in range(migrations.oldest(), migrations.newest()):
        for name in ("sqlite.sql", "postgresql.sql", "manifests.yaml"):
            assert dump(number, name).is_file(), f"schema_{number}/{name}: a dump of what was released"


@pytest.fixture
def next_schema(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """A schema more, as somebody adds one: a table, and one row."""
    probe = Table("probe", tables.metadata, Column("name", String, primary_key=True), Column("id", String))

    def fill(connection: Sql) -> None:
        connection.exec_driver_sql("INSERT INTO probe SELECT name, id FROM workspaces")

    row = migrations.Schema(int(NEWER), (probe,), fill)
    monkeypatch.setattr(migrations, "SCHEMAS", (*migrations.SCHEMAS, row))
    yield probe
    tables.metadata.remove(probe)


def test_a_new_schema_is_one_row(old: Old, next_schema: Table, tmp_path: Path) -> None:
    before = old.raw("SELECT name, id FROM workspaces")
    with closing(open_reader(old.connection)) as reader:
        objects = reader.list("repo")
        old.migrate()
        assert reader.list("repo") == objects
    assert old.schema == NEWER
    assert sorted(map(tuple, old.raw("SELECT * FROM probe"))) == sorted(map(tuple, before))
    assert f"from schema 1 to {NEWER}" in old.told[0]
    assert old.raw("SELECT count(*) FROM creations")[0][0] == 1
    new = f"sqlite:///{tmp_path}/new.db"
    open_writer(Connection(new, tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / "new.db")) as raw:
        assert raw.execute("SELECT value FROM gatectl_meta WHERE name = 'schema'").fetchone() == (NEWER,)
        assert raw.execute("SELECT count(*) FROM probe").fetchone() == (0,), "nothing is to be changed in a new one"


def test_a_row_that_fails_takes_those_before_it_back(
    old: Old, next_schema: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.raw("DROP TABLE creations")

    def fail(connection: Sql) -> None:
        connection.exec_driver_sql("INSERT INTO probe SELECT id, id FROM repositories")
        connection.exec_driver_sql("INSERT INTO probe SELECT id, id FROM repositories")

    monkeypatch.setattr(
        migrations, "SCHEMAS", (*migrations.SCHEMAS[:-1], migrations.Schema(int(NEWER), (next_schema,), fail))
    )
    before = old.raw("SELECT * FROM repositories")
    with pytest.raises(PlatformError):
        open_writer(old.connection)
    assert old.schema == "1"
    assert old.raw("SELECT * FROM repositories") == before
    for name in ("creations", "probe"):
        with pytest.raises(Exception, match=name):
            old.raw(f"SELECT * FROM {name}")


def test_a_table_of_somebody_else_is_not_taken_for_the_new_one(old: Old, next_schema: Table) -> None:
    old.raw("CREATE TABLE probe (name text, id text)")
    with pytest.raises(PlatformError, match="probe"):
        open_writer(old.connection)
    assert old.schema == "1"
