"""A snapshot stands for the platform it was taken of: the same plans, no secret, and nothing can be written to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatectl import reconcile
from gatectl.documents.ownership import Owned, Owner, owned_json
from gatectl.documents.plans import Plan
from gatectl.errors import Forbidden, InputError, NoList, Unsupported, UsageError
from gatectl.manifests import loading
from gatectl.platforms import driver_for, snapshot
from gatectl.platforms.interface import Connection, Reader
from gatectl.project import Environment
from gatectl.reconcile import asking
from gatectl.records import read_records
from gatectl.records.interface import RecordsReader
from serving import EMAIL, PASSWORD, Rehearsal, Server
from sites import Counting, Site, assert_empty, brief, bucket, entry, llm, repository, rules, workspace

TAKEN_AT = "2026-01-02T03:04:05Z"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A platform with all that a plan can read, and manifests that differ from it in every way."""
    site = Site(tmp_path)
    key = site.live_api_key("azure account", "prodeustore")
    other = site.live_api_key("aws", "AKIAOTHER")
    raw = site.live_bucket("raw", ("S3", "raw-events"), region="eu-west-1")
    logs = site.live_bucket("logs", ("AzureBlob", "prodeustore", "logs"))
    site.write("bucket", {"name": "metrics", "bucket": "metrics", "storageType": "BLOB", "apiKeyUuid": key,
                          "workspaceId": site.workspace_id()})  # fmt: skip
    site.write("bucket", {"name": "extra", "bucket": "extra-b", "storageType": "S3", "apiKeyUuid": other,
                          "workspaceId": site.workspace_id()})  # fmt: skip
    gpt = site.live_llm("gpt", endpoint="https://api.openai.com/v1")
    site.live_workspace("analytics")
    site.live_bucket("elsewhere", ("GCS", "elsewhere-b"), where="analytics")
    data = site.live_repository("data", raw, {"bucketId": logs, "folder": "l", "master": False})
    site.live_key(data)
    site.live_repository("gateway", llms=[gpt], storageType="OPENAI")
    site.manifests(
        workspace("new"),
        bucket("raw", ("S3", "raw-events"), region="eu-west-2"),
        bucket("metrics", ("AzureBlob", "prodeustore", "metrics"), credentials={"apiKey": "azure account"}),
        bucket("fresh", ("S3", "fresh-b"), credentials={"apiKey": "aws"}),
        llm("gpt", endpoint="https://api.openai.com/v2"),
        repository("data", [entry("S3", "raw-events"), entry("S3", "fresh-b")], policy="Exact"),
        repository("gateway", [entry("LLM", "gpt")], endpoint="OpenAI"),
        repository("there", [entry("GCS", "elsewhere-b")], workspace="analytics"),
    )
    return site


def take(site: Site, workspaces: list[str] | None = None) -> dict[str, Any]:
    reader = site.reader()
    try:
        return snapshot.take(reader, read_records(site.connection, reader).owned(), workspaces, TAKEN_AT)
    finally:
        reader.close()


def save(site: Site, document: Any, name: str = "snapshot.json") -> Path:
    path = site.folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def reader_of(path: Path) -> snapshot.SnapshotReader:
    return snapshot.open_reader(Connection(f"snapshot://{path}", path.parent))


def plan_of(site: Site, reader: Reader, records: RecordsReader | None = None, **asked: Any) -> Plan:
    environment = Environment("default", "embedded")
    request = reconcile.Request(site.project, environment, **asked)
    loaded = loading.load(site.project, loading.manifest_paths(site.project, environment, ()), "default")
    records = records or read_records(Connection("snapshot://", site.folder), reader)
    return reconcile.make_plan(
        request,
        loaded,
        reconcile.ask_git(request),
        reader,
        records,
        asking.Vantage(place=lambda: str(site.project.file)),
    )


def test_a_plan_against_a_snapshot_is_the_plan_of_the_platform(site: Site) -> None:
    direct = site.plan()
    assert len(direct["operations"]) >= 5 and not rules(direct)
    against = plan_of(site, reader_of(save(site, take(site))))
    assert against == direct


