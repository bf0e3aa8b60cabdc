"""One suite for every store of leases: who is at it now, told the same wherever that is kept.

A new store is one name of `conftest.STORES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest

from gatectl.applying.leasing import let_go
from gatectl.errors import PlatformError
from gatectl.records import open_leases, read_leases
from gatectl.records.leases import Holder, Lease, Leases, Seen
from leaping import Leaping
from records.conftest import OBJECTS, Place
from records.object_servers import Google

HERE = "o-1"
ANN = Holder("ann", "desk", "boot", "pid:[1]", 7, 70, "20260131T101530123Z-00000000", "https://ci.example/1")


def lease(workspace: str = "w-1", fence: int = 1, token: str = "t", seconds: float = 60.0, *, released: bool = False) -> Lease:  # fmt: skip
    return Lease(workspace, fence, ANN, "2026-01-31T10:15:30.123Z", "", seconds, token, released)


@pytest.fixture
def clock() -> Leaping:
    return Leaping()


@pytest.fixture
def leases(place: Place, clock: Leaping) -> Iterator[Leases]:
    with closing(open_leases(place.connection._replace(clock=clock.clock))) as found:
        yield found


def told(seen: Seen | None) -> Lease:
    assert seen is not None
    return seen.lease._replace(until="")


def test_a_lease_is_there_for_everybody_as_it_was_taken(leases: Leases, place: Place) -> None:
    assert leases.look(HERE, "w-1") is None and leases.all(HERE) == []
    taken = [told(leases.put(HERE, lease(each), None)) for each in ("w-1", "", "é/../x")]
    with closing(read_leases(place.connection)) as reader:
        assert [told(reader.look(HERE, each.workspace)) for each in taken] == taken
        assert [told(each) for each in reader.all(HERE)] == [taken[1], taken[0], taken[2]]
        assert reader.all("o-2") == [] and reader.look("o-2", "w-1") is None
        assert reader.instance == leases.instance is not None


def test_what_reads_leases_creates_nothing_and_has_no_way_to_take_one(place: Place) -> None:
    before = sorted(place.connection.folder.iterdir())
    with closing(read_leases(place.connection)) as reader:
        assert reader.look(HERE, "w-1") is None and reader.all(HERE) == []
    assert sorted(place.connection.folder.iterdir()) == before


def test_of_all_who_take_a_lease_at_one_moment_one_does(place: Place, leases: Leases) -> None:
    before = leases.put(HERE, lease(released=True), None)
    won: list[str] = []

    def take(token: str) -> None:
        with closing(open_leases(place.connection)) as mine:
            if mine.put(HERE, lease(fence=2, token=token), before) is not None:
                won.append(token)

    threads = [Thread(target=take, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [told(leases.look(HERE, "w-1")).token]


CUT = (b"", b"{}", b'{"format": 2, "nonce": "x", "lease": {}}', b'{"format": 1, "nonce": "x", "lease": {"fence": 0}}')


@pytest.mark.parametrize("place", ["gs"], indirect=True)
def test_a_lease_that_was_cut_or_written_by_hand_is_an_error_that_names_it(
    place: Place, leases: Leases, google: Google
) -> None:
    assert leases.put(HERE, lease(), None) is not None
    (key,) = [key for key in google.objects if key.endswith("lease.json")]
    for content in CUT:
        google.objects[key] = (content, google.objects[key][1] + 1)
        with pytest.raises(PlatformError, match=r"leases/o-1/w-1/lease\.json"):
            leases.look(HERE, "w-1")
        assert google.objects[key][0] == content


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
def test_a_lease_whose_number_no_database_has_room_for_is_an_error_and_not_counted_on_from(
    leases: Leases, number: int
) -> None:
    with pytest.raises(PlatformError):
        leases.put(HERE, lease(fence=number), None)
        leases.look(HERE, "w-1")


def test_after_the_last_number_there_is_none(leases: Leases) -> None:
    last = told(leases.put(HERE, lease(fence=2**31 - 1), None))
    with pytest.raises(PlatformError, match="no number comes after"):
        let_go(leases, HERE, "w-1", last.fence)
    assert told(leases.look(HERE, "w-1")) == last


def test_what_was_not_seen_is_not_replaced(leases: Leases) -> None:
    first = leases.put(HERE, lease(), None)
    assert first is not None and leases.put(HERE, lease(token="other"), None) is None
    second = leases.put(HERE, lease(fence=2, token="other"), first)
    assert second is not None and leases.put(HERE, lease(fence=3), first) is None
    assert told(leases.look(HERE, "w-1")) == told(second)


def test_a_lease_is_renewed_by_its_holder_alone(leases: Leases, clock: Leaping) -> None:
    first = leases.put(HERE, lease(), None)
    assert first is not None
    clock.leap(30)
    renewed = leases.renew(HERE, first)
    assert renewed is not None and renewed.version != first.version and told(renewed) == told(first)
    again = leases.renew(HERE, first)  # as after a renewal whose answer was lost
    assert again is not None
    taken = leases.put(HERE, lease(fence=2, token="other"), again)
    assert taken is not None and leases.renew(HERE, again) is None
    assert told(leases.look(HERE, "w-1")) == told(taken)


def test_a_lease_that_was_let_go_of_stays_with_its_number_and_is_not_renewed(leases: Leases) -> None:
    mine = leases.put(HERE, lease(fence=5), None)
    assert mine is not None and not mine.free
    gone = leases.put(HERE, mine.lease._replace(released=True), mine)
    assert gone is not None and gone.free and gone.lease.fence == 5
    assert leases.renew(HERE, mine) is None
    found = leases.look(HERE, "w-1")
    assert found is not None and found.free and found.lease.fence == 5


def test_a_lease_that_lapsed_by_the_clock_of_its_store_is_renewed_by_nobody(leases: Leases, place: Place) -> None:
    mine = leases.put(HERE, lease(seconds=0), None)
    assert mine is not None
    found = leases.look(HERE, "w-1")
    assert found is not None
    if place.scheme.startswith(OBJECTS):
        assert found.lapsed is None, "a bucket has no clock"
        return
    assert found.free and leases.renew(HERE, mine) is None
    assert leases.put(HERE, lease(fence=2), found) is not None
