"""Documents are held against their schema: GW107, GW201 to GW206, GW601. The only module that knows jsonschema.

Two validators, one schema: jsonschema-rs says yes or no (a hundred times faster), and where it says no, jsonschema says
what is wrong. A test proves that both agree. The words are ours, because jsonschema puts the offending value into its
message, and a value may be a secret somebody pasted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, NamedTuple

from gatectl.manifests.parse import text_at
from gatectl.manifests.placeholders import check_placeholders
from gatectl.model import Document, Finding, Pointer, Spot
from gatectl.quote import quote

API_VERSION: Final = "gatectl.io/v1"
_HEAD: Final = ("apiVersion", "kind")

_API_KEY_FIELDS: Final = frozenset(
    name.lower() for name in ("apiKey", "apiKeys", "key", "keys", "accessKey", "accessKeys", "credentials", "secret")
)
_TYPE_WORDS: Final = {
    "string": "a string", "boolean": "true or false", "object": "a mapping", "array": "a list",
    "integer": "a whole number", "number": "a number", "null": "null",
}  # fmt: skip
_SECRETS: Final = re.compile(
    rb"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|sk-[A-Za-z0-9_-]{20}|gh[pousr]_[A-Za-z0-9]{30}|glpat-[A-Za-z0-9_-]{20}"
    rb"|AIza[0-9A-Za-z_-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----|AccountKey=[A-Za-z0-9+/]{40}|://[^\s/@:\"']*:[^\s/@\"']+@"
)
_REFERENCE_HINT: Final = (
    "name where it is found instead: {env: NAME} or {file: path}; and renew it, it has been in a file"
)


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
        message = f"a manifest is a mapping, not {_what(data)}"
        return None, [Finding("GW106", message, "start with apiVersion, kind and metadata", spot=Spot(document))]
    kind = data.get("kind")
    if type(kind) is not str or kind not in checker.schemas:
        kind = None
        findings = _head(document, data, sorted(checker.schemas)) + _written_out(document, data)
    elif data.get("apiVersion") == API_VERSION and _fits(checker.quick[kind], data):
        findings = []
    else:
        head = _head(document, data, sorted(checker.schemas))
        findings = head + _without_misspelt(_problems(document, kind, checker.schemas[kind]), head)
    if kind is not None and (unfilled := check_placeholders(document)):
        findings = _with_placeholders(findings, unfilled)
    if _suspicious(document.file.content):
        findings += _pasted(document, {f.spot.pointer for f in findings if f.spot and f.rule == "GW601"})
        findings = [_covered(finding) for finding in findings]
    return kind, findings


@lru_cache(maxsize=1)
def _suspicious(content: bytes) -> bool:
    """Whether a file may hold what looks like a secret; asked for each of its documents, answered once."""
    return b"\\" in content or _SECRETS.search(content) is not None  # an escape may hide one


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
            message, hint = f"required field '{field}' is missing", f"add {field}: {_choice(allowed)}"
            near = _near(field, [k for k in data if k not in ("apiVersion", "kind", "metadata", "spec")])
            if near is not None:
                spot = Spot(document, (near,), "key")
                findings.append(Finding("GW202", f"unknown field {_shown(near)}", _suggestion(field), spot=spot))
                continue
            findings.append(Finding("GW201", message, hint, spot=Spot(document)))
        elif type(value) is not str:
            message = f"{field} is {_what(value)}, not a string"
            findings.append(Finding("GW203", message, f"one of {_choice(allowed)}", spot=Spot(document, (field,))))
        elif value not in allowed:
            hint = f"one of {_choice(allowed)}"
            if (near := _near(value, allowed)) is not None:
                hint = f"did you mean '{quote(near)}'?"
            spot = Spot(document, (field,))
            findings.append(Finding("GW107", f"unknown {field} {_shown(value)}", hint, spot=spot))
    return findings


def check_project(document: Document, schema: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the project file, by the same rules as a manifest."""
    if type(document.data) is not dict:
        message = f"the project file is a mapping, not {_what(document.data)}"
        return [Finding("GW106", message, "start with apiVersion, kind and metadata", spot=Spot(document))]
    if document.data.get("apiVersion") != API_VERSION or document.data.get("kind") != "Project":
        findings = _head(document, document.data, ["Project"])
        if findings:
            return findings
    import jsonschema_rs

    fits = _fits(jsonschema_rs.Draft202012Validator(dict(schema)), document.data)
    findings = [] if fits else _without_misspelt(_problems(document, "Project", schema))
    findings = _with_placeholders(findings, check_placeholders(document))
    return findings + _pasted(document, {f.spot.pointer for f in findings if f.spot and f.rule == "GW601"})


