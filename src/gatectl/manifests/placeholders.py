"""GW207 for placeholders that nobody filled in, and a warning for quotes that no YAML knows. Pure.

A template that was never rendered leaves `${x}`, `<X>`, `__X__` or `{{ x }}` behind, which are names like any other to a
platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from gatectl.model import Document, Finding, Pointer, Spot
from gatectl.quote import quote

_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}|\{\{.*?\}\}|__[A-Z][A-Z0-9_]*__|<[A-Z][A-Z0-9_-]*>|\A<[^<>]+>\Z")
_QUOTES: Final = "“”„‟‘’‚‛«»"
_SMART: Final = re.compile(rf"\A[{_QUOTES}].|.[“”‟«»]\Z", re.DOTALL)
"""A quote that begins a text, or ends it; a single one at its end may be an apostrophe."""
_TYPOGRAPHIC: Final = re.compile(rb"\xe2\x80[\x98-\x9f]|\xc2[\xab\xbb]")


def check_placeholders(document: Document) -> list[Finding]:
    """What was never filled in, or is quoted with typographic quotes, below `metadata` and `spec`."""
    if not _may_hold(document.file.content):
        return []
    found = []
    for top in ("metadata", "spec"):
        for pointer, value in _strings(document.data.get(top), (top,)):
            spot = Spot(document, pointer)
            if (placeholder := _PLACEHOLDER.search(value)) is not None:
                shown = placeholder[0] if len(placeholder[0]) <= 60 else placeholder[0][:59] + "…"
                message = f"the placeholder {quote(shown)} was never filled in"
                found.append(Finding("GW207", message, "write the value, or render the template first", spot=spot))
            elif _SMART.search(value):
                message = "typographic quotes are part of the text, and do not quote it"
                found.append(Finding("GW205", message, _straight(value), "warning", spot=spot))
    return found


def _straight(value: str) -> str:
    """How the text would be written, where its quotes are all that is to be changed."""
    text = value.strip(_QUOTES)
    plain = len(text) <= 60 and text.isprintable() and not any(character in text for character in f'{_QUOTES}"\\')
    return f'write straight quotes: "{quote(text)}"' if plain else 'write straight quotes: "…"'


@lru_cache(maxsize=1)
def _may_hold(content: bytes) -> bool:
    """Whether any document of a file may hold one; an escape may hide it."""
    if b"${" in content or b"{{" in content or b"__" in content or b"<" in content or b"\\" in content:
        return True
    return not content.isascii() and _TYPOGRAPHIC.search(content) is not None


def _strings(value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    stack = [(pointer, value)]
    while stack:
        where, each = stack.pop()
        if type(each) is str:
            yield where, each
        elif type(each) is dict:
            stack.extend(((*where, key), below) for key, below in each.items())
        elif type(each) is list:
            stack.extend(((*where, index), below) for index, below in enumerate(each))
