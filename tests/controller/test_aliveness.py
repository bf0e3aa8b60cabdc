"""A worker that could not say for a while that it is there takes itself for dead before others do, and stays so."""

from __future__ import annotations

from gatectl.controller.aliveness import BEAT, ENOUGH, LASTS, Aliveness
from gatectl.controller.opening import TERMS
from leaping import Leaping


def test_who_says_so_in_time_goes_on() -> None:
    time = Leaping()
    alive = Aliveness(time.clock)
    for _ in range(20):
        time.leap(BEAT)
        assert alive.heard(alive.asked())
    assert not alive.lapsed and not alive.stop.is_set()


def test_who_was_paused_is_over_and_no_beat_brings_it_back() -> None:
    time = Leaping()
    alive = Aliveness(time.clock)
    time.leap(ENOUGH + 0.1)
    assert not alive.heard(alive.asked())
    assert alive.lapsed and alive.stop.is_set()
    assert not alive.heard(alive.asked()), "it stays over"


def test_a_beat_counts_from_when_it_was_sent() -> None:
    """Its answer came late, or after a pause: nobody knows when it arrived."""
    time = Leaping()
    alive = Aliveness(time.clock)
    asked = alive.asked()
    time.leap(ENOUGH - 1)
    assert alive.heard(asked)
    time.leap(2)
    assert alive.lapsed


def test_an_older_answer_takes_nothing_back() -> None:
    time = Leaping()
    alive = Aliveness(time.clock)
    older = alive.asked()
    time.leap(BEAT)
    assert alive.heard(alive.asked()) and alive.heard(older)
    time.leap(ENOUGH - 1)
    assert not alive.lapsed


def test_it_is_over_well_before_others_take_it_for_dead() -> None:
    assert ENOUGH + BEAT < LASTS
    assert (TERMS.lasts, TERMS.beat, TERMS.lasts - TERMS.need) == (LASTS, BEAT, ENOUGH)
