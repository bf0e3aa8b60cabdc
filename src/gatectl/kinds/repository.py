"""Repository: one endpoint that groups attached resources (platform-contract.md, section 1.3).

Written as `repoBuckets` and `repoAiLlms`, read back as `buckets` and `aiLlms`; always both complete lists, because the
platform replaces a repository whole (U2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.kinds import bucket
from gatectl.kinds.interface import Context, Kind, Order, text
from gatectl.model import Attachment, Live, Manifest, ObjectKey, Spec
from gatectl.platforms.interface import Wire

_ENDPOINTS: Final = {"S3": "S3", "GCS": "GCS", "BLOB": "AzureBlob", "AZURE": "AzureBlob", "OPENAI": "OpenAI"}
_MODES: Final = {"NORMAL": "Normal", "MIRROR": "Mirror"}
_TO_WIRE: Final = {"S3": "S3", "GCS": "GCS", "AzureBlob": "BLOB", "Normal": "NORMAL", "Mirror": "MIRROR"}


def read(wire: Wire, context: Context) -> Live:
    name = text(wire, "name")
    storage_type = text(wire, "storageType")
    endpoint = "OpenAI" if storage_type == context.openai else _ENDPOINTS.get(storage_type, str(storage_type))
    wire_mode = text(wire, "mode")
    mode = _MODES.get(wire_mode, wire_mode)
    attachments = [_bucket_attachment(item, context) for item in _storage(wire)]
    attachments.extend(_llm_attachment(item, context) for item in wire.get("aiLlms") or ())
    spec = {"name": name, "endpointType": endpoint, "mode": mode}
    return Live(ObjectKey("Repository", context.workspace, name), str(wire["id"]), spec, tuple(attachments), wire)


def _storage(wire: Wire) -> list[Wire]:
    """The attached buckets. A list that is not there is an object that cannot be read, and never an empty list.

    A platform that still has the legacy names lists `units` with `unitId` (platform-contract.md, section 1.3).
    """
    buckets, units = wire.get("buckets"), wire.get("units")
    if isinstance(buckets, list):
        return buckets
    if isinstance(units, list):
        return [{**item, "bucketId": item["unitId"], "bucket": item.get("unit")} for item in units]
    raise KeyError("buckets")


def _bucket_attachment(item: Wire, context: Context) -> Attachment:
    bucket_id = text(item, "bucketId")
    live = context.buckets.get(bucket_id)
    if live is None and item.get("bucket"):
        live = bucket.read(item["bucket"], context)
    folder, master = str(item.get("folder") or ""), bool(item.get("master"))
    if live is None:
        return Attachment(("Unknown", bucket_id), None, bucket_id, folder, master)
    return Attachment(bucket.identity(live.spec), live.key.name, bucket_id, folder, master)


def _llm_attachment(item: Wire, context: Context) -> Attachment:
    llm_id = text(item, "aiLlmId")
    live = context.llms.get(llm_id)
    name = live.key.name if live is not None else str((item.get("aiLlm") or {}).get("name") or llm_id)
    return Attachment(("LLM", name), None, llm_id, None, None)


def want(manifest: Manifest, live: Live | None) -> Spec:
    spec = manifest.spec
    return {"name": manifest.name, "endpointType": spec["endpointType"], "mode": spec.get("mode", "Normal")}


def comparable(spec: Spec) -> Spec:
    return spec


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    if wire is None:
        endpoint = order.fields["/spec/endpointType"]
        head = {
            "storageType": context.openai if endpoint == "OpenAI" else _TO_WIRE[endpoint],
            "mode": _TO_WIRE[order.fields["/spec/mode"]],
        }
    else:
        head = {"storageType": wire["storageType"], "mode": wire["mode"]}
        if wire.get("walletAddress"):
            head["walletAddress"] = wire["walletAddress"]
    attachments = order.attachments or ()
    return {
        "name": order.name,
        **head,
        "workspaceId": context.workspace_id,
        "repoBuckets": [
            {"bucketId": a.id, "folder": a.folder or "", "master": bool(a.master)}
            for a in attachments
            if a.identity[0] != "LLM"
        ],
        "repoAiLlms": [{"aiLlmId": a.id} for a in attachments if a.identity[0] == "LLM"],
    }


_KNOWN: Final = frozenset(
    ("id", "name", "storageType", "mode", "workspaceId", "buckets", "aiLlms", "apiKeys", "aiApiKeys", "createdAt",
     "updatedAt", "disabled", "walletAddress", "etag", "units", "orgId", "userId", "deletedAt")
)  # fmt: skip


_KNOWN_OF_BUCKET: Final = frozenset(
    ("bucketId", "folder", "master", "bucket", "unitId", "unit", "id", "repoId", "createdAt")
)
_KNOWN_OF_LLM: Final = frozenset(("aiLlmId", "aiLlm", "id", "repoId", "createdAt"))


def lost(wire: Wire) -> list[str]:
    """The fields of a live repository, and of its attachments, that we do not know and that hold something (U30, U31)."""
    found = {name for name in wire if name not in _KNOWN and _holds(wire[name])}
    for name, known in (("buckets", _KNOWN_OF_BUCKET), ("units", _KNOWN_OF_BUCKET), ("aiLlms", _KNOWN_OF_LLM)):
        for item in wire.get(name) or ():
            found.update(f"{name}[].{field}" for field in item if field not in known and _holds(item[field]))
    return sorted(found)


def _holds(value: Any) -> bool:
    return value not in (None, "", False, [], {})


KIND = Kind(
    "Repository", "repository", "repo", 2, True,
    {"name": "/metadata/name", "endpointType": "/spec/endpointType", "mode": "/spec/mode"},
    frozenset(("endpointType", "mode")), read, want, comparable, body, lost, unique=True,
)  # fmt: skip
