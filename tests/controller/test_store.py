"""What processes know of each other and of targets: on a file and on a server, and with many at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from gatectl.controller.approving import Approval, sign
from gatectl.controller.budgets import pace_of
from gatectl.controller.deciding import IN_SYNC, Condition
from gatectl.controller.store import Kept, Seen, Store
from gatectl.errors import GatectlError, PlatformError
from platforms.postgresql_server import Server, postgresql_server

__all__ = ["postgresql_server"]

KEY = bytes(32)
SEEN = Seen(IN_SYNC, (IN_SYNC,), "c" * 40, "sha256:1")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'below' / 'controller.db'}"
    server: Server = request.getfixturevalue("postgresql_server")
    return server.url(server.new_database())


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with closing(Store(address)) as store:
        yield store


def at_once(number: int, what: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(what, range(number)))


# Targets


def test_a_target_that_is_asked_for_during_a_look_is_looked_at_once_more(store: Store) -> None:
    store.want(["a"])
    begun = store.begin("a")
    store.want(["a"])
    store.want(["a"])
    assert store.finish("a", begun, SEEN), "a push came during the look"
    assert not store.finish("a", store.begin("a"), SEEN)


def test_nothing_that_is_asked_for_is_lost_by_many_at_once(store: Store, address: str) -> None:
    at_once(8, lambda _: store.want(["a", "b"]))
    with closing(Store(address)) as other:
        other.want(["a"])
    assert {each.name: each.wanted for each in store.known()} == {"a": 9, "b": 8}


def test_a_state_is_kept_with_since_when(store: Store) -> None:
    store.want(["a"])
    failed = Seen(Condition("failed", "away"), (Condition("failed", "away"), Condition("pending")), "c" * 40)
    for number in (1, 2):
        store.finish("a", 1, failed)
        (known,) = store.known()
        assert (known.state, known.failures, known.conditions) == (failed.state, number, failed.conditions)
    since = known.since
    store.finish("a", 1, SEEN)
    (known,) = store.known()
    assert (known.state, known.failures, known.fingerprint) == (IN_SYNC, 0, "sha256:1")
    assert since is not None and known.since is not None and known.looked is not None
    assert since <= known.since <= known.looked <= store.now()
    store.finish("a", 1, SEEN)
    assert store.known()[0].since == known.since


def test_targets_are_paused_by_somebody_and_forgotten_when_they_leave(store: Store) -> None:
    store.want(["a", "b"])
    assert store.pause("a", "ana") and not store.pause("none", "ana")
    assert [each.paused for each in store.known()] == ["ana", None]
    store.pause("a", None)
    store.forget(["b"])
    assert [(each.name, each.paused) for each in store.known()] == [("a", None)]
    assert not store.finish("b", 1, SEEN), "who comes late brings none back"


# Workers


def test_who_says_nothing_is_buried_by_one_and_does_not_come_back(store: Store, address: str) -> None:
    store.join("late", "host")
    store.join("there", "host")
    assert store.bury(20) == []
    with create_engine(address.replace("postgresql://", "postgresql+psycopg://")).begin() as connection:
        connection.execute(text("UPDATE gatectl_workers SET beat = beat - 21000 WHERE id = 'late'"))
    told = at_once(6, lambda _: store.bury(20))
    assert sorted(map(str, told)) == sorted(map(str, [["late"], *[[]] * 5]))
    assert not store.beat("late") and store.beat("there")
    assert store.workers() == {"there"}
    store.leave("there")
    assert store.workers() == frozenset()


# Requests


def test_processes_share_what_a_platform_bears(store: Store) -> None:
    """All at once: one lot, whoever asks; the others are told when to come again."""
    taken = at_once(8, lambda _: store.take("https://x", 1, urgent=True))
    lots = [each for each in taken if each.lot is not None]  # type: ignore[attr-defined]
    assert len(lots) == 1
    assert store.take("https://other", 20, urgent=False).lot is not None
    assert pace_of(1).apart == 1


# Approvals


def approval(target: str = "a", **more: object) -> Approval:
    return Approval(target, "c" * 40, "sha256:1", "sha256:2", "ana", "command", 1, 2)._replace(**more)


def kept(said: Approval) -> Kept:
    return Kept(said, sign(KEY, said), "{}")


def test_an_approval_is_used_by_one(store: Store) -> None:
    one = kept(approval(allow=("deletes=1",), reason="seen"))
    store.keep(one)
    store.keep(one)
    store.keep(kept(approval("b")))
    assert store.approvals("a") == [one]
    assert sorted(map(bool, at_once(6, lambda _: store.use(one.mac)))) == [False] * 5 + [True]
    assert store.approvals("a") == []
    store.keep(one)
    assert store.approvals("a") == [], "what was used stays so"


def test_approvals_that_are_over_are_deleted(store: Store) -> None:
    store.keep(kept(approval(until=4_000_000_000)))
    store.keep(kept(approval("b")))
    assert store.sweep(3600) == 1
    assert store.approvals("b") == [] and len(store.approvals("a")) == 1


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda each: st.lists(each, max_size=11),
    max_leaves=15,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=st.text(max_size=20) | ODD.map(json.dumps))
def test_a_row_that_somebody_planted_is_no_approval(said: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = f"sqlite:///{tmp_path_factory.mktemp('store') / 'c.db'}"
    with closing(Store(place)) as store:
        with create_engine(place).begin() as connection:
            connection.execute(
                text("INSERT INTO gatectl_approvals (mac, target, said, plan) VALUES ('m', 'a', :said, '')"),
                {"said": said},
            )
            connection.execute(
                text(
                    "INSERT INTO gatectl_targets (name, wanted, done, failures, conditions) VALUES ('t', 1, 0, 0, :said)"
                ),
                {"said": said},
            )
        assert store.approvals("a") == []
        assert [each.name for each in store.known()] == ["t"]


# The database


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(GatectlError) as told:
        Store("postgresql://me:hush-hush@127.0.0.1:9/x")
    assert "hush" not in str(told.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(PlatformError):
        Store(f"sqlite:///{tmp_path / 'folder'}")
