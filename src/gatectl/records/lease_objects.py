"""Leases in an object store: one object each, that is replaced by whoever saw what is there.

Law: an object of a lease is never deleted. The store has no clock, so nothing here says that a lease has lapsed.

    leases/PLATFORM/WORKSPACE/lease.json
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from gatectl.clock import timestamp
from gatectl.errors import PlatformError
from gatectl.quote import quote
from gatectl.records.buckets import Found, Objects, Version, body, content
from gatectl.records.leases import PLATFORM, Lease, Seen, is_same, lease_json, read_lease

_PLAIN: Final = re.compile("[A-Za-z0-9-]{1,64}")
_OWN: Final = "_platform"


class ObjectLeases:
    """Reads the leases of a bucket, and changes them (`leases.Leases`). `instance` is the store's id, `wall` the time of day."""

    def __init__(self, objects: Objects, instance: str | None, wall: Callable[[], float]) -> None:
        self._objects = objects
        self._wall = wall
        self.instance = instance

    def look(self, platform: str, workspace: str) -> Seen | None:
        key = _key(platform, _folder(workspace))
        found = self._objects.get(key)
        if found is None:
            return None
        seen = self._seen(key, found)
        if seen.lease.workspace != workspace:
            raise self._broken(key, ValueError("it is of another workspace"))
        return seen

    def all(self, platform: str) -> Sequence[Seen]:
        keys = [_key(platform, folder) for folder in self._objects.below(f"leases/{_named(platform)}")]
        found = [(key, self._objects.get(key)) for key in keys]
        seen = [self._seen(key, each) for key, each in found if each is not None]
        return sorted(seen, key=lambda each: each.lease.workspace)

    def put(self, platform: str, lease: Lease, before: Seen | None) -> Seen | None:
        version: Version | None = None
        if before is not None:
            assert isinstance(before.version, Found), before
            version = before.version.version
        until = datetime.fromtimestamp(self._wall() + lease.seconds, UTC)
        lease = lease._replace(until=timestamp(until))
        data = body({"lease": lease_json(lease)})
        written = self._objects.swap(_key(platform, _folder(lease.workspace)), data, version)
        return None if written is None else Seen(lease, Found(data, written))

    def renew(self, platform: str, before: Seen) -> Seen | None:
        """Whether it is one's own is told by number and token: a renewal whose answer was lost is no other one."""
        mine, seen = before.lease, before
        for _ in range(2):
            renewed = self.put(platform, mine, seen)
            found = None if renewed is not None else self.look(platform, mine.workspace)
            if found is None:
                return renewed
            if found.lease.released or not is_same(found.lease, mine):
                return None
            seen = found
        return None

    def close(self) -> None: ...

    def _seen(self, key: str, found: Found) -> Seen:
        try:
            return Seen(read_lease(content(found.data, "lease")), found)
        except ValueError as error:
            raise self._broken(key, error) from error

    def _broken(self, key: str, error: Exception) -> PlatformError:
        return PlatformError(
            f"{quote(self._objects.called(key))} is not as it was written: {quote(error)}",
            "Restore it, with a number at least as high; it was left as it is.",
        )


def _key(platform: str, folder: str) -> str:
    return f"leases/{_named(platform)}/{folder}/lease.json"


def _folder(workspace: str) -> str:
    return _OWN if workspace == PLATFORM else _named(workspace)


def _named(text: str) -> str:
    """An id as a part of a key: ids are the platform's words, and could be anything."""
    return text if _PLAIN.fullmatch(text) else f"_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