def test_so_is_one_after_an_apply_and_one_that_prunes(site: Site) -> None:
    site.apply()
    site.manifests(bucket("raw", ("S3", "raw-events")), repository("data", [entry("S3", "raw-events")], policy="Exact"))
    direct = site.plan(prune=True)
    assert any(step.startswith("delete") for step in brief(direct))
    assert plan_of(site, reader_of(save(site, take(site))), prune=True) == direct


def test_a_snapshot_holds_no_key_and_no_secret(site: Site) -> None:
    text = json.dumps(take(site))
    assert "prodeustore" in text, "the account is the identity of a container"
    for forbidden in ("AKIA", "hush", "secret", "token", "createdAt"):
        assert forbidden not in text


def test_an_address_with_a_password_or_a_signature_is_cut(site: Site) -> None:
    assert snapshot._plain_url("https://user:pass@host.example/p?sig=abc#f") == "https://host.example/p"
    assert snapshot._plain_url("https://host.example/p") == "https://host.example/p"
    assert snapshot._plain_url(None) is None


def test_of_an_unknown_field_of_a_repository_the_name_is_taken_and_not_the_value(site: Site) -> None:
    class Odd(Counting):
        def list(self, collection: Any, workspace_id: str | None = None) -> Any:
            found = super().list(collection, workspace_id)
            return (
                [{**wire, "quota": {"of": "canary"}, "empty": ""} for wire in found] if collection == "repo" else found
            )

    inner = site.reader()
    taken = snapshot.take(Odd(inner), (), None, TAKEN_AT)
    assert "canary" not in json.dumps(taken)
    against = plan_of(site, reader_of(save(site, taken)))
    assert rules(against) == rules(plan_of(site, Odd(inner), read_records(site.connection, inner)))
    assert any("quota" in message for message in rules(against))


@pytest.mark.parametrize(
    ("missing", "error"),
    [("ai/llm", Unsupported), ("apikeys", Unsupported), ("apikeys", Forbidden), ("ai/llm", NoList)],
)
def test_a_list_that_the_platform_refuses_is_not_there_in_the_snapshot_either(
    tmp_path: Path, missing: str, error: type[Exception]
) -> None:
    site = Site(tmp_path)
    site.live_bucket("raw", ("S3", "raw-events"))

    class Without(Counting):
        def list(self, collection: Any, workspace_id: str | None = None) -> Any:
            if collection == missing:
                raise error("no")
            return super().list(collection, workspace_id)

    taken = snapshot.take(Without(site.reader()), (), None, TAKEN_AT)
    reader = reader_of(save(site, taken))
    with pytest.raises(Unsupported):
        reader.list(missing, site.workspace_id())  # type: ignore[arg-type]
    site.manifests(bucket("raw", ("S3", "raw-events")))
    assert_empty(plan_of(site, reader))


def test_a_workspace_that_was_not_taken_is_an_error_and_not_empty(site: Site) -> None:
    path = save(site, take(site, workspaces=[site.workspace_id()]))
    with pytest.raises(InputError, match="does not hold workspace 'analytics'"):
        plan_of(site, reader_of(path))


def test_a_snapshot_says_whose_the_objects_are_to_any_project(site: Site) -> None:
    raw = site.one("bucket", "raw")["id"]
    site.remember(raw, project="other")
    plan = plan_of(site, reader_of(save(site, take(site))))
    assert plan == site.plan()
    assert [(d["rule"], d["manifest"]["name"]) for d in plan["diagnostics"]] == [("GW507", "raw")]


def test_of_a_snapshot_of_an_older_gatectl_nobody_knows_whose_the_objects_are(site: Site) -> None:
    document = take(site)
    del document["owned"]
    older = resealed({**document, "formatVersion": "1.0", "project": "site", "applied": []})
    reader = reader_of(save(site, older))
    assert not reader.knows_owners
    assert plan_of(site, reader)["adopts"] == []
    with pytest.raises(UsageError, match="keeps no record"):
        plan_of(site, reader, prune=True)


@pytest.mark.parametrize(
    "change", [{"id": 1}, {"owner": {}}, {"protected": None}, {"state": {"spec": {"a": 1}}}, {"more": "x"}, {"file": 1}]
)
def test_an_owner_that_is_not_as_it_was_written_is_refused(site: Site, change: dict[str, Any]) -> None:
    note = {**owned_json(Owned(Owner("site", None, "default"), "Bucket", "default", "w", "raw", "1")), **change}
    with pytest.raises(InputError, match="is not a snapshot of this gatectl"):
        reader_of(save(site, resealed(take(site) | {"owned": [note]})))


