"""A store that is away, full, or answers with nothing, from any request of an apply on, for a while or for good: no object twice, none
lost, none without an owner, no wrong record, and `apply` again converges.

`GATECTL_POINTS=1 pytest tests/records/test_ailing.py` is the long run: at each request there is.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import forking
from cli.conftest import Shell, shell
from gatectl.platforms.interface import Connection
from records.converging import NAMES, VARIABLES, aimed, apply_of, check_converges, declare, objects
from records.object_servers import Google
from serving import Server

__all__ = ["shell"]  # pytest finds the fixtures here

REQUESTS = 40
"""About as many as an apply here makes of its store."""
SHORTLY, FOR_GOOD = 2, 10_000
CODES = (0, 7, 8, 10)


class Ailing(NamedTuple):
    """What the store has, from which of its requests on, and for how many."""

    trouble: str
    at: int
    lasts: int
    platform: str
    apply: str


def ailings() -> list[Ailing]:
    chance = random.Random(7)
    found = [
        Ailing(trouble, at, lasts, ("embedded", "http")[(at + lasts) % 2], ("first", "second")[at // 2 % 2])
        for trouble in ("away", "full", "lost", "failed")
        for at in range(REQUESTS)
        for lasts in (SHORTLY, FOR_GOOD)
    ]
    return found if os.environ.get("GATECTL_POINTS") else chance.sample(found, 16)


@pytest.fixture
def site(
    request: pytest.FixtureRequest, shell: Shell, tmp_path: Path, google: Google, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Shell, Connection, Ailing]]:
    ailing: Ailing = request.param
    bucket = google.bucket("remembered")
    for name, value in {**VARIABLES, **bucket.variables, "GATECTL_RECORDS": bucket.url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)
    if ailing.platform == "http":
        with Server(tmp_path / "elsewhere") as server:
            monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", server.url.partition("://")[2])
            yield *aimed(shell, server.url, bucket.url), ailing
    else:
        yield *aimed(shell, "embedded", bucket.url), ailing


@pytest.mark.parametrize("site", ailings(), indirect=True, ids=lambda ailing: "-".join(map(str, ailing)))
def test_a_store_that_ails_loses_nothing_doubles_nothing_and_records_nothing_wrong(
    site: tuple[Shell, Connection, Ailing], google: Google
) -> None:
    shell, connection, ailing = site
    declare(shell, ailing.apply)
    google.ails = ails_from(len(google.asked) + ailing.at, ailing)
    done = forking.run(apply_of(ailing.apply), shell.folder, os.environ)
    google.ails = lambda number: None
    assert done.code in CODES, done
    assert "Traceback" not in done.err + done.out
    found = objects(connection)
    assert len(found) == len(set(found)), found
    if done.code == 0:
        assert found == sorted(NAMES[ailing.apply])
    check_converges(shell, connection, ailing.apply)


def ails_from(first: int, ailing: Ailing) -> Callable[[int], str | None]:
    return lambda number: ailing.trouble if first <= number < first + ailing.lasts else None
