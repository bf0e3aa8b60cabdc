"""Owners, what they own, and the heads of runs, for tests."""

from __future__ import annotations

from typing import Any

from gatectl.documents.journal import Head
from gatectl.documents.ownership import Owned, Owner

RUN = "20260131T101530123Z-9f86d081"


def owner_of(project: str = "site", environment: str = "default", **rest: Any) -> Owner:
    return Owner(project, rest.pop("uid", None), environment, rest.pop("place", None))


def owned_by(project: str, object_id: str, **rest: Any) -> Owned:
    """A bucket of this id that a project owns."""
    owner = rest.pop("owner", owner_of(project))
    found = Owned(owner, "Bucket", "default", "w-1", f"called-{object_id}", object_id)
    return found._replace(**rest)


def head_of(project: str = "site", run: str = RUN, **rest: Any) -> Head:
    owner = rest.pop("owner", owner_of(project))
    return Head(run, owner, None, "ann@desk", "2026-01-31T10:15:30.123Z")
