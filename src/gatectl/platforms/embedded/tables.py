"""The tables of the embedded platform as they are today, in words that every database understands.

Which schema each came with is said in `migrations`.

Law: only names, types, keys and indexes live here; no statement, no rule, nothing that one database alone can do
(the partial indexes are spelled for each, and mean the same on each). Ids and timestamps are text, as on the wire, so
that reading a list converts nothing. Whatever is soft-deleted keeps its row with `deleted_at`; the attachments of a
deleted repository go at once, so that "is this bucket in use" is one look into an index.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    select,
    text,
)

metadata = MetaData()


@event.listens_for(metadata, "before_create")
def _spell(_metadata: MetaData, connection: Connection, tables: Sequence[Table], **_options: object) -> None:
    """Say for PostgreSQL, where that is what tables are made in, which rows are in a partial index: what is told an index for a
    database loads all that SQLAlchemy knows of it, and everybody else would wait for that."""
    if connection.dialect.name == "postgresql":
        for index in (index for table in tables for index in table.indexes):
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _reference(name: str, target: str, *, optional: bool = False) -> Column[str]:
    return Column(name, String(36), ForeignKey(f"{target}.id"), nullable=optional)


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, String, nullable=optional)


def _version() -> Column[int]:
    """Counts the writes to a row: what an ETag is made of."""
    return Column("version", Integer, nullable=False)


meta = Table("gatectl_meta", metadata, Column("name", String, primary_key=True), _text("value"))
"""Facts of this database: `schema` (its number), `gatectl` (the version that made it so; older ones did not say), `instance` (its
own id), `seal` (the key of the secrets' hashes)."""

ORGANIZATION = select(meta.c.value).where(meta.c.name == "instance").scalar_subquery()
"""The organization of all that is here: what tells one platform from another, over HTTP too."""

workspaces = Table(
    "workspaces",
    metadata,
    _id(),
    _text("name"),
    _text("created_at"),
    _version(),
    _text("deleted_at", optional=True),
    sqlite_with_rowid=False,
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _reference("workspace_id", "workspaces"),
    _text("provider"),
    _text("key"),
    _text("secret_hash"),
    _text("endpoint", optional=True),
    _text("region", optional=True),
    _text("tenant_id", optional=True),
    _text("subscription_id", optional=True),
    _text("description", optional=True),
    _text("created_at"),
    _version(),
    Index("api_keys_by_workspace", "workspace_id"),
    sqlite_with_rowid=False,
)
"""Provider API keys (platform-contract.md, section 1.6)."""

buckets = Table(
    "buckets",
    metadata,
    _id(),
    _reference("workspace_id", "workspaces"),
    _text("name"),
    _text("bucket"),
    _text("storage_type"),
    _text("key", optional=True),
    _text("secret_hash", optional=True),
    _reference("api_key_id", "api_keys", optional=True),
    _text("endpoint", optional=True),
    _text("region", optional=True),
    _text("created_at"),
    _version(),
    _text("deleted_at", optional=True),
    Index("buckets_by_workspace", "workspace_id"),
    Index(
        "buckets_by_api_key",
        "api_key_id",
        sqlite_where=text("api_key_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

llms = Table(
    "llms",
    metadata,
    _id(),
    _reference("workspace_id", "workspaces"),
    _text("name"),
    _text("ai_type"),
    _text("key", optional=True),
    _text("secret_hash", optional=True),
    _reference("api_key_id", "api_keys", optional=True),
    _text("endpoint", optional=True),
    _text("created_at"),
    _version(),
    Index("llms_by_name", "workspace_id", "name", unique=True),
    Index(
        "llms_by_api_key",
        "api_key_id",
        sqlite_where=text("api_key_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

repositories = Table(
    "repositories",
    metadata,
    _id(),
    _reference("workspace_id", "workspaces"),
    _text("name"),
    _text("storage_type"),
    _text("mode"),
    _text("created_at"),
    _version(),
    _text("deleted_at", optional=True),
    # The rules check first and say what is wrong; the unique indexes stand behind them.
    Index(
        "repositories_by_name",
        "workspace_id",
        "name",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
    ),
    sqlite_with_rowid=False,
)

bucket_attachments = Table(
    "bucket_attachments",
    metadata,
    Column("repository_id", String(36), ForeignKey("repositories.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _reference("bucket_id", "buckets"),
    _text("folder"),
    _text("folder_key"),
    Column("master", Boolean, nullable=False),
    Column("mirror", Boolean, nullable=False),
    # Also the bucket's own index. It may be unique over all modes: a bucket of a MIRROR repository has one attachment.
    Index("bucket_attachments_by_folder", "bucket_id", "folder_key", unique=True),
    sqlite_with_rowid=False,
)
"""`folder` as written, `folder_key` as compared (U8), `mirror`: whether the repository's mode is MIRROR."""

llm_attachments = Table(
    "llm_attachments",
    metadata,
    Column("repository_id", String(36), ForeignKey("repositories.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _reference("llm_id", "llms"),
    Index("llm_attachments_by_llm", "llm_id"),
    sqlite_with_rowid=False,
)

repository_keys = Table(
    "repository_keys",
    metadata,
    _id(),
    _reference("repository_id", "repositories"),
    _text("family"),
    _text("name"),
    _text("access"),
    _text("key", optional=True),
    _text("secret_hash"),
    _text("created_at"),
    _version(),
    _text("deleted_at", optional=True),
    Index("repository_keys_by_repository", "repository_id"),
    sqlite_with_rowid=False,
)
"""The keys of repositories: `family` storage (`access`: its accessType) or ai (`access`: its aiType)."""

creations = Table(
    "creations",
    metadata,
    Column("key", String(255), primary_key=True),
    _text("collection"),
    _text("object_id"),
    _text("form"),
    _text("created_at"),
    Index("creations_by_moment", "created_at"),
    sqlite_with_rowid=False,
)
"""What each Idempotency-Key made (`creations`)."""

applied = Table(
    "applied",
    metadata,
    Column("project", String, primary_key=True),
    Column("object_id", String(36), primary_key=True),
    sqlite_with_rowid=False,
)
"""Which project applied which object, as schemas before 5 had it; there are rows only of what several projects applied, until one
of them is the owner (`records.owners`)."""

runs = Table(
    "runs",
    metadata,
    Column("run", String(40), primary_key=True),
    _text("project"),
    _text("uid", optional=True),
    _text("place", optional=True),
    _text("environment"),
    _text("entry"),
    Index("runs_by_environment", "environment", "run"),
    sqlite_with_rowid=False,
)
"""The history (`records.runs`): each run of a project and environment, with what is told of it in a list."""

run_receipts = Table(
    "run_receipts",
    metadata,
    Column("run", String(40), ForeignKey("runs.run"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
"""The receipts of runs, packed, in parts that a database takes."""

leases = Table(
    "leases",
    metadata,
    Column("platform", String, primary_key=True),
    Column("workspace", String, primary_key=True),
    Column("fence", Integer, nullable=False),
    _text("holder"),
    _text("since"),
    Column("until", BigInteger, nullable=False),
    Column("lasts", Integer, nullable=False),
    _text("token"),
    Column("released", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""Who applies to a workspace now (`records.lease_rows`): `until` in milliseconds since 1970, `lasts` in milliseconds."""

fences = Table(
    "fences",
    metadata,
    Column("workspace", String, primary_key=True),
    _text("store"),
    Column("fence", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The highest number of a lease that a write to a workspace came with, and the store that it is from (`fences`)."""


owned = Table(
    "owned",
    metadata,
    Column("platform", String, primary_key=True),
    Column("object_id", String, primary_key=True),
    _text("project"),
    _text("uid", optional=True),
    _text("environment"),
    _text("place", optional=True),
    _text("kind"),
    _text("workspace", optional=True),
    _text("workspace_id", optional=True),
    _text("name"),
    _text("state", optional=True),
    _text("hash", optional=True),
    _text("file", optional=True),
    _text("commit_id", optional=True),
    _text("run", optional=True),
    _text("applied_at", optional=True),
    Column("protected", Boolean, nullable=False),
    Column("adopted", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""Whose each object is (`records.owners`): one owner of an object, on each platform that is remembered here, by its instance."""

places = Table(
    "places",
    metadata,
    Column("platform", String, primary_key=True),
    Column("uid", String, primary_key=True),
    Column("place", String, primary_key=True),
    sqlite_with_rowid=False,
)
"""Where each project with a uid was applied from."""

journal = Table(
    "journal",
    metadata,
    Column("platform", String, primary_key=True),
    Column("run", String(40), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
"""What runs that have not ended were about to write, and what became of it, packed (`records.owners`)."""
