"""Long lines on a narrow terminal: broken between words, the rest indented under what it belongs to. Pure.

For terminals alone: in a pipe, a file or a CI log every line stays whole, so that it can be searched and cut.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
_EXCERPT: Final = re.compile(r" *[0-9]* *\| ")


def wrap(text: str, width: int) -> str:
    """The text with no line wider than `width` columns, as far as its words allow."""
    if width < 20:
        return text
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def columns(text: str) -> int:
    """How many columns a text takes on a terminal, colours not counted."""
    plain = _ESCAPE.sub("", text)
    if plain.isascii():
        return len(plain)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in plain)


def _wrapped(line: str, width: int) -> str:
    plain = _ESCAPE.sub("", line)
    if columns(plain) <= width or _EXCERPT.match(plain):  # a source line was cut to the width already
        return line
    indent = len(plain) - len(plain.lstrip(" "))
    hanging = " " * min(indent + 4, width // 3)
    lines: list[str] = []
    current = " " * indent
    for word in line[line.index(line.lstrip(" ")) :].split(" "):
        candidate = f"{current} {word}" if current.strip(" ") else current + word
        if columns(candidate) > width and current.strip(" "):
            lines.append(current.rstrip(" "))
            candidate = hanging + word
        current = candidate
    return "\n".join([*lines, current])
