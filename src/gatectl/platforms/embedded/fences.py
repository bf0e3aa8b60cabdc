"""Numbers of leases, held against what is known here, in the transaction of the write that comes with them.

Law: whoever comes with a number that is not the newest writes nothing. Leases of this database are looked at themselves; of any other
store the highest number that ever came is kept, and whoever comes with a higher one shuts out all before.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from gatectl.errors import LeaseLost, OtherStore
from gatectl.platforms.interface import Fences
from gatectl.quote import quote

from .tables import fences as table
from .tables import leases

_AMONG: BindParameter[str] = bindparam("held", expanding=True)
_OWN = select(leases.c.workspace, leases.c.fence).where(
    leases.c.released.is_(False), leases.c.platform == bindparam("platform_"), leases.c.workspace.in_(_AMONG)
)
_KNOWN = select(table.c.workspace, table.c.store, table.c.fence).where(table.c.workspace.in_(_AMONG))
"""Made once: they are asked in the transaction of every write, and take longer to make than to answer."""


def check(connection: Connection, held: Fences, instance: str) -> None:
    """Raises LeaseLost where one of the numbers is not the newest, OtherStore where those of another store count. `instance` is this
    database's own id."""
    if held.store == instance:
        rows = connection.execute(_OWN, {"platform_": instance, "held": list(held.numbers)})
        found = {workspace: fence for workspace, fence in rows}
        if found != held.numbers:
            raise LeaseLost("somebody else has the lease of this run: nothing was written")
        return
    known = {row.workspace: row for row in connection.execute(_KNOWN, {"held": list(held.numbers)})}
    for workspace, number in held.numbers.items():
        row = known.get(workspace)
        if row is None:
            connection.execute(insert(table), {"workspace": workspace, "store": held.store, "fence": number})
        elif row.store != held.store:
            raise OtherStore(f"the leases of workspace {quote(workspace)} are in another store of records")
        elif row.fence > number:
            raise LeaseLost(f"workspace {quote(workspace)} has moved on: {row.fence}, and this is from {number}")
        elif row.fence < number:
            connection.execute(update(table).where(table.c.workspace == workspace), {"fence": number})
