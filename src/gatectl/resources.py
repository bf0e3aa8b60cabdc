"""What a repository attaches: the families of resources as one table, and how two resources are compared. Pure.

A family is what a provider calls a kind of its things. Whatever depends on the family of a resource (which fields name it,
how its name is compared, behind which endpoints it stands, which object of the platform registers it, what it is called in
a message) is asked here, so that a new family is a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Identity = tuple[str, ...]
"""What a resource is to its provider, its type first: ("S3", bucket), ("AzureBlob", account, container), ("LLM", name)."""

ResourceName = Literal["bucket", "account", "container", "name"]
"""A field that names a resource at its provider."""

RESOURCE_NAMES: Final[tuple[ResourceName, ...]] = ("bucket", "account", "container", "name")
"""All of them, in the order in which they are read."""


class Family(NamedTuple):
    """One row of the table.

    `type` is its name in manifests and plans; `fields` name a resource of it, in this order; `words` introduce one in a
    message. `storage`: names are compared with case ignored (U13), and it is attached with a folder, as a master or not,
    and under the label of what registers it. `endpoints` are the types of endpoints that expose it (none: not known), `kind`
    the kind whose objects register it (None: none does).
    """

    type: str
    fields: tuple[ResourceName, ...]
    words: str
    storage: bool
    endpoints: frozenset[str]
    kind: str | None


STORAGE_ENDPOINTS: Final = ("S3", "GCS", "AzureBlob")
ENDPOINTS: Final = (*STORAGE_ENDPOINTS, "OpenAI")
"""The endpoint types of the format."""

_STORAGE: Final = frozenset(STORAGE_ENDPOINTS)

FAMILIES: Final[Mapping[str, Family]] = {
    family.type: family
    for family in (
        Family("S3", ("bucket",), "S3 bucket", True, _STORAGE, "Bucket"),
        Family("GCS", ("bucket",), "GCS bucket", True, _STORAGE, "Bucket"),
        Family("AzureBlob", ("account", "container"), "Azure container", True, _STORAGE, "Bucket"),
        Family("LLM", ("name",), "LLM", False, frozenset(("OpenAI",)), "LLM"),
        Family("Packet", ("name",), "packet", False, frozenset(), None),
    )
}

STORAGE: Final = frozenset(family.type for family in FAMILIES.values() if family.storage)
STORAGE_KINDS: Final = frozenset(family.kind for family in FAMILIES.values() if family.storage)
"""The kinds whose objects register storage."""
BUCKETS: Final = frozenset(family.type for family in FAMILIES.values() if family.fields == ("bucket",))
"""What is addressed by the name of a bucket alone."""
CONTAINERS: Final = frozenset(family.type for family in FAMILIES.values() if "container" in family.fields)
"""What lies in an account, and is addressed by both; by S3 and GCS clients by its own name (U14)."""


def is_container(kind: object) -> bool:
    """Whether this is the type of something that lies in an account. What was read from a manifest may be anything."""
    return isinstance(kind, str) and kind in CONTAINERS


_UNKNOWN: Final[tuple[ResourceName, ...]] = ("name",)


def fields_of(kind: str) -> tuple[ResourceName, ...]:
    """The fields that name a resource of this type; one that is not known is told by a name."""
    family = FAMILIES.get(kind)
    return family.fields if family is not None else _UNKNOWN


def comparable(identity: Identity) -> Identity:
    """An identity as it is compared: names of storage lower-cased (U13), others exact."""
    if identity[0] in STORAGE:
        return (identity[0], *(part.lower() for part in identity[1:]))
    return identity


def folded(identity: Identity) -> Identity:
    """An identity with the case of its names ignored, whatever its family: objects may be renamed in case only."""
    return (identity[0], *(part.lower() for part in identity[1:]))


def names_of_bucket(kind: object) -> tuple[ResourceName, ...]:
    """The fields that name a bucket of this type at its provider; one of a type that is not known has a bucket's name."""
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    return family.fields if family is not None and family.storage else ("bucket",)


def registrar_of(kind: str) -> str:
    """The kind whose objects register resources of this type; what is not known is taken for storage."""
    family = FAMILIES.get(kind)
    return family.kind if family is not None and family.kind is not None else "Bucket"


def is_placed(kind: str) -> bool:
    """Whether a resource of this type is attached under a label and with a folder: storage is, and what is not known."""
    family = FAMILIES.get(kind)
    return family is None or family.storage


def is_exposed(kind: str, endpoint: str) -> bool:
    """Whether an endpoint of this type exposes resources of this one: what it does not is kept as unmanaged."""
    family = FAMILIES.get(kind)
    return family is not None and endpoint in family.endpoints


def words_of(kind: str) -> str | None:
    """What introduces a resource of this type in a message; None for a type that is not known."""
    family = FAMILIES.get(kind)
    return family.words if family is not None else None


def folder_key(folder: str | None) -> str:
    """A folder as it is compared: `.`, `..` and empty parts resolved, no slash at either end; "" is the whole bucket."""
    if not folder or ("." not in folder and "//" not in folder):
        return (folder or "").strip("/")
    kept: list[str] = []
    for part in folder.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)


def leaves_bucket(folder: str | None) -> bool:
    """Whether a folder is none of its bucket's: `a/../..`, for example."""
    return folder is not None and ".." in folder and folder_key(folder).partition("/")[0] == ".."
