"""The platform's lists become the current state: one list call for each kind and workspace, never one for each object."""

from __future__ import annotations

import contextlib
from collections.abc import Collection as Container
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatectl.clock import CONSISTENT, Patience
from gatectl.errors import (
    Forbidden,
    IncompleteList,
    NoList,
    PlatformError,
    PlatformRefused,
    Unreachable,
    Unsupported,
    UsageError,
)
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Context, Kind, text
from gatectl.model import Live, ObjectKey
from gatectl.platforms.interface import Collection, Reader, Wire
from gatectl.platforms.wire import LISTS, attached_buckets, attached_llms, is_azure, is_deleted
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


class Spoiled(NamedTuple):
    """A live object that cannot be read, and why."""

    kind: str
    name: str
    id: str
    problem: str


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


_NOWHERE = Context(None, None, {}, {}, {}, None)
_NONE: Final[Mapping[str, str]] = {}
_MALFORMED: Final = (KeyError, TypeError, AttributeError, ValueError)
_NO_PLATFORM: Final = "is this address the platform's API?"


def read_workspaces(reader: Reader, renamed: Mapping[str, str] = _NONE) -> Index:
    """All workspaces. `renamed` gives new names by id: a workspace whose name is to change in case only (metadata.id) is
    known by the new one, before and after it changed, and what it holds is found under that."""
    kind = KINDS["Workspace"]
    return Index([_called(live, renamed) for live in _lives(kind, _list(reader, kind.collection), _NOWHERE)])


def _called(live: Live, renamed: Mapping[str, str]) -> Live:
    name = renamed.get(live.id, "")
    return live._replace(key=live.key._replace(name=name)) if name.lower() == live.key.name.lower() else live


def visible_names(visible: Index, wanted: str | None) -> list[str]:
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
    reader, name, workspace_id, kinds, api_keys, llms, bear = asked
    context = Context(name, workspace_id, {}, {}, {}, reader.traits.openai)
    indexes = {kind.name: Index(()) for kind in KINDS.values() if kind.scoped}
    if workspace_id is None:
        return WorkspaceState(context, indexes)
    refused: dict[str, PlatformError] = {}
    spoiled: list[Spoiled] | None = [] if bear else None
    wires: dict[str, Sequence[Wire]] = {}
    repositories = "Repository" in kinds
    if repositories or "Bucket" in kinds or api_keys:
        wires["Bucket"] = _list(reader, "bucket", workspace_id)
        if api_keys or any(_needs_account(wire) for wire in wires["Bucket"]):
            found = _optional(reader, "apikeys", workspace_id, refused, needed=True)
            context = context._replace(api_keys=_by_id(found))
        indexes["Bucket"] = _index(KINDS["Bucket"], wires["Bucket"], context, spoiled)
        context = context._replace(buckets=indexes["Bucket"].by_id)
    if repositories:
        wires["Repository"] = _list(reader, "repo", workspace_id)
        llms = llms or any(wire.get("aiLlms") for wire in wires["Repository"])
    if repositories or "LLM" in kinds:
        wires["LLM"] = _optional(reader, "ai/llm", workspace_id, refused, needed=llms)
        # One that cannot be read stops nobody who needs none.
        indexes["LLM"] = _index(KINDS["LLM"], wires["LLM"], context, spoiled if llms else [])
        context = context._replace(llms=indexes["LLM"].by_id)
    for kind in KINDS.values():
        if kind.scoped and kind.name in kinds and kind.name not in ("Bucket", "LLM"):
            listed = wires.get(kind.name)
            found = listed if listed is not None else _list(reader, kind.collection, workspace_id)
            indexes[kind.name] = _index(kind, found, context, spoiled)
    missing = _missing(wires, workspace_id, "ai/llm" in refused) if repositories else frozenset[str]()
    return WorkspaceState(context, indexes, refused, missing, tuple(spoiled or ()))


def _needs_account(wire: Wire) -> bool:
    """Whether only a provider API key tells whose container this is (U12)."""
    return bool(is_azure(wire) and wire.get("apiKeyId") and not wire.get("key"))


