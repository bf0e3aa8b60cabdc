"""What the real platform may read like, where its types leave it open (platform-contract.md, sections 8.2 and 8.4). Pure.

Each function takes the JSON of an answer to a GET and gives what a less kind platform would have answered instead. What is
kept in the database is untouched: this is how it looks.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from gatectl.server.faults import Kind

Object = Mapping[str, Any]

_LISTS: Final = ("workspaces", "buckets", "aiLlms", "repos", "apiKeys", "keys")
"""The lists of the envelopes; an attachment list of the same name is inside of an object, not of an envelope."""

_REGIONS: Final = {"S3": "us-east-1", "GCS": "US", "BLOB": "eastus"}
_ENDPOINTS: Final = {
    "S3": "https://s3.us-east-1.amazonaws.com",
    "GCS": "https://storage.googleapis.com",
    "BLOB": "https://blob.core.windows.net",
}
_AI_ENDPOINTS: Final = {"OPENAI": "https://api.openai.com/v1", "ANTHROPIC": "https://api.anthropic.com"}
_OTHER_AI_ENDPOINT: Final = "https://ai.example.com/v1"
WORDS: Final = ("storageType", "mode", "aiType", "accessType", "role", "status", "provider")
_UNKNOWN: Final[Object] = {"tier": "standard", "revision": 3, "isPinned": True, "_count": {"events": 2}}
_DELETED_AT: Final = "2025-01-01T00:00:00.000Z"
_GHOSTS: Final = uuid.UUID(int=0)


def _everywhere(change: Callable[[Object], Object]) -> Callable[[Any], Any]:
    """`change` for every object of an answer, the inner ones first."""

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, dict):
            return change({name: changed(inner) for name, inner in value.items()})
        return value

    return changed


def _lists(change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    """`change` for each list of an envelope, or the bare list that is answered."""

    def changed(body: Any) -> Any:
        if isinstance(body, list):
            return change(body)
        return {
            name: change(value) if name in _LISTS and isinstance(value, list) else value for name, value in body.items()
        }

    return changed


def _fill(item: Object) -> Object:
    if isinstance(item.get("bucket"), str):
        storage = str(item.get("storageType")).upper()
        return {
            **item,
            "region": item.get("region") or _REGIONS.get(storage),
            "endpoint": item.get("endpoint") or _ENDPOINTS.get(storage),
        }
    if "aiType" in item and "orgId" in item:
        return {
            **item,
            "endpoint": item.get("endpoint") or _AI_ENDPOINTS.get(str(item["aiType"]).upper(), _OTHER_AI_ENDPOINT),
        }
    if "mode" in item:
        return {
            **item,
            **{name: _with_master(item[name]) for name in ("buckets", "units") if isinstance(item.get(name), list)},
        }
    return item


def _with_master(attachments: list[Any]) -> list[Any]:
    if not attachments or any(one.get("master") for one in attachments):
        return attachments
    return [{**attachments[0], "master": True}, *attachments[1:]]


def _with_deleted(items: list[Any]) -> list[Any]:
    """Each object has a twin that was deleted; the deleted ones come first."""
    ghosts = [{**one, "id": str(uuid.uuid5(_GHOSTS, str(one["id"]))), "deletedAt": _DELETED_AT} for one in items]
    return [*ghosts, *items]


def _with_unknown_fields(item: Object) -> Object:
    return {**_UNKNOWN, **item} if {"id", "bucketId", "aiLlmId"} & item.keys() else item


def _with_unknown_lists(item: Object) -> Object:
    return {**item, "packets": [{"packetId": item["id"], "enabled": True}]} if "mode" in item else item


def _first_page(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    count = max((len(body[name]) for name in _LISTS if isinstance(body.get(name), list)), default=0)
    shorter = _lists(lambda items: items[: len(items) // 2])(body)
    return {**shorter, "total": count, "hasMore": True} if count else body


def _without_ids(item: Object) -> Object:
    left_out = {id_name for id_name, inner in (("bucketId", "bucket"), ("aiLlmId", "aiLlm"), ("unitId", "unit"))
                if isinstance(item.get(inner), Mapping)}  # fmt: skip
    return {name: value for name, value in item.items() if name not in left_out}


def _disabled(item: Object) -> Object:
    name = "disabled" if "mode" in item else "reposDisabled" if "reposDisabled" in item else None
    return {**item, name: True} if name is not None else item


def _legacy(item: Object) -> Object:
    if "mode" not in item or not isinstance(item.get("buckets"), list):
        return item
    units = [
        {
            {"bucketId": "unitId", "bucket": "unit"}.get(name, name): value
            for name, value in one.items()
        }
        for one in item["buckets"]
    ]  # fmt: skip
    return {**{name: value for name, value in item.items() if name != "buckets"}, "units": units}


def _lower(item: Object) -> Object:
    return {n: value.lower() if n in WORDS and isinstance(value, str) else value for n, value in item.items()}


def _schemeless(item: Object) -> Object:
    endpoint = item.get("endpoint")
    return {**item, "endpoint": endpoint.partition("://")[2] or endpoint} if isinstance(endpoint, str) else item


READ: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    "filled-defaults": _everywhere(_fill),
    "soft-deleted": _lists(_with_deleted),
    "unknown-fields": _everywhere(_with_unknown_fields),
    "unknown-lists": _everywhere(_with_unknown_lists),
    "more": _first_page,
    "optional-ids": _everywhere(_without_ids),
    "disabled": _everywhere(_disabled),
    "legacy-units": _everywhere(_legacy),
    "lower-case": _everywhere(_lower),
    "no-scheme": _everywhere(_schemeless),
}
"""The kinds that let a GET be answered, and read otherwise."""


def with_role(body: Any, user: Object, role: str) -> Any:
    """The answer of a workspace or of all, in which this user has this role (platform-contract.md, section 8.2.4)."""
    member = {
        "userId": user["id"],
        "role": role,
        "user": {name: user[name] for name in ("id", "name", "lastName", "email", "orgRole")},
    }

    def changed(item: Object) -> Object:
        return {**item, "users": [member]} if "users" in item else item

    return _everywhere(changed)(body)
