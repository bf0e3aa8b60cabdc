"""What a plan renames is called by its new name wherever it is attached, before and after: that a bucket or an LLM is renamed is no
change of the repositories that attach it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gatectl.kinds import KINDS
from gatectl.model import Attachment, Live, ObjectKey, State
from gatectl.planning.current import Current, Index, WorkspaceState
from gatectl.planning.match import Pair
from gatectl.resources import FAMILIES, is_placed

Names = Mapping[str, str]
"""The new names of live buckets and LLMs, by id."""


def is_renamed(before: str, after: str) -> bool:
    """Whether a name is another one, and not only written otherwise: in case alone that is no difference to who attaches it."""
    return before.lower() != after.lower()


def renamed(pairs: Iterable[Pair]) -> dict[str, ObjectKey]:
    """The live buckets and LLMs that their manifests rename, by id, as they will be called."""
    found = ((pair.live, pair.key) for pair in pairs if pair.live is not None and KINDS[pair.key.kind].registers)
    return {live.id: key for live, key in found if is_renamed(live.key.name, key.name)}


def called_in(pairs: Sequence[Pair], current: Current, names: Names) -> tuple[Sequence[Pair], Current]:
    """The same, where what is attached goes by these names."""
    if not names:
        return pairs, current
    found = called(current, names)
    return [_pair(pair, names) for pair in pairs], found


def called(current: Current, names: Names) -> Current:
    """The platform, where what is attached goes by these names; buckets and LLMs themselves are as they are."""
    if not names:
        return current
    return current._replace(states={name: _state(state, names) for name, state in current.states.items()})


def called_so(state: State, names: Names) -> State:
    """A state, where what is attached goes by these names."""
    if names.keys().isdisjoint(item.id for item in state.attachments if item.id is not None):
        return state
    return state._replace(attachments=tuple(_attachment(item, names) for item in state.attachments))


def called_as(state: State, now: State) -> State:
    """A state, where what is attached goes by the names that it has now: that somebody renamed it is no change of who attaches it."""
    items = (item for item in now.attachments if item.id is not None and item.type in FAMILIES)
    return called_so(state, {item.id or "": item.label or item.identity[-1] for item in items})


def _attachment(item: Attachment, names: Names) -> Attachment:
    name = names.get(item.id or "")
    if name is None:
        return item
    return item._replace(label=name) if is_placed(item.type) else item._replace(identity=(item.type, name))


def _live(live: Live, names: Names) -> Live:
    return live._replace(state=called_so(live.state, names))


def _pair(pair: Pair, names: Names) -> Pair:
    return pair._replace(live=_live(pair.live, names)) if pair.live is not None else pair


def _state(state: WorkspaceState, names: Names) -> WorkspaceState:
    indexes = dict(state.indexes)
    context = state.context
    for name, index in state.indexes.items():
        if KINDS[name].attaches:
            indexes[name] = Index(_live(live, names) for live in index.by_id.values())
            context = context.holding(name, indexes[name].by_id)
    return state._replace(context=context, indexes=indexes)
