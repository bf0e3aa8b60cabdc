"""What is known of targets and repositories is told as it is: the first thing that holds is the state, and nothing hides another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fleet.fleets import fleet, read
from gatectl.controller.deciding import IN_SYNC, STATES, Condition, State
from gatectl.controller.repositories import Followed, Repository
from gatectl.controller.store import Known, Run
from gatectl.controller.views import LONG, Facts, fleet_status, target_story
from gatectl.documents.fleets import TargetStatus, code, narrowed
from gatectl.errors import UsageError

MAIN = "refs/heads/main"
A, B = "a" * 40, "b" * 40
AT = 1_800_000_000_000
URL = "https://git.acme.example/gateway.git"
KNOWN = Known("analytics", "analytics", 1, 1, A, IN_SYNC, (IN_SYNC,), AT - 9_000, AT - 1_000, AT + 1_000, A, A, "sha256:1", 0, None,
              None, None, None)  # fmt: skip
READ = Repository(URL, {"main": Followed(A, A, "mac", MAIN)}, 0, 0, AT - 500, None)


def told(known: Known | None = KNOWN, repository: Repository | None = READ, **more: Any) -> TargetStatus:
    """The one target of a fleet of one source."""
    workers = more.pop("workers", {"w": AT - 1_000})
    found = read(fleet(more)).fleet
    assert found is not None
    facts = Facts([known] if known else [], {URL: repository} if repository else {}, workers, 1, AT)
    (target,) = fleet_status(found, facts)["targets"]
    return target


def state(target: TargetStatus) -> tuple[str, str | None]:
    return target["state"], target["reason"]


def held(target: TargetStatus) -> list[tuple[str, str | None]]:
    return [(each["state"], each["reason"]) for each in target["conditions"]]


def test_a_target_is_told_as_its_last_look_left_it() -> None:
    target = told()
    assert state(target) == ("in-sync", None) and target["since"] == "2027-01-15T07:59:51.000Z"
    assert (target["looked"], target["due"]) == ("2027-01-15T07:59:59.000Z", "2027-01-15T08:00:01.000Z")
    assert (target["commit"], target["newest"], target["applied"]) == (A, A, A)
    assert target["git"] == {"url": URL, "ref": "main", "error": None, "forced": None}


def test_a_source_that_nobody_looked_at_is_pending() -> None:
    assert state(told(None)) == state(told(None, None)) == ("pending", "not looked at yet")
    assert told(None)["name"] == told(None)["source"] == "analytics"
    assert state(told(KNOWN._replace(state=None, conditions=(), commit=None))) == ("pending", "not looked at yet")


def test_a_newer_commit_is_pending_until_it_was_looked_at() -> None:
    target = told(KNOWN._replace(newest=B))
    assert state(target) == ("pending", f"commit {B} was not looked at yet") and target["since"] is None
    assert held(target)[-1] == ("in-sync", None), "what is known of the one before is told too"


def test_git_that_cannot_be_read_hides_nothing_where_a_commit_is_known() -> None:
    away = READ._replace(error="no answer")
    drifted = (Condition("drifted", "somebody changed the platform"),)
    target = told(KNOWN._replace(state=drifted[0], conditions=drifted), away)
    assert state(target) == ("drifted", "somebody changed the platform") and target["git"]["error"] == "no answer"
    assert ("drifted", "git cannot be read: no answer") in held(target)
    assert told(KNOWN, away)["state"] == "in-sync"
    for never in (told(None, away), told(KNOWN._replace(state=None, conditions=(), commit=None, newest=None), away)):
        assert state(never) == ("failed", "git cannot be read: no answer")


def test_a_branch_that_is_not_there_has_failed() -> None:
    gone = READ._replace(error="there is no branch or tag dev, main")
    assert state(told(None, gone)) == state(told(KNOWN, gone)) == ("failed", "there is no branch or tag dev, main")
    assert told(None, gone._replace(checked=0))["state"] == "pending", "nobody has asked yet"
    other = told(KNOWN, READ._replace(error="there is no branch or tag dev, main-2"))
    assert state(other) == ("in-sync", None) and other["git"]["error"] is None, "that is the matter of other sources"


def test_a_commit_that_was_pushed_by_force_waits_for_somebody_to_accept_it() -> None:
    target = told(KNOWN, READ._replace(heads={"main": Followed(A, B, "mac", MAIN)}))
    reason = f"commit {B} was pushed by force: approve analytics --commit {B}"
    assert state(target) == ("waiting", reason) and target["git"]["forced"] == B
    assert ("in-sync", None) in held(target)


LOOK = KNOWN._replace(worker="w", begun=AT - 100)


@pytest.mark.parametrize(
    ("known", "mode", "workers", "applies"),
    [
        (LOOK, "apply", {"w": AT}, False),
        (LOOK._replace(begun=AT - LONG), "apply", {"w": AT}, True),
        (LOOK._replace(newest=B), "apply", {"w": AT}, True),
        (LOOK._replace(under="mac"), "apply", {"w": AT}, True),
        (LOOK._replace(newest=B), "observe", {"w": AT}, False),
        (LOOK._replace(newest=B), "apply", {"other": AT}, False),
        (LOOK._replace(newest=B, worker=None), "apply", {"w": AT}, False),
    ],
)
def test_a_look_is_an_apply_where_it_has_something_to_apply(
    known: Known, mode: str, workers: Mapping[str, int], applies: bool
) -> None:
    target = told(known, mode=mode, workers=workers)
    assert (target["state"] == "applying") is applies
    assert target["worker"] == (known.worker if known.worker in workers else None)
    if applies:
        assert target["since"] == told(KNOWN._replace(since=known.begun))["since"]


def test_a_process_that_said_nothing_for_long_is_not_there() -> None:
    long_ago = {"w": AT - 21_000, "other": AT - 19_000}
    assert told(LOOK._replace(newest=B), mode="apply", workers=long_ago)["state"] == "pending"
    found = read(fleet()).fleet
    assert found is not None
    assert [each["id"] for each in fleet_status(found, Facts([], {}, long_ago, 1, AT))["workers"]] == ["other"]


def test_a_paused_target_is_paused_whatever_else_holds() -> None:
    failed = Condition("failed", "not authenticated")
    target = told(KNOWN._replace(state=failed, conditions=(failed,), paused="ana@desk: moving", failures=2))
    assert state(target) == ("paused", "paused by ana@desk: moving") and target["paused"] == "ana@desk: moving"
    assert held(target)[1:] == [("failed", "not authenticated")]


@pytest.mark.parametrize("first", STATES)
def test_conditions_stand_in_the_order_in_which_they_are_the_state(first: State) -> None:
    conditions = tuple(Condition(each, "why") for each in reversed(STATES) if STATES.index(each) >= STATES.index(first))
    target = told(KNOWN._replace(state=conditions[0], conditions=conditions))
    assert target["state"] == first and [each["state"] for each in target["conditions"]] == list(
        STATES[STATES.index(first) :]
    )


def test_what_left_the_fleet_is_not_told_and_what_is_generated_has_its_source() -> None:
    found = read(fleet({"name": "teams", "forEach": {"folders": "teams/*"}}, {"name": "other"})).fleet
    assert found is not None
    rows = [
        KNOWN._replace(name=name, source=source)
        for name, source in (("teams/b", "teams"), ("teams/a", "teams"), ("x", "gone"))
    ]
    status = fleet_status(found, Facts(rows, {}, {"w": AT}, 3, AT))
    assert [(each["name"], each["source"]) for each in status["targets"]] == [
        ("other", "other"), ("teams/a", "teams"), ("teams/b", "teams"),
    ]  # fmt: skip
    assert (status["generation"], status["fleet"], status["workers"]) == (
        3,
        "acme",
        [{"id": "w", "beat": "2027-01-15T08:00:00.000Z"}],
    )
    assert [each["name"] for each in narrowed(status, ["teams"])["targets"]] == ["teams/a", "teams/b"]
    assert [each["name"] for each in narrowed(status, ["teams/b", "other"])["targets"]] == ["other", "teams/b"]
    with pytest.raises(UsageError, match="no target is called 'teams/c'"):
        narrowed(status, ["teams/c"])
    story = target_story(status, status["targets"][1], [Run("teams/a", AT - 1, AT, A, "in-sync", None, None, "r")])
    assert story["target"]["name"] == "teams/a" and story["runs"][0]["began"] == "2027-01-15T07:59:59.999Z"


@pytest.mark.parametrize(
    ("conditions", "more", "expected"),
    [
        ((IN_SYNC,), {}, 0),
        ((Condition("drifted"),), {}, 2),
        ((Condition("waiting"),), {}, 2),
        ((Condition("pending"),), {}, 2),
        ((Condition("failed"), Condition("drifted")), {}, 3),
        ((Condition("invalid"),), {}, 3),
        ((IN_SYNC,), {"paused": "ana"}, 0),
        ((Condition("drifted"),), {"paused": "ana"}, 2),
        ((IN_SYNC,), {"newest": B}, 2),
    ],
)
def test_the_exit_code_is_that_of_what_is_worst(
    conditions: tuple[Condition, ...], more: dict[str, Any], expected: int
) -> None:
    found = read(fleet()).fleet
    assert found is not None
    row = KNOWN._replace(state=conditions[0], conditions=conditions, **more)
    assert code(fleet_status(found, Facts([row], {URL: READ}, {}, 1, AT))) == expected
    away = {URL: READ._replace(error="away")}
    assert code(fleet_status(found, Facts([row], away, {}, 1, AT))) == 3, "what is newest is not known"
