"""Normal forms as they are compared: one token for an attachment, one hash for a state (product.md, section 4). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gatectl.documents.spelling import sha256
from gatectl.kinds import KINDS
from gatectl.model import Attachment, ObjectKey, State
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
    told = (row if shared and identities.count(row.identity) > 1 else row._replace(label="") for row in rows)
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
