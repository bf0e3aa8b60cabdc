"""Two creations of one object happened all the same: the run that made the twin settles it, and both come to one answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gatectl.clock import Clock, Patience
from gatectl.manifests import sources
from gatectl.platforms.embedded.identity import new_id
from gatectl.render import render
from gatectl.render.interface import Look
from sites import Between, Counting, Receipt, Site, brief, bucket, entry, repository, workspace

LOGS = ("S3", "logs")
MILLISECOND = len("01a22519-cf45")
"""How much of an id says when it was made."""


class Time:
    """A clock that waiting moves, and what somebody else does while we wait."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meanwhile: list[Callable[[], object]] = []

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()

    @property
    def patience(self) -> Patience:
        return Patience(10.0, Clock(lambda: self.now, self.wait))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.manifests(bucket("logs", LOGS), repository("orders", [entry(*LOGS)]))
    return made


@pytest.fixture
def time() -> Time:
    return Time()


def apply(site: Site, time: Time, interfere: Callable[[], object], *, at: int = 0, late: bool) -> Receipt:
    def act() -> None:
        later()
        interfere()
        later()

    return site.apply(wrap=lambda writer: Between(writer, at, act, late=late), patience=time.patience, wrap_reader=None)


def later() -> None:
    """The platform's ids sort by the millisecond, and this one is over: what is made before and after has its order."""
    now = new_id()[:MILLISECOND]
    while new_id()[:MILLISECOND] <= now:
        pass


def ids(site: Site, collection: Any = "bucket") -> list[str]:
    return sorted(wire["id"] for wire in site.list(collection))


def attached(site: Site) -> list[str]:
    return [item["bucketId"] for item in site.one("repo", "orders")["buckets"]]


def test_the_lower_id_stays_and_the_run_that_made_the_other_removes_it_and_says_so_in_every_format(
    site: Site, time: Time
) -> None:
    theirs: list[str] = []
    receipt = apply(site, time, lambda: theirs.append(site.live_bucket("logs", LOGS)), late=False)
    made = next(o for o in receipt["outcomes"] if o["id"] == "bucket/default/logs")
    assert receipt.statuses == {"bucket/default/logs": "already", "repository/default/orders": "done"}
    assert receipt.converged
    assert ids(site) == theirs == attached(site) == [made["platformId"]]
    (settled,) = receipt["settled"]
    assert (settled["id"], settled["kept"]) == ("bucket/default/logs", theirs[0])
    assert settled["deleted"] > theirs[0]
    assert not list(jsonschema_rs.Draft202012Validator(dict(sources.read_schema("receipt"))).iter_errors(receipt))
    head = "Bucket default/logs was created twice at once"
    words = f"{head}: {settled['deleted']}, which this run made, is deleted again; {theirs[0]} stays"
    for format_name in ("text", "markdown", "html"):
        assert words in render(receipt, format_name, Look()), format_name
    assert brief(site.plan()) == []


def test_who_made_the_lower_one_waits_until_the_other_is_removed(site: Site, time: Time) -> None:
    theirs: list[str] = []

    def settle() -> None:
        writer = site.writer()
        writer.delete("bucket", theirs[0])
        writer.close()

    time.meanwhile = [lambda: None, settle]
    receipt = apply(site, time, lambda: theirs.append(site.live_bucket("logs", LOGS)), late=True)
    assert receipt.statuses == {"bucket/default/logs": "done", "repository/default/orders": "done"}
    assert receipt.converged and receipt["settled"] == []
    assert attached(site) == ids(site)


def test_a_twin_that_nobody_removes_is_a_conflict_with_both_ids_and_how_to_remove_one(site: Site, time: Time) -> None:
    receipt = apply(site, time, lambda: site.live_bucket("logs", LOGS), late=True)
    assert receipt.statuses == {"bucket/default/logs": "conflict", "repository/default/orders": "blocked"}
    error = receipt.error("bucket/default/logs")
    assert all(each in error for each in ids(site)) and len(ids(site)) == 2
    assert "(made by this run)" in error and "curl -X DELETE" in error and "/bucket/" in error
    assert time.now >= 10


def test_what_is_in_use_stays_whatever_its_id(site: Site, time: Time) -> None:
    theirs: list[str] = []

    def theirs_in_use() -> None:
        theirs.append(site.live_bucket("logs", LOGS))
        site.live_repository("elsewhere", {"bucketId": theirs[0], "folder": "x"})

    receipt = apply(site, time, theirs_in_use, late=True)
    assert receipt.converged
    assert ids(site) == theirs == attached(site)


def test_a_twin_that_comes_before_ours_is_attached_is_settled_before_that(tmp_path: Path, time: Time) -> None:
    """The lists of a level are read once more before what it made is used."""
    site = Site(tmp_path)
    site.manifests(bucket("logs", LOGS), bucket("media", ("S3", "media")), repository("orders", [entry(*LOGS)]))
    theirs: list[str] = []

    class Watching(Counting):
        """Somebody registers the twin just after ours was seen alone."""

        def list(self, collection: Any, workspace_id: str | None = None) -> Any:
            found = super().list(collection, workspace_id)
            if collection == "repo" and not theirs and any(b["name"] == "logs" for b in site.list("bucket")):
                theirs.append(site.live_bucket("logs", LOGS))
                site.live_repository("elsewhere", {"bucketId": theirs[0], "folder": "x"})
            return found

    receipt = site.apply(wrap_reader=Watching, patience=time.patience)
    assert receipt.converged
    assert [w["id"] for w in site.list("bucket") if w["name"] == "logs"] == theirs == attached(site)
    assert [s["id"] for s in receipt["settled"]] == ["bucket/default/logs"]


def test_objects_of_one_name_that_are_not_equal_are_no_twins(site: Site, time: Time) -> None:
    receipt = apply(site, time, lambda: site.live_bucket("logs", ("GCS", "other")), late=False)
    assert receipt.statuses["bucket/default/logs"] == "conflict"
    assert len(ids(site)) == 2, "nothing is removed"


def test_an_empty_workspace_made_twice_is_settled_too(tmp_path: Path, time: Time) -> None:
    site = Site(tmp_path)
    site.live_workspace("first")
    site.manifests(workspace("lab"), bucket("logs", LOGS, metadata={"workspace": "lab"}))
    receipt = apply(site, time, lambda: site.live_workspace("lab"), late=False)
    assert receipt.statuses["bucket/lab/logs"] == "done"
    assert len([w for w in site.list("workspace") if w["name"] == "lab"]) == 1
    assert len(receipt["settled"]) == 1
