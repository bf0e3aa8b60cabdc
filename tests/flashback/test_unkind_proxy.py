"""A proxy between gatectl and a real server that makes answers unreadable, shows lists late, and answers creations with 500 though
they were done, in all pairs: no object is there twice, and receipts say what is so. It knows no idempotency key, and no etag in
half of the runs; the time by which lists are late is handed in, and nobody waits for it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gatectl.platforms.interface import Connection, Credentials, Secret
from gatectl.project import Environment
from proxying import UNREADABLE, Answer, Asked, Proxy, of_json
from serving import EMAIL, PASSWORD, Rehearsal, Server
from sites import VARIABLES, Site, brief
from truth import CONSISTENCY, Time, assert_once, assert_true, estate

FIELDS = {"/workspace": "workspaces", "/bucket": "buckets", "/ai/llm": "aiLlms", "/repo": "repos"}
Spoil = Callable[[Asked, Answer], Answer]


def fine(asked: Asked, answer: Answer) -> Answer:
    return answer


def unreadable(asked: Asked, answer: Answer) -> Answer:
    return UNREADABLE


def failed_though_done(asked: Asked, answer: Answer) -> Answer:
    failed = of_json({"success": False, "message": "the platform failed"}, 500)
    return failed if asked.method == "POST" else answer


def unreadably_failed_though_done(asked: Asked, answer: Answer) -> Answer:
    return UNREADABLE._replace(status=500 if asked.method == "POST" else 200)


SPOILS = (fine, unreadable, failed_though_done, unreadably_failed_though_done)
LATE = (0.0, 1.5, 6.0)
PAIRS = [
    (spoil, late, bool(number % 2)) for number, (spoil, late) in enumerate(itertools.product(SPOILS, LATE)) if number
]
"""All of them; every other one without etags."""


class Unkind(Proxy):
    """What stands between; `become` says how it is from then on, and at what time it is."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self._turn = threading.Lock()
        self.become(Time(), fine, 0.0, etags=True)

    def become(self, time: Time, spoil: Spoil, late: float, *, etags: bool) -> None:
        self._time, self._spoil, self._late, self._etags = time, spoil, late, etags
        self._seen: list[tuple[float, Mapping[str, Sequence[Any]]]] = []
        self.created: list[Any] = []

    def answer(self, asked: Asked) -> Answer | None:
        if asked.path.startswith("/user"):
            return self.forward(asked)
        with self._turn:
            self._time.pass_by(0.01)
            if not self._seen:
                self._note(asked)
            return self._listed(asked) if asked.method == "GET" else self._written(asked)

    def _note(self, asked: Asked) -> None:
        """How all lists are now, as who asks would see them."""
        look = asked._replace(method="GET", query={}, body=b"")
        lists = {path: self.forward(look._replace(path=path)).json[field] for path, field in FIELDS.items()}
        self._seen.append((self._time.now, lists))

    def _listed(self, asked: Asked) -> Answer:
        if asked.path not in FIELDS:
            return self.forward(asked)
        old = [lists for at, lists in self._seen if at <= self._time.now - self._late] or [self._seen[0][1]]
        items = [one for one in old[-1][asked.path] if self._is_meant(one, asked.query)]
        if not self._etags:
            items = [{name: value for name, value in one.items() if name != "etag"} for one in items]
        return of_json({"success": True, FIELDS[asked.path]: items})

    @staticmethod
    def _is_meant(one: Any, query: Mapping[str, str]) -> bool:
        space = one.get("workspaceId")
        return one["id"] == query.get("repoId", one["id"]) and space == query.get("workspaceId", space)

    def _written(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            self.created.append((asked.path, asked.body))
        unknown = {"idempotency-key"} if self._etags else {"idempotency-key", "if-match"}
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in unknown}
        answer = self.forward(asked._replace(headers=headers))
        self._note(asked)
        return self._spoil(asked, answer)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Unkind]]:
    with Server(tmp_path_factory.mktemp("served")) as server, Unkind(server.url) as proxy:
        yield server, proxy


def through(folder: Path, proxy: Proxy) -> Site:
    """A project whose platform is what the proxy shows."""
    credentials = Credentials(email=EMAIL, password=Secret(PASSWORD))
    connection = Connection(proxy.url, folder, "OPENAI", credentials, parallel=4, named=True)
    return Site(folder, connection, Environment("default", proxy.url, openai="OPENAI"))


@pytest.mark.parametrize(("spoil", "late", "etags"), PAIRS)
def test_nothing_is_there_twice_and_receipts_are_true(
    tmp_path: Path, platform: tuple[Server, Unkind], spoil: Spoil, late: float, etags: bool
) -> None:
    server, proxy = platform
    site, truth = through(tmp_path, proxy), Site(tmp_path, Connection(server.database, tmp_path, named=True))
    space, time = tmp_path.name, Time()
    for second in (False, True):
        estate(site, second=second, space=space)
        proxy.become(time, spoil, late, etags=etags)
        plan = site.plan()
        receipt = site.apply(plan, patience=time.patience)
        assert_once(truth)
        assert_true(truth, plan, receipt, space)
        assert receipt.converged, receipt
        sent = [body for path, body in proxy.created if path != "/repo"]
        assert len(sent) == len(set(sent)), "what the platform takes twice is sent once"
        proxy.become(time, fine, 0.0, etags=etags)
        assert brief(site.plan()) == []
    assert time.now < 1000 + 20 * CONSISTENCY


def test_where_not_even_a_list_can_be_read_nothing_is_written(
    rehearsal: Rehearsal, tmp_path: Path, platform: tuple[Server, Unkind]
) -> None:
    server, _ = platform

    class Garbled(Proxy):
        def answer(self, asked: Asked) -> Answer | None:
            answer = self.forward(asked)
            return answer if asked.path.startswith("/user") else UNREADABLE

    truth = Site(tmp_path, Connection(server.database, tmp_path, named=True))
    before = truth.snapshot()
    with Garbled(server.url) as proxy:
        rehearsal.aim(proxy.url, "manifests")
        rehearsal.variables |= VARIABLES
        estate(Site(rehearsal.folder), second=False, space=tmp_path.name)
        done = rehearsal.gatectl("apply", "--yes", "--format", "json", "--deadline", "5", waits=False)
    assert (done.code, done.json["error"]["code"]) == (10, "deadline"), done
    assert "not JSON" in done.json["error"]["message"]
    assert truth.snapshot() == before
