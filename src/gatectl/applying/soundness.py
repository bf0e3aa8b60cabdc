"""Is a saved plan one that gatectl could have made? Pure.

A digest tells that a file was changed by accident; whoever recomputes it can write anything that fits the schema. What is
executed and what is shown of it must agree all the same, so everything that an apply relies on is looked at here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Final

from gatectl import model
from gatectl.documents.operations import CREDENTIALS, LISTS, NAME, ListName, attached_in, key_of, renames, values_of
from gatectl.documents.plans import OLD_VERSION, Field, Operation, Plan, Resource, State, is_invalid, noted
from gatectl.documents.states import read_attachment, read_state
from gatectl.kinds import KINDS, home_of, referred
from gatectl.kinds.interface import Kind
from gatectl.kinds.states import attachment_token, state_hash
from gatectl.manifests.validate import API_VERSION
from gatectl.model import Action, Change, Fields, FieldValue, ObjectKey
from gatectl.planning.changes import Ending, Worked
from gatectl.planning.order import arrange, operation_id
from gatectl.resources import FAMILIES, RESOURCE_NAMES, fields_of

Fits = Callable[[str, Mapping[str, object]], bool]
"""Whether a document fits the schema of its kind."""

_MASTER: Final = re.compile("/spec/resources/[^/]+/master")
_A: Final = {"create": "a create", "update": "an update", "delete": "a delete"}


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
    yield from _counted(plan)
    yield from _apart(plan)
    deleted = {op["platformId"] for op in operations if op["action"] == "delete"}
    for accepted in plan.get("accepted", ()):
        if accepted["platformId"] not in deleted:
            yield f"it accepts the deletion of {accepted['kind']} {accepted['name']!r}, and does not delete it"
    yield from _protected(plan)
    for kept in plan["kept"]:
        for item in kept["attachments"]:
            for problem in _resource(item, "keep"):
                yield f"what it keeps of {kept['name']!r}: {problem}"


def _protected(plan: Plan) -> Iterator[str]:
    """Whether what it says that is protected is what its operations say."""
    said = {key_of(op): op.get("protect") for op in plan["operations"]}
    for op in plan["operations"]:
        if op["action"] == "delete" and "protect" in op:
            yield f"operation {op['id']!r} deletes what it says something of"
    for item in plan.get("protects", ()):
        key = ObjectKey(item["kind"], item["workspace"], item["name"])
        if said.get(key, item["protect"]) is not item["protect"] or (item["platformId"] is None and key not in said):
            yield f"it says of {item['kind']} {item['name']!r} that it is protected, or not, and does otherwise"


def _apart(plan: Plan) -> Iterator[str]:
    """Whether it does nothing in the workspaces that it leaves out, and says why it leaves out any."""
    left = {item["workspace"] for item in plan.get("leftOut", ())}
    if left and not is_invalid(plan):
        yield "it leaves out workspaces without an error"
    for item in (*plan["operations"], *(noted(plan) if left else ()), *plan.get("held", ())):
        holds = item["kind"] in KINDS and KINDS[item["kind"]].holds
        home = item["name"] if holds else item["workspace"]
        if home in left:
            yield f"it leaves out the workspace {home!r}, and has {item['kind']} {item['name']!r} of it"


def _counted(plan: Plan) -> Iterator[str]:
    """The order of the operations, and whether the summary counts what is there."""
    operations = plan["operations"]
    if plan["formatVersion"] != OLD_VERSION:
        yield from _order(operations)
        if plan["summary"]["adopt"] != len(plan["adopts"]):
            yield "its summary counts other objects to adopt than it has"
    summary = plan["summary"]
    for action in ("create", "update", "delete"):
        if summary[action] != sum(op["action"] == action for op in operations):
            yield f"its summary counts other operations ({action}) than it has"
    for name in ("attach", "detach"):
        if summary[name] != sum(len(op[name]) for op in operations):
            yield f"its summary counts other resources to {name} than it has"


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
    if op["id"] != operation_id(key_of(op)):
        yield "its id is that of another object"
    yield from _states(op)
    yield from _lists(op)
    yield from _fields(op, kind, fits)
    if "after" in op:
        yield from _whole(op, kind)


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


def _whole(op: Operation, kind: Kind) -> Iterator[str]:
    """Whether the states of an operation are what it has hashes of, and what lies between them is what it does."""
    before, after = op.get("before"), op.get("after")
    if (before is None) != (op["action"] == "create") or (after is None) != (op["action"] == "delete"):
        yield f"its states are not those of {_A[op['action']]}"
        return
    for name, state in (("before", before), ("after", after)):
        if state is not None:
            problem = _state(op, kind, name, state)
            if problem is not None:
                yield f"its state {name}: {problem}"
                return
    keys = bool(before and before.get("apiKeys"))
    risk = "widens" if op["action"] == "update" and op["attach"] and keys else "none"
    if op["risk"] not in ("destructive", risk):
        yield f"its risk is {risk!r}"
    yield from _difference(op, kind, before, after)
    if kind.attaches:
        yield from _moved(op, attached_in(before), attached_in(after))


def _state(op: Operation, kind: Kind, name: str, state: State) -> str | None:
    problem = _form(op, kind, name, state) or next(_attached(state), None)
    if problem is not None:
        return problem
    wanted = op["pre"]["hash"] if name == "before" else op["post"]["hash"]
    return "it has another hash" if state_hash(key_of(op), read_state(state)) != wanted else None


def _form(op: Operation, kind: Kind, name: str, state: State) -> str | None:
    """Whether a state has what one of its kind has, before or after."""
    if state["spec"].keys() != kind.fields_of(state["spec"]):
        return f"its fields are not those of a {kind.name}"
    if ("attachments" in state) != kind.attaches:
        return f"a {kind.name} attaches {'nothing' if 'attachments' in state else 'something or nothing'}"
    if "apiKeys" in state and not (kind.attaches and name == "before"):
        return "it has no API keys"
    if "besides" in state and (not kind.doubles or op["action"] != "create"):
        return "nothing is registered beside it"
    return None


def _attached(state: State) -> Iterator[str]:
    for item in attached_in(state):
        yield from _resource(item, "attach" if item["id"] is None else "keep")


def _difference(op: Operation, kind: Kind, before: State | None, after: State | None) -> Iterator[str]:
    """Whether its fields are those that differ between its states. Which credentials are sent is in no state."""
    told = {f["path"]: (f["before"], f["after"]) for f in op["fields"] if f["path"] != CREDENTIALS}
    expected: dict[str, tuple[FieldValue, FieldValue]] = {}
    if after is not None and before is None:
        expected = {kind.paths[name]: (None, value) for name, value in after["spec"].items() if value != ""}
    elif after is not None and before is not None:
        expected = {**_differing_fields(kind, before["spec"], after["spec"]), **_differing_masters(before, after)}
    if told != expected:
        wrong = sorted(path for path in told.keys() | expected.keys() if told.get(path) != expected.get(path))
        yield f"its fields are not what differs between its states: {', '.join(wrong)}"


def _differing_fields(kind: Kind, before: Fields, after: Fields) -> dict[str, tuple[FieldValue, FieldValue]]:
    old, new = kind.comparable(before), kind.comparable(after)
    names = [name for name in kind.paths if old.get(name) != new.get(name)]
    return {kind.paths[name]: (before.get(name), after.get(name)) for name in names}


def _differing_masters(before: State, after: State) -> dict[str, tuple[FieldValue, FieldValue]]:
    masters = {item["id"]: item["master"] for item in attached_in(after)}
    changed = [item for item in attached_in(before) if masters.get(item["id"], item["master"]) != item["master"]]
    return {
        f"/spec/resources/{attachment_token(read_attachment(item))}/master": (item["master"], masters[item["id"]])
        for item in changed
    }


def _moved(op: Operation, before: Sequence[Resource], after: Sequence[Resource]) -> Iterator[str]:
    """Whether what it attaches, detaches and keeps lies between its states."""
    stays = _without(before, op["detach"])
    comes = _without(after, op["attach"])
    if stays is None or comes is None or _without(before, op["keep"]) is None or _without(after, op["keep"]) is None:
        yield "what it attaches, detaches and keeps is not in its states"
    elif op["action"] != "delete" and sorted(map(_place, stays)) != sorted(map(_place, comes)):
        yield "what it attaches and detaches is not what differs between its states"
    elif op["action"] == "delete" and stays:
        yield "it does not say all that goes with it"


def _without(items: Sequence[Resource], fewer: Sequence[Resource]) -> list[Resource] | None:
    """The items without these; None where one of these is not among them."""
    rest = list(items)
    for item in fewer:
        if item not in rest:
            return None
        rest.remove(item)
    return rest


def _place(item: Resource) -> tuple[str, ...]:
    found = read_attachment(item)
    return (found.id or "", *(name.lower() for name in found.identity), (found.folder or "").strip("/"))


def _order(operations: Sequence[Operation]) -> Iterator[str]:
    """Whether the operations come in the order in which they can be done, each after what it needs."""
    ids = {op["id"] for op in operations}
    made = {key_of(op) for op in operations if op["action"] == "create"}
    anew = _anew(operations)
    changes = [_change(op, made, anew) for op in operations]
    for op, change in zip(operations, changes, strict=True):
        if any(operation_id(made) not in ids for made in _made_for(change)):
            yield f"operation {op['id']!r} attaches what neither exists nor is created"
    arranged, _ = arrange(Worked(changes, _endings(operations)))
    if [(op["id"], tuple(op["dependsOn"])) for op in operations] != [(operation_id(c.key), d) for c, d in arranged]:
        yield "its operations do not come in the order that they need"


def _anew(operations: Sequence[Operation]) -> dict[str | None, ObjectKey]:
    return {op["platformId"]: key_of(op) for op in operations if renames(op)}


def _change(op: Operation, made: Container[ObjectKey], anew: Mapping[str | None, ObjectKey]) -> Change:
    """What an operation does, as far as its place in the order goes. `made` are the objects that the plan creates, `anew` those that
    it renames, by id."""
    key = key_of(op)
    attach, detach, keep = (tuple(map(read_attachment, op[name])) for name in LISTS)
    change = Change(op["action"], key, op["platformId"], "", (), attach, detach, keep, None, None, False, detach,
                    frozenset(), None)  # fmt: skip
    home = home_of(key)
    before, after = op.get("before"), op.get("after")
    named = [other for _, other in referred(key, read_state(after))] if after is not None else []
    needs = frozenset((*([home] if home is not None else []), *_made_for(change), *(n for n in named if n in made),
                       *(anew[item["id"]] for s in (before, after) for item in attached_in(s) if item["id"] in anew)))  # fmt: skip
    return change._replace(needs=needs, before=read_state(before) if before is not None else None)


def _made_for(change: Change) -> list[ObjectKey]:
    """What has to be created so that it can be attached."""
    return [item.registered(change.key.workspace) for item in change.attach if item.id is None]


def _endings(operations: Sequence[Operation]) -> dict[ObjectKey, Ending]:
    found = {}
    for op in operations:
        after = op.get("after")
        if KINDS[op["kind"]].attaches and after is not None:
            found[key_of(op)] = Ending(key_of(op), op["platformId"], None, model.State(after["spec"]), ())
    return found


_ALLOWED: Final[Mapping[Action, tuple[ListName, ...]]] = {
    "create": ("attach",), "update": LISTS, "delete": ("detach",),
}  # fmt: skip
"""The lists that an operation on a repository may have."""


def _lists(op: Operation) -> Iterator[str]:
    """What is attached, detached and kept."""
    allowed = _ALLOWED[op["action"]] if KINDS[op["kind"]].attaches else ()
    for name in LISTS:
        if op[name] and name not in allowed:
            yield f"{_A[op['action']]} of a {op['kind']} does not {name}"
        for item in op[name]:
            yield from _resource(item, name)


def _resource(item: Resource, name: ListName) -> Iterator[str]:
    if name == "attach" and item["type"] not in FAMILIES:
        yield f"nothing of type {item['type']!r} can be attached"
    fields = fields_of(item["type"])
    said = {field: item[field] for field in RESOURCE_NAMES if field in item}
    if said.keys() != set(fields) or None in said.values():
        yield f"a resource of type {item['type']!r} is told by {' and '.join(fields)}"
    elif name == "attach" and not all(said.values()):
        yield "a resource to attach has no name"
    if item["id"] == "" or (name != "attach" and item["id"] is None):
        yield f"a resource to {name} has an id"


def _fields(op: Operation, kind: Kind, fits: Fits) -> Iterator[str]:
    after = values_of(op)
    if len(after) != len(op["fields"]):
        yield "one of its fields is there twice"
    if after.get(NAME, op["name"]) != op["name"]:
        yield "it gives another name than its own"
    if op["action"] == "create":
        yield from _created(op, kind, after, fits)
    elif op["action"] == "update":
        yield from _updated(op, kind, after, fits)
    elif after:
        yield "a delete changes no field"


def _created(op: Operation, kind: Kind, after: Mapping[str, FieldValue], fits: Fits) -> Iterator[str]:
    if any(field["before"] is not None for field in op["fields"]):
        yield "what does not exist yet had no fields"
    needed = [NAME, *(kind.paths[name] for name in kind.defaults), *([CREDENTIALS] if kind.credentials else [])]
    missing = [path for path in needed if after.get(path) is None]
    unknown = after.keys() - {*kind.paths.values(), *needed}
    if missing or unknown:
        yield f"a new {kind.name} {'needs' if missing else 'has no'} {', '.join(missing or sorted(unknown))}"
    elif not fits(kind.name, _document(op, after, {})):
        yield f"its fields are not those of a {kind.name}"


def _updated(op: Operation, kind: Kind, after: Mapping[str, FieldValue], fits: Fits) -> Iterator[str]:
    if not (after or op["attach"] or op["detach"]):
        yield "an update changes something"
    paths = _changeable(kind)
    for field in op["fields"]:
        problem = _plain(field) if field["path"] in paths else _master(field, kind)
        if problem is not None:
            yield f"{field['path']} {problem}"
    plain = {path: value for path, value in after.items() if path in paths}
    if not any(fits(kind.name, _document(op, plain, spec)) for spec in kind.least):
        yield f"its fields are not those of a {kind.name}"


def _changeable(kind: Kind) -> set[str]:
    """The paths of the fields that can be changed in place."""
    paths = {path for field, path in kind.paths.items() if field not in kind.fixed}
    return paths | {CREDENTIALS} if kind.credentials else paths


def _plain(field: Field) -> str | None:
    texts = all(value is None or type(value) is str for value in (field["before"], field["after"]))
    return None if texts or field["path"] == CREDENTIALS else "is not text"


def _master(field: Field, kind: Kind) -> str | None:
    if not kind.attaches or _MASTER.fullmatch(field["path"]) is None:
        return "cannot be changed"
    before, after = field["before"], field["after"]
    return None if type(after) is bool and (before is None or type(before) is bool) else "is not yes or no"


def _document(op: Operation, values: Mapping[str, FieldValue], given: Mapping[str, str]) -> Mapping[str, object]:
    """The manifest that would say so. `given` is what of it is fixed, and no part of a plan."""
    said = {path.removeprefix("/spec/"): value for path, value in values.items() if path != NAME}
    spec: dict[str, object] = {**given, **said}
    credentials = spec.get("credentials")
    if isinstance(credentials, Mapping) and "apiKey" in credentials and type(credentials.get("id")) is str:
        spec["credentials"] = {name: value for name, value in credentials.items() if name != "id"}
    head = {"apiVersion": API_VERSION, "kind": op["kind"], "metadata": {"name": op["name"]}}
    return {**head, "spec": spec} if spec else head
