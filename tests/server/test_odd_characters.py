"""Half a character, a byte that is none, a NUL: in no place of any request does one become a 5xx or reach the log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gatectl.server.openapi import describe
from gatectl.server.routes import ENDPOINTS

HALF = "a\ud800b"
DESCRIPTION = describe()
ESCAPED = ("%ED%A0%80", "%FF", "a%00b")
"""What a path or a query may hold: half a character, a byte that begins none, a NUL."""

RAW = (b"\xff", "\ud800".encode("utf-8", "surrogatepass"))
HEADERS = ("Authorization", "If-Match", "Idempotency-Key", "Content-Type", "Gatectl-Fence", "User-Agent")


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def example(schema: Mapping[str, Any], workspace: str) -> Any:
    """Something of every field that a schema has."""
    schema = resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return example(schema[word][0], workspace)
    if "properties" in schema:
        found = {name: example(inner, workspace) for name, inner in schema["properties"].items()}
        return found | ({"workspaceId": workspace} if "workspaceId" in found else {})
    kind = schema.get("type")
    if kind == "array":
        return [example(schema.get("items", {}), workspace)]
    return {"boolean": True, "integer": 1, "number": 1}.get(str(kind), "x")


def spoilt(value: Any) -> Iterator[Any]:
    """The value with half a character in one place, for each place: a value, a key, an item."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {**value, name: HALF}
            yield {**{n: v for n, v in value.items() if n != name}, HALF: inner}
            yield from ({**value, name: each} for each in spoilt(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], each, *value[index + 1 :]] for each in (HALF, *spoilt(inner)))


def requests(workspace: str) -> Iterator[tuple[str, str, bytes, Mapping[bytes, bytes]]]:
    for endpoint in ENDPOINTS:
        described = DESCRIPTION["paths"][endpoint.path][endpoint.method.lower()]
        plain = re.sub(r"\{[^}]*\}", "x", endpoint.path)
        for text in ESCAPED:
            if "{" in endpoint.path:
                yield endpoint.method, re.sub(r"\{[^}]*\}", text, endpoint.path), b"{}", {}
            names = [p["name"] for p in described.get("parameters", []) if p["in"] == "query"]
            yield endpoint.method, f"{plain}?{text}={text}&" + "&".join(f"{name}={text}" for name in names), b"{}", {}
        for raw in RAW:
            yield endpoint.method, plain, b"{}", {name.encode(): raw for name in HEADERS[1:]}
            yield endpoint.method, plain, b"{}", {b"Authorization": b"Bearer " + raw}
            yield endpoint.method, plain, b'{"name": "' + raw + b'"}', {}
        body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if body is not None:
            for each in spoilt(example(body, workspace)):
                yield endpoint.method, plain, json.dumps(each).encode(), {}


def test_no_odd_character_becomes_a_fault_of_the_server(served: Any) -> None:
    count = 0
    for method, path, content, headers in requests(served.workspace):
        answer = served.client.request(method, path, content=content, headers=dict(headers))
        assert answer.status_code < 500, (method, path, content, headers, answer.text)
        count += 1
    assert count > 500
    served.stop()
    assert "Traceback" not in served.log and "surrogate" not in served.log
