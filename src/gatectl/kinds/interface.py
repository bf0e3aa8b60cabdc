"""What a kind is: how an object of it reads from the wire, what a manifest of it wants, and how it is written.

A kind is pure description: values in, values out. The platform's asymmetries (`repoBuckets` written, `buckets` read back;
`apiKeyUuid` against `apiKeyId`; secrets that cannot be read) live in the `read` and `body` of the one kind that has them.

A new kind is one module beside this one, one schema, and one line in the table of `kinds/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from gatectl.errors import PlatformRefused
from gatectl.model import Attachment, Fields, Live, Manifest
from gatectl.platforms.interface import Collection, Wire
from gatectl.quote import quote
from gatectl.resources import Identity


class Context(NamedTuple):
    """What reading and writing an object of a workspace needs to know of its neighbours.

    `lives` are the live objects of the workspace by kind and id, as far as they were read; `api_keys` the provider API keys
    (wire objects) by id. `openai` is the wire value of an OpenAI endpoint (None: not known).
    """

    workspace: str | None
    workspace_id: str | None
    lives: Mapping[str, Mapping[str, Live]]
    api_keys: Mapping[str, Wire]
    openai: str | None

    def of(self, kind: str) -> Mapping[str, Live]:
        """The live objects of a kind by id."""
        return self.lives.get(kind, _NOBODY)

    def holding(self, kind: str, lives: Mapping[str, Live]) -> Context:
        """The same, with the live objects of a kind."""
        return self._replace(lives={**self.lives, kind: lives})

    def name_of(self, kind: str, platform_id: str) -> str:
        """What the object that a field refers to by id is called; "" where there is no such object."""
        live = self.of(kind).get(platform_id)
        return live.key.name if live is not None else ""

    def id_of(self, kind: str, name: str) -> str:
        """The id of the object that a field names. Raises PlatformRefused where there is none of that name, or several."""
        found = [live.id for live in self.of(kind).values() if live.key.name == name]
        if len(found) != 1:
            there = "is not there" if not found else f"is there {len(found)} times"
            raise PlatformRefused(f"{quote(kind)} '{quote(name)}' {there}", platform_code="NOT_FOUND")
        return found[0]


_NOBODY: Final[Mapping[str, Live]] = {}


class Order(NamedTuple):
    """What is to be written: the fields of an operation by path, the attachments in the end, the secrets, resolved.

    `attachments` is None for a kind that has none. `secrets` holds the credentials in clear; it exists between the
    moment apply resolves them and the request, and nowhere else.
    """

    name: str
    fields: Mapping[str, Any]
    attachments: Sequence[Attachment] | None
    secrets: Mapping[str, str]


def _nothing(wire: Wire) -> list[str]:
    return []


def _nothing_against(spec: Fields) -> str | None:
    return None


def _never(wire: Wire) -> bool:
    return False


_ALL_SAID: Final[Fields] = {}

Attached = Callable[[Wire], Sequence[tuple[str, object]]]
"""What of one kind an object attaches, as the platform has it: each as its id and its expanded form, where there is one. Raises
KeyError or TypeError where that cannot be read."""

_ATTACHES_NOTHING: Final[Mapping[str, Attached]] = {}


class Kind(NamedTuple):
    """One row of the table of kinds.

    `rank` orders kinds that do not depend on each other: smaller first. `declared` gives the fields that a manifest asks for,
    the format's defaults among them, and nothing of what it leaves to the platform: that is in `left`, with what stands for it
    while the platform has not said it. `filled_in` puts the two together. `comparable` is the normal form as it
    is compared and hashed. `paths` maps its fields to their place in a manifest; `fixed` names those that cannot be
    changed in place. `body` gives the write shape: for a new object (`wire` None) or for one that was just read. `lost`
    names what of a live object such a write would drop, because we do not know it. `unique`: the platform is known to refuse
    a second object of a name (platform-contract.md, section 2.1), so that repeating a creation does no harm; any other
    creation of which the end is not known is never sent again. `identity` gives what an object is to its provider, for kinds
    that register resources. `credentials`: its objects are registered with some. `by_name`:
    two objects of one name in a workspace could not be told apart. `defaults` are the fields that every operation says, and a
    manifest need not. `fields` are those of a normal form, where not all objects of the kind have the same. `inexpressible`
    says why a live object cannot be a manifest (None: it can), and `least` what a manifest has to say, for each of its shapes.

    What its objects have to do with others: `holds`, they are workspaces, which hold those of the kinds that are `scoped`.
    `attached` gives, for each kind that registers resources, which of it an object attaches; whoever attaches has an
    `endpointType` and a `mode`. `refers` says which fields name an object of another kind, in the same workspace or in none:
    that one is created before, deleted after, and there when something is written that names it; the row of the table comes after its.
    `doubles`: several objects may register one identity, which is asked about (GW502). `needs_key` says whether an
    object can only be read with the provider API keys (U12). `optional` is what the list of the kind is called where a
    platform may refuse it (U25; None: every platform has it).
    """

    name: str
    schema: str
    collection: Collection
    rank: int
    scoped: bool
    paths: Mapping[str, str]
    fixed: frozenset[str]
    read: Callable[[Wire, Context], Live]
    declared: Callable[[Manifest], Fields]
    comparable: Callable[[Fields], Fields]
    body: Callable[[Order, Wire | None, Context], Mapping[str, Any]]
    left: Fields = _ALL_SAID
    lost: Callable[[Wire], list[str]] = _nothing
    unique: bool = False
    identity: Callable[[Fields], Identity] | None = None
    credentials: bool = False
    by_name: bool = False
    defaults: Fields = _ALL_SAID
    fields: Callable[[Fields], AbstractSet[str]] | None = None
    inexpressible: Callable[[Fields], str | None] = _nothing_against
    least: Sequence[Mapping[str, str]] = (_ALL_SAID,)
    holds: bool = False
    attached: Mapping[str, Attached] = _ATTACHES_NOTHING
    refers: Mapping[str, str] = _ALL_SAID
    doubles: bool = False
    needs_key: Callable[[Wire], bool] = _never
    optional: str | None = None

    @property
    def one(self) -> str:
        """One of it, in a sentence: a Bucket, an LLM."""
        spelled = self.name[:2].isupper()
        return f"{'an' if self.name[0] in ('AEFHILMNORSX' if spelled else 'AEIOU') else 'a'} {self.name}"

    @property
    def plural(self) -> str:
        """What folders of several are called: buckets, repositories."""
        word = self.name.lower()
        return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"

    @property
    def attaches(self) -> bool:
        """Whether its objects attach resources."""
        return bool(self.attached)

    @property
    def renames(self) -> bool:
        """Whether the platform changes the name of its objects in place."""
        return "name" in self.paths and "name" not in self.fixed and not self.holds

    @property
    def registers(self) -> bool:
        """Whether its objects are resources that repositories attach."""
        return self.identity is not None

    @property
    def field_names(self) -> set[str]:
        """What its fields are called in a manifest."""
        return {path.rpartition("/")[2] for path in self.paths.values()}

    def fields_of(self, spec: Fields) -> AbstractSet[str]:
        """The fields that a normal form like this one has."""
        return self.fields(spec) if self.fields is not None else self.paths.keys()

    def identity_in(self, spec: Mapping[str, Any], name: str | None) -> Identity | None:
        """What an object is to its provider, as far as a manifest or a live object can be read; None where it is nothing."""
        if self.identity is None:
            return None
        try:
            found = self.identity({**spec, "name": name or ""})
        except KeyError:
            return None
        return found if all(isinstance(part, str) and part for part in found) else None

    def filled_in(self, declared: Fields, live: Fields | None) -> Fields:
        """What is wanted: what is declared, and what that leaves to the platform as it is live (of no object: as nothing)."""
        kept = {**self.left, **live} if live is not None else self.left
        names = (name for name in self.paths if name in declared or name in self.left)
        return {name: declared[name] if name in declared else kept[name] for name in names}


def name_of(manifest: Manifest) -> str:
    """The name of a valid manifest, which has one."""
    assert manifest.name is not None
    return manifest.name


def text(wire: Wire, field: str) -> str:
    """A field that every object of its kind has. Raises KeyError where it is missing, empty or no text."""
    value = wire[field]
    if type(value) is str and value:
        return value
    raise KeyError(field)


def optional_text(wire: Wire, field: str) -> str:
    """A field that may be missing or null; "" then. Raises KeyError where it is no text."""
    value = wire.get(field)
    if value is None or type(value) is str:
        return value or ""
    raise KeyError(field)


def credentials(order: Order, context: Context, reference: Any) -> dict[str, Any]:
    """The write fields of the credentials that an order carries (nothing where it carries none).

    `reference` is the manifest's `credentials`: with an `apiKey`, the id of the provider API key that it names.
    """
    if not reference:
        return {}
    if "apiKey" in reference:
        found = find_api_keys(reference["apiKey"], context.api_keys)
        if len(found) != 1:
            there = "is not there" if not found else f"is there {len(found)} times"
            raise PlatformRefused(f"provider API key '{quote(reference['apiKey'])}' {there}", platform_code="NOT_FOUND")
        return {"apiKeyUuid": found[0]}
    return {name: order.secrets[name] for name in ("key", "secret") if name in reference and name in order.secrets}


def find_api_keys(wanted: str, api_keys: Mapping[str, Wire]) -> list[str]:
    """The ids of the provider API keys that have this id or description (U35: several may)."""
    if wanted in api_keys:
        return [wanted]
    return sorted(key for key, wire in api_keys.items() if wire.get("description") == wanted)
