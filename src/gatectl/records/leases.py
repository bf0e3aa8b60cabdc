"""Leases: who applies to a workspace now, and until when. Values, and what a store of them does. Pure.

A lease is of one platform and one of its workspaces, whatever project asks; the platform's own has the workspace "". It is never
deleted: what is let go of stays, released, so that its number (`fence`) only grows. Whoever takes a lease has a number that is
higher than any before, by which a platform can tell who comes too late.

A store replaces a lease only where it is still what was seen, so of two who take one at the same moment one does. Databases have a
clock, which says whether a lease has lapsed; object stores have none, and there whoever waits watches whether it changes. No two
machines' clocks are ever compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from gatectl.errors import PlatformError
from gatectl.platforms.fencing import HIGHEST
from gatectl.quote import quote

PLATFORM: Final = ""
"""The workspace of the lease of the platform itself: for what belongs to no workspace."""


class Holder(NamedTuple):
    """Who holds a lease: the user, the host and the process on it, and its run.

    `boot`, `namespace`, `pid` and `started` tell a process from every other that ever was on that host (None: it cannot be told);
    `url` is that of a pipeline's job.
    """

    user: str | None = None
    host: str | None = None
    boot: str | None = None
    namespace: str | None = None
    pid: int | None = None
    started: int | None = None
    run: str | None = None
    url: str | None = None

    @property
    def name(self) -> str:
        """Who it is, for people."""
        return "@".join(filter(None, (self.user, self.host))) or "somebody"


class Lease(NamedTuple):
    """A lease. `since` and `until` are for people: moments as the wire writes them. `token` is one taking's own, and `seconds` how
    long it lasts when it is not renewed."""

    workspace: str
    fence: int
    holder: Holder
    since: str
    until: str
    seconds: float
    token: str
    released: bool = False


class Seen(NamedTuple):
    """A lease as a store has it. `version` is another one after every write; `lapsed` is what the store's clock says (None: it has
    none)."""

    lease: Lease
    version: object
    lapsed: bool | None = None

    @property
    def free(self) -> bool:
        """Whether nobody holds it, as far as the store can tell."""
        return self.lease.released or self.lapsed is True


class LeasesReader(Protocol):
    """Reads leases; cannot change one, and creates nothing."""

    @property
    def instance(self) -> str | None:
        """The store's own id; None where nobody has created it yet."""

    def look(self, platform: str, workspace: str) -> Seen | None:
        """The lease of a workspace; None where nobody has ever taken it. Raises PlatformError."""

    def all(self, platform: str) -> Sequence[Seen]:
        """All leases of a platform, by workspace, whether they are held or not. Raises PlatformError."""

    def close(self) -> None: ...


class Leases(LeasesReader, Protocol):
    """Reads leases, and changes them."""

    def put(self, platform: str, lease: Lease, before: Seen | None) -> Seen | None:
        """Write a lease in place of what was seen (None: of nothing), for its seconds from now on; what is there then.

        None: something else is there, so nothing was written. Raises PlatformError, and then it may have been.
        """

    def renew(self, platform: str, before: Seen) -> Seen | None:
        """Write one's own lease anew, for its seconds from now on. None: it is no longer one's own, or has lapsed by the store's
        clock. Raises PlatformError, and then it may have been."""


def is_same(one: Lease, other: Lease) -> bool:
    """Whether two states of a lease are of one taking."""
    return (one.fence, one.token) == (other.fence, other.token)


def after(number: int, workspace: str) -> int:
    """The number of the lease that comes after one. Raises PlatformError where there is none: nobody counted that far."""
    if not 0 <= number < HIGHEST:
        raise PlatformError(
            f"the lease of {f'workspace {quote(workspace)}' if workspace else 'the platform'} is damaged: no number comes after {number}",
            "Restore the store of records, with a number at least as high as any that was taken; it was left as it is.",
        )
    return number + 1


def holder_json(holder: Holder) -> dict[str, object]:
    """A holder as stores keep it."""
    return holder._asdict()


def read_holder(document: object) -> Holder:
    """A holder out of a store. Raises ValueError for what nobody of ours wrote."""
    if not isinstance(document, Mapping) or set(document) - set(Holder._fields):
        raise ValueError("its holder is nobody")
    numbers = ("pid", "started")
    for field, value in document.items():
        if value is not None and type(value) is not (int if field in numbers else str):
            raise ValueError(f"its holder's {field} is of a wrong type")
    return Holder(**document)


def lease_json(lease: Lease) -> dict[str, object]:
    """A lease as object stores keep it."""
    return {**lease._asdict(), "holder": holder_json(lease.holder)}


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "workspace": (str,), "fence": (int,), "since": (str,), "until": (str,), "seconds": (int, float), "token": (str,), "released": (bool,),
}  # fmt: skip


def read_lease(document: object) -> Lease:
    """A lease out of an object store. Raises ValueError for what nobody of ours wrote."""
    if not isinstance(document, Mapping) or set(document) != set(Lease._fields):
        raise ValueError("it is no lease")
    for field, types in _TYPES.items():
        if type(document[field]) not in types:
            raise ValueError(f"its {field} is of a wrong type")
    lease = Lease(**{**document, "holder": read_holder(document["holder"])})
    if not 1 <= lease.fence <= HIGHEST or not 0 <= lease.seconds < 1e6:
        raise ValueError("its numbers cannot be")
    return lease
