"""A platform whose answers are lost, unreadable or wrong and whose lists lag, in all pairs: nothing is there twice, and a
receipt says what is so. The platform is the embedded one; what comes between stands here, and time is handed in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gatectl.errors import PlatformRefused, Uncertain
from gatectl.platforms.interface import Reader, Wire, Writer
from sites import Between, Counting, Site, brief, bucket, entry, repository
from truth import CONSISTENCY, LISTS, Time, assert_once, assert_true, estate


class Lists:
    """The lists of a platform as they were `lag` seconds ago."""

    def __init__(self, site: Site, time: Time, lag: float, *, etags: bool) -> None:
        self.site, self.time, self.lag, self.etags = site, time, lag, etags
        self.history: list[tuple[float, dict[str, Sequence[Wire]]]] = []
        self.note()

    def note(self) -> None:
        """Something was written just now."""
        self.history.append((self.time.now, {name: self.site.list(name) for name in LISTS}))

    def list(self, collection: str, workspace_id: str | None) -> Sequence[Wire]:
        self.time.pass_by(0.01)
        seen = [lists for at, lists in self.history if at <= self.time.now - self.lag] or [self.history[0][1]]
        wires = [w for w in seen[-1][collection] if workspace_id in (None, w.get("workspaceId"))]
        return wires if self.etags else [{k: v for k, v in w.items() if k != "etag"} for w in wires]

    def reader(self, inner: Reader) -> Reader:
        lists = self

        class Late(Counting):
            def list(self, collection: Any, workspace_id: str | None = None) -> Sequence[Wire]:
                return (
                    super().list(collection, workspace_id) and []
                    if collection == "apikeys"
                    else lists.list(collection, workspace_id)
                )

            def latest(self, collection: Any, object_id: str) -> Wire | None:
                found = (w for w in lists.list("repo", None) if w["id"] == object_id)
                return next(found, None) if collection == "repo" and not lists.etags else None

        return Late(inner)

    def writer(self, inner: Writer, answer: Callable[[int, Callable[[], Any]], Any]) -> Writer:
        lists = self

        class Answering(Between):
            def _around(self, write: Callable[[], Any]) -> Any:
                lists.time.writes += 1
                lists.time.pass_by(0.01)

                def done() -> Any:
                    result = write()
                    lists.note()
                    return result

                return answer(lists.time.writes, done)

        return Answering(inner, -1, lambda: None)


def fine(number: int, write: Callable[[], Any]) -> Any:
    return write()


def unreadable(number: int, write: Callable[[], Any]) -> Any:
    write()
    raise Uncertain("the answer cannot be read", settled=True)


def failed_though_done(number: int, write: Callable[[], Any]) -> Any:
    write()
    raise Uncertain("500: the platform failed", settled=True)


def failed_every_other_time(number: int, write: Callable[[], Any]) -> Any:
    if number % 2:
        raise Uncertain("500: the platform failed", settled=True)
    return write()


def lost(number: int, write: Callable[[], Any]) -> Any:
    write()
    raise Uncertain("the connection broke", settled=False)


def refused_though_done(number: int, write: Callable[[], Any]) -> Any:
    write()
    raise PlatformRefused("400: no", status=400)


ANSWERS = (fine, unreadable, failed_though_done, failed_every_other_time, lost)
LAGS = (0.0, 1.5, 6.0, 25.0)


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize(("answer", "lag"), list(itertools.product(ANSWERS, LAGS)))
def test_nothing_is_there_twice_and_receipts_are_true(
    tmp_path: Path, answer: Callable[[int, Callable[[], Any]], Any], lag: float, *, etags: bool
) -> None:
    site, time = Site(tmp_path), Time()
    for second in (False, True):
        estate(site, second=second)
        for _ in range(6):  # what is unknown blocks what needs it; the next run goes on where this one ended
            plan = site.plan()
            if not plan["operations"]:
                break
            lists = Lists(site, time, lag, etags=etags)
            receipt = site.apply(
                plan,
                wrap=lambda w, lists=lists: lists.writer(w, answer),
                wrap_reader=lists.reader,
                patience=time.patience,
            )
            assert_once(site)
            assert_true(site, plan, receipt)
            if lag < CONSISTENCY and answer in (fine, unreadable, failed_though_done, lost):
                assert receipt.converged, receipt
            time.pass_by(60)  # by then everything shows
        assert brief(site.plan()) == []


@pytest.mark.parametrize("lag", LAGS)
def test_a_creation_that_the_platform_takes_twice_is_sent_once_whatever_the_lists_show(
    tmp_path: Path, lag: float
) -> None:
    site, time = Site(tmp_path), Time()
    site.manifests(bucket("logs", ("S3", "logs")))
    lists = Lists(site, time, lag, etags=True)
    sent: list[int] = []

    def answer(number: int, write: Callable[[], Any]) -> Any:
        sent.append(number)
        return failed_though_done(number, write)

    receipt = site.apply(wrap=lambda w: lists.writer(w, answer), wrap_reader=lists.reader, patience=time.patience)
    assert len(sent) == 1
    assert receipt.statuses == {"bucket/default/logs": "done" if lag < CONSISTENCY else "unknown"}


def test_what_was_answered_and_never_shows_is_unknown(tmp_path: Path) -> None:
    site, time = Site(tmp_path), Time()
    site.manifests(bucket("logs", ("S3", "logs")), repository("orders", [entry("S3", "logs")]))
    lists = Lists(site, time, 3600, etags=True)
    receipt = site.apply(wrap=lambda w: lists.writer(w, fine), wrap_reader=lists.reader, patience=time.patience)
    assert receipt.statuses == {"bucket/default/logs": "unknown", "repository/default/orders": "blocked"}
    assert receipt.error("bucket/default/logs") == "not_shown: written, but it does not read back"


def test_every_creation_carries_a_key_that_is_the_same_for_the_same_object_and_no_other(tmp_path: Path) -> None:
    def keys(folder: str, region: str | None = None, secret: str = "SECRET") -> list[str | None]:
        site = Site(tmp_path / folder)
        (tmp_path / folder).mkdir(exist_ok=True)
        site.manifests(
            bucket("logs", ("S3", "logs"), region=region, credentials={"key": {"env": "KEY"}, "secret": {"env": secret}}),
            bucket("media", ("S3", "media")), repository("orders", []),
        )  # fmt: skip
        seen: list[str | None] = []

        class Noting(Between):
            def create(self, collection: Any, body: Any, key: str | None = None) -> str:
                seen.append(key)
                raise Uncertain("no answer", settled=True)

        site.live_bucket("other", ("S3", "other"))  # the store exists, and has an instance
        site.apply(wrap=lambda w: Noting(w, -1, lambda: None))
        return sorted(set(map(str, seen)))

    first = keys("a")
    assert len(first) == 3
    assert keys("a", secret="KEY") == first, "credentials are no part of it"
    assert len(set(keys("a", region="eu")) & set(first)) == 2
    assert set(keys("b")).isdisjoint(first), "another instance of the platform"
