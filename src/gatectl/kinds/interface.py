"""What a kind is: how an object of it reads from the wire, what a manifest of it wants, and how it is written.

A kind is pure description: values in, values out. The platform's asymmetries (`repoBuckets` written, `buckets` read back;
`apiKeyUuid` against `apiKeyId`; secrets that cannot be read) live in the `read` and `body` of the one kind that has them.

A new kind is one module beside this one, one schema, and one line in the table of `kinds/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gatectl.errors import PlatformRefused
from gatectl.model import Attachment, Live, Manifest, Spec
from gatectl.platforms.interface import Collection, Wire
from gatectl.quote import quote


class Context(NamedTuple):
    """What reading and writing an object of a workspace needs to know of its neighbours.

    `buckets` and `llms` are the live ones of the workspace by id; `api_keys` the provider API keys (wire objects) by id.
    `openai` is the wire value of an OpenAI endpoint (None: not known).
    """

    workspace: str | None
    workspace_id: str | None
    buckets: Mapping[str, Live]
    llms: Mapping[str, Live]
    api_keys: Mapping[str, Wire]
    openai: str | None


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


class Kind(NamedTuple):
    """One row of the table of kinds.

    `rank` orders kinds that do not depend on each other: smaller first. `want` gives the normal form that a manifest
    asks for, fields that it leaves out taken from the live object (or the default). `comparable` is the normal form as it
    is compared and hashed. `paths` maps its fields to their place in a manifest; `fixed` names those that cannot be
    changed in place. `body` gives the write shape: for a new object (`wire` None) or for one that was just read. `lost`
    names what of a live object such a write would drop, because we do not know it. `unique`: the platform is known to refuse
    a second object of a name (platform-contract.md, section 2.1), so that repeating a creation does no harm; any other
    creation of which the end is not known is never sent again.
    """

    name: str
    schema: str
    collection: Collection
    rank: int
    scoped: bool
    paths: Mapping[str, str]
    fixed: frozenset[str]
    read: Callable[[Wire, Context], Live]
    want: Callable[[Manifest, Live | None], Spec]
    comparable: Callable[[Spec], Spec]
    body: Callable[[Order, Wire | None, Context], Mapping[str, Any]]
    lost: Callable[[Wire], list[str]] = _nothing
    unique: bool = False

    @property
    def plural(self) -> str:
        """What folders of several are called: buckets, repositories."""
        word = self.name.lower()
        return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


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
