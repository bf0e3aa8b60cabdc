"""However many processes ask, and whenever: no second has more than the rate and one lot a process, and what is urgent has its part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.controller.budgets import LAPSES, Lot, State, pace_of, take

RATES = st.floats(0.1, 500)


def taken(rate: float, asked: Sequence[tuple[float, bool]]) -> Iterator[tuple[float, Lot]]:
    """The lots that were given, each with when, to whoever asked at these moments."""
    state = State()
    for now, urgent in asked:
        found = take(state, rate, now, urgent=urgent)
        state = found.state
        if found.lot is not None:
            yield now, found.lot
        else:
            assert found.wait > 0


@st.composite
def asking(draw: st.DrawFn) -> list[tuple[float, bool]]:
    """Moments at which somebody asks, in order, and whether it is urgent."""
    waits = draw(st.lists(st.tuples(st.floats(0, 0.3), st.booleans()), min_size=1, max_size=200))
    moments = itertools.accumulate((wait for wait, _ in waits), initial=1_000.0)
    return [(moment, urgent) for moment, (_, urgent) in zip(moments, waits, strict=False)]


def at_most(rate: float, moments: Sequence[tuple[float, Lot]]) -> None:
    """Whether every second that begins with a lot has the rate at most; of less than one request, one."""
    for start, _ in moments:
        within = sum(lot.requests for now, lot in moments if start <= now < start + 1 - 1e-6)
        assert within <= (math.ceil(rate) if rate < 20 else rate)


@given(RATES, asking())
def test_lots_that_are_taken_within_a_second_are_the_rate_at_most(rate: float, asked: list[tuple[float, bool]]) -> None:
    """What was taken before it and is not used yet is one lot a process at most: a process takes one when it has none."""
    at_most(rate, list(taken(rate, asked)))


@given(RATES)
def test_nor_are_they_more_where_somebody_asks_all_the_time(rate: float) -> None:
    state, now, moments = State(), 1_000.0, []
    while now < 1_003:
        found = take(state, rate, now, urgent=True)
        state, now = found.state, now + found.wait
        moments += [(now, found.lot)] if found.lot is not None else []
    at_most(rate, moments)


@given(RATES)
def test_a_lot_is_about_a_tenth_of_it_and_hardly_anything_is_lost(rate: float) -> None:
    requests, apart = pace_of(rate)
    assert requests == 1 or rate / 25 <= requests <= rate / 10
    assert rate * 0.94 <= requests / apart <= rate * (1 + 1e-9)


@given(RATES, asking())
def test_what_can_wait_has_two_thirds_of_it(rate: float, asked: list[tuple[float, bool]]) -> None:
    given_out = [(now, lot) for now, lot in taken(rate, [(now, False) for now, _ in asked])]
    span = given_out[-1][0] - given_out[0][0]
    assert sum(lot.requests for _, lot in given_out[1:]) <= span * rate * 2 / 3 + 1e-6


@pytest.mark.parametrize("rate", [0.5, 1, 5, 20, 33, 35, 200])
@pytest.mark.parametrize(("urgent", "part"), [(True, 1.0), (False, 2 / 3)])
def test_whoever_asks_when_told_to_gets_all_of_it(rate: float, urgent: bool, part: float) -> None:
    state, now, requests = State(), 0.0, 0
    while now < 60:
        found = take(state, rate, now, urgent=urgent)
        state = found.state
        requests += found.lot.requests if found.lot is not None else 0
        now += found.wait if found.lot is None else 0
    assert requests == pytest.approx(60 * rate * part, rel=0.05, abs=pace_of(rate).requests)


def test_what_is_urgent_waits_for_one_lot_at_most_behind_what_is_not() -> None:
    rate, now, state = 20.0, 0.0, State()
    for _ in range(100):  # a backlog
        found = take(state, rate, now, urgent=False)
        state, now = found.state, now + found.wait
    assert take(state, rate, now, urgent=True).wait <= pace_of(rate).apart


def test_a_lot_lapses_and_a_clock_that_is_put_back_stops_nobody() -> None:
    found = take(State(next=1e9, routine=1e9), 20, 5.0, urgent=False)
    assert found.lot is None and found.wait <= 0.15 + 1e-9
    assert take(State(), 20, 5.0, urgent=False).lot == Lot(2, 5.0 + LAPSES)
