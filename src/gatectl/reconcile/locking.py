"""The flow of a look at who is at work, of taking a lease from whoever has it, and of saying whose leases count. Of the platform only
names are read, and which leases it goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing

from gatectl.applying.holders import is_dead
from gatectl.applying.leasing import Way, let_go, raise_above
from gatectl.documents.locks import (
    FORMAT_VERSION,
    Adoptable,
    Adopted,
    Counting,
    Lock,
    Locks,
    Reach,
    Released,
    State,
)
from gatectl.errors import GatectlError, PlatformError, PlatformLocked, Unsupported, UsageError
from gatectl.planning.current import read_workspaces
from gatectl.platforms import driver_for
from gatectl.platforms.fencing import MOST
from gatectl.platforms.interface import Connection, Fences, Heeded, Reader
from gatectl.quote import quote
from gatectl.reconcile.asking import here
from gatectl.reconcile.request import Request
from gatectl.records import open_leases, read_leases
from gatectl.records.chosen import choose
from gatectl.records.leases import PLATFORM, Holder, Seen


def look(request: Request, connect: Callable[[], Connection]) -> Locks:
    """The leases that somebody has. Raises UntrustedStore, PlatformError."""
    connection = connect()
    driver, chosen = driver_for(connection.target), choose(connection)
    with closing(driver.open_reader(connection)) as reader:
        platform = reader.identification
        with closing(read_leases(connection)) as leases:
            seen = [each for each in leases.all(platform.key) if not each.lease.released]
        names = _names(reader) if seen else {}
    of_platform = driver.records == "platform"
    reach: Reach = "all" if of_platform or chosen.shared else "none" if chosen.scheme == "none" else "machine"
    own = here(request)
    return {
        "formatVersion": FORMAT_VERSION,
        "platform": platform.url,
        "store": "platform" if of_platform else chosen.name,
        "reach": reach,
        "leases": [_lock(each, names, own) for each in seen],
    }


def release(request: Request, connect: Callable[[], Connection], lock: Lock) -> Released:
    """Take a lease from whoever had it when it was looked at; a platform that goes by this store's leases is told at once.

    Raises PlatformLocked where it is another one by now, PlatformError.
    """
    connection = connect()
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        platform = reader.identification.key
    workspace = PLATFORM if lock["workspaceId"] is None else lock["workspaceId"]
    with closing(open_leases(connection)) as leases:
        fence = let_go(leases, platform, workspace, lock["fence"])
        instance = leases.instance
    if instance is not None:
        _told(request, connection, Fences(instance, {workspace: fence}))
    return {"formatVersion": FORMAT_VERSION, "released": lock, "fence": fence}


def _told(request: Request, connection: Connection, fences: Fences) -> None:
    """Tell a platform that goes by the leases of a shared store, so that whoever had one is refused from now on, and not from the
    next apply on. The lease is let go already: where it cannot be told, that is a warning."""
    if not _tells(connection):
        return
    try:
        with closing(driver_for(connection.target).open_heeding(connection)) as heeding:
            found = heeding.heeded()
            if all(found[each].store == fences.store for each in fences.numbers if each in found):
                heeding.adopt(fences)
    except Unsupported:
        return
    except GatectlError as error:
        request.warn(f"the platform does not know yet that the lease is released: {error.message}")


def adoptable(request: Request, connect: Callable[[], Connection]) -> Adoptable:
    """Where the leases of this environment's store do not count on its platform. Changes nothing.

    Raises UsageError where the platform is told of no leases, Unsupported where it goes by none, UntrustedStore, PlatformError.
    """
    connection = connect()
    driver = driver_for(connection.target)
    store = _told_of(connection)
    with closing(driver.open_reader(connection)) as reader:
        platform = reader.identification
        with closing(read_leases(connection)) as leases:
            instance = leases.instance
            own = {each.lease.workspace: each.lease.fence for each in leases.all(platform.key)}
        if instance is None:
            raise UsageError(
                f"there is no store of records yet ({quote(store)})",
                "apply once; --new-records creates one that is shared",
            )
        with closing(driver.open_heeding(connection)) as heeding:
            found = heeding.heeded()
        others = {w: each for w, each in found.items() if each.store != instance or each.number > own.get(w, 0)}
        names = _names(reader) if others else {}
    return {
        "formatVersion": FORMAT_VERSION,
        "platform": platform.url,
        "store": store,
        "instance": instance,
        "workspaces": [_counting(w, names, others[w]) for w in sorted(others)],
    }


def adopt(request: Request, connect: Callable[[], Connection], wanted: Adoptable) -> Adopted:
    """Let the leases of this environment's store count in these workspaces, from higher numbers on than any that were.

    Raises PlatformLocked where somebody is at work in one by this store, and as `adoptable`.
    """
    before = wanted["workspaces"]
    numbers = _raised(request, connect(), wanted) if before else {}
    found: list[Counting] = [
        {**each, "store": wanted["instance"], "fence": numbers[each["workspaceId"] or PLATFORM]} for each in before
    ]
    return {
        "formatVersion": FORMAT_VERSION,
        "platform": wanted["platform"],
        "store": wanted["store"],
        "instance": wanted["instance"],
        "adopted": found,
        "before": before,
    }


def _raised(request: Request, connection: Connection, wanted: Adoptable) -> dict[str, int]:
    """Numbers of this store that are higher than any that were, and that the platform goes by from now on."""
    driver, instance = driver_for(connection.target), wanted["instance"]
    with closing(driver.open_reader(connection)) as reader:
        platform = reader.identification.key
    numbers: dict[str, int] = {}
    with closing(open_leases(connection)) as leases:
        if leases.instance != instance:
            raise PlatformLocked(
                "the store of records is not any more as it was seen", "look again: gatectl lock adopt"
            )
        way = Way(leases, platform, here(request), connection.clock)
        for each in wanted["workspaces"]:
            workspace = each["workspaceId"] or PLATFORM
            numbers[workspace] = raise_above(way, workspace, each["workspace"] or "", each["fence"])
    named = sorted(numbers)
    with closing(driver.open_heeding(connection)) as heeding:
        for start in range(0, len(named), MOST):
            heeding.adopt(
                Fences(instance, {workspace: numbers[workspace] for workspace in named[start : start + MOST]})
            )
    return numbers


def _tells(connection: Connection) -> bool:
    """Whether a platform is told of leases that lie elsewhere: those that several machines share."""
    return driver_for(connection.target).records != "platform" and choose(connection).shared


def _told_of(connection: Connection) -> str:
    """The store whose leases the platform is told of, by name. Raises UsageError where it is told of none."""
    driver, chosen = driver_for(connection.target), choose(connection)
    if not driver.writable:
        raise UsageError("nobody applies to a snapshot", "adopt on the platform itself")
    if driver.records == "platform":
        return "platform"
    if not _tells(connection):
        raise UsageError(
            f"the platform is told of leases that several machines share, and those in {quote(chosen.name)} are not",
            "name a store that is shared: records: in the environment, or --records",
        )
    return chosen.name


def _counting(workspace: str, names: Mapping[str, str], heeded: Heeded) -> Counting:
    own = workspace == PLATFORM
    return {
        "workspace": None if own else names.get(workspace, workspace),
        "workspaceId": None if own else workspace,
        "store": heeded.store,
        "fence": heeded.number,
    }


def _names(reader: Reader) -> Mapping[str, str]:
    """The names of workspaces, by id; none where the platform does not tell: who is at work is worth knowing without them."""
    try:
        return {each.id: each.key.name for each in read_workspaces(reader).by_id.values()}
    except PlatformError:
        return {}


def _lock(seen: Seen, names: Mapping[str, str], here: Holder) -> Lock:
    lease, holder = seen.lease, seen.lease.holder
    state: State = "lapsed" if seen.lapsed else "ended" if is_dead(holder, here) else "held"
    own = lease.workspace == PLATFORM
    return {
        "workspace": None if own else names.get(lease.workspace, lease.workspace),
        "workspaceId": None if own else lease.workspace,
        "state": state,
        "fence": lease.fence,
        "user": holder.user,
        "host": holder.host,
        "pid": holder.pid,
        "run": holder.run,
        "url": holder.url,
        "since": lease.since,
        "until": lease.until,
    }
