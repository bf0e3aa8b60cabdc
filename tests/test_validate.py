"""What is said of a manifest that does not fit its schema: the rule, the words, and what to do."""

from __future__ import annotations

import pytest

from gatectl.kinds import KINDS
from gatectl.manifests import sources, validate
from gatectl.manifests.parse import parse
from gatectl.manifests.places import locate
from gatectl.model import Finding, SourceFile

CHECKER = validate.make_checker({kind.name: sources.read_schema(kind.schema) for kind in KINDS.values()})
REPOSITORY = """apiVersion: gatectl.io/v1
kind: Repository
metadata:
  name: data
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: raw}
    - {type: AzureBlob, account: store, container: logs}
"""
BUCKET = """apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: raw-aws}
spec:
  type: S3
  bucket: raw
  credentials: {key: {env: KEY}, secret: {env: SECRET}}
"""


def check(text: str) -> list[Finding]:
    parsed = parse(SourceFile("/a.yaml", text.encode()))
    assert parsed.findings == []
    return locate([finding for document in parsed.documents for finding in validate.check(document, CHECKER)[1]])


def said(text: str) -> list[tuple[str, str, str | None]]:
    return [(f.rule, f.message, f.hint) for f in check(text)]


@pytest.mark.parametrize(
    ("old", "new", "rule", "message", "hint"),
    [
        ("apiVersion: gatectl.io/v1", "apiVersion: gatectl.io/v2", "GW107", "unknown apiVersion 'gatectl.io/v2'",
         "did you mean 'gatectl.io/v1'?"),
        ("kind: Repository", "kind: Repositroy", "GW107", "unknown kind 'Repositroy'", "did you mean 'Repository'?"),
        ("kind: Repository", "kind: repository", "GW107", "unknown kind 'repository'", "did you mean 'Repository'?"),
        ("kind: Repository", "kind: Deployment", "GW107", "unknown kind 'Deployment'", "one of Bucket | LLM | Repository | Workspace"),
        ("kind: Repository\n", "", "GW201", "required field 'kind' is missing", "add kind: Bucket | LLM | Repository | Workspace"),
        ("kind: Repository", "Kind: Repository", "GW202", "unknown field 'Kind'", "did you mean 'kind'?"),
        ("kind: Repository", "kind: [Repository]", "GW203", "kind is a list, not a string", "one of Bucket | LLM | Repository | Workspace"),
        ("  name: data\n", "  labels: {}\n", "GW201", "required field 'name' of metadata is missing", "add name: …"),
        ("  endpointType: S3\n", "", "GW201", "required field 'endpointType' of spec is missing",
         "add endpointType: S3 | GCS | AzureBlob | OpenAI"),
        (", bucket: raw", "", "GW201", "required field 'bucket' of spec.resources[0] is missing", "add bucket: …"),
        ("endpointType: S3", "endpointType: s3", "GW204", "spec.endpointType cannot be 's3'",
         "did you mean 'S3'? (one of S3 | GCS | AzureBlob | OpenAI)"),
        ("endpointType: S3", "endpointType: Azure", "GW204", "spec.endpointType cannot be 'Azure'",
         "did you mean 'AzureBlob'? (one of S3 | GCS | AzureBlob | OpenAI)"),
        ("{type: S3, bucket", "{type: MinIO, bucket", "GW204", "spec.resources[0].type cannot be 'MinIO'",
         "one of S3 | GCS | AzureBlob | LLM | Packet"),
        ("bucket: raw", "bucket: raw, foldr: x", "GW202", "unknown field 'foldr' in spec.resources[0]", "did you mean 'folder'?"),
        ("account: store,", "account: store, bucket: x,", "GW202", "unknown field 'bucket' in spec.resources[1]",
         "type AzureBlob takes type, folder, master, label, id, account, container"),
        ("bucket: raw", "bucket: 20210321", "GW203", "spec.resources[0].bucket is a number, not a string", 'quote it: "20210321"'),
        ("bucket: raw", "bucket: 0x1F", "GW203", "spec.resources[0].bucket is a number, not a string", 'quote it: "0x1F"'),
        ("bucket: raw", "bucket: true", "GW203", "spec.resources[0].bucket is a boolean, not a string", 'quote it: "true"'),
        ("bucket: raw", "bucket: ~", "GW203", "spec.resources[0].bucket is null, not a string", 'give it a value, or "" for none'),
        ("bucket: raw", "bucket: raw, master: 'true'", "GW203", "spec.resources[0].master is a string, not true or false",
         "write true or false, without quotes"),
        ("  resources:\n", "  resources: {}\n  x-resources:\n", "GW203", "spec.resources is a mapping, not a list",
         "write a list: [ … ], or lines that start with '- '"),
        ("metadata:\n  name: data\n", "metadata: data\n", "GW203", "metadata is a string, not a mapping",
         "write a mapping: {field: value}, or lines 'field: value'"),
        ("name: data", "name: ''", "GW205", "metadata.name is empty", "at least 1 character"),
        ("name: data", f"name: {'x' * 129}", "GW205", "metadata.name has 129 characters", "128 at the most"),
        ("name: data", "name: 'data '", "GW205", "metadata.name 'data ' breaks its pattern",
         "printable characters only, without space at either end"),
        ("name: data", 'name: "da\\nta"', "GW205", "metadata.name 'da\\nta' breaks its pattern",
         "printable characters only, without space at either end"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_what_to_do(old: str, new: str, rule: str, message: str, hint: str) -> None:
    assert old in REPOSITORY
    assert (rule, message, hint) in said(REPOSITORY.replace(old, new, 1))


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        ("", "GW201"),
        ("apiVersion: gatectl.io/v2\n", "GW107"),
        ("apiVersion: 1\n", "GW203"),
        ("apiVersion: ''\n", "GW107"),
    ],
)
def test_whatever_the_api_version_is_the_rest_is_held_against_its_kind(version: str, rule: str) -> None:
    head = "apiVersion: gatectl.io/v1\n"
    assert [r for r, _, _ in said(REPOSITORY.replace(head, version))] == [rule], "once"
    wrong = REPOSITORY.replace("bucket: raw", "bucket: 7, foldr: x").replace("spec:\n", "spec:\n  apiKeys: []\n")
    assert [r for r, _, _ in said(wrong.replace(head, version))] == [rule, "GW206", "GW203", "GW202"]
    written = BUCKET.replace("secret: {env: SECRET}", "secret: hunter2")
    assert [r for r, _, _ in said(written.replace(head, version))] == [rule, "GW601"]
    (document,) = parse(SourceFile("/a.yaml", REPOSITORY.replace(head, version).encode())).documents
    assert validate.check(document, CHECKER)[0] == "Repository"


def test_a_misspelt_api_version_is_told_at_its_key_alone() -> None:
    assert said(REPOSITORY.replace("apiVersion:", "apiversion:")) == [
        ("GW202", "unknown field 'apiversion'", "did you mean 'apiVersion'?"),
    ]


@pytest.mark.parametrize("kind", ["", "kind: Buckte\n", "kind: [Bucket]\n"])
@pytest.mark.parametrize(
    ("credentials", "secrets"),
    [
        ("{key: {env: A}, secret: hunter2}", 1), ("{key: 7, secret: hunter2}", 2), ("hunter2", 1), ("~", 0), ("[]", 0),
        ("{key: {env: AKIAABCDEFGHIJKLMNOP}, secret: AKIAABCDEFGHIJKLMNOP}", 2), ("{apiKey: main}", 0),
    ],
)  # fmt: skip
def test_secrets_are_found_whatever_the_kind_is(kind: str, credentials: str, secrets: int) -> None:
    text = BUCKET.replace("kind: Bucket\n", kind).replace("{key: {env: KEY}, secret: {env: SECRET}}", credentials)
    found = said(text)
    assert [rule for rule, _, _ in found].count("GW601") == secrets
    assert len(found) == secrets + 1
    assert not any(secret in str(found) for secret in ("hunter2", "AKIA"))


def test_two_fields_where_one_is_taken_are_told_at_the_second() -> None:
    (finding,) = check(BUCKET.replace("{env: KEY}", "{file: a, env: KEY}"))
    assert (finding.rule, finding.message) == ("GW202", "'env' cannot stand beside 'file' in spec.credentials.key")
    assert finding.hint == "it takes exactly one of env | file: remove the other"
    assert finding.place == ("/a.yaml", 7, 32, 7, 35)
    assert [f.message for f in check(BUCKET.replace("{env: KEY}", "{env: KEY, x: y}"))] == [
        "unknown field 'x' in spec.credentials.key"
    ]
    assert [f.rule for f in check(BUCKET.replace("{env: KEY}", "{env: KEY, file: 1}"))] == ["GW202", "GW203"]


@pytest.mark.parametrize(
    "name",
    ["apiKey", "apiKeys", "key", "keys", "accessKey", "accessKeys", "credentials", "secret", "APIKEYS", "Secret"],
)
@pytest.mark.parametrize("where", ["spec:\n", "metadata:\n", "kind: Repository\n"])
def test_api_keys_in_a_repository_are_gw206_and_the_hint_says_where_they_belong(name: str, where: str) -> None:
    indent = "  " if where != "kind: Repository\n" else ""
    ((rule, message, hint),) = said(REPOSITORY.replace(where, f"{where}{indent}{name}: []\n", 1))
    assert (rule, message) == ("GW206", f"API keys do not belong in a Repository manifest: '{name}'")
    assert "in the platform" in (hint or "")
    assert "Bucket or LLM manifest" in (hint or "")


def test_api_keys_in_a_resource_entry_are_gw206_too() -> None:
    assert [rule for rule, _, _ in said(REPOSITORY.replace("bucket: raw", "bucket: raw, credentials: {}"))] == ["GW206"]


@pytest.mark.parametrize("name", ["apiKeys", "accessKey"])
def test_in_another_kind_they_are_just_unknown(name: str) -> None:
    assert [rule for rule, _, _ in said(BUCKET.replace("spec:\n", f"spec:\n  {name}: x\n"))] == ["GW202"]


@pytest.mark.parametrize(
    ("credentials", "rules"),
    [
        ("{apiKey: main}", []), ("{key: {env: A}, secret: {file: a/b}}", []), ("{key: {env: A}}", ["GW201"]),
         ("{secret: {env: A}}", ["GW201"]),
        ("{}", ["GW201", "GW201"]), ("{apiKey: main, secret: {env: A}}", ["GW202"]), ("{key: {}, secret: {env: A}}", ["GW201"]),
        ("{key: {env: A, file: b}, secret: {env: A}}", ["GW202"]), ("{key: {env: 1A}, secret: {env: A}}", ["GW205"]), ("null", ["GW203"]),
        ("{key: x, secret: y}", ["GW601", "GW601"]), ("x", ["GW601"]),
    ],
)  # fmt: skip
def test_credentials_are_a_pair_of_references_or_an_api_key(credentials: str, rules: list[str]) -> None:
    text = BUCKET.replace("{key: {env: KEY}, secret: {env: SECRET}}", credentials)
    assert [rule for rule, _, _ in said(text)] == rules


def test_azure_takes_its_account_as_the_key() -> None:
    azure = BUCKET.replace("type: S3\n  bucket: raw", "type: AzureBlob\n  account: store\n  container: logs")
    assert [rule for rule, _, _ in said(azure)] == ["GW202"]
    assert said(azure.replace("key: {env: KEY}, ", "")) == []
    assert [rule for rule, _, _ in said(BUCKET.replace("bucket: raw", "account: store"))] == ["GW201", "GW202"]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_places() -> None:
    text = (
        REPOSITORY.replace("name: data", "name: 1\n  nmae: x")
        .replace("endpointType: S3", "endpointType: X")
        .replace("bucket: raw", "buckt: raw")
    )
    assert [rule for rule, _, _ in said(text)] == ["GW203", "GW202", "GW204", "GW202"]


def test_long_values_are_cut() -> None:
    ((_, message, _),) = said(REPOSITORY.replace("endpointType: S3", f"endpointType: {'x' * 1000}"))
    assert message == f"spec.endpointType cannot be '{'x' * 59}…'"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\n", []), ("- a\n", ["GW106"]), ("{}\n", ["GW201", "GW201"]),
        ("apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\n", ["GW107"]),
        ("apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec: {rules: {GW301: off}}\n", ["GW202"]),
        ("apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec: {rules: {GW307: off}}\n", []),
        ("apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec: {environments: {a b: {platform: embedded}}}\n", ["GW205"]),
        (
            "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec:\n  environments:\n"
            "    a: {platform: x, guardrails: {maxDeletes: -1}}\n", ["GW204"],
        ),
        ("apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec: {manifests: []}\n", ["GW204"]),
    ],
)  # fmt: skip
def test_the_project_file_is_checked_by_the_same_rules(text: str, rules: list[str]) -> None:
    (document,) = parse(SourceFile("/gatectl.yaml", text.encode())).documents
    assert [f.rule for f in validate.check_project(document, sources.read_schema("project"))] == rules