def _optional(
    reader: Reader, collection: Collection, workspace_id: str, refused: dict[str, PlatformError], *, needed: bool
) -> Sequence[Wire]:
    """A list that a platform may refuse (product.md, section 8): empty then, and told in `refused`."""
    try:
        if needed:
            return _list(reader, collection, workspace_id)
        return _checked(collection, reader.glance(collection, workspace_id))
    except (Unsupported, Forbidden, PlatformRefused, NoList) as error:
        refused[collection] = error
    except Unreachable as error:
        if needed:
            raise
        refused[collection] = error
    return ()


def _missing(wires: Mapping[str, Sequence[Wire]], workspace_id: str, no_llms: bool) -> frozenset[str]:
    """The ids that repositories attach and that the list of their kind does not show."""
    buckets = {str(wire["id"]) for wire in wires["Bucket"] if wire.get("id")}
    llms = {str(wire["id"]) for wire in wires["LLM"] if wire.get("id")}
    found = set()
    for wire in wires["Repository"]:
        with contextlib.suppress(*_MALFORMED):  # a repository that cannot be read is told elsewhere
            for item in attached_buckets(wire):
                if str(item["bucketId"]) not in buckets and not _elsewhere(item.get("bucket"), workspace_id):
                    found.add(str(item["bucketId"]))
            for item in () if no_llms else attached_llms(wire):
                if str(item["aiLlmId"]) not in llms and not _elsewhere(item.get("aiLlm"), workspace_id):
                    found.add(str(item["aiLlmId"]))
    return frozenset(found)


def _elsewhere(expanded: Any, workspace_id: str) -> bool:
    """Whether what is attached is not to be expected in this workspace's list: it is of another one (U27), or deleted."""
    if not isinstance(expanded, Mapping):
        return False
    return is_deleted(expanded) or str(expanded.get("workspaceId") or workspace_id) != str(workspace_id)


def _index(kind: Kind, wires: Iterable[Wire], context: Context, spoiled: list[Spoiled] | None) -> Index:
    return Index(_lives(kind, wires, context, spoiled))


def _lives(kind: Kind, wires: Iterable[Wire], context: Context, spoiled: list[Spoiled] | None = None) -> Iterable[Live]:
    """The objects of a list. One that cannot be read goes to `spoiled`; raises IncompleteList where there is none."""
    wires = list(wires)
    try:
        return [kind.read(wire, context) for wire in wires]
    except _MALFORMED:
        return _legible(kind, wires, context, spoiled)  # once more, to tell which


def _legible(kind: Kind, wires: Iterable[Wire], context: Context, spoiled: list[Spoiled] | None) -> list[Live]:
    found = []
    for wire in wires:
        try:
            found.append(read_live(kind, wire, context))
        except PlatformError as error:
            if spoiled is None:
                raise
            name, of = (str(wire.get(field) or "") for field in ("name", "id"))
            spoiled.append(Spoiled(kind.name, name or of, of, error.message))
    return found


def read_live(kind: Kind, wire: Wire, context: Context) -> Live:
    """One object of the platform. Raises IncompleteList where a field of it is not what it should be."""
    try:
        return kind.read(wire, context)
    except KeyError as error:
        what = "a list of objects" if error.args[0] in LISTS else "text"
        problem = f"its '{quote(error.args[0])}' is missing or not {what}"
    except _MALFORMED:
        problem = "one of its fields is not what it should be"
    which = next(
        (str(wire[name]) for name in ("id", "name") if isinstance(wire.get(name), (str, int))), "without an id"
    )
    raise IncompleteList(f"GET /{kind.collection}: {kind.name} {which}: {quote(problem)}", _NO_PLATFORM)


def _list(reader: Reader, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
    """A list of objects, whatever they hold."""
    return _checked(collection, reader.list(collection, workspace_id))


def _checked(collection: Collection, wires: Sequence[Wire]) -> Sequence[Wire]:
    if not all(isinstance(wire, (dict, Mapping)) for wire in wires):
        raise IncompleteList(f"GET /{collection}: something in the list is not an object", _NO_PLATFORM)
    return wires


def _by_id(wires: Iterable[Wire]) -> dict[str, Mapping[str, Any]]:
    try:
        return {text(wire, "id"): wire for wire in wires}
    except KeyError as error:
        raise IncompleteList("GET /apikeys: the 'id' of one is missing or not text", _NO_PLATFORM) from error
