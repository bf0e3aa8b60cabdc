"""Changes become a plan: a closed, ordered list of operations, as the JSON of product.md, section 4. Pure.

The same manifests and platform state give the same bytes: nothing here asks the clock, the network or chance.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypedDict

from gatectl.documents import plans, whose
from gatectl.documents.findings import Finding, NameFile
from gatectl.documents.ownership import owner_json
from gatectl.documents.plans import (
    FORMAT_VERSION,
    Operation,
    Plan,
    Remarks,
    Selection,
    Source,
    digest,
    fingerprint,
    signed,
)
from gatectl.documents.states import Points, points_of, resources
from gatectl.kinds import KINDS
from gatectl.kinds.states import state_hash
from gatectl.model import Change, CredentialReferences, Document, FieldValue, ObjectKey, Risk, State
from gatectl.planning.changes import Worked
from gatectl.planning.current import Current
from gatectl.planning.order import Holding, operation_id
from gatectl.planning.parts import LeftOut

_NOWHERE: Final[Points] = {}
_SECRETS: Final[tuple[Literal["key", "secret"], ...]] = ("key", "secret")


class Target(NamedTuple):
    """What a plan is bound to: a platform, and the project and environment that it is of.

    `wire` is the wire value of an OpenAI endpoint there (None: not known). `workspaces` are those that the manifests use.
    `place` tells stores on this machine apart that nobody has created yet: it is in a plan only where `instance` is None.
    `records` is the store that remembers what is applied (None: the platform's own database); a plan is not bound to it.
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
    records: plans.Records | None = None


def target_json(target: Target) -> plans.Target:
    """A target as a plan has it."""
    found: plans.Target = {
        "driver": target.driver,
        "url": target.url,
        "instance": target.instance,
        "workspaces": list(target.workspaces),
        "project": {"name": target.project, "uid": target.uid},
        "environment": target.environment,
        "wire": {} if target.wire is None else {"OpenAI": target.wire},
    }
    if target.instance is None and target.place is not None:
        found["place"] = target.place
    if target.records is not None:
        found["records"] = target.records
    return found


def _operation(change: Change, depends: Sequence[str], name_file: NameFile, pointed: Points) -> Operation:
    key = change.key
    head: plans.Head = {
        "id": operation_id(key),
        "action": change.action,
        "kind": key.kind,
        "workspace": key.workspace,
        "name": key.name,
        "platformId": change.id,
        "reason": change.reason,
        "risk": _risk(change),
        "dependsOn": list(depends),
        "attach": resources(change.attach, pointed),
        "detach": resources(change.detach, pointed),
        "keep": resources(change.keep, pointed),
        "fields": [
            {"path": path, "before": before, "after": _placed(after, change.document, name_file)}
            for path, before, after in sorted(change.fields, key=lambda field: field[0])
        ],
    }
    tail: plans.Tail = {
        "after": _after(change, pointed),
        "pre": {"exists": change.id is not None, "hash": _hash(key, change.before)},
        "post": {"hash": _hash(key, change.after)},
        "source": _location(change.document, name_file) if change.document is not None else None,
    }
    if change.protect is not None:
        tail["protect"] = change.protect
    if change.before is not None:
        head["before"] = _state(key, change.before, pointed)
        if change.api_keys:
            head["before"]["apiKeys"] = change.api_keys
    return {**head, **tail}


def _after(change: Change, pointed: Points) -> plans.State | None:
    if change.after is None:
        return None
    after = _state(change.key, change.after, pointed)
    if change.besides:
        after["besides"] = [{"label": label, "id": i} for label, i in change.besides]
    return after


def _state(key: ObjectKey, state: State, pointed: Points) -> plans.State:
    """A normal form as a plan has it."""
    found: plans.State = {"spec": dict(state.spec)}
    if KINDS[key.kind].attaches:
        found["attachments"] = resources(state.attachments, pointed)
    return found


def _hash(key: ObjectKey, state: State | None) -> str | None:
    return state_hash(key, state) if state is not None else None


def _risk(change: Change) -> Risk:
    if change.detach or change.action == "delete":
        return "destructive"
    return "widens" if change.widens else "none"


def _location(document: Document, name_file: NameFile) -> plans.Location:
    return {"file": name_file(document.file.path), "line": document.line, "column": document.column}


def _placed(value: FieldValue, document: Document | None, name_file: NameFile) -> FieldValue:
    """A field's value; a credential's `{file: path}`, which a manifest gives relative to itself, relative to the project.

    So an approval of the plan approves which file is read, and not only what it is called.
    """
    if document is None or not isinstance(value, Mapping):
        return value
    return placed(value, document, name_file)


def placed(value: CredentialReferences, document: Document, name_file: NameFile) -> CredentialReferences:
    """The credentials of a manifest, whose files are relative to it, with files as a plan names them."""
    found: CredentialReferences = {**value}
    for name in _SECRETS:
        if name in value and "file" in value[name]:
            found[name] = {
                "file": name_file(posixpath.normpath(posixpath.join(document.file.folder, value[name]["file"])))
            }
    return found


def points(current: Current) -> Points:
    """Where the live buckets and LLMs point."""
    found = {}
    for state in current.states.values():
        for name, index in state.indexes.items():
            for live in index.by_id.values() if KINDS[name].registers else ():
                if pointed := points_of(live.spec):
                    found[live.id] = pointed
    return found


def make_plan(
    target: Target,
    selection: Selection,
    source: Source,
    worked: Worked,
    arranged: Sequence[tuple[Change, tuple[str, ...]]],
    diagnostics: Sequence[Finding],
    name_file: NameFile,
    remarks: Remarks | None = None,
    pointed: Points = _NOWHERE,
    held: Sequence[Holding] = (),
    left: Sequence[LeftOut] = (),
) -> Plan:
    """The plan of what was worked out: nothing, where errors allow none. `held` and `left` is what errors leave as it is, while
    the rest is planned. `name_file` names a path in the plan.

    `selection` is the plan's own, what it is of; `remarks` are what else is to be said of it (`snapshot`). Neither is part
    of the fingerprint.
    """
    operations = [_operation(change, depends, name_file, pointed) for change, depends in arranged]
    draft: plans.Draft = {
        "formatVersion": FORMAT_VERSION,
        "target": target_json(target),
        "selection": selection,
        "source": source,
        "summary": _summary(operations, worked),
        "operations": operations,
        "adopts": [{**named(key), "platformId": platform_id} for key, platform_id in sorted(worked.adopts)],
        "kept": _kept(worked, pointed),
        "unmanaged": [named(key) for key in sorted(worked.unmanaged)],
        "diagnostics": list(diagnostics),
    }
    _remember(draft, worked)
    if held:
        draft["held"] = [{**named(h.key), "action": h.action, "reason": h.reason} for h in held]
    if left:
        draft["leftOut"] = [{"workspace": w.workspace, "errors": w.errors, "reason": w.reason} for w in left]
    return signed({**draft, **remarks} if remarks else draft)


def _remember(draft: plans.Draft, worked: Worked) -> None:
    """Add whose the objects are to be, where that changes, and what of theirs was accepted."""
    if worked.takes:
        draft["takeOver"] = [
            {**named(key), "platformId": platform_id, "from": owner_json(owner)}
            for key, platform_id, owner in sorted(worked.takes, key=lambda taken: (str(taken.key), taken.id))
        ]
    if worked.accepts:
        draft["accepted"] = _accepted(worked)
    if worked.protects:
        draft["protects"] = [
            {**named(key), "platformId": platform_id, "protect": protect}
            for key, platform_id, protect in sorted(worked.protects, key=lambda each: (str(each.key), each.id or ""))
        ]
    if worked.moves:
        draft["moves"] = [{"from": owner_json(owner), "objects": count} for owner, count in worked.moves]


def _accepted(worked: Worked) -> list[whose.Accepted]:
    return [
        {
            **named(key),
            "platformId": platform_id,
            "changed": [{"path": path, "applied": applied, "live": live} for path, applied, live, _ in differs],
        }
        for key, platform_id, differs in sorted(worked.accepts, key=lambda accepted: (str(accepted.key), accepted.id))
    ]


def _kept(worked: Worked, pointed: Points) -> list[plans.Kept]:
    return [
        {"workspace": key.workspace, "name": key.name, "attachments": resources(items, pointed)}
        for key, items in sorted(worked.kept, key=lambda kept: kept[0])
    ]


def with_operations(
    plan: Plan, operations: Sequence[Operation], adopts: Sequence[plans.Adopted], taken: Sequence[whose.TakenOver] = (),
    accepted: Sequence[whose.Accepted] = (), protects: Sequence[whose.Protects] = (),
) -> Plan:  # fmt: skip
    """The plan with these operations and adoptions, what is taken over, what of these deletions was accepted and what is protected, and
    with all that is counted and hashed of them."""
    summary: plans.Summary = {**plan["summary"], **_counted(operations), "adopt": len(adopts)}
    made: Plan = {**plan, "summary": summary, "operations": operations, "adopts": adopts}
    if taken:
        made["takeOver"] = taken
    else:
        made.pop("takeOver", None)
    deleted = {op["platformId"] for op in operations if op["action"] == "delete"}
    if found := [item for item in accepted if item["platformId"] in deleted]:
        made["accepted"] = found
    else:
        made.pop("accepted", None)
    if protects:
        made["protects"] = protects
    else:
        made.pop("protects", None)
    made["fingerprint"] = fingerprint(made)
    made["digest"] = digest(made)
    return made


def _summary(operations: Sequence[Operation], worked: Worked) -> plans.Summary:
    done = _counted(operations)
    return {
        "create": done["create"],
        "update": done["update"],
        "delete": done["delete"],
        "adopt": len(worked.adopts),
        "unchanged": len(worked.unchanged),
        "attach": done["attach"],
        "detach": done["detach"],
        "unmanaged": len(worked.unmanaged),
    }


class _Counted(TypedDict):
    create: int
    update: int
    delete: int
    attach: int
    detach: int


def _counted(operations: Sequence[Operation]) -> _Counted:
    done = Counter(operation["action"] for operation in operations)
    return {
        "create": done["create"],
        "update": done["update"],
        "delete": done["delete"],
        "attach": sum(len(operation["attach"]) for operation in operations),
        "detach": sum(len(operation["detach"]) for operation in operations),
    }


def named(key: ObjectKey) -> plans.Named:
    """An object as a plan names it."""
    return {"kind": key.kind, "workspace": key.workspace, "name": key.name}


def is_empty(plan: Plan) -> bool:
    return not plan["operations"]


def is_destructive(plan: Plan) -> bool:
    return any(op["risk"] == "destructive" for op in plan["operations"])


NOTHING: Final = Worked()
