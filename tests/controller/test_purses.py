"""The budget of requests is kept by all who send: what is sent to a platform over HTTP, whoever sends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from controller.sites import NOW, Site, bucket, repository, workspace
from gatectl.controller.database import Database
from gatectl.controller.measures import Measures
from gatectl.controller.opening import Operator
from gatectl.controller.purses import Purses
from gatectl.controller.reconciling import Turn, reconcile
from gatectl.controller.store import Store
from gatectl.fleet.values import Budget
from gatectl.testing import Served, served
from leaping import Leaping

__all__ = ["served"]

TEAM = (workspace("team"), bucket("raw-events"), repository("data", "team", "raw-events"))


def test_a_lot_is_used_up_here_and_the_next_one_is_asked_for(tmp_path: Path) -> None:
    clock = Leaping()
    with closing(Database(f"sqlite:///{tmp_path / 'c.db'}")) as database:
        store = Store(database)
        purses = Purses([Budget("https://x*", 40.0)], store, Measures(), clock.clock)
        assert purses.of("https://other", urgent=False) is None
        first, other = purses.of("https://x", urgent=True), purses.of("https://x.y", urgent=True)
        assert first is not None and other is not None
        assert [first() for _ in range(4)] == [0.0] * 4, "a tenth of the rate"
        assert 0 < first() <= 1.0
        assert other() == 0.0, "each platform has its own"
        theirs = Purses([Budget("https://x*", 40.0)], store, Measures(), clock.clock).of("https://x", urgent=True)
        assert theirs is not None and theirs() > 0, "another process shares it"


def test_a_lot_that_was_not_used_within_a_second_is_none_any_more(tmp_path: Path) -> None:
    clock = Leaping()
    with closing(Database(f"sqlite:///{tmp_path / 'c.db'}")) as database:
        allowed = Purses([Budget("*", 10_000.0)], Store(database), Measures(), clock.clock).of("x", urgent=False)
        assert allowed is not None and allowed() == 0.0
        left = 0
        while allowed() == 0.0 and left < 998:
            left += 1
        clock.clock.sleep(1.1)
        allowed()
        assert left == 998


def test_each_request_of_a_look_is_counted(tmp_path: Path, served: Callable[..., Served]) -> None:
    """Nothing is sent that nobody asked for first, logins and repeated requests too; who has to wait does."""
    platform = served()
    (tmp_path / "token").write_text(platform.token)
    site = Site(tmp_path, platform=platform.url, token={"file": "token"})
    site.platform = platform.url
    answers = iter([0.0, 0.25, 0.25])
    asked: list[float] = []

    def allowed() -> float:
        asked.append(next(answers, 0.0))
        return asked[-1]

    clock = Leaping()
    operator = Operator(site.fleet, site.environ, site.records)
    checkout = site.checkout(*TEAM, environment={"consistency": "0s"})
    done = reconcile(site.target, checkout, operator, Turn(NOW, allowed=allowed, clock=clock.clock))
    assert done.state.state == "in-sync", done.state
    assert asked[:3] == [0.0, 0.25, 0.25] and len(asked) > 10


@pytest.mark.parametrize("urgent", [True, False])
def test_a_third_is_kept_for_what_is_urgent(tmp_path: Path, urgent: bool) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'c.db'}")) as database:
        store = Store(database)
        routine = Purses([Budget("*", 1.0)], store, Measures()).of("x", urgent=False)
        other = Purses([Budget("*", 1.0)], store, Measures()).of("x", urgent=urgent)
        assert routine is not None and other is not None
        assert routine() == 0.0
        wait = store.take("x", 1.0, urgent=urgent).wait
        assert (wait <= 1.0) is urgent, wait
