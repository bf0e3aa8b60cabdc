"""The budget of requests to a platform, which all processes share: taken in lots, evenly, a third of it kept for what is urgent
(product.md, section 9). Pure: where the state is kept, and whose clock it is, is the caller's.

A lot is a tenth of what a second may have, or a little less, so that a second holds a whole number of them. They are taken evenly:
no second has more than the rate, but for the lots that processes took before it and have not used yet: one each, and none is older
than a second.
"""

from __future__ import annotations

from typing import Final, NamedTuple

LAPSES: Final = 1.0
"""Seconds after which a lot that was not used is none any more."""

_KEPT: Final = 1 / 3
"""How much of the rate is kept for webhooks and approvals."""


class State(NamedTuple):
    """When the next lot may be taken, and when the next that is not urgent: seconds of one clock."""

    next: float = 0.0
    routine: float = 0.0


class Lot(NamedTuple):
    """Requests that may be sent, until a moment."""

    requests: int
    until: float


class Taken(NamedTuple):
    """What came of asking: the state from now on, and a lot, or how many seconds to wait before asking again."""

    state: State
    lot: Lot | None
    wait: float = 0.0


class Pace(NamedTuple):
    """How a rate is given out: requests a lot, and seconds from one lot to the next."""

    requests: int
    apart: float


def pace_of(rate: float) -> Pace:
    """The pace of a rate a second. What a second may have is given out but for a twentieth of it."""
    tenth = int(rate / 10)
    if tenth <= 1:
        return Pace(1, 1 / rate)
    requests = max(range((tenth + 1) // 2, tenth + 1), key=lambda size: (rate // size * size, size))
    return Pace(requests, 1 / (rate // requests))


def take(state: State, rate: float, now: float, *, urgent: bool) -> Taken:
    """Ask for a lot. `rate` is in requests a second; `urgent`: for a webhook, or for what was approved."""
    requests, apart = pace_of(rate)
    ready = state.next if urgent else max(state.next, state.routine)
    # A clock that was put back makes nobody wait for longer than its own lot takes.
    ready = min(ready, now + apart / (1 - _KEPT))
    if now < ready:
        return Taken(state, None, ready - now)
    routine = state.routine if urgent else now + apart / (1 - _KEPT)
    return Taken(State(now + apart, routine), Lot(requests, now + LAPSES))
