"""What the processes of a controller know of each other, and of their targets: tables of ours, beside the engine's.

One clock counts, the database's (of a file, this machine's). Each call is a transaction that no other write comes between. Nothing
secret is in any row: a plan names where secrets are, and an approval is a plan, a signature and who gave it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    MetaData,
    RowMapping,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gatectl.controller import budgets
from gatectl.controller.approving import Approval
from gatectl.controller.deciding import Condition
from gatectl.errors import PlatformError
from gatectl.platforms.embedded.postgres import PostgresDatabase
from gatectl.quote import quote

_METADATA: Final = MetaData()
_targets: Final = Table(
    "gatectl_targets", _METADATA,
    Column("name", Text, primary_key=True), Column("wanted", BigInteger, nullable=False), Column("done", BigInteger, nullable=False),
    Column("state", Text), Column("reason", Text), Column("conditions", Text), Column("since", BigInteger), Column("looked", BigInteger),
    Column("commit_id", Text), Column("fingerprint", Text), Column("failures", BigInteger, nullable=False), Column("paused", Text),
)  # fmt: skip
_workers: Final = Table(
    "gatectl_workers", _METADATA,
    Column("id", Text, primary_key=True), Column("beat", BigInteger, nullable=False), Column("host", Text),
)  # fmt: skip
_budgets: Final = Table(
    "gatectl_budgets", _METADATA,
    Column("platform", Text, primary_key=True), Column("next", Float, nullable=False), Column("routine", Float, nullable=False),
)  # fmt: skip
_approvals: Final = Table(
    "gatectl_approvals", _METADATA,
    Column("mac", Text, primary_key=True), Column("target", Text, nullable=False), Column("said", Text, nullable=False),
    Column("plan", Text, nullable=False), Column("used", BigInteger),
)  # fmt: skip

_t, _w, _b, _a = _targets.c, _workers.c, _budgets.c, _approvals.c
_SERVER: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")
_FILE: Final = text("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(6073410020191)")
"""Of our tables alone: whoever writes them has them to themselves for a moment."""
_BUSY: Final = 10


class Known(NamedTuple):
    """What is known of a target. `wanted` counts how often it was asked for, `done` up to which of these it was looked at; moments are
    milliseconds since 1970. `failures`: so many times in a row; `paused`: by whom."""

    name: str
    wanted: int
    done: int
    state: Condition | None
    conditions: tuple[Condition, ...]
    since: int | None
    looked: int | None
    commit: str | None
    fingerprint: str | None
    failures: int
    paused: str | None


class Seen(NamedTuple):
    """What a look at a target found: its state, all that holds of it, of which commit, and the fingerprint of its plan."""

    state: Condition
    conditions: tuple[Condition, ...]
    commit: str | None = None
    fingerprint: str | None = None


class Kept(NamedTuple):
    """An approval as it is kept: nobody has looked yet whether it holds (`approving.refusal`)."""

    approval: Approval
    mac: str
    plan: str


class Store:
    """The tables in a database: `sqlite:////absolute/path` or `postgresql://…`, the operator's own word. They are made where they are
    not. Raises PlatformError, also from all that it is asked."""

    def __init__(self, address: str) -> None:
        self._engine = _engine(address)
        with self._writing() as connection:
            _METADATA.create_all(connection)

    def close(self) -> None:
        self._engine.dispose()

    def now(self) -> int:
        """Milliseconds since 1970, by the one clock."""
        with self._writing() as connection:
            return _now(connection)

    # Targets

    def want(self, names: Collection[str]) -> None:
        """Targets are asked for once more, each: those that are not known yet, too."""
        with self._writing() as connection:
            for name in names:
                asked = update(_targets).where(_t.name == name).values(wanted=_t.wanted + 1)
                if connection.execute(asked).rowcount == 0:
                    connection.execute(insert(_targets).values(name=name, wanted=1, done=0, failures=0))

    def begin(self, name: str) -> int:
        """How often a target was asked for until now: what a look that begins now is for."""
        with self._writing() as connection:
            found = connection.execute(select(_t.wanted).where(_t.name == name)).scalar_one_or_none()
            return int(found or 0)

    def finish(self, name: str, wanted: int, seen: Seen) -> bool:
        """Keep what a look found that was for all until `wanted`; whether it was asked for since, so that another look is due."""
        with self._writing() as connection:
            now = _now(connection)
            before = connection.execute(select(_targets).where(_t.name == name)).mappings().one_or_none()
            if before is None:
                return False
            failed = seen.state.state in ("failed", "invalid")
            same = (before["state"], before["reason"]) == seen.state
            values = {
                "done": max(wanted, before["done"]), "state": seen.state.state, "reason": seen.state.reason,
                "conditions": json.dumps(seen.conditions), "since": before["since"] if same else now, "looked": now,
                "commit_id": seen.commit, "fingerprint": seen.fingerprint, "failures": before["failures"] + 1 if failed else 0,
            }  # fmt: skip
            connection.execute(update(_targets).where(_t.name == name).values(values))
            return bool(before["wanted"] > max(wanted, before["done"]))

    def pause(self, name: str, who: str | None) -> bool:
        """Somebody pauses a target, or (None) it goes on; whether there is one of this name."""
        with self._writing() as connection:
            return connection.execute(update(_targets).where(_t.name == name).values(paused=who)).rowcount == 1

    def known(self) -> Sequence[Known]:
        """All targets, by name."""
        with self._writing() as connection:
            return [_known(row._mapping) for row in connection.execute(select(_targets).order_by(_t.name))]

    def forget(self, names: Collection[str]) -> None:
        """Targets have left the fleet: nothing is deleted that they applied."""
        with self._writing() as connection:
            connection.execute(delete(_targets).where(_t.name.in_(names)))

    # Workers

    def join(self, worker: str, host: str) -> None:
        """A process is there, under an id that none ever had."""
        with self._writing() as connection:
            connection.execute(insert(_workers).values(id=worker, beat=_now(connection), host=host))

    def beat(self, worker: str) -> bool:
        """It is still there. False: others took it for dead, and it is over."""
        with self._writing() as connection:
            return (
                connection.execute(update(_workers).where(_w.id == worker).values(beat=_now(connection))).rowcount == 1
            )

    def leave(self, worker: str) -> None:
        """It ends, and nobody needs to take over what it did."""
        with self._writing() as connection:
            connection.execute(delete(_workers).where(_w.id == worker))

    def bury(self, seconds: float) -> Sequence[str]:
        """The processes that said nothing for so long: whoever is told of one takes over what it did, and nobody else is."""
        with self._writing() as connection:
            late = _w.beat < _now(connection) - int(seconds * 1000)
            return sorted(connection.execute(delete(_workers).where(late).returning(_w.id)).scalars())

    def workers(self) -> frozenset[str]:
        """The processes that are there."""
        with self._writing() as connection:
            return frozenset(connection.execute(select(_w.id)).scalars())

    # Requests

    def take(self, platform: str, rate: float, *, urgent: bool) -> budgets.Taken:
        """Ask for a lot of requests to a platform (`budgets.take`); its moments are seconds since 1970, by the one clock."""
        with self._writing() as connection:
            now = _now(connection) / 1000
            found = connection.execute(select(_b.next, _b.routine).where(_b.platform == platform)).one_or_none()
            taken = budgets.take(budgets.State(*found) if found else budgets.State(), rate, now, urgent=urgent)
            if found is None:
                connection.execute(insert(_budgets).values(platform=platform, **taken.state._asdict()))
            elif taken.lot is not None:
                connection.execute(update(_budgets).where(_b.platform == platform).values(taken.state._asdict()))
            return taken

    # Approvals

    def keep(self, kept: Kept) -> None:
        """Keep an approval, with the plan that it approves. One that is there already stays as it is."""
        with self._writing() as connection:
            if connection.execute(select(_a.mac).where(_a.mac == kept.mac)).one_or_none() is None:
                said = json.dumps(kept.approval)
                connection.execute(
                    insert(_approvals).values(mac=kept.mac, target=kept.approval.target, said=said, plan=kept.plan)
                )

    def approvals(self, target: str) -> Sequence[Kept]:
        """The approvals of a target that nobody has used. What cannot be read as one is left out: nobody of ours wrote it."""
        with self._writing() as connection:
            asked = select(_a.said, _a.mac, _a.plan).where(_a.target == target, _a.used.is_(None)).order_by(_a.mac)
            rows = connection.execute(asked).all()
        found = ((_approval(said), mac, plan) for said, mac, plan in rows)
        return [Kept(approval, mac, plan) for approval, mac, plan in found if approval is not None]

    def use(self, mac: str) -> bool:
        """Something was written under an approval: it is used up. False: it was before."""
        with self._writing() as connection:
            asked = update(_approvals).where(_a.mac == mac, _a.used.is_(None)).values(used=_now(connection))
            return connection.execute(asked).rowcount == 1

    def sweep(self, seconds: float) -> int:
        """Delete the approvals that were used so long ago, or have lapsed; how many."""
        with self._writing() as connection:
            now = _now(connection)
            rows = connection.execute(select(_a.mac, _a.said, _a.used)).all()
            gone = [mac for mac, said, used in rows if _is_over(_approval(said), used, now, seconds)]
            connection.execute(delete(_approvals).where(_a.mac.in_(gone)))
            return len(gone)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(_LOCK)
                yield connection
        except DBAPIError as error:
            raise PlatformError(
                f"the controller's database failed: {quote(type(error).__name__)}", "is it there?"
            ) from None
        except SQLAlchemyError as error:
            raise PlatformError(f"the controller's database cannot be used: {quote(type(error).__name__)}") from None


def _engine(address: str) -> Engine:
    """Values never reach the text of an exception. Raises PlatformError, UntrustedHost, UsageError."""
    if address.startswith("postgresql://"):
        way = PostgresDatabase(address, named=True).way
        url = make_url(address).set(drivername="postgresql+psycopg")
        return create_engine(url, connect_args=dict(way.arguments), hide_parameters=True, pool_pre_ping=True)
    path = Path(address.removeprefix("sqlite:///"))
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700, parents=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY}, hide_parameters=True)
    event.listen(engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _now(connection: Connection) -> int:
    return int(connection.execute(_SERVER if connection.dialect.name == "postgresql" else _FILE).scalar_one())


def _known(row: RowMapping) -> Known:
    try:
        conditions = tuple(Condition(*each) for each in json.loads(row["conditions"] or "[]"))
    except (ValueError, TypeError, RecursionError):  # nobody of ours wrote it; the next look writes it anew
        conditions = ()
    state = Condition(row["state"], row["reason"]) if row["state"] is not None else None
    return Known(
        row["name"], row["wanted"], row["done"], state, conditions, row["since"], row["looked"], row["commit_id"], row["fingerprint"],
        row["failures"], row["paused"],
    )  # fmt: skip


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
