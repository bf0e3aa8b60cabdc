"""What of a fresh plan is done where another was carried out so far: nothing that was sent is sent again, and nothing that needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gatectl.applying import replan
from gatectl.documents.plans import Plan, digest, fingerprint
from gatectl.model import Outcome, Status
from gatectl.planning.plan import with_operations
from sites import Site, brief, bucket, entry, repository

ALL = ("bucket/default/logs", "bucket/default/media", "repository/default/orders", "repository/default/returns")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two buckets, a repository on both, and one on the second."""
    site = Site(tmp_path)
    site.manifests(
        bucket("logs", ("S3", "logs")), bucket("media", ("S3", "media")),
        repository("orders", [entry("S3", "logs", folder="a"), entry("S3", "media", folder="a")]),
        repository("returns", [entry("S3", "media", folder="b")]),
    )  # fmt: skip
    return site.plan()


def outcomes(*statuses: Status) -> list[Outcome]:
    return [Outcome(name, status, name, 1) for name, status in zip(ALL, statuses, strict=True)]


def planned_again(plan: Plan, before: Sequence[Outcome]) -> Plan:
    """The plan that the same manifests come to once what is done shows on the platform."""
    done = {outcome.id for outcome in before if outcome.status == "done"}
    operations = [op for op in plan["operations"] if op["id"] not in done]
    waiting = [{**op, "dependsOn": [need for need in op["dependsOn"] if need not in done]} for op in operations]
    return with_operations(plan, waiting, plan["adopts"])


def ids(plan: Plan) -> list[str]:
    return [line.partition(" ")[2] for line in brief(plan)]


@pytest.mark.parametrize(
    ("ended", "left"),
    [
        (("done", "done", "conflict", "done"), [ALL[2]]),
        (("conflict", "done", "blocked", "done"), [ALL[0], ALL[2]]),
        # What may have been sent, or was refused, is not sent again, whatever the lists show; nor is what needs it.
        (("unknown", "conflict", "blocked", "blocked"), [ALL[1], ALL[3]]),
        (("failed", "conflict", "blocked", "blocked"), [ALL[1], ALL[3]]),
        (("conflict", "conflict", "blocked", "not-started"), list(ALL)),
    ],
)
def test_only_what_did_not_end_is_done_then(plan: Plan, ended: tuple[Status, ...], left: list[str]) -> None:
    before = outcomes(*ended)
    then = replan.part(plan, before, planned_again(plan, before))
    assert ids(then) == left
    assert then["summary"]["create"] == len(left)
    assert then["fingerprint"] == fingerprint(then) and then["digest"] == digest(then)


def test_what_is_done_and_does_not_show_is_not_done_again_nor_what_needs_it(plan: Plan) -> None:
    assert ids(replan.part(plan, outcomes("done", "done", "conflict", "conflict"), plan)) == []


def test_where_nothing_was_carried_out_the_fresh_plan_is_done_whole(plan: Plan) -> None:
    assert replan.part(plan, (), plan) == plan


def test_both_parts_are_one_plan_in_an_order_that_can_be_done_with_an_outcome_each(plan: Plan) -> None:
    before = outcomes("conflict", "done", "blocked", "unknown")
    fresh = planned_again(plan, before)
    then = replan.part(plan, before, fresh)
    again = [Outcome(ALL[0], "done", "b1", 1), Outcome(ALL[2], "done", "r1", 2)]
    whole, ended = replan.together(plan, before, fresh, then, again)
    assert sorted(ids(whole)) == sorted(ALL)
    placed: set[str] = set()
    for op in whole["operations"]:
        assert placed >= set(op["dependsOn"])
        placed.add(op["id"])
    found: dict[str, Any] = {o.id: (o.status, o.attempts) for o in ended}
    assert [o.id for o in ended] == ids(whole)
    assert found == {ALL[0]: ("done", 2), ALL[1]: ("done", 1), ALL[2]: ("done", 3), ALL[3]: ("unknown", 1)}
    assert whole["digest"] == digest(whole) and whole["summary"]["create"] == 4


def test_what_needs_nothing_any_more_is_already_so(plan: Plan) -> None:
    fresh = {**plan, "operations": []}
    before = outcomes("done", "done", "conflict", "unknown")
    then = replan.part(plan, before, fresh)
    _, ended = replan.together(plan, before, fresh, then, [])
    assert [o.status for o in ended] == ["done", "done", "already", "unknown"]
