"""`Gatectl-Signature: t=…,v1=…`: what a plain call is signed with, whoever calls: a webhook of ours, or we somebody who wants to be told.
Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HEADER: Final = "Gatectl-Signature"


def sign(secret: str, body: bytes, now: int) -> str:
    """The value of the header: the moment, in seconds since 1970, and the HMAC of it, a dot and the body."""
    return f"t={now},v1={mac(secret, f'{now}.'.encode() + body).hex()}"


def mac(secret: str, said: bytes) -> bytes:
    """The HMAC of what is said."""
    return hmac.new(secret.encode("utf-8", "surrogateescape"), said, hashlib.sha256).digest()
