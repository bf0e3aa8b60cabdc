"""The keys of repositories (platform-contract.md, sections 1.7, 1.8, 2.6 and 3.5): for storage, and for AI.

Law: a key belongs to a repository that exists, and its secret leaves this file twice: once in clear, to whoever made it,
and as a keyed hash, to the table. Deleting is soft. Nothing here checks a request of the data plane: there is none.

A storage key has an access type, which can be changed; an AI key has an AI type, which cannot.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, String, bindparam, insert, select, update

from . import tables
from .fields import Body, choice, name_text, not_found
from .identity import new_id, timestamp
from .llms import AI_TYPES
from .rows import rows_of
from .scope import Scope, of_their_parts
from .store import Transaction

Family = Literal["storage", "ai"]

ACCESS_TYPES = {name: name for name in ("READ", "WRITE", "ADMIN")}

_access_type = choice(ACCESS_TYPES)
_ai_type = choice(AI_TYPES)

_k = tables.repository_keys.c
_r = tables.repositories.c
_ID = bindparam("id_", type_=String)

# Newest first (section 1.8).
_ALL = (
    select(_k.repository_id, _k.family, _k.id, _k.name, _k.access, _k.key, _k.created_at)
    .where(_k.deleted_at.is_(None))
    .order_by(_k.id.desc())
)
_ONE = select(_k.name).where(
    _k.id == _ID,
    _k.repository_id == bindparam("repository", type_=String),
    _k.family == bindparam("family_", type_=String),
    _k.deleted_at.is_(None),
)
_ENDPOINT_TYPE = select(_r.storage_type).where(_r.id == _ID, _r.deleted_at.is_(None))
_INSERT = insert(tables.repository_keys)
_CHANGE = update(tables.repository_keys).where(_k.id == _ID)
_DELETE_ALL = (
    update(tables.repository_keys)
    .where(_k.repository_id == _ID, _k.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"), version=_k.version + 1)
)


class NewKey(NamedTuple):
    """A key that was just made: the only value that ever holds a secret in clear."""

    id: str
    key: str
    secret: str


class Keys(NamedTuple):
    """Live keys by the id of their repository, in their read shapes, never with a secret."""

    storage: dict[str, list[dict[str, Any]]]
    ai: dict[str, list[dict[str, Any]]]


def keys_of_repositories(connection: Connection, scope: Scope) -> Keys:
    keys = Keys({}, {})
    for row in rows_of(connection, of_their_parts(_ALL, _k.repository_id, scope)):
        repository_id, family, key_id, name, access, key, created_at = row
        item = {"id": key_id, "name": name, "key": key, "createdAt": created_at}
        if family == "ai":
            item |= {"repoId": repository_id, "aiType": access, "deletedAt": None}
            keys.ai.setdefault(repository_id, []).append(item)
        else:
            keys.storage.setdefault(repository_id, []).append(item | {"accessType": access})
    return keys


def list_keys(connection: Connection, repository_id: str, family: Family) -> list[dict[str, Any]]:
    """The live keys of a repository, newest first. Refused: 404."""
    _endpoint_type(connection, repository_id)
    keys = keys_of_repositories(connection, Scope(repository_id=repository_id))
    return (keys.ai if family == "ai" else keys.storage).get(repository_id, [])


def create_key(transaction: Transaction, repository_id: str, family: Family, body: Body) -> NewKey:
    """A new key, with its secret. Refused: 400 (a field), 404."""
    storage_type = _endpoint_type(transaction.connection, repository_id)
    name = name_text(body, "name")
    access = _ai_type(body, "aiType") if family == "ai" else _access_type(body, "accessType")
    made = _ai_key() if family == "ai" else _STORAGE_KEYS.get(storage_type, _s3_key)()
    transaction.connection.execute(
        _INSERT,
        {
            "id": made.id,
            "repository_id": repository_id,
            "family": family,
            "name": name,
            "access": access,
            "key": made.key,
            "secret_hash": transaction.seal(made.secret),
            "created_at": timestamp(),
            "version": 1,
        },
    )
    return made


def update_key(transaction: Transaction, repository_id: str, family: Family, key_id: str, body: Body) -> None:
    """Change a storage key's name and access type, both of which are required, or an AI key's name, if it is given.

    Refused: 400, 404.
    """
    _check_live(transaction.connection, repository_id, family, key_id)
    values: dict[str, Any] = {}
    if family == "storage" or "name" in body:
        values["name"] = name_text(body, "name")
    if family == "storage":
        values["access"] = _access_type(body, "accessType")
    if values:
        statement = _CHANGE.values(**values, version=_k.version + 1)
        transaction.connection.execute(statement, {"id_": key_id})


def delete_key(transaction: Transaction, repository_id: str, family: Family, key_id: str) -> None:
    """Soft delete; the key is dead at once. Refused: 404."""
    _check_live(transaction.connection, repository_id, family, key_id)
    statement = _CHANGE.values(deleted_at=timestamp(), version=_k.version + 1)
    transaction.connection.execute(statement, {"id_": key_id})


def delete_all_keys(connection: Connection, repository_id: str) -> None:
    """The keys of a repository die with it (U26)."""
    connection.execute(_DELETE_ALL, {"id_": repository_id, "now": timestamp()})


def _endpoint_type(connection: Connection, repository_id: str) -> str:
    found = connection.execute(_ENDPOINT_TYPE, {"id_": repository_id}).scalar()
    if found is None:
        raise not_found("repository", repository_id)
    return str(found)


def _check_live(connection: Connection, repository_id: str, family: Family, key_id: str) -> None:
    _endpoint_type(connection, repository_id)
    values = {"id_": key_id, "repository": repository_id, "family_": family}
    if connection.execute(_ONE, values).first() is None:
        raise not_found("API key of this repository", key_id)


def _s3_key() -> NewKey:
    return NewKey(new_id(), f"GW{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))


def _gcs_key() -> NewKey:
    """The real platform's secret is a private key here; ours opens nothing, so random bytes do."""
    return NewKey(new_id(), f"{secrets.token_hex(8)}@keys.gatectl.invalid", secrets.token_urlsafe(48))


def _blob_key() -> NewKey:
    key_id = new_id()
    return NewKey(key_id, key_id, base64.b64encode(os.urandom(64)).decode())


def _ai_key() -> NewKey:
    return NewKey(new_id(), f"ai-{secrets.token_hex(6)}", f"sk-{secrets.token_urlsafe(36)}")


_STORAGE_KEYS: Mapping[str, Callable[[], NewKey]] = {"S3": _s3_key, "GCS": _gcs_key, "BLOB": _blob_key}
"""How a storage key looks is a matter of the repository's endpoint type (section 1.7)."""
