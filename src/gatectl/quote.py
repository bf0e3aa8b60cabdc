"""Text of others, as it may stand in a line of ours. Pure; the lowest layer, so that every module can use it.

Names in manifests, file names, what a platform, git or a library says: all of it is written by somebody else, and ends in
terminals, logs of CI and comments. It is escaped where it enters a message (product.md, section 7), because once it is part of
one, nobody can tell a line break of ours from one of theirs. So whoever builds a message writes `quote(name)`; a test looks.

`quote` is for a value in a message, `safe` for a line that is whole, `neutral` for a text of several lines of ours (the last
line of defence, at the output), `json_text` for JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

LONGEST: Final = 200
"""How many characters of one value are shown."""

_COMMAND: Final = re.compile(r"##(?=\[|vso\[|teamcity\[|$)", re.IGNORECASE)
"""What begins a command for a runner of GitHub (the old form) or Azure wherever it stands in a line, or of TeamCity. At the end
of a value the rest of it could be ours."""

_START: Final = re.compile(r"^(\s*):")
"""A line that begins with "::" is a command for a runner of GitHub, which looks past space; the second colon may be ours."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9 _./-]*").fullmatch
"""Most names; nothing in them is to be escaped, and a plan has hundreds of thousands."""

_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as printable and show nothing; those that are not printable (controls, turns of direction, zero widths,
halves of surrogates, separators of lines) need no list."""

_BROKEN: Final = re.compile(r"\\(?:x[0-9a-f]?|u[0-9a-f]{0,3}|U[0-9a-f]{0,7})?$")
"""An escape that was cut in two."""


def safe(value: Any) -> str:
    """A value as text on one line, whole: what is not printable is an escape, and no runner of a CI takes it for a command."""
    text = str(value)
    if not text.isprintable() or (not text.isascii() and _UNSEEN.search(text)):
        text = "".join(map(_shown, text))
    if "#" in text:
        text = _COMMAND.sub(r"#\\x23", text)
    return _START.sub(r"\1\\x3a", text) if ":" in text else text


def quote(value: Any, limit: int = LONGEST) -> str:
    """A value of somebody else's for a message: as `safe`, and at most `limit` characters. Done twice it changes nothing."""
    text = str(value)
    if len(text) <= limit and _PLAIN(text) is not None:
        return text
    if len(text) <= limit and len(escaped := safe(text)) <= limit:
        return escaped
    rest = f"… ({len(text):,} characters)"
    return _BROKEN.sub("", safe(text[:limit])[: max(limit - len(rest), 0)]) + rest


def commands(text: str) -> list[int]:
    """Where in a line the second number sign of a runner's command stands."""
    return [found.start() + 1 for found in _COMMAND.finditer(text)] if "##" in text else []


def neutral(text: str) -> str:
    """Lines of ours, whatever got into them: none that a runner takes for a command."""
    if "##" not in text and "::" not in text:
        return text
    return "\n".join(
        _START.sub(r"\1\\x3a", one) if one.lstrip().startswith("::") else one
        for one in _COMMAND.sub(r"#\\x23", text).split("\n")
    )


def json_text(document: Any, indent: int | None = 2) -> str:
    """A value as JSON in ASCII, which keeps every value and holds no command for a runner."""
    # Two number signs are only ever inside a string.
    return json.dumps(document, indent=indent).replace("##", "#\\u0023")


def _shown(character: str) -> str:
    if character.isprintable() and not _UNSEEN.match(character):
        return character
    return character.encode("unicode_escape").decode("ascii")
