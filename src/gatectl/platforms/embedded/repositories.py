"""Repositories (platform-contract.md, sections 1.3, 2.1, 3.3): the name is unique among the live ones of a workspace.

Law: the functions that `platform.COLLECTIONS` lists for "repo". Written with `repoBuckets` and `repoAiLlms`, read with
`buckets` and `aiLlms` expanded; the rules of those lists are in `attachments`. A PUT replaces the whole object: name,
storageType and mode are required, and the last two and the workspace must be what they are (U3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, String, bindparam, insert, select, update

from gatectl.errors import PlatformError
from gatectl.quote import quote

from . import tables
from .attachments import MIRROR, Owner, attach, check, detach_all, replace, workspace_of_first
from .buckets import attached_buckets
from .fields import Body, choice, name_text, not_found, refused, text, without_keys
from .identity import check_etag, etag, new_id, timestamp
from .llms import attached_llms
from .prepared import Prepared
from .repository_keys import delete_all_keys, keys_of_repositories
from .rows import Shared, rows_of
from .scope import Scope, of_repositories, of_their_parts
from .store import Transaction

STORAGE_TYPES = {"S3": "S3", "GCS": "GCS", "BLOB": "BLOB", "AZURE": "BLOB", "OPENAI": "OPENAI"}
"""The endpoint types of a repository, and what each is stored as (U4, U5)."""

MODES = {"NORMAL": "NORMAL", MIRROR: MIRROR}

_storage_type = choice(STORAGE_TYPES)
_mode = choice(MODES)

_t = tables.repositories.c
_w = tables.workspaces.c
_a = tables.bucket_attachments.c
_l = tables.llm_attachments.c
_ID = bindparam("id_", type_=String)

_ALL = (
    select(_t.id, _t.name, _t.storage_type, _t.mode, _t.workspace_id, _t.created_at, _t.version)
    .where(_t.deleted_at.is_(None))
    .order_by(_t.id)
)
_BUCKETS = select(_a.repository_id, _a.bucket_id, _a.folder, _a.master).order_by(_a.repository_id, _a.position)
_LLMS = select(_l.repository_id, _l.llm_id).order_by(_l.repository_id, _l.position)
_ONE = select(_t.workspace_id, _t.name, _t.storage_type, _t.mode, _t.version).where(
    _t.id == _ID, _t.deleted_at.is_(None)
)
# The workspace, if it is live, and the repository that has the name in it, if any.
_NAMED = Prepared(
    select(_t.id)
    .select_from(tables.workspaces)
    .outerjoin(
        tables.repositories,
        (_t.workspace_id == _w.id) & (_t.name == bindparam("name_")) & _t.deleted_at.is_(None),
    )
    .where(_w.id == bindparam("workspace"), _w.deleted_at.is_(None))
)
_INSERT = Prepared(
    insert(tables.repositories), ("id", "workspace_id", "name", "storage_type", "mode", "created_at", "version")
)
_UPDATE = update(tables.repositories).where(_t.id == _ID).values(name=bindparam("name_"), version=_t.version + 1)
_DELETE = update(tables.repositories).where(_t.id == _ID).values(deleted_at=bindparam("now"), version=_t.version + 1)


class Live(NamedTuple):
    """What is stored of a live repository, as far as changing it asks."""

    workspace_id: str
    name: str
    storage_type: str
    mode: str
    version: int


def list_repositories(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
    """The live repositories of a workspace (None: of all), in their read shape.

    One SELECT for each table, however many repositories there are; each bucket and LLM is one dictionary that all the
    repositories attaching it share.
    """
    return _read(connection, Scope(workspace_id=workspace_id))


def find_repository(connection: Connection, repository_id: str) -> dict[str, Any] | None:
    """One live repository in its read shape, for the cost of one; None where there is none."""
    found = _read(connection, Scope(repository_id=repository_id))
    return found[0] if found else None


def _read(connection: Connection, scope: Scope) -> list[dict[str, Any]]:
    buckets = _attached_buckets(connection, scope)
    llms = _attached_llms(connection, scope)
    storage_keys, ai_keys = keys_of_repositories(connection, scope)
    one = Shared().one
    return [
        {
            "id": repository_id,
            "name": name,
            "storageType": one(storage_type),
            "mode": one(mode),
            "workspaceId": one(owner_id),
            "buckets": buckets.get(repository_id, []),
            "aiLlms": llms.get(repository_id, []),
            "apiKeys": storage_keys.get(repository_id, []),
            "aiApiKeys": ai_keys.get(repository_id, []),
            "createdAt": created_at,
            "disabled": False,
            "etag": etag(repository_id, version),
        }
        for repository_id, name, storage_type, mode, owner_id, created_at, version in rows_of(
            connection, of_repositories(_ALL, scope)
        )
    ]


def create_repository(transaction: Transaction, body: Body) -> str:
    """A new repository from its write shape; its id.

    Refused: 400 (a field, API keys, a code of section 2.7), 404 (the workspace, a bucket, an LLM).
    """
    without_keys(body)
    connection = transaction.connection
    workspace_id, name = text(body, "workspaceId"), name_text(body, "name")
    storage_type, mode = _storage_type(body, "storageType"), _mode(body, "mode")
    _check_name(connection, workspace_id, name)
    repository_id = new_id()
    _INSERT.run(
        connection,
        {
            "id": repository_id,
            "workspace_id": workspace_id,
            "name": name,
            "storage_type": storage_type,
            "mode": mode,
            "created_at": timestamp(),
            "version": 1,
        },
    )
    attach(connection, Owner(repository_id, workspace_id, mode == MIRROR), body)
    return repository_id


def update_repository(transaction: Transaction, repository_id: str, body: Body, expected: str | None) -> str:
    """Replace a repository by its write shape; a list of attachments that is left out stays as it is (U2).

    Returns the new ETag. Refused: 400 (a field, API keys, what cannot change, a code of section 2.7), 404, 412.
    """
    connection = transaction.connection
    row = _live(connection, repository_id)
    check_etag(expected, repository_id, row.version)
    without_keys(body)
    name = name_text(body, "name")
    _check_unchanged(row, body)
    if name != row.name:
        _check_name(connection, row.workspace_id, name)
    connection.execute(_UPDATE, {"id_": repository_id, "name_": name})
    replace(connection, Owner(repository_id, row.workspace_id, row.mode == MIRROR), body)
    return etag(repository_id, row.version + 1)


def check_repository(connection: Connection, repository_id: str, body: Body) -> None:
    """Raises PlatformRefused where a repository could not have the mode and the buckets given (`/repo/validate`).

    An id that no repository has stands for a new one, in the workspace of the buckets.
    """
    row = connection.execute(_ONE, {"id_": repository_id}).first()
    mode = _mode(body, "mode")
    if row is None:
        check(connection, Owner("", workspace_of_first(connection, body), mode == MIRROR), body)
        return
    live = Live(*row)
    _check_mode(live, body)
    check(connection, Owner(repository_id, live.workspace_id, live.mode == MIRROR), body)


def delete_repository(transaction: Transaction, repository_id: str, expected: str | None) -> None:
    """Soft delete: the name and all attachments are free again, the keys are dead (section 2.9, U26).

    Refused: 404, 412.
    """
    connection = transaction.connection
    check_etag(expected, repository_id, _live(connection, repository_id).version)
    detach_all(connection, repository_id)
    delete_all_keys(connection, repository_id)
    connection.execute(_DELETE, {"id_": repository_id, "now": timestamp()})


def _check_name(connection: Connection, workspace_id: str, name: str) -> None:
    row = _NAMED.first(connection, {"workspace": workspace_id, "name_": name})
    if row is None:
        raise not_found("workspace", workspace_id)
    if row[0] is not None:
        raise refused(f"the workspace has a repository named {name!r} already", "NAME_ALREADY_USED")


def _check_unchanged(row: Live, body: Body) -> None:
    if _storage_type(body, "storageType") != row.storage_type:
        raise refused(f"the storageType of a repository cannot be changed from {row.storage_type}")
    _check_mode(row, body)
    if body.get("workspaceId") not in (None, row.workspace_id):
        raise refused("the workspace of a repository cannot be changed")


def _check_mode(row: Live, body: Body) -> None:
    if _mode(body, "mode") != row.mode:
        raise refused(f"the mode of a repository cannot be changed from {row.mode}")


def _live(connection: Connection, repository_id: str) -> Live:
    row = connection.execute(_ONE, {"id_": repository_id}).first()
    if row is None:
        raise not_found("repository", repository_id)
    return Live(*row)


def _attached_buckets(connection: Connection, scope: Scope) -> dict[str, list[dict[str, Any]]]:
    expanded = attached_buckets(connection, *scope)
    attached: dict[str, list[dict[str, Any]]] = {}
    one = Shared().one
    rows = rows_of(connection, of_their_parts(_BUCKETS, _a.repository_id, scope))
    for repository_id, bucket_id, folder, master in rows:
        bucket = _there(expanded, bucket_id, repository_id)
        item = {"bucketId": bucket["id"], "folder": one(folder), "master": master, "bucket": bucket}
        if repository_id in attached:
            attached[repository_id].append(item)
        else:
            attached[repository_id] = [item]
    return attached


def _attached_llms(connection: Connection, scope: Scope) -> dict[str, list[dict[str, Any]]]:
    expanded = attached_llms(connection, *scope)
    attached: dict[str, list[dict[str, Any]]] = {}
    for repository_id, llm_id in rows_of(connection, of_their_parts(_LLMS, _l.repository_id, scope)):
        llm = _there(expanded, llm_id, repository_id)
        item = {"aiLlmId": llm["id"], "aiLlm": llm}
        attached.setdefault(repository_id, []).append(item)
    return attached


def _there(expanded: Mapping[str, Any], object_id: str, repository_id: str) -> Any:
    """What a repository attaches. Raises PlatformError where it is not there, which the keys of the tables forbid."""
    if object_id not in expanded:
        raise PlatformError(
            f"the database is damaged: its repository {quote(repository_id)} attaches {quote(object_id)}, which is not there",
            "Restore it, or move it away and apply the manifests to a new one; this one was left as it is.",
        )
    return expanded[object_id]
