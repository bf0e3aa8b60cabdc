"""Who is at work, for people: a line a lease. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatectl.documents.locks import Lock, Locks, Reach, Released, State
from gatectl.quote import quote, safe

_WIDEST: Final = 28
"""Columns of who it is, at most."""
_STATES: Final[Mapping[State, str]] = {"held": "at work", "lapsed": "lapsed", "ended": "has ended"}
_REACHES: Final[Mapping[Reach, str]] = {
    "all": "",
    "machine": "Leases are in {}, a file: applies of other machines are not seen.",
    "none": "No leases are kept (records: none): nobody is seen.",
}


def table(locks: Locks) -> str:
    """The leases: of what, by whom, since when, until when, whether they hold still, and the run."""
    note = _REACHES[locks["reach"]].format(quote(locks["store"]))
    if not locks["leases"]:
        return "\n".join(filter(None, (f"Nobody is at work on {quote(locks['platform'])}.", note)))
    rows = [("WORKSPACE", "WHO", "SINCE", "UNTIL", "STATE", "RUN"), *(_row(lock) for lock in locks["leases"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join(filter(None, (*lines, note)))


def released(done: Released) -> str:
    """What was taken from whom."""
    return f"Released: {in_words(done['released'])}; its number is {done['fence']:,} now."


def in_words(lock: Lock) -> str:
    """A lease in a line: the lease of workspace analytics, held by ann@desk since …, run …"""
    of = "the platform itself" if lock["workspaceId"] is None else f"workspace {quote(lock['workspace'] or '')}"
    run = f", run {quote(lock['run'])}" if lock["run"] else ""
    state = "" if lock["state"] == "held" else f" ({_STATES[lock['state']]})"
    return f"the lease of {of}, held by {_who(lock)} since {_moment(lock['since'])}{run}{state}"


def _row(lock: Lock) -> tuple[str, str, str, str, str, str]:
    run = "  ".join(quote(each) for each in (lock["run"], lock["url"]) if each)
    of = "(the platform)" if lock["workspaceId"] is None else quote(lock["workspace"] or "", _WIDEST)
    return of, _who(lock), _moment(lock["since"]), _moment(lock["until"]), _STATES[lock["state"]], run or "unknown"


def _who(lock: Lock) -> str:
    return quote("@".join(filter(None, (lock["user"], lock["host"]))) or "somebody", _WIDEST)


def _moment(text: str) -> str:
    return safe(text[:19].replace("T", " "))
