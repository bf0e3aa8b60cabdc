"""What is signed. `Gatectl-Signature: t=…,v1=…` is on a plain call, whoever calls: a webhook of ours, or we somebody who wants to be told.
What is kept in the database and must be by one of ours is sealed under the controller's key. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Final

HEADER: Final = "Gatectl-Signature"


def sign(secret: str, body: bytes, now: int) -> str:
    """The value of the header: the moment, in seconds since 1970, and the HMAC of it, a dot and the body."""
    return f"t={now},v1={mac(secret, f'{now}.'.encode() + body).hex()}"


def seal(key: bytes, domain: bytes, said: object) -> str:
    """The seal of what is said (as JSON) under the controller's key. Each kind of thing has a `domain` of its own, with which what is
    sealed begins, so that the seal of one is that of no other."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, domain + text.encode(), hashlib.sha256).hexdigest()


def mac(secret: str, said: bytes) -> bytes:
    """The HMAC of what is said."""
    return hmac.new(secret.encode("utf-8", "surrogateescape"), said, hashlib.sha256).digest()
