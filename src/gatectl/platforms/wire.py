"""What the platform's lists and objects may look like, told in one place: the one parser of reading and of snapshots. Pure.

The types of the official client leave much open: ids beside an expanded object that has them too, legacy names, soft-deleted
objects in lists (U38), answers that come in pages some day (U39), fields that are new (platform-contract.md, section 8.2.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gatectl.errors import IncompleteList, NoList
from gatectl.platforms.interface import Wire
from gatectl.quote import quote

_MORE: Final = ("hasMore", "has_more", "hasNext", "hasNextPage", "has_next")
_NEXT: Final = ("nextCursor", "next_cursor", "nextPageToken", "nextPage", "next_page", "next")
_TOTAL: Final = ("total", "totalCount", "total_count", "totalItems")
_PAGES: Final = ("totalPages", "total_pages", "pages", "pageCount")
_NESTED: Final = ("pagination", "paging", "pageInfo", "page", "meta")


def read_list(body: Any, field: str, path: str) -> list[Wire]:
    """The live objects of a list's answer, each once: what is soft-deleted is not there, what is there twice is one.

    Raises NoList for an answer of another shape, IncompleteList where the envelope says that there is more.
    """
    items = body.get(field) if isinstance(body, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) and item.get("id") for item in items):
        raise NoList(
            f"GET {quote(path)}: the answer has no list '{field}' of objects with ids",
            "is this address the platform's API?",
        )
    more = _says_more(body, len(items))
    if more is not None:
        raise IncompleteList(
            f"GET {quote(path)}: the list is not whole: {len(items)} objects came, and the answer says {more}",
            "nothing is planned from a part of a list: look for a newer version of gatectl",
        )
    return list({str(item["id"]): item for item in items if not is_deleted(item)}.values())


def is_deleted(wire: Wire) -> bool:
    """Whether an object is soft-deleted: it is not there any more."""
    return wire.get("deletedAt") not in (None, "", False)


def is_azure(wire: Wire) -> bool:
    """Whether a bucket is an Azure container (U5)."""
    return str(wire.get("storageType")).upper() in ("BLOB", "AZURE")


def is_account_key(wire: Wire) -> bool:
    """Whether the `key` of a provider API key is the name of an Azure storage account (platform-contract.md, section 2.3)."""
    return bool(wire.get("key") and "AZURE" in str(wire.get("provider")).upper() and not wire.get("tenantId"))


def _says_more(envelope: Mapping[str, Any], count: int) -> str | None:
    """What of an envelope says that its list goes on, in words; None where nothing does."""
    for name in _MORE:
        if envelope.get(name) is True:
            return f"{name}: true"
    page = _number(envelope.get("page")) or 1
    said = _next(envelope) or _beyond(envelope, _TOTAL, count) or _beyond(envelope, _PAGES, page)
    if said is not None:
        return said
    nested = (envelope[name] for name in _NESTED if isinstance(envelope.get(name), Mapping))
    return next((found for part in nested if (found := _says_more(part, count)) is not None), None)


def _next(envelope: Mapping[str, Any]) -> str | None:
    for name in _NEXT:
        if isinstance(envelope.get(name), (str, int)) and envelope[name]:
            return f"that there is a {name}"
    return None


def _beyond(envelope: Mapping[str, Any], names: Iterable[str], reached: int) -> str | None:
    """A number of an envelope that is more than what was reached, in words."""
    for name in names:
        number = _number(envelope.get(name))
        if number is not None and number > reached:
            return f"{name}: {number}"
    return None


def _number(value: Any) -> int | None:
    """A count; the platform's big ones are text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int else None


LISTS: Final = ("buckets", "units", "aiLlms", "apiKeys", "aiApiKeys")
"""The fields of a repository that are lists of objects, where they are there."""


def check_lists(wire: Wire) -> None:
    """That each list of a repository is one of objects, or not there. Raises KeyError with the name of one that is not: what
    cannot be read is never an empty list."""
    for name in LISTS:
        found = wire.get(name)
        if found is None:
            continue
        if not isinstance(found, list) or not all(isinstance(item, (dict, Mapping)) for item in found):
            raise KeyError(name)


def attached_buckets(wire: Wire) -> list[Wire]:
    """The attached buckets of a repository, each with its `bucketId`, whatever the platform calls it.

    A platform that still has the legacy names lists `units` with `unitId` (platform-contract.md, section 1.3). An id that is
    left out is that of the expanded object. Raises KeyError for a list that is not there, which is never an empty one.
    """
    buckets, units = wire.get("buckets"), wire.get("units")
    if isinstance(buckets, list):
        return _attachments(buckets, "bucketId", "bucket")
    if isinstance(units, list):
        named = [{**item, "bucketId": item.get("unitId"), "bucket": item.get("unit")} for item in units]
        return _attachments(named, "bucketId", "bucket")
    raise KeyError("buckets")


def attached_llms(wire: Wire) -> list[Wire]:
    """The attached AI LLM configurations of a repository, each with its `aiLlmId`; the list itself is optional."""
    found = wire.get("aiLlms")
    if found is not None and not isinstance(found, list):
        raise KeyError("aiLlms")
    return _attachments(found or (), "aiLlmId", "aiLlm")


def _attachments(items: Iterable[Wire], id_field: str, expanded: str) -> list[Wire]:
    found: list[Wire] = []
    for item in items:
        if "deletedAt" in item and is_deleted(item):
            continue
        if not item.get(id_field):
            inner = item.get(expanded)
            if isinstance(inner, Mapping) and inner.get("id"):
                item = {**item, id_field: inner["id"]}
        found.append(item)
    return found


def keys_of(wire: Wire) -> list[Wire]:
    """The API keys of a repository, of both families; those that are soft-deleted are not there."""
    return [key for name in ("apiKeys", "aiApiKeys") for key in wire.get(name) or () if not is_deleted(key)]


_KNOWN: Final = frozenset(
    ("id", "name", "storageType", "mode", "workspaceId", "buckets", "aiLlms", "apiKeys", "aiApiKeys", "createdAt",
     "updatedAt", "disabled", "walletAddress", "etag", "units", "orgId", "userId", "deletedAt")
)  # fmt: skip
_KNOWN_OF_BUCKET: Final = frozenset(
    ("bucketId", "folder", "master", "bucket", "unitId", "unit", "id", "repoId", "createdAt", "updatedAt", "deletedAt")
)
_KNOWN_OF_LLM: Final = frozenset(("aiLlmId", "aiLlm", "id", "repoId", "createdAt", "updatedAt", "deletedAt"))
_ATTACHED: Final = (("buckets", _KNOWN_OF_BUCKET), ("units", _KNOWN_OF_BUCKET), ("aiLlms", _KNOWN_OF_LLM))


def unknown_fields(wire: Wire) -> dict[str, Any]:
    """The fields of a repository and of its attachments that nobody here knows and that hold something, by name."""
    found = {name: value for name, value in wire.items() if name not in _KNOWN and _holds(value)}
    for name, known in _ATTACHED:
        for item in wire.get(name) or ():
            found.update({f"{name}[].{f}": v for f, v in item.items() if f not in known and _holds(v)})
    return found


def _holds(value: Any) -> bool:
    return value not in (None, "", False, [], {})


def may_attach(value: Any) -> bool:
    """Whether an unknown field could be what a repository attaches, which replacing it whole would drop (U30, U31): a list,
    or an object that holds more than counters. A scalar cannot: it is a fact that the platform tells."""
    if isinstance(value, Mapping):
        return any(_holds(inner) and not isinstance(inner, (int, float)) for inner in value.values())
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and _holds(value)
