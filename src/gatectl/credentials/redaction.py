"""Secrets taken out of text again: what a platform or a code host echoes never reaches an output with one in it. Pure.

A secret is known in the spellings in which a server may repeat it: as it is, in JSON, as Python shows it, in an address, in
Base64, in hexadecimal digits, and in any case of its letters. It is taken out before anything is cut or escaped, because a part
of a secret is recognized no more.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "(redacted)"
_SHORTEST: Final = 4
"""Characters that a secret has at least; shorter ones would redact our own words."""
_LINE: Final = 8
"""Characters that a line of a secret of several lines has at least, to be a secret by itself."""


class Redaction:
    """Takes secrets out of texts. Made once for a set of secrets, used for every text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {form for secret in secrets for form in _spellings(secret) if len(form) >= _SHORTEST}
        longest_first = sorted(spellings, key=lambda form: (-len(form), form))
        pattern = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(pattern, re.IGNORECASE) if pattern else None

    def __call__(self, text: str) -> str:
        """The text without any of the secrets."""
        return self._pattern.sub(HIDDEN, text) if self._pattern is not None else text


def redact(text: str, secrets: Iterable[str]) -> str:
    """A text without any of the secrets, in whatever spelling it may hold one."""
    return Redaction(secrets)(text)


def _spellings(secret: str) -> Iterator[str]:
    """A secret, what it is without the space around it, and each of its longer lines, in every spelling."""
    for part in {secret, secret.strip(), *(line for line in secret.splitlines() if len(line) >= _LINE)}:
        if len(part) < _SHORTEST:
            continue
        yield part
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield json.dumps(part)[1:-1].replace("/", "\\/")
        yield repr(part)[1:-1]
        data = part.encode("utf-8", "surrogatepass")
        yield from (quote(data), quote(data, safe=""), quote_plus(data))
        yield data.hex()
        yield from _in_base64(data)


def _in_base64(data: bytes) -> Iterator[str]:
    """How the bytes show in Base64 wherever they begin in what was encoded ("Basic" holds a name before the password)."""
    for before in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            text = encode(b"\0" * before + data).decode("ascii").rstrip("=")
            # The first and the last characters share their bits with the neighbours.
            first = (0, 2, 3)[before]
            last = len(text) if (before + len(data)) % 3 == 0 else len(text) - 1
            inner = text[first:last]
            if len(inner) >= _LINE:
                yield inner
