"""Changes become a plan: a closed, ordered list of operations, as the JSON of product.md, section 4. Pure.

The same manifests and platform state give the same bytes: nothing here asks the clock, the network or chance.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gatectl.folders import folder_key
from gatectl.kinds import KINDS
from gatectl.manifests.desired import IDENTITY_FIELDS, STORAGE
from gatectl.model import Attachment, Change, Document, Finding, ObjectKey, Operation, Plan, Spec, Spot, State
from gatectl.planning.changes import Worked, canonical, old_state_hash, state_hash
from gatectl.planning.current import Current

FORMAT_VERSION: Final = "1.1"
OLD_VERSION: Final = "1.0"
_SHOWN_ONLY: Final = ("source", "reason")
_NOWHERE: Final[Mapping[str, Mapping[str, str]]] = {}


class Target(NamedTuple):
    """What a plan is bound to: a platform, and the project and environment that it is of.

    `wire` is the wire value of an OpenAI endpoint there (None: not known). `workspaces` are those that the manifests use.
    `place` tells stores on this machine apart that nobody has created yet: it is in a plan only where `instance` is None.
    """

    driver: str
    url: str
    instance: str | None
    project: str
    uid: str | None
    environment: str
    wire: str | None
    workspaces: tuple[str, ...] = ()
    place: str | None = None


def target_json(target: Target) -> dict[str, Any]:
    """A target as a plan has it."""
    return {
        "driver": target.driver,
        "url": target.url,
        "instance": target.instance,
        "workspaces": list(target.workspaces),
        "project": {"name": target.project, "uid": target.uid},
        "environment": target.environment,
        "wire": {} if target.wire is None else {"OpenAI": target.wire},
        **({"place": target.place} if target.instance is None and target.place is not None else {}),
    }


class Source(NamedTuple):
    """What a plan was worked out from: the checkout (None: not in git), and each input's path and SHA-256."""

    commit: str | None
    dirty: bool | None
    inputs: tuple[tuple[str, str], ...]


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


def _rank(change: Change) -> tuple[Any, ...]:
    rank = KINDS[change.key.kind].rank
    return (change.action == "delete", -rank if change.action == "delete" else rank, *map(str, change.key))


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
        if change.action == "delete" and change.key.kind in ("Bucket", "LLM"):
            depends[change.key].update(other.key for other, _ in released.get(change.id, ()))
    return depends


def _exclusive(worked: Worked, change: Change, other: Change, item: Attachment, its: Attachment) -> bool:
    """Whether one repository must let go before the other can attach (platform-contract.md, section 2.4)."""
    if item.identity[0] not in STORAGE:
        return False
    endings = (worked.endings.get(change.key), worked.endings.get(other.key))
    mirror = any(ending is None or ending.spec["mode"] != "Normal" for ending in endings)
    return mirror or folder_key(item.folder) == folder_key(its.folder)


def _circle(keys: Sequence[ObjectKey], changes: Mapping[ObjectKey, Change]) -> Finding:
    names = ", ".join(str(key) for key in sorted(set(keys)))
    document = changes[min(keys)].document
    return Finding(
        "GW505", f"these exchange attachments in a circle, which the platform cannot do in one step: {names}",
        "apply in two steps: first detach from one of them, then attach",
        spot=Spot(document, ("spec",)) if document is not None else None, subject=min(keys),
    )  # fmt: skip


Points = Mapping[str, Mapping[str, str]]
"""Where live buckets and LLMs point besides their names (endpoint, provider), by id; only what they have."""


def points(current: Current) -> Points:
    """Where the live buckets and LLMs point."""
    found: dict[str, Mapping[str, str]] = {}
    for state in current.states.values():
        for live in (*state.context.buckets.values(), *state.context.llms.values()):
            pointed = points_of(live.spec)
            if pointed:
                found[live.id] = pointed
    return found


def points_of(spec: Spec) -> dict[str, str]:
    """Where a bucket or an LLM of this normal form points, besides its names."""
    return {name: spec[name] for name in ("provider", "endpoint") if spec.get(name)}


def resource(item: Attachment, pointed: Points = _NOWHERE) -> dict[str, Any]:
    """An attachment as a plan shows it; where its resource points is told of what is live."""
    names = IDENTITY_FIELDS.get(item.identity[0], ("name",))
    return {
        "type": item.identity[0],
        **dict(zip(names, item.identity[1:], strict=False)),
        "label": item.label,
        "id": item.id,
        "folder": item.folder,
        "master": item.master,
        **(pointed.get(item.id, {}) if item.id is not None else {}),
    }


