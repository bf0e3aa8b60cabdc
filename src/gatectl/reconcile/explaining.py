"""The flow of `why`: a plan, what it was made from, who is at work, and who applied an object last. Reads, and only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from gatectl.applying.decided import About, fields_of, meant
from gatectl.applying.drifted import differences
from gatectl.documents.findings import Finding, relative_to
from gatectl.documents.limits import extent_of
from gatectl.documents.locks import Lock
from gatectl.documents.operations import key_of
from gatectl.documents.ownership import Owned
from gatectl.documents.plans import Operation, Plan, is_refused
from gatectl.documents.receipts import Actor, user_at_host
from gatectl.documents.states import read_state
from gatectl.documents.why import FORMAT_VERSION, Applied, Declared, FieldWhy, Pending, Wait, Why, short
from gatectl.errors import GuardrailRefused, UsageError
from gatectl.kinds import KINDS
from gatectl.manifests.selection import find_object, nearest, parse_target
from gatectl.model import Live, Manifest, ObjectKey
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection
from gatectl.quote import quote
from gatectl.reconcile import flow, locking
from gatectl.reconcile.holding import hold
from gatectl.reconcile.request import Request

Who = Callable[[str], Actor | None]
"""Who started a run of this project, as far as its history tells."""


class _Object(NamedTuple):
    """What there is of the object that is asked about."""

    key: ObjectKey
    manifest: Manifest | None
    live: Live | None
    owned: Owned | None
    operation: Operation | None


def explain(request: Request, name: str, field: str | None, connect: Callable[[], Connection], who: Who) -> Why:
    """Why the object KIND/[WORKSPACE/]NAME is as it is; of one field, or of all.

    Raises UsageError where there is no such object or field, with what was probably meant, and as a plan.
    """
    _, rest = parse_target(name, "why")
    workspace = rest.rpartition("/")[0]
    seen = flow.see(request._replace(beside=frozenset((workspace,)) if workspace else frozenset()), connect)
    found = _found(seen, find_object(name, list(_keys(seen)), "why"))
    plan, key = seen.plan, found.key
    about = [f for f in plan["diagnostics"] if _is_about(f, key)]
    state = read_state(found.owned.state) if found.owned is not None and found.owned.state is not None else None
    differing = differences([found.operation], seen.holdings) if found.operation is not None else []
    rows = fields_of(
        About(
            key, found.manifest, seen.endings.get(key), state, found.live, differing, about,
            request.environment.workspace,
        ),
        relative_to(str(request.project.folder)),
    )  # fmt: skip
    waits = [*_held(plan, about), *_guardrail(request, plan, found.operation), *_open_runs(seen, key)]
    if seen.current is not None and driver_for(request.environment.platform).writable:
        home = seen.current.around(key.workspace).workspace_id
        waits += _leases(locking.look(request, connect)["leases"], home)
    return {
        "formatVersion": FORMAT_VERSION,
        "target": plan["target"],
        "source": {"commit": plan["source"]["commit"], "dirty": plan["source"]["dirty"]},
        "object": {"kind": key.kind, "workspace": key.workspace, "name": key.name},
        "platformId": found.live.id if found.live is not None else None,
        "read": seen.current is not None,
        "declared": _declared(request, found.manifest, plan),
        "applied": _applied(seen, found.owned, who),
        "plan": _pending(plan, seen, found),
        "waits": waits,
        "fields": rows if field is None else _chosen(rows, field, key),
    }


def _keys(seen: flow.Seen) -> Iterator[ObjectKey]:
    """All objects that there are: declared, live, or applied by this project."""
    yield from (ObjectKey(m.kind, m.workspace, m.name) for m in seen.wanted.manifests if m.name is not None)
    if seen.current is not None:
        yield from (live.key for live in seen.current.workspaces.by_id.values())
        yield from (live.key for live in seen.current.lives())
    if seen.holdings is not None:
        yield from (ObjectKey(o.kind, o.workspace, o.name) for o in seen.holdings.ours() if o.kind)


def _found(seen: flow.Seen, key: ObjectKey) -> _Object:
    manifests = (m for m in seen.wanted.manifests if (m.kind, m.workspace, m.name) == key)
    operation = next((op for op in seen.plan["operations"] if key_of(op) == key), None)
    live = _live(seen, key)
    return _Object(key, next(manifests, None), live, _owned(seen, key, live), operation)


def _live(seen: flow.Seen, key: ObjectKey) -> Live | None:
    """The live object that the manifest means, else the one of that name."""
    pair = next((pair for pair in seen.pairs if pair.key == key), None)
    if pair is not None and pair.live is not None:
        return pair.live
    lives = seen.current.among(key).by_name.get(key.name, ()) if seen.current is not None else ()
    return next(iter(lives), None)


def _owned(seen: flow.Seen, key: ObjectKey, live: Live | None) -> Owned | None:
    """How it was applied last; where it is not there any more, by this project."""
    if seen.holdings is None:
        return None
    if live is not None:
        return seen.holdings.by_id.get(live.id)
    return next((o for o in seen.holdings.ours() if (o.kind, o.workspace, o.name) == key), None)


def _is_about(finding: Finding, key: ObjectKey) -> bool:
    subject = finding["manifest"]
    return subject is not None and (subject["kind"], subject["workspace"], subject["name"]) == key


def _declared(request: Request, manifest: Manifest | None, plan: Plan) -> Declared | None:
    if manifest is None:
        return None
    document = manifest.document
    file = document.file.path
    named = file if file == "-" else relative_to(str(request.project.folder))(file)
    commit, dirty = plan["source"]["commit"], plan["source"]["dirty"]
    return {
        "source": {"file": named, "line": document.line, "column": document.column},
        "commit": commit,
        "dirty": dirty,
    }


def _applied(seen: flow.Seen, owned: Owned | None, who: Who) -> Applied | None:
    if owned is None or seen.holdings is None:
        return None
    ours = seen.holdings.is_ours(owned.id)
    return {
        "project": owned.owner.project,
        "environment": owned.owner.environment,
        "run": owned.run,
        "at": owned.at,
        "by": who(owned.run) if ours and owned.run is not None else None,
        "commit": owned.commit,
        "file": owned.file,
        "ours": ours,
        "adopted": owned.adopted,
        "protected": owned.protected,
        "remembered": owned.state is not None,
    }


def _pending(plan: Plan, seen: flow.Seen, found: _Object) -> Pending:
    """What a plan would do with it, in words where that is nothing."""
    if found.operation is not None:
        op = found.operation
        return {"action": op["action"], "reason": op["reason"], "risk": op["risk"]}
    for held in plan.get("held", ()):
        if (held["kind"], held["workspace"], held["name"]) == found.key:
            return {"action": None, "reason": f"held: {held['reason']}", "risk": None}
    if is_refused(plan):
        return {"action": None, "reason": "nothing is planned while the manifests have errors", "risk": None}
    if found.manifest is not None:
        adopts = any((a["kind"], a["workspace"], a["name"]) == found.key for a in plan["adopts"])
        reason = "the platform is as its manifest says" + ("; an apply takes it under management" if adopts else "")
        return {"action": None, "reason": reason, "risk": None}
    if found.live is None:
        return {"action": None, "reason": "neither declared nor live: it was applied, and is gone", "risk": None}
    ours = seen.holdings is not None and seen.holdings.is_ours(found.live.id)
    if ours:
        return {"action": None, "reason": "no manifest declares it any more: it stays until --prune", "risk": None}
    return {"action": None, "reason": "no manifest declares it, so it is left as it is", "risk": None}


def _held(plan: Plan, about: Iterable[Finding]) -> Iterator[Wait]:
    errors = [found for found in about if found["severity"] == "error"]
    for found in errors:
        wait: Wait = {"on": "finding", "message": found["message"], "rule": found["rule"], "hint": found["hint"]}
        if found["file"] is not None:
            wait["source"] = {"file": found["file"], "line": found["line"], "column": found["column"]}
        yield wait
    if is_refused(plan) and not errors:
        number = sum(found["severity"] == "error" for found in plan["diagnostics"])
        told = f"{number:,} errors" if number > 1 else "an error"
        yield {
            "on": "finding",
            "message": f"nothing is planned: other manifests have {told}",
            "hint": "gatectl plan shows them",
        }


def _guardrail(request: Request, plan: Plan, operation: Operation | None) -> Iterator[Wait]:
    if operation is None:
        return
    try:
        hold(request, plan, extent_of(plan.get("guardrails")))
    except GuardrailRefused as error:
        yield {"on": "guardrail", "message": error.message, "hint": error.hint}


def _open_runs(seen: flow.Seen, key: ObjectKey) -> Iterator[Wait]:
    for run in seen.runs:
        if any(key_of(intent["operation"]) == key for intent in run.intents):
            head = run.head
            message = f"run {quote(head.run)} of {quote(head.by)} has not ended, and was about to write it"
            yield {"on": "run", "message": message, "hint": "the next apply finds out what it did", "run": head.run}


def _leases(locks: Sequence[Lock], workspace_id: str | None) -> Iterator[Wait]:
    for lock in locks:
        if lock["state"] == "held" and lock["workspaceId"] in (None, workspace_id):
            of = "to the platform itself" if lock["workspaceId"] is None else f"in workspace {quote(lock['workspace'])}"
            who = quote(user_at_host(lock["user"], lock["host"]) or "somebody")
            message = f"{who} applies {of} since {quote(lock['since'])}"
            yield {
                "on": "lease", "message": message, "hint": "gatectl lock status shows who is at work", "run": lock["run"],
                "url": lock["url"],
            }  # fmt: skip


def _chosen(rows: Sequence[FieldWhy], field: str, key: ObjectKey) -> list[FieldWhy]:
    """The rows that a field means. Raises UsageError for one that there is not."""
    paths = meant(field, [row["path"] for row in rows])
    if paths:
        return [row for row in rows if row["path"] in paths]
    names = [short(row["path"]) for row in rows]
    near = nearest(field.removeprefix("spec."), names)
    hint = f"did you mean {quote(near)}?" if near is not None else f"there is: {', '.join(names)}"
    raise UsageError(f"{KINDS[key.kind].one} has no field '{quote(field)}' here", hint)
