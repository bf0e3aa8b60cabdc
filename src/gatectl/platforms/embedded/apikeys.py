"""Provider API keys (platform-contract.md, sections 1.6 and 3.8): credentials that buckets and LLMs refer to.

Law: the functions that `platform.COLLECTIONS` lists for "apikeys", and the check that buckets and LLMs share. The read
shape has no workspace, as on the real platform; the secret is stored as a keyed hash and never read.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, String, bindparam, delete, exists, func, insert, or_, select, update

from . import tables
from .fields import Body, Field, not_found, optional_text, read_all, read_given, refused, text
from .identity import check_etag, etag, new_id, timestamp
from .store import Transaction
from .workspaces import check_workspace

FIELDS = {
    "provider": Field("provider", text),
    "key": Field("key", text),
    "endpoint": Field("endpoint", optional_text),
    "region": Field("region", optional_text),
    "tenantId": Field("tenant_id", optional_text),
    "subscriptionId": Field("subscription_id", optional_text),
    "description": Field("description", optional_text),
}

_t = tables.api_keys.c
_b = tables.buckets.c
_l = tables.llms.c
_ID = bindparam("id_", type_=String)

_OF_BUCKETS = (
    select(_b.api_key_id, func.count())
    .where(_b.api_key_id.is_not(None), _b.deleted_at.is_(None))
    .group_by(_b.api_key_id)
)
_OF_LLMS = select(_l.api_key_id, func.count()).where(_l.api_key_id.is_not(None)).group_by(_l.api_key_id)
_ALL = select(
    *(_t.id, _t.key, _t.provider, _t.endpoint, _t.region, _t.tenant_id, _t.subscription_id),
    *(_t.description, _t.created_at, _t.version),
).order_by(_t.id)
_ONE = select(_t.version).where(_t.id == _ID)
_OWNER = select(_t.workspace_id).where(_t.id == _ID)
_IN_USE = select(
    or_(
        exists().where(_b.api_key_id == _ID, _b.deleted_at.is_(None)),
        exists().where(_l.api_key_id == _ID),
    )
)


def list_api_keys(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
    """The provider keys of a workspace (None: of all), in their read shape, with how many objects use each."""
    in_buckets = {key_id: count for key_id, count in connection.execute(_OF_BUCKETS).all()}
    in_llms = {key_id: count for key_id, count in connection.execute(_OF_LLMS).all()}
    statement = _ALL if workspace_id is None else _ALL.where(_t.workspace_id == workspace_id)
    return [
        _wire(row) | {"bucket_count": in_buckets.get(row[0], 0), "aillm_count": in_llms.get(row[0], 0)}
        for row in connection.execute(statement).all()
    ]


def create_api_key(transaction: Transaction, body: Body) -> str:
    """A new provider key from its write shape; its id. Refused: 400 (a field), 404 (the workspace)."""
    workspace_id = text(body, "workspaceId")
    values = read_all(body, FIELDS)
    values["secret_hash"] = transaction.seal(text(body, "secret"))
    check_workspace(transaction.connection, workspace_id)
    values |= {"id": new_id(), "workspace_id": workspace_id, "created_at": timestamp(), "version": 1}
    transaction.connection.execute(insert(tables.api_keys), values)
    return str(values["id"])


def update_api_key(transaction: Transaction, api_key_id: str, body: Body, expected: str | None) -> str:
    """Change the fields given; the workspace stays what it is; the new ETag. Refused: 400, 404, 412."""
    version = _version(transaction.connection, api_key_id)
    check_etag(expected, api_key_id, version)
    values = read_given(body, FIELDS)
    if "secret" in body:
        values["secret_hash"] = transaction.seal(text(body, "secret"))
    transaction.connection.execute(
        update(tables.api_keys).where(_t.id == _ID).values(**values, version=version + 1), {"id_": api_key_id}
    )
    return etag(api_key_id, version + 1)


def delete_api_key(transaction: Transaction, api_key_id: str, expected: str | None) -> None:
    """Delete for good. Refused: 404, 412, and 400 while a live bucket or an LLM uses it (section 2.9)."""
    connection = transaction.connection
    check_etag(expected, api_key_id, _version(connection, api_key_id))
    if connection.execute(_IN_USE, {"id_": api_key_id}).scalar_one():
        raise refused(f"the provider API key {api_key_id} is in use")
    connection.execute(delete(tables.api_keys).where(_t.id == _ID), {"id_": api_key_id})


def check_api_key(connection: Connection, api_key_id: str | None, workspace_id: str) -> None:
    """Raises PlatformRefused (404) when a provider key is named that the workspace does not have."""
    if api_key_id is None:
        return
    if connection.execute(_OWNER, {"id_": api_key_id}).scalar() != workspace_id:
        raise not_found("provider API key", api_key_id)


def _version(connection: Connection, api_key_id: str) -> int:
    row = connection.execute(_ONE, {"id_": api_key_id}).first()
    if row is None:
        raise not_found("provider API key", api_key_id)
    version: int = row[0]
    return version


def _wire(row: Any) -> dict[str, Any]:
    key_id, key, provider, endpoint, region, tenant_id, subscription_id, description, created_at, version = row
    return {
        "id": key_id,
        "key": key,
        "provider": provider,
        "endpoint": endpoint,
        "region": region,
        "tenantId": tenant_id,
        "subscriptionId": subscription_id,
        "description": description,
        "createdAt": created_at,
        "etag": etag(key_id, version),
    }