def _resources(items: Iterable[Attachment], pointed: Points) -> list[dict[str, Any]]:
    return [resource(item, pointed) for item in sorted(items, key=_attachment_order)]


def _state(kind: str, state: State | None, pointed: Points) -> dict[str, Any] | None:
    """A normal form as a plan has it."""
    if state is None:
        return None
    return {
        "spec": dict(state.spec),
        **({"attachments": _resources(state.attachments, pointed)} if kind == "Repository" else {}),
        **({"apiKeys": state.api_keys} if state.api_keys else {}),
        **({"besides": [{"label": label, "id": i} for label, i in state.besides]} if state.besides else {}),
    }


def read_attachment(item: Mapping[str, Any]) -> Attachment:
    """An attachment from its form in a plan."""
    names = [name for name in ("bucket", "account", "container", "name") if name in item]
    identity = (item["type"], *(item[name] for name in names))
    return Attachment(identity, item["label"], item["id"], item["folder"], item["master"])


def read_state(value: Mapping[str, Any]) -> State:
    """A normal form from its form in a plan."""
    return State(
        value["spec"],
        tuple(map(read_attachment, value.get("attachments", ()))),
        value.get("apiKeys", 0),
        tuple((item["label"], item["id"]) for item in value.get("besides", ())),
    )


def _attachment_order(item: Attachment) -> tuple[Any, ...]:
    return (item.identity, item.label or "", item.folder or "", item.id or "")


def _operation(change: Change, depends: tuple[str, ...], name_file: Any, pointed: Points) -> dict[str, Any]:
    document, kind = change.document, change.key.kind
    risk = "destructive" if change.detach or change.action == "delete" else "widens" if change.widens else "none"
    return {
        "id": operation_id(change.key),
        "action": change.action,
        "kind": change.key.kind,
        "workspace": change.key.workspace,
        "name": change.key.name,
        "platformId": change.id,
        "reason": change.reason,
        "risk": risk,
        "dependsOn": list(depends),
        "attach": _resources(change.attach, pointed),
        "detach": _resources(change.detach, pointed),
        "keep": _resources(change.keep, pointed),
        "fields": [
            {"path": path, "before": before, "after": _placed(after, document, name_file)}
            for path, before, after in sorted(change.fields, key=lambda field: field[0])
        ],
        **({"before": _state(kind, change.before, pointed)} if change.before is not None else {}),
        "after": _state(kind, change.after, pointed),
        "pre": {"exists": change.id is not None, "hash": hash_of(change.key, change.before)},
        "post": {"hash": hash_of(change.key, change.after)},
        "source": {"file": name_file(document.file.path), "line": document.line, "column": document.column}
        if document is not None
        else None,
    }


def hash_of(key: ObjectKey, state: State | None) -> str | None:
    """What `pre` and `post` have of a state."""
    return None if state is None else state_hash(KINDS[key.kind], key.workspace, state.spec, state.attachments)


def _placed(value: Any, document: Document | None, name_file: Callable[[str], str]) -> Any:
    """A field's value; a credential's `{file: path}`, which a manifest gives relative to itself, relative to the project.

    So an approval of the plan approves which file is read, and not only what it is called.
    """
    if document is None or not isinstance(value, Mapping):
        return value
    here = posixpath.dirname(document.file.path) if document.file.path != "-" else os.getcwd()
    return {
        name: {"file": name_file(posixpath.normpath(posixpath.join(here, inner["file"])))}
        if isinstance(inner, Mapping) and "file" in inner
        else inner
        for name, inner in value.items()
    }


