"""Reading the fields of a request body, and saying no.

Law: a body comes from outside and is believed only after it went through here. Each function takes one field out of a
body, in the type that the tables want, or raises PlatformRefused (400) naming the field. Fields that the platform does
not know are ignored, except those that would bring keys along (`without_keys`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gatectl.errors import PlatformRefused

Body = Mapping[str, Any]


class Field(NamedTuple):
    """A field of a write shape: the column it goes to, and how it is read."""

    column: str
    read: Callable[[Body, str], Any]


def refused(message: str, code: str = "", status: int = 400) -> PlatformRefused:
    """The platform's no: `code` is its own word where it has one (platform-contract.md, section 2.7)."""
    return PlatformRefused(message, platform_code=code, status=status)


def not_found(what: str, object_id: str) -> PlatformRefused:
    return refused(f"there is no {what} {object_id}", "NOT_FOUND", 404)


def read_all(body: Body, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The columns of a new object."""
    return {field.column: field.read(body, name) for name, field in fields.items()}


def read_given(body: Body, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The columns of those fields that the body has at all: what an update changes."""
    return {field.column: field.read(body, name) for name, field in fields.items() if name in body}


def text(body: Body, name: str) -> str:
    """A text that must be there and not be empty."""
    value = optional_text(body, name)
    if value is None:
        raise refused(f"{name} is required")
    return value


def text_up_to(limit: int) -> Callable[[Body, str], str]:
    """A reader of a text that must be there and has a length: what is in an index cannot be any longer everywhere."""

    def read(body: Body, name: str) -> str:
        value = text(body, name)
        if len(value) > limit:
            raise refused(f"{name} is longer than {limit} characters")
        return value

    return read


LONGEST_NAME = 255
LONGEST_FOLDER = 512

name_text = text_up_to(LONGEST_NAME)
folder_text = text_up_to(LONGEST_FOLDER)


def optional_text(body: Body, name: str) -> str | None:
    """A text; None where it is missing, null or empty."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise refused(f"{name} must be a string")
    if "\0" in value or not _encodable(value):
        raise refused(f"{name} holds a character that cannot be stored")
    return value


def optional_url(body: Body, name: str) -> str | None:
    """An http or https URL; None where it is missing, null or empty."""
    value = optional_text(body, name)
    if value is not None and host(value) is None:
        raise refused(f"{name} must be an http or https URL")
    return value


def host(url: str) -> str | None:
    """The host of an http or https URL, lower-cased; None for anything else."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        return None


def choice(allowed: Mapping[str, str]) -> Callable[[Body, str], str]:
    """A reader of one of some words; the mapping gives the word that is stored for each."""

    def read(body: Body, name: str) -> str:
        value = text(body, name)
        if value not in allowed:
            raise refused(f"{name} {value!r} is not one of {', '.join(allowed)}")
        return allowed[value]

    return read


def objects(body: Body, name: str) -> list[Body] | None:
    """A list of objects; None where the field is missing or null."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Mapping) for item in value):
        raise refused(f"{name} must be a list of objects")
    return list(value)


_KEY_FIELDS = (
    *("apiKey", "apiKeys", "aiApiKey", "aiApiKeys", "repoApiKeys", "repoAiApiKeys", "cloudApiKeys"),
    *("key", "keys", "accessKey", "accessKeys", "credentials", "secret"),
)


def without_keys(body: Body) -> None:
    """Refuse fields that would bring API keys: they are made later, for a repository that exists (section 2.6)."""
    for name in _KEY_FIELDS:
        if name in body:
            raise refused(f"{name}: API keys cannot be written with a repository; create them for it afterwards")


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
