"""Buckets (platform-contract.md, sections 1.4, 2.3 and 3.4): storage registered in a workspace; labels may repeat.

Law: the functions that `platform.COLLECTIONS` lists for "bucket", and the bucket as a repository shows it. A bucket's
`key` (access key id, or the Azure account) is kept and read; its secret is stored as a keyed hash and never read: the
encrypted object that the real platform returns is left out. Nothing is ever asked of the storage itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, String, bindparam, exists, insert, select, update

from . import tables
from .credentials import NONE, read_credentials
from .fields import (
    Body,
    Field,
    choice,
    host,
    name_text,
    not_found,
    optional_text,
    read_all,
    read_given,
    refused,
    text,
)
from .identity import check_etag, etag, new_id, timestamp
from .rows import rows_of
from .store import Transaction
from .workspaces import check_workspace

STORAGE_TYPES = {"S3": "S3", "GCS": "GCS", "BLOB": "BLOB", "AZURE": "BLOB"}
"""The storage types of a bucket, and what each is stored as (U5)."""

FIELDS = {
    "name": Field("name", name_text),
    "bucket": Field("bucket", text),
    "storageType": Field("storage_type", choice(STORAGE_TYPES)),
    "key": Field("key", optional_text),
    "endpoint": Field("endpoint", optional_text),
    "region": Field("region", optional_text),
}

_OPTIONAL: dict[str, Any] = dict.fromkeys(("key", "endpoint", "region", "api_key_id"))
"""The columns of what a bucket may do without."""

_t = tables.buckets.c
_a = tables.bucket_attachments.c
_r = tables.repositories.c
_ID = bindparam("id_", type_=String)

_ALL = (
    select(
        *(_t.id, _t.name, _t.bucket, _t.storage_type, _t.workspace_id, _t.key, _t.endpoint, _t.region),
        *(_t.api_key_id, _t.created_at, _t.version),
    )
    .where(_t.deleted_at.is_(None))
    .order_by(_t.id)
)
_USES = (
    select(_a.bucket_id, _r.id, _r.name, _r.storage_type, _r.created_at)
    .join_from(tables.bucket_attachments, tables.repositories, _a.repository_id == _r.id)
    .order_by(_r.id)
)
_ONE = select(
    *(_t.workspace_id, _t.version, _t.name, _t.bucket, _t.storage_type, _t.key, _t.endpoint, _t.region),
    *(_t.secret_hash, _t.api_key_id),
).where(_t.id == _ID, _t.deleted_at.is_(None))
_INSERT = insert(tables.buckets)
_MIRRORED = select(_a.bucket_id).where(_a.mirror)
_IN_USE = select(exists().where(_a.bucket_id == _ID))
_DELETE = (
    update(tables.buckets)
    .where(_t.id == _ID)
    .values(deleted_at=bindparam("now"), version=_t.version + 1, secret_hash=None, api_key_id=None)
)


def list_buckets(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
    """The live buckets of a workspace (None: of all), in their read shape, with the repositories that use each."""
    uses = _uses(connection, workspace_id)
    return [
        _wire(row) | {"repos": uses.get(row[0], []), "etag": etag(row[0], row[-1])}
        for row in _rows(connection, workspace_id)
    ]


def list_available_buckets(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
    """The buckets that no MIRROR repository uses (section 3.4). Refused: 404 (the workspace)."""
    if workspace_id is not None:
        check_workspace(connection, workspace_id)
    mirrored = frozenset(connection.execute(_MIRRORED).scalars())
    return [bucket for bucket in list_buckets(connection, workspace_id) if bucket["id"] not in mirrored]


def attached_buckets(
    connection: Connection, workspace_id: str | None, repository_id: str | None = None
) -> dict[str, dict[str, Any]]:
    """Each bucket as the repositories (of a workspace, or the one) show it, by id."""
    return {row[0]: _wire(row) for row in _rows(connection, workspace_id, repository_id)}


def check_bucket(connection: Connection, bucket_id: str) -> None:
    """Raises PlatformRefused (404) unless there is such a live bucket."""
    _live(connection, bucket_id)


def create_bucket(transaction: Transaction, body: Body) -> str:
    """A new bucket from its write shape; its id. Refused: 400 (a field), 404 (the workspace or the provider key)."""
    workspace_id = text(body, "workspaceId")
    values = read_all(body, FIELDS)
    check_workspace(transaction.connection, workspace_id)
    values |= NONE | read_credentials(transaction, body, workspace_id)
    _check_reachable(values)
    values |= {"id": new_id(), "workspace_id": workspace_id, "created_at": timestamp(), "version": 1}
    transaction.connection.execute(_INSERT, values)
    return str(values["id"])


def update_bucket(
    transaction: Transaction, bucket_id: str, body: Body, expected: str | None, *, replaces: bool = False
) -> str:
    """Change the fields given, all but the workspace (section 2.10); the new ETag. Refused: 400, 404, 412.

    Where the PUT `replaces` (U36), optional fields that are not given are gone, whether the bucket can be reached then or not;
    a secret stays, since nobody could send it again.
    """
    row = _live(transaction.connection, bucket_id)
    workspace_id, version = row.pop("workspace_id"), row.pop("version")
    check_etag(expected, bucket_id, version)
    if body.get("workspaceId") not in (None, workspace_id):
        raise refused("the workspace of a bucket cannot be changed")
    gone = _OPTIONAL if replaces else {}
    values = row | gone | read_given(body, FIELDS) | read_credentials(transaction, body, workspace_id)
    if not replaces:
        _check_reachable(values)
    transaction.connection.execute(
        update(tables.buckets).where(_t.id == _ID).values(**values, version=version + 1), {"id_": bucket_id}
    )
    return etag(bucket_id, version + 1)


def delete_bucket(transaction: Transaction, bucket_id: str, expected: str | None) -> None:
    """Soft delete; the credentials go. Refused: 404, 412, and 403 while a repository uses it (section 2.9)."""
    connection = transaction.connection
    check_etag(expected, bucket_id, _live(connection, bucket_id)["version"])
    if connection.execute(_IN_USE, {"id_": bucket_id}).scalar_one():
        raise refused(f"the bucket {bucket_id} is used by a repository", status=403)
    connection.execute(_DELETE, {"id_": bucket_id, "now": timestamp()})


def _check_reachable(values: dict[str, Any]) -> None:
    """A bucket needs credentials, and a container its account, in one of the places of U12."""
    if values["secret_hash"] is None and values["api_key_id"] is None:
        raise refused("secret or apiKeyUuid is required")
    if values["storage_type"] != "BLOB" or values["key"] is not None or values["api_key_id"] is not None:
        return
    if not (host(values["endpoint"] or "") or "").endswith(".blob.core.windows.net"):
        raise refused("key is required: the storage account of the container")


def _live(connection: Connection, bucket_id: str) -> dict[str, Any]:
    row = connection.execute(_ONE, {"id_": bucket_id}).mappings().first()
    if row is None:
        raise not_found("bucket", bucket_id)
    return {str(name): value for name, value in row.items()}


def _rows(connection: Connection, workspace_id: str | None, repository_id: str | None = None) -> Any:
    statement = _ALL if workspace_id is None else _ALL.where(_t.workspace_id == workspace_id)
    if repository_id is not None:
        statement = statement.where(_t.id.in_(select(_a.bucket_id).where(_a.repository_id == repository_id)))
    return rows_of(connection, statement)


def _uses(connection: Connection, workspace_id: str | None) -> dict[str, list[dict[str, Any]]]:
    """The repositories that use each bucket, by the bucket's id; one dictionary for each repository."""
    statement = _USES if workspace_id is None else _USES.where(_r.workspace_id == workspace_id)
    uses: dict[str, list[dict[str, Any]]] = {}
    repositories: dict[str, dict[str, Any]] = {}
    for bucket_id, repository_id, name, storage_type, created_at in rows_of(connection, statement):
        repository = repositories.get(repository_id)
        if repository is None:
            repository = {"id": repository_id, "name": name, "storageType": storage_type, "createdAt": created_at}
            repositories[repository_id] = repository
        uses.setdefault(bucket_id, []).append(repository)
    return uses


def _wire(row: Any) -> dict[str, Any]:
    bucket_id, name, bucket, storage_type, workspace_id, key, endpoint, region, api_key_id, created_at, _ = row
    return {
        "id": bucket_id,
        "name": name,
        "bucket": bucket,
        "storageType": storage_type,
        "workspaceId": workspace_id,
        "key": key,
        "endpoint": endpoint,
        "region": region,
        "apiKeyId": api_key_id,
        "status": "ONLINE",
        "createdAt": created_at,
    }
