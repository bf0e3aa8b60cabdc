"""What becomes of a plan: what it waits for, and what state its target is in (product.md, section 9). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from gatectl.documents import fleets
from gatectl.documents.drift import Drift
from gatectl.documents.plans import Plan
from gatectl.fleet.values import Approvals, Event, Source

State = fleets.State
STATES: Final = fleets.STATES


class Condition(NamedTuple):
    """Something that holds of a target, and why."""

    state: State
    reason: str | None = None


IN_SYNC: Final = Condition("in-sync")

APPROVAL: Final = "approval of "
"""What a target that waits for an approval says it waits for begins so; what is to be approved follows."""


def state_of(conditions: Iterable[Condition]) -> Condition:
    """The one of several conditions that is the state of a target; none: it is in sync."""
    return min(conditions, key=lambda each: STATES.index(each.state), default=IN_SYNC)


def needs_approval(approvals: Approvals, plan: Plan) -> bool:
    """Whether a plan waits for an approval, by what its operations risk. A plan that only records needs none."""
    risks = {operation["risk"] for operation in plan["operations"]}
    if approvals == "destructive":
        return "destructive" in risks
    if approvals == "risky":
        return bool(risks - {"none"})
    return approvals == "all" and bool(risks)


def needs_approval_of(source: Source, plan: Plan, drift: Drift | None) -> bool:
    """The same with what somebody changed on the platform, where the source says that it is not simply changed back."""
    changed_back = source.on_drift == "wait" and bool(plan["operations"]) and drift is not None and is_theirs(drift)
    return changed_back or needs_approval(source.approvals, plan)


def is_theirs(drift: Drift) -> bool:
    """Whether somebody changed something on the platform since it was applied."""
    return any(each["whose"] in ("theirs", "both", "unknown") for each in drift["differences"])


def seen(plan: Plan, drift: Drift | None) -> list[Condition]:
    """What holds of a target whose plan is not applied: what is to be applied, and what somebody changed."""
    found: list[Condition] = []
    if not plan["operations"] and not plan["adopts"]:
        return found
    theirs = drift is not None and is_theirs(drift)
    ours = drift is None or any(each["whose"] in ("ours", "both") for each in drift["differences"])
    if theirs:
        found.append(Condition("drifted", "somebody changed the platform"))
    if ours or not theirs:
        found.append(Condition("pending", _counted(plan)))
    return found


def _counted(plan: Plan) -> str:
    number, adopted = len(plan["operations"]), len(plan["adopts"])
    words = [f"{number:,} to apply"] if number else []
    return ", ".join([*words, *([f"{adopted:,} to adopt"] if adopted else [])])


EVENT_OF: Final[dict[State, Event]] = {
    "drifted": "drift",
    "failed": "failed",
    "invalid": "failed",
    "waiting": "waiting",
}
"""What whoever wants to know is told of a state."""


def event_of(told: str | None, state: Condition) -> tuple[Event | None, str | None]:
    """What is to be told now, and what was told last from now on: each thing once, and that it is over."""
    if state.state == "in-sync":
        return ("recovered" if told is not None else None), None
    event = EVENT_OF.get(state.state)
    if event is None or (event == "waiting" and not is_for_people(state)):
        return None, told
    said = state.reason if event == "waiting" else event  # each plan that waits is a new one
    return (event if said != told else None), said


def is_for_people(state: Condition) -> bool:
    """Whether a target waits for somebody to approve something, and not for the time of day or for others."""
    return state.reason is not None and state.reason.startswith(APPROVAL)
