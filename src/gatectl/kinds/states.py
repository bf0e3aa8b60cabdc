"""Normal forms as they are compared: one token for an attachment, one hash for a state (product.md, section 4). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gatectl.documents.spelling import sha256
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.model import Attachment, FieldChange, ObjectKey, State
from gatectl.resources import folded, folder_key


def attachment_token(item: Attachment) -> str:
    """An attachment as one token of a JSON pointer: its remote identity and label, never its id."""
    text = ":".join((*item.identity, *((item.label,) if item.label is not None else ())))
    return text.replace("~", "~0").replace("/", "~1")


def state_hash(key: ObjectKey, state: State) -> str:
    """The hash of an object's normal form: never of ids, keys, status, timestamps or secrets.

    Attachments count by remote identity, and by label only where two of them share one. Names of attached resources count
    with case ignored: a bucket or LLM that is renamed in case only (metadata.id) is no change of the repositories that
    attach it.
    """
    rows = [_row(a) for a in state.attachments]
    identities = [row.identity for row in rows]
    shared = len(set(identities)) < len(identities)
    if not shared:
        return _hashed(key, state, [_Row(row.identity, "", row.folder, row.master) for row in rows])
    told = (row if identities.count(row.identity) > 1 else row._replace(label="") for row in rows)
    return _hashed(key, state, told)


def old_state_hash(key: ObjectKey, state: State) -> str:
    """The same as plans of format 1.0 have it: every label counts."""
    return _hashed(key, state, map(_row, state.attachments))


class _Row(NamedTuple):
    """An attachment as it is hashed."""

    identity: tuple[str, ...]
    label: str
    folder: str
    master: bool

    def plain(self) -> list[str | bool]:
        return [*self.identity, self.label, self.folder, self.master]


def _row(item: Attachment) -> _Row:
    return _Row(folded(item.identity), (item.label or "").lower(), folder_key(item.folder), bool(item.master))


def _hashed(key: ObjectKey, state: State, rows: Iterable[_Row]) -> str:
    spec = KINDS[key.kind].comparable(state.spec)
    listed = sorted(row.plain() for row in rows)
    return sha256({"kind": key.kind, "workspace": key.workspace, "spec": spec, "attachments": listed})


ATTACHED: Final = "attached"
"""What stands for a resource that one of the two attaches and the other does not."""


def differences(kind: Kind, one: State, other: State) -> list[FieldChange]:
    """(path in the manifest, value in one, value in the other) of all that differs."""
    first, second = kind.comparable(one.spec), kind.comparable(other.spec)
    found: list[FieldChange] = [
        (path, one.spec.get(field) or None, other.spec.get(field) or None)
        for field, path in kind.paths.items()
        if (first.get(field) or "") != (second.get(field) or "")
    ]
    return [*found, *_attachments(one, other)]


def _attachments(one: State, other: State) -> Iterator[FieldChange]:
    shared = _shared(one) | _shared(other)
    first, second = _by_token(one, shared), _by_token(other, shared)
    for token in {**first, **second}:
        mine, its = first.get(token), second.get(token)
        path = f"/spec/resources/{token}"
        if mine is None or its is None:
            yield path, ATTACHED if mine is not None else None, ATTACHED if its is not None else None
            continue
        if folder_key(mine.folder) != folder_key(its.folder):
            yield f"{path}/folder", mine.folder or None, its.folder or None
        if bool(mine.master) != bool(its.master):
            yield f"{path}/master", bool(mine.master), bool(its.master)


def _shared(state: State) -> frozenset[tuple[str, ...]]:
    """The identities that several attachments of a state share: only these are told apart by their labels."""
    counted = Counter(folded(item.identity) for item in state.attachments)
    return frozenset(identity for identity, number in counted.items() if number > 1)


def _by_token(state: State, shared: frozenset[tuple[str, ...]]) -> Mapping[str, Attachment]:
    found = {}
    for item in state.attachments:
        identity = folded(item.identity)
        label = (item.label or "").lower() if identity in shared else None
        found[attachment_token(item._replace(identity=identity, label=label or None))] = item
    return found
