"""Only what is there to write writes: every other command works where neither the platform nor the records can be changed at all.

Each place is real, has been applied to, and refuses every write from then on. What commands there are is taken from the table of
the command line: a new one without an entry here fails.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from cli.conftest import GOOD, Shell, fits, project, shell
from codehost import CodeHost
from gatectl.cli import COMMANDS, gatectl
from platforms.postgresql_server import Server as Postgresql
from proxying import Answer, Asked, Proxy, of_json
from records.object_servers import s3_bucket
from serving import EMAIL, PASSWORD, Server

__all__ = ["fits", "shell"]  # pytest finds the fixtures here

WRITES = {"apply", "undo --yes", "lock release", "lock adopt", "runs settle"}
"""What changes a platform or what is remembered, and says so."""

CONTROLS = {"approve", "controller", "pause", "resume"}
"""What writes to a controller's database: `tests/controller/test_commands.py` looks that it is that alone; of `controller`, which applies,
`tests/controller/test_processes.py`."""

READS: Mapping[str, Sequence[str]] = {
    "init": ["init {elsewhere}/new"],
    "validate": ["validate", "validate --format json"],
    "plan": [
        "plan", "plan --format json --out {elsewhere}/plan.json --proof", "plan --renew-credentials Bucket/raw-aws",
        "plan manifests --format html={elsewhere}/plan.html",
    ],
    "show": ["show {run}", "show {elsewhere}/plan.json --format markdown"],
    "drift": ["drift", "drift --format html"],
    "why": ["why Repository/data", "why Bucket/raw-aws bucket --format json"],
    "undo": ["undo last", "undo {run} --out {elsewhere}/undo.json --format json"],
    "history": ["history", "history --format json"],
    "runs": ["runs", "runs --format json"],
    "lock status": ["lock status", "lock status --format json"],
    "status": [],  # it asks a controller, whose database it leaves as it is: tests/controller/test_commands.py
    "comment": ["comment {elsewhere}/plan.json"],
    "export": ["export --out {elsewhere}/exported", "export"],
    "snapshot": ["snapshot --out {elsewhere}/snapshot.json"],
    "graph": ["graph", "graph --live"],
    "trust": ["trust platform.example"],
    "serve": [],  # it is a platform itself, and has a database of its own
    "schema": ["schema"],
    "explain": ["explain GW301"],
    "completion": ["completion bash"],
}  # fmt: skip
"""What is run of every command; each has to end well. In this order."""


def test_every_command_of_the_table_is_known_here_to_read_or_to_write() -> None:
    context = click.Context(gatectl)
    found = set()
    for name in COMMANDS:
        command = gatectl.get_command(context, name)
        assert command is not None
        choices = [p for p in command.params if isinstance(p, click.Argument) and isinstance(p.type, click.Choice)]
        chosen = choices[:1] if name != "completion" else []
        found |= {f"{name} {action}" for each in chosen for action in each.type.choices}  # type: ignore[attr-defined]
        found |= {name} if not (chosen and chosen[0].required) else set()
    assert found == set(READS) | CONTROLS | {name for name in WRITES if "--" not in name}


class Refusing(Proxy):
    """A proxy that from some moment on lets nothing pass but what only reads."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.closed = False
        self.seen: list[tuple[str, str]] = []
        self.refused: list[str] = []

    def answer(self, asked: Asked) -> Answer | None:
        self.seen.append((asked.method, asked.path))
        if self.closed and asked.method != "GET":
            self.refused.append(asked.what)
            return of_json({"error": "nothing is written here"}, 403)
        return self.forward(asked)


class Closed:
    """A place that was applied to and can only be read now. `seen` are the requests that came to platform and records since."""

    def __init__(self, run: str, platform: Refusing | None = None, store: Refusing | None = None) -> None:
        self.run = run
        self.proxies = [proxy for proxy in (platform, store) if proxy is not None]
        self.platform, self.store = platform, store
        for proxy in self.proxies:
            proxy.closed = True

    def refused(self) -> list[str]:
        return [what for proxy in self.proxies for what in proxy.refused]


