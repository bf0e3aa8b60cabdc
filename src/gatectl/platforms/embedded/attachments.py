"""What a repository attaches, and the rules of it (platform-contract.md, sections 2.4, 2.7 and 2.9).

Law: a body's `repoBuckets` and `repoAiLlms` become rows here, or are refused; nothing else of a repository is known but
its id, its workspace and its mode. Checking and writing happen in the caller's one transaction.

The rules, and the platform's word for each:

- A bucket or LLM is one of the repository's own workspace (U27), attached once (U9): NOT_FOUND, 400.
- A MIRROR repository has exactly one master, and an update keeps the master attached or names another:
  MIRROR_MASTER_UNIT_COUNT_INVALID, MIRROR_MASTER_UNIT_MISSING.
- A bucket of a MIRROR repository is attached nowhere else, seen from both sides: MIRROR_UNIT_ALREADY_IN_OTHER_REPO.
- A NORMAL repository's (bucket, folder) is used by no other: NORMAL_UNIT_FOLDER_ALREADY_USED.
- The folder of an attachment stays what it was: NORMAL_UNIT_CANNOT_EDIT_FOLDER. Folders compare without the slashes at
  their ends (U8), and are kept as written.

Detaching is allowed. Namespace rules are not the platform's business (U11).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, String, bindparam, delete, insert, select

from . import tables
from .fields import Body, folder_text, not_found, objects, refused, text
from .prepared import Prepared

MIRROR = "MIRROR"

_a = tables.bucket_attachments.c
_l = tables.llm_attachments.c
_b = tables.buckets.c
_r = tables.repositories.c

_REPOSITORY = bindparam("repository", type_=String)
_BUCKET = bindparam("bucket", type_=String)
_FOLDER = bindparam("folder_", type_=String)
_WORKSPACE = bindparam("workspace", type_=String)

_elsewhere = tables.bucket_attachments.alias()
_taken = tables.bucket_attachments.alias()
# One look finds out all about a bucket, whatever number of repositories share it: `mirror` of any one attachment
# elsewhere tells for all of them, since a bucket of a MIRROR repository has no other.
_BUCKET_FACTS = Prepared(
    select(
        select(_elsewhere.c.mirror)
        .where(_elsewhere.c.bucket_id == _BUCKET, _elsewhere.c.repository_id != _REPOSITORY)
        .limit(1)
        .scalar_subquery(),
        select(_taken.c.repository_id)
        .where(_taken.c.bucket_id == _BUCKET, _taken.c.folder_key == _FOLDER, _taken.c.repository_id != _REPOSITORY)
        .scalar_subquery(),
    ).where(_b.id == _BUCKET, _b.workspace_id == _WORKSPACE, _b.deleted_at.is_(None))
)
_OTHER_REPOSITORY = (
    select(_r.name)
    .join_from(tables.bucket_attachments, tables.repositories, _a.repository_id == _r.id)
    .where(_a.bucket_id == _BUCKET, _a.repository_id != _REPOSITORY)
    .limit(1)
)
_BUCKET_WORKSPACE = select(_b.workspace_id).where(_b.id == _BUCKET, _b.deleted_at.is_(None))
_REPOSITORY_NAME = select(_r.name).where(_r.id == bindparam("id_"))
_LLM = select(tables.llms.c.id).where(tables.llms.c.id == bindparam("llm"), tables.llms.c.workspace_id == _WORKSPACE)

_CURRENT = (
    select(_a.bucket_id, _a.folder, _a.folder_key, _a.master)
    .where(_a.repository_id == _REPOSITORY)
    .order_by(_a.position)
)
_ATTACH_BUCKETS = Prepared(
    insert(tables.bucket_attachments),
    ("repository_id", "position", "bucket_id", "folder", "folder_key", "master", "mirror"),
)
_ATTACH_LLMS = insert(tables.llm_attachments)
_DETACH_BUCKETS = delete(tables.bucket_attachments).where(_a.repository_id == _REPOSITORY)
_DETACH_LLMS = delete(tables.llm_attachments).where(_l.repository_id == _REPOSITORY)


class Owner(NamedTuple):
    """The repository that attaches, as far as the rules ask for it."""

    id: str
    workspace_id: str
    mirror: bool


class Attached(NamedTuple):
    """One bucket attached."""

    bucket_id: str
    folder: str
    folder_key: str
    master: bool


def attach(connection: Connection, owner: Owner, body: Body) -> None:
    """Attach what the body of a new repository lists; a list left out is an empty one. Raises PlatformRefused."""
    _attach_buckets(connection, owner, _read_buckets(body, {}) or [], {})
    _attach_llms(connection, owner, _read_llms(body) or [])


def replace(connection: Connection, owner: Owner, body: Body) -> None:
    """Make a repository's attachments those that the body lists; a list left out stays as it is (U2).

    An attachment that stays may leave out `folder` and `master`, which then stay too. Raises PlatformRefused.
    """
    rows = connection.execute(_CURRENT, {"repository": owner.id}).all()
    current = {row[0]: Attached(*row) for row in rows}
    buckets = _read_buckets(body, current)
    if buckets is not None:
        connection.execute(_DETACH_BUCKETS, {"repository": owner.id})
        _attach_buckets(connection, owner, buckets, current)
    llms = _read_llms(body)
    if llms is not None:
        connection.execute(_DETACH_LLMS, {"repository": owner.id})
        _attach_llms(connection, owner, llms)


def check(connection: Connection, owner: Owner, body: Body) -> None:
    """Raises PlatformRefused where the buckets that the body lists could not be attached; attaches nothing."""
    rows = connection.execute(_CURRENT, {"repository": owner.id}).all()
    current = {row[0]: Attached(*row) for row in rows}
    buckets = _read_buckets(body, current)
    if buckets is not None:
        _check_buckets(connection, owner, buckets, current)


def workspace_of_first(connection: Connection, body: Body) -> str:
    """The workspace of the first bucket that the body lists ("" where it lists none that exists)."""
    items = objects(body, "repoBuckets") or []
    if not items:
        return ""
    found = connection.execute(_BUCKET_WORKSPACE, {"bucket": text(items[0], "bucketId")}).scalar()
    return found or ""


def detach_all(connection: Connection, repository_id: str) -> None:
    """Free everything that a repository attaches."""
    connection.execute(_DETACH_BUCKETS, {"repository": repository_id})
    connection.execute(_DETACH_LLMS, {"repository": repository_id})


def _read_buckets(body: Body, current: dict[str, Attached]) -> list[Attached] | None:
    items = objects(body, "repoBuckets")
    if items is None:
        return None
    buckets: dict[str, Attached] = {}
    for item in items:
        attached = _read_bucket(item, current.get(text(item, "bucketId")))
        if attached.bucket_id in buckets:
            raise refused(f"the bucket {attached.bucket_id} is attached twice")
        buckets[attached.bucket_id] = attached
    return list(buckets.values())


def _read_bucket(item: Body, before: Attached | None) -> Attached:
    folder = item.get("folder")
    master = item.get("master")
    if folder is None:
        folder = before.folder if before else ""
    elif folder != "":
        folder = folder_text(item, "folder")
    if master is None:
        master = before.master if before else False
    if not isinstance(master, bool):
        raise refused("master must be a boolean")
    return Attached(text(item, "bucketId"), folder, folder.strip("/"), master)


def _read_llms(body: Body) -> list[str] | None:
    items = objects(body, "repoAiLlms")
    if items is None:
        return None
    llms = [text(item, "aiLlmId") for item in items]
    if len(set(llms)) != len(llms):
        raise refused("an AI LLM is attached twice")
    return llms


def _attach_buckets(
    connection: Connection, owner: Owner, buckets: list[Attached], current: dict[str, Attached]
) -> None:
    _check_buckets(connection, owner, buckets, current)
    if buckets:
        _ATTACH_BUCKETS.run(connection, *(_row(owner, place, bucket) for place, bucket in enumerate(buckets)))


def _check_buckets(connection: Connection, owner: Owner, buckets: list[Attached], current: dict[str, Attached]) -> None:
    for bucket in buckets:
        before = current.get(bucket.bucket_id)
        if before is None:
            _check_bucket(connection, owner, bucket)
        elif before.folder_key != bucket.folder_key:
            raise refused(
                f"the folder of the bucket {bucket.bucket_id} cannot be changed from {before.folder!r}",
                "NORMAL_UNIT_CANNOT_EDIT_FOLDER",
            )
    if owner.mirror:
        _check_masters(buckets, current)


def _check_bucket(connection: Connection, owner: Owner, bucket: Attached) -> None:
    facts = _BUCKET_FACTS.first(
        connection,
        {
            "bucket": bucket.bucket_id,
            "repository": owner.id,
            "folder_": bucket.folder_key,
            "workspace": owner.workspace_id,
        },
    )
    if facts is None:
        raise not_found("bucket of this workspace", bucket.bucket_id)
    mirror_elsewhere, folder_taken_by = facts
    if mirror_elsewhere or (owner.mirror and mirror_elsewhere is not None):
        other = connection.execute(_OTHER_REPOSITORY, {"bucket": bucket.bucket_id, "repository": owner.id}).scalar()
        raise refused(
            f"the bucket {bucket.bucket_id} is attached to the repository {other!r},"
            " and a bucket of a MIRROR repository cannot be shared",
            "MIRROR_UNIT_ALREADY_IN_OTHER_REPO",
        )
    if folder_taken_by is not None:
        other = connection.execute(_REPOSITORY_NAME, {"id_": folder_taken_by}).scalar()
        raise refused(
            f"the folder {bucket.folder!r} of the bucket {bucket.bucket_id} is used by the repository {other!r}",
            "NORMAL_UNIT_FOLDER_ALREADY_USED",
        )


def _check_masters(buckets: list[Attached], current: dict[str, Attached]) -> None:
    masters = sum(bucket.master for bucket in buckets)
    if masters == 1:
        return
    attached = {bucket.bucket_id for bucket in buckets}
    if not masters and any(before.master and before.bucket_id not in attached for before in current.values()):
        raise refused("the master of the MIRROR repository would be detached", "MIRROR_MASTER_UNIT_MISSING")
    raise refused(f"a MIRROR repository has one master, not {masters}", "MIRROR_MASTER_UNIT_COUNT_INVALID")


def _row(owner: Owner, position: int, bucket: Attached) -> dict[str, Any]:
    return {
        "repository_id": owner.id,
        "position": position,
        "bucket_id": bucket.bucket_id,
        "folder": bucket.folder,
        "folder_key": bucket.folder_key,
        "master": bucket.master,
        "mirror": owner.mirror,
    }


def _attach_llms(connection: Connection, owner: Owner, llms: list[str]) -> None:
    for llm_id in llms:
        if connection.execute(_LLM, {"llm": llm_id, "workspace": owner.workspace_id}).first() is None:
            raise not_found("AI LLM of this workspace", llm_id)
    if llms:
        rows = [{"repository_id": owner.id, "position": place, "llm_id": llm_id} for place, llm_id in enumerate(llms)]
        connection.execute(_ATTACH_LLMS, rows)
