"""A write to PostgreSQL whose end nobody is told: kept or not, it is never said that it was not sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatectl.errors import DeadlinePassed, PlatformError, Uncertain, Unreachable
from gatectl.platforms.embedded import open_reader, open_writer
from gatectl.platforms.interface import Connection

from .losing import Losing

WORKSPACE = {"name": "another"}
COMMIT = b"COMMIT\0"
"""The whole statement: the level of isolation is called COMMITTED."""


@pytest.fixture
def proxy(postgresql_url: str) -> Iterator[Losing]:
    open_writer(Connection(postgresql_url, Path("/"), named=True)).close()  # the database is made, which commits too
    with Losing(urlsplit(postgresql_url).port or 0) as proxy:
        yield proxy


def through(proxy: Losing, url: str, seconds: float | None) -> Connection:
    port = urlsplit(url).port
    ends = None if seconds is None else time.monotonic() + seconds
    return Connection(url.replace(f":{port}/", f":{proxy.port}/"), Path("/"), named=True, ends=ends)


def created(proxy: Losing, url: str, seconds: float | None) -> PlatformError:
    """What the creation of a workspace through the proxy raises."""
    writer = open_writer(through(proxy, url, seconds))
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
    proxy.lose(COMMIT, asked=asked, hung_up=False)
    error = created(proxy, postgresql_url, 3)
    assert isinstance(error, Uncertain) and not error.settled
    assert "its answer to COMMIT did not come (the deadline passed)" in error.message
    assert ("another" in names(postgresql_url)) == asked


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("seconds", [None, 60])
def test_a_commit_at_which_the_connection_ends_may_have_been_done(
    proxy: Losing, postgresql_url: str, asked: bool, seconds: float | None
) -> None:
    proxy.lose(COMMIT, asked=asked, hung_up=True)
    error = created(proxy, postgresql_url, seconds)
    assert isinstance(error, Uncertain) and not error.settled
    assert ("another" in names(postgresql_url)) == asked


@pytest.mark.parametrize(("seconds", "kind"), [(3, DeadlinePassed), (None, Unreachable)])
def test_what_ends_before_its_commit_was_certainly_not_done(
    proxy: Losing, postgresql_url: str, seconds: float | None, kind: type[PlatformError]
) -> None:
    proxy.lose(b"INSERT INTO workspaces", asked=True, hung_up=seconds is None)
    assert type(created(proxy, postgresql_url, seconds)) is kind
    assert "another" not in names(postgresql_url)


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
    proxy.lose(COMMIT, asked=True, hung_up=True)
    code, receipt = apply(tmp_path, through(proxy, postgresql_url, None).target)
    assert (code, receipt["converged"], proxy.lost) == (0, True, True)
    assert [outcome["status"] for outcome in receipt["outcomes"]] == ["done"]


def test_an_apply_that_cannot_look_says_that_it_may_have_written(
    proxy: Losing, postgresql_url: str, tmp_path: Path
) -> None:
    proxy.lose(COMMIT, asked=True, hung_up=True, for_good=True)
    code, receipt = apply(tmp_path, through(proxy, postgresql_url, None).target)
    (outcome,) = receipt["outcomes"]
    assert (code, outcome["status"], outcome["error"]["code"]) == (7, "unknown", "timeout")
    assert "another" in names(postgresql_url)
