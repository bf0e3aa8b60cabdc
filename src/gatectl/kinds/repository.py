"""Repository: one endpoint that groups attached resources (platform-contract.md, section 1.3).

Written as `repoBuckets` and `repoAiLlms`, read back as `buckets` and `aiLlms`; always both complete lists, because the
platform replaces a repository whole (U2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.kinds import bucket, llm
from gatectl.kinds.interface import Context, Kind, Order, name_of, text
from gatectl.model import Attachment, Fields, Live, Manifest, ObjectKey, State
from gatectl.platforms.interface import Wire
from gatectl.platforms.wire import attached_buckets, attached_llms, check_lists, may_attach, unknown_fields
from gatectl.quote import quote
from gatectl.resources import ENDPOINTS, is_placed

_ENDPOINTS: Final = {"S3": "S3", "GCS": "GCS", "BLOB": "AzureBlob", "AZURE": "AzureBlob", "OPENAI": "OpenAI"}
_DEFAULTS: Final[Fields] = {"mode": "Normal"}
_MODES: Final = {"NORMAL": "Normal", "MIRROR": "Mirror"}
_TO_WIRE: Final = {"S3": "S3", "GCS": "GCS", "AzureBlob": "BLOB", "Normal": "NORMAL", "Mirror": "MIRROR"}


def read(wire: Wire, context: Context) -> Live:
    check_lists(wire)
    name = text(wire, "name")
    storage_type, wire_mode = text(wire, "storageType"), text(wire, "mode")
    openai = (context.openai or "").upper()
    endpoint = "OpenAI" if storage_type.upper() == openai else _ENDPOINTS.get(storage_type.upper(), storage_type)
    mode = _MODES.get(wire_mode.upper(), wire_mode)
    buckets = context.of(bucket.KIND.name)
    attachments = [_bucket_attachment(item, buckets, context) for item in attached_buckets(wire)]
    attachments.extend(_llm_attachment(item, context) for item in attached_llms(wire))
    spec = {"name": name, "endpointType": endpoint, "mode": mode}
    return Live(
        ObjectKey("Repository", context.workspace, name), str(wire["id"]), State(spec, tuple(attachments)), wire
    )


def _bucket_attachment(item: Wire, buckets: Mapping[str, Live], context: Context) -> Attachment:
    bucket_id = text(item, "bucketId")
    live = buckets.get(bucket_id)
    if live is None and item.get("bucket"):
        live = bucket.read(item["bucket"], context)
    folder, master = str(item.get("folder") or ""), bool(item.get("master"))
    if live is None:
        return Attachment(("Unknown", bucket_id), None, bucket_id, folder, master)
    return Attachment(bucket.identity(live.spec), live.key.name, bucket_id, folder, master)


def _llm_attachment(item: Wire, context: Context) -> Attachment:
    llm_id = text(item, "aiLlmId")
    live = context.of(llm.KIND.name).get(llm_id)
    name = live.key.name if live is not None else str((item.get("aiLlm") or {}).get("name") or llm_id)
    return Attachment(("LLM", name), None, llm_id, None, None)


def declared(manifest: Manifest) -> Fields:
    spec = manifest.spec
    return {
        "name": name_of(manifest),
        "endpointType": spec["endpointType"],
        "mode": spec.get("mode", _DEFAULTS["mode"]),
    }


def inexpressible(spec: Fields) -> str | None:
    if spec["endpointType"] not in ENDPOINTS:
        return f"its type {quote(spec['endpointType'])} is not part of the format"
    return f"its mode {quote(spec['mode'])} is not part of the format" if spec["mode"] not in _MODES.values() else None


def comparable(spec: Fields) -> Fields:
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
            if is_placed(a.type)
        ],
        "repoAiLlms": [{"aiLlmId": a.id} for a in attachments if not is_placed(a.type)],
    }


def lost(wire: Wire) -> list[str]:
    """The fields of a live repository, and of its attachments, that nobody here knows and that may be attachments (U30, U31)."""
    return sorted(name for name, value in unknown_fields(wire).items() if may_attach(value))


def _buckets(wire: Wire) -> list[tuple[str, object]]:
    return [(str(item["bucketId"]), item.get("bucket")) for item in attached_buckets(wire)]


def _llms(wire: Wire) -> list[tuple[str, object]]:
    return [(str(item["aiLlmId"]), item.get("aiLlm")) for item in attached_llms(wire)]


KIND = Kind(
    "Repository", "repository", "repo", 2, True,
    {"name": "/metadata/name", "endpointType": "/spec/endpointType", "mode": "/spec/mode"},
    frozenset(("endpointType", "mode")), read, declared, comparable, body, lost=lost, unique=True,
    attached={bucket.KIND.name: _buckets, llm.KIND.name: _llms}, by_name=True, defaults=_DEFAULTS, inexpressible=inexpressible,
    least=({"endpointType": "S3"},),
)  # fmt: skip
