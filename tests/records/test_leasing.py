"""How leases are held: renewed while that lasts, lost when they lapse, taken over when nobody renews them, and never by two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gatectl import api, errors
from gatectl.api.estate import Estate
from gatectl.applying import holders
from gatectl.applying.leasing import Leasing, Terms, Way, let_go
from gatectl.clock import Clock
from gatectl.model import Outcome
from gatectl.records import open_leases, read_leases
from gatectl.records.leases import Holder
from leaping import Leaping
from records.conftest import Place
from records.object_servers import Google
from sites import TWO

ELSEWHERE = Holder("ann", "desk", "boot-1", "pid:[1]", 7, 70, "20260131T101530123Z-00000000", "https://ci.example/1")
HERE = ELSEWHERE._replace(user="bob", host="laptop", run="20260131T101540123Z-00000000")
WORKSPACE = {"w-1": "analytics"}
QUIET = Terms(beat=1e9)
"""Of somebody who never renews: a process that is stopped, or gone."""
SOME = pytest.mark.parametrize("place", ["sqlite", "gs"], indirect=True)


@pytest.fixture
def clock() -> Leaping:
    return Leaping()


Make = Callable[..., Leasing]


@pytest.fixture
def make(place: Place, clock: Leaping) -> Iterator[Make]:
    """Leases of a store, held by somebody, by a clock that all go by."""
    made: list[Leasing] = []

    def hold(holder: Holder, terms: Terms = Terms(), patience: float = 90, own: Clock | None = None) -> Leasing:  # noqa: B008
        store = open_leases(place.connection._replace(clock=clock.clock))
        made.append(Leasing(Way(store, "o-1", holder, own or clock.clock, patience), terms))
        return made[-1]

    yield hold
    for each in made:
        each.release()


def number(leasing: Leasing) -> int:
    assert leasing.fences is not None
    return leasing.fences.numbers["w-1"]


@SOME
def test_a_lease_is_renewed_while_somebody_is_at_work_and_free_when_it_was_let_go_of(
    make: Make, clock: Leaping
) -> None:
    first, second = make(ELSEWHERE), make(HERE)
    assert first.take(WORKSPACE) and not first.take(WORKSPACE)
    for _ in range(6):
        clock.leap(30)
        first.check()
    first.release()
    before = clock.now()
    assert second.take(WORKSPACE) and number(second) == 2
    assert clock.now() - before < 1


@SOME
def test_a_lease_that_nobody_renews_is_taken_over_when_it_is_over_and_its_holder_writes_no_more(
    make: Make, clock: Leaping, place: Place
) -> None:
    stopped, second = make(ELSEWHERE, QUIET), make(HERE)
    stopped.take(WORKSPACE)
    stopped.check()
    before = clock.now()
    second.take(WORKSPACE)
    assert 60 <= clock.now() - before <= 90 and number(second) == 2
    assert place.scheme != "sqlite:///" or clock.now() - before < 62
    with pytest.raises(errors.LeaseLost):
        stopped.check()
    stopped.beat()
    with pytest.raises(errors.LeaseLost):
        stopped.check()
    second.check()


@SOME
def test_a_lease_that_lapsed_is_not_renewed_though_nobody_took_it(make: Make, clock: Leaping) -> None:
    mine = make(ELSEWHERE)
    mine.take(WORKSPACE)
    clock.leap(61)
    with pytest.raises(errors.LeaseLost, match="lapsed"):
        mine.check()
    with pytest.raises(errors.LeaseLost):
        mine.check(0)


@SOME
def test_no_write_is_begun_with_less_of_a_lease_than_it_needs(make: Make, clock: Leaping) -> None:
    mine = make(ELSEWHERE, QUIET)
    mine.take(WORKSPACE)
    clock.leap(44)
    mine.check()
    clock.leap(2)
    mine.check(10)
    with pytest.raises(errors.LeaseLost):
        mine.check()


@SOME
def test_a_holder_who_renews_is_waited_for_a_moment_and_named(make: Make, clock: Leaping) -> None:
    first = make(ELSEWHERE)
    first.take(WORKSPACE)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        first.check()

    second = make(HERE, own=clock.clock._replace(sleep=sleep))
    before = clock.now()
    with pytest.raises(errors.PlatformLocked, match=r"workspace analytics: ann@desk since .*, run .*, https://ci"):
        second.take(WORKSPACE)
    assert clock.now() - before < 25
    first.check()
    assert number(first) == 1


@SOME
def test_that_somebody_else_has_it_by_now_is_no_renewal(make: Make, clock: Leaping) -> None:
    """Several who hold it for a moment each, one after the other: whoever waits gives up on none of them for not ending."""
    first, second = make(ELSEWHERE), make(ELSEWHERE)
    first.take(WORKSPACE)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        slept.append(seconds)
        if len(slept) == 2:
            first.release()
            second.take(WORKSPACE)
        if len(slept) == 4:
            second.release()

    third = make(HERE, Terms(busy=0.0), own=clock.clock._replace(sleep=sleep))
    assert third.take(WORKSPACE)
    assert number(third) == 3


@SOME
def test_who_does_not_want_to_wait_does_not(make: Make, clock: Leaping) -> None:
    make(ELSEWHERE).take(WORKSPACE)
    with pytest.raises(errors.PlatformLocked):
        make(HERE, patience=0).take(WORKSPACE)
    assert clock.slept == []


@SOME
def test_a_holder_of_this_machine_that_is_dead_is_not_waited_for(make: Make, clock: Leaping) -> None:
    me = holders.holder_of("ann", "desk", "r-1", None)
    if me.started is None:
        pytest.skip("this machine does not tell of processes")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        dying = me._replace(pid=process.pid, started=holders._began(process.pid))
        make(dying, QUIET).take(WORKSPACE)
        with pytest.raises(errors.PlatformLocked):
            make(me, patience=0).take(WORKSPACE)
        assert not holders.is_dead(dying, me._replace(namespace="pid:[other]"))
        process.kill()
        process.wait()
    second = make(me, patience=0)
    second.take(WORKSPACE)
    assert number(second) == 2


@SOME
def test_a_lease_that_is_let_go_of_for_its_holder_is_lost_and_the_next_has_a_higher_number(
    make: Make, clock: Leaping, place: Place
) -> None:
    mine = make(ELSEWHERE)
    mine.take(WORKSPACE)
    clock.leap(10)
    mine.beat()
    with closing(open_leases(place.connection._replace(clock=clock.clock))) as store:
        with pytest.raises(errors.PlatformLocked, match="not any more as it was seen"):
            let_go(store, "o-1", "w-1", 7)
        assert let_go(store, "o-1", "w-1", 1) == 2
        with pytest.raises(errors.PlatformLocked):
            let_go(store, "o-1", "w-1", 2)
    mine.beat()
    with pytest.raises(errors.LeaseLost, match="somebody else took it"):
        mine.check()
    second = make(HERE, patience=0)
    second.take(WORKSPACE)
    assert number(second) == 3


@pytest.mark.parametrize("place", ["gs"], indirect=True)
def test_while_the_store_is_away_a_lease_lasts_for_as_long_as_it_did_before(
    make: Make, clock: Leaping, google: Google
) -> None:
    mine = make(ELSEWHERE)
    mine.take(WORKSPACE)
    google.refuses = 403
    clock.leap(30)
    mine.check()
    clock.leap(10)
    mine.check()
    google.refuses = 0
    mine.check()
    google.refuses = 403
    clock.leap(46)
    with pytest.raises(errors.LeaseLost):
        mine.check()
    with pytest.raises(errors.PlatformError):
        make(HERE).take({"w-2": "other"})
    google.refuses = 0


# Applies

SECRETS = {"KEY": "AKIAABCDEFGHIJKLMNOP", "SECRET": "x" * 40}


def estate(folder: Path, name: str, clock: Clock, platform: str) -> Estate:
    place = folder / name
    (place / "manifests").mkdir(parents=True, exist_ok=True)
    (place / "manifests/all.yaml").write_text(TWO.format(name=name))
    made = api.open(place, platform=platform)
    made._clock = clock
    return made


@pytest.mark.parametrize("woken", [True, False], ids=["that-knows", "between-its-look-and-its-write"])
def test_an_apply_that_was_paused_past_its_lease_writes_nothing_more(tmp_path: Path, woken: bool) -> None:
    """SIGSTOP, without the waiting: one clock stands while the other has gone on."""
    platform, mine, theirs = f"sqlite:///{tmp_path}/site.db", Leaping(), Leaping()
    theirs.leap(100)
    first, second = (
        estate(tmp_path, "one", mine.clock, platform),
        estate(tmp_path, "two", theirs.clock, platform),
    )
    done: list[int] = []

    def pause(outcome: Outcome) -> None:
        if not done:
            done.append(second.apply(secrets=SECRETS).exit_code)
            mine.leap(100 if woken else 0)

    receipt = first.apply(on_event=pause, secrets=SECRETS)
    assert done == [0] and receipt.exit_code == 7
    words = [outcome["error"]["code"] for outcome in receipt.document["outcomes"] if outcome["error"]]
    assert words == [] or words == ["lease_lost"]
    written = "".join(second.export().values())
    assert ("kind: Repository" in written, "name: one" in written) == (True, True) and written.count(
        "kind: Repository"
    ) == 1
    first.close()
    second.close()


def test_two_applies_hold_the_leases_of_what_they_touch_and_let_go_of_them(tmp_path: Path) -> None:
    platform, clock = f"sqlite:///{tmp_path}/site.db", Leaping()
    first, second = (estate(tmp_path, name, clock.clock, platform) for name in ("one", "two"))
    found: list[str] = []

    def look(outcome: Outcome) -> None:
        with suppress(errors.PlatformLocked):
            second.apply(lock_timeout=0, secrets=SECRETS)
            found.append("both")
        found.append("locked")

    assert first.apply(on_event=look, secrets=SECRETS).exit_code == 0 and set(found) == {"locked"}
    assert second.apply(lock_timeout=0, secrets=SECRETS).exit_code == 0
    with first._connected(first._request(None)) as connect:
        connection = connect()
        with closing(read_leases(connection)) as leases:
            held = leases.all(leases.instance or "")
    assert [(each.free, each.lease.fence) for each in held] == [(True, 2)]
    assert held[0].lease.holder.pid == os.getpid()
    first.close()
    second.close()
