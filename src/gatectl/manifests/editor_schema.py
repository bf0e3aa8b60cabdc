"""One schema for all kinds together, made of the schemas of each: what editors are pointed at for manifest files.

`schemas/manifest.schema.json` is what this gives; a test holds the file against it, and says how to write it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def combine(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema that chooses among `schemas` (by kind) by a manifest's `kind`. Self-contained, as editors want it."""
    definitions: dict[str, Any] = {}
    for kind, schema in schemas.items():
        for name, definition in schema.get("$defs", {}).items():
            definitions[f"{kind}.{name}"] = _moved(definition, kind)
        own = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
        definitions[kind] = _moved(own, kind)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest",
        "description": "A gatectl manifest of any kind.",
        "type": "object",
        "properties": {
            "apiVersion": {"const": "gatectl.io/v1", "description": "The version of the manifest format."},
            "kind": {"type": "string", "enum": list(schemas), "description": "What the manifest declares."},
        },
        "required": ["apiVersion", "kind", "metadata"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{kind}"},
            }
            for kind in schemas
        ],
        "$defs": definitions,
    }


def _moved(value: Any, kind: str) -> Any:
    """A part of a kind's schema with its references pointing to where its definitions are now."""
    if isinstance(value, Mapping):
        return {
            key: f"#/$defs/{kind}.{inner.rpartition('/')[2]}" if key == "$ref" else _moved(inner, kind)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_moved(item, kind) for item in value]
    return value
