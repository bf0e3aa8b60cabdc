"""Who is at work, for people: a line a lease. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatectl.documents.locks import Adoptable, Adopted, Counting, Lock, Locks, Reach, Released, State
from gatectl.documents.receipts import user_at_host
from gatectl.quote import quote
from gatectl.render.rows import aligned, moment

_WIDEST: Final = 28
"""Columns of who it is, at most."""
_SHOWN: Final = 10
"""Workspaces that are named."""
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
    return "\n".join(filter(None, (*aligned(rows), note)))


def released(done: Released) -> str:
    """What was taken from whom."""
    return f"Released: {in_words(done['released'])}; its number is {done['fence']:,} now."


def adopting(adoptable: Adoptable) -> str:
    """What is about to be done: Let the leases in s3://… count for http://… in workspace analytics …"""
    others = ", ".join(
        sorted({quote(each["store"]) for each in adoptable["workspaces"]} - {quote(adoptable["instance"])})
    )
    instead = f", instead of those of the store {others}" if others else ""
    return (
        f"Let {_ours(adoptable)} count on {quote(adoptable['platform'])} in {_where(adoptable['workspaces'])}{instead}"
    )


def adopted(done: Adopted) -> str:
    """What was."""
    if not done["adopted"]:
        return f"Nothing to adopt: no other store than {_named(done['store'])} counts on {quote(done['platform'])}."
    return f"Adopted: {_ours(done)} count on {quote(done['platform'])} in {_where(done['adopted'])}."


def _ours(document: Adoptable | Adopted) -> str:
    return f"the leases in {_named(document['store'])}"


def _named(store: str) -> str:
    return "the platform's own database" if store == "platform" else quote(store)


def _where(counting: Sequence[Counting]) -> str:
    """Workspaces in words; of many, how many more there are."""
    names = [_of(each["workspaceId"], each["workspace"]) for each in counting]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _of(workspace_id: str | None, name: str | None) -> str:
    return "the platform itself" if workspace_id is None else f"workspace {quote(name or '')}"


def in_words(lock: Lock) -> str:
    """A lease in a line: the lease of workspace analytics, held by ann@desk since …, run …"""
    of = _of(lock["workspaceId"], lock["workspace"])
    run = f", run {quote(lock['run'])}" if lock["run"] else ""
    state = "" if lock["state"] == "held" else f" ({_STATES[lock['state']]})"
    return f"the lease of {of}, held by {_who(lock)} since {moment(lock['since'])}{run}{state}"


def _row(lock: Lock) -> tuple[str, str, str, str, str, str]:
    run = "  ".join(quote(each) for each in (lock["run"], lock["url"]) if each)
    of = "(the platform)" if lock["workspaceId"] is None else quote(lock["workspace"] or "", _WIDEST)
    return of, _who(lock), moment(lock["since"]), moment(lock["until"]), _STATES[lock["state"]], run or "unknown"


def _who(lock: Lock) -> str:
    return quote(user_at_host(lock["user"], lock["host"]) or "somebody", _WIDEST)
