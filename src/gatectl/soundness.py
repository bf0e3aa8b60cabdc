"""Is a saved plan one that gatectl could have made? Pure.

A digest tells that a file was changed by accident; whoever recomputes it can write anything that fits the schema. What is
executed and what is shown of it must agree all the same, so everything that an apply relies on is looked at here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gatectl.desired import IDENTITY_FIELDS
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.model import ObjectKey, Operation, Plan
from gatectl.plan import operation_id
from gatectl.validate import API_VERSION

Fits = Callable[[str, Mapping[str, Any]], bool]
"""Whether a document fits the schema of its kind."""

_NAME: Final = "/metadata/name"
_CREDENTIALS: Final = "/spec/credentials"
_MASTER: Final = re.compile("/spec/resources/[^/]+/master")
_A: Final = {"create": "a create", "update": "an update", "delete": "a delete"}
_PLACES: Final = ("bucket", "account", "container", "name")
_BUCKETS: Final[tuple[Mapping[str, Any], ...]] = (
    {"type": "S3", "bucket": "x"},
    {"type": "AzureBlob", "account": "x", "container": "x"},
)
"""What a changed bucket may be: its own type is fixed, and no part of a plan."""


def unsound(plan: Plan, fits: Fits) -> str | None:
    """What is wrong with a plan of the right shape; None where nothing is."""
    return next(_problems(plan, fits), None)


def _problems(plan: Plan, fits: Fits) -> Iterator[str]:
    operations = plan["operations"]
    earlier: set[str] = set()
    for op in operations:
        for problem in _operation(op, fits):
            yield f"operation {op['id']!r}: {problem}"
        if op["id"] in earlier:
            yield f"operation {op['id']!r} is there twice"
        if not earlier.issuperset(op["dependsOn"]):
            yield f"operation {op['id']!r} depends on one that does not come before it"
        earlier.add(op["id"])
    summary = plan["summary"]
    for action in ("create", "update", "delete"):
        if summary[action] != sum(op["action"] == action for op in operations):
            yield f"its summary counts other operations ({action}) than it has"
    for name in ("attach", "detach"):
        if summary[name] != sum(len(op[name]) for op in operations):
            yield f"its summary counts other resources to {name} than it has"
    for kept in plan["kept"]:
        for item in kept["attachments"]:
            for problem in _resource(item, "keep"):
                yield f"what it keeps of {kept['name']!r}: {problem}"


def _operation(op: Operation, fits: Fits) -> Iterator[str]:
    kind = KINDS.get(op["kind"])
    if kind is None:
        yield f"there is no kind {op['kind']!r}"
        return
    if kind.scoped != (op["workspace"] is not None):
        yield f"a {kind.name} is {'in a' if kind.scoped else 'in no'} workspace"
        return
    if not _is_text(op):
        yield "it holds half a character"
        return
    if op["id"] != operation_id(ObjectKey(op["kind"], op["workspace"], op["name"])):
        yield "its id is that of another object"
    yield from _states(op)
    yield from _lists(op)
    yield from _fields(op, kind, fits)


def _is_text(op: Operation) -> bool:
    """Whether all that is sent or hashed of it can be. The path of its manifest may be any bytes, and never is."""
    said = {name: value for name, value in op.items() if name not in ("reason", "source")}
    try:
        json.dumps(said, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _states(op: Operation) -> Iterator[str]:
    """Before and after, as the action has them."""
    action = op["action"]
    pre, post = op["pre"], op["post"]
    there = action != "create"
    if pre["exists"] != there or bool(op["platformId"]) != there or (op["platformId"] == ""):
        yield f"{_A[action]} is of an object that {'exists, with its id' if there else 'does not exist, and has no id'}"
    if (pre["hash"] is not None) != there or (post["hash"] is not None) != (action != "delete"):
        yield f"its hashes are not those of {_A[action]}"
    if (op["risk"] == "destructive") != (action == "delete" or bool(op["detach"])):
        yield f"its risk is not {op['risk']!r}"
    if op["risk"] == "widens" and not (action == "update" and op["attach"]):
        yield "its risk is not 'widens': it attaches nothing to what exists"


def _lists(op: Operation) -> Iterator[str]:
    """What is attached, detached and kept."""
    allowed: tuple[str, ...] = ()
    if op["kind"] == "Repository":
        allowed = {"create": ("attach",), "update": ("attach", "detach", "keep"), "delete": ("detach",)}[op["action"]]
    for name in ("attach", "detach", "keep"):
        if op[name] and name not in allowed:
            yield f"{_A[op['action']]} of a {op['kind']} does not {name}"
        for item in op[name]:
            yield from _resource(item, name)


def _resource(item: Mapping[str, Any], name: str) -> Iterator[str]:
    fields = IDENTITY_FIELDS.get(item["type"], ("name",))
    if name == "attach" and item["type"] not in IDENTITY_FIELDS:
        yield f"nothing of type {item['type']!r} can be attached"
    if {place for place in _PLACES if place in item} != set(fields) or any(item[f] is None for f in fields):
        yield f"a resource of type {item['type']!r} is told by {' and '.join(fields)}"
    elif name == "attach" and not all(item[field] for field in fields):
        yield "a resource to attach has no name"
    if item["id"] == "" or (name != "attach" and item["id"] is None):
        yield f"a resource to {name} has an id"


def _fields(op: Operation, kind: Kind, fits: Fits) -> Iterator[str]:
    after = {field["path"]: field["after"] for field in op["fields"]}
    if len(after) != len(op["fields"]):
        yield "one of its fields is there twice"
    if after.get(_NAME, op["name"]) != op["name"]:
        yield "it gives another name than its own"
    if op["action"] == "create":
        yield from _created(op, kind, after, fits)
    elif op["action"] == "update":
        yield from _updated(op, kind, after, fits)
    elif after:
        yield "a delete changes no field"


def _created(op: Operation, kind: Kind, after: Mapping[str, Any], fits: Fits) -> Iterator[str]:
    if any(field["before"] is not None for field in op["fields"]):
        yield "what does not exist yet had no fields"
    needed = {"Workspace": (_NAME,), "Repository": (_NAME, "/spec/mode")}.get(kind.name, (_NAME, _CREDENTIALS))
    missing = [path for path in needed if after.get(path) is None]
    unknown = after.keys() - {*kind.paths.values(), *needed}
    if missing or unknown:
        yield f"a new {kind.name} {'needs' if missing else 'has no'} {', '.join(missing or sorted(unknown))}"
    elif not fits(kind.name, _document(op, after, {})):
        yield f"its fields are not those of a {kind.name}"


def _updated(op: Operation, kind: Kind, after: Mapping[str, Any], fits: Fits) -> Iterator[str]:
    if not (after or op["attach"] or op["detach"]):
        yield "an update changes something"
    paths = {path for field, path in kind.paths.items() if field not in kind.fixed}
    if kind.name in ("Bucket", "LLM"):
        paths.add(_CREDENTIALS)
    plain = {path: value for path, value in after.items() if path in paths}
    for field in op["fields"]:
        path, values = field["path"], (field["before"], field["after"])
        if path in paths:
            if path != _CREDENTIALS and not all(value is None or type(value) is str for value in values):
                yield f"{path} is not text"
        elif kind.name != "Repository" or _MASTER.fullmatch(path) is None:
            yield f"{path} cannot be changed"
        elif type(values[1]) is not bool or type(values[0]) not in (bool, type(None)):
            yield f"{path} is not yes or no"
    specs: tuple[Mapping[str, Any], ...] = (
        _BUCKETS
        if kind.name == "Bucket"
        else ({"LLM": {"provider": "Other"}, "Repository": {"endpointType": "S3"}}.get(kind.name, {}),)
    )
    if not any(fits(kind.name, _document(op, plain, spec)) for spec in specs):
        yield f"its fields are not those of a {kind.name}"


def _document(op: Operation, values: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest that would say so."""
    spec = {**spec, **{path.removeprefix("/spec/"): value for path, value in values.items() if path != _NAME}}
    credentials = spec.get("credentials")
    if isinstance(credentials, Mapping) and "apiKey" in credentials and type(credentials.get("id")) is str:
        spec["credentials"] = {name: value for name, value in credentials.items() if name != "id"}
    head = {"apiVersion": API_VERSION, "kind": op["kind"], "metadata": {"name": op["name"]}}
    return {**head, "spec": spec} if spec else head
