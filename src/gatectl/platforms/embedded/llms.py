"""AI LLM configurations (platform-contract.md, sections 1.5 and 3.7): the name is unique in the workspace.

Law: the functions that `platform.COLLECTIONS` lists for "ai/llm", and the LLM as a repository shows it. `key` is kept
and reads as null, the secret is stored as a keyed hash and never read. No provider is ever called.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, String, bindparam, delete, exists, insert, select, update

from . import tables
from .credentials import NONE, read_credentials
from .fields import (
    Body,
    Field,
    choice,
    name_text,
    not_found,
    optional_text,
    optional_url,
    read_all,
    read_given,
    refused,
    text,
)
from .identity import check_etag, etag, new_id, timestamp
from .rows import rows_of
from .store import Transaction
from .workspaces import check_workspace

AI_TYPES = {name: name for name in ("OPENAI", "GOOGLE", "ANTHROPIC", "AWS", "OTHER")}

FIELDS = {
    "name": Field("name", name_text),
    "aiType": Field("ai_type", choice(AI_TYPES)),
    "endpoint": Field("endpoint", optional_url),
    "key": Field("key", optional_text),
}

_t = tables.llms.c
_a = tables.llm_attachments.c
_r = tables.repositories.c
_ID = bindparam("id_", type_=String)

_ALL = select(
    _t.id,
    _t.name,
    _t.ai_type,
    _t.endpoint,
    _t.workspace_id,
    _t.api_key_id,
    _t.created_at,
    tables.ORGANIZATION,
    _t.version,
).order_by(_t.id)
_USES = (
    select(_a.llm_id, _r.id, _r.name, _r.created_at)
    .join_from(tables.llm_attachments, tables.repositories, _a.repository_id == _r.id)
    .order_by(_r.id)
)
_ONE = select(_t.workspace_id, _t.version).where(_t.id == _ID)
_USABLE = select(_t.ai_type, _t.endpoint, _t.secret_hash, _t.api_key_id).where(_t.id == _ID)
_NAMED = select(_t.id).where(_t.workspace_id == bindparam("workspace"), _t.name == bindparam("name_"))
_INSERT = insert(tables.llms)
_IN_USE = select(exists().where(_a.llm_id == _ID))
_DELETE = delete(tables.llms).where(_t.id == _ID)


def list_llms(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
    """The LLMs of a workspace (None: of all), in their read shape, with the repositories that use each."""
    uses: dict[str, list[dict[str, Any]]] = {}
    statement = _USES if workspace_id is None else _USES.where(_r.workspace_id == workspace_id)
    for llm_id, repository_id, name, created_at in rows_of(connection, statement):
        uses.setdefault(llm_id, []).append({"id": repository_id, "name": name, "createdAt": created_at})
    return [
        _wire(row) | {"repos": uses.get(row[0], []), "etag": etag(row[0], row[-1])}
        for row in _rows(connection, workspace_id)
    ]


def attached_llms(
    connection: Connection, workspace_id: str | None, repository_id: str | None = None
) -> dict[str, dict[str, Any]]:
    """Each LLM as the repositories (of a workspace, or the one) show it, by id."""
    return {row[0]: _wire(row) for row in _rows(connection, workspace_id, repository_id)}


def complaint(connection: Connection, llm_id: str) -> str | None:
    """What keeps an LLM from being used (None: nothing), as far as its fields tell. Refused: 404."""
    row = connection.execute(_USABLE, {"id_": llm_id}).first()
    if row is None:
        raise not_found("AI LLM", llm_id)
    ai_type, endpoint, secret_hash, api_key_id = row
    if secret_hash is None and api_key_id is None:
        return "the AI LLM has no credentials: secret or apiKeyUuid"
    return "an AI LLM of type OTHER needs an endpoint" if ai_type == "OTHER" and endpoint is None else None


def create_llm(transaction: Transaction, body: Body) -> str:
    """A new LLM from its write shape; its id.

    Refused: 400 (a field, NAME_ALREADY_USED), 404 (the workspace or the provider key).
    """
    workspace_id = text(body, "workspaceId")
    values = read_all(body, FIELDS)
    check_workspace(transaction.connection, workspace_id)
    _check_name(transaction.connection, workspace_id, values["name"], None)
    values |= NONE | read_credentials(transaction, body, workspace_id)
    values |= {"id": new_id(), "workspace_id": workspace_id, "created_at": timestamp(), "version": 1}
    transaction.connection.execute(_INSERT, values)
    return str(values["id"])


def update_llm(transaction: Transaction, llm_id: str, body: Body, expected: str | None) -> str:
    """Change the fields given, all but the workspace (section 2.10); the new ETag. Refused: 400, 404, 412."""
    workspace_id, version = _live(transaction.connection, llm_id)
    check_etag(expected, llm_id, version)
    if body.get("workspaceId") not in (None, workspace_id):
        raise refused("the workspace of an AI LLM cannot be changed")
    values = read_given(body, FIELDS) | read_credentials(transaction, body, workspace_id)
    if "name" in values:
        _check_name(transaction.connection, workspace_id, values["name"], llm_id)
    transaction.connection.execute(
        update(tables.llms).where(_t.id == _ID).values(**values, version=version + 1), {"id_": llm_id}
    )
    return etag(llm_id, version + 1)


def delete_llm(transaction: Transaction, llm_id: str, expected: str | None) -> None:
    """Delete for good. Refused: 404, 412, and 403 while a repository uses it (section 2.9)."""
    connection = transaction.connection
    check_etag(expected, llm_id, _live(connection, llm_id)[1])
    if connection.execute(_IN_USE, {"id_": llm_id}).scalar_one():
        raise refused(f"the AI LLM {llm_id} is used by a repository", status=403)
    connection.execute(_DELETE, {"id_": llm_id})


def _check_name(connection: Connection, workspace_id: str, name: str, own_id: str | None) -> None:
    found = connection.execute(_NAMED, {"workspace": workspace_id, "name_": name}).scalar()
    if found is not None and found != own_id:
        raise refused(f"the workspace has an AI LLM named {name!r} already", "NAME_ALREADY_USED")


def _live(connection: Connection, llm_id: str) -> tuple[str, int]:
    row = connection.execute(_ONE, {"id_": llm_id}).first()
    if row is None:
        raise not_found("AI LLM", llm_id)
    return row[0], row[1]


def _rows(connection: Connection, workspace_id: str | None, repository_id: str | None = None) -> Any:
    statement = _ALL if workspace_id is None else _ALL.where(_t.workspace_id == workspace_id)
    if repository_id is not None:
        statement = statement.where(_t.id.in_(select(_a.llm_id).where(_a.repository_id == repository_id)))
    return rows_of(connection, statement)


def _wire(row: Any) -> dict[str, Any]:
    llm_id, name, ai_type, endpoint, workspace_id, api_key_id, created_at, organization, _ = row
    return {
        "id": llm_id,
        "name": name,
        "aiType": ai_type,
        "endpoint": endpoint,
        "key": None,
        "workspaceId": workspace_id,
        "apiKeyId": api_key_id,
        "orgId": organization,
        "userId": None,
        "createdAt": created_at,
    }
