"""Leases over HTTP: `gatectl serve` refuses whoever comes too late, also the one request that was decided on before (product.md,
section 6); and whose leases count there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.conftest import Shell, shell
from cli.test_applying import on_terminal
from gatectl import errors
from gatectl.platforms import driver_for
from gatectl.platforms.fencing import HEADER, MOST, read
from gatectl.platforms.interface import Connection, Credentials, Fences, Secret
from pausing import Pausing
from platforms.postgresql_server import Server as Postgresql
from proxying import Answer, Asked, Proxy
from records.conftest import bucket
from serving import ELSEWHERE, EMAIL, PASSWORD, Rehearsal, Result, Server
from sites import TWO

__all__ = ["shell"]  # pytest finds the fixtures here

MORE = """
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: {name}}}
spec: {{endpointType: S3, resources: []}}
"""


class Side(Rehearsal):
    """A project of its own that declares a bucket and a repository of its name, and keeps its records in a store."""

    def __init__(self, folder: Path, name: str, store: str | None) -> None:
        super().__init__(folder / name)
        (self.folder / "manifests").mkdir(parents=True)
        (self.folder / "manifests/all.yaml").write_text(TWO.format(name=name))
        self.name, self.times = name, 0
        self.variables |= {"KEY": "AKIAEXAMPLE", "SECRET": "hush-hush-hush", "HOME": str(folder)}
        if store is not None:
            self.variables["GATECTL_RECORDS"] = store

    def stand_at(self, database: str) -> None:
        """Apply to a database itself."""
        self.aim("embedded", "manifests")
        self.variables["GATECTL_PLATFORM"] = database

    def apply(self) -> Result:
        """An apply that has something to do: one more repository each time."""
        self.times += 1
        more = MORE.format(name=f"{self.name}-{self.times}")
        (self.folder / f"manifests/more-{self.times}.yaml").write_text(more)
        return self.gatectl("apply", "--yes", "--new-records", "--lock-timeout", "0", *ELSEWHERE)

    def start(self) -> subprocess.Popen[str]:
        """An apply that is under way."""
        command = [sys.executable, "-m", "gatectl", "apply", "--yes", "--new-records", "--receipt", "receipt.json"]
        return subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, **self.trusted, **self.variables}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


class Ground(NamedTuple):
    """A platform that is served, and makers of projects: by the URL that they know it by, and their store (None: a file)."""

    server: Server
    side: Callable[..., Side]
    store: str
    other: str


@pytest.fixture(params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: Postgresql) -> Iterator[Ground]:
    """A platform on each database; the stores are databases on a server."""
    url = postgresql_server.url
    database = url(postgresql_server.new_database()) if request.param == "postgresql" else None
    with Server(tmp_path / "served", database=database) as server:

        def make(name: str, store: str | None, at: str = server.url) -> Side:
            made = Side(tmp_path, name, store)
            made.aim(at, "manifests", consistency="0s")
            return made

        yield Ground(server, make, url(postgresql_server.new_database()), url(postgresql_server.new_database()))


only_sqlite = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


def held(server: Server) -> dict[str, tuple[str, int]]:
    """Whose leases count, as the platform's database has them."""
    with closing(
        driver_for(server.database).open_heeding(Connection(server.database, Path("/"), named=True))
    ) as heeding:
        return {workspace: (each.store, each.number) for workspace, each in heeding.heeded().items()}


# Two applies


@only_sqlite
def test_who_had_a_lease_that_was_released_is_refused_before_anybody_else_applies(ground: Ground) -> None:
    other = ground.side("second", ground.store)
    found: list[Result] = []

    def release() -> bool:
        found.append(other.gatectl("lock", "release", "default", "--yes"))
        return True

    with Pausing(ground.server.url) as proxy:
        first = ground.side("first", ground.store, proxy.url)
        proxy.pause_at_first("POST /repo", release)
        applied = first.apply()
    assert [each.code for each in found] == [0], found
    assert applied.code == errors.PARTLY_APPLIED and "STALE_FENCE" in applied.out, applied
    assert not ground.server.names("repo")


