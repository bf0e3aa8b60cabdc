"""A kind and a rule that gatectl does not have, in the places where a real one would be: one row of each table.

A *probe* watches a repository of its workspace: `repository` names it, `level` can be changed, `zone` is filled in by the
platform where a manifest leaves it out, and the probe is registered with credentials. The rule looks at what repositories
expose beside each other.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Column, Connection, Integer, String, Table, delete, insert, select, update

from gatectl.kinds import KINDS, REPOSITORY
from gatectl.kinds.interface import Context, Kind, Order, credentials, name_of, text
from gatectl.manifests import sources
from gatectl.model import Entry, Fields, Finding, Live, Manifest, ObjectKey, State
from gatectl.platforms import snapshot
from gatectl.platforms.embedded import platform, tables
from gatectl.platforms.embedded.credentials import NONE, read_credentials
from gatectl.platforms.embedded.fields import Body, not_found, optional_text
from gatectl.platforms.embedded.fields import text as required
from gatectl.platforms.embedded.identity import check_etag, etag, new_id, timestamp
from gatectl.platforms.embedded.store import Transaction
from gatectl.platforms.interface import Wire
from gatectl.rules import RULES
from gatectl.rules.interface import Namespace, RepositoryView, Rule, collision

PROBE: Final = "Probe"
COLLECTION: Final[Any] = "probe"
ZONE: Final = "north-1"
"""What the platform fills in."""


# The kind.


def read(wire: Wire, context: Context) -> Live:
    name = text(wire, "name")
    watched = context.name_of(REPOSITORY.name, text(wire, "repoId"))
    spec = {"name": name, "repository": watched, "level": text(wire, "level").capitalize(), "zone": wire["zone"] or ""}
    return Live(ObjectKey(PROBE, context.workspace, name), text(wire, "id"), State(spec), wire)


def declared(manifest: Manifest) -> Fields:
    said = {name: manifest.spec[name] for name in ("repository", "zone") if name in manifest.spec}
    return {"name": name_of(manifest), **said, "level": manifest.spec.get("level", "Read")}


def comparable(spec: Fields) -> Fields:
    return {**spec, "zone": spec["zone"].lower()}


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    fields = order.fields
    written: dict[str, Any] = {"name": order.name, "workspaceId": context.workspace_id}
    if "/spec/repository" in fields:
        written["repoId"] = context.id_of(REPOSITORY.name, fields["/spec/repository"])
    if "/spec/level" in fields:
        written["level"] = fields["/spec/level"].upper()
    if "/spec/zone" in fields:
        written["zone"] = fields["/spec/zone"]
    return {**written, **credentials(order, context, fields.get("/spec/credentials"))}


def kind(schema: str) -> Kind:
    """The row. `schema` is where its schema lies."""
    return Kind(
        PROBE, schema, COLLECTION, 3, True,
        {"name": "/metadata/name", "repository": "/spec/repository", "level": "/spec/level", "zone": "/spec/zone"},
        frozenset(("zone",)), read, declared, comparable, body, {"zone": ""}, credentials=True, by_name=True,
        defaults={"level": "Read"}, least=({"repository": "x"},), refers={"repository": REPOSITORY.name},
    )  # fmt: skip


def schema() -> dict[str, Any]:
    """Its schema: that of an LLM, with fields of its own."""
    found: dict[str, Any] = copy.deepcopy(dict(sources.read_schema("llm")))
    found |= {"title": PROBE, "description": "A probe that watches a repository."}
    found["properties"]["kind"] = {"const": PROBE, "description": "`Probe`."}
    spec = found["properties"]["spec"]
    line = {"type": "string", "minLength": 1}
    spec["properties"] = {
        "repository": {**line, "description": "The repository that it watches."},
        "level": {"type": "string", "enum": ["Read", "Write"], "default": "Read", "description": "What it tries."},
        "zone": {**line, "description": "Where it stands. Omitted: as the platform has it."},
        "credentials": spec["properties"]["credentials"],
    }
    spec["required"] = ["repository"]
    return found


def probe(name: str = "p", repository: str = "r", **spec: Any) -> dict[str, Any]:
    """A manifest."""
    given = {"repository": repository, "credentials": {"secret": {"env": "SECRET"}}, **spec}
    head = {"apiVersion": "gatectl.io/v1", "kind": PROBE, "metadata": {"name": name}}
    return {**head, "spec": {field: value for field, value in given.items() if value is not None}}


# The rule.


def across(namespace: Namespace) -> Iterator[Finding]:
    first: dict[tuple[str | None, str], tuple[RepositoryView, Entry]] = {}
    for view in namespace.repositories:
        for entry in view.entries:
            if not entry.folder:
                continue
            earlier = first.setdefault((view.workspace, entry.folder), (view, entry))
            if earlier[0] is not view:
                message = f"{view.shown()} and {earlier[0].shown()} both expose a folder '{entry.folder}'"
                yield collision("GW399", message, "call one of them otherwise", "error", (view, entry), earlier, "here")


RULE: Final = Rule(
    "GW399",
    "Two repositories expose a folder of one name",
    "Whoever watches folders could not tell them apart.",
    final=True,
    across=across,
    bad="""\
