"""A plan's operations, held against what was applied last: who changed what. Pure.

What a plan would do is what differs between declared and live. As it was applied last tells which of the two has moved.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from gatectl.documents.drift import Difference, Whose
from gatectl.documents.operations import CREDENTIALS, key_of
from gatectl.documents.ownership import Holdings, Owned
from gatectl.documents.plans import Operation
from gatectl.documents.states import read_attachment, read_state
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.kinds.states import ATTACHED, attachment_token, state_hash
from gatectl.model import Attachment, FieldValue, ObjectKey, State
from gatectl.planning.current import Current


class _Last(NamedTuple):
    """What is remembered of an object (None: nothing, or not how it was)."""

    owned: Owned | None
    state: State | None


def differences(operations: Sequence[Operation], holdings: Holdings | None) -> list[Difference]:
    """All that differs between what is declared and what is live, and who changed it since it was applied."""
    ours = {ObjectKey(o.kind, o.workspace, o.name): o for o in holdings.ours()} if holdings is not None else {}
    found: list[Difference] = []
    for op in operations:
        owned = ours.get(key_of(op))
        if owned is None and holdings is not None and op["platformId"] is not None:
            owned = holdings.by_id.get(op["platformId"])
        state = read_state(owned.state) if owned is not None and owned.state is not None else None
        found += _of(op, _Last(owned, state), remembers=holdings is not None)
    return found


def undeclared(declared: Container[str], current: Current, holdings: Holdings | None) -> list[Difference]:
    """What is ours and live, and no manifest declares any more; `declared` are the ids of what the manifests mean. Where somebody
    changed it since, it is both."""
    found = []
    lives = {live.id: live for live in current.lives()}
    for owned in holdings.ours() if holdings is not None else ():
        live = lives.get(owned.id)
        if live is not None and owned.id not in declared:
            changed = owned.hash is not None and owned.hash != state_hash(live.key, live.state)
            found.append(_noted(live.key, owned, "", (None, "applied", "there"), "both" if changed else "ours"))
    return sorted(found, key=lambda each: (each["kind"], each["workspace"] or "", each["name"]))


def _of(op: Operation, last: _Last, *, remembers: bool) -> Iterator[Difference]:
    if op["action"] == "create":
        # Nobody who remembers has applied it: it is new. Else it was there, and is gone.
        gone = last.owned is not None
        whose: Whose = "theirs" if gone else "ours" if remembers else "unknown"
        yield _told(op, last, "", ("declared", "applied" if gone else None, None), whose, gone=gone)
        return
    if op["action"] == "delete":
        yield _told(op, last, "", (None, "applied" if last.owned is not None else None, "there"), "ours")
        return
    yield from _fields(op, last)
    yield from _attachments(op, last)


def _attachments(op: Operation, last: _Last) -> Iterator[Difference]:
    held = {_token(item) for item in last.state.attachments} if last.state is not None else set()
    for declared, items in ((True, op["attach"]), (False, op["detach"])):
        for item in items:
            token = _token(read_attachment(item))
            was = token in held
            # As it was applied is as it is declared: then somebody has changed the platform.
            whose: Whose = "unknown" if last.state is None else "theirs" if was == declared else "ours"
            values = (_attached(yes=declared), _attached(yes=was), _attached(yes=not declared))
            yield _told(op, last, f"/spec/resources/{token}", values, whose, gone=was and declared)


def _attached(*, yes: bool) -> FieldValue:
    return ATTACHED if yes else None


def _fields(op: Operation, last: _Last) -> Iterator[Difference]:
    then = values_of(KINDS[op["kind"]], last.state) if last.state is not None else {}
    for field in op["fields"]:
        path, live, declared = field["path"], field["before"], field["after"]
        if path == CREDENTIALS:
            continue
        applied = then.get(path)
        whose: Whose = "both"
        if last.state is None:
            whose = "unknown"
        elif _same(applied, live):
            whose = "ours"
        elif _same(applied, declared):
            whose = "theirs"
        yield _told(op, last, path, (declared, applied, live), whose)


def values_of(kind: Kind, state: State) -> Mapping[str, FieldValue]:
    """The fields of a state, by their paths; what it attaches, each as how it does, and whether as a master."""
    found: dict[str, FieldValue] = {
        path: state.spec.get(field) for field, path in kind.paths.items() if field in kind.fields_of(state.spec)
    }
    for item in state.attachments:
        found[f"/spec/resources/{_token(item)}"] = attached_words(item)
        found[f"/spec/resources/{attachment_token(item)}/master"] = bool(item.master)
    return found


def attached_words(item: Attachment) -> str:
    """How a resource is attached."""
    parts = [ATTACHED, *([f"folder {item.folder}"] if item.folder else []), *(["master"] if item.master else [])]
    return ", ".join(parts)


def _same(one: FieldValue, other: FieldValue) -> bool:
    """Whether two values of a field are one; nothing, empty and no are."""
    if isinstance(one, str) and isinstance(other, str):
        return one.rstrip("/") == other.rstrip("/")
    return (one or None) == (other or None)


def _token(item: Attachment) -> str:
    return attachment_token(item).lower()


def _told(
    op: Operation, last: _Last, path: str, values: tuple[FieldValue, FieldValue, FieldValue], whose: Whose, *, gone: bool = False
) -> Difference:  # fmt: skip
    return _noted(key_of(op), last.owned, path, values, whose, gone=gone)


def _noted(
    key: ObjectKey, owned: Owned | None, path: str, values: tuple[FieldValue, FieldValue, FieldValue], whose: Whose, *,
    gone: bool = False,
) -> Difference:  # fmt: skip
    declared, applied, live = values
    run, at = (owned.run, owned.at) if owned is not None else (None, None)
    return {
        "kind": key.kind, "workspace": key.workspace, "name": key.name, "path": path, "declared": declared,
        "applied": applied, "live": live, "whose": whose, "gone": gone, "run": run, "at": at,
    }  # fmt: skip
