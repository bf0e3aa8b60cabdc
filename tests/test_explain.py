"""Every rule and every field can be explained, and what is neither gets a suggestion."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gatectl.errors import UsageError
from gatectl.explain import explain, topics
from gatectl.manifests import loading
from gatectl.manifests.schemas import explained
from gatectl.project import bare_project
from gatectl.rules import RULES
from gatectl.rules.interface import whole

SCHEMAS = explained()


def _fields(root: Mapping[str, Any], schema: Mapping[str, Any], path: str, depth: int = 0) -> Iterator[str]:
    """Every field of a schema by its path, through references, lists, free mappings and branches."""
    if "$ref" in schema:
        schema = {**root["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    for part in (schema, *(branch["then"] for branch in schema.get("allOf", ()))):
        for name, below in part.get("properties", {}).items():
            yield f"{path}.{name}"
            if isinstance(below, Mapping) and depth < 8:
                yield from _fields(root, below, f"{path}.{name}", depth + 1)
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), Mapping):
            yield from _fields(root, schema[inner], path, depth + 1)


FIELDS = sorted({field for kind, schema in SCHEMAS.items() for field in _fields(schema, schema, kind.lower())})


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("width", [1, 80])
def test_every_rule_is_explained(rule: str, width: int) -> None:
    for text in (explain(rule, SCHEMAS, width), explain(rule.lower(), SCHEMAS, width)):
        assert text.startswith(f"{rule}: {RULES[rule].title}")
        assert f"Severity: {RULES[rule].severity}" in text
        assert ("adjustable in the project file" in text) == RULES[rule].adjustable


def test_there_are_fields_to_explain() -> None:
    assert {"repository.spec.resources.bucket", "bucket.spec.credentials.secret.env", "project.spec.environments.guardrails.maxDeletes",
            "workspace.metadata.name", "llm.spec.provider"} <= set(FIELDS)  # fmt: skip
    assert len(FIELDS) > 80


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_explained(field: str) -> None:
    head, empty, *rest = explain(field, SCHEMAS, 80).split("\n")
    assert head.startswith(f"{field} (")
    assert "None" not in head
    assert empty == ""
    assert rest
    assert rest[0].strip(), "a field has a description"
    assert max(map(len, rest)) <= 100


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_kind_is_explained_with_its_fields(kind: str) -> None:
    text = explain(kind, SCHEMAS, 80)
    assert "Fields:" in text
    assert "metadata (mapping, required)" in text


def test_values_and_defaults_are_listed() -> None:
    text = explain("repository.spec.mode", SCHEMAS, 80)
    assert "One of: Normal, Mirror" in text
    assert "Default: Normal" in text
    assert "required" not in text.splitlines()[0]
    assert (
        explain("Repository.spec.endpointType", SCHEMAS, 80).splitlines()[0]
        == "repository.spec.endpointType (string, required)"
    )
    assert (
        explain("repository.spec.resources", SCHEMAS, 80).splitlines()[0]
        == "repository.spec.resources (list of mappings)"
    )
    assert "key (mapping" in explain("bucket.spec.credentials", SCHEMAS, 80)


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("GW31", "did you mean GW301?"), ("GW999", None), ("repositry", "did you mean 'repository'?"), ("", "a rule such as GW301"),
        ("repository.spec.endpoint", "did you mean 'repository.spec.endpointType'?"), ("repository.metadata.name.x", "nothing below it"),
        ("repository..spec", "there is:"), ("nonsense", "a rule such as GW301"), ("bucket.spec.resources", "there is:"),
        ("\x1b[31m", "a rule such as GW301"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_gets_a_suggestion(topic: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        explain(topic, SCHEMAS, 80)
    assert hint is None or hint in (caught.value.hint or "")


# Examples of rules

PUT_BEFORE = {
    "GW504": ("S3", "Additive", "S3"),
    "GW505": ("S3", "Additive", None),
}
"""What stands on the platform before: the endpoint type and policy of the repository, and the bucket it attaches."""

BUCKETS = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: on-s3}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {file: key}, secret: {file: key}}}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: on-gcs}
spec: {type: GCS, bucket: acme-orders, region: eu-west-1, credentials: {key: {file: key}, secret: {file: key}}}
---
"""
ELSEWHERE = {"GW506", "GW507", "GW508", "GW509"}
"""What depends on more than manifests and one apply before: `test_changes`, `test_owners` and `test_manageable` break these."""
PLANNED = sorted({"GW405", *(rule for rule in RULES if rule.startswith("GW5"))} - ELSEWHERE)
OFFLINE = sorted(set(RULES) - {*PLANNED, *ELSEWHERE})