def applied(shell: Shell, *words: str) -> str:
    """Apply twice, so that there is something to undo and to list; the first run."""
    assert shell("apply", "--yes", *words).code == 0
    shell.write("manifests/more.yaml", GOOD.replace("raw", "more").replace("name: data", "name: extra"))
    done = shell("apply", "--yes")
    assert done.code == 0, done.err
    shell.write("manifests/more.yaml", GOOD.replace("raw", "less").replace("name: data", "name: extra"))
    runs = shell("history", "--format", "json").json["runs"]
    return str(runs[-1]["run"])


@contextmanager
def served(shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str | None) -> Iterator[Closed]:
    """`serve` behind a proxy; the records in a bucket behind another, or (None) in a file of the project."""
    with ExitStack() as open_:
        server = open_.enter_context(Server(folder / "served"))
        platform = open_.enter_context(Refusing(server.url))
        for name, value in (("EMAIL", EMAIL), ("PASSWORD", PASSWORD)):
            monkeypatch.setenv(f"GATECTL_{name}", value)
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", platform.url.partition("://")[2])
        store, records, words = None, {}, []
        if endpoint is not None:
            bucket = s3_bucket(endpoint, f"t{secrets.token_hex(6)}")
            store = open_.enter_context(Refusing(endpoint))
            for name, value in {
                **bucket.variables,
                "AWS_ENDPOINT_URL_S3": store.url,
                "GATECTL_RECORDS": bucket.url,
            }.items():
                monkeypatch.setenv(name, value)
            words = ["--new-records"]
        wire = {"OpenAI": "OPENAI"}
        shell.write(
            "gatectl.yaml", project(default={"platform": platform.url, "wire": wire, "consistency": "1s", **records})
        )
        run = applied(shell, *words)
        body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
        login = platform.forward(Asked("POST", "/user/login", {}, {"Content-Type": "application/json"}, body))
        for name in ("EMAIL", "PASSWORD"):
            monkeypatch.delenv(f"GATECTL_{name}")
        monkeypatch.setenv("GATECTL_TOKEN", login.json["accessToken"])  # who signs in would write
        yield Closed(run, platform, store)


@contextmanager
def database_server(shell: Shell, server: Postgresql, monkeypatch: pytest.MonkeyPatch) -> Iterator[Closed]:
    """A database whose tables the reader's role may read."""
    name = server.new_database()
    monkeypatch.setenv("GATECTL_PLATFORM", server.url(name))
    run = applied(shell)
    role = f"reader_{secrets.token_hex(4)}"
    password = server.new_user(role)
    server.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", name)
    monkeypatch.setenv("GATECTL_PLATFORM", server.url(name, user=role, password=password))
    yield Closed(run)


