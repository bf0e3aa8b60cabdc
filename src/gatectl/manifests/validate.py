"""Documents are held against their schema: GW107, GW201 to GW206, GW601. The only module that knows jsonschema.

Two validators, one schema: jsonschema-rs says yes or no (a hundred times faster), and where it says no, jsonschema says
what is wrong. A test proves that both agree. The words are ours, because jsonschema puts the offending value into its
message, and a value may be a secret somebody pasted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatectl.manifests.placeholders import check_placeholders
from gatectl.manifests.wording import choice, nearest, shown, suggestion, what_is, worded
from gatectl.manifests.written_out import check_pasted, check_written_out, covered, is_suspicious
from gatectl.model import Document, Finding, Pointer, Spot
from gatectl.quote import quote

API_VERSION: Final = "gatectl.io/v1"
_HEAD: Final = ("apiVersion", "kind")


class Checker(NamedTuple):
    """The schemas of the kinds, ready to use. `schemas` maps a kind to its JSON Schema."""

    schemas: Mapping[str, Mapping[str, Any]]
    quick: Mapping[str, Any]


def make_checker(schemas: Mapping[str, Mapping[str, Any]]) -> Checker:
    import jsonschema_rs

    return Checker(schemas, {kind: jsonschema_rs.Draft202012Validator(dict(s)) for kind, s in schemas.items()})


def check(document: Document, checker: Checker) -> tuple[str | None, list[Finding]]:
    """The kind of a document (None: not one of ours), and what is wrong with its shape (nothing: it fits its schema).

    A document of a known kind is held against its schema whatever its apiVersion is.
    """
    data = document.data
    if type(data) is not dict:
        message = f"a manifest is a mapping, not {what_is(data)}"
        return None, [Finding("GW106", message, "start with apiVersion, kind and metadata", spot=Spot(document))]
    kind = data.get("kind")
    if type(kind) is not str or kind not in checker.schemas:
        kind = None
    findings = _of_shape(document, kind, checker)
    if kind is not None and (unfilled := check_placeholders(document)):
        findings = _with_placeholders(findings, unfilled)
    if is_suspicious(document.file.content):
        findings += check_pasted(document, _written_out(findings))
        findings = [covered(finding) for finding in findings]
    return kind, findings


def _of_shape(document: Document, kind: str | None, checker: Checker) -> list[Finding]:
    """What is wrong with a mapping, held against the schema of its kind (None: there is no such kind)."""
    data = document.data
    if kind is None:
        return _head(document, data, sorted(checker.schemas)) + check_written_out(document, data)
    if data.get("apiVersion") == API_VERSION and _fits(checker.quick[kind], data):
        return []
    head = _head(document, data, sorted(checker.schemas))
    return head + _without_misspelt(_problems(document, kind, checker.schemas[kind]), head)


def _written_out(findings: Sequence[Finding]) -> set[Pointer]:
    """Where secrets were found already."""
    return {f.spot.pointer for f in findings if f.spot is not None and f.rule == "GW601"}


def _fits(validator: Any, data: Any) -> bool:
    try:
        return bool(validator.is_valid(data))
    except (ValueError, TypeError, OverflowError):
        return False  # a value that the quick validator cannot take in, a huge number say: let the other one speak


def _head(document: Document, data: Mapping[str, Any], kinds: Sequence[str]) -> list[Finding]:
    """What is wrong with apiVersion and kind, which say what the rest is to be held against."""
    findings = []
    for field, allowed in (("apiVersion", [API_VERSION]), ("kind", kinds)):
        value = data.get(field)
        if field not in data:
            message, hint = f"required field '{field}' is missing", f"add {field}: {choice(allowed)}"
            near = nearest(field, [k for k in data if k not in ("apiVersion", "kind", "metadata", "spec")])
            if near is not None:
                spot = Spot(document, (near,), "key")
                findings.append(Finding("GW202", f"unknown field {shown(near)}", suggestion(field), spot=spot))
                continue
            findings.append(Finding("GW201", message, hint, spot=Spot(document)))
        elif type(value) is not str:
            message = f"{field} is {what_is(value)}, not a string"
            findings.append(Finding("GW203", message, f"one of {choice(allowed)}", spot=Spot(document, (field,))))
        elif value not in allowed:
            hint = f"one of {choice(allowed)}"
            if field == "kind" and value == "Fleet":
                hint = "a fleet file is no manifest: keep it elsewhere, or out by `exclude`; validate checks one that is named"
            elif (near := nearest(value, allowed)) is not None:
                hint = f"did you mean '{quote(near)}'?"
            spot = Spot(document, (field,))
            findings.append(Finding("GW107", f"unknown {field} {shown(value)}", hint, spot=spot))
    return findings


def check_project(document: Document, schema: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the project file, by the same rules as a manifest."""
    return _check_settings(document, "Project", schema)