@pytest.mark.parametrize(
    ("at", "code", "written"),
    [("POST /bucket", errors.LOCKED, 0), ("POST /repo", errors.PARTLY_APPLIED, 1)],
    ids=["before-its-first-write", "between-two"],
)
def test_a_request_that_was_decided_on_before_another_apply_took_over_is_refused(
    ground: Ground, at: str, code: int, written: int
) -> None:
    """SIGSTOP of the process that holds the lease, while its request is on the way; another apply takes over; SIGCONT."""
    second = ground.side("second", ground.store)
    found: list[Result] = []
    with Pausing(ground.server.url) as proxy:
        first = ground.side("first", ground.store, proxy.url)
        started: list[subprocess.Popen[str]] = []
        ready = threading.Event()

        def take_over() -> bool:
            assert ready.wait(60)
            started[0].send_signal(signal.SIGSTOP)
            found.append(second.gatectl("lock", "release", "default", "--yes"))
            found.append(second.apply())
            started[0].send_signal(signal.SIGCONT)
            return True

        proxy.pause_at_first(at, take_over)
        started.append(first.start())
        ready.set()
        said, _ = started[0].communicate(timeout=120)
    assert [each.code for each in found] == [0, 0], found
    assert started[0].returncode == code, said
    assert "STALE_FENCE" in said and "has moved on" in said
    receipt = first.gatectl("show", "receipt.json", "--format", "json").json
    assert [outcome["attempts"] for outcome in receipt["outcomes"]] == [written, 0]
    names = ground.server.names("bucket"), ground.server.names("repo")
    assert [("default", "first") in each for each in names] == [bool(written), False]
    assert all(("default", "second") in each for each in names)
    assert "somebody else had the lease meanwhile" in said
    first.aim(ground.server.url, "manifests")
    assert first.apply().code == 0


@only_sqlite
@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_leases_in_a_bucket_are_told_too(ground: Ground, request: pytest.FixtureRequest, kind: str) -> None:
    store = bucket(kind, request)
    first, second = ground.side("first", store.url), ground.side("second", store.url)
    for side, number in ((first, 1), (second, 2), (first, 3)):
        side.variables |= store.variables
        assert side.apply().code == 0
        assert [fence for _, fence in held(ground.server).values()] == [number]


