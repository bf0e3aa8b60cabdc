"""Two creations of one object happened all the same: which one stays, and what a person is told where that is not settled.

Two applies at once may both find that something is not there and create it, and a platform takes the names of buckets, LLMs
and workspaces twice. The run that made the twin settles it (product.md, section 4): what is in use stays, else the lower id;
each run removes only what it made itself and nothing uses. All runs come to the same answer from the same lists. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatectl.applying.conditions import as_wanted
from gatectl.documents.operations import key_of
from gatectl.documents.plans import Operation
from gatectl.errors import PlatformError
from gatectl.kinds import KINDS, referred
from gatectl.model import Live
from gatectl.planning.current import Current, WorkspaceState
from gatectl.platforms.interface import Identification, Reader


def same_name(op: Operation, current: Current) -> list[Live]:
    """All live objects that have the name of an operation's object."""
    return list(current.among(key_of(op)).by_name.get(op["name"], ()))


def keeper(op: Operation, lives: Sequence[Live], current: Current, reader: Reader) -> Live | None:
    """The one of several equal objects that stays; None where they are not equal, and no run can settle it."""
    if not all(as_wanted(op, live) for live in lives):
        return None
    return min(lives, key=lambda live: (not in_use(live, current, reader), live.id))


def in_use(live: Live, current: Current, reader: Reader) -> bool:
    """Whether something uses an object: a repository attaches it, another object refers to it, or a workspace holds anything.
    What cannot be read counts as use: then nothing is removed."""
    try:
        if KINDS[live.key.kind].holds:
            return any(reader.list(kind.collection, live.id) for kind in KINDS.values() if kind.scoped)
        state = current.states.get(live.key.workspace or "")
        others = _others(live, state, reader) if state is not None else current.lives()
        used = any(_uses(other, live) for other in others)
    except (PlatformError, KeyError, TypeError, AttributeError):
        return True
    return used or bool(live.wire.get("repos"))


def _others(live: Live, state: WorkspaceState, reader: Reader) -> Iterator[Live]:
    """The objects of a workspace that may use one, as they are now."""
    for kind in KINDS.values():
        if kind.attaches or live.key.kind in kind.refers.values():
            yield from (
                kind.read(wire, state.context) for wire in reader.list(kind.collection, state.context.workspace_id)
            )


def _uses(other: Live, live: Live) -> bool:
    return any(a.id == live.id for a in other.attachments) or any(
        key == live.key for _, key in referred(other.key, other.state)
    )


def unsettled(op: Operation, lives: Sequence[Live], own: str | None, platform: Identification) -> str:
    """What a person is told of twins that stay: the ids, which one this run made, and how one is removed."""
    ids = sorted({live.id for live in lives} | ({own} if own is not None else set()))
    named = ", ".join(f"{each} (made by this run)" if each == own else each for each in ids)
    path = f"{KINDS[op['kind']].collection}/{own or ids[-1]}"
    remove = f'curl -X DELETE -H "Authorization: Bearer $GATECTL_TOKEN" {platform.url}/{path}'
    return f"{len(ids)} objects of this name are there: {named}; keep one, and remove the other: {remove}"
