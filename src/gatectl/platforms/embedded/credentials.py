"""The credentials of buckets and LLMs: a secret of their own, or a reference to a provider API key.

Law: a secret leaves this file only as a keyed hash. What is given replaces what there was, both sides of it, so that an
object never holds a secret that nobody uses any more; what is not given (or null) changes nothing.
"""

from __future__ import annotations

from typing import Any

from .apikeys import check_api_key
from .fields import Body, optional_text
from .store import Transaction

NONE: dict[str, Any] = {"secret_hash": None, "api_key_id": None}
"""The columns of an object without credentials."""


def read_credentials(transaction: Transaction, body: Body, workspace_id: str) -> dict[str, Any]:
    """The columns that the body's `secret` and `apiKeyUuid` change; {} when it has neither.

    Raises PlatformRefused: 400 (not a string), 404 (no such provider key in the workspace).
    """
    secret, api_key_id = optional_text(body, "secret"), optional_text(body, "apiKeyUuid")
    if secret is None and api_key_id is None:
        return {}
    check_api_key(transaction.connection, api_key_id, workspace_id)
    return {"secret_hash": None if secret is None else transaction.seal(secret), "api_key_id": api_key_id}
