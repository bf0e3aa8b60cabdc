"""The endpoints of provider API keys (platform-contract.md, section 3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatectl.platforms.embedded.fields import refused
from gatectl.platforms.interface import Wire
from gatectl.server.buckets import WORKSPACE
from gatectl.server.endpoint import Answer, Call, Endpoint, Parameter

_STORAGE: Final = 1
_AI: Final = 2
_CLOUD: Final = 4
_ALL: Final = 255
_DIGITS: Final = 3
_CAPABILITIES: Final[Mapping[str, int]] = {
    "AWS": _STORAGE | _AI | _CLOUD,
    "GCP": _STORAGE | _AI | _CLOUD,
    "AZURE": _STORAGE | _AI | _CLOUD,
    "OPENAI": _AI,
    "ANTHROPIC": _AI,
}
"""What a provider can do (platform-contract.md, section 1.6); another one may be able to do anything."""


def _list(call: Call) -> Answer:
    provider, wanted = call.query.get("provider"), _capability(call.query.get("capability"))
    keys = call.platform.list("apikeys", call.query.get("workspaceId"))
    found = [key for key in keys if provider in (None, key["provider"]) and _capabilities(key) & wanted]
    return Answer({"success": True, "apiKeys": found})


def _capability(text: str | None) -> int:
    """The bits that are asked for; 0 asks for all. Raises PlatformRefused (400)."""
    if text is None:
        return _ALL
    if not (text.isascii() and text.isdigit() and int(text[:_DIGITS]) <= _ALL and len(text) <= _DIGITS):
        raise refused(f"capability is not a number from 0 to {_ALL}")
    return int(text) or _ALL


def _capabilities(key: Wire) -> int:
    return _CAPABILITIES.get(str(key["provider"]).upper(), _ALL)


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
_CAPABILITY: Final = Parameter(
    "capability", "Only keys of providers that can do one of these: 1 storage, 2 AI, 4 cloud, added up."
)

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
