"""The platform's lists become the current state: one list call for each kind and workspace, never one for each object."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatectl.errors import PlatformError, Unsupported, UsageError
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Context, Kind, text
from gatectl.model import Live, ObjectKey
from gatectl.platforms.interface import Collection, Reader, Wire


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
    """What a workspace holds. `indexes` maps a kind to its live objects; one that is not live yet holds nothing."""

    context: Context
    indexes: Mapping[str, Index]


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
_LISTS: Final = frozenset(("buckets", "units", "aiLlms"))
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
        raise UsageError(f"there is no workspace '{name}'", f"visible: {', '.join(sorted(visible.by_name)) or 'none'}")
    return [name]


def read_current(
    reader: Reader,
    names: Iterable[str],
    workspaces: Index,
    kinds: Container[str] = KINDS,
    *,
    api_keys: bool = False,
    llms: bool = True,
) -> Current:
    """The content of the workspaces of these names; one that is not live is an empty one.

    `kinds` restricts the lists to those (and to what they need to be understood); `api_keys` asks for the provider API
    keys even where no bucket needs them; without `llms`, a platform that has no LLM configurations at all is fine (U25).
    Raises PlatformError when a list cannot be read whole.
    """
    states = {}
    for name in names:
        lives = workspaces.by_name.get(name, ())
        workspace_id = lives[0].id if lives else None
        states[name] = _read_workspace(reader, name, workspace_id, kinds, api_keys=api_keys, llms=llms)
    return Current(workspaces, states)


def _read_workspace(
    reader: Reader, name: str, workspace_id: str | None, kinds: Container[str], *, api_keys: bool, llms: bool
) -> WorkspaceState:
    context = Context(name, workspace_id, {}, {}, {}, reader.traits.openai)
    indexes = {kind.name: Index(()) for kind in KINDS.values() if kind.scoped}
    if workspace_id is None:
        return WorkspaceState(context, indexes)
    repositories = "Repository" in kinds
    if repositories or "Bucket" in kinds or api_keys:
        wires = _list(reader, "bucket", workspace_id)
        if api_keys or any(w.get("apiKeyId") and not w.get("key") for w in wires):
            context = context._replace(api_keys=_by_id(_list(reader, "apikeys", workspace_id)))
        indexes["Bucket"] = _index(KINDS["Bucket"], wires, context)
        context = context._replace(buckets=indexes["Bucket"].by_id)
    if repositories or "LLM" in kinds:
        indexes["LLM"] = _index(KINDS["LLM"], _llms(reader, workspace_id, required=llms), context)
        context = context._replace(llms=indexes["LLM"].by_id)
    for kind in KINDS.values():
        if kind.scoped and kind.name in kinds and kind.name not in ("Bucket", "LLM"):
            indexes[kind.name] = _index(kind, _list(reader, kind.collection, workspace_id), context)
    return WorkspaceState(context, indexes)


def _llms(reader: Reader, workspace_id: str, *, required: bool) -> Iterable[Wire]:
    try:
        return _list(reader, "ai/llm", workspace_id)
    except Unsupported:
        if required:
            raise
        return ()


def _index(kind: Kind, wires: Iterable[Wire], context: Context) -> Index:
    return Index(_lives(kind, wires, context))


def _lives(kind: Kind, wires: Iterable[Wire], context: Context) -> list[Live]:
    wires = list(wires)
    try:
        return [kind.read(wire, context) for wire in wires]
    except _MALFORMED:
        return [read_live(kind, wire, context) for wire in wires]  # once more, to tell which


def read_live(kind: Kind, wire: Wire, context: Context) -> Live:
    """One object of the platform. Raises PlatformError where a field of it is not what it should be."""
    try:
        return kind.read(wire, context)
    except KeyError as error:
        what = "a list" if error.args[0] in _LISTS else "text"
        problem = f"its '{error.args[0]}' is missing or not {what}"
    except _MALFORMED:
        problem = "one of its fields is not what it should be"
    which = next(
        (str(wire[name]) for name in ("id", "name") if isinstance(wire.get(name), (str, int))), "without an id"
    )
    raise PlatformError(f"GET /{kind.collection}: {kind.name} {which}: {problem}", _NO_PLATFORM)


def _list(reader: Reader, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
    """A list of objects, whatever they hold."""
    wires = reader.list(collection, workspace_id)
    if not all(isinstance(wire, (dict, Mapping)) for wire in wires):
        raise PlatformError(f"GET /{collection}: something in the list is not an object", _NO_PLATFORM)
    return wires


def _by_id(wires: Iterable[Wire]) -> dict[str, Mapping[str, Any]]:
    try:
        return {text(wire, "id"): wire for wire in wires}
    except KeyError as error:
        raise PlatformError("GET /apikeys: the 'id' of one is missing or not text", _NO_PLATFORM) from error
