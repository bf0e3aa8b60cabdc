"""Attachments and normal forms as a plan has them, written and read back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from gatectl.documents import plans
from gatectl.documents.plans import Pointed, Resource, ResourceNames
from gatectl.kinds import KINDS
from gatectl.model import Attachment, ObjectKey, State
from gatectl.planning.changes import state_hash
from gatectl.planning.current import Current
from gatectl.resources import RESOURCE_NAMES, fields_of

Points = Mapping[str, Pointed]
"""Where live buckets and LLMs point besides their names (endpoint, provider), by id; only what they have."""

_NOWHERE: Final[Points] = {}
_POINTED: Final[tuple[Literal["provider", "endpoint"], ...]] = ("provider", "endpoint")


def points(current: Current) -> Points:
    """Where the live buckets and LLMs point."""
    found: dict[str, Pointed] = {}
    for state in current.states.values():
        for live in (*state.context.buckets.values(), *state.context.llms.values()):
            pointed = points_of(live.spec)
            if pointed:
                found[live.id] = pointed
    return found


def points_of(spec: Mapping[str, str]) -> Pointed:
    """Where a bucket or an LLM of this normal form points, besides its names."""
    found: Pointed = {}
    for name in _POINTED:
        if spec.get(name):
            found[name] = spec[name]
    return found


def pointed_of(item: Resource) -> Pointed:
    """Where the resource of an attachment pointed when this was planned."""
    found: Pointed = {}
    for name in _POINTED:
        if name in item:
            found[name] = item[name]
    return found


def resource(item: Attachment, pointed: Points = _NOWHERE) -> Resource:
    """An attachment as a plan shows it; where its resource points is told of what is live."""
    named: ResourceNames = {}
    for field, value in zip(fields_of(item.type), item.identity[1:], strict=False):
        named[field] = value
    there: Pointed = pointed.get(item.id, {}) if item.id is not None else {}
    return {
        "type": item.type,
        **named,
        "label": item.label,
        "id": item.id,
        "folder": item.folder,
        "master": item.master,
        **there,
    }


def resources(items: Iterable[Attachment], pointed: Points) -> list[Resource]:
    """Attachments as a plan shows them, in an order that does not depend on the platform's."""
    return [resource(item, pointed) for item in sorted(items, key=_attachment_order)]


def state_json(kind: str, state: State, pointed: Points) -> plans.State:
    """A normal form as a plan has it."""
    found: plans.State = {"spec": dict(state.spec)}
    if kind == "Repository":
        found["attachments"] = resources(state.attachments, pointed)
    if state.api_keys:
        found["apiKeys"] = state.api_keys
    if state.besides:
        found["besides"] = [{"label": label, "id": i} for label, i in state.besides]
    return found


def read_attachment(item: Resource) -> Attachment:
    """An attachment from its form in a plan."""
    names = (item[name] or "" for name in RESOURCE_NAMES if name in item)
    return Attachment((item["type"], *names), item["label"], item["id"], item["folder"], item["master"])


def read_state(value: plans.State) -> State:
    """A normal form from its form in a plan."""
    return State(
        value["spec"],
        tuple(map(read_attachment, value.get("attachments", ()))),
        value.get("apiKeys", 0),
        tuple((item["label"], item["id"]) for item in value.get("besides", ())),
    )


def _attachment_order(item: Attachment) -> tuple[tuple[str, ...], str, str, str]:
    return (item.identity, item.label or "", item.folder or "", item.id or "")


def hash_of(key: ObjectKey, state: State | None) -> str | None:
    """What `pre` and `post` have of a state."""
    return None if state is None else state_hash(KINDS[key.kind], key.workspace, state.spec, state.attachments)