def found_offline(folder: Path, example: str, encoding: str = "utf-8", name: str = "example.yaml") -> set[str]:
    (folder / name).write_bytes(whole(example).encode(encoding))
    found = loading.load(bare_project(folder), [folder], "default").findings
    (folder / name).unlink()
    return {f.rule for f in found} - {"GW106" if name != "example.yaml" else ""}  # nothing else is there to be read


def found_planning(folder: Path, example: str) -> set[str]:
    """The rules that a plan finds broken, on an embedded platform in the folder."""
    (folder / "gatectl.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\n"
        "spec: {rules: {GW307: 'off'}, environments: {default: {platform: embedded}}}\n"
    )
    (folder / "example.yaml").write_text(whole(example))
    done = gatectl("plan", "--format", "json", cwd=folder)
    return {found["rule"] for found in json.loads(done.stdout)["diagnostics"]}


def gatectl(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gatectl", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("rule", OFFLINE)
def test_the_bad_example_of_an_offline_rule_breaks_it_and_no_other_and_the_good_one_none(
    rule: str, tmp_path: Path
) -> None:
    not_utf8 = "latin-1" if rule == "GW101" else "utf-8"
    name = "orders.yaml.bak" if rule == "GW108" else "example.yaml"
    assert found_offline(tmp_path, RULES[rule].bad, not_utf8, name) == {rule}
    assert found_offline(tmp_path, RULES[rule].good) == set()


@pytest.mark.parametrize("rule", PLANNED)
def test_the_bad_example_of_a_rule_that_needs_the_platform_breaks_it_in_a_plan_and_the_good_one_does_not(
    rule: str, tmp_path: Path
) -> None:
    if rule in PUT_BEFORE:
        endpoint, policy, bucket = PUT_BEFORE[rule]
        entries = f"[{{type: {bucket}, bucket: acme-orders}}]" if bucket else "[]"
        before = f"spec: {{endpointType: {endpoint}, attachmentPolicy: {policy}, resources: {entries}}}"
        (tmp_path / "key").write_text("made-up")
        (tmp_path / "example.yaml").write_text(whole(before))
        (tmp_path / "buckets.yaml").write_text(BUCKETS)
        done = gatectl("apply", "--yes", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert found_planning(tmp_path, RULES[rule].bad) == {rule}
    assert found_planning(tmp_path, RULES[rule].good) == set()


def test_a_rule_is_explained_with_both_examples_as_they_are_written() -> None:
    text = explain("GW301", SCHEMAS, 80)
    assert "Wrong:\n\n    spec:\n      endpointType: S3" in text
    assert "Right:\n\n    spec:\n      endpointType: S3" in text
    assert all(rule.bad and rule.good for rule in RULES.values())


# What can be explained


def test_the_topics_are_the_rules_and_all_fields() -> None:
    found = list(topics(SCHEMAS))
    assert set(found) == {*RULES, *FIELDS, *(kind.lower() for kind in SCHEMAS)}
    assert len(found) == len(set(found))


def examples(kind: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Every example in a schema, with the field's schema and its path."""

    def below(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
        for name, field in schema.get("properties", {}).items():
            yield from ((f"{path}.{name}", example, field) for example in field.get("examples", ()))
            yield from below(field, f"{path}.{name}")

    yield from below(SCHEMAS[kind], kind.lower())


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_example_of_a_field_is_valid_and_shown_as_yaml_that_reads_back(kind: str) -> None:
    found = list(examples(kind))
    assert found
    for field, example, schema in found:
        Draft202012Validator({**schema, "$defs": SCHEMAS[kind].get("$defs", {})}).validate(example)
        shown = explain(field, SCHEMAS, 80).partition("Example:\n\n")[2].partition("\n\n")[0]
        assert yaml.safe_load(shown) == {field.rpartition(".")[2]: example}
