"""Whoever a fleet names is told of what becomes of targets, once each took it, over real HTTP on this machine."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from controller.at_work import Fleet
from controller.test_store import address, database, place, postgresql_server, store
from gatectl.controller.database import Database
from gatectl.controller.deciding import IN_SYNC, Condition
from gatectl.controller.measures import Measures
from gatectl.controller.notifying import Notifier, body_of
from gatectl.controller.opening import Operator
from gatectl.controller.outbox import CLAIMED, FIRST, LASTS, LONGEST, Delivery, Outbox
from gatectl.controller.serving.asking import Asked
from gatectl.controller.serving.hooks import is_signed
from gatectl.controller.store import Seen, Store
from gatectl.controller.tables import SCHEMA
from gatectl.fleet.values import EVENTS, Event, Notification
from gatectl.fleet.values import Fleet as Said
from listening import Listener

__all__ = ["address", "database", "postgresql_server", "store"]

SECRET = "canary-notify-3d81"
PATH = "/hooks/canary-path-77aa"
STATES: Mapping[Event, Condition] = {
    "drift": Condition("drifted", "somebody changed the platform"),
    "failed": Condition("failed", "the platform is away"),
    "waiting": Condition("waiting", "approval of sha256:1"),
    "recovered": IN_SYNC,
}


class Heard(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Receiver:
    """Somebody who listens on loopback, and answers with the statuses that it is given, the last one for ever."""

    def __init__(self, *statuses: int, answer: bytes = b"") -> None:
        self.heard: list[Heard] = []
        self.came = threading.Semaphore(0)
        self.statuses = list(statuses or [204])
        mine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                mine.heard.append(Heard(self.path, headers, body))
                mine.came.release()
                status = mine.statuses.pop(0) if len(mine.statuses) > 1 else mine.statuses[0]
                self.send_response(status)
                self.send_header("Location", f"{mine.url}elsewhere")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def names(self) -> list[tuple[str, str]]:
        return [(each.event["subject"], each.event["type"].removeprefix("io.gatectl.target.")) for each in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver()) as made:
        yield made


class Telling:
    """A process that tells these; what it says of that, and what it counts."""

    def __init__(self, database: Database, *said: Notification, worker: str = "w") -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []
        self.measures = Measures()
        fleet = Said("acme & co", "/srv/fleet/fleet.yaml", (), notify=said)
        operator = Operator(fleet, {"HOOK_SECRET": f"{SECRET}\n"}, "sqlite:////nowhere")
        tell: Callable[[str, Mapping[str, object]], None] = lambda what, fields: self.lines.append((what, fields))  # noqa: E731
        self.notifier = Notifier(operator, Outbox(database), worker, tell, self.measures)

    def look(self) -> None:
        """Once, until all that it began has ended."""
        self.notifier.look()
        for thread in threading.enumerate():
            if thread.name == "notify":
                thread.join(60)

    def counted(self) -> dict[str, float]:
        (found,) = [each for each in self.measures.families() if each.name == "gatectl_notifications_total"]
        return {" ".join(value for _, value in each.labels): each.value for each in found.samples}


def wants(url: str, *on: Event) -> Notification:
    return Notification(url, {"env": "HOOK_SECRET"}, on or EVENTS)


def happens(store: Store, name: str, *events: Event) -> None:
    """A target comes into the states of which these events tell."""
    for event in events:
        store.want([name])
        begun = store.begin(name, "w")
        assert begun is not None
        state = STATES[event]
        store.finish(begun, "w", Seen(state, (state,), "c" * 40, "sha256:1"))


def ask(database: Database, statement: str) -> Sequence[Any]:
    with database.writing() as connection:
        schema = f"{SCHEMA}." if connection.dialect.name == "postgresql" else ""
        found = connection.execute(text(re.sub(r"(?=\bgatectl_(?:events|deliveries)\b)", schema, statement)))
        return [tuple(row) for row in found] if found.returns_rows else []


def later(database: Database) -> None:
    """What waits for its time waits no more."""
    ask(database, "UPDATE gatectl_deliveries SET due = 0")


def test_an_event_is_a_cloudevent_that_is_signed_as_a_webhook_of_ours_is(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a")
    happens(store, "a", "drift")
    Telling(database, wants(receiver.url)).look()
    (heard,) = receiver.heard
    ((row, at),) = ask(database, "SELECT id, at FROM gatectl_events")
    assert heard.event.pop("time").endswith("Z") and at > 0
    assert {name: value for name, value in heard.event.items() if name != "time"} == {
        "specversion": "1.0",
        "id": row,
        "source": "acme%20%26%20co",
        "type": "io.gatectl.target.drift",
        "subject": "a",
        "datacontenttype": "application/json",
        "data": {
            "state": "drifted",
            "reason": "somebody changed the platform",
            "commit": "c" * 40,
            "fingerprint": "sha256:1",
        },
    }
    assert heard.path == PATH and heard.headers["content-type"] == "application/cloudevents+json"
    when = float(heard.headers["gatectl-signature"].partition(",")[0].removeprefix("t="))
    asked = Asked(
        "POST", heard.path, "", {name: [value] for name, value in heard.headers.items()}, "127.0.0.1", heard.body
    )
    assert is_signed(asked, SECRET, when + 200)
    assert not is_signed(asked, "another", when) and not is_signed(asked._replace(body=heard.body + b" "), SECRET, when)


def test_what_was_not_taken_is_sent_again_later_and_later_and_never_after_it_was_taken(
    database: Database, store: Store
) -> None:
    """A redirect is no success, and is not followed."""
    with closing(Receiver(500, 302, 404, 200)) as receiver:
        place(store, "a")
        happens(store, "a", "failed")
        telling = Telling(database, wants(receiver.url))
        for tried in (1, 2, 3):
            telling.look()
            telling.look()  # it is not time yet
            assert len(receiver.heard) == tried
            ((due, number, worker),) = ask(database, "SELECT due, tried, worker FROM gatectl_deliveries")
            wait = due / 1000 - store.now() / 1000
            assert (
                FIRST * 2 ** (tried - 1) - 5 <= wait <= FIRST * 2 ** (tried - 1) and number == tried and worker is None
            )
            later(database)
        telling.look()
        later(database)
        telling.look()
        assert len(receiver.heard) == 4 and len({each.event["id"] for each in receiver.heard}) == 1
        assert {each.path for each in receiver.heard} == {PATH}
        ((sent,),) = ask(database, "SELECT sent FROM gatectl_events")
        assert sent is not None and ask(database, "SELECT * FROM gatectl_deliveries") == []
        assert telling.counted() == {"failed failed": 3, "failed sent": 1}


def test_the_wait_has_an_end(database: Database, store: Store) -> None:
    place(store, "a")
    happens(store, "a", "failed")
    outbox = Outbox(database)
    (due,) = outbox.claim("w", {"r": EVENTS}, ["r"], 9)["r"]
    outbox.put_off(due._replace(tried=2**40), (), "w")
    ((until,),) = ask(database, "SELECT due FROM gatectl_deliveries")
    assert LONGEST - 5 <= until / 1000 - store.now() / 1000 <= LONGEST


def test_of_many_processes_one_sends_each_event(database: Database, store: Store, receiver: Receiver) -> None:
    names = [f"t{number}" for number in range(30)]
    place(store, *names)
    for name in names:
        happens(store, name, "failed", "recovered")
    for worker in ("x", "y", "z"):
        store.join(worker, "here")
    processes = [Telling(database, wants(receiver.url), worker=worker) for worker in ("w", "x", "y", "z")]
    for _ in range(4):
        threads = [threading.Thread(target=each.look) for each in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(receiver.names()) == sorted((name, what) for name in names for what in ("failed", "recovered"))
    assert not [line for each in processes for line in each.lines if line[0] != "notified"]


def test_what_a_process_claimed_that_is_gone_or_silent_is_sent_by_another(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a")
    happens(store, "a", "failed")
    store.join("gone", "here")
    telling = Telling(database, wants(receiver.url))
    (name,) = telling.notifier._receivers
    outbox = Outbox(database)
    assert outbox.claim("gone", {name: EVENTS}, [name], 9)
    telling.look()
    assert receiver.heard == [], "it is somebody's"
    ((due,),) = ask(database, "SELECT due FROM gatectl_deliveries")
    assert due / 1000 - store.now() / 1000 <= CLAIMED
    store.leave("gone")
    telling.look()
    assert receiver.names() == [("a", "failed")]


def test_each_is_told_of_what_it_wants_alone(database: Database, store: Store, receiver: Receiver) -> None:
    with closing(Receiver()) as other:
        place(store, "a")
        happens(store, "a", "drift", "waiting", "failed", "recovered")
        telling = Telling(database, wants(receiver.url, "drift", "recovered"), wants(other.url, "failed"))
        for _ in range(3):
            telling.look()
        assert receiver.names() == [("a", "drift"), ("a", "recovered")]
        assert other.names() == [("a", "failed")]
        assert ask(database, "SELECT * FROM gatectl_events WHERE sent IS NULL") == []


def test_who_is_away_holds_up_nobody_and_is_told_when_it_is_back(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a")
    happens(store, "a", "failed", "recovered")
    gate = threading.Event()

    def hang_up(peer: socket.socket) -> None:
        gate.wait(60)
        peer.shutdown(socket.SHUT_RDWR)

    with Listener(hang_up) as silent:
        telling = Telling(database, wants(f"http://127.0.0.1:{silent.port}/x"), wants(receiver.url))
        telling.notifier.look()  # which waits for nobody: the one who is silent has not answered yet
        assert receiver.came.acquire(timeout=60) and receiver.came.acquire(timeout=60)
        assert receiver.names() == [("a", "failed"), ("a", "recovered")]
        telling.notifier.look()
        assert [line for line in telling.lines if line[0] == "not notified"] == []
        gate.set()
        telling.look()
    lines = [fields for what, fields in telling.lines if what == "not notified"]
    assert [each["event"] for each in lines] == ["failed"], "the other is for later, without a try"
    assert sorted(ask(database, "SELECT tried FROM gatectl_deliveries")) == [(0,), (1,)]
    assert len(receiver.heard) == 2


def test_who_refuses_one_event_is_told_of_the_next(database: Database, store: Store) -> None:
    with closing(Receiver(400, 200)) as receiver:
        place(store, "a", "b")
        happens(store, "a", "failed")
        happens(store, "b", "failed")
        Telling(database, wants(receiver.url)).look()
        assert receiver.names() == [("a", "failed"), ("b", "failed")]
        assert ask(database, "SELECT tried FROM gatectl_deliveries") == [(1,)]


def test_nothing_of_an_answer_is_believed_but_its_status(database: Database, store: Store) -> None:
    with closing(Receiver(200, answer=b"x" * 1_000_000)) as receiver:
        place(store, "a")
        happens(store, "a", "failed")
        telling = Telling(database, wants(receiver.url))
        telling.look()
        later(database)
        telling.look()
        assert receiver.names() == [("a", "failed")]


def test_no_secret_and_no_path_is_in_a_line_or_a_row(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'c.db'}")) as database, closing(Receiver(500)) as receiver:
        store = Store(database)
        store.join("w", "here")
        place(store, "a")
        happens(store, "a", "failed")
        gone = "http://127.0.0.1:9/canary-path-gone"
        telling = Telling(database, wants(receiver.url), wants(gone))
        telling.look()
        said = json.dumps(telling.lines) + b"".join(each.read_bytes() for each in tmp_path.iterdir()).decode("latin-1")
        assert len(telling.lines) == 2 and "gatectl_deliveries" in said
        assert not [word for word in (SECRET, PATH, "canary") if word in said]


def test_nothing_is_sent_unsigned_where_the_secret_is_missing_or_empty(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a")
    happens(store, "a", "failed")
    for name in ("MISSING", "EMPTY"):
        telling = Telling(database, Notification(receiver.url, {"env": name}, EVENTS))
        telling.notifier._operator = telling.notifier._operator._replace(environ={"EMPTY": " \n"})
        later(database)
        telling.look()
        ((what, fields),) = telling.lines
        assert what == "not notified" and name in str(fields["error"]) and receiver.heard == []


def test_nobody_is_told_of_what_happened_more_than_a_day_ago(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a", "b")
    happens(store, "a", "failed")
    with closing(Receiver(500)) as away:
        Telling(database, wants(away.url)).look()
    ask(database, f"UPDATE gatectl_events SET at = at - {int(LASTS * 1000) + 1}")
    happens(store, "b", "failed")
    later(database)
    telling = Telling(database, wants(away.url))
    telling.look()
    assert ("notifications given up", {"number": 1}) in telling.lines
    assert ask(database, "SELECT target FROM gatectl_events WHERE sent IS NULL") == [("b",)]


def test_a_moment_that_cannot_be_is_not_told_and_keeps_nobody_from_being_told(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a", "b")
    happens(store, "a", "failed")
    ask(database, f"UPDATE gatectl_events SET at = {2**62}, said = '[1, 2'")
    happens(store, "b", "failed")
    telling = Telling(database, wants(receiver.url))
    outbox = Outbox(database)
    outbox.claim("nobody", dict.fromkeys(telling.notifier._receivers, EVENTS), [], 9)
    later(database)
    telling.look()
    assert receiver.names() == [("b", "failed")]
    assert ask(database, "SELECT * FROM gatectl_deliveries") == []
    cut = Delivery("1", "r", 2**62, "a", "failed", "[1, 2", 0)
    assert "time" not in json.loads(body_of("acme", cut))
    assert set(json.loads(body_of("acme", cut))["data"].values()) == {None}


def test_what_happened_while_nobody_wanted_to_know_is_never_told(
    database: Database, store: Store, receiver: Receiver
) -> None:
    place(store, "a")
    happens(store, "a", "failed")
    Telling(database).look()
    Telling(database, wants(receiver.url)).look()
    assert receiver.heard == [] and ask(database, "SELECT * FROM gatectl_events WHERE sent IS NULL") == []


def test_a_process_that_is_over_sends_nothing_more(database: Database, store: Store, receiver: Receiver) -> None:
    place(store, "a")
    happens(store, "a", "failed")
    telling = Telling(database, wants(receiver.url))
    telling.notifier._lives = lambda: False
    telling.look()
    assert receiver.heard == [] and telling.lines == []


def test_the_processes_of_a_controller_tell(tmp_path: Path, receiver: Receiver) -> None:
    pytest.importorskip("dbos", reason="the extra controller is not installed")
    fleet = Fleet(tmp_path, 1, 1)
    fleet.document["spec"]["notify"] = [{"url": receiver.url, "secret": {"env": "HOOK_SECRET"}}]  # type: ignore[index]
    fleet.save(fleet.document)
    fleet.write(0, 0, text="kind: Nothing\n")
    fleet.commit(0)
    with closing(fleet), pytest.MonkeyPatch.context() as variables:
        variables.setenv("HOOK_SECRET", SECRET)
        fleet.start()
        fleet.until_all("invalid")
        fleet.until(lambda _: receiver.names() == [("s0/w0-0", "failed")])
        fleet.write(0, 0)
        fleet.commit(0)
        fleet.until(lambda _: receiver.names() == [("s0/w0-0", "failed"), ("s0/w0-0", "recovered")])
        assert SECRET not in fleet.logs() and "canary-path" not in fleet.logs()
