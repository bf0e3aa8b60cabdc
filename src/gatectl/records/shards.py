"""Owners and journals in an object store: whose the objects of one platform are, and what is under way there.

Law: what is shared is written by comparing and swapping alone (`buckets.Objects.swap`), so that of two who write nobody's change is
lost; what cannot be read as ours is an error that names its key, and never "nobody owns it".

    owned/PLATFORM/root.json.gz             places, and the objects themselves as long as they are few; else where the parts are
    owned/PLATFORM/GENERATION/00.json.gz    the objects, in 64 parts by the hash of their ids
    open/RUN/0000.json.gz                   the parts of a journal, created one after the other, deleted when the run has ended

A generation is written whole before the root names it, and what the root does not name counts for nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypedDict, cast

from gatectl.documents.history import RUN
from gatectl.documents.journal import Head, Intent, OpenRun, Part, part_json, read_parts
from gatectl.documents.ownership import Owned, OwnedJson, Owner, owned_json
from gatectl.errors import PlatformError
from gatectl.files.packing import gzipped, unpacked
from gatectl.model import Outcome
from gatectl.platforms.interface import Reader, Writer
from gatectl.quote import quote
from gatectl.records.buckets import Objects, Version, body, content
from gatectl.records.claims import claim
from gatectl.records.interface import Release
from gatectl.records.kept import kept_state, read_kept

FEW: Final = 2_000
"""The most objects that the root holds itself."""
PARTS: Final = 64
_AT_ONCE: Final = 8
_LEVEL: Final = 4
_TRIES: Final = 100
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "places": dict, "objects": dict, "generation": (str, type(None)), "platform": str, "part": dict,
}  # fmt: skip

_Changes = Mapping[str, Owned | None]
"""What becomes of objects, by their ids: whose they are, or (None) that they are gone."""


class _Held(TypedDict, total=False):
    """What an object of ours holds: the root, one of its parts, or a part of a journal."""

    places: Mapping[str, Sequence[str]]
    objects: Mapping[str, OwnedJson]
    generation: str | None
    platform: str
    part: Part


class _Shard(NamedTuple):
    """An object of ours: what it holds, and the version that a write would replace (None: there is none yet)."""

    content: _Held
    version: Version | None


class _Once(NamedTuple):
    """What many objects have in common, of which there is one in memory."""

    owners: dict[Owner, Owner]
    texts: dict[str | None, str | None]


class ObjectOwners:
    """Reads what a bucket holds of a platform (`interface.RecordsReader`)."""

    def __init__(self, objects: Objects, reader: Reader) -> None:
        self._objects = objects
        self._reader = reader

    def owned(self) -> Sequence[Owned]:
        once = _Once({}, {})

        def read(key: str, shard: _Shard) -> list[Owned]:
            return [self._owned(key, each, once) for each in shard.content["objects"].values()]

        return [each for found in self._all(read) for each in found]

    def places(self, uid: str) -> frozenset[str]:
        return frozenset(self._root().content["places"].get(uid, ()))

    def open_runs(self) -> Sequence[OpenRun]:
        found = []
        for run in self._objects.below("open"):
            if RUN.fullmatch(run):
                parts = list(self._parts(run))
                if parts and parts[0]["platform"] == self._platform:
                    found.append(self._open_run(run, [part["part"] for part in parts]))
        return found

    def close(self) -> None: ...

    @property
    def _platform(self) -> str:
        return self._reader.identification.key

    @property
    def _place(self) -> str:
        slug = re.sub("[^A-Za-z0-9_-]", "-", self._platform)[:40]
        return f"owned/{slug}-{hashlib.sha256(self._platform.encode()).hexdigest()[:16]}"

    def _root(self) -> _Shard:
        found = self._get(f"{self._place}/root.json.gz", "places", "objects", "generation")
        return found if found is not None else _Shard({"places": {}, "objects": {}, "generation": None}, None)

    def _shard(self, key: str) -> _Shard:
        found = self._get(key, "objects")
        if found is None:
            raise self._broken(key, ValueError("it is not there"))
        return found

    def _all(self, read: Callable[[str, _Shard], list[Owned]]) -> Iterator[list[Owned]]:
        """What is read of each part, as soon as it is there: what it was written as is not kept."""
        root = self._root()
        generation = root.content["generation"]
        if generation is None:
            yield read(f"{self._place}/root.json.gz", root)
            return
        keys = [_key(self._place, generation, number) for number in range(PARTS)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(lambda key: read(key, self._shard(key)), keys)

    def _get(self, key: str, *fields: str) -> _Shard | None:
        found = self._objects.get(key)
        if found is None:
            return None
        try:
            held = content(unpacked(found.data), "held")
            if not isinstance(held, dict) or not all(
                isinstance(held.get(field, ...), _TYPES[field]) for field in fields
            ):
                raise ValueError("what it holds is of a wrong type, or missing")
        except ValueError as error:
            raise self._broken(key, error) from error
        return _Shard(cast("_Held", held), found.version)

    def _owned(self, key: str, value: OwnedJson, once: _Once) -> Owned:
        try:
            return _read(value, once)
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(key, error) from error

    def _parts(self, run: str) -> Iterator[_Held]:
        number = 0
        while (found := self._get(_part(run, number), "platform", "part")) is not None:
            yield found.content
            number += 1

    def _open_run(self, run: str, parts: Sequence[object]) -> OpenRun:
        try:
            found = read_parts(parts)
            if found.head.run != run:
                raise ValueError("it is of another run")
        except ValueError as error:
            raise self._broken(f"open/{run}", error) from error
        return found

    def _broken(self, key: str, error: Exception) -> PlatformError:
        return PlatformError(
            f"{quote(self._objects.called(key))} is not as it was written: {quote(error)}",
            "Restore it, or name another store; it was left as it is.",
        )


class WritableObjectOwners(ObjectOwners):
    """Reads what a bucket holds of a platform, and writes it (`interface.Records`).

    Where there are many objects, what is recorded is written by `finish`: until then the journal tells of it. Outcomes go with the
    next part of that, so that a level of operations costs two requests.
    """

    def __init__(self, objects: Objects, reader: Reader, writer: Writer) -> None:
        super().__init__(objects, reader)
        self._writer = writer
        self._seen: _Shard | None = None
        self._later: dict[str, Owned | None] = {}
        self._outcomes: list[Outcome] = []
        self._next: dict[str, int] = {}

    def claim(self) -> Release:
        return claim(self._writer)

    def intend(self, head: Head, intents: Sequence[Intent]) -> None:
        number = self._next.get(head.run, 0)
        part = part_json(head, intents, self._outcomes)
        if (
            self._objects.swap(_part(head.run, number), _packed({"platform": self._platform, "part": part}), None)
            is None
        ):
            raise self._broken(_part(head.run, number), ValueError("somebody else wrote it"))
        self._next[head.run] = number + 1
        self._outcomes = []

    def record(
        self,
        put: Collection[Owned],
        drop: Collection[str] = (),
        head: Head | None = None,
        outcomes: Collection[Outcome] = (),
    ) -> None:
        changes: dict[str, Owned | None] = {**dict.fromkeys(drop), **{each.id: each for each in put}}
        if changes and not self._swap_root(changes):
            self._later |= changes
        else:
            self._outcomes += outcomes

    def note(self, uid: str, place: str) -> None:
        def changed(root: _Held) -> _Held:
            return {**root, "places": {**root["places"], uid: sorted({*root["places"].get(uid, ()), place})}}

        self._seen = self._swapped(f"{self._place}/root.json.gz", self._seen or self._root(), self._root, changed)

    def finish(self) -> None:
        later, self._later = self._later, {}
        generation = (self._seen or self._root()).content["generation"] if later else None
        if generation is not None:
            by_part: dict[str, dict[str, Owned | None]] = {}
            for object_id, owned in later.items():
                by_part.setdefault(_key(self._place, generation, _part_of(object_id)), {})[object_id] = owned
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda item: self._swap_part(*item), by_part.items()))

    def end(self, run: str) -> None:
        end(self._objects, run)

    def _swap_root(self, changes: _Changes) -> bool:
        """Write changes into the root, if that is where the objects are; places anyway. Whether the objects are in it."""

        def changed(root: _Held) -> _Held:
            places = _with_places(root["places"], changes)
            if root["generation"] is not None:
                return {**root, "places": places}
            return {**root, "places": places, "objects": _with_objects(root["objects"], changes)}

        root = self._swapped(f"{self._place}/root.json.gz", self._seen or self._root(), self._root, changed)
        if root.content["generation"] is None and len(root.content["objects"]) > FEW:
            root = self._divided(root)
        self._seen = root
        return root.content["generation"] is None

    def _swap_part(self, key: str, changes: _Changes) -> None:
        def changed(shard: _Held) -> _Held:
            return {**shard, "objects": _with_objects(shard["objects"], changes)}

        self._swapped(key, self._shard(key), lambda: self._shard(key), changed)

    def _swapped(
        self,
        key: str,
        shard: _Shard,
        read: Callable[[], _Shard],
        changed: Callable[[_Held], _Held],
    ) -> _Shard:
        """An object changed, whoever else changes it meanwhile. One that would stay as it is is not written."""
        for _ in range(_TRIES):
            held = changed(shard.content)
            if held == shard.content:
                return shard
            version = self._objects.swap(key, _packed(held), shard.version)
            if version is not None:
                return _Shard(held, version)
            shard = read()
        raise PlatformError(f"{quote(self._objects.called(key))} is changed by others all the time", "apply again")

    def _divided(self, root: _Shard) -> _Shard:
        """The root, when its objects are in parts of their own. Where somebody else changes it meanwhile, it stays as it is."""
        generation = secrets.token_hex(8)
        parts: dict[int, dict[str, OwnedJson]] = {number: {} for number in range(PARTS)}
        for object_id, value in root.content["objects"].items():
            parts[_part_of(object_id)][object_id] = value
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(
                pool.map(
                    lambda item: self._objects.swap(
                        _key(self._place, generation, item[0]), _packed({"objects": item[1]}), None
                    ),
                    parts.items(),
                )
            )
        held: _Held = {**root.content, "objects": {}, "generation": generation}
        version = self._objects.swap(f"{self._place}/root.json.gz", _packed(held), root.version)
        return _Shard(held, version) if version is not None else self._root()


def end(objects: Objects, run: str) -> None:
    """A run has ended: the parts of its journal are deleted, the first one last."""
    number = 0
    while objects.get(_part(run, number)) is not None:
        number += 1
    for each in reversed(range(number)):
        objects.delete(_part(run, each))


def _part(run: str, number: int) -> str:
    return f"open/{run}/{number:04d}.json.gz"


def _key(place: str, generation: str, number: int) -> str:
    return f"{place}/{generation}/{number:02x}.json.gz"


def _part_of(object_id: str) -> int:
    return hashlib.sha256(object_id.encode("utf-8", "backslashreplace")).digest()[0] % PARTS


def _packed(held: _Held) -> bytes:
    """What an object of ours holds, packed; with a nonce of its own."""
    return gzipped(body({"held": held}), _LEVEL)


def _with_objects(objects: Mapping[str, OwnedJson], changes: _Changes) -> dict[str, OwnedJson]:
    found = dict(objects)
    for object_id, owned in changes.items():
        if owned is None:
            found.pop(object_id, None)
        else:
            state = kept_state(owned.kind, owned.state) if owned.state is not None else None
            adopted = owned.adopted or (object_id in found and found[object_id]["adopted"])
            found[object_id] = owned_json(owned._replace(state=state, adopted=adopted))
    return found


def _with_places(places: Mapping[str, Sequence[str]], changes: _Changes) -> dict[str, Sequence[str]]:
    found = dict(places)
    for owned in changes.values():
        if owned is not None and owned.owner.uid and owned.owner.place:
            found.setdefault(owned.owner.uid, [owned.owner.place])
    return found


def _read(value: OwnedJson, once: _Once) -> Owned:
    """What is owned, from its written form. Raises ValueError, KeyError, TypeError for what is none."""
    owner = Owner(**value["owner"])
    texts = (value["kind"], value["name"], value["id"], owner.project, owner.environment)
    optional = (
        owner.uid,
        owner.place,
        value["workspace"],
        value["workspaceId"],
        value["hash"],
        value["run"],
        value["at"],
    )
    others = (value["file"], value["commit"])
    if not all(isinstance(each, str) for each in texts) or not all(
        isinstance(each, str | None) for each in (*optional, *others)
    ):
        raise ValueError("what it holds of an object is of a wrong type")
    kind, workspace, home, commit, run, at = (
        once.texts.setdefault(value[field], value[field])
        for field in ("kind", "workspace", "workspaceId", "commit", "run", "at")
    )
    return Owned(
        once.owners.setdefault(owner, owner), str(kind), workspace, home, value["name"], value["id"],
        read_kept(value["state"]) if value["state"] is not None else None, value["hash"], value["file"], commit,
        run, at, value["protected"] is True, value["adopted"] is True,
    )  # fmt: skip