def _without_misspelt(findings: Sequence[Finding], head: Sequence[Finding] = ()) -> list[Finding]:
    """The findings without those that say the same mistake again: a required field that is there, but misspelt (GW202
    says so, with a suggestion), and an unknown field that `_head` speaks of."""
    meant = {(f.spot.pointer[:-1], f.hint) for f in findings if f.rule == "GW202" and f.spot is not None}
    told = {f.spot.pointer for f in head if f.rule == "GW202" and f.spot is not None}
    kept = []
    for finding in findings:
        missing = _MISSING.match(finding.message) if finding.rule == "GW201" else None
        if missing is not None and finding.spot and (finding.spot.pointer, _suggestion(missing[1])) in meant:
            continue
        if finding.rule == "GW202" and finding.spot is not None and finding.spot.pointer in told:
            continue
        kept.append(finding)
    return kept


_MISSING: Final = re.compile("required field '(.+?)'")


def _suggestion(field: str) -> str:
    return f"did you mean '{quote(field)}'?"


def _with_placeholders(findings: Sequence[Finding], unfilled: Sequence[Finding]) -> list[Finding]:
    """One finding for a value that was never filled in, and not another for what is wrong with the placeholder; but a
    placeholder where a reference to a secret belongs is a secret written out. Where quotes are what is wrong with a value, that is
    said there."""
    secrets = {f.spot.pointer for f in findings if f.spot is not None and f.rule == "GW601"}
    unfilled = [f for f in unfilled if f.spot is not None and f.spot.pointer not in secrets]
    places = {f.spot.pointer for f in unfilled if f.spot is not None and f.rule == "GW207"}
    kept = [f for f in findings if f.spot is None or f.spot.on == "key" or f.spot.pointer not in places]
    wrong = {f.spot.pointer for f in kept if f.spot is not None and f.spot.on == "value"}
    hints = {f.spot.pointer: f"{f.message}; {f.hint}" for f in unfilled if f.spot is not None and f.rule == "GW205"}
    kept = [
        f._replace(hint=hints[f.spot.pointer])
        if f.spot is not None and f.spot.on == "value" and f.spot.pointer in hints
        else f
        for f in kept
    ]
    return [*kept, *(f for f in unfilled if f.rule != "GW205" or f.spot is None or f.spot.pointer not in wrong)]


