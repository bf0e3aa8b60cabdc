"""A write to PostgreSQL whose end nobody is told: kept or not, it is never said that it was not sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatectl.clock import CLOCK, Clock
from gatectl.errors import DeadlinePassed, PlatformError, Uncertain, Unreachable
from gatectl.platforms.embedded import open_reader, open_writer
from gatectl.platforms.interface import Connection
from leaping import Leaping

from .losing import Losing

WORKSPACE = {"name": "another"}
COMMIT = b"COMMIT\0"
"""The whole statement: the level of isolation is called COMMITTED."""


@pytest.fixture
def proxy(postgresql_url: str) -> Iterator[Losing]:
    open_writer(Connection(postgresql_url, Path("/"), named=True)).close()  # the database is made, which commits too
    with Losing(urlsplit(postgresql_url).port or 0) as proxy:
        yield proxy


DEADLINE = 60


def through(proxy: Losing, url: str, clock: Clock | None = None) -> Connection:
    """The server behind the proxy, until the deadline by a clock, where there is one."""
    port = urlsplit(url).port
    ends = None if clock is None else clock.now() + DEADLINE
    target = url.replace(f":{port}/", f":{proxy.port}/")
    return Connection(target, Path("/"), named=True, ends=ends, clock=clock or CLOCK)


def created(proxy: Losing, url: str, clock: Clock | None = None) -> PlatformError:
    """What the creation of a workspace through the proxy raises."""
    writer = open_writer(through(proxy, url, clock))
    with pytest.raises(PlatformError) as caught:
        writer.create("workspace", WORKSPACE)
    assert proxy.lost
    return caught.value


def names(url: str) -> set[str]:
    reader = open_reader(Connection(url, Path("/"), named=True))
    found = {item["name"] for item in reader.list("workspace")}
    reader.close()
    return found


@pytest.mark.parametrize("asked", [True, False])
def test_a_commit_that_the_deadline_cuts_may_have_been_done(proxy: Losing, postgresql_url: str, asked: bool) -> None:
    time = Leaping()
    proxy.lose(COMMIT, asked=asked, hung_up=False, then=lambda: time.leap(DEADLINE))
    error = created(proxy, postgresql_url, time.clock)
    assert isinstance(error, Uncertain) and not error.settled
    assert "its answer to COMMIT did not come (the deadline passed)" in error.message
    assert ("another" in names(postgresql_url)) == asked


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("limited", [True, False])
def test_a_commit_at_which_the_connection_ends_may_have_been_done(
    proxy: Losing, postgresql_url: str, asked: bool, limited: bool
) -> None:
    proxy.lose(COMMIT, asked=asked, hung_up=True)
    error = created(proxy, postgresql_url, CLOCK if limited else None)
    assert isinstance(error, Uncertain) and not error.settled
    assert ("another" in names(postgresql_url)) == asked


@pytest.mark.parametrize(("hung_up", "kind"), [(False, DeadlinePassed), (True, Unreachable)])
def test_what_ends_before_its_commit_was_certainly_not_done(
    proxy: Losing, postgresql_url: str, hung_up: bool, kind: type[PlatformError]
) -> None:
    time = Leaping()
    then = (lambda: None) if hung_up else (lambda: time.leap(DEADLINE))
    proxy.lose(b"INSERT INTO workspaces", asked=True, hung_up=hung_up, then=then)
    assert type(created(proxy, postgresql_url, None if hung_up else time.clock)) is kind
    assert "another" not in names(postgresql_url)


WRITE = b"INSERT INTO workspaces"


def apply(folder: Path, url: str, *options: str) -> tuple[int, Any]:
    """An apply of one workspace, in a process of its own: its exit code and its receipt."""
    text = "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: another}\n"
    (folder / "all.yaml").write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATECTL_")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-m", "gatectl", "--platform", url, "apply", "--yes", "--format", "json", *options],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_an_apply_looks_for_what_it_was_not_answered(proxy: Losing, postgresql_url: str, tmp_path: Path) -> None:
    proxy.lose(COMMIT, after=WRITE, asked=True, hung_up=True)
    code, receipt = apply(tmp_path, through(proxy, postgresql_url).target)
    assert (code, receipt["converged"], proxy.lost) == (0, True, True)
    assert [outcome["status"] for outcome in receipt["outcomes"]] == ["done"]


def test_an_apply_looks_for_a_lease_that_it_was_not_answered(
    proxy: Losing, postgresql_url: str, tmp_path: Path
) -> None:
    proxy.lose(COMMIT, after=b"INSERT INTO leases", asked=True, hung_up=True)
    code, receipt = apply(tmp_path, through(proxy, postgresql_url).target)
    assert (code, receipt["converged"], proxy.lost) == (0, True, True)


def test_an_apply_that_cannot_look_says_that_it_may_have_written(
    proxy: Losing, postgresql_url: str, tmp_path: Path
) -> None:
    proxy.lose(COMMIT, after=WRITE, asked=True, hung_up=True, for_good=True)
    code, receipt = apply(tmp_path, through(proxy, postgresql_url).target)
    (outcome,) = receipt["outcomes"]
    assert (code, outcome["status"], outcome["error"]["code"]) == (7, "unknown", "timeout")
    assert "another" in names(postgresql_url)
