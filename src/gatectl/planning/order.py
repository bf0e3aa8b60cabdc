"""The order of the changes: which needs which, what a selection of them takes along, and in what order they can be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from urllib.parse import quote

from gatectl.kinds import KINDS
from gatectl.model import Attachment, Change, Finding, ObjectKey, Spot
from gatectl.planning.changes import Worked
from gatectl.resources import STORAGE, folder_key


def operation_id(key: ObjectKey) -> str:
    """One id for each object: a plan does at most one thing to it."""
    parts = (key.kind.lower(), *((key.workspace,) if key.workspace is not None else ()), key.name)
    return "/".join(quote(part, safe=" !$&'()*+,;=:@~-._") for part in parts)


def select(worked: Worked, chosen: frozenset[ObjectKey] | None) -> Worked:
    """The part of the work that concerns the chosen objects and what they need (None: all of it).

    What is needed and cannot be done (it has a finding, and no change) belongs to it too, and so does a repository that has to
    let go of what a chosen one attaches.
    """
    if chosen is None:
        return worked
    by_key = {change.key: change for change in worked.changes}
    depends = _dependencies(worked)
    wanted = set(chosen)
    queue = [by_key[key] for key in chosen if key in by_key]
    while queue:
        change = queue.pop()
        for key in change.needs | depends[change.key]:
            if key not in wanted:
                wanted.add(key)
                queue.extend((by_key[key],) if key in by_key else ())
    subjects = {tuple(key) for key in wanted}
    return worked._replace(
        changes=[c for c in worked.changes if c.key in wanted],
        unchanged=[key for key in worked.unchanged if key in wanted],
        adopts=[(key, platform_id) for key, platform_id in worked.adopts if key in wanted],
        kept=[(key, items) for key, items in worked.kept if key in wanted],
        findings=[f for f in worked.findings if f.subject is None or f.subject in subjects],
    )


def arrange(worked: Worked) -> tuple[list[tuple[Change, tuple[str, ...]]], list[Finding]]:
    """The changes in the order in which they can be done, each with the ids of those it depends on.

    Within a level the order is that of kind, workspace and name, whatever the order of the manifests. A circle (two
    repositories that exchange what the platform lets only one of them have) is GW505.
    """
    depends = _dependencies(worked)
    sorter: TopologicalSorter[ObjectKey] = TopologicalSorter({key: needs for key, needs in depends.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        return [], [_circle(error.args[1], {c.key: c for c in worked.changes})]
    by_key = {change.key: change for change in worked.changes}
    arranged = []
    while sorter.is_active():
        level = sorted(sorter.get_ready(), key=lambda key: _rank(by_key[key]))
        for key in level:
            arranged.append((by_key[key], tuple(sorted(map(operation_id, depends[key])))))
        sorter.done(*level)
    return arranged, []


def _rank(change: Change) -> tuple[bool, int, str, str, str]:
    rank = KINDS[change.key.kind].rank
    kind, workspace, name = change.key
    return (change.action == "delete", -rank if change.action == "delete" else rank, kind, str(workspace), name)


def _dependencies(worked: Worked) -> dict[ObjectKey, set[ObjectKey]]:
    changed = {change.key for change in worked.changes}
    depends = {change.key: set(change.needs & changed) for change in worked.changes}
    released: dict[str | None, list[tuple[Change, Attachment]]] = {}
    for change in worked.changes:
        for item in change.releases:
            released.setdefault(item.id, []).append((change, item))
    if not released:
        return depends
    for change in worked.changes:
        for item in change.attach:
            for other, its in released.get(item.id, ()) if item.id is not None else ():
                if other is not change and _exclusive(worked, change, other, item, its):
                    depends[change.key].add(other.key)
        if change.action == "delete" and KINDS[change.key.kind].registers:
            depends[change.key].update(other.key for other, _ in released.get(change.id, ()))
    return depends


def _exclusive(worked: Worked, change: Change, other: Change, item: Attachment, its: Attachment) -> bool:
    """Whether one repository must let go before the other can attach (platform-contract.md, section 2.4)."""
    if item.type not in STORAGE:
        return False
    endings = (worked.endings.get(change.key), worked.endings.get(other.key))
    mirror = any(ending is None or ending.state.spec["mode"] != "Normal" for ending in endings)
    return mirror or folder_key(item.folder) == folder_key(its.folder)


def _circle(keys: Sequence[ObjectKey], changes: Mapping[ObjectKey, Change]) -> Finding:
    names = ", ".join(str(key) for key in sorted(set(keys)))
    document = changes[min(keys)].document
    return Finding(
        "GW505", f"these exchange attachments in a circle, which the platform cannot do in one step: {names}",
        "apply in two steps: first detach from one of them, then attach",
        spot=Spot(document, ("spec",)) if document is not None else None, subject=min(keys),
    )  # fmt: skip
