"""Whoever wants to know is told what became of targets, over HTTP, as CloudEvents 1.0 (product.md, section 9).

Each event comes at least once, and comes again with the same id. A receiver that is away, or slow, holds up nobody else: each is told by
a thread of its own, one event after the other. Nothing that it answers is believed but that it has the event, which any status of success
says. It learns what `gatectl status` says, and nothing of a plan.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote as percent_encoded

from gatectl.clock import CLOCK, Clock, timestamp
from gatectl.controller.looking import Busy
from gatectl.controller.measures import Measures
from gatectl.controller.opening import Operator
from gatectl.controller.outbox import Delivery, Outbox
from gatectl.controller.signatures import HEADER, sign
from gatectl.controller.worker import Told
from gatectl.credentials import pasted
from gatectl.credentials.secrets import resolve_reference
from gatectl.errors import GatectlError, MissingCredential, PlatformError, Uncertain
from gatectl.fleet.values import Notification
from gatectl.network import http
from gatectl.network.addresses import Address, admit, http_address
from gatectl.quote import quote

TYPE: Final = "io.gatectl.target."
CONTENT: Final = "application/cloudevents+json"

_MOST: Final = 20
"""Events that a receiver is told of at one go."""
_PATIENCE: Final = 60.0
"""Seconds that one go may take."""
_APART: Final = 60.0
"""Seconds between two looks for what is too old."""
_LARGEST: Final = 64 * 1024
_DATA: Final = ("state", "reason", "commit", "fingerprint")


class Receiver(NamedTuple):
    """Somebody who wants to know: what the outbox calls it, where it listens, and what the fleet file says of it."""

    name: str
    address: Address
    path: str
    said: Notification


class Notifier:
    """Tells whoever a fleet names. `look` is for the thread that looks at what is due; it waits for nobody but the database. `lives`:
    whether this process may still do anything."""

    def __init__(
        self, operator: Operator, outbox: Outbox, worker: str, tell: Told, measures: Measures,
        lives: Callable[[], bool] = lambda: True, clock: Clock = CLOCK,
    ) -> None:  # fmt: skip
        self._operator = operator
        self._outbox = outbox
        self._worker = worker
        self._tell = tell
        self._measures = measures
        self._lives = lives
        self._clock = clock
        self._receivers = {each.name: each for each in receivers_of(operator.fleet.notify)}
        self._busy = Busy()
        """The names of those who are being told of something."""
        self._next = clock.now()

    def look(self) -> None:
        """Have told what is due. Raises PlatformError for the database."""
        if self._clock.now() >= self._next:
            self._next = self._clock.now() + _APART
            if gone := self._outbox.give_up():
                self._tell("notifications given up", {"number": gone})
        wanted = {name: each.said.on for name, each in self._receivers.items()}
        busy = self._busy.names()
        free = [name for name in self._receivers if name not in busy]
        for name, due in self._outbox.claim(self._worker, wanted, free, _MOST).items():
            self._busy.take(name)
            run = threading.Thread(target=self._try, args=(self._receivers[name], due), name="notify", daemon=True)
            run.start()

    def _try(self, receiver: Receiver, due: Sequence[Delivery]) -> None:
        """Tell one receiver; whatever goes wrong is said, and what was not said to be sent is sent again."""
        try:
            self._send(receiver, due)
        except PlatformError as error:
            self._tell("database away", {"error": error.message})
        except Exception as error:
            self._tell("internal error", {"error": type(error).__name__, "during": "notifying"})
        finally:
            self._busy.leave(receiver.name)

    def _send(self, receiver: Receiver, due: Sequence[Delivery]) -> None:
        """Tell a receiver of one event after the other; where it does not answer, the others are for later."""
        try:
            secret = self._secret(receiver.said)
            admission = admit(receiver.address, named=True, trusted=())
            ends = self._clock.now() + _PATIENCE
            client = http.Client(
                admission, headers={}, parallel=1, ends=ends, environ=self._operator.environ, clock=self._clock
            )
        except GatectlError as error:
            self._failed(receiver, due[0], due[1:], error.message)
            return
        with closing(client):
            for number, each in enumerate(due):
                if not self._lives():
                    return
                try:
                    status = self._answer(client, receiver, each, secret)
                except PlatformError as error:
                    self._failed(receiver, each, due[number + 1 :], error.message)
                    return
                if http.succeeded(status):
                    self._outbox.took(each)
                    self._measures.told(each.name, sent=True)
                    self._tell("notified", _fields(receiver, each))
                else:
                    self._failed(receiver, each, (), f"the answer is {status}")

    def _answer(self, client: http.Client, receiver: Receiver, delivery: Delivery, secret: str | None) -> int:
        """The status that a receiver answers with."""
        body = body_of(self._operator.fleet.name, delivery)
        signature = {HEADER: sign(secret, body, int(self._clock.wall()))} if secret is not None else {}
        headers = {"Content-Type": CONTENT, **signature}
        what = f"the event {delivery.event}"
        request = http.Request(
            "POST", client.at(receiver.path), what, _LARGEST, content=body, headers=headers, changes=True
        )
        try:
            return client.exchange(request).status
        except Uncertain as error:
            if error.settled:  # it said that it has it; whatever else it says is nobody's concern
                return 200
            raise

    def _failed(self, receiver: Receiver, delivery: Delivery, others: Sequence[Delivery], why: str) -> None:
        self._measures.told(delivery.name, sent=False)
        self._tell("not notified", {**_fields(receiver, delivery), "error": why})
        self._outbox.put_off(delivery, others, self._worker)

    def _secret(self, notification: Notification) -> str | None:
        """What is signed with, read now, since it may have been renewed; None: nothing is signed. Raises MissingCredential."""
        if notification.secret is None:
            return None
        folder = Path(self._operator.fleet.file).parent
        secret = resolve_reference(notification.secret, folder, self._operator.environ, pasted.stripped)
        if not secret:
            ((how, name),) = notification.secret.items()
            raise MissingCredential(f"{how} {quote(name)} is empty", "nothing is signed with an empty secret")
        return secret


def receivers_of(notifications: Sequence[Notification]) -> Iterator[Receiver]:
    """Those that a fleet file names, each with a name that says nothing of its address. Raises UsageError for what is no address."""
    times: dict[str, int] = {}
    for each in notifications:
        number = times[each.url] = times.get(each.url, 0) + 1
        digest = hashlib.sha256(f"{number} {each.url}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        address = http_address(each.url, "the address of events", "give its secret instead")
        path = address.path + ("/" if each.url.endswith("/") else "")
        yield Receiver(digest, address._replace(path=""), path, each)


def body_of(fleet: str, delivery: Delivery) -> bytes:
    """An event as it is sent: a CloudEvent, structured."""
    event: dict[str, object] = {
        "specversion": "1.0", "id": delivery.event, "source": percent_encoded(fleet, safe=""), "type": TYPE + delivery.name,
        "subject": delivery.target, **_time(delivery.at), "datacontenttype": "application/json", "data": _data(delivery.said),
    }  # fmt: skip
    return json.dumps(event, separators=(",", ":")).encode()


def _time(at: int) -> dict[str, str]:
    """When it was; a moment that cannot be is left out."""
    try:
        return {"time": timestamp(datetime.fromtimestamp(at / 1000, UTC))}
    except (ValueError, OverflowError, OSError):
        return {}


def _data(said: str) -> dict[str, str | None]:
    """What is said of an event, as far as one of ours wrote it."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        found = None
    given = found if isinstance(found, Mapping) else {}
    return {name: value if isinstance(value := given.get(name), str) else None for name in _DATA}


def _fields(receiver: Receiver, delivery: Delivery) -> Mapping[str, object]:
    """What a line says of an event: where it goes to is the host alone, since a path may be a secret."""
    return {
        "event": delivery.name, "id": delivery.event, "target": delivery.target, "to": receiver.address.place, "tried": delivery.tried + 1,
    }  # fmt: skip
