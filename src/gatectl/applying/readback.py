"""What reading the platform tells of an operation that was written: that it is so, that it is not, or nothing yet. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from gatectl.applying import twins
from gatectl.applying.conditions import Conflict, as_wanted, divergence, find, live_hash, renews
from gatectl.documents.plans import Operation
from gatectl.model import Live, Outcome, Status
from gatectl.planning.current import Current
from gatectl.platforms.interface import Identification

UNLIKE: Final = frozenset(("diverged", "not_shown"))
"""The words for what was done, and does not read back as it was written."""


class Tried(NamedTuple):
    """An operation whose write was tried. `again`: it may be, should the platform turn out to be as before."""

    op: Operation
    outcome: Outcome
    again: bool


def conflict_of(op: Operation, conflict: Conflict, attempts: int = 0) -> Outcome:
    return Outcome(op["id"], "conflict", op["platformId"], attempts, ("conflict", conflict.message()))


def code_of(outcome: Outcome) -> str:
    """The word for what went wrong; "" where nothing did."""
    return outcome.error[0] if outcome.error is not None else ""


def is_looked_for(item: Tried) -> bool:
    """Whether reading may tell more of an outcome than the answer did. What is refused may be so because it is done already:
    by the first of several tries, or by somebody else."""
    outcome = item.outcome
    if outcome.status in ("done", "unknown"):
        return True
    done = {"create": ("NAME_ALREADY_USED",), "delete": ("NOT_FOUND",)}.get(item.op["action"], ())
    return outcome.status == "failed" and (outcome.attempts > 1 or code_of(outcome) in done)


def as_read(item: Tried, current: Current, *, withdrawn: bool) -> Outcome | None:
    """The outcome of an operation if the platform is as it wants it, else None. `withdrawn`: this run removed its object again,
    because it was a twin."""
    op, outcome = item.op, item.outcome
    live = find(op, current)
    if renews(op) and outcome.status != "done":
        return None  # credentials cannot be read back: only the platform's own answer says that it has them
    if op["action"] == "delete":
        return _so(outcome, outcome.platform_id) if live is None else None
    if not isinstance(live, Live) or not as_wanted(op, live):
        return None
    if op["action"] == "create" and outcome.status == "done" and live.id != outcome.platform_id:
        if not withdrawn:
            return None  # what this run made does not show yet, and something else does
        return outcome._replace(status="already", platform_id=live.id, error=None, settled=outcome.platform_id)
    return _so(outcome, live.id)


def _so(outcome: Outcome, platform_id: str | None) -> Outcome:
    # Refused at the first try, it is somebody else's work.
    status: Status = "already" if outcome.status == "failed" and outcome.attempts < 2 else "done"
    return outcome._replace(status=status, platform_id=platform_id, error=None)


def given_up(item: Tried, current: Current, platform: Identification, *, lags: bool, unsure: bool) -> Outcome | None:
    """The lists cannot lag any more: the outcome of an operation that does not show by now; None: it may still come to be.

    `lags`: the platform's lists may lag, so that what they do not show may be there. `unsure`: a write was sent whose end is
    not known.
    """
    op, outcome = item.op, item.outcome
    live = find(op, current)
    if op["action"] == "create" and _is_twin(outcome, live):
        message = twins.unsettled(op, twins.same_name(op, current), outcome.platform_id, platform)
        return outcome._replace(status="conflict", error=("conflict", message))
    if outcome.status == "done":
        return _unlike(op, outcome, live, lags=lags)
    if outcome.status == "failed" and outcome.attempts > 1:
        return outcome._replace(status="unknown")  # refused, maybe because the first time had an effect
    if code_of(outcome) == "timeout" or renews(op) or not _is_certain(item, lags=lags):
        return None
    # One of several tries may have had an effect that a list shows only later.
    return outcome._replace(status="unknown" if unsure and lags else "failed")


def _is_certain(item: Tried, *, lags: bool) -> bool:
    """Whether what does not show had no effect, at least the last time."""
    return item.again or item.op["action"] != "create" or (code_of(item.outcome) == "internal" and not lags)


def _is_twin(outcome: Outcome, live: Live | list[Live] | None) -> bool:
    """Whether there is another object of the name beside the one that this run made."""
    if isinstance(live, list):
        return True
    return outcome.status == "done" and live is not None and live.id != outcome.platform_id


def _unlike(op: Operation, outcome: Outcome, live: Live | list[Live] | None, *, lags: bool) -> Outcome:
    """What was done, and does not read back as it was written."""
    shows = isinstance(live, Live) and (op["action"] == "create" or live_hash(live, op) != op["pre"]["hash"])
    if lags and not shows:
        return outcome._replace(status="unknown", error=("not_shown", divergence(op, live)))
    return outcome._replace(error=("diverged", divergence(op, live)))
