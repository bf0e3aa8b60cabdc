"""Decisions that are easily taken the other way with nobody noticing: each of these fails when its decision is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gatectl import errors
from gatectl.platforms.interface import Wire
from sites import Between, Site, assert_empty, bucket, entry, operation, repository, rules, workspace
from test_rules import azure, check, told

LOGS, DATA = ("S3", "logs"), ("S3", "data")


# Which registered resource is meant


@pytest.mark.parametrize("attached", [0, 1])
def test_the_candidate_that_is_attached_already_is_meant(site: Site, attached: int) -> None:
    candidates = site.live_bucket("one", LOGS), site.live_bucket("two", LOGS)
    site.live_repository("r", candidates[attached])
    site.manifests(repository("r", [entry(*LOGS)], policy="Exact"))
    assert_empty(site.plan())


def test_of_two_that_are_attached_already_none_is_meant(site: Site) -> None:
    first, second = site.live_bucket("one", LOGS), site.live_bucket("two", LOGS)
    site.live_bucket("three", LOGS)
    site.live_repository("r", first, second)
    site.manifests(repository("r", [entry(*LOGS)]))
    (said,) = rules(site.plan())
    assert said.startswith("GW502: S3 bucket 'logs' could be any of 3: 'one'")


def test_a_label_is_heard_before_what_is_attached(site: Site) -> None:
    site.live_bucket("two", LOGS)
    site.live_repository("r", site.live_bucket("one", LOGS))
    site.manifests(repository("r", [entry(*LOGS, label="two")], policy="Exact"))
    op = operation(site.plan(), "repository/default/r")
    assert ([r["label"] for r in op["attach"]], [r["label"] for r in op["detach"]]) == (["two"], ["one"])


# What widens


@pytest.mark.parametrize(
    ("keys", "before", "wanted", "risk"),
    [
        (1, ["logs"], ["logs", "data"], "widens"),
        (0, ["logs"], ["logs", "data"], "none"),
        (1, ["logs"], ["data"], "destructive"),
        (1, ["logs", "data"], ["logs"], "destructive"),
        (1, None, ["logs"], "none"),
    ],
)
def test_only_an_attachment_to_a_repository_with_keys_widens(
    site: Site, keys: int, before: Sequence[str] | None, wanted: Sequence[str], risk: str
) -> None:
    ids = {"logs": site.live_bucket("logs", LOGS), "data": site.live_bucket("data", DATA)}
    if before is not None:
        made = site.live_repository("r", *(ids[name] for name in before))
        for _ in range(keys):
            site.live_key(made)
    site.manifests(repository("r", [entry("S3", name) for name in wanted], policy="Exact"))
    assert operation(site.plan(), "repository/default/r")["risk"] == risk


def test_a_change_that_attaches_nothing_widens_nothing(site: Site) -> None:
    logs, data = site.live_bucket("logs", LOGS), site.live_bucket("data", DATA)
    made = site.live_repository("m", {"bucketId": logs, "master": True}, data, mode="MIRROR")
    site.live_key(made)
    site.manifests(repository("m", [entry(*LOGS, master=False), entry(*DATA, master=True)], mode="Mirror"))
    assert operation(site.plan(), "repository/default/m")["risk"] == "none"


# Who is adopted


def test_what_was_made_by_hand_is_adopted_and_what_was_applied_is_not(site: Site) -> None:
    site.manifests(bucket("logs", LOGS))
    assert site.apply().converged
    site.live_bucket("data", DATA)
    site.live_bucket("undeclared", ("S3", "undeclared"))
    site.manifests(workspace("default"), bucket("logs", LOGS), bucket("data", DATA, metadata={"labels": {"a": "b"}}))
    plan = site.plan()
    assert_empty(plan)
    assert [(item["kind"], item["name"]) for item in plan["adopts"]] == [("Bucket", "data")], "never a workspace"
    assert plan["summary"]["adopt"] == 1
    assert site.plan(targets=("Bucket/logs",))["adopts"] == []
    assert site.apply().converged
    assert site.plan()["adopts"] == []


# Several live objects of one name, at apply


def test_a_name_that_was_taken_twice_since_the_plan_is_a_conflict_and_not_one_of_them(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*LOGS)]))
    plan = site.plan()
    site.live_bucket("logs", LOGS)
    site.live_bucket("logs", LOGS)
    before = site.snapshot()
    receipt = site.apply(plan)
    assert receipt.statuses["bucket/default/logs"] == "conflict"
    assert receipt.statuses["repository/default/r"] in ("blocked", "not-started", "conflict")
    assert site.snapshot() == before


# When to stop


class Deaf(Between):
    """A writer whose writes nobody answers but for those that `hears` counts, from 0."""

    def __init__(self, inner: Any, hears: Sequence[int]) -> None:
        super().__init__(inner, -1, lambda: None)
        self._hears, self._heard = hears, 0

    def create(self, collection: Any, body: Wire, *rest: Any, **named: Any) -> str:
        self._heard += 1
        if self._heard - 1 not in self._hears:
            raise errors.Unreachable("nobody answers")
        return super().create(collection, body, *rest, **named)


@pytest.mark.parametrize(
    ("hears", "done", "failed"),
    [
        ((), 0, 3),  # three in a row, and no more
        ((2,), 1, 5),  # two, one that is heard, and three again
        ((2, 5), 2, 6),
        (range(8), 8, 0),
    ],
)
def test_after_three_writes_in_a_row_that_nobody_answers_no_more_are_tried(
    site: Site, hears: Sequence[int], done: int, failed: int
) -> None:
    site.manifests(*(bucket(f"b{n}", ("S3", f"bucket-{n}")) for n in range(8)))
    writers: list[Deaf] = []
    receipt = site.apply(wrap=lambda inner: writers.append(Deaf(inner, hears)) or writers[-1])
    statuses = list(receipt.statuses.values())
    assert (statuses.count("done"), statuses.count("failed")) == (done, failed)
    assert statuses.count("not-started") == 8 - done - failed


# The finer half of the rules


@pytest.mark.parametrize(
    ("resources", "found"),
    [
        # GW302: once for each account and each bucket, at the first entry that collides
        ([entry("S3", "media"), azure("media", "logs"), azure("media", "more")], ["GW302"]),
        ([azure("media", "logs"), entry("S3", "media"), entry("GCS", "media")], ["GW301", "GW302"]),
        ([azure("media", "logs"), azure("store", "logs2"), entry("S3", "store"), entry("S3", "media")], ["GW302", "GW302"]),
        ([entry("S3", "abc"), azure("store", "media"), azure("abc", "media2")], ["GW302"]),
        # GW305: another account than the first, by the names as they are compared
        ([azure("store", "logs"), azure("other", "logs"), azure("third", "logs")], ["GW305", "GW305"]),
        ([azure("store", "logs"), azure("other", "logs"), azure("store", "logs", folder="a")], ["GW303", "GW305"]),
        ([azure("store", "logs"), azure("other", "more"), azure("third", "logs")], ["GW305"]),
        ([azure("store", "logs"), azure("other", "Logs")], ["GW205", "GW305"]),
    ],
)  # fmt: skip
def test_names_inside_a_repository(resources: list[Any], found: list[str]) -> None:
    assert sorted(told(repository("r", resources))) == found


@pytest.mark.parametrize(
    ("resources", "later"),
    [
        ([entry("S3", "media"), azure("media", "logs"), azure("media", "more")], 1),
        ([azure("media", "logs"), azure("media", "more"), entry("S3", "media")], 2),
        ([entry("S3", "media", label="a"), entry("S3", "media", label="b"), azure("media", "logs")], 2),
    ],
)
def test_the_first_of_each_side_is_told_with_its_place(resources: list[Any], later: int) -> None:
    (finding,) = (f for f in check(json.dumps(repository("r", resources))) if f.rule == "GW302")
    assert finding.spot is not None and finding.spot.pointer[:3] == ("spec", "resources", later)
    other = finding.related[0].spot
    assert other is not None and other.pointer[:3] == ("spec", "resources", 0)


def normal(name: str, *entries: Any, **fields: Any) -> Any:
    return repository(name, list(entries), **fields)


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        # GW404: in one workspace, of one folder, however it is written
        ([normal("a", entry(*LOGS, folder="x")), normal("b", entry(*LOGS, folder="/x/"))], ["GW404"]),
        ([normal("a", entry(*LOGS)), normal("b", entry(*LOGS, folder="/"))], ["GW404"]),
        ([normal("a", entry(*LOGS, folder="x")), normal("b", entry(*LOGS, folder="x/y"))], []),
        ([normal("a", entry(*LOGS)), normal("b", entry(*LOGS, folder="x"))], []),
        ([normal("a", entry(*LOGS)), normal("b", entry(*LOGS), workspace="w")], []),
        # each of three that share it with one before, and only those told apart by label or id are not the same
        ([normal("a", entry(*LOGS)), normal("b", entry(*LOGS)), normal("c", entry(*LOGS))], ["GW404", "GW404"]),
        ([normal("a", entry(*LOGS, label="one")), normal("b", entry(*LOGS, label="two"))], []),
        ([normal("a", entry(*LOGS, label="one")), normal("b", entry(*LOGS, label="two")), normal("c", entry(*LOGS, label="two"))],
         ["GW404"]),
        ([normal("a", entry(*LOGS, label="one")), normal("b", entry(*LOGS))], ["GW404"]),
        ([normal("a", entry(*LOGS, id="1")), normal("b", entry(*LOGS, id="2"))], []),
        # a name that is declared twice is one repository, and no collision with itself
        ([normal("a", entry(*LOGS)), normal("A", entry(*LOGS))], ["GW304"]),
        ([normal("a", entry(*LOGS)), normal("a", entry(*LOGS)), normal("b", entry(*LOGS))], ["GW304", "GW404"]),
        # LLMs have no folders; a Mirror is not Normal
        ([normal("a", {"type": "LLM", "name": "g"}, endpoint="OpenAI"), normal("b", {"type": "LLM", "name": "g"}, endpoint="OpenAI")], []),
        ([normal("a", azure("store", "logs")), normal("b", azure("other", "logs"))], []),
    ],
)  # fmt: skip
def test_folders_of_several_repositories(documents: list[Any], found: list[str]) -> None:
    assert sorted(told(*documents)) == found