class Listening(Proxy):
    """A proxy that notes what is said of leases."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.told: list[tuple[str, str | None]] = []

    def answer(self, asked: Asked) -> Answer | None:
        self.told.append((asked.what, asked.headers.get(HEADER)))
        return self.forward(asked)


@only_sqlite
def test_every_write_of_an_apply_names_its_leases_and_so_does_what_it_reads_last(ground: Ground) -> None:
    with Listening(ground.server.url) as proxy:
        assert ground.side("first", ground.store, proxy.url).apply().code == 0
    writes = [read(said or "") for what, said in proxy.told if what in ("POST /bucket", "POST /repo")]
    assert len(writes) == 3 and len({str(each) for each in writes}) == 1 and list(writes[0].numbers.values()) == [1]
    first = [what for what, _ in proxy.told].index("POST /bucket")
    assert all(said for what, said in proxy.told[first - 1 : first])
    assert not any(said for what, said in proxy.told if "/user" in what and what.startswith("POST"))
    assert held(ground.server) == dict.fromkeys(writes[0].numbers, (writes[0].store, 1))


@only_sqlite
@pytest.mark.parametrize("store", [None, "none", "sqlite:///kept.db"])
def test_leases_that_no_other_machine_sees_are_not_told(ground: Ground, store: str | None) -> None:
    with Listening(ground.server.url) as proxy:
        side = ground.side("first", store, proxy.url)
        assert side.apply().code == 0
        planned = side.gatectl("plan").out
    assert proxy.told and not any(said for _, said in proxy.told) and held(ground.server) == {}
    assert ("no lease is held" if store == "none" else "; no lease beyond this machine\n") in planned


@only_sqlite
def test_a_store_that_is_shared_is_named_without_more(ground: Ground) -> None:
    side = ground.side("first", ground.store)
    assert side.apply().code == 0
    assert "lease" not in side.gatectl("plan").out


# Whose leases count


def test_another_store_is_refused_until_it_is_adopted_and_then_the_first_one_is(ground: Ground) -> None:
    first, second = ground.side("first", ground.store), ground.side("second", ground.other)
    assert first.apply().code == 0
    refused = second.apply()
    assert (
        refused.code == errors.LOCKED
        and "FENCE_OF_ANOTHER_STORE" in refused.err
        and "gatectl lock adopt" in refused.err
    )
    ((workspace, (store, _)),) = held(ground.server).items()
    assert store in refused.err and ("default", "second") not in ground.server.names("bucket")
    asked = second.gatectl("lock", "adopt")
    assert asked.code == errors.USAGE and "--yes" in asked.err
    done = second.gatectl("lock", "adopt", "--yes", "--format", "json").json
    ((now, number),) = held(ground.server).values()
    assert [each["fence"] for each in done["adopted"]] == [number] and now == done["instance"] != store
    assert [(each["workspace"], each["store"]) for each in done["before"]] == [("default", store)]
    assert second.apply().code == 0
    assert first.apply().code == errors.LOCKED
    again = second.gatectl("lock", "adopt", "--yes")
    assert again.code == 0 and again.out.startswith("Nothing to adopt") and held(ground.server)[workspace][0] == now
    assert "default" in first.gatectl("lock", "adopt", "default", "--yes").out
    assert first.apply().code == 0 and held(ground.server)[workspace][0] == store


def test_who_applies_to_the_database_itself_and_who_comes_over_http_are_two_stores(ground: Ground) -> None:
    over_http, beside = ground.side("first", ground.store), ground.side("second", None)
    beside.stand_at(ground.server.database)
    assert over_http.apply().code == 0
    refused = beside.apply()
    assert refused.code == errors.LOCKED and "gatectl lock adopt" in refused.err
    assert "the platform's own database" in beside.gatectl("lock", "adopt", "--yes").out
    assert beside.apply().code == 0
    assert over_http.apply().code == errors.LOCKED
    assert over_http.gatectl("lock", "adopt", "--yes").code == 0
    assert over_http.apply().code == 0 and beside.apply().code == errors.LOCKED


@only_sqlite
def test_a_database_that_was_applied_to_by_itself_goes_by_its_own_leases(ground: Ground) -> None:
    over_http, beside = ground.side("first", ground.store), ground.side("second", None)
    beside.stand_at(ground.server.database)
    assert beside.apply().code == 0
    assert over_http.apply().code == errors.LOCKED
    assert ground.side("third", None).apply().code == 0, "who has no leases that could be told is served as before"


def test_the_platforms_database_may_be_the_store_of_who_comes_over_http(
    tmp_path: Path, postgresql_server: Postgresql
) -> None:
    database = postgresql_server.url(postgresql_server.new_database())
    with Server(tmp_path / "served", database=database) as server:
        over_http, beside = Side(tmp_path, "first", database), Side(tmp_path, "second", None)
        over_http.aim(server.url, "manifests", consistency="0s")
        beside.stand_at(database)
        assert [side.apply().code for side in (over_http, beside, over_http)] == [0, 0, 0]
        assert [number for _, number in held(server).values()] == [3]


@only_sqlite
def test_nothing_is_adopted_while_somebody_is_at_work_by_that_store_and_they_are_refused_like_all_others(
    ground: Ground,
) -> None:
    first, second = ground.side("first", ground.store), ground.side("second", ground.other)
    assert second.apply().code == 0
    assert first.apply().code == errors.LOCKED  # its store is there now
    found: list[Result] = []
    with Pausing(ground.server.url) as proxy:
        at_work = ground.side("third", ground.other, proxy.url)

        def adopt() -> bool:
            found.extend(side.gatectl("lock", "adopt", "--yes") for side in (first, second))
            return True

        proxy.pause_at_first("POST /bucket", adopt)
        refused = at_work.gatectl("apply", "--yes", *ELSEWHERE)
    assert [each.code for each in found] == [0, errors.LOCKED] and "another apply is writing" in found[1].err
    assert (
        refused.code == errors.LOCKED
        and "FENCE_OF_ANOTHER_STORE" in refused.out
        and "gatectl lock adopt" in refused.out
    )
    assert ("default", "third") not in ground.server.names("bucket")


@only_sqlite
@pytest.mark.parametrize(
    ("store", "words"),
    [(None, "several machines share"), ("none", "several machines share"), ("new", "there is no store of records yet")],
)
def test_only_a_store_that_is_there_and_that_others_have_too_is_adopted(
    ground: Ground, store: str | None, words: str
) -> None:
    side = ground.side("first", ground.store if store == "new" else store)
    refused = side.gatectl("lock", "adopt", "--yes")
    assert refused.code == errors.USAGE and words in refused.err and held(ground.server) == {}


class Ignorant(Proxy):
    """A platform that knows of no leases, as the real one does."""

    def answer(self, asked: Asked) -> Answer | None:
        if asked.path.startswith("/gatectl"):
            return Answer(404, b"<!DOCTYPE html><title>no such page</title>", {"Content-Type": "text/html"})
        return self.forward(asked)


@only_sqlite
def test_a_platform_that_goes_by_no_leases_says_so(ground: Ground) -> None:
    with Ignorant(ground.server.url) as proxy:
        side = ground.side("first", ground.store, proxy.url)
        assert side.apply().code == 0
        refused = side.gatectl("lock", "adopt", "--yes")
    assert refused.code == errors.FAILED and "goes by no leases" in refused.err


def test_adopting_asks_on_a_terminal_and_names_what_it_is_about(shell: Shell, tmp_path: Path) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    connection = Connection("embedded", shell.folder)
    with closing(driver_for("embedded").open_heeding(connection)) as heeding:
        (workspace,) = heeding.heeded()
        heeding.adopt(Fences("some-store", {workspace: 7, "": 2}))
    refused = shell("apply", "--yes")
    assert shell("plan").code == 0 and refused.code == 0, "nothing is to be written, so nobody asks whose leases count"
    assert shell("lock", "adopt", "nowhere", "--yes").code == errors.USAGE
    code, shown = on_terminal(shell, "lock", "adopt", answer="y\n")
    assert code == 1 and "in the platform itself, workspace default, instead of those of the store some-store?" in shown
    assert shell("lock", "adopt", "--of-platform", "--yes").out.endswith("count on embedded in the platform itself.\n")
    assert on_terminal(shell, "lock", "adopt", answer="yes\n")[0] == 0
    with closing(driver_for("embedded").open_heeding(connection)) as heeding:
        assert {each.number for each in heeding.heeded().values()} == {8, 3}


# The client


def remote_connection(server: Server, told: list[str]) -> Connection:
    login = Credentials(email=EMAIL, password=Secret(PASSWORD))
    return Connection(server.url, Path("/"), "OPENAI", login, named=True, tell=told.append)


@only_sqlite
def test_more_leases_than_a_request_can_name_are_not_told_and_that_is_said(ground: Ground) -> None:
    said: list[str] = []
    connection = remote_connection(ground.server, said)
    with closing(driver_for(ground.server.url).open_writer(connection)) as writer:
        writer.hold_to(Fences("s", {f"w{number}": 1 for number in range(MOST + 1)}))
        writer.create("workspace", {"name": "one"})
        assert len(said) == 1 and "101 leases" in said[0] and held(ground.server) == {}
        writer.hold_to(Fences("s", {f"w{number}": 1 for number in range(MOST)}))
        writer.create("workspace", {"name": "two"})
        assert len(held(ground.server)) == MOST


@only_sqlite
def test_what_the_platform_refuses_because_of_leases_is_told_apart(ground: Ground) -> None:
    connection = remote_connection(ground.server, [])
    with closing(driver_for(ground.server.url).open_writer(connection)) as writer:
        for store, number, error in (("s", 5, None), ("s", 4, errors.LeaseLost), ("t", 9, errors.OtherStore)):
            writer.hold_to(Fences(store, {"": number}))
            if error is None:
                writer.create("workspace", {"name": "w"})
                continue
            with pytest.raises(error):
                writer.create("workspace", {"name": "w"})
