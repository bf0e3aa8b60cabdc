"""The header `Gatectl-Fence`: the numbers of the leases under which a request is sent, as they travel. Pure.

    Gatectl-Fence: 0198f2c1-7c55-7d7e-8a3b-5f2a5a2a7a10; *=4, 0198f2c1-8d10-7000-9000-000000000001=12

First the id of the store of records that the leases are in, then the number of each workspace that is leased; `*` stands for the
platform's own lease. Ids are percent-encoded. Whoever sends such a header and whoever reads one goes by this module: `written` makes
the text, `read` takes it apart.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote as encoded
from urllib.parse import unquote_to_bytes

from gatectl.platforms.interface import Fences

HEADER: Final = "Gatectl-Fence"
STALE: Final = "STALE_FENCE"
ANOTHER: Final = "FENCE_OF_ANOTHER_STORE"
"""The codes of a refusal (409): somebody has had the lease since; the numbers of another store count."""

MOST: Final = 100
"""Numbers in one header: servers and proxies take headers of a few KiB."""
HIGHEST: Final = 2**31 - 1
"""What every database takes for a number."""

_ID: Final = "[A-Za-z0-9._~%-]{1,200}"
_PAIR: Final = rf"(\*|{_ID})=[1-9][0-9]{{0,9}}"
PATTERN: Final = f"^{_ID}; ?{_PAIR}(, ?{_PAIR})*$"
"""The form of the whole; `read` looks closer."""

_OWN: Final = "*"
_FORM: Final = re.compile(PATTERN, re.ASCII)


def fits(fences: Fences) -> bool:
    """Whether so many numbers can be sent at all."""
    return 0 < len(fences.numbers) <= MOST


def written(fences: Fences) -> str:
    """The value of the header, the same for the same numbers."""
    pairs = (f"{encoded(workspace, safe='') or _OWN}={number}" for workspace, number in sorted(fences.numbers.items()))
    return f"{encoded(fences.store, safe='')}; {', '.join(pairs)}"


def read(text: str) -> Fences:
    """What a header says. Raises ValueError, in words, for what is none."""
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"{HEADER} is not of the form STORE; WORKSPACE=NUMBER, …")
    store, _, rest = text.partition(";")
    pairs = [pair.strip().partition("=") for pair in rest.split(",")]
    numbers = {"" if name == _OWN else _decoded(name): int(number) for name, _, number in pairs}
    if len(numbers) != len(pairs):
        raise ValueError(f"{HEADER} names a workspace twice")
    if len(pairs) > MOST:
        raise ValueError(f"{HEADER} holds more than {MOST} numbers")
    if max(numbers.values()) > HIGHEST:
        raise ValueError(f"a number in {HEADER} is larger than {HIGHEST}")
    return Fences(_decoded(store), numbers)


def _decoded(word: str) -> str:
    try:
        text = unquote_to_bytes(word).decode()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise ValueError(f"{HEADER} holds an id that cannot be one")
    return text
