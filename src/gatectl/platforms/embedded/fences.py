"""Numbers of leases, held against what is known here, in the transaction of the write that comes with them.

Law: whoever comes with a number that is not the newest writes nothing. Leases of this database are looked at themselves; of any other
store the highest number that ever came is kept, and whoever comes with a higher one shuts out all before. The numbers of two stores
cannot be compared, so those of one count in a workspace: of the first that came, until somebody adopts another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import BindParameter, Connection, String, bindparam, insert, select, update

from gatectl.errors import LeaseLost, OtherStore
from gatectl.platforms.interface import Fences, Heeded
from gatectl.quote import quote

from .prepared import Prepared
from .tables import fences as table
from .tables import leases

_AMONG: BindParameter[str] = bindparam("held", expanding=True)
_HERE = leases.c.platform == bindparam("platform_")
_TAKEN = select(leases.c.workspace).where(_HERE, leases.c.workspace.in_(_AMONG))
_KNOWN = select(table.c.workspace, table.c.store, table.c.fence).where(table.c.workspace.in_(_AMONG))
"""Made once: they are asked in the transaction of every write, and take longer to make than to answer."""


@lru_cache(8)
def _own(count: int) -> Prepared:
    """What the leases of this database say of so many workspaces."""
    among = leases.c.workspace.in_([bindparam(_name(place), type_=String) for place in range(count)])
    return Prepared(
        select(leases.c.workspace, leases.c.fence, table.c.store)
        .outerjoin_from(leases, table, leases.c.workspace == table.c.workspace)
        .where(leases.c.released.is_(False), _HERE, among)
    )


def check(connection: Connection, held: Fences, instance: str) -> None:
    """Hold numbers against those that are known, and keep those that are higher.

    Raises LeaseLost where one of them is not the newest, OtherStore where those of another store count. `instance` is this database's
    own id.
    """
    for workspace, number in news(connection, held, instance, stale=False).items():
        _keep(connection, workspace, held.store, number)


def news(connection: Connection, held: Fences, instance: str, *, stale: bool) -> Mapping[str, int]:
    """The numbers that are higher than what is known. `stale`: whoever comes too late is let be, for somebody who only reads.

    Raises as `check`.
    """
    if held.store == instance:
        _check_own(connection, held, instance, stale=stale)
        return {}
    known = _known(connection, held)
    _check_unclaimed(connection, held, instance, [workspace for workspace in held.numbers if workspace not in known])
    for workspace, counts in known.items():
        if counts.store != held.store:
            raise _other(workspace, counts.store, held.store)
        if counts.number > held.numbers[workspace] and not stale:
            raise _late(workspace, counts.number, held.numbers[workspace])
    before = {workspace: counts.number for workspace, counts in known.items()}
    return {workspace: number for workspace, number in held.numbers.items() if number > before.get(workspace, 0)}


def adopt(connection: Connection, held: Fences) -> None:
    """From now on the numbers of this store count in these workspaces, whoever's did before. Raises LeaseLost where they are this
    store's own already, and higher."""
    known = _known(connection, held)
    for workspace, number in held.numbers.items():
        before = known.get(workspace)
        if before is not None and before.store == held.store and before.number >= number:
            raise _late(workspace, before.number, number)
        _keep(connection, workspace, held.store, number)


def heeded(connection: Connection, instance: str) -> dict[str, Heeded]:
    """Whose numbers count, and from which on, by workspace."""
    own = connection.execute(select(leases.c.workspace, leases.c.fence).where(_HERE), {"platform_": instance}).all()
    found = {workspace: Heeded(instance, fence) for workspace, fence in own}
    for workspace, store, fence in connection.execute(select(table.c.workspace, table.c.store, table.c.fence)):
        if store != instance or workspace not in found:
            found[workspace] = Heeded(store, fence)
    return found


def _known(connection: Connection, held: Fences) -> dict[str, Heeded]:
    rows = connection.execute(_KNOWN, {"held": list(held.numbers)})
    return {workspace: Heeded(store, fence) for workspace, store, fence in rows}


def _check_unclaimed(connection: Connection, held: Fences, instance: str, workspaces: Sequence[str]) -> None:
    """Where no other store came yet, this database's own leases count, if there ever were any. Raises OtherStore."""
    if workspaces:
        for workspace in connection.execute(_TAKEN, {"platform_": instance, "held": list(workspaces)}).scalars():
            raise _other(workspace, instance, held.store)


def _check_own(connection: Connection, held: Fences, instance: str, *, stale: bool) -> None:
    asked = {_name(place): workspace for place, workspace in enumerate(held.numbers)}
    rows = _own(len(asked)).all(connection, {"platform_": instance, **asked})
    for workspace, _, store in rows:
        if store not in (None, instance):
            raise _other(workspace, store, instance)
    if not stale and {workspace: fence for workspace, fence, _ in rows} != held.numbers:
        raise LeaseLost("somebody else has the lease of this run: nothing was written")


def _name(place: int) -> str:
    return f"held_{place}"


def _keep(connection: Connection, workspace: str, store: str, number: int) -> None:
    said = {"store": store, "fence": number}
    if not connection.execute(update(table).where(table.c.workspace == workspace), said).rowcount:
        connection.execute(insert(table), {"workspace": workspace, **said})


def _called(workspace: str) -> str:
    return f"workspace {quote(workspace)}" if workspace else "the platform"


def _late(workspace: str, newest: int, number: int) -> LeaseLost:
    return LeaseLost(
        f"the lease of {_called(workspace)} has moved on: its number is {newest:,}, and this is from {number:,}"
    )


def _other(workspace: str, counts: str, came: str) -> OtherStore:
    return OtherStore(
        f"in {_called(workspace)} the leases of the store of records {quote(counts)} count, and these are of {quote(came)}"
    )
