"""The namespace rules: what each finds, what it leaves alone, how severe it is, and where it says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gatectl import rules
from gatectl.kinds import KINDS
from gatectl.manifests import desired, sources, validate
from gatectl.manifests.parse import parse
from gatectl.manifests.places import locate
from gatectl.model import Desired, Finding, SourceFile
from gatectl.rules import RULES
from sites import bucket, entry, repository

CHECKER = validate.make_checker({kind.name: sources.read_schema(kind.schema) for kind in KINDS.values()})


def check(*texts: str, settings: Mapping[str, str] | None = None) -> list[Finding]:
    """Every offline finding of some files, named a.yaml, b.yaml, …"""
    findings: list[Finding] = []
    manifests = []
    for name, text in zip("abcdef", texts, strict=False):
        parsed = parse(SourceFile(f"/{name}.yaml", text.encode()))
        findings += parsed.findings
        for document in parsed.documents:
            kind, wrong = validate.check(document, CHECKER)
            findings += wrong
            if kind is not None:
                manifests.append(desired.read_manifest(document, kind, not wrong, "default"))
    findings += rules.adjust(rules.check(desired.offline_namespace(Desired(tuple(manifests)))), settings or {})
    return locate(findings)


def told(*documents: Mapping[str, Any], settings: Mapping[str, str] | None = None) -> list[str]:
    """The rules that some manifests break, warnings with a question mark."""
    text = "\n---\n".join(json.dumps(document) for document in documents)
    return [f.rule + ("?" if f.severity == "warning" else "") for f in check(text, settings=settings)]


S3, GCS = entry("S3", "media"), entry("GCS", "media")


def azure(account: str, container: str, **fields: Any) -> dict[str, Any]:
    return entry("AzureBlob", account, container, **fields)


# --- one repository ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "rules_told"),
    [
        # GW301
        ([S3, GCS], ["GW301"]),
        ([entry("S3", "media"), entry("GCS", "Media")], ["GW205?", "GW301"]),
        ([entry("S3", "media", label="aws"), entry("S3", "media", label="minio")], ["GW301"]),
        ([entry("S3", "media", id="1"), entry("S3", "media", id="2")], ["GW301"]),
        ([entry("S3", "media", id="1"), entry("S3", "media", label="minio")], ["GW301"]),
        ([entry("S3", "media", label="a"), entry("S3", "media", label="b"), GCS], ["GW301", "GW301"]),
        ([entry("S3", "media"), entry("GCS", "media-two")], []),
        ([entry("S3", "media"), {"type": "LLM", "name": "media"}], ["GW401"]),
        # GW302
        ([entry("S3", "media"), azure("media", "logs")], ["GW302"]),
        ([azure("media", "logs"), azure("media", "more"), entry("GCS", "media")], ["GW302"]),
        ([entry("GCS", "media"), azure("media", "logs"), azure("media", "more")], ["GW302"]),
        ([entry("S3", "MEDIA"), azure("media", "logs")], ["GW205?", "GW302"]),
        ([azure("store", "logs"), entry("S3", "store2")], []),
        # GW303
        ([S3, S3], ["GW303"]),
        ([entry("S3", "media", folder="a"), entry("S3", "media", folder="b")], ["GW303"]),
        ([entry("S3", "media"), entry("S3", "MEDIA")], ["GW205?", "GW303"]),
        ([entry("S3", "media", label="a"), entry("S3", "media")], ["GW303"]),
        ([entry("S3", "media", label="a"), entry("S3", "media", label="a")], ["GW303"]),
        ([entry("S3", "media", id="1"), entry("S3", "media", id="1", label="x")], ["GW303"]),
        ([S3, S3, S3], ["GW303", "GW303"]),
        ([azure("store", "logs"), azure("store", "logs")], ["GW303"]),
        ([azure("store", "logs"), azure("store", "metrics"), azure("store", "traces")], []),
        # GW305, GW306 behind S3
        ([azure("store", "logs"), azure("other", "logs")], ["GW305"]),
        ([azure("store", "logs"), azure("other", "logs"), azure("third", "logs")], ["GW305", "GW305"]),
        ([azure("store", "media"), S3], ["GW306"]),
        ([S3, azure("store", "media")], ["GW306"]),
        ([azure("media", "media"), S3], ["GW302", "GW306"]),
        ([S3, azure("store", "medium")], []),
    ],
)  # fmt: skip
def test_names_inside_a_repository(resources: list[Any], rules_told: list[str]) -> None:
    assert sorted(told(repository("r", resources))) == sorted(rules_told)


@pytest.mark.parametrize("endpoint", ["S3", "GCS", "AzureBlob"])
def test_containers_of_one_name_are_an_error_where_clients_do_not_name_the_account(endpoint: str) -> None:
    mark = "?" if endpoint == "AzureBlob" else ""
    assert told(repository("r", [azure("store", "logs"), azure("other", "LOGS".lower())], endpoint)) == [f"GW305{mark}"]
    assert told(repository("r", [azure("store", "media"), S3], endpoint)) == [f"GW306{mark}"]


def test_only_some_rules_can_be_adjusted_and_off_silences_them() -> None:
    two = repository("r", [azure("store", "logs"), azure("other", "logs")])
    assert told(two, settings={"GW305": "warning"}) == ["GW305?"]
    assert told(two, settings={"GW305": "off"}) == []
    weak = repository("r", [azure("store", "media"), S3], "AzureBlob")
    assert told(weak, settings={"GW306": "error"}) == ["GW306"]
    assert [rule.id for rule in RULES.values() if rule.adjustable] == ["GW205", "GW305", "GW306", "GW307"]
    schema = sources.read_schema("project")["properties"]["spec"]["properties"]["rules"]["properties"]
    assert sorted(schema) == ["GW205", "GW305", "GW306", "GW307"]


def test_an_empty_name_stays_an_error_whatever_the_project_file_says() -> None:
    assert told(repository("", []), settings={"GW205": "off"}) == ["GW205"]
    assert told(repository("r", [entry("S3", "")]), settings={"GW205": "off"}) == ["GW205"]


def test_what_breaks_the_format_itself_stays_an_error_whatever_the_project_file_says() -> None:
    wrong = {"key": {"env": "A-B"}, "secret": {"file": "a\0b"}}
    found = told(bucket("l", ("S3", "one"), credentials=wrong, endpoint="no url"), settings={"GW205": "off"})
    assert found == ["GW205", "GW205", "GW205"]
    assert told(bucket("x" * 200, ("S3", "ONE")), settings={"GW205": "off"}) == ["GW205"], "its own name"
    assert told(repository(" r", [], workspace="w "), settings={"GW205": "warning"}) == ["GW205", "GW205"]
    assert told(bucket("x", ("S3", "ONE")), settings={"GW205": "off"}) == []
    assert told(bucket("x", ("S3", "ONE")), settings={"GW205": "warning"}) == ["GW205?"]


def test_nothing_else_is_said_of_an_entry_without_a_name() -> None:
    assert told(repository("r", [entry("S3", ""), entry("S3", "")])) == ["GW205", "GW205"]


@pytest.mark.parametrize(
    ("kind", "name", "good"),
    [
        ("S3", "my-bucket.1", True), ("S3", "ab", False), ("S3", "a" * 63, True), ("S3", "a" * 64, False), ("S3", "My", False),
        ("S3", "a..b", False), ("S3", "-ab", False), ("S3", "10.0.0.1", False), ("S3", "xn--abc", False),
        ("GCS", "my_bucket", True), ("GCS", "a" * 63 + "." + "b" * 63, True), ("GCS", "a" * 64, False), ("GCS", "goog-x", False),
        ("GCS", "my-google-x", False), ("GCS", "_ab", False), ("GCS", "a" * 64 + ".b", False),
    ],
)  # fmt: skip
def test_bucket_names_are_errors_at_the_provider_and_warnings_where_they_are_attached(
    kind: str, name: str, good: bool
) -> None:
    registered = bucket("label", (kind, name))
    assert told(registered) == ([] if good else ["GW205"])
    assert told(registered | {"spec": registered["spec"] | {"endpoint": "https://minio.example"}}) == []
    assert told(repository("r", [entry(kind, name)])) == ([] if good else ["GW205?"])


@pytest.mark.parametrize(
    "name", ["acme-ap-7h3k2m9xq1a4b5c6-s3alias", "logs--use1-az4--x-s3", "acme--ol-s3", "events--table-s3"]
)
def test_what_s3_takes_in_a_buckets_place_is_a_warning_wherever_it_stands(name: str) -> None:
    assert told(bucket("label", ("S3", name))) == ["GW205?"]
    assert told(repository("r", [entry("S3", name)])) == ["GW205?"]


@pytest.mark.parametrize(
    ("account", "container", "good"),
    [
        ("abc", "logs", True), ("a" * 24, "a-b-c", True), ("abc", "$root", True), ("abc", "$web", True), ("abc", "$logs", True),
        ("ab", "logs", False), ("a" * 25, "logs", False), ("a-b", "logs", False), ("ABC", "logs", False), ("abc", "lo", False),
        ("abc", "a--b", False), ("abc", "-ab", False), ("abc", "ab-", False), ("abc", "Logs", False), ("abc", "a" * 64, False),
    ],
)  # fmt: skip
def test_azure_names_are_errors_wherever_they_stand(account: str, container: str, good: bool) -> None:
    wanted = [] if good else ["GW205"]
    assert told(bucket("label", ("AzureBlob", account, container))) == wanted
    assert told(repository("r", [azure(account, container)], "AzureBlob")) == wanted


def test_families_stand_behind_their_endpoints() -> None:
    llm, packet = {"type": "LLM", "name": "gpt"}, {"type": "Packet", "name": "p"}
    assert told(repository("r", [S3, azure("store", "logs"), packet])) == []
    assert told(repository("r", [llm, packet], "OpenAI")) == []
    assert told(repository("r", [llm, S3, azure("store", "logs")], "OpenAI")) == ["GW401", "GW401"]
    assert told(repository("r", [llm], "AzureBlob")) == ["GW401"]
    assert told(repository("r", [llm, S3], "Nonsense")) == ["GW204"], "what the endpoint is cannot be read"


def test_a_mirror_has_exactly_one_master() -> None:
    one, two = entry("S3", "one", master=True), entry("GCS", "two", master=True)
    unsaid, said = entry("S3", "one"), [entry("S3", "one", master=False), entry("GCS", "two", master=False)]
    assert "GW402" in told(repository("r", said, mode="Mirror"))
    assert told(repository("r", [unsaid, entry("GCS", "two")], mode="Mirror")) == [], "the live master may be kept"
    assert "GW402" in told(repository("r", [one, two], mode="Mirror"))
    assert "GW402" in told(repository("r", [], mode="Mirror"))
    assert told(repository("r", [one, entry("GCS", "two")], mode="Mirror")) == []
    assert told(repository("r", None, mode="Mirror")) == [], "its attachments are not managed"
    assert told(repository("r", [entry("S3", "one"), {"type": "S3", "bukket": "x"}], mode="Mirror")) == ["GW202"], (
        "the master may be the entry that cannot be read"
    )


# --- several repositories ----------------------------------------------------------------------------------------------


def test_a_bucket_of_a_mirror_is_attached_nowhere_else() -> None:
    mirror = repository("m", [entry("S3", "one", master=True), entry("GCS", "two")], mode="Mirror")
    assert told(mirror, repository("n", [entry("S3", "one", folder="x")])) == ["GW403"]
    assert told(repository("n", [entry("GCS", "TWO", folder="x")]), mirror) == ["GW205?", "GW403"]
    assert told(mirror, repository("n", [entry("GCS", "one")])) == []
    assert told(mirror, repository("n", [entry("S3", "one")], workspace="other")) == []
    labelled = repository("m", [entry("S3", "one", label="a", master=True)], mode="Mirror")
    assert told(labelled, repository("n", [entry("S3", "one", label="b")])) == []
    assert told(labelled, repository("n", [entry("S3", "one")])) == ["GW403"]


def test_two_normal_repositories_do_not_share_a_folder_of_a_bucket() -> None:
    def both(one: dict[str, Any], two: dict[str, Any], **metadata: Any) -> list[str]:
        return told(repository("a", [one]), repository("b", [two], **metadata))

    assert both(entry("S3", "one"), entry("S3", "one")) == ["GW404"]
    assert both(entry("S3", "one"), entry("S3", "one", folder="")) == ["GW404"]
    assert both(entry("S3", "one"), entry("S3", "one", folder="/")) == ["GW404"]
    assert both(entry("S3", "one", folder="raw"), entry("S3", "One", folder="/raw//")) == ["GW404", "GW205?"]
    assert both(entry("S3", "one", folder="raw"), entry("S3", "one", folder="Raw")) == []
    assert both(entry("S3", "one", folder="raw"), entry("S3", "one", folder="raw/a")) == []
    assert both(entry("S3", "one", folder="raw"), entry("S3", "one")) == []
    assert both(entry("S3", "one"), entry("GCS", "one")) == []
    assert both(entry("S3", "one"), entry("S3", "one"), workspace="other") == []
    assert both(entry("S3", "one", label="a"), entry("S3", "one", label="b")) == []
    assert both({"type": "LLM", "name": "x"}, {"type": "LLM", "name": "x"}) == ["GW401", "GW401"], (
        "LLMs are shared freely"
    )


def test_a_manifest_without_a_workspace_is_in_the_default_one() -> None:
    assert told(repository("a", [S3]), repository("b", [S3], workspace="default")) == ["GW404"]


def test_one_object_is_declared_once_across_files_and_case() -> None:
    one, two = json.dumps(repository("Data", [])), json.dumps(repository("data", [], workspace="DEFAULT"))
    (finding,) = check(one, two)
    assert (finding.rule, finding.subject) == ("GW304", ("Repository", "DEFAULT", "data"))
    assert finding.place is not None
    assert finding.place.file == "/b.yaml"
    assert [r.place.file for r in finding.related if r.place] == ["/a.yaml"]
    assert "as 'Data'" in finding.message
    assert told(repository("data", []), bucket("data", ("S3", "one"))) == [], "another kind is another object"
    assert told(repository("data", []), repository("data", [], workspace="other")) == []
    assert told({"apiVersion": "gatectl.io/v1", "kind": "Workspace", "metadata": {"name": "a"}},
                {"apiVersion": "gatectl.io/v1", "kind": "Workspace", "metadata": {"name": "A"}}) == ["GW304"]  # fmt: skip


def test_an_object_declared_twice_does_not_collide_with_itself() -> None:
    same = repository("data", [entry("S3", "one"), entry("GCS", "two")])
    assert told(same, same) == ["GW304"]
    mirror = repository("m", [entry("S3", "one", master=True)], mode="Mirror")
    assert told(mirror, mirror) == ["GW304"]


def test_a_name_registered_at_two_providers_is_a_warning() -> None:
    assert told(bucket("a", ("S3", "media")), bucket("b", ("GCS", "media"))) == ["GW307?"]
    assert told(bucket("a", ("S3", "media")), bucket("b", ("AzureBlob", "media", "logs"))) == ["GW307?"]
    assert told(bucket("a", ("S3", "media")), bucket("b", ("S3", "media"))) == [], "one provider, two labels"
    assert told(bucket("a", ("S3", "media")), bucket("b", ("S3", "MEDIA"), endpoint="https://minio.example")) == [
        "GW307?"
    ]
    assert told(bucket("a", ("S3", "media")), bucket("b", ("GCS", "media"), metadata={"workspace": "other"})) == []
    assert told(bucket("a", ("AzureBlob", "store", "logs")), bucket("b", ("AzureBlob", "store", "more"))) == []
    assert told(bucket("a", ("S3", "media")), bucket("b", ("GCS", "media")), settings={"GW307": "error"}) == ["GW307"]


# --- places, and manifests that are otherwise invalid ------------------------------------------------------------------


COLLISION = """apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: media}
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: media}
    - {type: GCS, bucket: media}
