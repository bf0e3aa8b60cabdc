"""What became of runs that have no end, as the platform tells it: what they were about to write is looked for, and what is there as
they wanted it is their owner's. Pure.

Law: nothing is sent again here, and nothing is guessed: of what is not as it was wanted, or there several times, nobody becomes the
owner. A plan sees it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gatectl.applying.conditions import as_wanted
from gatectl.documents.journal import Head, Intent, OpenRun
from gatectl.documents.operations import key_of
from gatectl.documents.ownership import Owned
from gatectl.documents.plans import Operation, State
from gatectl.documents.states import state_json
from gatectl.kinds import KINDS
from gatectl.kinds.states import state_hash
from gatectl.model import Live
from gatectl.planning.current import Current


class Looked(NamedTuple):
    """What open runs turn out to have done: whose objects are by now, and the ids of those that are gone."""

    put: Sequence[Owned]
    drop: Sequence[str]


def look(runs: Iterable[OpenRun], current: Current) -> Looked:
    """What became of what open runs intended, as far as the platform was read."""
    put: list[Owned] = []
    drop: list[str] = []
    for run in runs:
        for intent in run.intents:
            op = intent["operation"]
            if op["action"] == "delete":
                drop += filter(None, [_gone(intent, current)])
            elif (live := _found(intent, current)) is not None:
                put += filter(None, [_owned(intent, live, run.head)])
    return Looked(put, drop)


def _gone(intent: Intent, current: Current) -> str | None:
    """The id of an object that was to be deleted, and is not there in a workspace that was read."""
    op = intent["operation"]
    state = current.states.get(op["workspace"] or "")
    if state is None or state.spoiled or op["platformId"] in current.among(key_of(op)).by_id:
        return None
    return op["platformId"]


def _found(intent: Intent, current: Current) -> Live | None:
    """The object that was to be created or changed, where it is as it was wanted."""
    op = intent["operation"]
    index = current.among(key_of(op))
    if op["action"] == "update":
        found = [live for live in [index.by_id.get(op["platformId"] or "")] if live is not None]
    else:
        found = [live for live in index.by_name.get(op["name"], ()) if live.id not in intent["known"]]
    return found[0] if len(found) == 1 and as_wanted(op, found[0]) else None


def _owned(intent: Intent, live: Live, head: Head) -> Owned | None:
    return owned_after(intent["operation"], live.id, live, head, intent["workspaceId"])


def owned_after(
    op: Operation, object_id: str | None, live: Live | None, head: Head, workspace_id: str | None
) -> Owned | None:
    """Whose the object of an operation is after it was done: as it is live, where that is known. Workspaces have no owner."""
    if object_id is None or KINDS[op["kind"]].holds:
        return None
    state: State | None = op.get("after")
    digest = op["post"]["hash"] if state is not None else None
    if live is not None:
        state, digest = as_live(live)
    file = op["source"]["file"] if op["source"] is not None else None
    return Owned(
        head.owner, op["kind"], op["workspace"], workspace_id, op["name"], object_id, state, digest, file, head.commit, head.run,
        head.at, adopted=op["action"] == "update" and op["reason"].startswith("adopts "),
    )  # fmt: skip


def as_live(live: Live) -> tuple[State, str]:
    return state_json(live.state, attaches=KINDS[live.key.kind].attaches), state_hash(live.key, live.state)
