"""Why a plan does what it does, as far as it is remembered how an object was applied last, and what was undone since. Pure.

It only says more than a change itself does; nothing but what is shown depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gatectl.documents.ownership import Holdings, Owned
from gatectl.documents.states import read_state
from gatectl.kinds.states import state_hash
from gatectl.model import Action, Change, ObjectKey, State
from gatectl.planning.changes import DIFFERS, MISSING
from gatectl.planning.renaming import called_as
from gatectl.quote import quote


class Undone(NamedTuple):
    """What an undo did to an object: its run, what it did, and the hash of how the object was before (None: there was none)."""

    run: str
    action: Action
    before: str | None


Undoing = Callable[[], Mapping[ObjectKey, Undone]]
"""What was undone, and nothing was applied since; asked only where it matters."""


def nothing() -> Mapping[ObjectKey, Undone]:
    """Nothing was undone, as far as anybody knows."""
    return {}


def told(changes: Sequence[Change], holdings: Holdings | None, undoing: Undoing) -> list[Change]:
    """The same changes, with what is remembered in their reasons."""
    if not any(change.reason in (DIFFERS, MISSING) for change in changes):
        return list(changes)
    undone = undoing()
    gone = {ObjectKey(o.kind, o.workspace, o.name): o for o in holdings.ours()} if holdings is not None else {}
    return [_told(change, undone.get(change.key), _last(change, gone, holdings)) for change in changes]


def _last(change: Change, gone: Mapping[ObjectKey, Owned], holdings: Holdings | None) -> Owned | None:
    """How its object was applied last by whoever asks."""
    if change.id is None:
        return gone.get(change.key)
    ours = holdings is not None and holdings.is_ours(change.id)
    return holdings.by_id.get(change.id) if holdings is not None and ours else None


def _told(change: Change, undone: Undone | None, last: Owned | None) -> Change:
    if change.reason not in (DIFFERS, MISSING):
        return change
    if undone is not None and _does_again(change, undone):
        return change._replace(reason=f"undone in {quote(undone.run)}, and its manifest says still what it did before")
    if last is None or last.at is None or last.run is None:
        return change
    since = f"since {quote(last.at[:10])} (run {quote(last.run)})"
    if change.before is None:
        return change._replace(reason=f"gone from the platform {since}")
    if last.hash is None or _is_as(change.key, change.before, last):
        return change
    back = change.after is not None and _is_as(change.key, change.after, last)
    words = "changed on the platform" if back else "changed in the manifests, and on the platform"
    return change._replace(reason=f"{words} {since}")


def _is_as(key: ObjectKey, state: State, last: Owned) -> bool:
    """Whether a state is the one that was applied last, whatever what it attaches was called then."""
    found = state_hash(key, state)
    if found == last.hash or last.state is None:
        return found == last.hash
    return found == state_hash(key, called_as(read_state(last.state), state))


def _does_again(change: Change, undone: Undone) -> bool:
    """Whether a change does what was undone."""
    if change.action == "create":
        return undone.action == "delete"
    after = state_hash(change.key, change.after) if change.after is not None else None
    return change.action == "update" and undone.action == "update" and after == undone.before
