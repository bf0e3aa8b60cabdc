"""Two kinds and a rule that gatectl does not have, in the places where real ones would be: one row of each table.

A *probe* watches a repository of its workspace: `repository` names it, `level` can be changed, `zone` is filled in by the
platform where a manifest leaves it out, and the probe is registered with credentials. It reports to a *station*, which lies in
no workspace. The rule looks at what repositories expose beside each other.
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
from gatectl.platforms.embedded import migrations, platform, tables
from gatectl.platforms.embedded.credentials import NONE, read_credentials
from gatectl.platforms.embedded.fields import Body, not_found, optional_text
from gatectl.platforms.embedded.identity import check_etag, etag, new_id, timestamp
from gatectl.platforms.embedded.store import Transaction
from gatectl.platforms.interface import Wire
from gatectl.rules import RULES
from gatectl.rules.interface import Namespace, RepositoryView, Rule, collision

PROBE: Final = "Probe"
COLLECTION: Final[Any] = "probe"
STATION: Final = "Station"
STATIONS: Final[Any] = "station"
ZONE: Final = "north-1"
"""What the platform fills in."""


# The kind.


def read(wire: Wire, context: Context) -> Live:
    name = text(wire, "name")
    watched = context.name_of(REPOSITORY.name, text(wire, "repoId"))
    spec = {"name": name, "repository": watched, "level": text(wire, "level").capitalize(), "zone": wire["zone"] or ""}
    spec["station"] = context.name_of(STATION, wire["stationId"] or "")
    return Live(ObjectKey(PROBE, context.workspace, name), text(wire, "id"), State(spec), wire)


def declared(manifest: Manifest) -> Fields:
    said = {name: manifest.spec[name] for name in ("repository", "zone", "station") if name in manifest.spec}
    return {"name": name_of(manifest), **said, "level": manifest.spec.get("level", "Read")}


def comparable(spec: Fields) -> Fields:
    return {**spec, "zone": spec["zone"].lower()}


def body(order: Order, wire: Wire | None, context: Context) -> Mapping[str, Any]:
    fields = order.fields
    written: dict[str, Any] = {"name": order.name, "workspaceId": context.workspace_id}
    if "/spec/repository" in fields:
        written["repoId"] = context.id_of(REPOSITORY.name, fields["/spec/repository"])
    if fields.get("/spec/station"):
        written["stationId"] = context.id_of(STATION, fields["/spec/station"])
    if "/spec/level" in fields:
        written["level"] = fields["/spec/level"].upper()
    if "/spec/zone" in fields:
        written["zone"] = fields["/spec/zone"]
    return {**written, **credentials(order, context, fields.get("/spec/credentials"))}


def kind(schema: str) -> Kind:
    """The row. `schema` is where its schema lies."""
    return Kind(
        PROBE, schema, COLLECTION, 3, True,
        {"name": "/metadata/name", "repository": "/spec/repository", "level": "/spec/level", "zone": "/spec/zone",
         "station": "/spec/station"},
        frozenset(("zone",)), read, declared, comparable, body, {"zone": "", "station": ""}, credentials=True, by_name=True,
        defaults={"level": "Read"}, least=({"repository": "x"},), refers={"repository": REPOSITORY.name, "station": STATION},
    )  # fmt: skip


def read_station(wire: Wire, context: Context) -> Live:
    spec = {"name": text(wire, "name"), "region": wire["region"] or ""}
    return Live(ObjectKey(STATION, None, spec["name"]), text(wire, "id"), State(spec), wire)


def station_kind(schema: str) -> Kind:
    """The row of what lies in no workspace."""
    return Kind(
        STATION, schema, STATIONS, 0, False, {"name": "/metadata/name", "region": "/spec/region"}, frozenset(),
        read_station, lambda manifest: {"name": name_of(manifest), "region": manifest.spec["region"]}, lambda spec: spec,
        lambda order, wire, context: {"name": order.name, "region": order.fields["/spec/region"]},
        least=({"region": "x"},),
    )  # fmt: skip


def probe_schema() -> dict[str, Any]:
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
        "station": {**line, "description": "The station that it reports to."},
        "credentials": spec["properties"]["credentials"],
    }
    spec["required"] = ["repository"]
    return found


def station_schema() -> dict[str, Any]:
    """A station's schema: a workspace's, with a field."""
    found: dict[str, Any] = copy.deepcopy(dict(sources.read_schema("workspace")))
    found |= {"title": STATION, "description": "A station that probes report to."}
    found["properties"]["kind"] = {"const": STATION, "description": "`Station`."}
    region = {"type": "string", "description": "Where it is."}
    found["properties"]["spec"] = {
        "type": "object", "description": "The station.", "properties": {"region": region}, "required": ["region"],
        "additionalProperties": False,
    }  # fmt: skip
    found["required"] = [*found["required"], "spec"]
    return found


def station(name: str = "s", region: str = "eu") -> dict[str, Any]:
    """A manifest."""
    head = {"apiVersion": "gatectl.io/v1", "kind": STATION, "metadata": {"name": name}}
    return {**head, "spec": {"region": region}}


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


_PROBES: Final = {
    "name": "name",
    "repoId": "repository_id",
    "level": "level",
    "zone": "zone",
    "stationId": "station_id",
}
_STATIONS: Final = {"name": "name", "region": "region"}
"""The fields of the wire, and their columns."""


def make_table(name: str, columns: Mapping[str, str]) -> Table:
    plain = ("workspace_id", *columns.values(), "secret_hash", "api_key_id", "created_at")
    return Table(
        name, tables.metadata, Column("id", String(36), primary_key=True),
        *(Column(column, String) for column in plain), Column("version", Integer),
    )  # fmt: skip


def collection(table: Table, fields: Mapping[str, str], filled: Mapping[str, str]) -> platform.CollectionRules:
    """What can be done with the objects of a table; `filled` are the columns that the platform fills in."""

    def objects(connection: Connection, workspace_id: str | None) -> list[dict[str, Any]]:
        statement = select(table).order_by(table.c.id)
        if workspace_id is not None:
            statement = statement.where(table.c.workspace_id == workspace_id)
        return [_wire(row, fields) for row in connection.execute(statement).mappings()]

    def create(transaction: Transaction, given: Body) -> str:
        workspace_id = optional_text(given, "workspaceId")
        values = {column: optional_text(given, name) for name, column in fields.items()}
        values |= {column: values[column] or value for column, value in filled.items()}
        values |= NONE | read_credentials(transaction, given, workspace_id or "")
        made = {"id": new_id(), "workspace_id": workspace_id, "created_at": timestamp(), "version": 1}
        transaction.connection.execute(insert(table).values(**values, **made))
        return str(made["id"])

    def change(transaction: Transaction, object_id: str, given: Body, expected: str | None) -> str:
        row = _one(transaction.connection, object_id)
        check_etag(expected, object_id, row["version"])
        values = {column: optional_text(given, name) for name, column in fields.items() if name in given}
        values |= read_credentials(transaction, given, row["workspace_id"] or "")
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
            raise not_found(table.name, object_id)
        return dict(row)

    return platform.CollectionRules(table, objects, create, change, remove)


def _wire(row: Mapping[Any, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row["id"], "workspaceId": row["workspace_id"], **{name: row[column] for name, column in fields.items()},
        "secret": None, "apiKeyId": row["api_key_id"], "createdAt": row["created_at"],
        "etag": etag(row["id"], row["version"]),
    }  # fmt: skip


def taken(wire: Wire, _: object) -> dict[str, Any]:
    return {name: wire[name] for name in ("id", *_PROBES)}


def taken_station(wire: Wire, _: object) -> dict[str, Any]:
    return {name: wire[name] for name in ("id", *_STATIONS)}


@contextmanager
def known(folder: Path) -> Iterator[None]:
    """gatectl knows probes, stations and the rule about folders: one row more in each table. The schemas lie in the folder."""
    (folder / "probe.schema.json").write_text(json.dumps(probe_schema()))
    (folder / "station.schema.json").write_text(json.dumps(station_schema()))
    probes, stations = make_table("probes", _PROBES), make_table("stations", _STATIONS)
    filled = {"zone": ZONE, "level": "READ"}
    rows: list[tuple[Any, str, Any]] = [
        (KINDS, STATION, station_kind(str(folder / "station"))),
        (KINDS, PROBE, kind(str(folder / "probe"))),
        (RULES, RULE.id, RULE),
        (platform.COLLECTIONS, STATIONS, collection(stations, _STATIONS, {})),
        (platform.COLLECTIONS, COLLECTION, collection(probes, _PROBES, filled)),
        (snapshot.TAKEN, STATIONS, snapshot.Row(taken_station, ("id", "name"), scoped=False)),
        (snapshot.TAKEN, COLLECTION, snapshot.Row(taken, ("id", "name", "repoId", "level"), optional=True)),
    ]
    try:
        with pytest.MonkeyPatch.context() as patch:
            for table, name, row in rows:
                patch.setitem(table, name, row)
            schema = migrations.Schema(migrations.newest() + 1, (probes, stations))
            patch.setattr(migrations, "SCHEMAS", (*migrations.SCHEMAS, schema))
            yield
    finally:
        for each in (probes, stations):
            tables.metadata.remove(each)