def make_plan(
    target: Target,
    selection: Mapping[str, Any],
    source: Source,
    worked: Worked,
    arranged: Sequence[tuple[Change, tuple[str, ...]]],
    diagnostics: Sequence[Mapping[str, Any]],
    name_file: Any,
    remarks: Mapping[str, Any] | None = None,
    pointed: Points = _NOWHERE,
) -> Plan:
    """The plan. With a diagnostic of severity error there are no operations. `name_file` names a path in the plan.

    `selection` is the plan's own, what it is of; `remarks` are what else is to be said of it (`snapshot`). Neither is part
    of the fingerprint.
    """
    blocked = any(d["severity"] == "error" for d in diagnostics)
    operations = [] if blocked else [_operation(change, depends, name_file, pointed) for change, depends in arranged]
    count = {action: sum(op["action"] == action for op in operations) for action in ("create", "update", "delete")}
    plan: dict[str, Any] = {
        "formatVersion": FORMAT_VERSION,
        "target": target_json(target),
        "selection": selection,
        "source": {
            "commit": source.commit,
            "dirty": source.dirty,
            "inputs": [{"path": path, "sha256": digest} for path, digest in source.inputs],
        },
        "summary": {
            **count,
            "adopt": 0 if blocked else len(worked.adopts),
            "unchanged": 0 if blocked else len(worked.unchanged),
            "attach": sum(len(op["attach"]) for op in operations),
            "detach": sum(len(op["detach"]) for op in operations),
            "unmanaged": 0 if blocked else len(worked.unmanaged),
        },
        "operations": operations,
        "adopts": []
        if blocked
        else [
            {"kind": key.kind, "workspace": key.workspace, "name": key.name, "platformId": platform_id}
            for key, platform_id in sorted(worked.adopts)
        ],
        "kept": []
        if blocked
        else [
            {"workspace": key.workspace, "name": key.name, "attachments": _resources(items, pointed)}
            for key, items in sorted(worked.kept, key=lambda kept: kept[0])
        ],
        "unmanaged": []
        if blocked
        else [{"kind": key.kind, "workspace": key.workspace, "name": key.name} for key in sorted(worked.unmanaged)],
        "diagnostics": list(diagnostics),
        **(remarks or {}),
    }
    plan["fingerprint"] = fingerprint(plan)
    plan["digest"] = digest(plan)
    return plan


def fingerprint(plan: Mapping[str, Any]) -> str:
    """What an approval approves: formatVersion, target without `workspaces`, operations without `source` and `reason`
    (product.md, section 4). Nor does it cover where on a machine a store that is not there yet would lie.

    In format 1.0 it is of the whole target, and of operations without `source`.
    """
    if plan["formatVersion"] == OLD_VERSION:
        return _old_fingerprint(plan)
    operations = [{k: v for k, v in op.items() if k not in _SHOWN_ONLY} for op in plan["operations"]]
    target = {k: v for k, v in plan["target"].items() if k not in ("workspaces", "place")}
    value = {"formatVersion": plan["formatVersion"], "target": target, "operations": operations}
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def downgraded_fingerprint(plan: Plan) -> str:
    """The fingerprint that a plan of the same changes had in format 1.0."""
    target = {name: plan["target"][name] for name in ("driver", "url", "instance", "workspaces")}
    operations = [_downgraded(op) for op in plan["operations"]]
    return _old_fingerprint({"formatVersion": OLD_VERSION, "target": target, "operations": operations})


def _downgraded(op: Operation) -> dict[str, Any]:
    states = {name: read_state(op[name]) if op.get(name) is not None else None for name in ("before", "after")}
    hashes = {
        name: None if s is None else old_state_hash(KINDS[op["kind"]], op["workspace"], s.spec, s.attachments)
        for name, s in states.items()
    }
    lists = {
        name: [{k: v for k, v in item.items() if k not in ("provider", "endpoint")} for item in op[name]]
        for name in ("attach", "detach", "keep")
    }
    reason = op["reason"]
    if op["action"] == "delete":
        keys = op["before"].get("apiKeys", 0)
        lists["detach"] = []
        reason += ("; its API key dies with it" if keys == 1 else f"; its {keys} API keys die with it") if keys else ""
    return {
        **{name: op[name] for name in ("id", "action", "kind", "workspace", "name", "platformId", "risk", "dependsOn")},
        **lists,
        "reason": reason,
        "fields": [{**field, "after": _without_id(field["after"])} for field in op["fields"]],
        "pre": {**op["pre"], "hash": hashes["before"]},
        "post": {"hash": hashes["after"]},
    }


def _without_id(value: Any) -> Any:
    """A credential without the id that its API key had when this was planned."""
    return {k: v for k, v in value.items() if k != "id"} if isinstance(value, Mapping) else value


def _old_fingerprint(plan: Mapping[str, Any]) -> str:
    """The fingerprint of a plan of format 1.0: the whole target, and operations without `source`."""
    operations = [{k: v for k, v in op.items() if k != "source"} for op in plan["operations"]]
    value = {"formatVersion": plan["formatVersion"], "target": plan["target"], "operations": operations}
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def digest(plan: Mapping[str, Any]) -> str:
    """What tells that the file is the one that was written: everything in it but the digest itself."""
    value = {k: v for k, v in plan.items() if k != "digest"}
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def is_empty(plan: Plan) -> bool:
    return not plan["operations"]


def is_invalid(plan: Plan) -> bool:
    """Whether the plan carries a finding of severity error."""
    return any(d["severity"] == "error" for d in plan["diagnostics"])


def is_destructive(plan: Plan) -> bool:
    return any(op["risk"] == "destructive" for op in plan["operations"])


NOTHING: Final = Worked([], {}, [], [], [], [], [])
