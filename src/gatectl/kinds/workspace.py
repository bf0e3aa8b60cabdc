"""Workspace: a name (platform-contract.md, section 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatectl.kinds.interface import Context, Kind, Order, name_of, text
from gatectl.model import Fields, Live, Manifest, ObjectKey, State
from gatectl.platforms.interface import Wire


def read(wire: Wire, context: Context) -> Live:
    name = text(wire, "name")
    return Live(ObjectKey("Workspace", None, name), text(wire, "id"), State({"name": name}), wire)


def declared(manifest: Manifest) -> Fields:
    return {"name": name_of(manifest)}


def comparable(spec: Fields) -> Fields:
    return spec


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    return {"name": order.name}


KIND = Kind("Workspace", "workspace", "workspace", 0, False, {"name": "/metadata/name"}, frozenset(), read, declared,
            comparable, body, holds=True)  # fmt: skip
