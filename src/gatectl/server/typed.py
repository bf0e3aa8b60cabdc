"""Answers as the official client's types have them (platform-contract.md, section 8.2.4). Pure.

Our objects say null where there is nothing. In the client's types most of those fields are optional and never null, so they
are left out; a few are nullable and stay, and a few are text that is always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MARKED: Final[Mapping[str, Mapping[str, str | None]]] = {
    "accessType": {"key": ""},
    "aiType": {"key": None, "deletedAt": None, "endpoint": "", "userId": ""},
}
"""What an object with such a field says in the place of a null."""


def typed(value: Any) -> Any:
    """What is read, without the nulls that no type has."""
    if isinstance(value, (list, tuple)):
        return [typed(item) for item in value]
    if not isinstance(value, dict):
        return value
    said: dict[str, Any] = {}
    for name, inner in value.items():
        if inner is not None:
            said[name] = typed(inner) if isinstance(inner, (list, tuple, dict)) else inner
            continue
        for mark, instead in _MARKED.items():
            if mark in value and name in instead:
                said[name] = instead[name]
    return said
