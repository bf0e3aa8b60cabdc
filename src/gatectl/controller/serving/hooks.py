"""Webhooks: whether who calls one knows its secret (product.md, section 9). Pure but for the secret, which is handed in.

What a body says is believed by nobody: a call that is signed means that the repository of the hook is to be asked what is new.

    GitHub      X-Hub-Signature-256: sha256=…          the HMAC of the body
    GitLab      webhook-signature: v1,…                 the HMAC of webhook-id, webhook-timestamp and the body, five minutes
                X-Gitlab-Token: …                       the secret itself
    anybody     Gatectl-Signature: t=…,v1=…             the HMAC of t, a dot and the body, five minutes
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from typing import Final

from gatectl.controller.serving.asking import Asked
from gatectl.controller.signatures import HEADER, mac, sign

LASTS: Final = 300.0
"""Seconds that a signature with a time lasts, before and after."""

SIGNATURE: Final = HEADER.lower()

_PLAIN: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)
_TIME: Final = re.compile(r"\d{1,12}", re.ASCII)
_GITLAB_KEY: Final = "whsec_"


def is_signed(asked: Asked, secret: str, now: float) -> bool:
    """Whether a call is signed with a secret at a moment, in seconds since 1970. The strongest of the signatures that it brings
    counts, and the others are not looked at. Nobody signs with a secret that is empty."""
    return _is_signed(asked, secret, now) and secret != ""


def _is_signed(asked: Asked, secret: str, now: float) -> bool:
    if "webhook-signature" in asked.headers:
        return _by_id(asked, secret, now)
    if "x-hub-signature-256" in asked.headers:
        return _same(asked.header("x-hub-signature-256"), f"sha256={mac(secret, asked.body).hex()}")
    if SIGNATURE in asked.headers:
        return _by_time(asked, secret, now)
    return _same(asked.header("x-gitlab-token"), secret)


def _by_time(asked: Asked, secret: str, now: float) -> bool:
    found = _PLAIN.fullmatch(asked.header(SIGNATURE) or "")
    if found is None:
        return False
    fresh = abs(now - int(found[1])) <= LASTS
    return _same(asked.header(SIGNATURE), sign(secret, asked.body, int(found[1]))) and fresh


def _by_id(asked: Asked, secret: str, now: float) -> bool:
    """As Standard Webhooks has it; several signatures may stand there, while a key is changed for another."""
    name, when = asked.header("webhook-id"), asked.header("webhook-timestamp") or ""
    if name is None or _TIME.fullmatch(when) is None:
        return False
    said = f"{name}.{when}.".encode("utf-8", "surrogateescape") + asked.body
    right = b64encode(hmac.new(_key(secret), said, hashlib.sha256).digest()).decode()
    given = (asked.header("webhook-signature") or "").split()[:10]
    fresh = abs(now - int(when)) <= LASTS
    return sum(_same(each, f"v1,{right}") for each in given) > 0 and fresh


def _key(secret: str) -> bytes:
    """The key of a secret as GitLab writes it, `whsec_` and Base64; any other is taken as it is."""
    if secret.startswith(_GITLAB_KEY):
        try:
            return b64decode(secret.removeprefix(_GITLAB_KEY), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode("utf-8", "surrogateescape")


def _same(given: str | None, right: str) -> bool:
    """In a time that tells nothing of how much of it is right."""
    sides = [(text or "").encode("utf-8", "surrogateescape") for text in (given, right)]
    return hmac.compare_digest(*sides)
