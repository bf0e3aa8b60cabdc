"""JSON of which there is one spelling, so that its hash tells one value from others. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Final

_SPELT: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Made once: an apply spells each object several times, and most are as quickly spelt as this is made."""


def canonical(value: object) -> bytes:
    """JSON with one spelling: sorted keys, no spaces, UTF-8."""
    return _SPELT.encode(value).encode("utf-8", "surrogatepass")


def sha256(value: object) -> str:
    """What tells a value of JSON from others."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()
