"""Who is at work: the leases of a platform that somebody has, as `gatectl lock status --format json` has them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypedDict, TypeVar

from gatectl.errors import UsageError
from gatectl.quote import quote

FORMAT_VERSION: Final = "1.0"

State = Literal["held", "lapsed", "ended"]
"""What is known of a lease: somebody holds it, as far as can be told; the store's clock says that it is over; its holder was a process of
this machine, and that has ended. The next apply waits for neither of the last two."""

Reach = Literal["all", "machine", "none"]
"""Whom leases keep apart: all who apply to the platform through this store, the applies of this machine and folder, nobody."""


class Lock(TypedDict):
    """A lease that was not let go of. `workspace` is its name, or its id where that is not known; both are None for the platform's own.
    `since` and `until` are its holder's words."""

    workspace: str | None
    workspaceId: str | None
    state: State
    fence: int
    user: str | None
    host: str | None
    pid: int | None
    run: str | None
    url: str | None
    since: str
    until: str


class Locks(TypedDict):
    """All of them, and where they are kept."""

    formatVersion: str
    platform: str
    store: str
    reach: Reach
    leases: Sequence[Lock]


class Released(TypedDict):
    """A lease that was taken from its holder, as it was before, and its new number."""

    formatVersion: str
    released: Lock
    fence: int


class Counting(TypedDict):
    """Whose leases a platform goes by in a workspace: the id of their store, and the highest number that came. `workspace` as in `Lock`."""

    workspace: str | None
    workspaceId: str | None
    store: str
    fence: int


class Adoptable(TypedDict):
    """The workspaces in which an environment's store, by name and id, does not count, and what does."""

    formatVersion: str
    platform: str
    store: str
    instance: str
    workspaces: Sequence[Counting]


class Adopted(TypedDict):
    """The workspaces in which it counts now, with its number there, and what did before."""

    formatVersion: str
    platform: str
    store: str
    instance: str
    adopted: Sequence[Counting]
    before: Sequence[Counting]


def narrowed(adoptable: Adoptable, workspace: str | None, *, of_platform: bool) -> Adoptable:
    """The same of one workspace, by name or id, or of the platform's own lease. Raises UsageError where there is none."""
    if workspace is None and not of_platform:
        return adoptable
    found, what = _called(adoptable["workspaces"], workspace, of_platform=of_platform)
    if not found:
        raise UsageError(
            f"there is nothing to adopt in {what}",
            "no other store counts there; leave out its name to see where one does",
        )
    return {**adoptable, "workspaces": found}


def find(locks: Locks, workspace: str | None, *, of_platform: bool) -> Lock:
    """The lease of a workspace, by name or id, the platform's own, or where neither is said the only one. Raises UsageError."""
    found, what = _called(locks["leases"], workspace, of_platform=of_platform)
    if not found:
        raise UsageError(f"nobody has a lease of {what} there", "gatectl lock status shows who is at it")
    if len(found) > 1:
        ways = ["--of-platform" if lock["workspaceId"] is None else quote(lock["workspaceId"]) for lock in found]
        raise UsageError(f"there are {len(found):,} leases that somebody has", f"say which: {', '.join(ways)}")
    return found[0]


_Listed = TypeVar("_Listed", Lock, Counting)


def _called(listed: Sequence[_Listed], workspace: str | None, *, of_platform: bool) -> tuple[list[_Listed], str]:
    """Those of the platform itself, or of a workspace by its name, else by its id, or all; and what that is in words."""
    if of_platform:
        return [each for each in listed if each["workspaceId"] is None], "the platform itself"
    if workspace is None:
        return list(listed), "anything"
    named = [each for each in listed if each["workspace"] == workspace]
    found = named or [each for each in listed if each["workspaceId"] == workspace]
    return found, f"workspace {quote(workspace)}"
