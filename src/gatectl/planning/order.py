"""The order of the changes: which needs which, what a selection of them takes along, and in what order they can be done. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final, NamedTuple
from urllib.parse import quote

from gatectl.kinds import KINDS, referred
from gatectl.model import Action, Attachment, Change, Finding, ObjectKey, Spot
from gatectl.planning.changes import Worked
from gatectl.planning.owners import Protects
from gatectl.resources import STORAGE, folder_key

_PROTECTED: Final = "GW508"
Released = dict[str | None, list[tuple[Change, Attachment]]]
"""The changes that let go of a resource, each with how it was attached, by the resource's id."""


def operation_id(key: ObjectKey) -> str:
    """One id for each object: a plan does at most one thing to it."""
    parts = (key.kind.lower(), *((key.workspace,) if key.workspace is not None else ()), key.name)
    return "/".join(part if _PLAIN(part) is not None else _escaped(part) for part in parts)


_PLAIN: Final = re.compile(r"[A-Za-z0-9 ._-]*").fullmatch
"""Most names, in which there is nothing to escape."""


def _escaped(part: str) -> str:
    # A name that is live may hold half of a character, and its object is one to delete all the same.
    return quote(part, safe=" !$&'()*+,;=:@~-._", errors="surrogatepass")


def select(worked: Worked, chosen: frozenset[ObjectKey] | None) -> Worked:
    """The part of the work that concerns the chosen objects and what they need (None: all of it).

    What is needed and cannot be done (it has a finding, and no change) belongs to it too, and so does a repository that has to
    let go of what a chosen one attaches.
    """
    if chosen is None:
        return worked
    wanted = _with_what_they_need(worked, chosen)
    return _only(worked, lambda key: key in wanted)._replace(findings=_about(worked.findings, wanted))


def _only(worked: Worked, keep: Callable[[ObjectKey], bool]) -> Worked:
    """What of the work is about objects that are kept in it."""
    return worked._replace(
        changes=[c for c in worked.changes if keep(c.key)],
        unchanged=list(filter(keep, worked.unchanged)),
        adopts=[(key, platform_id) for key, platform_id in worked.adopts if keep(key)],
        takes=[taken for taken in worked.takes if keep(taken.key)],
        accepts=[accepted for accepted in worked.accepts if keep(accepted.key)],
        kept=[(key, items) for key, items in worked.kept if keep(key)],
        protects=_of(worked.protects, keep),
    )


def _of(protects: Sequence[Protects], keep: Callable[[ObjectKey], bool]) -> list[Protects]:
    return [each for each in protects if keep(each.key)]


def _with_what_they_need(worked: Worked, chosen: frozenset[ObjectKey]) -> set[ObjectKey]:
    """The keys, and those of all that has to be done before."""
    by_key = {change.key: change for change in worked.changes}
    depends = _dependencies(worked)
    wanted = set(chosen)
    queue = [by_key[key] for key in chosen if key in by_key]
    while queue:
        change = queue.pop()
        for key in (change.needs | depends[change.key]) - wanted:
            wanted.add(key)
            queue.extend((by_key[key],) if key in by_key else ())
    return wanted


def _about(findings: Sequence[Finding], keys: set[ObjectKey]) -> list[Finding]:
    """The findings about these objects, and those about none."""
    subjects = {tuple(key) for key in keys}
    return [f for f in findings if f.subject is None or f.subject in subjects]


class Holding(NamedTuple):
    """An object that is left as it is, what would have been done to it (None: nothing), and why it is not."""

    key: ObjectKey
    action: Action | None
    reason: str


def hold(worked: Worked, stopped: Mapping[ObjectKey, str]) -> tuple[Worked, list[Holding]]:
    """The work without the objects that are stopped (each with why) and all that needs them, and what is held so. What is held since it
    is protected is so no more once that was said."""
    if not stopped:
        return worked, []
    reasons = _reasons(worked, stopped)
    actions = {change.key: change.action for change in worked.changes}
    held = [Holding(key, actions.get(key), reasons[key]) for key in sorted(reasons, key=str)]
    protects = _of(worked.protects, lambda key: reasons.get(key, _PROTECTED) == _PROTECTED)
    return _only(worked, lambda key: key not in reasons)._replace(protects=protects), held


def _reasons(worked: Worked, stopped: Mapping[ObjectKey, str]) -> dict[ObjectKey, str]:
    """Why each object is held: what stops it, or what it needs."""
    needed_by: dict[ObjectKey, set[ObjectKey]] = {}
    depends = _dependencies(worked)
    for change in worked.changes:
        for need in change.needs | depends[change.key]:
            needed_by.setdefault(need, set()).add(change.key)
    reasons = dict(stopped)
    queue = sorted(stopped, key=str)
    for key in queue:  # which grows
        for other in sorted(needed_by.get(key, ()), key=str):
            if other not in reasons:
                reasons[other] = f"it needs {key}"
                queue.append(other)
    return reasons


def arrange(worked: Worked) -> tuple[list[tuple[Change, tuple[str, ...]]], list[Finding]]:
    """The changes in the order in which they can be done, each with the ids of those it depends on.

    Within a level the order is that of kind, workspace and name, whatever the order of the manifests. A circle (two
    repositories that exchange what the platform lets only one of them have) is GW505.
    """
    depends = _dependencies(worked)
    sorter: TopologicalSorter[ObjectKey] = TopologicalSorter(depends)
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
    """What has to be done before each change: what it needs, and whatever lets go of what it takes or deletes."""
    changed = {change.key for change in worked.changes}
    deleted = {change.key for change in worked.changes if change.action == "delete"}
    depends = {change.key: set(change.needs & changed) for change in worked.changes}
    for change in worked.changes:  # what names an object goes before it, or names another one before it goes
        for _, named in referred(change.key, change.before):
            if named in deleted:
                depends[named].add(change.key)
    released: Released = {}
    for change in worked.changes:
        for item in change.releases:
            released.setdefault(item.id, []).append((change, item))
    if released:
        for change in worked.changes:
            depends[change.key].update(_letting_go(worked, change, released))
    return depends


def _letting_go(worked: Worked, change: Change, released: Released) -> Iterator[ObjectKey]:
    """The repositories that have to let go of something before a change can be made."""
    for item in change.attach:
        for other, its in released.get(item.id, ()) if item.id is not None else ():
            if other is not change and _exclusive(worked, change, other, item, its):
                yield other.key
    if change.action == "delete" and KINDS[change.key.kind].registers:
        yield from (other.key for other, _ in released.get(change.id, ()))


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
