"""GW601 for secrets that are written out in a manifest: where a reference belongs, or anywhere, by their looks. Pure.

No message shows a value that may be one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from gatectl.model import Document, Finding, Pointer, Spot
from gatectl.quote import quote

_SECRETS: Final = re.compile(
    rb"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|sk-[A-Za-z0-9_-]{20}|gh[pousr]_[A-Za-z0-9]{30}|glpat-[A-Za-z0-9_-]{20}"
    rb"|AIza[0-9A-Za-z_-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----|AccountKey=[A-Za-z0-9+/]{40}|://[^\s/@:\"']*:[^\s/@\"']+@"
)
_REFERENCE_HINT: Final = (
    "name where it is found instead: {env: NAME} or {file: path}; and renew it, it has been in a file"
)


@lru_cache(maxsize=1)
def is_suspicious(content: bytes) -> bool:
    """Whether a file may hold what looks like a secret; asked for each of its documents, answered once."""
    return b"\\" in content or _SECRETS.search(content) is not None  # an escape may hide one


def secret_at(spot: Spot) -> Finding:
    message = f"{path_of(spot.pointer)} is written out: a secret does not belong in a manifest"
    return Finding("GW601", message, _REFERENCE_HINT, spot=spot)


def check_written_out(document: Document, data: Mapping[str, Any]) -> list[Finding]:
    """GW601 for credentials in a document of no known kind, which no schema speaks of."""
    spec = data.get("spec")
    credentials = spec.get("credentials") if type(spec) is dict else None
    top: Pointer = ("spec", "credentials")
    values: list[tuple[Pointer, Any]] = [(top, credentials)]
    if type(credentials) is dict:
        values = [((*top, field), value) for field, value in credentials.items()]
    return [
        secret_at(Spot(document, pointer))
        for pointer, value in values
        if holds_credential(pointer) and not isinstance(value, (dict, list)) and value is not None
    ]


def holds_credential(pointer: Pointer) -> bool:
    """Whether a reference belongs here, so that a value is a secret written out."""
    if pointer[-1:] in (("credentials",), ("token",), ("secret",), ("password",)):
        return True
    return len(pointer) >= 2 and pointer[-2] == "credentials" and pointer[-1] in ("key", "secret")


def is_secretive(pointer: Pointer) -> bool:
    """Whether a secret may stand here by mistake, so that no value from here is ever shown."""
    return any(word in pointer for word in ("credentials", "token", "secret", "password"))


def check_pasted(document: Document, known: set[Pointer]) -> list[Finding]:
    """GW601 for every string of a document that looks like a well-known kind of secret, wherever it stands."""
    found = []
    stack: list[tuple[Pointer, Any]] = [((), document.data)]
    while stack:
        pointer, value = stack.pop()
        if type(value) is dict:
            stack.extend(((*pointer, k), v) for k, v in value.items())
            if any(looks_secret(k) for k in value):
                message = f"a key in {path_of(pointer)} looks like a secret: it does not belong in a manifest"
                found.append(Finding("GW601", message, _REFERENCE_HINT, spot=Spot(document, pointer)))
        elif type(value) is list:
            stack.extend(((*pointer, i), v) for i, v in enumerate(value))
        elif type(value) is str and pointer not in known and looks_secret(value):
            message = f"{path_of(pointer)} looks like a secret: it does not belong in a manifest"
            found.append(Finding("GW601", message, _REFERENCE_HINT, spot=Spot(document, pointer)))
    return found


def looks_secret(text: str) -> bool:
    """Whether a text holds what looks like a well-known kind of secret."""
    return _SECRETS.search(text.encode(errors="surrogatepass")) is not None


def covered(finding: Finding) -> Finding:
    """A finding below a key that looks like a secret is placed above it: a pointer is shown, too."""
    spot = finding.spot
    if spot is None:
        return finding
    for depth, part in enumerate(spot.pointer):
        if type(part) is str and looks_secret(part):
            return finding._replace(spot=Spot(spot.document, spot.pointer[:depth]))
    return finding


def path_of(pointer: Pointer) -> str:
    """A pointer in words that people write: spec.resources[2].bucket."""
    text = ""
    for part in pointer:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = "…" if looks_secret(part) else quote(part)
            text += f".{shown}" if text else shown
    return text or "the document"
