"""The OpenAPI 3.1 document: the table of endpoints and the shapes, put together.

Law: nothing is said here that is not in the table or in the shapes.
"""

from __future__ import annotations

from typing import Any

from gatectl.platforms.embedded.creations import LONGEST_KEY
from gatectl.platforms.fencing import HEADER, PATTERN
from gatectl.platforms.interface import KEY
from gatectl.server.endpoint import Endpoint
from gatectl.server.routes import ENDPOINTS
from gatectl.server.shapes import SHAPES
from gatectl.version import __version__

_STRING = {"type": "string"}
_KEY = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"}
_FENCE = (
    "The leases that whoever asks holds: STORE; WORKSPACE=NUMBER, …, with * for the platform's own. What comes with a lower number than"
    " came before writes nothing; a higher one is noted, by reads too."
)
_FENCE_SHAPE = {"type": "string", "pattern": PATTERN}
_ETAG = {"ETag": {"description": "What the object is now, for If-Match.", "schema": _STRING}}


def describe() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gatectl serve",
            "version": __version__,
            "description": "The embedded platform of gatectl, speaking the API of the Cloud and AI Gateway.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(SHAPES),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.description,
        "parameters": _parameters(endpoint),
        "responses": {str(status): _answer(endpoint, status, means) for status, means in endpoint.statuses.items()},
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": endpoint.body_required, "content": _json(endpoint.body)}
    if endpoint.free:
        operation["security"] = []
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = [part.strip("{}") for part in endpoint.path.split("/") if part]
    return "_".join([endpoint.method.lower(), *words])


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in endpoint.parameters
    ]
    found += [
        {"name": one.name, "in": "query", "description": one.description, "schema": _STRING} for one in endpoint.query
    ]
    if endpoint.conditional:
        description = "Only if the object still has this ETag; 412 otherwise."
        found.append({"name": "If-Match", "in": "header", "description": description, "schema": _STRING})
    if endpoint.once:
        description = "Within a day, the same key is answered with what it made, if that is still there as it was made."
        found.append({"name": KEY, "in": "header", "description": description, "schema": _KEY})
    if endpoint.fenced:
        found.append({"name": HEADER, "in": "header", "description": _FENCE, "schema": _FENCE_SHAPE})
    return found


def _answer(endpoint: Endpoint, status: int, means: str) -> dict[str, Any]:
    if status != endpoint.status:
        return {"description": means, "content": _json(f"Refusal.{endpoint.family}")}
    answer: dict[str, Any] = {"description": means, "content": _json(endpoint.answer)}
    return {**answer, "headers": _ETAG} if endpoint.etag else answer


def _json(shape: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
