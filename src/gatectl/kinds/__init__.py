"""The kinds, as a table. A new kind is one module, one schema and one line here.

A kind that refers to another comes after it. Two kinds are more than their rows: the model itself knows that objects lie in
workspaces, and that repositories attach resources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatectl.kinds import bucket, llm, repository, workspace
from gatectl.kinds.interface import Kind
from gatectl.model import ObjectKey, State

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind for kind in (workspace.KIND, bucket.KIND, llm.KIND, repository.KIND)
}

WORKSPACE: Final = workspace.KIND
"""The kind that holds the others."""

REPOSITORY: Final = repository.KIND
"""The kind that attaches resources."""


def either(words: Sequence[str]) -> str:
    """One of these, in a sentence: a Bucket or an LLM."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def credentialed() -> list[Kind]:
    """The kinds whose objects are registered with credentials."""
    return [kind for kind in KINDS.values() if kind.credentials]


def home_of(key: ObjectKey) -> ObjectKey | None:
    """The workspace that an object lies in; None where it lies in none."""
    return ObjectKey(WORKSPACE.name, None, key.workspace) if key.workspace is not None else None


def referred(key: ObjectKey, state: State | None) -> list[tuple[str, ObjectKey]]:
    """The objects that one refers to in a state (None: it is not there), each with the path of the field that names it."""
    kind = KINDS[key.kind]
    spec = state.spec if state is not None else {}
    named = ((field, KINDS[other], spec.get(field)) for field, other in kind.refers.items())
    return [
        (kind.paths[field], ObjectKey(other.name, key.workspace if other.scoped else None, name))
        for field, other, name in named
        if name
    ]
