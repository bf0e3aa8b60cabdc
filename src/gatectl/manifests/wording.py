"""What jsonschema found, in our words: it puts the offending value into its message, and a value may be a secret. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from gatectl.kinds import KINDS, credentialed, either
from gatectl.manifests.places import text_at
from gatectl.manifests.written_out import holds_credential, is_secretive, looks_secret, path_of, secret_at
from gatectl.model import Document, Finding, Pointer, Spot
from gatectl.quote import quote

_API_KEY_FIELDS: Final = frozenset(
    name.lower() for name in ("apiKey", "apiKeys", "key", "keys", "accessKey", "accessKeys", "credentials", "secret")
)
_OF_A_TYPE: Final = frozenset(
    ("label", "folder", "master", "bucket", "account", "container", "name", "endpoint", "key")
)
"""Fields that some types have, and others not."""

_TYPE_WORDS: Final = {
    "string": "a string", "boolean": "true or false", "object": "a mapping", "array": "a list",
    "integer": "a whole number", "number": "a number", "null": "null",
}  # fmt: skip


class Fault(NamedTuple):
    """One error of jsonschema: where, in a document of which kind."""

    kind: str
    spot: Spot
    error: Any

    @property
    def known(self) -> Mapping[str, Any]:
        """The fields that its schema has."""
        found: Mapping[str, Any] = self.error.schema.get("properties", {})
        return found


def worded(document: Document, kind: str, error: Any) -> Iterator[Finding]:
    """One error of jsonschema in our words; a keyword that names several fields gives one finding for each."""
    fault = Fault(kind, Spot(document, tuple(error.absolute_path)), error)
    return _WORDS.get(error.validator, _otherwise)(fault)


def _required(fault: Fault) -> Iterator[Finding]:
    value, known = fault.error.instance, fault.known
    for field in fault.error.validator_value:
        if field not in value:
            yield _missing(fault.spot, field, known.get(field))


def _additional(fault: Fault) -> Iterator[Finding]:
    for field in fault.error.instance:
        if field not in fault.known:
            yield _unknown(fault, field)


def _named(fault: Fault) -> Iterator[Finding]:
    yield Finding("GW205", "a name holds characters that are not allowed", "letters, digits, '.', '_' and '-'",
                  spot=fault.spot)  # fmt: skip


def _choosing(fault: Fault) -> Iterator[Finding]:
    allowed = fault.error.validator_value if fault.error.validator == "enum" else [fault.error.validator_value]
    yield _not_allowed(fault.spot, fault.error.instance, [str(value) for value in allowed])


def _patterned(fault: Fault) -> Iterator[Finding]:
    yield _misnamed(fault.spot, fault.error.validator, fault.error.validator_value, fault.error.instance)


def _otherwise(fault: Fault) -> Iterator[Finding]:
    keyword, limit = fault.error.validator, fault.error.validator_value
    yield Finding("GW204", f"{path_of(fault.spot.pointer)} is not allowed: {keyword} {limit}", spot=fault.spot)


def _missing(spot: Spot, field: str, schema: Any) -> Finding:
    where = f" of {path_of(spot.pointer)}" if spot.pointer else ""
    message = f"required field '{field}'{where} is missing"
    return Finding("GW201", message, f"add {field}: {_example(schema)}", spot=spot)


def _not_one(fault: Fault) -> Iterator[Finding]:
    """A mapping that takes one field has none, or others after the first; of unknown ones `_unknown` speaks."""
    spot, value, known = fault.spot, fault.error.instance, fault.known
    if not value:
        message = f"{path_of(spot.pointer)} takes exactly one of {choice(known)}"
        yield Finding("GW201", message, "for example {env: NAME}", spot=spot)
    first, *others = [field for field in value if field in known] or [""]
    for field in others:
        message = f"'{field}' cannot stand beside '{first}' in {path_of(spot.pointer)}"
        key = Spot(spot.document, (*spot.pointer, field), "key")
        yield Finding("GW202", message, f"it takes exactly one of {choice(known)}: remove the other", spot=key)


def _example(schema: Any) -> str:
    if isinstance(schema, Mapping):
        if "enum" in schema:
            return choice(schema["enum"])
        return {"object": "{…}", "array": "[…]", "boolean": "true"}.get(str(schema.get("type")), "…")
    return "…"


def _unknown(fault: Fault, field: str) -> Finding:
    pointer, known = fault.spot.pointer, fault.known
    spot = Spot(fault.spot.document, (*pointer, field), "key")
    kind = KINDS.get(fault.kind)
    if kind is not None and kind.attaches and field.lower() in _API_KEY_FIELDS:
        hint = (
            "API keys are never created with a repository: generate them afterwards in the platform, under the"
            f" repository's API keys; credentials of a provider belong into a {either([k.name for k in credentialed()])} manifest"
        )
        return Finding("GW206", f"API keys do not belong in {kind.one} manifest: '{field}'", hint, spot=spot)
    if fault.kind == "Project" and pointer == ("spec", "rules") and re.fullmatch(r"GW\d{3}", field):
        hint = f"its severity is fixed; {', '.join(map(quote, known))} may be error, warning or off"
        return Finding("GW202", f"rule {field} is not adjustable", hint, spot=spot)
    where = f" in {path_of(pointer)}" if pointer else ""
    return Finding("GW202", f"unknown field {shown(field)}{where}", _meant(fault, field), spot=spot)


def _meant(fault: Fault, field: str) -> str:
    """What to write instead of an unknown field."""
    value, known = fault.error.instance, fault.known
    near = nearest(field, [k for k in known if k not in value])
    if near is not None:
        return suggestion(near)
    if field in _OF_A_TYPE:
        return f"{_type_of(value)} takes {', '.join(map(quote, known))}"
    return f"known here: {', '.join(map(quote, known)) or 'nothing'}"


def _type_of(value: Mapping[str, Any]) -> str:
    kind = value.get("type")
    return f"type {quote(kind)}" if type(kind) is str else "this mapping"


def _mistyped(fault: Fault) -> Iterator[Finding]:
    spot, value, types = fault.spot, fault.error.instance, fault.error.validator_value
    types = types if isinstance(types, list) else [types]
    if holds_credential(spot.pointer) and not isinstance(value, (dict, list)) and value is not None:
        yield secret_at(spot)
        return
    wanted = " or ".join(_TYPE_WORDS[t] for t in types)
    message = f"{path_of(spot.pointer)} is {what_is(value)}, not {wanted}"
    yield Finding("GW203", message, _right_type(spot, value, types), spot=spot)


def _right_type(spot: Spot, value: Any, types: Sequence[str]) -> str | None:
    """How a value of such a type is written."""
    if "string" in types and type(value) in (bool, int, float):
        return "quote it" if is_secretive(spot.pointer) else f'quote it: "{quote(text_at(spot))}"'
    if "string" in types and value is None:
        return 'give it a value, or "" for none'
    if "boolean" in types and type(value) is str:
        return "write true or false, without quotes"
    if "array" in types:
        return "write a list: [ … ], or lines that start with '- '"
    return "write a mapping: {field: value}, or lines 'field: value'" if "object" in types else None


def _not_allowed(spot: Spot, value: Any, allowed: Sequence[str]) -> Finding:
    hint = f"one of {choice(allowed)}"
    if type(value) is str:
        near = nearest(value, allowed)
        hint = f"did you mean '{quote(near)}'? ({hint})" if near is not None else hint
    return Finding("GW204", f"{path_of(spot.pointer)} cannot be {shown(value)}", hint, spot=spot)


def _misnamed(spot: Spot, keyword: str, limit: Any, value: str) -> Finding:
    path = path_of(spot.pointer)
    if keyword == "minLength":
        return Finding("GW205", f"{quote(path)} is empty", f"at least {limit} character", spot=spot)
    if keyword == "maxLength":
        return Finding("GW205", f"{quote(path)} has {len(value)} characters", f"{limit} at the most", spot=spot)
    hint = "printable characters only, without space at either end"
    told = f" {shown(value)}"
    if spot.pointer[-1:] == ("endpoint",):
        hint = "a URL that starts with https:// or http://"
        told = "" if "@" in value else told
    elif spot.pointer[-1:] == ("env",):
        hint = "the name of a variable: letters, digits and '_', not starting with a digit; never the secret itself"
    elif (form := _form(spot.pointer)) is not None:
        hint = form
    if is_secretive(spot.pointer):
        told = ""
    return Finding("GW205", f"{quote(path)}{told} breaks its pattern", hint, spot=spot)


_FORMS: Final = (
    (r".+/guardrails/max\w+", 'a whole number, or a percentage: "20%"'),
    (r".+/(?:guardrails/|sources/\d+/)windows/\d+", "days, times and a time zone: Mon-Fri 08:00-18:00 Europe/Berlin"),
    (
        r"spec/(?:retention|sources/\d+/(?:interval|approvalsExpire))",
        "a whole number and s, m, h or d: 30s, 5m, 12h, 7d",
    ),
    (r"spec/sources/\d+/(?:name|environment|dependsOn/\d+|secrets/commands/\d+)", "letters, digits, '.', '_' and '-'"),
    (r"spec/sources/\d+/webhook/path", "a path: /hooks/gateway"),
    (r"spec/sources/\d+/git/ref", "the name of a branch or a tag"),
    (r"spec/trustedProxies/\d+", "a network: 10.0.0.0/8"),
)
"""How values at some places are written, by a pattern of their pointers."""


def _form(pointer: Pointer) -> str | None:
    """How what stands at a place is written; None: as names are."""
    where = "/".join(map(str, pointer))
    return next((form for pattern, form in _FORMS if re.fullmatch(pattern, where)), None)


_WORDS: Final[Mapping[str, Callable[[Fault], Iterator[Finding]]]] = {
    "required": _required, "additionalProperties": _additional, "propertyNames": _named, "minProperties": _not_one,
    "maxProperties": _not_one, "type": _mistyped, "enum": _choosing, "const": _choosing, "pattern": _patterned,
    "minLength": _patterned, "maxLength": _patterned,
}  # fmt: skip
"""What says in words that a keyword does not hold."""


def what_is(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a mapping"}
    return kinds.get(type(value), "something else")


def shown(value: Any) -> str:
    text = str(value) if type(value) is str else what_is(value)
    if type(value) is str:
        text = "'" + quote(text if len(text) <= 60 else text[:59] + "…") + "'"
        return "'…'" if looks_secret(value) else text
    return text


def choice(values: Any) -> str:
    return " | ".join(map(quote, values))


def nearest(word: str, candidates: Sequence[str]) -> str | None:
    """The candidate that was probably meant; an odd case is a near miss too."""
    for candidate in candidates:
        if candidate.lower() == word.lower() and candidate != word:
            return candidate
    lowered = {c.lower(): c for c in reversed(candidates)}
    found = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def suggestion(field: str) -> str:
    return f"did you mean '{quote(field)}'?"