def test_nothing_can_be_written_to_a_snapshot(site: Site) -> None:
    path = save(site, take(site))
    assert not driver_for(f"snapshot://{path}").writable
    with pytest.raises(UsageError):
        driver_for(f"snapshot://{path}").open_writer(Connection(f"snapshot://{path}", site.folder))


def resealed(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"digest": snapshot.digest(document)}


BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "is not a snapshot": lambda document: {"operations": []},
    "is not a snapshot$": lambda document: [document],
    "has the format version '9.9'": lambda document: document | {"formatVersion": "9.9"},
    "was changed after it was taken": lambda document: document | {"takenAt": "2020-01-01T00:00:00Z"},
    "was changed": lambda document: document | {"more": 1},
    "of this gatectl": lambda document: resealed(document | {"traits": {}}),
    "not a snapshot of this": lambda document: resealed(document | {"contents": {"w": {"bucket": []}}}),
    "is not a snapshot of this gatectl": lambda document: resealed(document | {"workspaces": [{"id": 1}]}),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_file_that_was_changed_or_is_something_else_is_refused(tmp_path: Path, message: str) -> None:
    site = Site(tmp_path)
    with pytest.raises(InputError, match=message):
        reader_of(save(site, BROKEN[message](take(site))))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match="is not"):
        reader_of(tmp_path / "file")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        reader_of(tmp_path / "missing.json")


def test_a_snapshot_over_http_makes_the_plan_of_the_platform_without_its_address_or_credentials(tmp_path: Path) -> None:
    """A company's project on a server, half applied; then the server is gone, and so are all variables."""
    rehearsal = Rehearsal(tmp_path)
    with Server(tmp_path / "server") as server:
        rehearsal.aim(server.url)
        applied = rehearsal.gatectl("apply", "--yes", "-l", "team=data")
        assert applied.code == 0, applied
        direct = rehearsal.gatectl("plan", "--format", "json").json
        assert rehearsal.gatectl("snapshot", "--out", "snapshot.json").code == 0
    against = rehearsal.gatectl("plan", "--against", "snapshot.json", "--format", "json", variables={}).json
    assert direct["operations"] and direct["summary"]["unchanged"]
    assert direct["target"].pop("records")["store"].startswith("sqlite:")
    assert {**against, "digest": direct["digest"]} == {**direct, "snapshot": against["snapshot"]}, "but for the records"
    text = (tmp_path / "snapshot.json").read_text()
    assert not any(secret in text for secret in (EMAIL, PASSWORD, *_secrets(rehearsal)))


def _secrets(rehearsal: Rehearsal) -> list[str]:
    return [value for name, value in rehearsal.variables.items() if not name.startswith("GATECTL_") and len(value) > 5]


@pytest.mark.parametrize(
    ("trait", "value"),
    [("default_workspace", True), ("openai", 1), ("packets", 1), ("packets", None), ("parallel", True)],
)
def test_a_trait_of_another_type_is_refused_and_true_is_no_number_and_no_name(
    site: Site, trait: str, value: object
) -> None:
    document = take(site)
    with pytest.raises(InputError, match="is not a snapshot of this gatectl"):
        reader_of(save(site, resealed(document | {"traits": {**document["traits"], trait: value}})))


def test_a_live_name_may_hold_half_of_a_character_and_is_planned_all_the_same(site: Site) -> None:
    """JSON can say half of a surrogate pair; the object that this project applied is one to delete."""
    site.manifests(workspace("analytics"))
    document = take(site)
    (space,) = [each for each in document["workspaces"] if each["name"] == "analytics"]
    bucket_ = document["contents"][space["id"]]["bucket"][0]
    bucket_["name"] = "half \ud83d"
    path = save(
        site,
        resealed(document | {"owned": [owned_json(Owned(Owner("site", None, ""), "", None, None, "", bucket_["id"]))]}),
    )
    assert [op["id"] for op in plan_of(site, reader_of(path), prune=True)["operations"]] == [
        "bucket/analytics/half %ED%A0%BD"
    ]
