"""What the processes of a controller know of each other, and of their targets: how often each was asked for, who looks at it, what came
of it. Nothing secret is in any row: a plan names where secrets are.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, or_, select, update

from gatectl.controller import budgets, tables
from gatectl.controller.database import Database, moment
from gatectl.controller.deciding import Condition, event_of

_t, _w, _b = tables.targets.c, tables.workers.c, tables.budgets.c

AGAIN: Final = 60.0
"""Seconds after which a target that was asked for, and that nobody looks at, is asked for anew: whoever had it is gone."""


class Placed(NamedTuple):
    """A target as a commit has it: its name, and the path of its project file; `refused`: why it is none."""

    name: str
    project: str
    refused: str | None = None


class Begun(NamedTuple):
    """A look that begins: it is for all that was asked until `wanted`; `newest` is the commit to look at. `urgent`: for a webhook or an
    approval. `under`: the approval that a look which broke off wrote under."""

    name: str
    wanted: int
    source: str
    project: str
    newest: str
    urgent: bool
    under: str | None
    at: int
    failures: int
    """How many looks in a row have failed."""


class Known(NamedTuple):
    """What is known of a target. `wanted` counts how often it was asked for, `done` up to which of these it was looked at; moments are
    milliseconds since 1970. `newest`: the commit to look at; `commit`: the one that was looked at last; `applied`: the last one that it
    was once in sync with. `worker`: who looks at it now, since `begun`, and writes under the approval `under`. `failures`: so many times
    in a row; `paused`: by whom."""

    name: str
    source: str | None
    wanted: int
    done: int
    newest: str | None
    state: Condition | None
    conditions: tuple[Condition, ...]
    since: int | None
    looked: int | None
    due: int | None
    commit: str | None
    applied: str | None
    fingerprint: str | None
    failures: int
    paused: str | None
    worker: str | None
    begun: int | None
    under: str | None


class Seen(NamedTuple):
    """What a look at a target found: its state, all that holds of it, of which commit, and the fingerprint of its plan. `wait`: seconds
    until it is to be looked at again. `plan`: what is to be applied, as it is saved (None: nothing). `receipt`: the id of what was."""

    state: Condition
    conditions: tuple[Condition, ...]
    commit: str | None = None
    fingerprint: str | None = None
    wait: float = 300.0
    plan: str | None = None
    receipt: str | None = None
    under: str | None = None
    """The approval that the next look goes on under, since one that broke off wrote under it."""


class Finished(NamedTuple):
    """`again`: it was asked for since, so another look is due. `moved`: it is in sync with a commit for the first time; `changed`: its
    state, or what is said of it, is another than before."""

    again: bool
    moved: bool
    changed: bool


class Due(NamedTuple):
    """A target that is to be looked at, and whether it was in sync last. `urgent`: for a webhook or an approval."""

    name: str
    quiet: bool
    urgent: bool


class Run(NamedTuple):
    """A look that changed something: the state of its target, or the platform. `receipt`: the id of the run in the records."""

    target: str
    began: int
    ended: int
    commit: str | None
    state: str
    reason: str | None
    fingerprint: str | None
    receipt: str | None


class Store:
    """The tables of targets and workers. Raises PlatformError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> int:
        """Milliseconds since 1970, by the one clock."""
        with self._database.writing() as connection:
            return moment(connection)

    # Targets

    def place(self, source: str, commit: str, placed: Sequence[Placed], *, urgent: bool) -> Sequence[str]:
        """The targets of a source are those of a commit from now on; others of it have left, and nothing is deleted that they applied.
        Those for which that is new are asked for, and returned."""
        with self._database.writing() as connection:
            now = moment(connection)
            rows = connection.execute(select(_t.name, _t.newest, _t.project).where(_t.source == source)).all()
            before = {name: (newest, project) for name, newest, project in rows}
            _forget(connection, before.keys() - {each.name for each in placed})
            asked = [each for each in placed if before.get(each.name) != (commit, _project(each))]
            for each in asked:
                values: dict[str, object] = {
                    "newest": commit,
                    "project": _project(each),
                    "asked": now,
                    "source": source,
                }
                if each.refused is not None:
                    values |= _refused(each.refused, commit, now)
                elif urgent:
                    values["urgent"] = 1
                _ask(connection, each.name, values)
            return [each.name for each in asked if each.refused is None]

    def keep_to(self, sources: Collection[str]) -> None:
        """Targets of all other sources have left the fleet: nothing is deleted that they applied."""
        with self._database.writing() as connection:
            rows = connection.execute(select(_t.name, _t.source)).all()
            _forget(connection, {name for name, source in rows if source not in sources})

    def want(self, names: Collection[str], *, urgent: bool = False) -> Sequence[str]:
        """Targets are asked for once more, each; those that there are. They are due at once, for whoever comes first (`due`)."""
        with self._database.writing() as connection:
            values = {"wanted": _t.wanted + 1, "asked": 0, **({"urgent": 1} if urgent else {})}
            chosen = and_(_t.name.in_(names), _t.project.is_not(None))
            asked = update(tables.targets).where(chosen).values(values).returning(_t.name)
            return sorted(connection.execute(asked).scalars())

    def due(self, most: int) -> Sequence[Due]:
        """Targets whose time has come, so many at most: from now on they are asked for. Those that were asked for long ago, and that
        nobody looks at, are among them."""
        with self._database.writing() as connection:
            now = moment(connection)
            alone = or_(_t.worker.is_(None), _t.worker.not_in(select(_w.id)))
            timely = and_(_t.wanted <= _t.done, or_(_t.due.is_(None), _t.due <= now))
            lost = and_(_t.wanted > _t.done, _t.asked < now - int(AGAIN * 1000))
            chosen = and_(_t.project.is_not(None), _t.paused.is_(None), alone, or_(timely, lost))
            found = connection.execute(
                select(_t.name, _t.state, _t.urgent, _t.wanted, _t.done).where(chosen).order_by(_t.due).limit(most)
            ).all()
            names = [name for name, _, _, wanted, done in found if wanted <= done]
            connection.execute(update(tables.targets).where(_t.name.in_(names)).values(wanted=_t.wanted + 1))
            connection.execute(
                update(tables.targets).where(_t.name.in_([name for name, *_ in found])).values(asked=now)
            )
            return [Due(name, state == "in-sync", bool(urgent)) for name, state, urgent, *_ in found]

    def begin(self, name: str, worker: str) -> Begun | None:
        """Look at a target, alone; None: nothing is asked of it, somebody who is there looks at it, it is paused, or it has left."""
        with self._database.writing() as connection:
            row = connection.execute(select(tables.targets).where(_t.name == name)).mappings().one_or_none()
            if row is None or row["project"] is None or row["paused"] is not None or row["wanted"] <= row["done"]:
                return None
            if row["worker"] is not None and _is_there(connection, row["worker"]):
                return None
            now = moment(connection)
            connection.execute(
                update(tables.targets).where(_t.name == name).values(worker=worker, begun=now, urgent=None)
            )
            of = (row["source"], row["project"], row["newest"], bool(row["urgent"]), row["under"])
            return Begun(name, row["wanted"], *of, now, row["failures"])

    def finish(self, begun: Begun, worker: str, seen: Seen) -> Finished:
        """Keep what a look found. Nothing is kept where somebody else looks at it by now, or where it has left."""
        with self._database.writing() as connection:
            now = moment(connection)
            chosen = and_(_t.name == begun.name, _t.worker == worker)
            before = connection.execute(select(tables.targets).where(chosen)).mappings().one_or_none()
            if before is None:
                return Finished(False, False, False)
            values = _finished(before, begun, seen, now)
            connection.execute(update(tables.targets).where(_t.name == begun.name).values(values))
            _keep_plan(connection, begun.name, seen)
            changed = before["since"] is None or not _is_as_before(before, seen)
            if changed or seen.receipt is not None:
                run = Run(begun.name, begun.at, now, seen.commit, *seen.state, seen.fingerprint, seen.receipt)
                connection.execute(insert(tables.runs).values(id=str(uuid.uuid4()), worker=worker, **_columns(run)))
            _tell(connection, before["told"], begun.name, seen, now)
            again = before["wanted"] > max(begun.wanted, before["done"])
            return Finished(again, seen.state.state == "in-sync" and before["applied"] != seen.commit, changed)

    def drop(self, begun: Begun, worker: str, wait: float) -> None:
        """A look came to nothing, because this process is to look at nothing more: it is due for whoever is there."""
        with self._database.writing() as connection:
            chosen = and_(_t.name == begun.name, _t.worker == worker)
            values = {"worker": None, "asked": moment(connection) - int((AGAIN - wait) * 1000)}
            connection.execute(update(tables.targets).where(chosen).values(values))

    def release(self, worker: str, busy: Collection[str]) -> None:
        """A process looks at these targets, and at no others: what it began and could not end, since the database was away, is due for
        whoever is there."""
        with self._database.writing() as connection:
            left = and_(_t.worker == worker, _t.name.not_in(busy))
            connection.execute(update(tables.targets).where(left).values(worker=None, asked=0))

    def leave_to_others(self, names: Collection[str]) -> None:
        """This process looks at nothing more: what was asked of it is due for whoever is there."""
        with self._database.writing() as connection:
            connection.execute(update(tables.targets).where(_t.name.in_(names)).values(asked=0))

    def unready(self, sources: Collection[str]) -> Sequence[str]:
        """Those of some sources that have no targets yet, or one that was not in sync with its newest commit."""
        with self._database.writing() as connection:
            chosen = and_(_t.source.in_(sources), _t.project.is_not(None))
            rows = connection.execute(select(_t.source, _t.newest, _t.applied).where(chosen)).all()
        ready = {source for source, *_ in rows} - {source for source, newest, applied in rows if newest != applied}
        return [source for source in sources if source not in ready]

    def want_all(self, sources: Collection[str]) -> None:
        """The targets of some sources are asked for once more: what they depend on has changed."""
        with self._database.writing() as connection:
            chosen = and_(_t.source.in_(sources), _t.project.is_not(None))
            connection.execute(update(tables.targets).where(chosen).values(wanted=_t.wanted + 1, asked=0))

    def pause(self, name: str, who: str | None) -> bool:
        """Somebody pauses a target, or (None) it goes on; whether there is one of this name."""
        with self._database.writing() as connection:
            chosen = update(tables.targets).where(_t.name == name).values(paused=who, due=None)
            return connection.execute(chosen).rowcount == 1

    def known(self, name: str | None = None) -> Sequence[Known]:
        """All targets, by name; or the one of this name, if there is one."""
        asked = select(tables.targets).order_by(_t.name)
        with self._database.writing() as connection:
            found = connection.execute(asked if name is None else asked.where(_t.name == name)).mappings()
            return [_known(row) for row in found]

    def waiting(self) -> int:
        """How many targets were asked for and nobody looks at yet."""
        asked = select(func.count()).where(_t.wanted > _t.done, _t.worker.is_(None))
        with self._database.writing() as connection:
            return int(connection.execute(asked).scalar_one())

    def runs(self, name: str, most: int = 50) -> Sequence[Run]:
        """The last runs of a target that changed something, the last one first."""
        r = tables.runs.c
        columns = (r.target, r.began, r.ended, r.commit_id, r.state, r.reason, r.fingerprint, r.receipt)
        with self._database.writing() as connection:
            asked = select(*columns).where(r.target == name).order_by(r.began.desc()).limit(most)
            return [Run(*row) for row in connection.execute(asked)]

    def plan_of(self, name: str) -> str | None:
        """The plan of a target that was worked out last, as it is saved; None: nothing is to be done."""
        with self._database.writing() as connection:
            return connection.execute(
                select(tables.plans.c.plan).where(tables.plans.c.target == name)
            ).scalar_one_or_none()

    # Workers

    def join(self, worker: str, host: str) -> None:
        """A process is there, under an id that none ever had."""
        with self._database.writing() as connection:
            connection.execute(insert(tables.workers).values(id=worker, beat=moment(connection), host=host))

    def beat(self, worker: str) -> bool:
        """It is still there. False: others took it for dead, and it is over."""
        with self._database.writing() as connection:
            chosen = update(tables.workers).where(_w.id == worker).values(beat=moment(connection))
            return connection.execute(chosen).rowcount == 1

    def leave(self, worker: str) -> None:
        """It ends, and nobody needs to take over what it did."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.workers).where(_w.id == worker))

    def bury(self, seconds: float) -> Sequence[str]:
        """The processes that said nothing for so long: whoever is told of one takes over what it did, and nobody else is."""
        with self._database.writing() as connection:
            late = _w.beat < moment(connection) - int(seconds * 1000)
            return sorted(connection.execute(delete(tables.workers).where(late).returning(_w.id)).scalars())

    def workers(self) -> Mapping[str, int]:
        """The processes that are there, and when each said so last."""
        with self._database.writing() as connection:
            return {row.id: row.beat for row in connection.execute(select(_w.id, _w.beat))}

    # The fleet

    def enter(self, digest: str) -> int:
        """This process has read a fleet file: the generation of it, one more than any before where it is another than the last."""
        f = tables.fleets.c
        with self._database.writing() as connection:
            last = connection.execute(
                select(f.generation, f.digest).order_by(f.generation.desc()).limit(1)
            ).one_or_none()
            if last is not None and last.digest == digest:
                return int(last.generation)
            generation = 1 if last is None else int(last.generation) + 1
            row = {"generation": generation, "digest": digest, "loaded": moment(connection)}
            connection.execute(insert(tables.fleets).values(row))
            return generation

    def generation(self) -> int:
        """The newest generation of the fleet file that any process has read."""
        f = tables.fleets.c
        with self._database.writing() as connection:
            asked = select(f.generation).order_by(f.generation.desc()).limit(1)
            return int(connection.execute(asked).scalar_one_or_none() or 0)

    # Requests

    def take(self, platform: str, rate: float, *, urgent: bool) -> budgets.Taken:
        """Ask for a lot of requests to a platform (`budgets.take`); its moments are seconds since 1970, by the one clock."""
        with self._database.writing() as connection:
            now = moment(connection) / 1000
            found = connection.execute(select(_b.next, _b.routine).where(_b.platform == platform)).one_or_none()
            taken = budgets.take(budgets.State(*found) if found else budgets.State(), rate, now, urgent=urgent)
            if found is None:
                connection.execute(insert(tables.budgets).values(platform=platform, **taken.state._asdict()))
            elif taken.lot is not None:
                chosen = update(tables.budgets).where(_b.platform == platform)
                connection.execute(chosen.values(taken.state._asdict()))
            return taken

    # What is old

    def sweep(self, seconds: float) -> int:
        """Delete the runs and the events that are so old; how many."""
        with self._database.writing() as connection:
            before = moment(connection) - int(seconds * 1000)
            gone = connection.execute(delete(tables.runs).where(tables.runs.c.ended < before)).rowcount
            return gone + connection.execute(delete(tables.events).where(tables.events.c.at < before)).rowcount


def _project(placed: Placed) -> str | None:
    return placed.project if placed.refused is None else None


def _refused(why: str, commit: str, now: int) -> dict[str, object]:
    """What is known of a folder that cannot be a target."""
    said = json.dumps([("invalid", why)])
    return {"state": "invalid", "reason": why, "conditions": said, "since": now, "looked": now, "commit_id": commit}


def _ask(connection: Connection, name: str, values: Mapping[str, object]) -> None:
    """A target is asked for once more, and made where it is not there."""
    chosen = update(tables.targets).where(_t.name == name).values(wanted=_t.wanted + 1, **values)
    if connection.execute(chosen).rowcount == 0:
        connection.execute(insert(tables.targets).values(name=name, wanted=1, done=0, failures=0, **values))


def _forget(connection: Connection, names: Iterable[str]) -> None:
    gone = list(names)
    connection.execute(delete(tables.targets).where(_t.name.in_(gone)))
    connection.execute(delete(tables.plans).where(tables.plans.c.target.in_(gone)))


def _is_there(connection: Connection, worker: str) -> bool:
    return connection.execute(select(_w.id).where(_w.id == worker)).one_or_none() is not None


def _is_as_before(before: RowMapping, seen: Seen) -> bool:
    """Whether a target is in the state that it was in, for the same reason."""
    return (before["state"], before["reason"]) == seen.state


def _finished(before: RowMapping, begun: Begun, seen: Seen, now: int) -> dict[str, object]:
    """What is known of a target after a look."""
    failed = seen.state.state in ("failed", "invalid")
    done = max(begun.wanted, before["done"])
    return {
        "done": done, "state": seen.state.state, "reason": seen.state.reason, "conditions": json.dumps(seen.conditions),
        "since": before["since"] if _is_as_before(before, seen) else now, "looked": now, "due": now + int(seen.wait * 1000),
        "worker": None, "under": seen.under,
        "commit_id": seen.commit, "applied": seen.commit if seen.state.state == "in-sync" else before["applied"],
        "fingerprint": seen.fingerprint, "failures": before["failures"] + 1 if failed else 0,
        "told": event_of(before["told"], seen.state)[1],
    }  # fmt: skip


def _keep_plan(connection: Connection, name: str, seen: Seen) -> None:
    connection.execute(delete(tables.plans).where(tables.plans.c.target == name))
    if seen.plan is not None:
        row = {"target": name, "commit_id": seen.commit, "fingerprint": seen.fingerprint, "plan": seen.plan}
        connection.execute(insert(tables.plans).values(row))


def _tell(connection: Connection, told: str | None, name: str, seen: Seen, now: int) -> None:
    """Somebody is to be told of what became of a target, once."""
    event = event_of(told, seen.state)[0]
    if event is not None:
        said = json.dumps(
            {
                "state": seen.state.state,
                "reason": seen.state.reason,
                "commit": seen.commit,
                "fingerprint": seen.fingerprint,
            }
        )
        row = {"id": str(uuid.uuid4()), "at": now, "target": name, "event": event, "said": said}
        connection.execute(insert(tables.events).values(row))


def _columns(run: Run) -> dict[str, object]:
    return {"commit_id" if name == "commit" else name: value for name, value in run._asdict().items()}


def _known(row: RowMapping) -> Known:
    try:
        conditions = tuple(Condition(*each) for each in json.loads(row["conditions"] or "[]"))
    except (ValueError, TypeError, RecursionError):  # nobody of ours wrote it; the next look writes it anew
        conditions = ()
    state = Condition(row["state"], row["reason"]) if row["state"] is not None else None
    return Known(
        row["name"], row["source"], row["wanted"], row["done"], row["newest"], state, conditions, row["since"], row["looked"], row["due"],
        row["commit_id"], row["applied"], row["fingerprint"], row["failures"], row["paused"], row["worker"],
        row["begun"], row["under"],
    )  # fmt: skip
