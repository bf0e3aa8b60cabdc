"""What an operation of a plan says, asked in one place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from gatectl.model import CredentialReferences, FieldValue, ObjectKey

if TYPE_CHECKING:
    from gatectl.documents.plans import Operation, Resource, State

ListName = Literal["attach", "detach", "keep"]
LISTS: Final[tuple[ListName, ...]] = ("attach", "detach", "keep")
"""The lists of attachments of an operation."""

NAME: Final = "/metadata/name"
CREDENTIALS: Final = "/spec/credentials"


def key_of(operation: Operation) -> ObjectKey:
    """The object that it is about."""
    return ObjectKey(operation["kind"], operation["workspace"], operation["name"])


def values_of(operation: Operation) -> Mapping[str, FieldValue]:
    """The values that its fields will have, by path."""
    return {field["path"]: field["after"] for field in operation["fields"]}


def text_of(value: FieldValue) -> str:
    """The value of a plain field; "" where it has none."""
    return value if isinstance(value, str) else ""


def renames(operation: Operation) -> bool:
    """Whether it gives its object another name, and not the same one in another case."""
    before = operation.get("before")
    former = before["spec"].get("name", "") if before is not None and operation["action"] == "update" else ""
    return bool(former) and former.lower() != operation["name"].lower()


def new_names(operations: Iterable[Operation]) -> dict[str, str]:
    """The new names of what is renamed, by id."""
    found = ((op["platformId"], op["name"]) for op in operations if renames(op))
    return {platform_id: name for platform_id, name in found if platform_id is not None}


def credentials_of(operation: Operation) -> CredentialReferences | None:
    """The credentials that it sends; None where it sends none."""
    value = values_of(operation).get(CREDENTIALS)
    return value if isinstance(value, dict) else None


def sends_credentials(operation: Operation) -> bool:
    return any(field["path"] == CREDENTIALS for field in operation["fields"])


def masters_of(operation: Operation) -> Mapping[str, bool | None]:
    """Which attachments become masters or cease to be: by path, lower-cased, since a label may have changed in case."""
    found = {field["path"].lower(): field["after"] for field in operation["fields"] if is_master(field["path"])}
    return {path: value for path, value in found.items() if value is None or isinstance(value, bool)}


def is_master(path: str) -> bool:
    """Whether a field says whether an attachment is a master."""
    return path.endswith("/master")


def has_states(operation: Operation) -> bool:
    """Whether it tells its object before and after, whole: plans of format 1.0 do not."""
    return "after" in operation


def attached_in(state: State | None) -> tuple[Resource, ...]:
    """All that is attached in a state; of no object, nothing."""
    return tuple(state.get("attachments", ())) if state is not None else ()


def resources_of(operation: Operation) -> Iterator[Resource]:
    """All that it attaches, detaches and keeps."""
    for name in LISTS:
        yield from operation[name]


def by_level(operations: Sequence[Operation]) -> list[list[Operation]]:
    """The operations in levels: each depends only on those of earlier levels."""
    depth: dict[str, int] = {}
    levels: list[list[Operation]] = []
    for op in operations:  # a plan lists what an operation depends on before it
        depth[op["id"]] = own = 1 + max((depth[need] for need in op["dependsOn"]), default=-1)
        while len(levels) <= own:
            levels.append([])
        levels[own].append(op)
    return levels
