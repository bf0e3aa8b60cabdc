"""Workspace: a name (platform-contract.md, section 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatectl.kinds.interface import Context, Kind, Order, text
from gatectl.model import Live, Manifest, ObjectKey, Spec
from gatectl.platforms.interface import Wire


def read(wire: Wire, context: Context) -> Live:
    name = text(wire, "name")
    return Live(ObjectKey("Workspace", None, name), text(wire, "id"), {"name": name}, (), wire)


def want(manifest: Manifest, live: Live | None) -> Spec:
    return {"name": manifest.name}


def comparable(spec: Spec) -> Spec:
    return spec


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    return {"name": order.name}


KIND = Kind("Workspace", "workspace", "workspace", 0, False, {"name": "/metadata/name"}, frozenset(), read, want,
            comparable, body)  # fmt: skip
