"""A snapshot as it is saved: what a plan would read of a platform (product.md, section 11). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, final

from gatectl.documents.ownership import OwnedJson

Taken = Mapping[str, Any]
"""An object of the platform as it was taken: a wire object with a few of its fields."""


class Platform(TypedDict):
    """Which platform it is of. `place` tells stores on a machine apart that nobody has created yet."""

    driver: str
    url: str
    instance: str | None
    place: NotRequired[str]


class Traits(TypedDict):
    """What the platform was like."""

    default_workspace: str | None
    packets: bool
    openai: str | None
    parallel: int


class Draft(TypedDict):
    """A snapshot without what tells that it is as it was taken. `contents` are the lists of each workspace, by its id; one
    that the platform does not give is null. `outside` are those of what lies in no workspace, where there is such a thing. `owned` is
    what anybody owns there (null: nothing of that is remembered); snapshots of format 1.0 have not got it."""

    formatVersion: str
    takenAt: str
    platform: Platform
    traits: Traits
    owned: NotRequired[Sequence[OwnedJson] | None]
    workspaces: Sequence[Taken]
    contents: Mapping[str, Mapping[str, Sequence[Taken] | None]]
    outside: NotRequired[Mapping[str, Sequence[Taken] | None]]


@final
class Snapshot(Draft):
    digest: str
