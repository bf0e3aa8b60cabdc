"""The endpoints of provider API keys (platform-contract.md, section 3.8)."""

from __future__ import annotations

from typing import Final

from gatectl.server.buckets import WORKSPACE
from gatectl.server.endpoint import Answer, Call, Endpoint, Parameter


def _list(call: Call) -> Answer:
    provider = call.query.get("provider")
    keys = call.platform.list("apikeys", call.query.get("workspaceId"))
    return Answer({"success": True, "apiKeys": [key for key in keys if provider in (None, key["provider"])]})


def _create(call: Call) -> Answer:
    made = call.create("apikeys")
    return Answer({"success": True, "message": "created", "apiKeyId": made.id}, etag=made.etag)


def _update(call: Call) -> Answer:
    tag = call.platform.update("apikeys", call.path["apiKeyUuid"], call.body, call.if_match)
    return Answer({"success": True, "message": "updated"}, etag=tag)


def _delete(call: Call) -> Answer:
    call.platform.delete("apikeys", call.path["apiKeyUuid"], call.if_match)
    return Answer({"success": True, "message": "deleted"})


_PROVIDER: Final = Parameter("provider", "Only keys of this provider.")
_CAPABILITY: Final = Parameter("capability", "Ignored: what a provider can do is not known here.")

ENDPOINTS: Final = (
    Endpoint(
        "GET", "/apikeys", _list, "All provider API keys, without secrets.", "ProviderKeys",
        query=(WORKSPACE, _CAPABILITY, _PROVIDER),
    ),
    Endpoint(
        "POST", "/apikeys", _create, "Store a provider API key.", "ProviderKeyCreated",
        body="ProviderKeyWrite", refusals=(404,), etag=True, once=True,
    ),
    Endpoint(
        "PUT", "/apikeys/{apiKeyUuid}", _update, "Change the fields given.", "DoneMessage",
        body="ProviderKeyUpdate", refusals=(404,), conditional=True, etag=True,
    ),
    Endpoint(
        "DELETE", "/apikeys/{apiKeyUuid}", _delete,
        "Delete a provider API key for good. Refused (400) while a bucket or an AI LLM uses it.", "DoneMessage",
        refusals=(404,), conditional=True,
    ),
)  # fmt: skip
