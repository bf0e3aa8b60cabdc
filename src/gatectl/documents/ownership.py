"""Whose objects are: what was applied last of each, by which project and environment (product.md, section 6, *Owner*). Pure.

An object has one owner. What nobody has applied has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from gatectl.documents.plans import State

Claim = Literal["ours", "known", "moved", "fork", "other"]
"""What an owner is to whoever asks: `ours` (the same); `known`: what the same project owned before it had a `uid`, or its environment
under another name (the next apply moves it); `moved`: the same project, from a place that was not noted; `fork`: another project
of the same name and environment, in another place; `other`: somebody else."""


class Owner(NamedTuple):
    """A project and one of its environments. One with a `uid` is known by that; without one by its name and the place that it is
    applied from (None: none that could be told elsewhere, and then it owns nothing that is ever deleted). An older gatectl noted the
    project alone: then the environment is "", and what it owns belongs to the environment that first says so."""

    project: str
    uid: str | None
    environment: str
    place: str | None = None

    def __str__(self) -> str:
        return f"{self.project}, environment {self.environment}"

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells owners apart."""
        if self.uid is not None:
            return ("uid", self.uid, self.environment)
        return ("name", self.project, self.place or "", self.environment)


class Owned(NamedTuple):
    """An object that somebody applied or adopted.

    `state` is what was live of it when it was applied last, and `hash` that of a plan's `post` (both None: applied by an older
    gatectl, which did not keep it). `file` is the manifest's, relative to the project file; `at` a time as receipts write it.
    `protected`: its manifest says that it is never deleted.
    """

    owner: Owner
    kind: str
    workspace: str | None
    workspace_id: str | None
    name: str
    id: str
    state: State | None = None
    hash: str | None = None
    file: str | None = None
    commit: str | None = None
    run: str | None = None
    at: str | None = None
    protected: bool = False
    adopted: bool = False


class Asking(NamedTuple):
    """Who asks: the owner that a plan would be of; the environment's former names, and whether the place that it is applied from
    was noted (`noted` is true for whoever has no `uid`)."""

    owner: Owner
    former: frozenset[str] = frozenset()
    noted: bool = True

    def claim(self, owner: Owner) -> Claim:
        """What the owner of an object is to whoever asks."""
        mine = self.owner
        if not owner.environment:
            return "known" if owner.project == mine.project else "other"
        if owner.environment != mine.environment:
            return (
                "known" if owner.environment in self.former and self._project(owner) in ("ours", "known") else "other"
            )
        return self._project(owner)

    def _project(self, owner: Owner) -> Claim:
        mine = self.owner
        if owner.uid is not None and owner.uid == mine.uid:
            return "ours" if self.noted else "moved"
        if owner.uid is not None or owner.project != mine.project:
            return "other"
        if owner.place != mine.place:
            return "fork"
        return "ours" if mine.uid is None else "known"


class Holdings(NamedTuple):
    """All that is owned on one platform, by object id, and who asks."""

    asking: Asking
    by_id: Mapping[str, Owned]

    def claim(self, object_id: str) -> Claim | None:
        """What the owner of an object is to whoever asks; None: it has none."""
        found = self.by_id.get(object_id)
        return None if found is None else self.asking.claim(found.owner)

    def ours(self) -> Iterator[Owned]:
        """What belongs to whoever asks."""
        return (owned for owned in self.by_id.values() if self.asking.claim(owned.owner) in ("ours", "known"))


def holdings(asking: Asking, owned: Iterable[Owned]) -> Holdings:
    """What is owned, as whoever asks sees it."""
    return Holdings(asking, {each.id: each for each in owned})
