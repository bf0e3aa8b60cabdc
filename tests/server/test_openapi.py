"""`/openapi.json`: it describes the server that runs, and nothing that is sent at it makes the server fail.

`GATECTL_EXAMPLES=10 pytest tests/server/test_openapi.py` is a long run: ten times as many requests of each form.
"""

from __future__ import annotations

import os
import re
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gatectl.server.openapi import describe
from gatectl.server.routes import ENDPOINTS
from gatectl.server.shapes import SHAPES


def test_the_document_is_valid_openapi() -> None:
    document = describe()
    assert document["openapi"].startswith("3.1")
    for shape in SHAPES.values():
        jsonschema.Draft202012Validator.check_schema(shape)
    named = set(re.findall(r"#/components/schemas/([\w.-]+)", str(document)))
    assert named == set(SHAPES)


def test_every_route_is_described_and_every_description_is_a_route(served_once: Any) -> None:
    document = served_once.call("GET", "/openapi.json")
    described = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert described.keys() == {(one.method, one.path) for one in ENDPOINTS}
    assert len({operation["operationId"] for operation in described.values()}) == len(described)
    for (_, path), operation in described.items():
        assert operation["summary"] and operation["responses"]
        placeless = re.sub(r"{\w+}", "x", path)
        for other in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            answered = served_once.client.request(other, placeless).status_code != 405
            assert answered == ((other, path) in described), (other, path)


def test_the_endpoints_are_those_of_the_contract() -> None:
    assert {f"{one.method} {one.path}" for one in ENDPOINTS} == {
        "POST /user/login", "POST /user/refresh", "POST /user/logout", "GET /user/profile", "GET /token",
        "GET /organization/{orgId}",
        "DELETE /token/{tokenId}", "GET /workspace", "POST /workspace", "GET /workspace/{workspaceId}",
        "PUT /workspace/{workspaceId}", "DELETE /workspace/{workspaceId}", "GET /bucket", "POST /bucket",
        "GET /bucket/available", "PUT /bucket/{bucketId}", "DELETE /bucket/{bucketId}",
        "POST /bucket/{bucketId}/validate", "GET /bucket/{bucketId}/status", "GET /repo", "POST /repo",
        "POST /repo/validate", "PUT /repo/{repoId}", "DELETE /repo/{repoId}", "POST /repo/{repoId}/validate",
        "GET /repo/{repoId}/apikey", "POST /repo/{repoId}/apikey", "PUT /repo/{repoId}/apikey/{apikeyId}",
        "DELETE /repo/{repoId}/apikey/{apikeyId}", "GET /repo/{repoId}/ai/apikey", "POST /repo/{repoId}/ai/apikey",
        "PUT /repo/{repoId}/ai/apikey/{apikeyId}", "DELETE /repo/{repoId}/ai/apikey/{apikeyId}", "GET /ai/llm",
        "POST /ai/llm", "GET /ai/llm/available", "PUT /ai/llm/{aiLlmId}", "DELETE /ai/llm/{aiLlmId}",
        "POST /ai/llm/{aiLlmId}/validate", "GET /apikeys", "POST /apikeys", "PUT /apikeys/{apiKeyUuid}",
        "DELETE /apikeys/{apiKeyUuid}",
        # Ours: whose leases count.
        "GET /gatectl/fences", "POST /gatectl/fences",
    }  # fmt: skip


def resolved(name: str) -> Any:
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": dict(SHAPES)}}


def test_what_is_read_has_the_shape_that_is_described(served: Any) -> None:
    api_key = served.call(
        "POST", "/apikeys", {"key": "k", "secret": "s", "provider": "AWS", "workspaceId": served.workspace}
    )
    bucket, llm = served.bucket(apiKeyUuid=api_key["apiKeyId"], secret=None), served.llm()
    repository = served.repository(bucket, repoAiLlms=[{"aiLlmId": llm}])
    served.call("POST", f"/repo/{repository}/apikey", {"name": "k", "accessType": "READ"})
    served.call("POST", f"/repo/{repository}/ai/apikey", {"name": "k", "aiType": "OTHER"})
    paths = {"workspaceId": served.workspace, "bucketId": bucket, "repoId": repository, "aiLlmId": llm}
    paths["orgId"] = served.call("GET", "/user/profile")["data"]["orgId"]
    seen = 0
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET":
            answer = served.call("GET", endpoint.path.format_map(paths))
            jsonschema.validate(answer, resolved(endpoint.answer))
            seen += 1
    assert seen == 15


TIMES = int(os.environ.get("GATECTL_EXAMPLES", "0")) or 1
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Known:
    """Objects that exist, to be put into requests: else almost all of them would end with 404."""

    def __init__(self, served: Any) -> None:
        self.workspace = served.workspace
        body = {"key": "k", "secret": "s", "provider": "AWS", "workspaceId": self.workspace}
        bucket, repository = served.bucket(), served.repository()
        key = {"name": "k", "accessType": "READ", "aiType": "OTHER"}
        self.ids = {
            "workspaceId": served.call("POST", "/workspace", {"name": "w"}, 201)["workspace"]["id"],
            "orgId": served.call("GET", "/user/profile")["data"]["orgId"],
            "bucketId": bucket,
            "repoId": repository,
            "aiLlmId": served.llm(),
            "apiKeyUuid": served.call("POST", "/apikeys", body)["apiKeyId"],
            "apikeyId": served.call("POST", f"/repo/{repository}/apikey", key)["id"],
        }
        self.attached = [{"bucketId": bucket, "folder": "f", "master": True}]

    def put_into(self, case: Any) -> None:
        case.path_parameters = {name: self.ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
        if not isinstance(case.body, dict):
            return
        known = {"workspaceId": self.workspace, "repoBuckets": self.attached, "aiLlmId": self.ids["aiLlmId"]}
        case.body.update({name: value for name, value in known.items() if name in case.body})


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_whatever_is_sent_is_answered_as_described(serve: Any, request: Any, database: str) -> None:
    """schemathesis makes requests from the document, valid and invalid ones, about objects that exist and others."""
    url = request.getfixturevalue("postgresql_url") if database == "postgresql" else "sqlite:///platform.db"
    served = serve("--database", url)
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    statuses: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in schemathesis.GenerationMode:
            # Any text may be in a path: with nothing else in a request, nothing can be wrong with it.
            if mode == schemathesis.GenerationMode.POSITIVE or operation.query or operation.body:
                for known, count in ((Known(served), 3), (None, 2)):
                    seen = _statuses(served, operation, mode, known, count * TIMES)
                    statuses.setdefault(operation.label, set()).update(seen)
    assert len(statuses) == len(ENDPOINTS)
    assert set.union(*statuses.values()) >= {200, 201, 400, 404}
    assert sum(bool({200, 201} & seen) for seen in statuses.values()) > 0.75 * len(ENDPOINTS), statuses
    served.stop()
    assert "Traceback" not in served.log


def _statuses(served: Any, operation: Any, mode: Any, known: Known | None, count: int) -> set[int]:
    """What was answered to so many requests, about what is `known` or about anything; raises what a check finds."""
    seen: set[int] = set()

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        if known is not None:
            known.put_into(case)
        seen.add(case.call_and_validate(base_url=served.url, checks=CHECKS).status_code)

    send()
    return seen
