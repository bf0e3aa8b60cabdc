"""Drift: where declared, last applied and live differ, and who changed it; as `gatectl drift --format json` has it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypedDict

from gatectl.documents.plans import Commit, Named, Target
from gatectl.model import FieldValue

FORMAT_VERSION: Final = "1.0"

Whose = Literal["ours", "theirs", "both", "unknown"]
"""Who changed something since it was applied: we, in the manifests; somebody, on the platform; both; nobody remembers."""

WHOSE: Final[tuple[Whose, ...]] = ("ours", "theirs", "both", "unknown")


class Difference(Named):
    """One field or attachment of an object (`path` "": the object itself). `gone`: something that we applied is not there."""

    path: str
    declared: FieldValue
    applied: FieldValue
    live: FieldValue
    whose: Whose
    gone: bool
    run: str | None
    at: str | None


class Drift(TypedDict):
    """All that differs. `remembered`: it is known how the objects were applied, of some at least."""

    formatVersion: str
    target: Target
    source: Commit
    remembered: bool
    summary: Mapping[Whose, int]
    differences: Sequence[Difference]


def counted(differences: Sequence[Difference]) -> Mapping[Whose, int]:
    """How many differences there are of each."""
    return {whose: sum(each["whose"] == whose for each in differences) for whose in WHOSE}


def code(drift: Drift) -> int:
    """The exit code: 0 nothing of theirs, 2 something, 3 something that we applied is detached or gone."""
    theirs = [each for each in drift["differences"] if each["whose"] != "ours"]
    return 3 if any(each["gone"] for each in theirs) else 2 if theirs else 0
