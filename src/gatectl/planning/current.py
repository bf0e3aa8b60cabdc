"""The platform's lists become the current state: one list call for each kind and workspace, never one for each object."""

from __future__ import annotations

import contextlib
from collections.abc import Collection as Container
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Final, NamedTuple

from gatectl.clock import CONSISTENT, Patience
from gatectl.errors import PlatformError, UsageError
from gatectl.kinds import KINDS, WORKSPACE
from gatectl.kinds.interface import Attached, Context, Kind
from gatectl.model import Live, ObjectKey
from gatectl.planning.lists import MALFORMED, Legible, Listed, Spoiled, by_id, read_list, read_lives, read_optional
from gatectl.platforms.interface import Collection, Reader, Wire
from gatectl.platforms.wire import is_deleted
from gatectl.quote import quote


class Index:
    """The live objects of one kind and workspace, by id, by name, and by name with case ignored."""

    __slots__ = ("by_id", "by_lower", "by_name")

    def __init__(self, lives: Iterable[Live]) -> None:
        self.by_id: dict[str, Live] = {}
        self.by_name: dict[str, list[Live]] = {}
        self.by_lower: dict[str, list[Live]] = {}
        for live in lives:
            self.by_id[live.id] = live
            self.by_name.setdefault(live.key.name, []).append(live)
            self.by_lower.setdefault(live.key.name.lower(), []).append(live)


class WorkspaceState(NamedTuple):
    """What a workspace holds. `indexes` maps a kind to its live objects; one that is not live yet holds nothing.

    `refused` are the lists that the platform does not give, each with why; `missing` the ids that repositories attach
    and that their own list does not show: absence from a list is no proof; `spoiled` what could not be read, where that is
    borne.
    """

    context: Context
    indexes: Mapping[str, Index]
    refused: Mapping[str, PlatformError] = {}
    missing: frozenset[str] = frozenset()
    spoiled: tuple[Spoiled, ...] = ()

    def holding(self, kind: Kind, found: Legible) -> WorkspaceState:
        """The same, with the objects of a kind."""
        index = Index(found.lives)
        return self._replace(
            context=self.context.holding(kind.name, index.by_id),
            indexes={**self.indexes, kind.name: index},
            spoiled=(*self.spoiled, *found.spoiled),
        )

    def refusing(self, collection: Collection, refusal: PlatformError | None) -> WorkspaceState:
        """The same, with what the platform said of a list that it does not give (None: it gave it)."""
        return self if refusal is None else self._replace(refused={**self.refused, collection: refusal})


class Current(NamedTuple):
    """The platform as it was read: all workspaces, and the content of those that were asked for, by name; by kind what lies
    outside of every workspace."""

    workspaces: Index
    states: Mapping[str, WorkspaceState]
    outside: Mapping[str, Index] = {}

    def around(self, workspace: str | None) -> Context:
        """What surrounds an object of a workspace, or of none."""
        state = self.states.get(workspace or "")
        if state is not None:
            return state.context
        return NOWHERE._replace(lives={name: index.by_id for name, index in self.outside.items()})

    def among(self, key: ObjectKey) -> Index:
        """The live objects among which one with this key would be."""
        kind, workspace = key.kind, key.workspace
        if workspace is None:
            return self.workspaces if KINDS[kind].holds else self.outside.get(kind, Index(()))
        state = self.states.get(workspace)
        return state.indexes[kind] if state is not None else Index(())

    def lives(self) -> Iterator[Live]:
        """What lies outside of the workspaces, and what they hold."""
        for indexes in (self.outside, *(state.indexes for state in self.states.values())):
            for index in indexes.values():
                yield from index.by_id.values()

    def attaching(self) -> Iterator[Live]:
        """The repositories that the workspaces hold."""
        return (live for live in self.lives() if KINDS[live.key.kind].attaches)


NOWHERE: Final = Context(None, None, {}, {}, None)
"""What surrounds an object that lies in no workspace."""
API_KEYS: Final[Collection] = "apikeys"
"""The list of provider API keys, of which a platform may have none either."""

_NONE: Final[Mapping[str, str]] = {}


def read_workspaces(reader: Reader, renamed: Mapping[str, str] = _NONE) -> Index:
    """All workspaces. `renamed` gives new names by id: a workspace whose name is to change in case only (metadata.id) is
    known by the new one, before and after it changed, and what it holds is found under that."""
    found = read_lives(WORKSPACE, read_list(reader, WORKSPACE.collection), NOWHERE)
    return Index([_called(live, renamed) for live in found.lives])