"""


def test_a_collision_shows_both_sides() -> None:
    (finding,) = check(COLLISION)
    assert finding.place == ("/a.yaml", 8, 7, 8, 33)
    assert [(r.place, r.message) for r in finding.related] == [(("/a.yaml", 7, 7, 7, 32), "S3 bucket media here")]
    assert finding.subject == ("Repository", "default", "media")
    assert "'media'" in finding.message


@pytest.mark.parametrize(
    ("old", "new", "also"),
    [
        ("endpointType: S3", "endpointType: S4", "GW204"), ("metadata: {name: media}", "metadata: {}", "GW201"),
        ("bucket: media}\n    - {type: G", "bucket: media, foldr: x}\n    - {type: G", "GW202"), ("kind: Repository",
         "kind: Repository\nx: 1", "GW202"),
        ("name: media", "name: media, workspace: 7", "GW203"), ("  resources:\n", "  resources:\n    - {type: S3}\n", "GW201"),
        ("  resources:\n", "  resources:\n    - just text\n", "GW203"), ("  endpointType: S3\n", "", "GW201"),
        ("gatectl.io/v1", "gatectl.io/v2", "GW107"), ("apiVersion: gatectl.io/v1\n", "", "GW201"),
        ("apiVersion: gatectl.io/v1", "apiVersion: 1", "GW203"),
        ("spec:\n", "spec:\n  apiKeys: []\n", "GW206"), ("name: media", "name: media, name: again", "GW103"),
    ],
)  # fmt: skip
def test_namespace_rules_look_at_every_readable_entry_whatever_else_is_wrong(old: str, new: str, also: str) -> None:
    assert old in COLLISION
    assert sorted({f.rule for f in check(COLLISION.replace(old, new))}) == sorted({also, "GW301"})


def test_repositories_without_a_name_are_compared_too() -> None:
    findings = check(json.dumps(repository("", [S3])), json.dumps(repository("b", [S3])))
    assert [f.rule for f in findings] == ["GW205", "GW404"]
    assert "None" not in findings[1].message + findings[1].related[0].message


def test_findings_come_in_the_order_of_their_places() -> None:
    findings = check(COLLISION.replace("endpointType: S3", "endpointType: S4"), COLLISION)
    places = [f.place for f in findings if f.place]
    assert places == sorted(places)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_has_a_title_and_a_text(rule: rules.Rule) -> None:
    assert rule.title[0].isupper() or rule.title.startswith("apiVersion")
    assert not rule.title.endswith(".")
    assert rule.text.endswith(".")
