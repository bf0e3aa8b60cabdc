"""Bucket: a storage resource registered in a workspace (platform-contract.md, sections 1.4 and 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final
from urllib.parse import urlsplit

from gatectl.kinds.interface import Context, Kind, Order, credentials, name_of, optional_text, text
from gatectl.model import Fields, Live, Manifest, ObjectKey, State
from gatectl.platforms.interface import Wire
from gatectl.platforms.wire import is_azure
from gatectl.quote import quote
from gatectl.resources import Identity, names_of_bucket

FROM_WIRE: Final = {"S3": "S3", "GCS": "GCS", "BLOB": "AzureBlob", "AZURE": "AzureBlob"}  # U5
TO_WIRE: Final = {"S3": "S3", "GCS": "GCS", "AzureBlob": "BLOB"}
_LEFT: Final[Fields] = {"region": "", "endpoint": ""}
_NAMES: Final = ("bucket", "account", "container")


def read(wire: Wire, context: Context) -> Live:
    name, kind, remote = text(wire, "name"), text(wire, "storageType"), text(wire, "bucket")
    kind = FROM_WIRE.get(kind.upper(), kind)
    spec: dict[str, Any] = {"name": name, "type": kind}
    if kind == "AzureBlob":
        spec["account"] = _account(wire, context)
        spec["container"] = remote
    else:
        spec["bucket"] = remote
    spec["region"] = optional_text(wire, "region")
    spec["endpoint"] = optional_text(wire, "endpoint")
    return Live(ObjectKey("Bucket", context.workspace, name), text(wire, "id"), State(spec), wire)


def needs_key(wire: Wire) -> bool:
    """Whether only a provider API key tells whose container this is (U12)."""
    return bool(is_azure(wire) and wire.get("apiKeyId") and not wire.get("key"))


def _account(wire: Wire, context: Context) -> str:
    """The storage account of an Azure bucket; "" where it cannot be told. The order of U12."""
    if wire.get("key"):
        return str(wire["key"])
    provider_key = context.api_keys.get(str(wire.get("apiKeyId")))
    if provider_key is not None and provider_key.get("key"):
        return str(provider_key["key"])
    try:
        host = (
            urlsplit(f"//{optional_text(wire, 'endpoint').rpartition('://')[2]}").hostname or ""
        )  # a scheme is optional
    except ValueError:
        return ""
    account, _, rest = host.partition(".")
    return account if rest.startswith("blob.") else ""


def identity(spec: Fields) -> Identity:
    """The remote identity of a bucket's normal form."""
    kind = spec["type"]
    return (kind, *[spec[name] for name in names_of_bucket(kind)])


def declared(manifest: Manifest) -> Fields:
    spec = manifest.spec
    names = ("type", *names_of_bucket(spec["type"]), "region", "endpoint")
    return {"name": name_of(manifest), **{name: spec[name] for name in names if name in spec}}


def fields(spec: Fields) -> AbstractSet[str]:
    return {"name", "type", *names_of_bucket(spec.get("type")), *_LEFT}


def inexpressible(spec: Fields) -> str | None:
    if spec["type"] not in TO_WIRE:
        return f"its type {quote(spec['type'])} is not part of the format"
    return "its storage account cannot be told" if spec.get("account") == "" else None


def comparable(spec: Fields) -> Fields:
    """Remote names lower-cased (U13), the endpoint without a slash at its end and without the scheme that goes without saying."""
    result = dict(spec)
    for field in _NAMES:
        if field in result:
            result[field] = result[field].lower()
    result["endpoint"] = result["endpoint"].removeprefix("https://").rstrip("/")
    return result


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    """The write shape. A change says `key` and `apiKeyUuid` as they were read, since a platform that replaces a bucket whole
    would drop what is left out (U36); other credentials than those that an order carries cannot be said again."""
    fields = order.fields
    identified = _identified(fields) if wire is None else _as_it_is(wire)
    written = {"name": order.name, "workspaceId": context.workspace_id, **identified}
    written.update({name: fields[f"/spec/{name}"] for name in _LEFT if f"/spec/{name}" in fields})
    given = credentials(order, context, fields.get("/spec/credentials"))
    if "apiKeyUuid" in given and wire is not None and FROM_WIRE.get(wire["storageType"].upper()) != "AzureBlob":
        written.pop("key", None)  # a container's is its account
    elif given and "apiKeyUuid" not in given:
        written.pop("apiKeyUuid", None)
    return {**written, **given}


def _identified(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What names a new bucket at its provider; a container's account is its key."""
    kind = fields["/spec/type"]
    *account, name = (fields[f"/spec/{field}"] for field in names_of_bucket(kind))
    return {"storageType": TO_WIRE[kind], "bucket": name, **({"key": account[0]} if account else {})}


def _as_it_is(wire: Wire) -> dict[str, Any]:
    """What a bucket keeps."""
    kept = {name: wire[name] for name in ("region", "endpoint", "key") if wire.get(name) is not None}
    key = {"apiKeyUuid": wire["apiKeyId"]} if wire.get("apiKeyId") else {}
    return {"storageType": wire["storageType"], "bucket": wire["bucket"], **kept, **key}


KIND = Kind(
    "Bucket", "bucket", "bucket", 1, True,
    {"name": "/metadata/name", "type": "/spec/type", "bucket": "/spec/bucket", "account": "/spec/account",
     "container": "/spec/container", "region": "/spec/region", "endpoint": "/spec/endpoint"},
    frozenset(("type", "bucket", "account", "container")),
    read, declared, comparable, body, _LEFT, identity=identity, credentials=True,
    fields=fields, inexpressible=inexpressible, doubles=True, needs_key=needs_key,
    least=({"type": "S3", "bucket": "x"}, {"type": "AzureBlob", "account": "x", "container": "x"}),
)  # fmt: skip
