"""What processes know of each other and of targets: on a file and on a server, and with many at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text, update

from gatectl.controller import tables
from gatectl.controller.approvals import Approvals, Kept
from gatectl.controller.approving import Approval, sign
from gatectl.controller.budgets import pace_of
from gatectl.controller.database import Database
from gatectl.controller.deciding import IN_SYNC, Condition
from gatectl.controller.repositories import Followed, Repositories, is_followed
from gatectl.controller.repositories import sign as sign_head
from gatectl.controller.store import Begun, Placed, Seen, Store
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
def database(address: str) -> Iterator[Database]:
    with closing(Database(address)) as database:
        yield database


@pytest.fixture
def store(database: Database) -> Store:
    made = Store(database)
    made.join("w", "here")
    return made


def at_once(number: int, what: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(what, range(number)))


def place(store: Store, *names: str, commit: str = "c" * 40) -> Sequence[str]:
    return store.place("s", commit, [Placed(name, f"{name}/gatectl.yaml") for name in names], urgent=False)


def begin(store: Store, name: str, worker: str = "w") -> Begun:
    begun = store.begin(name, worker)
    assert begun is not None
    return begun


def look(store: Store, name: str, seen: Seen = SEEN) -> None:
    store.want([name])
    store.finish(begin(store, name), "w", seen)


def late(address: str, table: str, column: str, seconds: int, condition: str = "TRUE") -> None:
    """Something was done so many seconds earlier than it was."""
    where = f"gatectl_controller.{table}" if address.startswith("postgresql") else table
    with create_engine(address.replace("postgresql://", "postgresql+psycopg://")).begin() as connection:
        connection.execute(text(f"UPDATE {where} SET {column} = {column} - {seconds * 1000} WHERE {condition}"))


# Targets


def test_a_target_that_is_asked_for_during_a_look_is_looked_at_once_more(store: Store) -> None:
    assert place(store, "a") == ["a"]
    begun = begin(store, "a")
    store.want(["a"])
    store.want(["a"], urgent=True)
    assert store.finish(begun, "w", SEEN) == (True, True, True), "a push came during the look"
    again = begin(store, "a")
    assert again.urgent and not begun.urgent
    assert store.finish(again, "w", SEEN) == (False, False, False)
    assert store.begin("a", "w") is None, "nothing is asked of it"


def test_a_target_is_looked_at_by_one_who_is_there(store: Store, address: str) -> None:
    store.join("other", "there")
    place(store, "a")
    begun = begin(store, "a", "other")
    assert at_once(4, lambda _: store.begin("a", "w")) == [None] * 4
    late(address, "gatectl_workers", "beat", 21, "id = 'other'")
    assert store.bury(20) == ["other"]
    mine = begin(store, "a")
    assert store.finish(begun, "other", SEEN) == (False, False, False), "who was taken for dead keeps nothing"
    assert store.known()[0].state is None
    store.finish(mine, "w", SEEN)
    assert store.known()[0].state == IN_SYNC


def test_nothing_that_is_asked_for_is_lost_by_many_at_once(store: Store, address: str) -> None:
    place(store, "a", "b")
    at_once(8, lambda _: store.want(["a", "b"]))
    with closing(Database(address)) as other:
        assert Store(other).want(["a", "none"]) == ["a"]
    assert {each.name: each.wanted for each in store.known()} == {"a": 10, "b": 9}


def test_a_commit_is_asked_for_once_and_what_left_is_forgotten(store: Store) -> None:
    assert place(store, "a", "b") == ["a", "b"]
    assert place(store, "a", "b") == [], "the same commit again"
    assert place(store, "b", "d", commit="d" * 40) == ["b", "d"]
    assert [(each.name, each.newest) for each in store.known()] == [("b", "d" * 40), ("d", "d" * 40)]
    store.place("s", "e" * 40, [Placed("s/odd", "", refused="its name is odd")], urgent=True)
    (known,) = store.known()
    assert known.state == Condition("invalid", "its name is odd") and store.begin("s/odd", "w") is None
    assert store.want(["s/odd"]) == [] and store.due(9) == []
    store.keep_to(["other"])
    assert store.known() == []


def test_what_is_due_is_asked_for_once(store: Store, address: str) -> None:
    place(store, "a", "b")
    look(store, "a")
    look(store, "b", SEEN._replace(wait=0.0))
    assert [each.name for each in store.due(9)] == ["b"] and store.due(9) == []
    late(address, "gatectl_targets", "due", 400)
    assert store.due(1) == [("a", True, False)]
    late(address, "gatectl_targets", "asked", 61)
    assert sorted(each.name for each in store.due(9)) == ["a", "b"], "whoever was to look is gone"
    assert {each.name: each.wanted for each in store.known()} == {"a": 3, "b": 3}, (
        "and they are asked for once all the same"
    )


def test_what_waits_is_what_was_asked_for_and_nobody_looks_at(store: Store) -> None:
    place(store, "a", "b")
    assert store.waiting() == 2
    begun = begin(store, "a")
    assert store.waiting() == 1
    store.finish(begun, "w", SEEN)
    assert store.waiting() == 1
    look(store, "b")
    assert store.waiting() == 0


def test_what_somebody_wants_is_due_at_once(store: Store) -> None:
    place(store, "a")
    look(store, "a")
    store.want(["a"], urgent=True)
    assert store.due(9) == [("a", True, True)] and store.due(9) == []


def test_a_look_that_came_to_nothing_is_due_soon(store: Store, address: str) -> None:
    place(store, "a")
    store.drop(begin(store, "a"), "w", 5)
    assert store.due(9) == []
    late(address, "gatectl_targets", "asked", 6)
    assert [each.name for each in store.due(9)] == ["a"]


def test_a_state_is_kept_with_since_when(store: Store) -> None:
    place(store, "a")
    failed = Seen(Condition("failed", "away"), (Condition("failed", "away"), Condition("pending")), "c" * 40)
    for number in (1, 2):
        look(store, "a", failed)
        (known,) = store.known()
        assert (known.state, known.failures, known.conditions) == (failed.state, number, failed.conditions)
        assert known.applied is None
    since = known.since
    look(store, "a")
    (known,) = store.known()
    assert (known.state, known.failures, known.fingerprint, known.applied) == (IN_SYNC, 0, "sha256:1", "c" * 40)
    assert since is not None and known.since is not None and known.looked is not None
    assert since <= known.since <= known.looked <= store.now()
    look(store, "a")
    assert store.known("a")[0].since == known.since
    assert [run.state for run in store.runs("a")] == ["in-sync", "failed"], "what changed nothing is no run to tell of"
    look(store, "a", SEEN._replace(receipt="r1"))
    assert store.runs("a", 1)[0].receipt == "r1"
    assert store.sweep(60) == 0


def test_the_plan_of_a_target_is_kept_until_there_is_none(store: Store) -> None:
    place(store, "a")
    look(store, "a", SEEN._replace(plan="{}"))
    assert store.plan_of("a") == "{}"
    look(store, "a")
    assert store.plan_of("a") is None


def test_targets_that_are_paused_are_not_looked_at(store: Store) -> None:
    place(store, "a", "b")
    assert store.pause("a", "ana") and not store.pause("none", "ana")
    assert [each.paused for each in store.known()] == ["ana", None]
    assert store.begin("a", "w") is None
    store.pause("a", None)
    assert [each.paused for each in store.known()] == [None, None]
    begin(store, "a")


def test_the_newest_fleet_file_is_the_one_that_was_read_last(store: Store) -> None:
    assert store.generation() == 0
    assert [store.enter("one"), store.enter("one"), store.enter("two"), store.enter("one")] == [1, 1, 2, 3]
    assert store.generation() == 3


# Repositories


def test_a_repository_is_looked_at_by_one_and_at_most_once_a_second(
    database: Database, store: Store, address: str
) -> None:
    repositories = Repositories(database)
    repositories.keep_to(["https://x/a", "https://x/b"])
    intervals = {"https://x/a": 300.0, "https://x/b": 300.0}
    looked = at_once(4, lambda _: repositories.claim("w", intervals))
    assert sorted(map(len, looked)) == [0, 0, 0, 2]  # type: ignore[arg-type]
    (mine,) = (each for each in looked if each)
    first, second = mine  # type: ignore[misc]
    head = Followed("c" * 40, "c" * 40, sign_head(KEY, first.url, "main", "c" * 40), "refs/heads/main")
    repositories.ask(first.url)
    repositories.seen(first, "w", {"main": head})
    repositories.found(first, "w", None)
    repositories.found(second, "w", "away")
    assert repositories.claim("w", intervals) == [], "within a second"
    late(address, "gatectl_repositories", "checked", 1)
    assert [each.url for each in repositories.claim("w", intervals)] == [first.url], "a webhook came meanwhile"
    late(address, "gatectl_repositories", "checked", 400)
    assert [each.url for each in repositories.claim("w", intervals)] == [second.url], "the other is looked at"
    known = repositories.all()
    assert (known[first.url].heads, known[second.url].error) == ({"main": head}, "away")
    repositories.keep_to([first.url])
    assert list(repositories.all()) == [first.url]


def test_a_commit_that_was_pushed_by_force_counts_when_somebody_says_so(database: Database, store: Store) -> None:
    repositories = Repositories(database)
    url = "https://x/a"
    repositories.keep_to([url])
    (mine,) = repositories.claim("w", {})
    forced = Followed("a" * 40, "b" * 40, sign_head(KEY, url, "main", "a" * 40), "refs/heads/main")
    repositories.seen(mine, "w", {"main": forced})
    repositories.found(mine, "w", None)
    assert not repositories.accept(url, "main", "c" * 40, KEY) and not repositories.accept(url, "other", "b" * 40, KEY)
    assert repositories.accept(url, "main", "b" * 40, KEY)
    head = repositories.all()[url].heads["main"]
    assert head.commit == "b" * 40 and is_followed(KEY, url, "main", head)
    assert not is_followed(KEY, url, "main", forced._replace(commit="b" * 40)), "a row makes no commit the newest"
    assert repositories.all()[url].asked == 1


# Workers


def test_who_says_nothing_is_buried_by_one_and_does_not_come_back(store: Store, address: str) -> None:
    store.join("late", "host")
    store.join("there", "host")
    assert store.bury(20) == []
    late(address, "gatectl_workers", "beat", 21, "id = 'late'")
    told = at_once(6, lambda _: store.bury(20))
    assert sorted(map(str, told)) == sorted(map(str, [["late"], *[[]] * 5]))
    assert not store.beat("late") and store.beat("there")
    assert set(store.workers()) == {"there", "w"}
    store.leave("there")
    store.leave("w")
    assert store.workers() == {}


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


@pytest.fixture
def approvals(database: Database) -> Approvals:
    return Approvals(database)


def test_an_approval_is_used_by_one(store: Store, approvals: Approvals) -> None:
    one = kept(approval(allow=("deletes=1",), reason="seen"))
    approvals.keep(one)
    approvals.keep(one)
    approvals.keep(kept(approval("b")))
    assert approvals.of("a") == [one]
    place(store, "a")
    assert not approvals.use("a", one.mac, "w"), "nobody looks at the target"
    begun = begin(store, "a")
    assert not approvals.use("a", one.mac, "other"), "somebody else does"
    assert sorted(map(bool, at_once(6, lambda _: approvals.use("a", one.mac, "w")))) == [True] * 6, "the same look"
    assert approvals.of("a") == [] and approvals.of("a", one.mac) == [one]
    store.finish(begun, "w", SEEN)
    store.want(["a"])
    assert begin(store, "a").under is None and not approvals.use("a", one.mac, "w"), "another look"
    approvals.keep(one)
    assert approvals.of("a") == [], "what was used stays so"


def test_who_takes_a_look_over_goes_on_under_its_approval(store: Store, approvals: Approvals, address: str) -> None:
    one = kept(approval())
    approvals.keep(one)
    place(store, "a")
    store.join("other", "there")
    begin(store, "a", "other")
    assert approvals.use("a", one.mac, "other")
    late(address, "gatectl_workers", "beat", 21, "id = 'other'")
    store.bury(20)
    begun = begin(store, "a")
    assert begun.under == one.mac and approvals.of("a", begun.under) == [one]
    assert not approvals.use("a", one.mac, "other") and approvals.use("a", one.mac, "w")


def test_an_approval_under_which_nothing_was_written_is_there_for_another_look(
    store: Store, approvals: Approvals
) -> None:
    one = kept(approval())
    approvals.keep(one)
    place(store, "a")
    begun = begin(store, "a")
    assert approvals.use("a", one.mac, "w")
    approvals.give_back("a", one.mac, "other")
    assert approvals.of("a") == []
    approvals.give_back("a", one.mac, "w")
    store.finish(begun, "w", SEEN)
    assert approvals.of("a") == [one]


def test_approvals_that_are_over_are_deleted(approvals: Approvals) -> None:
    approvals.keep(kept(approval(until=4_000_000_000)))
    approvals.keep(kept(approval("b")))
    assert approvals.sweep(3600) == 1
    assert approvals.of("b") == [] and len(approvals.of("a")) == 1
    approvals.lapse("a", "c" * 40)
    assert len(approvals.of("a")) == 1
    approvals.lapse("a", "d" * 40)
    assert approvals.of("a") == [], "a later commit was applied"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda each: st.lists(each, max_size=11),
    max_leaves=15,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=st.text(max_size=20) | ODD.map(json.dumps))
def test_a_row_that_somebody_planted_is_no_approval(said: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = f"sqlite:///{tmp_path_factory.mktemp('store') / 'c.db'}"
    with closing(Database(place)) as database:
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
        assert Approvals(database).of("a") == []
        assert [each.name for each in Store(database).known()] == ["t"]


# The database


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(GatectlError) as told:
        Database("postgresql://me:hush-hush@127.0.0.1:9/x")
    assert "hush" not in str(told.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(PlatformError):
        Database(f"sqlite:///{tmp_path / 'folder'}")


def test_a_number_that_cannot_be_counted_on_from_is_an_error_in_words(store: Store, database: Database) -> None:
    place(store, "a")
    begun = store.begin("a", "w")
    assert begun is not None
    with database.writing() as connection:
        connection.execute(update(tables.targets).values(failures=2**63 - 1))
    failed = Condition("failed", "for a reason")
    with pytest.raises(PlatformError, match="the controller's database"):
        store.finish(begun, "w", Seen(failed, (failed,)))


def test_a_repository_whose_counts_cannot_be_is_looked_at_all_the_same(store: Store, database: Database) -> None:
    repositories = Repositories(database)
    repositories.keep_to(["/srv/a.git"])
    with database.writing() as connection:
        connection.execute(update(tables.repositories).values(asked=2**63 - 1, done=-5))
    (found,) = repositories.claim("w", {})
    repositories.found(found, "w", None)
    assert repositories.all()["/srv/a.git"].done == 0
