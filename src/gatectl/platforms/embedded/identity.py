"""Ids, moments and ETags: what tells one object, and one state of it, from another.

Law: pure functions and constants; nothing of SQL, nothing of the wire but its spelling of these three.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from gatectl import clock
from gatectl.errors import PreconditionFailed
from gatectl.quote import quote

DEFAULT_WORKSPACE_NAME = "default"

DEFAULT_WORKSPACE_ID = "00000000-0000-7000-8000-000000000001"
"""The same in every database, so that it is the same before the database exists as after."""

NO_ORGANIZATION = "00000000-0000-7000-8000-000000000000"
"""Of a database that nobody has created yet. Each has one organization, and its id is the database's own (`instance`)."""


def new_id() -> str:
    """A new UUID that sorts by the moment it was made (version 7, RFC 9562).

    New rows so go to the end of every index, which keeps a write small however large the database is, and lists come in
    the order of creation.
    """
    milliseconds = time.time_ns() // 1_000_000
    tail = os.urandom(10).hex()
    head = f"{milliseconds:012x}"
    variant = "89ab"[int(tail[3], 16) & 3]
    return f"{head[:8]}-{head[8:]}-7{tail[:3]}-{variant}{tail[4:7]}-{tail[7:19]}"


def timestamp() -> str:
    """Now, as the wire writes it."""
    return clock.timestamp(datetime.now(UTC))


def etag(object_id: str, version: int) -> str:
    """The ETag of one state of one object: an object made anew under the same name has another one."""
    return f'"{object_id}.{version}"'


def check_etag(expected: str | None, object_id: str, version: int) -> None:
    """Raises PreconditionFailed when an ETag is expected that the object does not have (any more).

    `expected` is what If-Match holds: an ETag, several with commas between, or "*" for any.
    """
    if expected is None or expected.strip() == "*":
        return
    if etag(object_id, version) not in (one.strip() for one in expected.split(",")):
        raise PreconditionFailed(f"the object {quote(object_id)} changed since it was read")
