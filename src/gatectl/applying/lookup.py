"""The platform as far as a plan is about it, read before each level of its operations. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from gatectl.documents.operations import credentials_of, new_names, resources_of
from gatectl.documents.plans import Named, Operation, Plan, noted
from gatectl.errors import Forbidden
from gatectl.kinds import KINDS
from gatectl.planning.current import API_KEYS, Current, Index, read_current, read_workspaces
from gatectl.planning.manageable import read_only
from gatectl.planning.renaming import called
from gatectl.platforms.interface import Reader
from gatectl.quote import quote
from gatectl.records.leases import PLATFORM
from gatectl.resources import registrar_of


def read_concerned(reader: Reader, plan: Plan) -> Current:
    """The objects that a plan changes, refers to, or records something of; what it renames is attached under its new name, before and
    after. Raises PlatformError."""
    return read_about(reader, plan["operations"], noted(plan))


def read_about(reader: Reader, operations: Sequence[Operation], others: Sequence[Named] = ()) -> Current:
    """The objects that operations change or refer to, and others. Raises PlatformError."""
    visible = read_workspaces(reader, _renamed(operations))
    kinds = _kinds(operations, others)
    api_keys = any("apiKey" in (credentials_of(op) or {}) for op in operations)
    needed = kinds | _registrars(operations)
    names = _names(operations, others, visible)
    current = read_current(reader, names, visible, kinds, api_keys=api_keys, needed=needed)
    optional = [kind.collection for kind in KINDS.values() if kind.optional is not None and kind.name in needed]
    _refuse_without(current, [*optional, *([API_KEYS] if api_keys else [])])
    return called(current, new_names(operations))


def find_concerned(reader: Reader, plan: Plan) -> dict[str, str]:
    """The workspaces whose leases an apply of a plan holds: their names by id, as they are called now.

    Where the plan creates workspaces, or is about what lies in none, the platform's own is among them. Raises PlatformError.
    """
    visible = read_workspaces(reader, _renamed(plan["operations"]))
    found = {
        live.id: name
        for name in _names(plan["operations"], noted(plan), visible)
        for live in visible.by_name.get(name, ())
    }
    for op in plan["operations"]:
        if op["workspace"] is None or op["workspace"] not in visible.by_name:
            found[PLATFORM] = ""
            if op["platformId"] and KINDS[op["kind"]].holds:
                found[op["platformId"]] = op["name"]
    return found


def homes_left(levels: Sequence[Sequence[Operation]], current: Current) -> set[str] | None:
    """The workspaces, by id, that all of what is left to be done lies in; None: some of it lies in none, or in one that is not there yet.
    Once these are leased the platform's own lease is not needed any more, and others may create workspaces."""
    names = {op["workspace"] for level in levels for op in level}
    ids = {None if name is None else current.around(name).workspace_id for name in names}
    found = {each for each in ids if each is not None}
    return found if len(found) == len(ids) else None


def _names(operations: Sequence[Operation], others: Sequence[Named], visible: Index) -> list[str]:
    """The workspaces that this is about: all of them, where what lies in none is to be deleted and any may refer to it."""
    names = {item["workspace"] for item in (*operations, *others) if item["workspace"] is not None}
    if any(op["action"] == "delete" and op["workspace"] is None and not KINDS[op["kind"]].holds for op in operations):
        names.update(visible.by_name)
    return sorted(names)


def _renamed(operations: Sequence[Operation]) -> dict[str, str]:
    """The new names of the workspaces that are renamed, by id."""
    changed = ((op["platformId"], op) for op in operations if KINDS[op["kind"]].holds)
    return {platform_id: op["name"] for platform_id, op in changed if platform_id}


def _kinds(operations: Sequence[Operation], others: Sequence[Named]) -> set[str]:
    """The kinds of what this is about."""
    kinds = {item["kind"] for item in (*operations, *others)}
    if any(op["action"] == "delete" for op in operations):
        # Who attaches what is to be deleted, or refers to it.
        kinds.update(name for name, kind in KINDS.items() if kind.attaches or kind.refers)
    return kinds


def _registrars(operations: Sequence[Operation]) -> set[str]:
    """The kinds that register what is attached, detached and kept."""
    return {registrar_of(item["type"]) for op in operations for item in resources_of(op)}


def _refuse_without(current: Current, needed: Sequence[str]) -> None:
    """Raises what the platform said of a list that is needed and that it does not give."""
    for collection in needed:
        for state in current.states.values():
            if collection in state.refused:
                raise state.refused[collection]


def check_role(plan: Plan, current: Current) -> None:
    """Raises Forbidden where who applies may only read what is to be written: no write is tried."""
    closed = read_only(current, {op["workspace"] for op in plan["operations"] if op["workspace"] is not None})
    if closed:
        raise Forbidden(
            f"your role in workspace {', '.join(map(quote, closed))} is READ: nothing can be written there",
            "ask for the role WRITE, or apply with another account",
        )
