"""Whose the objects of a plan are, and are to be, as it is written. Pure."""

from collections.abc import Sequence
from typing import TypedDict

from gatectl.model import FieldValue


class OwnerJson(TypedDict):
    """An owner, as it is written."""

    project: str
    uid: str | None
    environment: str
    place: str | None


TakenOver = TypedDict(
    "TakenOver", {"kind": str, "workspace": str | None, "name": str, "platformId": str, "from": OwnerJson}
)
"""A live object that belongs to somebody else, and to whoever applies the plan from then on."""


Moved = TypedDict("Moved", {"from": OwnerJson, "objects": int})
"""An owner that whoever applies the plan was before, and how many objects are noted as theirs."""


class NewPlace(TypedDict):
    """The place that a plan is made from, where it is not among those that its project was applied from before (`noted`). `takesOver`: an
    apply notes it."""

    place: str
    noted: Sequence[str]
    takesOver: bool


class Protects(TypedDict):
    """An object (`platformId` null: one to be created) that is protected from then on, or not any more."""

    kind: str
    workspace: str | None
    name: str
    platformId: str | None
    protect: bool


class Otherwise(TypedDict):
    """Something of an object that is not as it was applied last, by its path in a manifest ("": the object as a whole)."""

    path: str
    applied: FieldValue
    live: FieldValue


class Accepted(TypedDict):
    """A live object that is deleted though it was changed since it was applied: somebody said so."""

    kind: str
    workspace: str | None
    name: str
    platformId: str
    changed: Sequence[Otherwise]
