"""Preconditions: is the object of an operation as it was planned, already as it is wanted, or neither? Pure.

An operation carries the hash of its object before and after (product.md, section 4); what was read just now decides. A
conflict says where, field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from gatectl.documents.operations import (
    ListName,
    attached_in,
    has_states,
    key_of,
    masters_of,
    sends_credentials,
    text_of,
    values_of,
)
from gatectl.documents.plans import Operation, Resource
from gatectl.documents.spelling import canonical
from gatectl.documents.states import read_attachment, read_state
from gatectl.kinds import KINDS
from gatectl.kinds.states import attachment_token, old_state_hash, state_hash
from gatectl.model import Attachment, FieldValue, Live, ObjectKey, State
from gatectl.planning.current import Current
from gatectl.resources import folder_key

Row = tuple[str, FieldValue, FieldValue, FieldValue]
"""Where something is not as planned: (path, planned, live, wanted)."""


class Conflict(NamedTuple):
    """Where a live object is neither what the plan was made from nor what it should become."""

    operation: str
    rows: tuple[Row, ...]
    broken: tuple[str, ...] = ()
    """What the final state would break, with what is live now."""

    def message(self) -> str:
        if self.broken:
            return f"with what is live now, this would break: {'; '.join(self.broken)}"
        rows = (
            f"{path}: planned {_in_words(p)}, live {_in_words(live)}, wanted {_in_words(w)}"
            for path, p, live, w in self.rows
        )
        return f"changed since the plan was made: {'; '.join(rows)}"


def _in_words(value: FieldValue) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}'"


def find(op: Operation, current: Current) -> Live | list[Live] | None:
    """The live object of an operation: by its id where the plan knows it, else by its name."""
    index = current.among(key_of(op))
    if op["platformId"] is not None:
        return index.by_id.get(op["platformId"])
    found = index.by_name.get(op["name"], [])
    return found[0] if len(found) == 1 else found or None


def renews(op: Operation) -> bool:
    """Whether an operation sends credentials to a live object: no reading can tell whether it was done."""
    return op["action"] == "update" and sends_credentials(op)


def live_hash(live: Live, op: Operation) -> str:
    """The hash of a live object, as the format of the plan of this operation has it."""
    return _hashed(op)(live.key, live.state)


def _hashed(op: Operation) -> Callable[[ObjectKey, State], str]:
    return state_hash if has_states(op) else old_state_hash


def read_after(op: Operation, live: Live | None = None) -> State:
    """How the object of an operation will be. Plans of format 1.0 tell only what differs from `live`."""
    told = op.get("after")
    if told is not None:
        return read_state(told)
    values = values_of(op)
    spec = dict(live.spec) if live is not None else {}
    spec.update({field: text_of(values[path]) for field, path in KINDS[op["kind"]].paths.items() if path in values})
    kept = with_masters(op, live.attachments) if live is not None else []
    return State(spec, (*kept, *map(read_attachment, op["attach"])))


def with_masters(op: Operation, attachments: Iterable[Attachment]) -> list[Attachment]:
    """The attachments, those masters or none that the operation makes so."""
    masters = masters_of(op)
    return [item._replace(master=masters.get(_path(item, "master").lower(), item.master)) for item in attachments]


def _path(item: Attachment, *field: str) -> str:
    return "/".join(("/spec/resources", attachment_token(item), *field))


def judge(op: Operation, current: Current) -> Live | Conflict | Literal["already"] | None:
    """The precondition: the live object to write over (None: there is none), "already", or a conflict."""
    live = find(op, current)
    if isinstance(live, list):
        return Conflict(op["id"], (("exists", op["pre"]["exists"], f"{len(live)} objects of this name", True),))
    if live is None:
        if op["action"] == "delete":
            return "already"
        return None if not op["pre"]["exists"] else Conflict(op["id"], (("exists", True, False, True),))
    found = live_hash(live, op)
    if op["pre"]["exists"] and found == op["pre"]["hash"]:
        swapped = tuple(_swapped(live, _before(op)))
        return Conflict(op["id"], swapped) if swapped else live
    if not as_wanted(op, live):
        return Conflict(op["id"], tuple(_rows(op, live)))
    swapped = tuple(_swapped(live, _after(op)))
    if swapped:
        return Conflict(op["id"], swapped)
    return live if renews(op) else "already"


def _before(op: Operation) -> Sequence[Resource]:
    """All that was attached when it was planned; of a plan of format 1.0, what it tells of that."""
    return attached_in(op.get("before")) if has_states(op) else (*op["detach"], *op["keep"])


def _after(op: Operation) -> Sequence[Resource]:
    """All that will be attached; of a plan of format 1.0, what it tells of that."""
    return attached_in(op.get("after")) if has_states(op) else (*op["attach"], *op["keep"])


def _swapped(live: Live, items: Iterable[Resource]) -> Iterator[Row]:
    """Attachments whose place another registration of the same identity has taken: no hash tells that."""
    held = {item.id for item in live.attachments}
    for item in items:
        if item["id"] is not None and item["id"] not in held:
            token = attachment_token(read_attachment(item))
            now = ", ".join(sorted(a.id or "" for a in live.attachments if attachment_token(a) == token))
            yield f"/spec/resources/{token}/id", item["id"], now or None, item["id"]


def _rows(op: Operation, live: Live) -> Iterable[Row]:
    """The conflict, field by field: planned (what the plan was made from), live, wanted."""
    kind = KINDS[op["kind"]]
    fields = {path: live.spec.get(field) for field, path in kind.paths.items()}
    if not op["pre"]["exists"]:
        yield "exists", False, f"as {live.id}", True
    for field in op["fields"]:
        if field["path"] in fields and fields[field["path"]] != field["before"]:
            yield field["path"], field["before"], fields[field["path"]], field["after"]
    if KINDS[op["kind"]].attaches:
        yield from _attachment_rows(op, live)


_EXPECTED: Final[Mapping[ListName, tuple[str | None, str | None]]] = {
    "attach": (None, "attached"), "detach": ("attached", None), "keep": ("attached", "attached"),
}  # fmt: skip
"""What is attached before and after, by the list that it is in."""


def _attachment_rows(op: Operation, live: Live) -> Iterable[Row]:
    held = {attachment_token(a): a for a in live.attachments}
    for name, (planned, wanted) in _EXPECTED.items():
        for token in map(_token, op[name]):
            state = "attached" if token in held else None
            if state != planned:
                yield f"/spec/resources/{token}", planned, state, wanted
    before, after = (_tokens((*items, *op["keep"])) for items in (op["detach"], op["attach"]))
    rest = "what the manifest lists and the plan does not change"
    live_now = ", ".join(sorted(f"{token} in '{a.folder}'" if a.folder else token for token, a in held.items()))
    yield "/spec/resources", f"{before} and {rest}", live_now, f"{after} and {rest}"


def _token(item: Resource) -> str:
    return attachment_token(read_attachment(item))


def _tokens(items: Iterable[Resource]) -> str:
    return ", ".join(sorted(map(_token, items))) or "nothing"


def divergence(op: Operation, live: Live | list[Live] | None) -> str:
    """How what reads back is not what was written, naming what differs and nothing that does not."""
    if not isinstance(live, Live):
        return (
            "written, but it does not read back" if live is None else f"written, and there are {len(live)} of this name"
        )
    if op["action"] == "delete":
        return "deleted, but it is still there"
    rows = "; ".join(f"{path}: live {found}, wanted {wanted}" for path, found, wanted in _differences(op, live))
    return f"written, but it reads back differently: {rows or 'in something that was not sent'}"


def _differences(op: Operation, live: Live) -> Iterable[tuple[str, str, str]]:
    """(path, live, wanted) of whatever was sent and is not so."""
    kind = KINDS[op["kind"]]
    found = {path: (field, live.spec.get(field)) for field, path in kind.paths.items()}
    for sent in op["fields"]:
        field, value = found.get(sent["path"], ("", sent["after"]))
        if field and kind.comparable({**live.spec, field: text_of(sent["after"])}) != kind.comparable(live.spec):
            yield sent["path"], _in_words(value), _in_words(sent["after"])
    if kind.attaches:
        yield from _wrongly_attached(op, {attachment_token(a).lower(): a for a in live.attachments})


def _wrongly_attached(op: Operation, held: Mapping[str, Attachment]) -> Iterable[tuple[str, str, str]]:
    """The same of what is attached (by its token, lower-cased) and should not be, or should and is not, or otherwise."""
    masters = masters_of(op)
    wanted = [read_attachment(item) for item in (*op["attach"], *op["keep"])]
    for item in wanted:
        there = held.get(attachment_token(item).lower())
        if there is None:
            yield _path(item), "not attached", "attached"
        else:
            yield from _otherwise(item, there, masters.get(_path(item, "master").lower(), item.master))
    known = {attachment_token(item).lower() for item in wanted}
    gone = {_token(item).lower() for item in op["detach"]}
    for token, there in held.items():
        if token in gone or (op["action"] == "create" and token not in known):
            yield _path(there), "attached", "not attached"


def _otherwise(item: Attachment, there: Attachment, master: bool | None) -> Iterable[tuple[str, str, str]]:
    """The same of one that is attached, and otherwise than it was sent."""
    if folder_key(there.folder) != folder_key(item.folder):
        yield _path(item, "folder"), _in_words(there.folder), _in_words(item.folder)
    if master is not None and bool(there.master) != master:
        yield _path(item, "master"), _in_words(bool(there.master)), _in_words(master)


def as_wanted(op: Operation, live: Live) -> bool:
    """Whether a live object is as an operation wants it. What the server filled in and the manifest leaves out (a region, an
    endpoint, a master) is no difference: compared are the fields that were sent (product.md, section 4)."""
    if op["action"] == "delete":
        return False
    wanted = op["post"]["hash"]
    if live_hash(live, op) == wanted:
        return True
    kind, spec = KINDS[op["kind"]], live.spec
    if op["action"] == "create":  # which lists every field that it sends
        sent = values_of(op).keys()
        spec = {name: value if kind.paths.get(name) in sent else "" for name, value in spec.items()}
    unsaid = {_token(item).lower() for item in op["attach"] if item["master"] is None}
    attachments = [a._replace(master=False) if attachment_token(a).lower() in unsaid else a for a in live.attachments]
    return _hashed(op)(live.key, State(spec, tuple(attachments))) == wanted


def creation_key(op: Operation, instance: str | None, workspace_id: str | None) -> str:
    """The Idempotency-Key of a creation: the same for whoever creates the same object in the same place (product.md, section 4).

    Of the platform's instance, kind, workspace, name and the normal form, in which there are no credentials.
    """
    parts = [instance, op["kind"], workspace_id or op["workspace"], op["name"], op["post"]["hash"]]
    return hashlib.sha256(canonical(parts)).hexdigest()
