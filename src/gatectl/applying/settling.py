"""What became of runs that have no end, as the platform tells it: what they were about to write is looked for, and what is there as
they wanted it is their owner's. Pure.

Law: nothing is sent again here, and nothing is guessed: of what is not as it was wanted, or there several times, nobody becomes the
owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gatectl.applying.conditions import as_wanted
from gatectl.clock import Patience, timestamp
from gatectl.documents.journal import Head, Intent, OpenRun, Unclear
from gatectl.documents.operations import key_of
from gatectl.documents.ownership import Owned
from gatectl.documents.plans import Operation, State
from gatectl.documents.states import state_json
from gatectl.errors import Unsettled
from gatectl.kinds import KINDS
from gatectl.kinds.states import state_hash
from gatectl.model import Live
from gatectl.planning.current import Current
from gatectl.platforms.interface import Reader

_TAKES: Final = 60.0
"""Seconds after which the platform does nothing any more of what was sent to it (product.md, section 6, *Journal*)."""


class Looked(NamedTuple):
    """What open runs turn out to have done: whose objects are by now, the ids of those that are gone, and what cannot be told."""

    put: Sequence[Owned]
    drop: Sequence[str]
    unclear: Sequence[Unclear]


class Late(NamedTuple):
    """On a platform that may still do what was sent before: the time of day, and for how many seconds it may."""

    now: datetime
    lasts: float

    def until(self, sent: str) -> str | None:
        """Until when what was sent then may be done; None: it is not any more."""
        ends = datetime.fromisoformat(sent) + timedelta(seconds=self.lasts)
        return timestamp(ends) if self.now < ends else None


def late_on(reader: Reader, patience: Patience) -> Late | None:
    """Whether what broke off may still come on a platform. Where keys of creations are known nobody waits for that: what is sent
    again makes one object of both. Elsewhere a request may take its time, and lists lag behind it."""
    if reader.traits.once:
        return None
    return Late(patience.clock.moment(), _TAKES + patience.seconds)


def look(runs: Iterable[OpenRun], current: Current, recorded: Mapping[str, Owned], late: Late | None = None) -> Looked:
    """What became of what open runs intended, as far as the platform was read. `recorded` is whose objects are, by their ids: what
    belongs to somebody by that run or a later one stays as it is."""
    put: list[Owned] = []
    drop: list[str] = []
    unclear: list[Unclear] = []
    for run in runs:
        for intent in run.intents:
            match intent["operation"]["action"]:
                case "delete":
                    drop += _gone(intent, current)
                case "update":
                    put += _updated(intent, run.head, current, recorded)
                case "create":
                    made, open_ends = _created(intent, run.head, current, recorded, late)
                    put += made
                    unclear += open_ends
    return Looked([each for each in put if not _is_later(recorded.get(each.id), each.run)], drop, unclear)


def check_settled(unclear: Iterable[Unclear]) -> None:
    """Nothing is done of which nobody can tell whether it was done before. Raises Unsettled."""
    for each in unclear:
        raise Unsettled(each.message, each.hint)


def _gone(intent: Intent, current: Current) -> list[str]:
    """The id of an object that was to be deleted, where it is not there in a workspace that was read."""
    op = intent["operation"]
    state = current.states.get(op["workspace"] or "")
    if state is None or state.spoiled or op["platformId"] in current.among(key_of(op)).by_id:
        return []
    return [op["platformId"]] if op["platformId"] is not None else []


def _updated(intent: Intent, head: Head, current: Current, recorded: Mapping[str, Owned]) -> list[Owned]:
    """Whose an object is that was to be changed, where it is as it was wanted. Where it is not, a plan sees what is to be done."""
    op = intent["operation"]
    live = current.among(key_of(op)).by_id.get(op["platformId"] or "")
    if live is None or not as_wanted(op, live):
        return []
    before = recorded.get(live.id)
    return _owned(intent, live, head, protected=before is not None and before.protected)


def _created(
    intent: Intent, head: Head, current: Current, recorded: Mapping[str, Owned], late: Late | None
) -> tuple[list[Owned], list[Unclear]]:
    """Whose an object is that was to be created, or what is unclear of it; neither, where it was not and does not come any more."""
    op = intent["operation"]
    named = current.among(key_of(op)).by_name.get(op["name"], ())
    if any(_is_later(recorded.get(live.id), head.run) for live in named):
        return [], []
    if not named:
        return [], _to_come(intent, head, late)
    found = [live for live in named if not (live.id in intent["known"] or live.id in recorded)]
    if not found:
        return [], []
    if len(found) == 1 and as_wanted(op, found[0]):
        return _owned(intent, found[0], head), []
    return [], [Unclear(head, intent, tuple(sorted(live.id for live in found)))]


def _to_come(intent: Intent, head: Head, late: Late | None) -> list[Unclear]:
    until = late.until(intent["at"]) if late is not None else None
    return [Unclear(head, intent, (), until)] if until is not None else []


def _is_later(known: Owned | None, run: str | None) -> bool:
    """Whether it is on record already, by that run or a later one."""
    return known is not None and known.run is not None and run is not None and known.run >= run


def _owned(intent: Intent, live: Live, head: Head, *, protected: bool = False) -> list[Owned]:
    owned = owned_after(intent["operation"], live.id, live, head, intent["workspaceId"], protected=protected)
    return [owned] if owned is not None else []


def owned_after(
    op: Operation, object_id: str | None, live: Live | None, head: Head, workspace_id: str | None, *, protected: bool
) -> Owned | None:
    """Whose the object of an operation is after it was done: as it is live, where that is known. Workspaces have no owner.

    `protected`: it was before, and is as long as the operation does not say otherwise.
    """
    if object_id is None or KINDS[op["kind"]].holds:
        return None
    state: State | None = op.get("after")
    digest = op["post"]["hash"] if state is not None else None
    if live is not None:
        state, digest = as_live(live)
    file = op["source"]["file"] if op["source"] is not None else None
    return Owned(
        head.owner, op["kind"], op["workspace"], workspace_id, op["name"], object_id, state, digest, file, head.commit, head.run,
        head.at, op.get("protect", protected), op["action"] == "update" and op["reason"].startswith("adopts "),
    )  # fmt: skip


def as_live(live: Live) -> tuple[State, str]:
    return state_json(live.state, attaches=KINDS[live.key.kind].attaches), state_hash(live.key, live.state)
