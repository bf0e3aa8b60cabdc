"""The platform's lists become the current state: one list call for each kind and workspace, never one for each object."""

from __future__ import annotations

import contextlib
from collections.abc import Collection as Container
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.clock import CONSISTENT, Patience
from gatectl.errors import PlatformError, UsageError
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Context, Kind
from gatectl.model import Live, ObjectKey
from gatectl.planning.lists import MALFORMED, Legible, Spoiled, by_id, read_list, read_lives, read_optional
from gatectl.platforms.interface import Collection, Reader, Wire
from gatectl.platforms.wire import attached_buckets, attached_llms, is_azure, is_deleted
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
        indexes = {**self.indexes, kind.name: Index(found.lives)}
        return self._replace(indexes=indexes, spoiled=(*self.spoiled, *found.spoiled))

    def refusing(self, collection: Collection, refusal: PlatformError | None) -> WorkspaceState:
        """The same, with what the platform said of a list that it does not give (None: it gave it)."""
        return self if refusal is None else self._replace(refused={**self.refused, collection: refusal})


class Current(NamedTuple):
    """The platform as it was read: all workspaces, and the content of those that were asked for, by name."""

    workspaces: Index
    states: Mapping[str, WorkspaceState]

    def among(self, key: ObjectKey) -> Index:
        """The live objects among which one with this key would be."""
        kind, workspace = key.kind, key.workspace
        if workspace is None:
            return self.workspaces
        state = self.states.get(workspace)
        return state.indexes[kind] if state is not None else Index(())

    def lives(self, kind: str | None = None) -> Iterator[Live]:
        """What the workspaces hold, of one kind or of all."""
        for state in self.states.values():
            for name, index in state.indexes.items():
                if kind is None or name == kind:
                    yield from index.by_id.values()


_NOWHERE = Context(None, None, {}, {}, {}, None)
_NONE: Final[Mapping[str, str]] = {}


def read_workspaces(reader: Reader, renamed: Mapping[str, str] = _NONE) -> Index:
    """All workspaces. `renamed` gives new names by id: a workspace whose name is to change in case only (metadata.id) is
    known by the new one, before and after it changed, and what it holds is found under that."""
    kind = KINDS["Workspace"]
    found = read_lives(kind, read_list(reader, kind.collection), _NOWHERE)
    return Index([_called(live, renamed) for live in found.lives])


def _called(live: Live, renamed: Mapping[str, str]) -> Live:
    name = renamed.get(live.id, "")
    return live._replace(key=live.key._replace(name=name)) if name.lower() == live.key.name.lower() else live


def read_visible(reader: Reader, wanted: str | None, *, bear: bool = False) -> Current:
    """What is live in the workspace that is wanted, by name or id, or in all that are visible; no more than a look needs.

    `bear`: an object that cannot be read stops nothing. Raises UsageError for no such workspace, PlatformError.
    """
    visible = read_workspaces(reader)
    return read_current(reader, _visible_names(visible, wanted), visible, llms=False, bear=bear)


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
    llms: bool = True,
    patience: Patience = CONSISTENT,
    bear: bool = False,
) -> Current:
    """The content of the workspaces of these names; one that is not live is an empty one.

    `kinds` restricts the lists to those (and to what they need to be understood). `api_keys` and `llms` say that the provider
    API keys and the LLM configurations are needed; else they are asked for once, and only where something attaches them,
    or for the count. What the platform refuses of these two is `refused` in the state (U25). What is attached and not
    listed is waited for as long as lists may lag. `bear`: an object that cannot be read stops nothing.

    Raises PlatformError when a list cannot be read whole.
    """
    states = {}
    for name in names:
        lives = workspaces.by_name.get(name, ())
        workspace_id = min(live.id for live in lives) if lives else None
        asked = _Asked(reader, name, workspace_id, kinds, api_keys=api_keys, llms=llms, bear=bear)
        states[name] = _read_workspace(asked, patience)
    return Current(workspaces, states)


class _Asked(NamedTuple):
    """One workspace to read, and what of it."""

    reader: Reader
    name: str
    workspace_id: str | None
    kinds: Container[str]
    api_keys: bool
    llms: bool
    bear: bool

    @property
    def whole(self) -> bool:
        """Whether repositories are read, and with them all that they attach."""
        return any(KINDS[name].attaches for name in KINDS if name in self.kinds)


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
    state, buckets = _read_buckets(asked, asked.workspace_id, state)
    repositories = read_list(asked.reader, "repo", asked.workspace_id) if asked.whole else ()
    state, llms = _read_llms(asked, asked.workspace_id, state, repositories)
    for kind in KINDS.values():
        if kind.scoped and not kind.registers and kind.name in asked.kinds:
            wires = repositories if kind.attaches else read_list(asked.reader, kind.collection, asked.workspace_id)
            state = state.holding(kind, read_lives(kind, wires, state.context, bear=asked.bear))
    return state._replace(missing=_missing(asked.workspace_id, state, repositories, buckets, llms))


