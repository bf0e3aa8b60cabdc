"""Fields and rules in words, from the same schemas and the same table that check them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from textwrap import fill, indent
from typing import Any

from gatectl.errors import UsageError
from gatectl.quote import quote
from gatectl.rules import RULES

Schema = Mapping[str, Any]


def explain(topic: str, schemas: Mapping[str, Schema], width: int) -> str:
    """A rule (`GW301`) or a field (`repository.spec.resources`) in words, `width` columns wide. `schemas` by kind.

    Raises UsageError, with a suggestion, for what is neither.
    """
    width = max(40, min(width, 100))
    if topic.upper() in RULES:
        return _rule(topic.upper(), width)
    if topic.upper().startswith("GW") and topic[2:].isdigit():
        near = get_close_matches(topic.upper(), list(RULES), n=1)
        raise UsageError(
            f"there is no rule {quote(topic.upper())}", f"did you mean {quote(near[0])}?" if near else None
        )
    return _field(topic, schemas, width)


def _rule(name: str, width: int) -> str:
    rule = RULES[name]
    notes = [f"Severity: {rule.severity}"]
    if rule.adjustable:
        notes.append(f"adjustable in the project file: rules: {{{name}: error | warning | off}}")
    shown = [f"{name}: {rule.title}", "", fill(rule.text, width), "", "; ".join(notes)]
    for word, example in (("Wrong:", rule.bad), ("Right:", rule.good)):
        shown += ["", word, "", indent(example.rstrip("\n"), "    ")]
    return "\n".join(shown)


def topics(schemas: Mapping[str, Schema]) -> Iterator[str]:
    """All that can be explained: every rule, every kind and every field of a kind by its path."""
    yield from RULES
    for kind, root in schemas.items():
        yield kind.lower()
        yield from _paths(root, root, kind.lower())


def _paths(root: Schema, schema: Schema, path: str) -> Iterator[str]:
    for name, below in _properties(root, schema):
        yield f"{path}.{name}"
        yield from _paths(root, _resolved(root, below), f"{path}.{name}")


def _field(topic: str, schemas: Mapping[str, Schema], width: int) -> str:
    first, *steps = topic.split(".")
    kinds = {kind.lower(): kind for kind in schemas}
    if first.lower() not in kinds:
        near = get_close_matches(first.lower(), [*kinds, *(r.lower() for r in RULES)], n=1)
        hint = (
            f"did you mean '{quote(near[0])}'?"
            if near
            else f"a rule such as GW301, or a field of {', '.join(sorted(kinds))}"
        )
        raise UsageError(f"'{quote(topic)}' is neither a field nor a rule", hint)
    root = schemas[kinds[first.lower()]]
    schema, required, path = _resolved(root, root), False, first.lower()
    for step in steps:
        properties = dict(_properties(root, schema))
        if step not in properties:
            near = get_close_matches(step, list(properties), n=1, cutoff=0.5)
            hint = (
                f"did you mean '{quote(path)}.{quote(near[0])}'?"
                if near
                else f"there is: {', '.join(properties) or 'nothing below it'}"
            )
            raise UsageError(f"{quote(path)} has no field '{quote(step)}'", hint)
        required = step in _item(root, schema).get("required", ())
        schema, path = _resolved(root, properties[step]), f"{quote(path)}.{quote(step)}"
    return "\n".join(_describe(root, schema, path, required, width))


def _describe(root: Schema, schema: Schema, path: str, required: bool, width: int) -> Iterator[str]:
    yield f"{path} ({_type(root, schema)}{', required' if required else ''})"
    yield ""
    yield fill(str(schema.get("description", "")), width)
    if "enum" in schema:
        yield f"\nOne of: {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        yield f"\nAlways: {schema['const']}"
    if "default" in schema:
        default = schema["default"]
        yield f"\nDefault: {str(default).lower() if isinstance(default, bool) else default}"
    for example in schema.get("examples", ()):
        yield f"\nExample:\n\n{indent(_block(path.rpartition('.')[2], example), '    ')}"
    fields = dict(_properties(root, schema))
    if fields:
        yield "\nFields:"
        needed = _item(root, schema).get("required", ())
        for name, below in fields.items():
            below = _resolved(root, below)
            text = (
                f"{name} ({_type(root, below)}{', required' if name in needed else ''}): {below.get('description', '')}"
            )
            yield fill(text, width, initial_indent="  ", subsequent_indent="      ")


def _block(name: str, value: Any) -> str:
    """A field as the YAML that a person would write: a list or mapping of mappings in lines, all else in one."""
    if isinstance(value, list) and any(isinstance(below, Mapping) for below in value):
        return "\n".join([f"{name}:", *(f"  - {_inline(below)}" for below in value)])
    if isinstance(value, Mapping) and any(isinstance(below, Mapping) for below in value.values()):
        return "\n".join([f"{name}:", *(f"  {key}: {_inline(below)}" for key, below in value.items())])
    return f"{name}: {_inline(value)}"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    text = str(value)
    return f'"{text}"' if text[:1] in tuple("*&!%@`|>#[]{},?") else text


def _resolved(root: Schema, schema: Schema) -> Schema:
    """A schema with its reference followed; its own words win over those of what it refers to."""
    while "$ref" in schema:
        found = root["$defs"][schema["$ref"].rpartition("/")[2]]
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _item(root: Schema, schema: Schema) -> Schema:
    """What fields are looked up in: the schema itself, the items of a list, or the values of a free mapping."""
    if "items" in schema:
        return _resolved(root, schema["items"])
    extra = schema.get("additionalProperties")
    return _resolved(root, extra) if isinstance(extra, Mapping) and "properties" not in schema else schema


def _properties(root: Schema, schema: Schema) -> Iterator[tuple[str, Schema]]:
    item = _item(root, schema)
    for name, below in item.get("properties", {}).items():
        yield name, _of_branches(root, item, name) or below


def _of_branches(root: Schema, item: Schema, name: str) -> Schema | None:
    """A field whose shape depends on the type: the fields of all its branches together."""
    found: dict[str, Any] = {}
    for branch in item.get("allOf", ()):
        below = branch.get("then", {}).get("properties", {}).get(name)
        if isinstance(below, Mapping) and "$ref" in below:
            resolved = _resolved(root, below)
            found = {
                **resolved,
                "properties": {**found.get("properties", {}), **resolved["properties"]},
                "required": [],
            }
    own = item["properties"][name]
    return {**found, **{key: own[key] for key in ("description", "examples") if key in own}} if found else None


def _type(root: Schema, schema: Schema) -> str:
    words = {"object": "mapping", "array": "list", "integer": "whole number", "boolean": "true or false"}
    if schema.get("type") == "array":
        return f"list of {_type(root, _resolved(root, schema['items']))}s"
    if "const" in schema or "enum" in schema:
        return "string"
    types = schema.get("type", "value")
    return " or ".join(words.get(each, each) for each in (types if isinstance(types, list) else [str(types)]))
