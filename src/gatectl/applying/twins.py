"""Two creations of one object happened all the same: which one stays, and what a person is told where that is not settled.

Two applies at once may both find that something is not there and create it, and a platform takes the names of buckets, LLMs
and workspaces twice. The run that made the twin settles it (product.md, section 4): what is in use stays, else the lower id;
each run removes only what it made itself and nothing uses. All runs come to the same answer from the same lists. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatectl.applying.conditions import as_wanted
from gatectl.documents.operations import key_of
from gatectl.documents.plans import Operation
from gatectl.errors import PlatformError
from gatectl.kinds import KINDS
from gatectl.model import Live
from gatectl.planning.current import Current
from gatectl.platforms.interface import Collection, Identification, Reader

_CONTENT: Final[Sequence[Collection]] = ("bucket", "repo", "ai/llm")


def same_name(op: Operation, current: Current) -> list[Live]:
    """All live objects that have the name of an operation's object."""
    return list(current.among(key_of(op)).by_name.get(op["name"], ()))


def keeper(op: Operation, lives: Sequence[Live], current: Current, reader: Reader) -> Live | None:
    """The one of several equal objects that stays; None where they are not equal, and no run can settle it."""
    if not all(as_wanted(op, live) for live in lives):
        return None
    return min(lives, key=lambda live: (not in_use(live, current, reader), live.id))


def in_use(live: Live, current: Current, reader: Reader) -> bool:
    """Whether something uses an object: a repository attaches it, or a workspace holds anything. What cannot be read counts
    as use: then nothing is removed."""
    try:
        if not KINDS[live.key.kind].scoped:
            return any(reader.list(collection, live.id) for collection in _CONTENT)
        state = current.states.get(live.key.workspace or "")
        repositories = reader.list("repo", state.context.workspace_id) if state is not None else ()
        read = KINDS["Repository"].read
        found = {a.id for wire in repositories if state for a in read(wire, state.context).attachments}
    except (PlatformError, KeyError, TypeError, AttributeError):
        return True
    return live.id in found or bool(live.wire.get("repos"))


def unsettled(op: Operation, lives: Sequence[Live], own: str | None, platform: Identification) -> str:
    """What a person is told of twins that stay: the ids, which one this run made, and how one is removed."""
    ids = sorted({live.id for live in lives} | ({own} if own is not None else set()))
    named = ", ".join(f"{each} (made by this run)" if each == own else each for each in ids)
    path = f"{KINDS[op['kind']].collection}/{own or ids[-1]}"
    remove = f'curl -X DELETE -H "Authorization: Bearer $GATECTL_TOKEN" {platform.url}/{path}'
    return f"{len(ids)} objects of this name are there: {named}; keep one, and remove the other: {remove}"
