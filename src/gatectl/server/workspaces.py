"""The endpoints of workspaces (platform-contract.md, section 3.2)."""

from __future__ import annotations

from typing import Any, Final

from gatectl.platforms.embedded.fields import not_found
from gatectl.server.endpoint import Answer, Call, Endpoint


def _list(call: Call) -> Answer:
    return Answer({"success": True, "workspaces": call.platform.list("workspace")})


def _get(call: Call) -> Answer:
    return _read(call, call.path["workspaceId"])


def _create(call: Call) -> Answer:
    made = call.create("workspace")
    return _read(call, made.id)._replace(status=201, etag=made.etag)


def _update(call: Call) -> Answer:
    tag = call.platform.update("workspace", call.path["workspaceId"], call.body, call.if_match)
    return _read(call, call.path["workspaceId"])._replace(etag=tag)


def _delete(call: Call) -> Answer:
    call.platform.delete("workspace", call.path["workspaceId"], call.if_match)
    return Answer({"success": True})


def _read(call: Call, workspace_id: str) -> Answer:
    found: list[Any] = [one for one in call.platform.list("workspace") if one["id"] == workspace_id]
    if not found:
        raise not_found("workspace", workspace_id)
    return Answer({"success": True, "workspace": found[0]}, etag=found[0]["etag"])


ENDPOINTS: Final = (
    Endpoint("GET", "/workspace", _list, "All workspaces.", "Workspaces"),
    Endpoint("POST", "/workspace", _create, "Create a workspace.", "OneWorkspace", body="WorkspaceWrite", status=201, etag=True, once=True),
    Endpoint("GET", "/workspace/{workspaceId}", _get, "One workspace.", "OneWorkspace", refusals=(404,), etag=True),
    Endpoint(
        "PUT", "/workspace/{workspaceId}", _update, "Rename a workspace.", "OneWorkspace",
        body="WorkspaceUpdate", refusals=(404,), conditional=True, etag=True,
    ),
    Endpoint(
        "DELETE", "/workspace/{workspaceId}", _delete,
        "Delete a workspace (softly). Refused (400) while it holds buckets, AI LLMs or repositories.", "Done",
        refusals=(404,), conditional=True,
    ),
)  # fmt: skip
