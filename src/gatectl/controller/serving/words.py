"""What the pages say in words: what a state means for whoever looks, how long ago something was. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from gatectl.controller.deciding import APPROVAL
from gatectl.documents.fleets import State, TargetStatus
from gatectl.fleet.values import Mode
from gatectl.quote import quote

URGENCY: Final[tuple[State, ...]] = (
    "invalid", "failed", "waiting", "drifted", "pending", "applying", "paused", "in-sync",
)  # fmt: skip
"""What somebody has to look at first comes first."""

MEANS: Final[dict[State, str]] = {
    "invalid": "what is committed cannot be applied",
    "failed": "the last look failed",
    "waiting": "something has to happen first",
    "drifted": "somebody changed the platform",
    "pending": "something is to be done",
    "applying": "it is being applied",
    "paused": "nobody looks at it",
    "in-sync": "all is as committed",
}

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def advice(target: TargetStatus, state: State, reason: str | None, mode: Mode) -> str:
    """What happens next, and what somebody can do."""
    if state == "waiting":
        return _of_waiting(target, reason)
    if state == "pending":
        if reason is not None and "not looked at yet" in reason:
            return "It is looked at as soon as a process is free."
        return _of_difference(target, mode, "It is applied at the next look.")
    if state == "drifted":
        return _of_difference(target, mode, "It is changed back at the next look.")
    return _ADVICE[state]


_ADVICE: Final[dict[State, str]] = {
    "invalid": "Correct it in git: the next commit is looked at when it is pushed. Nothing was written since.",
    "failed": "It is tried again at its interval, and less often the longer it fails. When the cause is gone: reconcile now.",
    "applying": "Nothing is to be done.",
    "paused": "Nobody looks at it until somebody resumes it.",
    "in-sync": "Nothing is to be done.",
}


def _of_waiting(target: TargetStatus, reason: str | None) -> str:
    if target["git"]["forced"] is not None and (reason or "").startswith("commit "):
        return "Look at what was pushed, and accept the commit below if it counts. Until then the one before does."
    if (reason or "").startswith(APPROVAL):
        return "Look at the plan, and approve it below if it is what you want. It is applied as it is, or not at all."
    if "window" in (reason or ""):
        return "It goes on by itself when a window opens."
    return "It goes on by itself as soon as that is over; it is tried every few seconds."


def _of_difference(target: TargetStatus, mode: Mode, applied: str) -> str:
    if mode == "apply":
        waits = any(each["state"] in ("waiting", "paused") for each in target["conditions"])
        return "That is what waits." if waits else applied
    return "This source is only observed: nothing is applied until the fleet file says mode: apply."


def ago(moment: str | None, now: float) -> str:
    """How long ago a moment was, or how soon it will be, to one figure."""
    if moment is None:
        return "never"
    apart = now - seconds(moment)
    for size, unit in _UNITS:
        if abs(apart) >= size:
            count = f"{int(abs(apart) // size):,} {unit}"
            return count if apart > 0 else f"in {count}"
    return "now"


def seconds(moment: str) -> float:
    """A moment as seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def shown(moment: str) -> str:
    """A moment as people read it, in UTC."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def commit(text: str | None) -> str:
    """The first figures of a commit."""
    return "–" if text is None else quote(text[:10])


def short(reason: str | None) -> str:
    """A reason as a row of a table has it: the figures of a fingerprint are no use there."""
    if reason is None:
        return ""
    if reason.startswith(APPROVAL):
        return reason[: len(APPROVAL) + len("sha256:") + 8] + "…"
    return quote(reason)