def _called(live: Live, renamed: Mapping[str, str]) -> Live:
    name = renamed.get(live.id, "")
    return live._replace(key=live.key._replace(name=name)) if name.lower() == live.key.name.lower() else live


def read_visible(reader: Reader, wanted: str | None, *, bear: bool = False) -> Current:
    """What is live in the workspace that is wanted, by name or id, or in all that are visible; no more than a look needs.

    `bear`: an object that cannot be read stops nothing. Raises UsageError for no such workspace, PlatformError.
    """
    visible = read_workspaces(reader)
    return read_current(reader, _visible_names(visible, wanted), visible, needed=(), bear=bear)


def _visible_names(visible: Index, wanted: str | None) -> list[str]:
    """The names of the workspaces to read: the one wanted, by name or id, or all. Raises UsageError for none of that name."""
    if wanted is None:
        return sorted(visible.by_name)
    name = visible.by_id[wanted].key.name if wanted in visible.by_id else wanted
    if name not in visible.by_name:
        raise UsageError(
            f"there is no workspace '{quote(name)}'",
            f"visible: {', '.join(map(quote, sorted(visible.by_name))) or 'none'}",
        )
    return [name]


def read_current(
    reader: Reader,
    names: Iterable[str],
    workspaces: Index,
    kinds: Container[str] = KINDS,
    *,
    api_keys: bool = False,
    needed: Container[str] = KINDS,
    patience: Patience = CONSISTENT,
    bear: bool = False,
) -> Current:
    """The content of the workspaces of these names; one that is not live is an empty one.

    `kinds` restricts the lists to those (and to what they need to be understood). `api_keys` says that the provider API keys
    are needed, `needed` of which kinds the lists are that a platform may refuse; else these are asked for once, and only
    where something attaches them, or for the count. What the platform refuses of them is `refused` in the state (U25). What
    is attached and not listed is waited for as long as lists may lag. `bear`: an object that cannot be read stops nothing.

    Raises PlatformError when a list cannot be read whole.
    """
    asked_for = _with_what_explains(kinds)
    outside = _read_outside(reader, [kind for kind in asked_for if not kind.scoped], bear=bear)
    states = {}
    for name in names:
        lives = workspaces.by_name.get(name, ())
        workspace_id = min(live.id for live in lives) if lives else None
        scoped = [kind for kind in asked_for if kind.scoped]
        asked = _Asked(reader, name, workspace_id, scoped, outside, api_keys=api_keys, needed=needed, bear=bear)
        states[name] = _read_workspace(asked, patience)
    return Current(workspaces, states, outside)


def _read_outside(reader: Reader, kinds: Iterable[Kind], *, bear: bool) -> dict[str, Index]:
    """What lies outside of every workspace, by kind."""
    context = NOWHERE._replace(openai=reader.traits.openai)
    outside = {}
    for kind in kinds:
        outside[kind.name] = Index(read_lives(kind, read_list(reader, kind.collection), context, bear=bear).lives)
        context = context.holding(kind.name, outside[kind.name].by_id)
    return outside


def _with_what_explains(kinds: Container[str]) -> list[Kind]:
    """The kinds, and those without which theirs cannot be understood: what they attach or refer to. In the table's order."""
    wanted = {name for name in KINDS if name in kinds}
    for kind in reversed(list(KINDS.values())):  # whoever refers to a kind comes after it
        if kind.name in wanted:
            wanted.update((*kind.attached, *kind.refers.values()))
    return [kind for kind in KINDS.values() if not kind.holds and kind.name in wanted]


class _Asked(NamedTuple):
    """One workspace to read, and what of it."""

    reader: Reader
    name: str
    workspace_id: str | None
    kinds: Sequence[Kind]
    outside: Mapping[str, Index]
    api_keys: bool
    needed: Container[str]
    bear: bool

    def attaching(self) -> Iterator[Kind]:
        return (kind for kind in self.kinds if kind.attaches)


def _read_workspace(asked: _Asked, patience: Patience) -> WorkspaceState:
    """Read until nothing is missing or the lists cannot lag any more."""
    ends = patience.clock.now() + patience.seconds
    pause = 0.2
    while True:
        state = _read_once(asked)
        if not state.missing or patience.clock.now() >= ends:
            return state
        patience.clock.sleep(pause)
        pause = min(2 * pause, 1.0)


