"""Answers as the official client's types have them (platform-contract.md, section 8.2.4). Pure.

Our objects say null where there is nothing. In the client's types most of those fields are optional and never null, so they
are left out; a few are nullable and stay, and a few are text that is always there.
"""

from __future__ import annotations

from typing import Any, Final

_AI: Final = "aiType"
_NULLABLE_OF_AI: Final = ("key", "deletedAt")
_TEXT_OF_AI: Final = ("endpoint", "userId")
_ACCESS: Final = "accessType"


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
        elif _AI in value and name in _NULLABLE_OF_AI:
            said[name] = None
        elif (_AI in value and name in _TEXT_OF_AI) or (_ACCESS in value and name == "key"):
            said[name] = ""
    return said
