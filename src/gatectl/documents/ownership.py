"""Whose objects are: what was applied last of each, by which project and environment (product.md, section 6, *Owner*). Pure.

An object has one owner. What nobody has applied has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypedDict

from gatectl.documents.plans import State
from gatectl.documents.whose import OwnerJson

Claim = Literal["ours", "known", "moved", "fork", "other"]
"""What an owner is to whoever asks: `ours` (the same); `known`: what the same project owned before it had a `uid`, or its environment
under another name (the next apply moves it); `moved`: the same project, from a place that was not noted; `fork`: another project
of the same name and environment, in another place; `other`: somebody else."""

OURS: Final = frozenset(("ours", "known"))
"""What whoever asks owns."""
_ELSEWHERE: Final = frozenset(("moved", "fork"))

UNNAMED: Final = "default"
"""What a project is called that has no project file. It keeps what it applied from nobody who has a name."""


class Owner(NamedTuple):
    """A project and one of its environments. One with a `uid` is known by that; without one by its name and the place that it is
    applied from (None: none that could be told elsewhere, and then it owns nothing that is ever deleted). An older gatectl noted the
    project alone: then the environment is "", and what it owns belongs to the environment that first says so."""

    project: str
    uid: str | None
    environment: str
    place: str | None = None

    def __str__(self) -> str:
        return f"{self.project}, environment {self.environment}" if self.environment else self.project

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells owners apart."""
        if self.uid is not None:
            return ("uid", self.uid, self.environment)
        return ("name", self.project, self.place or "", self.environment)

    @property
    def known(self) -> bool:
        """Whether it can be told elsewhere: else nothing that it owns is ever deleted."""
        return self.uid is not None or self.place is not None

    @property
    def unnamed(self) -> bool:
        """Whether nothing tells it from others: a project without a file."""
        return self.uid is None and self.project == UNNAMED


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
    """Who asks: the owner that a plan would be of; the environment's former names, and the places that are noted of it: of whoever has
    no `uid`, or of whom nobody has noted any, none. `stays`: the place that is asked from is one of them from now on."""

    owner: Owner
    former: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    stays: bool = False

    @property
    def new_place(self) -> str | None:
        """The place that is asked from, where others were noted and it was not. Who has none is one wherever that is."""
        place = self.owner.place
        return place if self.places and place not in self.places else None

    def claim(self, owner: Owner) -> Claim:
        """What the owner of an object is to whoever asks."""
        mine = self.owner
        if not owner.environment:
            return "known" if owner.project == mine.project else "other"
        if owner.environment != mine.environment:
            former = self._project(owner) if owner.environment in self.former else "other"
            return "known" if former == "ours" else "other" if former == "fork" else former
        return self._project(owner)

    def _project(self, owner: Owner) -> Claim:
        mine = self.owner
        if owner.uid is not None and owner.uid == mine.uid:
            return "ours" if self.stays or self.new_place is None else "moved"
        if owner.uid is not None or owner.project != mine.project:
            return "other"
        if owner.place != mine.place:
            return "fork"
        return "ours" if mine.uid is None else "known"


