"""The flow of a look at who is at work, and of taking a lease from whoever has it. Of the platform only names are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing

from gatectl.applying.holders import holder_of, is_dead
from gatectl.applying.kept import begin
from gatectl.applying.leasing import let_go
from gatectl.documents.locks import FORMAT_VERSION, Lock, Locks, Reach, Released, State
from gatectl.errors import PlatformError
from gatectl.planning.current import read_workspaces
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader
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
    here = _here(request)
    return {
        "formatVersion": FORMAT_VERSION,
        "platform": platform.url,
        "store": "platform" if of_platform else chosen.name,
        "reach": reach,
        "leases": [_lock(each, names, here) for each in seen],
    }


def release(request: Request, connect: Callable[[], Connection], lock: Lock) -> Released:
    """Take a lease from whoever had it when it was looked at. Raises PlatformLocked where it is another one by now, PlatformError."""
    connection = connect()
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        platform = reader.identification.key
    workspace = PLATFORM if lock["workspaceId"] is None else lock["workspaceId"]
    with closing(open_leases(connection)) as leases:
        fence = let_go(leases, platform, workspace, lock["fence"])
    return {"formatVersion": FORMAT_VERSION, "released": lock, "fence": fence}


def _names(reader: Reader) -> Mapping[str, str]:
    """The names of workspaces, by id; none where the platform does not tell: who is at work is worth knowing without them."""
    try:
        return {each.id: each.key.name for each in read_workspaces(reader).by_id.values()}
    except PlatformError:
        return {}


def _here(request: Request) -> Holder:
    run = begin(request.project.environ)
    return holder_of(run.actor.user, run.actor.host, run.id, run.actor.url)


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