@contextmanager
def file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Closed]:
    """The embedded platform's own file, which may not be written; who may write everything becomes somebody who may not."""
    run = applied(shell)
    home = shell.folder / ".gatectl"
    with closing(sqlite3.connect(home / "platform.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # whoever writes next would do it
    for path in home.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    was = os.geteuid()
    if was == 0:
        for path in (shell.folder, *shell.folder.rglob("*")):
            os.chown(path, 65534, -1)
        for parent in shell.folder.parents:
            if not stat.S_IMODE(parent.stat().st_mode) & 0o001:
                parent.chmod(0o711)
        os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            (home / "platform.db").open("r+b")
        yield Closed(run)
    finally:
        os.seteuid(was)


PLACES = ("serve and a bucket", "serve and a file", "a database on a server", "a file")


@pytest.fixture(params=PLACES)
def place(
    request: pytest.FixtureRequest, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Closed]:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "elsewhere").mkdir(mode=0o777)
    (tmp_path / "elsewhere").chmod(0o777)
    shell.good()
    made: Mapping[str, Callable[[], Any]] = {
        "serve and a bucket": lambda: served(shell, tmp_path, monkeypatch, request.getfixturevalue("s3_server")),
        "serve and a file": lambda: served(shell, tmp_path, monkeypatch, None),
        "a database on a server": lambda: database_server(
            shell, request.getfixturevalue("postgresql_server"), monkeypatch
        ),
        "a file": lambda: file(shell, monkeypatch),
    }
    with made[request.param]() as found:
        yield found


def content(folder: Path) -> dict[str, bytes]:
    """What a project holds, but for what SQLite has beside a database that is open and says nothing."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {
        name: data for name, data in found.items() if not name.endswith("-shm") and (data or not name.endswith("-wal"))
    }


def test_every_command_but_those_that_write_works_where_nothing_can_be_written(
    place: Closed, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"elsewhere": str(tmp_path / "elsewhere"), "run": place.run}
    before = content(shell.folder)
    with CodeHost("github") as host:
        for name, value in (
            ("GITHUB_API_URL", host.url), ("GITHUB_REPOSITORY", "acme/gateway"), ("GITHUB_TOKEN", "ghs_Canary0123456789"),
            ("GITHUB_REF", "refs/pull/5/merge"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        for lines in READS.values():
            for line in lines:
                done = shell(*line.format(**words).split())
                assert (done.code, place.refused()) == (0, []), (line, done.err)
                assert content(shell.folder) == before, line
    assert host.bodies


def test_a_server_of_ones_own_touches_no_platform_but_its_own(shell: Shell, tmp_path: Path) -> None:
    applied(shell.good())
    before = content(shell.folder)
    with Server(tmp_path / "own"):
        assert content(shell.folder) == before


def test_a_plan_proves_what_was_asked_for_its_sake(place: Closed, shell: Shell, fits: Any) -> None:
    for proxy in place.proxies:
        proxy.seen.clear()
    plain = shell("plan", "--format", "json").json
    seen = [Counter(proxy.seen) for proxy in place.proxies]
    for proxy in place.proxies:
        proxy.seen.clear()
    proven = shell("plan", "--format", "json", "--proof").json
    assert seen == [Counter(proxy.seen) for proxy in place.proxies], "a proof changes nothing of what is asked"
    proof = proven.pop("proof")
    fits({**proven, "proof": proof}, "plan")
    assert "proof" not in plain and proven["fingerprint"] == plain["fingerprint"]
    assert {**proven, "digest": ""} == {**plain, "digest": ""}
    sent = proof["requests"]
    assert (
        proof["writes"] == 0 and proof["reads"] == sum(each["count"] for each in sent if each["effect"] == "read") > 3
    )
    asked: dict[str, Counter[tuple[str, str]]] = {"platform": Counter(), "records": Counter()}
    for each in sent:
        asked[each["whom"]][each["method"], each["path"]] += each["count"]
    if place.platform is not None:
        assert asked["platform"] == Counter(place.platform.seen)
    else:
        assert ("SELECT", "repositories") in asked["platform"] or any(
            "repositories" in path for _, path in asked["platform"]
        )
    if place.store is not None:
        assert asked["records"].total() == len(place.store.seen) and ("GET", "store.json") in asked["records"]
    shown = shell("plan", "--proof").out
    assert f"Proof: {proof['reads'] + proof['sessions']:,} requests sent: {proof['reads']:,} reads" in shown
    assert "no write." in shown


def test_a_login_is_told_as_what_it_is(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(tmp_path / "served") as server:
        for name, value in (
            ("EMAIL", EMAIL),
            ("PASSWORD", PASSWORD),
            ("TRUSTED_HOSTS", server.url.partition("://")[2]),
        ):
            monkeypatch.setenv(f"GATECTL_{name}", value)
        shell.good().write("gatectl.yaml", project(default={"platform": server.url}))
        proof = shell("plan", "--format", "json", "--proof").json["proof"]
    login = {"whom": "platform", "effect": "session", "method": "POST", "path": "/user/login", "count": 1}
    assert login in proof["requests"] and (proof["sessions"], proof["writes"]) == (1, 0)


def test_what_is_worked_out_without_asking_says_that_nothing_was_asked(shell: Shell) -> None:
    shell.good()
    assert "Proof: neither the platform nor the records were asked for anything." in shell("plan", "--proof").out
    shell.write("manifests/all.yaml", "kind: nonsense")
    assert shell("plan", "--proof", "--format", "json").json["proof"]["requests"] == []