class Holdings(NamedTuple):
    """All that is owned on one platform, by object id, and who asks.

    `disputed`: of what is ours, what somebody else has noted too, with who that is; an older gatectl let several projects apply one
    object. `guest`: whoever asks owns nothing, and this is the one owner of the same project and environment, in another place; what
    that one owns is seen as theirs, and nothing may be applied. `taken`: the ids of what is taken over from its owner.
    """

    asking: Asking
    by_id: Mapping[str, Owned]
    disputed: Mapping[str, Owner] = {}
    guest: Owner | None = None
    taken: frozenset[str] = frozenset()

    def claim(self, object_id: str) -> Claim | None:
        """What the owner of an object is to whoever asks; None: it has none."""
        found = self.by_id.get(object_id)
        if found is None:
            return None
        return "ours" if object_id in self.taken or found.owner == self.guest else self.asking.claim(found.owner)

    def is_ours(self, object_id: str) -> bool:
        """Whether an object belongs to whoever asks."""
        return self.claim(object_id) in OURS

    def theirs(self, object_id: str) -> Owner | None:
        """Who an object can be taken over from; None: nobody else has noted it."""
        found = self.by_id.get(object_id)
        if found is None or self.asking.claim(found.owner) in OURS:
            return self.disputed.get(object_id)
        return found.owner

    def ours(self) -> Iterator[Owned]:
        """What belongs to whoever asks."""
        return (owned for owned in self.by_id.values() if self.is_ours(owned.id))

    def elsewhere(self) -> Iterator[Owned]:
        """What belongs to the same project as it was applied from another place."""
        return (owned for owned in self.by_id.values() if self.asking.claim(owned.owner) in _ELSEWHERE)


def holdings(asking: Asking, owned: Iterable[Owned]) -> Holdings:
    """What is owned, as whoever asks sees it. Of an object that several noted, their own note counts to them; what a project
    without a name has noted counts to no other."""
    claims: dict[Owner, Claim] = {}
    notes: dict[str, list[Owned]] = {}
    for each in owned:
        if each.owner not in claims:
            claims[each.owner] = asking.claim(each.owner)
        if not each.owner.unnamed or claims[each.owner] in OURS:
            notes.setdefault(each.id, []).append(each)
    by_id: dict[str, Owned] = {}
    disputed: dict[str, Owner] = {}
    for name, found in notes.items():
        by_id[name], other = (found[0], None) if len(found) == 1 else _several(found, claims)
        if other is not None:
            disputed[name] = other
    return Holdings(asking, by_id, disputed, _guest(claims))


def _several(notes: Sequence[Owned], claims: Mapping[Owner, Claim]) -> tuple[Owned, Owner | None]:
    """The note that counts of several, and who else has noted what is ours."""
    mine = [each for each in notes if claims[each.owner] in OURS]
    others = [each.owner for each in notes if claims[each.owner] not in OURS]
    return (mine or notes)[0], min(others, key=str) if mine and others else None


def _guest(claims: Mapping[Owner, Claim]) -> Owner | None:
    forks = [owner for owner, claim in claims.items() if claim == "fork" and not owner.unnamed]
    return forks[0] if len(forks) == 1 and OURS.isdisjoint(claims.values()) else None


class OwnedJson(TypedDict):
    """An object that somebody applied or adopted, as it is written."""

    owner: OwnerJson
    kind: str
    workspace: str | None
    workspaceId: str | None
    name: str
    id: str
    state: State | None
    hash: str | None
    file: str | None
    commit: str | None
    run: str | None
    at: str | None
    protected: bool
    adopted: bool


def owner_json(owner: Owner) -> OwnerJson:
    """An owner, as it is written."""
    return {"project": owner.project, "uid": owner.uid, "environment": owner.environment, "place": owner.place}


def owned_json(owned: Owned) -> OwnedJson:
    """What is owned, as it is written."""
    return {
        "owner": owner_json(owned.owner),
        "kind": owned.kind,
        "workspace": owned.workspace,
        "workspaceId": owned.workspace_id,
        "name": owned.name,
        "id": owned.id,
        "state": owned.state,
        "hash": owned.hash,
        "file": owned.file,
        "commit": owned.commit,
        "run": owned.run,
        "at": owned.at,
        "protected": owned.protected,
        "adopted": owned.adopted,
    }


def read_owned(value: OwnedJson) -> Owned:
    """What is owned, from its written form."""
    return Owned(
        Owner(**value["owner"]), value["kind"], value["workspace"], value["workspaceId"], value["name"], value["id"],
        value["state"], value["hash"], value["file"], value["commit"], value["run"], value["at"], value["protected"],
        value["adopted"],
    )  # fmt: skip