kind: Repository
metadata: {name: orders}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: raw}]}
---
kind: Repository
metadata: {name: returns}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-returns, folder: raw}]}
""",
    good="""\
kind: Repository
metadata: {name: orders}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: orders}]}
---
kind: Repository
metadata: {name: returns}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-returns, folder: returns}]}
""",
)


# The embedded platform's row, and the snapshot's.


def make_table() -> Table:
    return Table(
        "probes", tables.metadata, Column("id", String(36), primary_key=True), Column("workspace_id", String(36)),
        Column("repository_id", String(36)), *(Column(name, String) for name in ("name", "level", "zone")),
        Column("secret_hash", String), Column("api_key_id", String), Column("created_at", String),
        Column("version", Integer),
    )  # fmt: skip


_COLUMNS: Final = {"name": "name", "repoId": "repository_id", "level": "level", "zone": "zone"}


def collection(table: Table) -> platform.CollectionRules:
    """What can be done with probes."""

    def objects(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
        statement = select(table).order_by(table.c.id)
        if workspace_id is not None:
            statement = statement.where(table.c.workspace_id == workspace_id)
        return [_wire(row) for row in connection.execute(statement).mappings()]

    def create(transaction: Transaction, given: Body) -> str:
        workspace_id = required(given, "workspaceId")
        values = {column: optional_text(given, name) for name, column in _COLUMNS.items()}
        values |= {"zone": values["zone"] or ZONE, "level": values["level"] or "READ"}
        values |= NONE | read_credentials(transaction, given, workspace_id)
        made = {"id": new_id(), "workspace_id": workspace_id, "created_at": timestamp(), "version": 1}
        transaction.connection.execute(insert(table).values(**values, **made))
        return str(made["id"])

    def change(transaction: Transaction, object_id: str, given: Body, expected: str | None) -> str:
        row = _one(transaction.connection, object_id)
        check_etag(expected, object_id, row["version"])
        values = {column: optional_text(given, name) for name, column in _COLUMNS.items() if name in given}
        values |= read_credentials(transaction, given, row["workspace_id"])
        transaction.connection.execute(
            update(table).where(table.c.id == object_id).values(**values, version=row["version"] + 1)
        )
        return etag(object_id, row["version"] + 1)

    def remove(transaction: Transaction, object_id: str, expected: str | None) -> None:
        check_etag(expected, object_id, _one(transaction.connection, object_id)["version"])
        transaction.connection.execute(delete(table).where(table.c.id == object_id))

    def _one(connection: Connection, object_id: str) -> Mapping[str, Any]:
        row = connection.execute(select(table).where(table.c.id == object_id)).mappings().first()
        if row is None:
            raise not_found(PROBE, object_id)
        return dict(row)

    return platform.CollectionRules(table, objects, create, change, remove)


def _wire(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "name": row["name"], "workspaceId": row["workspace_id"], "repoId": row["repository_id"],
        "level": row["level"], "zone": row["zone"], "secret": None, "apiKeyId": row["api_key_id"],
        "createdAt": row["created_at"], "etag": etag(row["id"], row["version"]),
    }  # fmt: skip


def taken(wire: Wire, _: object) -> dict[str, Any]:
    return {name: wire[name] for name in ("id", "name", "repoId", "level", "zone")}


@contextmanager
def known(folder: Path) -> Iterator[None]:
    """gatectl knows probes, and the rule about folders: one row more in each table. Its schema lies in the folder."""
    (folder / "probe.schema.json").write_text(json.dumps(schema()))
    table = make_table()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(KINDS, PROBE, kind(str(folder / "probe")))  # type: ignore[arg-type]
            patch.setitem(RULES, RULE.id, RULE)  # type: ignore[arg-type]
            patch.setitem(platform.COLLECTIONS, COLLECTION, collection(table))  # type: ignore[arg-type]
            patch.setitem(snapshot.TAKEN, COLLECTION, snapshot.Row(taken, ("id", "name", "repoId", "level"), True))  # type: ignore[arg-type]
            yield
    finally:
        tables.metadata.remove(table)
