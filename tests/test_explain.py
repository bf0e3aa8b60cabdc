"""Every rule and every field can be explained, and what is neither gets a suggestion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gatectl.errors import UsageError
from gatectl.explain import explain
from gatectl.kinds import KINDS
from gatectl.rules import RULES
from gatectl.sources import read_schema

SCHEMAS = {kind.name: read_schema(kind.schema) for kind in KINDS.values()} | {"Project": read_schema("project")}


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
