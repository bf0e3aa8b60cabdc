"""LLM: an AI LLM configuration in a workspace (platform-contract.md, section 1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.kinds.interface import Context, Kind, Order, credentials, name_of, optional_text, text
from gatectl.model import Fields, Live, Manifest, ObjectKey, State
from gatectl.platforms.interface import Wire
from gatectl.resources import Identity

TO_WIRE: Final = {"OpenAI": "OPENAI", "Google": "GOOGLE", "Anthropic": "ANTHROPIC", "AWS": "AWS", "Other": "OTHER"}
FROM_WIRE: Final = {wire: name for name, wire in TO_WIRE.items()}


def read(wire: Wire, context: Context) -> Live:
    name, provider = text(wire, "name"), text(wire, "aiType")
    spec = {
        "name": name,
        "provider": FROM_WIRE.get(provider.upper(), provider),
        "endpoint": optional_text(wire, "endpoint"),
    }
    return Live(ObjectKey("LLM", context.workspace, name), text(wire, "id"), State(spec), wire)


def identity(spec: Fields) -> Identity:
    """The identity of an LLM configuration: repositories attach it by its name."""
    return ("LLM", spec["name"])


def declared(manifest: Manifest) -> Fields:
    spec = {"name": name_of(manifest), "provider": manifest.spec["provider"]}
    return {**spec, "endpoint": manifest.spec["endpoint"]} if "endpoint" in manifest.spec else spec


def comparable(spec: Fields) -> Fields:
    return {**spec, "endpoint": spec["endpoint"].rstrip("/")}


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    fields = order.fields
    written: dict[str, Any] = {"name": order.name}
    if wire is None:
        written["workspaceId"] = context.workspace_id
    else:
        written["aiType"] = wire["aiType"]
        written["endpoint"] = wire.get("endpoint")
    if "/spec/provider" in fields:
        written["aiType"] = TO_WIRE[fields["/spec/provider"]]
    if "/spec/endpoint" in fields:
        written["endpoint"] = fields["/spec/endpoint"] or None
    written.update(credentials(order, context, fields.get("/spec/credentials")))
    return written


KIND = Kind(
    "LLM", "llm", "ai/llm", 1, True,
    {"name": "/metadata/name", "provider": "/spec/provider", "endpoint": "/spec/endpoint"},
    frozenset(), read, declared, comparable, body, {"endpoint": ""}, identity=identity, credentials=True, by_name=True,
    optional="LLM configurations", least=({"provider": "Other"},),
)  # fmt: skip
