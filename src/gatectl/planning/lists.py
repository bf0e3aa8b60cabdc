"""One list of the platform becomes live objects: what it may be, what of it cannot be read, and what a platform refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.errors import Forbidden, IncompleteList, NoList, PlatformError, PlatformRefused, Unreachable, Unsupported
from gatectl.kinds.interface import Context, Kind, text
from gatectl.model import Live
from gatectl.platforms.interface import Collection, Reader, Wire
from gatectl.platforms.wire import LISTS
from gatectl.quote import quote

MALFORMED: Final = (KeyError, TypeError, AttributeError, ValueError)
"""What reading raises where a field is not what it should be."""

_NO_PLATFORM: Final = "is this address the platform's API?"


class Spoiled(NamedTuple):
    """A live object that cannot be read, and why."""

    kind: str
    name: str
    id: str
    problem: str


class Listed(NamedTuple):
    """A list that a platform may refuse: empty then, with what it said."""

    wires: Sequence[Wire] = ()
    refusal: PlatformError | None = None


class Legible(NamedTuple):
    """The live objects of a list, and those of it that cannot be read."""

    lives: Sequence[Live] = ()
    spoiled: tuple[Spoiled, ...] = ()


def read_list(reader: Reader, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
    """A list of objects, whatever they hold. Raises PlatformError where it cannot be read whole."""
    return _checked(collection, reader.list(collection, workspace_id))


def read_optional(reader: Reader, collection: Collection, workspace_id: str, *, needed: bool) -> Listed:
    """A list that a platform may refuse (product.md, section 8). Raises PlatformError where a needed one cannot be read."""
    try:
        if needed:
            return Listed(read_list(reader, collection, workspace_id))
        return Listed(_checked(collection, reader.glance(collection, workspace_id)))
    except (Unsupported, Forbidden, PlatformRefused, NoList) as error:
        return Listed((), error)
    except Unreachable as error:
        if needed:
            raise
        return Listed((), error)


def read_lives(kind: Kind, wires: Sequence[Wire], context: Context, *, bear: bool = False) -> Legible:
    """The objects of a list. Raises IncompleteList for one that cannot be read, unless that is to be borne (`bear`)."""
    try:
        return Legible([kind.read(wire, context) for wire in wires])
    except MALFORMED:
        return _legible(kind, wires, context, bear=bear)  # once more, to tell which


def _legible(kind: Kind, wires: Sequence[Wire], context: Context, *, bear: bool) -> Legible:
    lives, spoiled = [], []
    for wire in wires:
        try:
            lives.append(read_live(kind, wire, context))
        except PlatformError as error:
            if not bear:
                raise
            name, of = (str(wire.get(field) or "") for field in ("name", "id"))
            spoiled.append(Spoiled(kind.name, name or of, of, error.message))
    return Legible(lives, tuple(spoiled))


def read_live(kind: Kind, wire: Wire, context: Context) -> Live:
    """One object of the platform. Raises IncompleteList where a field of it is not what it should be."""
    try:
        return kind.read(wire, context)
    except KeyError as error:
        what = "a list of objects" if error.args[0] in LISTS else "text"
        problem = f"its '{quote(error.args[0])}' is missing or not {what}"
    except MALFORMED:
        problem = "one of its fields is not what it should be"
    which = next(
        (str(wire[name]) for name in ("id", "name") if isinstance(wire.get(name), (str, int))), "without an id"
    )
    raise IncompleteList(f"GET /{kind.collection}: {kind.name} {which}: {quote(problem)}", _NO_PLATFORM)


def by_id(wires: Sequence[Wire]) -> dict[str, Wire]:
    """Provider API keys by their ids. Raises IncompleteList."""
    try:
        return {text(wire, "id"): wire for wire in wires}
    except KeyError as error:
        raise IncompleteList("GET /apikeys: the 'id' of one is missing or not text", _NO_PLATFORM) from error


def _checked(collection: Collection, wires: Sequence[Wire]) -> Sequence[Wire]:
    if not all(isinstance(wire, (dict, Mapping)) for wire in wires):
        raise IncompleteList(f"GET /{collection}: something in the list is not an object", _NO_PLATFORM)
    return wires
