"""One schema, two validators, one answer; and one schema for all kinds that says the same as each alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatectl.kinds import KINDS
from gatectl.manifests import sources, validate
from gatectl.manifests.editor_schema import combine
from gatectl.model import Document, SourceFile

NAMES = ("repository", "bucket", "llm", "workspace", "project", "fleet", "manifest", "plan", "receipt", "findings")
SCHEMAS = {name: sources.read_schema(name) for name in NAMES}
CHECKER = validate.make_checker({kind.name: SCHEMAS[kind.schema] for kind in KINDS.values()})
QUICK = {name: jsonschema_rs.Draft202012Validator(dict(schema)) for name, schema in SCHEMAS.items()}
WORDED = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


ALONE = {"project": validate.check_project, "fleet": validate.check_fleet}
"""What holds a document against its schema that is no manifest."""


def test_no_schema_says_a_thing_twice() -> None:
    """JSON takes the last of two, without a word."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), [name for name, _ in pairs]
        return dict(pairs)

    for path in (Path(__file__).parents[1] / "schemas").glob("*.json"):
        json.loads(path.read_text(), object_pairs_hook=once)


HEAD = {"apiVersion": "gatectl.io/v1"}
VALID: dict[str, list[dict[str, Any]]] = {
    "repository": [
        {**HEAD, "kind": "Repository", "metadata": {"name": "a", "workspace": "w", "id": "i", "labels": {"team": "x"}},
         "spec": {"endpointType": "S3", "mode": "Normal", "attachmentPolicy": "Exact", "resources": [
             {"type": "S3", "bucket": "one", "folder": "raw", "master": True, "label": "l", "id": "i"},
             {"type": "GCS", "bucket": "two"}, {"type": "AzureBlob", "account": "a", "container": "c"}]}},
        {**HEAD, "kind": "Repository", "metadata": {"name": "gw"},
         "spec": {"endpointType": "OpenAI", "resources": [{"type": "LLM", "name": "gpt", "id": "x"}, {"type": "Packet", "name": "p"}]}},
    ],
    "bucket": [
        {**HEAD, "kind": "Bucket", "metadata": {"name": "b"}, "spec": {"type": "S3", "bucket": "raw", "region": "eu",
         "allowDuplicate": True,
         "endpoint": "https://s3.example", "credentials": {"key": {"env": "K"}, "secret": {"file": "s/ecret"}}}},
        {**HEAD, "kind": "Bucket", "metadata": {"name": "b"}, "spec": {"type": "GCS", "bucket": "raw", "credentials": {"apiKey": "k"}}},
        {**HEAD, "kind": "Bucket", "metadata": {"name": "b"},
         "spec": {"type": "AzureBlob", "account": "a", "container": "c", "credentials": {"secret": {"env": "S"}}}},
    ],
    "llm": [
        {**HEAD, "kind": "LLM", "metadata": {"name": "m"}, "spec": {"provider": "OpenAI", "endpoint": "https://a/v1",
         "credentials": {"key": {"env": "K"}, "secret": {"env": "S"}}}},
        {**HEAD, "kind": "LLM", "metadata": {"name": "m"}, "spec": {"provider": "Other", "credentials": {"apiKey": "x"}}},
    ],
    "workspace": [{**HEAD, "kind": "Workspace", "metadata": {"name": "analytics"}}],
    "project": [
        {**HEAD, "kind": "Project", "metadata": {"name": "acme"}, "spec": {"manifests": ["m"], "rules": {"GW307": "error"},
         "environments": {"default": {"platform": "embedded"}, "prod": {"platform": "https://x", "workspace": "w", "manifests": ["p"],
          "token": {"env": "T"}, "wire": {"OpenAI": "OPENAI"}, "guardrails": {"maxDeletes": 0, "maxDetaches": 10}}}}},
    ],
    "fleet": [
        {**HEAD, "kind": "Fleet", "metadata": {"name": "acme"}, "spec": {
            "database": {"env": "DATABASE"}, "platforms": [{"match": "https://x", "requestsPerSecond": 0.5}], "retention": "30d",
            "notify": [{"url": "https://x", "secret": {"env": "S"}, "on": ["drift"]}],
            "trustedProxies": ["10.0.0.0/8"], "userHeader": "X-User",
            "sources": [{"name": "a", "git": {"url": "https://x", "ref": "main", "credentials": {"file": "c"}}, "platform": "https://x",
             "forEach": {"folders": "teams/*"}, "workspaces": ["a-*"], "token": {"file": "t"}, "interval": "5m", "mode": "apply",
             "secrets": {"env": ["A_*"], "files": ["f"], "commands": ["vault"]}, "dependsOn": ["b"],
             "webhook": {"path": "/hooks/a", "secret": {"file": "s"}}, "windows": ["Mon-Fri 08:00-18:00 UTC"]}]}},
    ],
}  # fmt: skip

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=6),
    st.sampled_from(["", " ", " a", "a ", "a\n", "\n", "a\tb", "a\u00a0", "\u200b", "\ufeff", "é", "\U0001f600", "a\u2028b", "\ue000",
                     "\u0085", "a" * 128, "a" * 129, "é" * 128, "\U0001f600" * 128, "\U0001f600" * 129, "S3", "s3", "Normal", "normal",
                     "gatectl.io/v1", "gatectl.io/v1\n", "Mirror", "LLM", "AzureBlob", "OpenAI", "https://x", "https://x\n", "https://",
                     "https://x y", "https://x\x1fy", "https://\x1b", "ftp://x", "A_B", "1A", "A-B", "A\n", "٣", "ﬀ", "K",
                      "embedded", 10**30, -1, 1.0, 0.0, 1e300]),
    st.just([]), st.just({}), st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.sampled_from(["env", "file", "type", "bucket", "name", "x", ""]), st.sampled_from(["a", "", 1, None,
     "S3"]), max_size=2),
)  # fmt: skip
FIELDS = st.sampled_from(
    ["type", "bucket", "account", "container", "name", "label", "id", "folder", "master", "key", "secret", "apiKey", "env", "file", "mode",
     "credentials", "apiKeys", "resources", "spec", "metadata", "kind", "endpoint", "region", "labels", "platform", "token",
      "Naem", "", "é",
     "a\n", "GW301", "GW305", "maxDeletes"]
)  # fmt: skip


