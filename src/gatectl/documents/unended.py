"""The runs that have no end, as `gatectl runs --format json` has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypedDict

from gatectl.documents.ownership import Owned
from gatectl.documents.plans import Named, OpenRunJson
from gatectl.errors import UsageError
from gatectl.quote import quote

FORMAT_VERSION: Final = "1.0"


class Found(Named):
    """An object that turned out to be there, or to be gone, by its id."""

    id: str


class Unended(TypedDict):
    """All of them on a platform, the oldest first."""

    formatVersion: str
    platform: str
    runs: Sequence[OpenRunJson]


class Settled(TypedDict):
    """A run that was settled: as it was, the objects that are recorded as its owner's, and the ids of those that are gone."""

    formatVersion: str
    settled: OpenRunJson
    recorded: Sequence[Found]
    gone: Sequence[str]


def found_json(owned: Iterable[Owned]) -> list[Found]:
    """What is recorded of a run that is settled."""
    return [{"kind": each.kind, "workspace": each.workspace, "name": each.name, "id": each.id} for each in owned]


def find(unended: Unended, run: str) -> OpenRunJson:
    """The run of an id. Raises UsageError where there is none, or it goes on."""
    found = next((each for each in unended["runs"] if each["run"] == run), None)
    if found is None:
        raise UsageError(f"there is no run {quote(run)} that has no end", "gatectl runs lists them")
    return found