def _read_once(asked: _Asked) -> WorkspaceState:
    """The lists in the order in which they explain each other; what repositories attach before the repositories."""
    state = _nothing_of(asked)
    if asked.workspace_id is None:
        return state
    lists: dict[str, Sequence[Wire]] = {}
    keys_read = False
    for kind in asked.kinds:
        listed = _listed(asked, asked.workspace_id, kind, lists)
        if not keys_read and (asked.api_keys or any(map(kind.needs_key, listed.wires))):
            state, keys_read = _with_keys(asked, asked.workspace_id, state), True
        needed = kind.optional is None or _is_needed(asked, kind, lists)
        # One that cannot be read stops nobody who needs none.
        found = read_lives(kind, listed.wires, state.context, bear=asked.bear or not needed)
        state = state.holding(kind, found if needed else found._replace(spoiled=()))
        state = state.refusing(kind.collection, listed.refusal)
    return state._replace(missing=_missing(asked, asked.workspace_id, state, lists))


def _nothing_of(asked: _Asked) -> WorkspaceState:
    """A workspace that holds nothing, as far as is known."""
    lives = {name: index.by_id for name, index in asked.outside.items()}
    context = Context(asked.name, asked.workspace_id, lives, {}, asked.reader.traits.openai)
    return WorkspaceState(context, {kind.name: Index(()) for kind in KINDS.values() if kind.scoped})


def _listed(asked: _Asked, workspace_id: str, kind: Kind, lists: MutableMapping[str, Sequence[Wire]]) -> Listed:
    """The list of a kind, which is put to the others. What may be refused is asked for after those who may attach it."""
    if kind.name in lists:
        return Listed(lists[kind.name])
    if kind.optional is None:
        found = Listed(read_list(asked.reader, kind.collection, workspace_id))
    else:
        for other in asked.attaching():
            assert other.optional is None
            _listed(asked, workspace_id, other, lists)
        needed = _is_needed(asked, kind, lists)
        found = read_optional(asked.reader, kind.collection, workspace_id, needed=needed)
    lists[kind.name] = found.wires
    return found


def _is_needed(asked: _Asked, kind: Kind, lists: Mapping[str, Sequence[Wire]]) -> bool:
    """Whether a list that may be refused is needed: somebody says so, or something of it is attached to a repository."""
    if kind.name in asked.needed:
        return True
    whose = (
        (other.attached[kind.name], lists.get(other.name, ()))
        for other in asked.attaching()
        if kind.name in other.attached
    )
    return any(_attaches(attached, wire) for attached, wires in whose for wire in wires)


def _attaches(attached: Attached, wire: Wire) -> bool:
    """Whether an object attaches something of a kind; where that cannot be read, it may."""
    try:
        return bool(attached(wire))
    except MALFORMED:
        return True


def _with_keys(asked: _Asked, workspace_id: str, state: WorkspaceState) -> WorkspaceState:
    """The same, with the provider API keys, which are needed, or tell whose container a bucket is."""
    keys = read_optional(asked.reader, API_KEYS, workspace_id, needed=True)
    state = state.refusing(API_KEYS, keys.refusal)
    return state._replace(context=state.context._replace(api_keys=by_id(keys.wires)))


def _missing(
    asked: _Asked, workspace_id: str, state: WorkspaceState, lists: Mapping[str, Sequence[Wire]]
) -> frozenset[str]:
    """The ids that repositories attach and that the list of their kind does not show."""
    found: set[str] = set()
    for kind in asked.attaching():
        for name, attached in kind.attached.items():
            if KINDS[name].collection in state.refused:
                continue
            listed = {str(wire["id"]) for wire in lists[name] if wire.get("id")}
            for wire in lists[kind.name]:
                with contextlib.suppress(*MALFORMED):  # a repository that cannot be read is told elsewhere
                    found |= {
                        i for i, inner in attached(wire) if i not in listed and not _elsewhere(inner, workspace_id)
                    }
    return frozenset(found)


def _elsewhere(expanded: object, workspace_id: str) -> bool:
    """Whether what is attached is not to be expected in this workspace's list: it is of another one (U27), or deleted."""
    if not isinstance(expanded, Mapping):
        return False
    return is_deleted(expanded) or str(expanded.get("workspaceId") or workspace_id) != workspace_id
