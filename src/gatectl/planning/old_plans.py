"""What a plan would have been in format 1.0, whose fingerprints may have been approved. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gatectl.documents import plans
from gatectl.documents.operations import key_of
from gatectl.documents.plans import Field, Operation, Plan, Resource, Target, old_fingerprint
from gatectl.documents.states import read_state
from gatectl.kinds.states import old_state_hash


def downgraded_fingerprint(plan: Plan) -> str:
    """The fingerprint that a plan of the same changes had in format 1.0."""
    said = plan["target"]
    target: Target = {
        "driver": said["driver"],
        "url": said["url"],
        "instance": said["instance"],
        "workspaces": said["workspaces"],
    }
    return old_fingerprint(target, [downgraded(operation) for operation in plan["operations"]])


def downgraded(op: Operation) -> Operation:
    """The operation as format 1.0 has it: without states, and a delete without what goes with it."""
    deletes = op["action"] == "delete"
    return {
        "id": op["id"],
        "action": op["action"],
        "kind": op["kind"],
        "workspace": op["workspace"],
        "name": op["name"],
        "platformId": op["platformId"],
        "risk": op["risk"],
        "dependsOn": op["dependsOn"],
        "attach": _without_points(op["attach"]),
        "detach": [] if deletes else _without_points(op["detach"]),
        "keep": _without_points(op["keep"]),
        "reason": op["reason"] + (_dies(op.get("before")) if deletes else ""),
        "fields": [_without_id(field) for field in op["fields"]],
        "pre": {**op["pre"], "hash": _hash(op, op.get("before"))},
        "post": {"hash": _hash(op, op.get("after"))},
        "source": op["source"],
    }


def _hash(op: Operation, state: plans.State | None) -> str | None:
    return old_state_hash(key_of(op), read_state(state)) if state is not None else None


def _dies(before: plans.State | None) -> str:
    keys = before.get("apiKeys", 0) if before is not None else 0
    if not keys:
        return ""
    return "; its API key dies with it" if keys == 1 else f"; its {keys} API keys die with it"


def _without_points(items: Sequence[Resource]) -> list[Resource]:
    """The attachments without where their resources point."""
    found = [item.copy() for item in items]
    for item in found:
        item.pop("provider", None)
        item.pop("endpoint", None)
    return found


def _without_id(field: Field) -> Field:
    """A credential without the id that its API key had when this was planned."""
    value = field["after"]
    if not isinstance(value, dict):
        return field
    plain = value.copy()
    plain.pop("id", None)
    return {**field, "after": plain}
