"""LLM: an AI LLM configuration in a workspace (platform-contract.md, section 1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.kinds.interface import Context, Kind, Order, credentials, optional_text, text
from gatectl.model import Live, Manifest, ObjectKey, Spec
from gatectl.platforms.interface import Wire

TO_WIRE: Final = {"OpenAI": "OPENAI", "Google": "GOOGLE", "Anthropic": "ANTHROPIC", "AWS": "AWS", "Other": "OTHER"}
FROM_WIRE: Final = {wire: name for name, wire in TO_WIRE.items()}


def read(wire: Wire, context: Context) -> Live:
    name, provider = text(wire, "name"), text(wire, "aiType")
    spec = {
        "name": name,
        "provider": FROM_WIRE.get(provider.upper(), provider),
        "endpoint": optional_text(wire, "endpoint"),
    }
    return Live(ObjectKey("LLM", context.workspace, name), text(wire, "id"), spec, (), wire)


def want(manifest: Manifest, live: Live | None) -> Spec:
    kept = live.spec if live is not None else {}
    return {
        "name": manifest.name,
        "provider": manifest.spec["provider"],
        "endpoint": manifest.spec.get("endpoint", kept.get("endpoint", "")),
    }


def comparable(spec: Spec) -> Spec:
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
    frozenset(), read, want, comparable, body,
)  # fmt: skip
