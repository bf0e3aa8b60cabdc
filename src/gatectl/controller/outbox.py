"""What is to be told to whom: events that came of looks at targets (`store`), and for each who wants one a row until it took it.

Law: a row is one process's at a time, and anybody's again when that process is gone; an event that a receiver took is never its row
again. Who sends, and then cannot say so, sends again: that is told by the event's id. Whoever receives is called here by a digest of the
address, which may hold a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, or_, select, update

from gatectl.controller import tables
from gatectl.controller.database import Database, moment

_e, _d, _w = tables.events.c, tables.deliveries.c, tables.workers.c

LASTS: Final = 86_400.0
"""Seconds after which nobody is told of an event any more."""
FIRST: Final = 10.0
LONGEST: Final = 3_600.0
"""Seconds until an event is sent again: twice as many after each try, up to the longest."""

CLAIMED: Final = 180.0
"""Seconds after which what a process claimed is anybody's, whatever became of it: longer than it takes to tell somebody at one go."""
_AT_ONCE: Final = 500


class Delivery(NamedTuple):
    """An event that a receiver is to be told of: its id, when it was (milliseconds since 1970), of which target it is, and what is said
    of it, as JSON. `tried`: how often before."""

    event: str
    receiver: str
    at: int
    target: str
    name: str
    said: str
    tried: int


class Outbox:
    """The events in a database. Raises PlatformError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self, worker: str, receivers: Mapping[str, Collection[str]], free: Collection[str], most: int
    ) -> Mapping[str, Sequence[Delivery]]:
        """What is due for some receivers (`free`), so many at most for each, the oldest first: this process's, until it says what became
        of it, is gone, or `CLAIMED` is over. `receivers` are all who want to be told, and of what. This process is not telling those that
        are free of anything now."""
        with self._database.writing() as connection:
            now = moment(connection)
            _hand_out(connection, receivers)
            found = {receiver: _claimed(connection, worker, receiver, now, most) for receiver in free}
            return {receiver: due for receiver, due in found.items() if due}

    def give_up(self) -> int:
        """Nobody is told any more of what happened too long ago, or at a moment that is none yet; how many rows that ends."""
        with self._database.writing() as connection:
            now, lasts = moment(connection), int(LASTS * 1000)
            young = select(_e.id).where(_e.at.between(now - lasts, now + lasts))
            old = select(_d.event).where(_d.event.not_in(young)).distinct().limit(_AT_ONCE)
            events = set(connection.execute(old).scalars())
            gone = connection.execute(delete(tables.deliveries).where(_d.event.in_(events))).rowcount
            _finish(connection, events)
            return gone

    def took(self, delivery: Delivery) -> None:
        """A receiver has it, whoever else was about to send it."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.deliveries).where(_is(delivery)))
            left = select(_d.event).where(_d.event == delivery.event)
            if connection.execute(left.limit(1)).first() is None:
                _finish(connection, {delivery.event})

    def put_off(self, tried: Delivery, others: Sequence[Delivery], worker: str) -> None:
        """One could not be told; it is tried again later, and so are others of the same receiver that were not tried."""
        wait = min(FIRST * 2 ** min(max(tried.tried, 0), 20), LONGEST)
        with self._database.writing() as connection:
            due = moment(connection) + int(wait * 1000)
            for each in (tried, *others):
                number = each.tried + 1 if each is tried else each.tried
                chosen = update(tables.deliveries).where(_is(each), _d.worker == worker)
                connection.execute(chosen.values(worker=None, due=due, tried=number))


def _hand_out(connection: Connection, receivers: Mapping[str, Collection[str]]) -> None:
    """Each new event is to be sent to each receiver that wants it; what nobody wants is done with."""
    fresh = and_(_e.sent.is_(None), ~exists().where(_d.event == _e.id))
    found = connection.execute(select(_e.id, _e.event, _e.at).where(fresh).order_by(_e.at).limit(_AT_ONCE)).all()
    rows = [
        {"event": event, "receiver": receiver, "tried": 0, "due": at}
        for event, name, at in found
        for receiver, wanted in receivers.items()
        if name in wanted
    ]
    if rows:
        connection.execute(insert(tables.deliveries), rows)
    told = {name for wanted in receivers.values() for name in wanted}
    _finish(connection, {event for event, name, _ in found if name not in told})


def _claimed(connection: Connection, worker: str, receiver: str, now: int, most: int) -> Sequence[Delivery]:
    left = and_(_d.worker.is_not(None), _d.worker.not_in(select(_w.id)))
    asked = (
        select(_d.event, _d.receiver, _e.at, _e.target, _e.event.label("name"), _e.said, _d.tried)
        .join_from(tables.deliveries, tables.events, _d.event == _e.id)
        .where(_d.receiver == receiver, or_(_d.due <= now, left))
        .order_by(_e.at, _e.id)
        .limit(most)
    )
    found = [Delivery(*row) for row in connection.execute(asked)]
    chosen = and_(_d.receiver == receiver, _d.event.in_([each.event for each in found]))
    connection.execute(update(tables.deliveries).where(chosen).values(worker=worker, due=now + int(CLAIMED * 1000)))
    return found


def _is(delivery: Delivery) -> ColumnElement[bool]:
    return and_(_d.event == delivery.event, _d.receiver == delivery.receiver)


def _finish(connection: Connection, events: Collection[str]) -> None:
    """Nobody is to be told of these any more."""
    if events:
        connection.execute(update(tables.events).where(_e.id.in_(events)).values(sent=moment(connection)))