def _nothing_of(asked: _Asked) -> WorkspaceState:
    """A workspace that holds nothing, as far as is known."""
    context = Context(asked.name, asked.workspace_id, {}, {}, {}, asked.reader.traits.openai)
    return WorkspaceState(context, {kind.name: Index(()) for kind in KINDS.values() if kind.scoped})


def _read_buckets(asked: _Asked, workspace_id: str, state: WorkspaceState) -> tuple[WorkspaceState, Sequence[Wire]]:
    """The buckets, and the provider API keys where those are needed, or tell whose container a bucket is."""
    if not (asked.whole or "Bucket" in asked.kinds or asked.api_keys):
        return state, ()
    wires = read_list(asked.reader, "bucket", workspace_id)
    if asked.api_keys or any(map(_needs_account, wires)):
        keys = read_optional(asked.reader, "apikeys", workspace_id, needed=True)
        state = state.refusing("apikeys", keys.refusal)
        state = state._replace(context=state.context._replace(api_keys=by_id(keys.wires)))
    kind = KINDS["Bucket"]
    state = state.holding(kind, read_lives(kind, wires, state.context, bear=asked.bear))
    return state._replace(context=state.context._replace(buckets=state.indexes[kind.name].by_id)), wires


def _read_llms(
    asked: _Asked, workspace_id: str, state: WorkspaceState, repositories: Sequence[Wire]
) -> tuple[WorkspaceState, Sequence[Wire]]:
    """The LLM configurations: needed where something is attached to a repository, else asked for once."""
    if not (asked.whole or "LLM" in asked.kinds):
        return state, ()
    needed = asked.llms or any(wire.get("aiLlms") for wire in repositories)
    listed = read_optional(asked.reader, "ai/llm", workspace_id, needed=needed)
    kind = KINDS["LLM"]
    # One that cannot be read stops nobody who needs none.
    found = read_lives(kind, listed.wires, state.context, bear=asked.bear or not needed)
    state = state.refusing("ai/llm", listed.refusal).holding(kind, found if needed else found._replace(spoiled=()))
    return state._replace(context=state.context._replace(llms=state.indexes[kind.name].by_id)), listed.wires


def _needs_account(wire: Wire) -> bool:
    """Whether only a provider API key tells whose container this is (U12)."""
    return bool(is_azure(wire) and wire.get("apiKeyId") and not wire.get("key"))


def _missing(
    workspace_id: str,
    state: WorkspaceState,
    repositories: Iterable[Wire],
    buckets: Iterable[Wire],
    llms: Iterable[Wire],
) -> frozenset[str]:
    """The ids that repositories attach and that the list of their kind does not show."""
    listed = {str(wire["id"]) for wire in buckets if wire.get("id")}
    found: set[str] = set()
    for wire in repositories:
        with contextlib.suppress(*MALFORMED):  # a repository that cannot be read is told elsewhere
            found |= _unlisted(attached_buckets(wire), "bucketId", "bucket", listed, workspace_id)
    if "ai/llm" in state.refused:
        return frozenset(found)
    listed = {str(wire["id"]) for wire in llms if wire.get("id")}
    for wire in repositories:
        with contextlib.suppress(*MALFORMED):
            found |= _unlisted(attached_llms(wire), "aiLlmId", "aiLlm", listed, workspace_id)
    return frozenset(found)


def _unlisted(items: Iterable[Wire], field: str, expanded: str, listed: Container[str], workspace_id: str) -> set[str]:
    """The ids of these attachments that are in no list, and to be expected there."""
    ids = ((str(item[field]), item.get(expanded)) for item in items)
    return {each for each, inner in ids if each not in listed and not _elsewhere(inner, workspace_id)}


def _elsewhere(expanded: object, workspace_id: str) -> bool:
    """Whether what is attached is not to be expected in this workspace's list: it is of another one (U27), or deleted."""
    if not isinstance(expanded, Mapping):
        return False
    return is_deleted(expanded) or str(expanded.get("workspaceId") or workspace_id) != workspace_id