def _problems(document: Document, kind: str, schema: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with a document but for its apiVersion and kind, of which `_head` speaks."""
    import jsonschema

    found: dict[tuple[Pointer, str, str], Finding] = {}
    required = [field for field in schema["required"] if field not in _HEAD]
    properties = {field: {} if field in _HEAD else inner for field, inner in schema["properties"].items()}
    rest = {**schema, "required": required, "properties": properties}
    for error in jsonschema.Draft202012Validator(rest).iter_errors(document.data):
        if error.validator == "pattern" and not error.instance and error.schema.get("minLength"):
            continue  # that it is empty is said already
        for finding in _worded(document, kind, error):
            assert finding.spot is not None
            found.setdefault((finding.spot.pointer, finding.rule, finding.message), finding)
    mistyped = {p for p, rule, _ in found if rule in ("GW203", "GW601")}
    return [
        f
        for (p, rule, _), f in found.items()
        if rule in ("GW203", "GW601") or p not in mistyped or (f.spot is not None and f.spot.on == "key")
    ]


def _worded(document: Document, kind: str, error: Any) -> Iterator[Finding]:
    """One error of jsonschema in our words; a keyword that names several fields gives one finding for each."""
    pointer: Pointer = tuple(error.absolute_path)
    spot = Spot(document, pointer)
    value = error.instance
    keyword = error.validator
    if keyword == "required":
        for field in error.validator_value:
            if field not in value:
                yield _missing(spot, field, value, error.schema, pointer)
    elif keyword in ("additionalProperties", "propertyNames"):
        known = error.schema.get("properties", {})
        for field in value if keyword == "additionalProperties" else ():
            if field not in known:
                yield _unknown(document, kind, pointer, field, known, value)
        if keyword == "propertyNames":
            yield Finding(
                "GW205", "a name holds characters that are not allowed", "letters, digits, '.', '_' and '-'", spot=spot
            )
    elif keyword in ("minProperties", "maxProperties"):
        yield from _not_one(spot, value, error.schema["properties"])
    elif keyword == "type":
        yield _mistyped(spot, error)
    elif keyword in ("enum", "const"):
        allowed = [str(v) for v in (error.validator_value if keyword == "enum" else [error.validator_value])]
        yield _not_allowed(spot, value, allowed)
    elif keyword in ("pattern", "minLength", "maxLength"):
        yield _misnamed(spot, keyword, error.validator_value, value)
    else:
        yield Finding("GW204", f"{_path(pointer)} is not allowed: {keyword} {error.validator_value}", spot=spot)


def _missing(spot: Spot, field: str, value: Mapping[str, Any], schema: Mapping[str, Any], pointer: Pointer) -> Finding:
    where = f" of {_path(pointer)}" if pointer else ""
    hint = f"add {field}: {_example(schema.get('properties', {}).get(field))}"
    return Finding("GW201", f"required field '{field}'{where} is missing", hint, spot=spot)


def _not_one(spot: Spot, value: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Finding]:
    """A mapping that takes one field has none, or others after the first; of unknown ones `_unknown` speaks."""
    if not value:
        message = f"{_path(spot.pointer)} takes exactly one of {_choice(known)}"
        yield Finding("GW201", message, "for example {env: NAME}", spot=spot)
    first, *others = [field for field in value if field in known] or [""]
    for field in others:
        message = f"'{field}' cannot stand beside '{first}' in {_path(spot.pointer)}"
        key = Spot(spot.document, (*spot.pointer, field), "key")
        yield Finding("GW202", message, f"it takes exactly one of {_choice(known)}: remove the other", spot=key)


def _example(schema: Any) -> str:
    if isinstance(schema, Mapping):
        if "enum" in schema:
            return _choice(schema["enum"])
        return {"object": "{…}", "array": "[…]", "boolean": "true"}.get(str(schema.get("type")), "…")
    return "…"


def _unknown(
    document: Document, kind: str, pointer: Pointer, field: str, known: Mapping[str, Any], value: Mapping[str, Any]
) -> Finding:
    spot = Spot(document, (*pointer, field), "key")
    if kind == "Repository" and field.lower() in _API_KEY_FIELDS:
        hint = (
            "API keys are never created with a repository: generate them afterwards in the platform, under the"
            " repository's API keys; credentials of a provider belong into a Bucket or LLM manifest"
        )
        return Finding("GW206", f"API keys do not belong in a Repository manifest: '{field}'", hint, spot=spot)
    if kind == "Project" and pointer == ("spec", "rules") and re.fullmatch(r"GW\d{3}", field):
        hint = f"its severity is fixed; {', '.join(map(quote, known))} may be error, warning or off"
        return Finding("GW202", f"rule {field} is not adjustable", hint, spot=spot)
    where = f" in {_path(pointer)}" if pointer else ""
    near = _near(field, [k for k in known if k not in value])
    hint = _suggestion(near) if near is not None else f"known here: {', '.join(map(quote, known)) or 'nothing'}"
    if near is None and field in (
        "label",
        "folder",
        "master",
        "bucket",
        "account",
        "container",
        "name",
        "endpoint",
        "key",
    ):
        hint = f"{_type_of(value)} takes {', '.join(map(quote, known))}"
    return Finding("GW202", f"unknown field {_shown(field)}{where}", hint, spot=spot)


def _type_of(value: Mapping[str, Any]) -> str:
    kind = value.get("type")
    return f"type {quote(kind)}" if type(kind) is str else "this mapping"


def _mistyped(spot: Spot, error: Any) -> Finding:
    pointer, value = spot.pointer, error.instance
    types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    wanted = " or ".join(_TYPE_WORDS[t] for t in types)
    if _holds_credential(pointer) and not isinstance(value, (dict, list)) and value is not None:
        return _secret(spot)
    hint = None
    if "string" in types and type(value) in (bool, int, float):
        hint = "quote it" if _is_secretive(pointer) else f'quote it: "{quote(text_at(spot))}"'
    elif "string" in types and value is None:
        hint = 'give it a value, or "" for none'
    elif "boolean" in types and type(value) is str:
        hint = "write true or false, without quotes"
    elif "array" in types:
        hint = "write a list: [ … ], or lines that start with '- '"
    elif "object" in types:
        hint = "write a mapping: {field: value}, or lines 'field: value'"
    return Finding("GW203", f"{_path(pointer)} is {_what(value)}, not {wanted}", hint, spot=spot)


def _secret(spot: Spot) -> Finding:
    message = f"{_path(spot.pointer)} is written out: a secret does not belong in a manifest"
    return Finding("GW601", message, _REFERENCE_HINT, spot=spot)


def _written_out(document: Document, data: Mapping[str, Any]) -> list[Finding]:
    """GW601 for credentials in a document of no known kind, which no schema speaks of."""
    spec = data.get("spec")
    credentials = spec.get("credentials") if type(spec) is dict else None
    top: Pointer = ("spec", "credentials")
    values: list[tuple[Pointer, Any]] = [(top, credentials)]
    if type(credentials) is dict:
        values = [((*top, field), value) for field, value in credentials.items()]
    return [
        _secret(Spot(document, pointer))
        for pointer, value in values
        if _holds_credential(pointer) and not isinstance(value, (dict, list)) and value is not None
    ]


def _holds_credential(pointer: Pointer) -> bool:
    """Whether a reference belongs here, so that a value is a secret written out."""
    if pointer[-1:] in (("credentials",), ("token",)):
        return True
    return len(pointer) >= 2 and pointer[-2] == "credentials" and pointer[-1] in ("key", "secret")


def _is_secretive(pointer: Pointer) -> bool:
    """Whether a secret may stand here by mistake, so that no value from here is ever shown."""
    return "credentials" in pointer or "token" in pointer


def _not_allowed(spot: Spot, value: Any, allowed: Sequence[str]) -> Finding:
    hint = f"one of {_choice(allowed)}"
    if type(value) is str:
        near = _near(value, allowed)
        hint = f"did you mean '{quote(near)}'? ({hint})" if near is not None else hint
    return Finding("GW204", f"{_path(spot.pointer)} cannot be {_shown(value)}", hint, spot=spot)


def _misnamed(spot: Spot, keyword: str, limit: Any, value: str) -> Finding:
    path = _path(spot.pointer)
    if keyword == "minLength":
        return Finding("GW205", f"{quote(path)} is empty", f"at least {limit} character", spot=spot)
    if keyword == "maxLength":
        return Finding("GW205", f"{quote(path)} has {len(value)} characters", f"{limit} at the most", spot=spot)
    hint = "printable characters only, without space at either end"
    shown = f" {_shown(value)}"
    if spot.pointer[-1:] == ("endpoint",):
        hint = "a URL that starts with https:// or http://"
        shown = "" if "@" in value else shown
    elif spot.pointer[-1:] == ("env",):
        hint = "the name of a variable: letters, digits and '_', not starting with a digit; never the secret itself"
    if _is_secretive(spot.pointer):
        shown = ""
    return Finding("GW205", f"{quote(path)}{shown} breaks its pattern", hint, spot=spot)


def _pasted(document: Document, known: set[Pointer]) -> list[Finding]:
    """GW601 for every string of a document that looks like a well-known kind of secret, wherever it stands."""
    found = []
    stack: list[tuple[Pointer, Any]] = [((), document.data)]
    while stack:
        pointer, value = stack.pop()
        if type(value) is dict:
            stack.extend(((*pointer, k), v) for k, v in value.items())
            if any(looks_secret(k) for k in value):
                message = f"a key in {_path(pointer)} looks like a secret: it does not belong in a manifest"
                found.append(Finding("GW601", message, _REFERENCE_HINT, spot=Spot(document, pointer)))
        elif type(value) is list:
            stack.extend(((*pointer, i), v) for i, v in enumerate(value))
        elif type(value) is str and pointer not in known and looks_secret(value):
            message = f"{_path(pointer)} looks like a secret: it does not belong in a manifest"
            found.append(Finding("GW601", message, _REFERENCE_HINT, spot=Spot(document, pointer)))
    return found


def looks_secret(text: str) -> bool:
    """Whether a text holds what looks like a well-known kind of secret."""
    return _SECRETS.search(text.encode(errors="surrogatepass")) is not None


def _covered(finding: Finding) -> Finding:
    """A finding below a key that looks like a secret is placed above it: a pointer is shown, too."""
    spot = finding.spot
    if spot is None:
        return finding
    for depth, part in enumerate(spot.pointer):
        if type(part) is str and looks_secret(part):
            return finding._replace(spot=Spot(spot.document, spot.pointer[:depth]))
    return finding


def _what(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a mapping"}
    return kinds.get(type(value), "something else")


def _shown(value: Any) -> str:
    text = str(value) if type(value) is str else _what(value)
    if type(value) is str:
        text = "'" + quote(text if len(text) <= 60 else text[:59] + "…") + "'"
        return "'…'" if looks_secret(value) else text
    return text


def _choice(values: Any) -> str:
    return " | ".join(map(quote, values))


def _near(word: str, candidates: Sequence[str]) -> str | None:
    """The candidate that was probably meant; an odd case is a near miss too."""
    for candidate in candidates:
        if candidate.lower() == word.lower() and candidate != word:
            return candidate
    lowered = {c.lower(): c for c in reversed(candidates)}
    found = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def _path(pointer: Pointer) -> str:
    """A pointer in words that people write: spec.resources[2].bucket."""
    text = ""
    for part in pointer:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = "…" if looks_secret(part) else quote(part)
            text += f".{shown}" if text else shown
    return text or "the document"
