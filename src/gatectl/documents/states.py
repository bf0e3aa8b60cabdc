"""Attachments and normal forms as a plan has them, written and read back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from gatectl.documents import plans
from gatectl.documents.plans import Pointed, Resource, ResourceNames
from gatectl.model import Attachment, State
from gatectl.resources import RESOURCE_NAMES, fields_of

Points = Mapping[str, Pointed]
"""Where live buckets and LLMs point besides their names (endpoint, provider), by id; only what they have."""

_NOWHERE: Final[Points] = {}
_POINTED: Final[tuple[Literal["provider", "endpoint"], ...]] = ("provider", "endpoint")


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


def read_attachment(item: Resource) -> Attachment:
    """An attachment from its form in a plan."""
    names = (item[name] or "" for name in RESOURCE_NAMES if name in item)
    return Attachment((item["type"], *names), item["label"], item["id"], item["folder"], item["master"])


def state_json(state: State, *, attaches: bool) -> plans.State:
    """A live normal form as a plan has it; `attaches`: the object is of a kind that attaches others."""
    found: plans.State = {"spec": dict(state.spec)}
    if attaches:
        found["attachments"] = resources(state.attachments, _NOWHERE)
    return found


def read_state(value: plans.State) -> State:
    """A normal form from its form in a plan."""
    return State(value["spec"], tuple(map(read_attachment, value.get("attachments", ()))))


def _attachment_order(item: Attachment) -> tuple[tuple[str, ...], str, str, str]:
    return (item.identity, item.label or "", item.folder or "", item.id or "")