def check_fleet(document: Document, schema: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the shape of a fleet file, by the same rules as a manifest."""
    return _check_settings(document, "Fleet", schema)


def _check_settings(document: Document, kind: str, schema: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with a file that is no manifest, and holds one document of its kind."""
    if type(document.data) is not dict:
        message = f"the {kind.lower()} file is a mapping, not {what_is(document.data)}"
        return [Finding("GW106", message, "start with apiVersion, kind and metadata", spot=Spot(document))]
    if document.data.get("apiVersion") != API_VERSION or document.data.get("kind") != kind:
        findings = _head(document, document.data, [kind])
        if findings:
            return findings
    import jsonschema_rs

    fits = _fits(jsonschema_rs.Draft202012Validator(dict(schema)), document.data)
    findings = [] if fits else _without_misspelt(_problems(document, kind, schema))
    findings = _with_placeholders(findings, check_placeholders(document))
    return findings + check_pasted(document, _written_out(findings))


def _without_misspelt(findings: Sequence[Finding], head: Sequence[Finding] = ()) -> list[Finding]:
    """The findings without those that say the same mistake again: a required field that is there, but misspelt (GW202
    says so, with a suggestion), and an unknown field that `_head` speaks of."""
    unknown = [f for f in findings if f.rule == "GW202"]
    meant = {(f.spot.pointer[:-1], f.hint) for f in unknown if f.spot is not None}
    told = _places(f for f in head if f.rule == "GW202")
    return [f for f in findings if not _is_misspelt(f, meant) and not (f.rule == "GW202" and _place(f) in told)]


def _is_misspelt(finding: Finding, meant: set[tuple[Pointer, str | None]]) -> bool:
    """Whether a field that is missing is there under a name like its own; `meant` are the hints about unknown fields."""
    missing = _MISSING.match(finding.message) if finding.rule == "GW201" else None
    return missing is not None and (_place(finding), suggestion(missing[1])) in meant


def _place(finding: Finding) -> Pointer | None:
    return finding.spot.pointer if finding.spot is not None else None


def _places(findings: Iterable[Finding]) -> set[Pointer]:
    return {f.spot.pointer for f in findings if f.spot is not None}


_MISSING: Final = re.compile("required field '(.+?)'")


def _with_placeholders(findings: Sequence[Finding], unfilled: Sequence[Finding]) -> list[Finding]:
    """One finding for a value that was never filled in, and not another for what is wrong with the placeholder; but a
    placeholder where a reference to a secret belongs is a secret written out. Where quotes are what is wrong with a value, that is
    said there."""
    secrets = _written_out(findings)
    unfilled = [f for f in unfilled if _place(f) not in secrets]
    filled = _places(f for f in unfilled if f.rule == "GW207")
    kept = _but(findings, filled)
    quoted = [f for f in unfilled if f.rule == "GW205"]
    wrong = _places(filter(_is_value, kept))
    return [*_with_quotes(kept, quoted), *(f for f in unfilled if f not in quoted or _place(f) not in wrong)]


def _but(findings: Sequence[Finding], places: set[Pointer]) -> list[Finding]:
    """The findings but those about the values at these places."""
    return [f for f in findings if not _is_value(f) or _place(f) not in places]


def _with_quotes(findings: Sequence[Finding], quoted: Sequence[Finding]) -> list[Finding]:
    """What is wrong with values, with what is wrong with their quotes as the hint."""
    hints = {_place(f): f"{f.message}; {f.hint}" for f in quoted}
    return [f._replace(hint=hints[_place(f)]) if _is_value(f) and _place(f) in hints else f for f in findings]


def _is_value(finding: Finding) -> bool:
    """Whether a finding is about a value, and not about the key that holds it."""
    return finding.spot is not None and finding.spot.on == "value"


def _problems(document: Document, kind: str, schema: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with a document but for its apiVersion and kind, of which `_head` speaks."""
    found: dict[tuple[Pointer, str, str], Finding] = {}
    for finding in _worded(document, kind, schema):
        assert finding.spot is not None
        found.setdefault((finding.spot.pointer, finding.rule, finding.message), finding)
    mistyped = {pointer for pointer, rule, _ in found if rule in _SAYS_ALL}
    return [f for (p, rule, _), f in found.items() if rule in _SAYS_ALL or p not in mistyped or not _is_value(f)]


_SAYS_ALL: Final = ("GW203", "GW601")
"""Where these are said of a value, nothing else is."""


def _worded(document: Document, kind: str, schema: Mapping[str, Any]) -> Iterator[Finding]:
    import jsonschema

    required = [field for field in schema["required"] if field not in _HEAD]
    properties = {field: {} if field in _HEAD else inner for field, inner in schema["properties"].items()}
    rest = {**schema, "required": required, "properties": properties}
    for error in jsonschema.Draft202012Validator(rest).iter_errors(document.data):
        if error.validator == "pattern" and not error.instance and error.schema.get("minLength"):
            continue  # that it is empty is said already
        yield from worded(document, kind, error)
