"""Where approvals are kept, each with the plan that it approves: whether one holds is `approving.refusal`'s to say, since whoever writes
to the database may have written it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from gatectl.controller import tables
from gatectl.controller.approving import Approval
from gatectl.controller.database import Database, moment

_a, _t = tables.approvals.c, tables.targets.c


class Kept(NamedTuple):
    """An approval as it is kept: nobody has looked yet whether it holds (`approving.refusal`)."""

    approval: Approval
    mac: str
    plan: str


class Approvals:
    """The approvals in a database. Raises PlatformError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, kept: Kept) -> None:
        """Keep an approval, with the plan that it approves. One that is there already stays as it is; another of the same plan that nobody
        used gives way, since what is approved twice is still done once."""
        with self._database.writing() as connection:
            if connection.execute(select(_a.mac).where(_a.mac == kept.mac)).one_or_none() is None:
                self._make_way(connection, kept.approval)
                said = json.dumps(kept.approval)
                row = {"mac": kept.mac, "target": kept.approval.target, "said": said, "plan": kept.plan}
                connection.execute(insert(tables.approvals).values(row))

    @staticmethod
    def _make_way(connection: Connection, approval: Approval) -> None:
        unused = connection.execute(
            select(_a.mac, _a.said).where(_a.target == approval.target, _a.used.is_(None))
        ).all()
        found = [(mac, _approval(said)) for mac, said in unused]
        same = [mac for mac, each in found if each is not None and _plan_of(each) == _plan_of(approval)]
        connection.execute(delete(tables.approvals).where(_a.mac.in_(same)))

    def of(self, target: str, under: str | None = None) -> Sequence[Kept]:
        """The approvals of a target that nobody has used; and the one that a look wrote under which broke off. What cannot be read as
        one is left out: nobody of ours wrote it."""
        with self._database.writing() as connection:
            chosen = _a.used.is_(None) if under is None else _a.used.is_(None) | (_a.mac == under)
            asked = select(_a.said, _a.mac, _a.plan).where(_a.target == target, chosen).order_by(_a.mac)
            rows = connection.execute(asked).all()
        found = ((_approval(said), mac, plan) for said, mac, plan in rows)
        return [Kept(approval, mac, plan) for approval, mac, plan in found if approval is not None]

    def use(self, target: str, mac: str, worker: str) -> bool:
        """A look is about to write under an approval: it is used up, and the look goes by it. False: it was used before, by another; or
        another process looks at the target by now."""
        with self._database.writing() as connection:
            chosen = _t.name == target
            asked = select(_t.under).where(chosen, _t.worker == worker)
            row = connection.execute(asked).one_or_none()
            if row is None:
                return False
            once = update(tables.approvals).where(_a.mac == mac, _a.used.is_(None)).values(used=moment(connection))
            if connection.execute(once).rowcount != 1 and row.under != mac:
                return False
            connection.execute(update(tables.targets).where(chosen).values(under=mac))
            return True

    def give_back(self, target: str, mac: str, worker: str) -> None:
        """Nothing was written under an approval: it is there for another look."""
        with self._database.writing() as connection:
            chosen = update(tables.targets).where(_t.name == target, _t.worker == worker, _t.under == mac)
            if connection.execute(chosen.values(under=None)).rowcount == 1:
                connection.execute(update(tables.approvals).where(_a.mac == mac).values(used=None))

    def lapse(self, target: str, commit: str) -> None:
        """A commit of a target was applied: approvals of other commits that nobody used are over."""
        gone = [each.mac for each in self.of(target) if each.approval.commit != commit]
        with self._database.writing() as connection:
            connection.execute(delete(tables.approvals).where(_a.mac.in_(gone), _a.used.is_(None)))

    def sweep(self, seconds: float) -> int:
        """Delete the approvals that were used so long ago, or have lapsed; how many."""
        with self._database.writing() as connection:
            now = moment(connection)
            rows = connection.execute(select(_a.mac, _a.said, _a.used)).all()
            gone = [mac for mac, said, used in rows if _is_over(_approval(said), used, now, seconds)]
            connection.execute(delete(tables.approvals).where(_a.mac.in_(gone)))
            return len(gone)


def _plan_of(approval: Approval) -> tuple[str, str, str]:
    return approval.target, approval.commit, approval.fingerprint


def _approval(said: str) -> Approval | None:
    """An approval as a row has it; None: nobody of ours wrote it."""
    try:
        fields = json.loads(said)
        found = Approval(*fields)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (*found[:6], *((found.reason,) if found.reason is not None else ()))
    if not all(isinstance(each, str) for each in texts) or not all(
        type(each) is int for each in (found.at, found.until)
    ):
        return None
    if not isinstance(found.allow, list) or not all(isinstance(each, str) for each in found.allow):
        return None
    return found._replace(allow=tuple(found.allow))


def _is_over(approval: Approval | None, used: int | None, now: int, seconds: float) -> bool:
    since = used if used is not None else approval.until * 1000 if approval is not None else 0
    return now - since > seconds * 1000