def _mappings(value: Any) -> list[Any]:
    """Every mapping and list inside a value, itself first."""
    found = [value] if isinstance(value, (dict, list)) else []
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found += _mappings(inner)
    return found


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Any]:
    """A valid document of a kind, with some of its parts removed, replaced or added."""
    name = draw(st.sampled_from(list(VALID)))
    document = copy.deepcopy(draw(st.sampled_from(VALID[name])))
    for _ in range(draw(st.integers(0, 3))):
        places = [m for m in _mappings(document) if m or isinstance(m, dict)]
        if not places:
            break
        place = draw(st.sampled_from(places))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        what = draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "add" and isinstance(place, dict):
            place[draw(FIELDS)] = copy.deepcopy(draw(ODD))
        elif what == "add":
            place.append(copy.deepcopy(draw(ODD)))
        elif keys:
            key = draw(st.sampled_from(keys))
            if what == "remove":
                del place[key]
            else:
                place[key] = copy.deepcopy(draw(ODD))
    return name, document


def _document(value: Any) -> Document:
    return Document(
        SourceFile("/x/a.yaml", json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")), 0, 1, 1, value
    )


@settings(max_examples=1_000)
@given(mutated())
@example(("workspace", {**HEAD, "kind": "Workspace", "metadata": {"name": "a\n"}}))
@example(("bucket", {**HEAD, "kind": "Bucket", "metadata": {"name": "b"}, "spec": {"type": "S3", "bucket": 10**400}}))
def test_the_quick_and_the_worded_validator_agree_and_no_refusal_is_without_a_finding(case: tuple[str, Any]) -> None:
    name, value = case
    quick, worded = QUICK[name].is_valid(value), WORDED[name].is_valid(value)
    assert quick == worded
    document = _document(value)
    if name in ALONE:
        assert bool(ALONE[name](document, SCHEMAS[name])) == (not worded)
        return
    kind, findings = validate.check(document, CHECKER)
    assert bool(findings) == (not worded)
    if kind is not None:
        assert WORDED["manifest"].is_valid(value) == QUICK["manifest"].is_valid(value) == worded


@settings(max_examples=300)
@given(mutated())
def test_every_finding_names_a_field_a_reason_and_something_to_do(case: tuple[str, Any]) -> None:
    name, value = case
    document = _document(value)
    findings = ALONE[name](document, SCHEMAS[name]) if name in ALONE else validate.check(document, CHECKER)[1]
    for finding in findings:
        assert finding.message
        assert finding.spot is not None
        assert finding.rule in {"GW106", "GW107", "GW201", "GW202", "GW203", "GW204", "GW205", "GW206", "GW601"}
    assert len({(f.rule, f.spot.pointer, f.message) for f in findings if f.spot}) == len(findings), (
        "nothing is said twice"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_samples_are_valid_alone_and_in_the_schema_of_all_kinds() -> None:
    for name, documents in VALID.items():
        for document in documents:
            for schema in {name} | ({"manifest"} if name not in ALONE else set()):
                WORDED[schema].validate(document)
                assert QUICK[schema].is_valid(document)


def test_the_schema_of_all_kinds_is_made_of_the_schemas_of_each() -> None:
    made = combine({kind.name: SCHEMAS[kind.schema] for kind in KINDS.values()})
    assert SCHEMAS["manifest"] == made, (
        "schemas/manifest.schema.json is not what gatectl.combine gives: write it again with"
        "  gatectl schema > schemas/manifest.schema.json"
    )


@pytest.mark.parametrize("name", ["repository", "bucket", "llm", "workspace", "project", "fleet"])
def test_every_field_of_every_schema_says_what_it_is(name: str) -> None:
    def walk(schema: Any, path: str) -> None:
        for field, below in schema.get("properties", {}).items():
            if isinstance(below, dict) and "if" not in schema:
                assert below.get("description") or "$ref" in below, f"{path}.{field}"
                walk(below, f"{path}.{field}")
        if isinstance(schema.get("items"), dict):
            walk(schema["items"], f"{path}[]")

    walk(SCHEMAS[name], name)
    for definition, schema in SCHEMAS[name].get("$defs", {}).items():
        walk(schema, f"{name}#{definition}")


@pytest.mark.parametrize("name", ["plan", "receipt", "findings"])
def test_every_output_may_be_a_failure(name: str) -> None:
    failure = {"formatVersion": "1.0", "error": {"code": "usage", "message": "m", "hint": None}}
    WORDED[name].validate(failure)
    assert not WORDED[name].is_valid({**failure, "more": 1})
