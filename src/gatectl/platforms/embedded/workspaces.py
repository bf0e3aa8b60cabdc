"""Workspaces (platform-contract.md, sections 1.2 and 3.2): names, nothing else; two may have the same one.

Law: the functions that `platform.COLLECTIONS` lists for "workspace", and the check that the others share.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, String, bindparam, delete, exists, insert, or_, select, update

from . import tables
from .fields import Body, name_text, not_found, refused
from .identity import DEFAULT_WORKSPACE_ID, DEFAULT_WORKSPACE_NAME, NO_ORGANIZATION, check_etag, etag, new_id, timestamp
from .store import Transaction

_t = tables.workspaces.c
_ID = bindparam("id_", type_=String)

_ALL = select(_t.id, _t.name, _t.version, tables.ORGANIZATION).where(_t.deleted_at.is_(None)).order_by(_t.id)
_ONE = select(_t.version).where(_t.id == _ID, _t.deleted_at.is_(None))
_INSERT = insert(tables.workspaces)
_RENAME = update(tables.workspaces).where(_t.id == _ID).values(name=bindparam("name_"), version=_t.version + 1)
_DELETE = update(tables.workspaces).where(_t.id == _ID).values(deleted_at=bindparam("now"), version=_t.version + 1)
_DELETE_API_KEYS = delete(tables.api_keys).where(tables.api_keys.c.workspace_id == _ID)
_IN_USE = select(
    or_(
        exists().where(tables.buckets.c.workspace_id == _ID, tables.buckets.c.deleted_at.is_(None)),
        exists().where(tables.llms.c.workspace_id == _ID),
        exists().where(tables.repositories.c.workspace_id == _ID, tables.repositories.c.deleted_at.is_(None)),
    )
)


def list_workspaces(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
    """All live workspaces, in their read shape; `workspace_id` means nothing here."""
    return [_wire(*row) for row in connection.execute(_ALL).all()]


def default_workspace() -> dict[str, Any]:
    """The workspace of a database that nobody has written to yet, as it will read afterwards, but for the organization."""
    return _wire(DEFAULT_WORKSPACE_ID, DEFAULT_WORKSPACE_NAME, 1, NO_ORGANIZATION)


def create_workspace(transaction: Transaction, body: Body) -> str:
    """A new workspace from its write shape; its id."""
    workspace_id = new_id()
    values = {"id": workspace_id, "name": name_text(body, "name"), "created_at": timestamp(), "version": 1}
    transaction.connection.execute(_INSERT, values)
    return workspace_id


def update_workspace(transaction: Transaction, workspace_id: str, body: Body, expected: str | None) -> str:
    """Rename a workspace, if a name is given; its ETag. Refused: 404, 412."""
    version = _live_version(transaction.connection, workspace_id)
    check_etag(expected, workspace_id, version)
    if "name" not in body:
        return etag(workspace_id, version)
    transaction.connection.execute(_RENAME, {"id_": workspace_id, "name_": name_text(body, "name")})
    return etag(workspace_id, version + 1)


def delete_workspace(transaction: Transaction, workspace_id: str, expected: str | None) -> None:
    """Soft delete; its provider keys go with it. Refused: 404, 412, and 400 while it holds anything (section 2.9)."""
    connection = transaction.connection
    check_etag(expected, workspace_id, _live_version(connection, workspace_id))
    if workspace_id == DEFAULT_WORKSPACE_ID:
        raise refused("the default workspace cannot be deleted")
    if connection.execute(_IN_USE, {"id_": workspace_id}).scalar_one():
        raise refused(f"the workspace {workspace_id} still holds buckets, AI LLMs or repositories")
    connection.execute(_DELETE_API_KEYS, {"id_": workspace_id})
    connection.execute(_DELETE, {"id_": workspace_id, "now": timestamp()})


def check_workspace(connection: Connection, workspace_id: str) -> None:
    """Raises PlatformRefused (404) unless there is such a live workspace."""
    _live_version(connection, workspace_id)


def _live_version(connection: Connection, workspace_id: str) -> int:
    row = connection.execute(_ONE, {"id_": workspace_id}).first()
    if row is None:
        raise not_found("workspace", workspace_id)
    version: int = row[0]
    return version


def _wire(workspace_id: str, name: str, version: int, organization: str) -> dict[str, Any]:
    return {
        "id": workspace_id,
        "name": name,
        "orgId": organization,
        "users": [],
        "default": workspace_id == DEFAULT_WORKSPACE_ID,
        "etag": etag(workspace_id, version),
    }
