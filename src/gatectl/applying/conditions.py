"""Preconditions: is the object of an operation as it was planned, already as it is wanted, or neither? Pure.

An operation carries the hash of its object before and after (product.md, section 4); what was read just now decides. A
conflict says where, field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from gatectl.folders import folder_key
from gatectl.kinds import KINDS
from gatectl.model import Live, ObjectKey, Operation, State
from gatectl.planning.changes import attachment_token, canonical, old_state_hash, state_hash
from gatectl.planning.current import Current
from gatectl.planning.plan import read_attachment, read_state

Row = tuple[str, Any, Any, Any]
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


def _in_words(value: Any) -> str:
    words = {None: "nothing", "": "nothing", True: "yes", False: "no"}
    return words[value] if value is None or value == "" or isinstance(value, bool) else f"'{value}'"


def find(op: Operation, current: Current) -> Live | list[Live] | None:
    """The live object of an operation: by its id where the plan knows it, else by its name."""
    index = current.among(ObjectKey(op["kind"], op["workspace"], op["name"]))
    if op["platformId"] is not None:
        return index.by_id.get(op["platformId"])
    found = index.by_name.get(op["name"], [])
    return found[0] if len(found) == 1 else found or None


def renews(op: Operation) -> bool:
    """Whether an operation sends credentials to a live object: no reading can tell whether it was done."""
    return op["action"] == "update" and any(field["path"] == "/spec/credentials" for field in op["fields"])


def live_hash(live: Live, op: Operation) -> str:
    """The hash of a live object, as the format of the plan of this operation has it."""
    hashed = state_hash if "after" in op else old_state_hash
    return hashed(KINDS[live.key.kind], live.key.workspace, live.spec, live.attachments)


def read_after(op: Operation, live: Live | None = None) -> State:
    """How the object of an operation will be. Plans of format 1.0 tell only what differs from `live`."""
    if op.get("after") is not None:
        return read_state(op["after"])
    named = {path: field for field, path in KINDS[op["kind"]].paths.items()}
    fields = {field["path"]: field["after"] for field in op["fields"]}
    spec = {**(live.spec if live is not None else {}), **{named[p]: v for p, v in fields.items() if p in named}}
    kept = live.attachments if live is not None else ()
    masters = {path.lower(): after for path, after in fields.items()}
    attachments = [
        a._replace(master=masters.get(f"/spec/resources/{attachment_token(a)}/master".lower(), a.master)) for a in kept
    ]
    return State(spec, (*attachments, *map(read_attachment, op["attach"])))


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
        swapped = tuple(_swapped(live, _items(op, "before", "detach", "keep")))
        return Conflict(op["id"], swapped) if swapped else live
    if not as_wanted(op, live):
        return Conflict(op["id"], tuple(_rows(op, live)))
    swapped = tuple(_swapped(live, _items(op, "after", "attach", "keep")))
    if swapped:
        return Conflict(op["id"], swapped)
    return live if renews(op) else "already"


def _items(op: Operation, state: str, *lists: str) -> Iterable[Mapping[str, Any]]:
    """All attachments of a state; those of the lists where a plan of format 1.0 has no states."""
    if "after" in op:
        found: Iterable[Mapping[str, Any]] = (op.get(state) or {}).get("attachments", ())
        return found
    return [item for name in lists for item in op[name]]


def _swapped(live: Live, items: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
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
    held = {attachment_token(a): a for a in live.attachments}
    for list_name, planned, wanted in (
        ("attach", None, "attached"),
        ("detach", "attached", None),
        ("keep", "attached", "attached"),
    ):
        for item in op[list_name]:
            token = attachment_token(read_attachment(item))
            state = "attached" if token in held else None
            if state != planned:
                yield f"/spec/resources/{token}", planned, state, wanted
    if op["kind"] == "Repository":
        before, after = (_tokens(op, *names) for names in (("detach", "keep"), ("attach", "keep")))
        rest = "what the manifest lists and the plan does not change"
        live_now = ", ".join(sorted(f"{token} in '{a.folder}'" if a.folder else token for token, a in held.items()))
        yield "/spec/resources", f"{before} and {rest}", live_now, f"{after} and {rest}"


def _tokens(op: Operation, *names: str) -> str:
    tokens = sorted(attachment_token(read_attachment(item)) for name in names for item in op[name])
    return ", ".join(tokens) or "nothing"


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
        if field and kind.comparable({**live.spec, field: sent["after"]}) != kind.comparable(live.spec):
            yield sent["path"], _in_words(value), _in_words(sent["after"])
    held = {attachment_token(a).lower(): a for a in live.attachments}
    masters = {f["path"].lower(): f["after"] for f in op["fields"] if f["path"].endswith("/master")}
    for name in ("attach", "keep"):
        for item in map(read_attachment, op[name]):
            token = attachment_token(item)
            path, there = f"/spec/resources/{token}", held.get(token.lower())
            if there is None:
                yield path, "not attached", "attached"
                continue
            if folder_key(there.folder) != folder_key(item.folder):
                yield f"{path}/folder", _in_words(there.folder), _in_words(item.folder)
            master = masters.get(f"{path}/master".lower(), item.master)
            if master is not None and bool(there.master) != bool(master):
                yield f"{path}/master", _in_words(bool(there.master)), _in_words(bool(master))
    known = {attachment_token(read_attachment(i)).lower() for name in ("attach", "keep") for i in op[name]}
    gone = {attachment_token(read_attachment(i)).lower() for i in op["detach"]}
    for token, there in held.items():
        path = f"/spec/resources/{attachment_token(there)}"
        if token in gone or (op["action"] == "create" and token not in known):
            yield path, "attached", "not attached"


def as_wanted(op: Operation, live: Live) -> bool:
    """Whether a live object is as an operation wants it. What the server filled in and the manifest leaves out (a region, an
    endpoint, a master) is no difference: compared are the fields that were sent (product.md, section 4)."""
    if op["action"] == "delete":
        return False
    wanted: str = op["post"]["hash"]
    if live_hash(live, op) == wanted:
        return True
    kind, spec = KINDS[op["kind"]], live.spec
    if op["action"] == "create":  # which lists every field that it sends
        sent = {field["path"] for field in op["fields"]}
        spec = {name: value if kind.paths.get(name) in sent else "" for name, value in spec.items()}
    unsaid = {attachment_token(read_attachment(item)).lower() for item in op["attach"] if item["master"] is None}
    attachments = [a._replace(master=False) if attachment_token(a).lower() in unsaid else a for a in live.attachments]
    return live_hash(live._replace(spec=spec, attachments=tuple(attachments)), op) == wanted


def creation_key(op: Operation, instance: str | None, workspace_id: str | None) -> str:
    """The Idempotency-Key of a creation: the same for whoever creates the same object in the same place (product.md, section 4).

    Of the platform's instance, kind, workspace, name and the normal form, in which there are no credentials.
    """
    parts = [instance, op["kind"], workspace_id or op["workspace"], op["name"], op["post"]["hash"]]
    return hashlib.sha256(canonical(parts)).hexdigest()
