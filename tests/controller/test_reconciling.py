"""One reconcile of a target: what is planned, what it waits for, what is applied, and what its state says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from controller.sites import Site, bucket, repository, workspace
from gatectl.controller.reconciling import Approved
from leaping import Leaping

TEAM = (workspace("team"), bucket("raw"), repository("data", "team", "raw"))


def test_what_a_commit_says_is_applied_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    checkout = site.checkout(*TEAM)
    done = site.reconcile(checkout)
    assert done.state.state == "in-sync" and done.receipt is not None
    assert done.receipt.document["source"]["commit"] == checkout.commit
    again = site.reconcile(checkout)
    assert again.state.state == "in-sync" and again.receipt is None, "nothing is to be done"


def test_to_observe_writes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, mode="observe")
    done = site.reconcile(site.checkout(*TEAM))
    assert (done.state.state, done.state.reason) == ("pending", "3 to apply")
    assert done.receipt is None
    assert not any("Repository" in text or "Bucket" in text for text in site.live().values())


def test_what_somebody_changed_is_drift_and_changed_back(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.reconcile(site.checkout(*TEAM)).receipt is not None
    site.by_hand(bucket("raw"), repository("data", "team"))
    watching = Site(tmp_path, mode="observe").reconcile(site.checkout(*TEAM))
    assert watching.state.state == "drifted"
    waiting = Site(tmp_path, onDrift="wait").reconcile(site.checkout(*TEAM))
    assert waiting.state.state == "waiting" and waiting.plan is not None
    assert waiting.state.reason == f"approval of {waiting.plan.fingerprint}"
    assert site.reconcile(site.checkout(*TEAM)).state.state == "in-sync"
    assert Site(tmp_path, onDrift="wait").reconcile(site.checkout(*TEAM)).state.state == "in-sync"


@pytest.mark.parametrize(
    ("approvals", "first", "second"),
    [
        ("none", "in-sync", "in-sync"),
        ("destructive", "in-sync", "waiting"),
        ("risky", "in-sync", "waiting"),
        ("all", "waiting", "waiting"),
    ],
)
def test_a_plan_waits_for_an_approval_by_what_it_risks(tmp_path: Path, approvals: str, first: str, second: str) -> None:
    site = Site(tmp_path, approvals=approvals)
    assert site.reconcile(site.checkout(*TEAM)).state.state == first
    assert Site(tmp_path).reconcile(site.checkout(*TEAM)).state.state == "in-sync"
    detached = site.checkout(workspace("team"), bucket("raw"), repository("data", "team"))
    assert site.reconcile(detached).state.state == second


def test_what_was_approved_is_applied_and_nothing_else(tmp_path: Path) -> None:
    site = Site(tmp_path, approvals="all")
    checkout = site.checkout(*TEAM)
    waiting = site.reconcile(checkout)
    assert waiting.plan is not None and waiting.receipt is None
    approved = Approved(waiting.plan, reason="reviewed")
    other = site.checkout(*TEAM, repository("more"))
    assert site.reconcile(other, approved=approved).state.state == "waiting", "an approval is of one commit"
    done = site.reconcile(checkout, approved=approved)
    assert done.state.state == "in-sync" and done.used
    assert done.receipt is not None and done.receipt.document["fingerprint"] == waiting.plan.fingerprint


def test_an_approved_plan_that_fits_no_more_waits_again(tmp_path: Path) -> None:
    site = Site(tmp_path, approvals="all")
    checkout = site.checkout(*TEAM)
    waiting = site.reconcile(checkout)
    assert waiting.plan is not None
    site.by_hand(workspace("team"), bucket("raw"), repository("data", "team", "raw"), repository("data2", "team"))
    again = site.reconcile(checkout, approved=Approved(waiting.plan))
    assert again.state.state in ("waiting", "in-sync"), "everything is there already, or waits for another approval"
    assert again.used is (again.state.state == "in-sync")


def test_a_run_that_broke_off_goes_on_with_the_plan_that_was_approved(tmp_path: Path) -> None:
    """What was written under it is `already`; the rest is done under the same approval."""
    site = Site(tmp_path, approvals="all")
    checkout = site.checkout(*TEAM)
    waiting = site.reconcile(checkout)
    assert waiting.plan is not None
    Site(tmp_path).reconcile(site.checkout(*TEAM[:2]))
    done = site.reconcile(checkout, approved=Approved(waiting.plan))
    assert done.state.state == "in-sync" and done.receipt is not None and done.used
    assert {o["status"] for o in done.receipt.outcomes} == {"already", "done"}


def test_an_approval_of_what_is_all_there_already_is_used_up(tmp_path: Path) -> None:
    """A run broke off after its last write: what was approved is done, and is not applied at each look from then on."""
    site = Site(tmp_path, approvals="all")
    checkout = site.checkout(*TEAM)
    waiting = site.reconcile(checkout)
    assert waiting.plan is not None
    Site(tmp_path).reconcile(checkout)
    done = site.reconcile(checkout, approved=Approved(waiting.plan))
    assert done.state.state == "in-sync" and done.used


def test_what_holds_an_apply_back_is_said(tmp_path: Path) -> None:
    held = Site(tmp_path).reconcile(Site(tmp_path).checkout(*TEAM), held="network")
    assert (held.state.state, held.state.reason, held.receipt) == ("waiting", "network", None)
    assert [each.state for each in held.conditions] == ["waiting", "pending"]
    site = Site(tmp_path, windows=["Sat 08:00-10:00 UTC"])
    closed = site.reconcile(site.checkout(*TEAM))
    assert closed.state.reason == "a window, which opens 2026-11-28T08:00+00:00"
    open_now = Site(tmp_path, windows=["Wed 08:00-18:00 UTC"])
    assert open_now.reconcile(open_now.checkout(*TEAM)).state.state == "in-sync"


def test_an_approval_opens_no_window(tmp_path: Path) -> None:
    site = Site(tmp_path, approvals="all", windows=["Sat 08:00-10:00 UTC"])
    checkout = site.checkout(*TEAM)
    plan = site.reconcile(checkout).plan
    assert plan is not None
    assert site.reconcile(checkout, approved=Approved(plan)).state.state == "waiting"


def test_the_checkouts_own_guardrails_hold_and_are_lifted_by_an_approval(tmp_path: Path) -> None:
    site = Site(tmp_path, prune=True)
    limited = {"guardrails": {"maxDeletes": 0}}
    assert site.reconcile(site.checkout(*TEAM, environment=limited)).state.state == "in-sync"
    less = site.checkout(*TEAM[:2], environment=limited)
    refused = site.reconcile(less)
    assert refused.state.state == "waiting" and "would delete 1 object" in (refused.state.reason or "")
    assert refused.plan is not None
    done = site.reconcile(less, approved=Approved(refused.plan, ("deletes=1",), "meant"))
    assert done.state.state == "in-sync" and done.used


def test_what_is_declared_no_more_goes_where_the_source_says_so(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.reconcile(site.checkout(*TEAM)).state.state == "in-sync"
    kept = site.reconcile(site.checkout(*TEAM[:2]))
    assert kept.state.state == "in-sync" and kept.receipt is None
    pruned = Site(tmp_path, prune=True).reconcile(site.checkout(*TEAM[:2]))
    assert pruned.receipt is not None and pruned.receipt.document["plan"]["summary"]["delete"] == 1


def test_nothing_is_pruned_where_a_submodule_was_left_out(tmp_path: Path) -> None:
    site = Site(tmp_path, prune=True)
    assert site.reconcile(site.checkout(*TEAM)).state.state == "in-sync"
    held = site.reconcile(site.checkout(*TEAM[:2], submodules=("m/more",)))
    assert held.state.state == "invalid" and "GW508" in (held.state.reason or "")
    assert site.reconcile(site.checkout(*TEAM[:2], submodules=("elsewhere",))).state.state == "in-sync"


def test_a_commit_with_a_mistake_is_invalid_at_its_line_and_touches_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    broken = {**repository("data"), "spec": {"endpointType": "S4"}}
    done = site.reconcile(site.checkout(workspace("team"), broken))
    assert done.state.state == "invalid"
    assert (done.state.reason or "").startswith("m/all.yaml:3: GW204")
    assert site.names() == []


def test_a_platform_that_cannot_be_reached_has_failed_and_raises_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, platform="http://127.0.0.1:9", token={"env": "TOKEN"})
    site.platform = "http://127.0.0.1:9"
    away = site.reconcile(site.checkout(*TEAM))
    assert away.state.state == "failed"
    missing = Site(tmp_path, token={"file": "no-such-file"})
    assert "no-such-file" in (missing.reconcile(missing.checkout(*TEAM)).state.reason or "")


def test_the_owner_is_fleet_and_source_whatever_the_checkout_says(tmp_path: Path) -> None:
    """Another source that declares the same, with the same name and `uid`, is somebody else."""
    site = Site(tmp_path)
    theirs = {"uid": "same", "environments": {"prod": {"platform": site.platform}}}
    assert site.reconcile(site.checkout(*TEAM, project=theirs)).state.state == "in-sync"
    moved = site.checkout(*TEAM[:2], repository("data", "team"), project={**theirs, "uid": "another"})
    assert site.reconcile(moved).state.state == "in-sync", "a uid is not looked at"
    other = Site(tmp_path, name="other")
    foreign = other.reconcile(other.checkout(*TEAM, project=theirs))
    assert foreign.state.state == "invalid" and "GW507" in (foreign.state.reason or "")


def test_a_project_file_that_decides_otherwise_waits_for_somebody_who_allows_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert (
        site.reconcile(site.checkout(*TEAM, environment={"guardrails": {"protect": ["data"]}})).state.state == "in-sync"
    )
    looser = site.checkout(
        workspace("team"), bucket("raw"), repository("data", "team", "raw"), repository("more", "team")
    )
    waiting = site.reconcile(looser)
    assert waiting.state.state == "waiting" and waiting.plan is not None
    done = site.reconcile(looser, approved=Approved(waiting.plan, ("project",), "seen"))
    assert done.state.state == "in-sync"


def test_a_project_file_can_forge_no_owner(tmp_path: Path) -> None:
    site = Site(tmp_path)
    forged = {"uid": "fleet:acme/data", "environments": {"prod": {"platform": site.platform}}}
    done = site.reconcile(site.checkout(*TEAM, project=forged))
    assert done.state.state == "invalid" and "GW205" in (done.state.reason or "")


def test_an_older_commit_destroys_nothing(tmp_path: Path) -> None:
    """It was pushed by force, or a worker came late: what it would detach was attached later."""
    site = Site(tmp_path)
    older = site.checkout(workspace("team"), bucket("raw"), repository("data", "team"))
    newer = site.checkout(*TEAM)
    assert site.reconcile(newer).state.state == "in-sync"
    late = older._replace(follows=lambda commit: False)
    assert site.reconcile(late).state.state == "waiting"


def test_the_same_plan_is_not_applied_twice_by_two(tmp_path: Path) -> None:
    site = Site(tmp_path, approvals="all")
    checkout = site.checkout(*TEAM)
    plan = site.reconcile(checkout).plan
    assert plan is not None
    one, two = (site.reconcile(checkout, approved=Approved(plan)) for _ in range(2))
    assert one.receipt is not None and two.receipt is not None
    assert all(outcome["attempts"] for outcome in one.receipt.outcomes)
    assert not any(outcome["attempts"] for outcome in two.receipt.outcomes)
    assert two.state.state == "in-sync"


def test_leases_are_held_for_as_long_as_a_worker_is_not_taken_for_dead(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.reconcile(site.checkout(*TEAM)).state.state == "in-sync"
    with create_engine(site.platform).connect() as connection:
        found = connection.execute(text("SELECT DISTINCT lasts, released FROM leases")).all()
    assert [tuple(row) for row in found] == [(20_000, 1)]


def test_who_is_at_work_is_waited_for_by_coming_again(tmp_path: Path) -> None:
    """Another fleet, or a pipeline, holds the lease of a workspace: the target waits, says for whom, and blocks no worker."""
    site = Site(tmp_path)
    assert site.reconcile(site.checkout(*TEAM)).state.state == "in-sync"
    with create_engine(site.platform).begin() as connection:
        later = text("UPDATE leases SET released = 0, until = 9000000000000, fence = fence + 1, holder = :holder")
        connection.execute(later, {"holder": '{"user": "somebody", "host": "elsewhere", "run": "x"}'})
    time = Leaping(running=True)
    waiting = site.reconcile(site.checkout(*TEAM, repository("more")), clock=time.clock)
    assert waiting.state.state == "waiting" and "somebody@elsewhere" in (waiting.state.reason or ""), waiting.state
    assert sum(time.slept) < 1


def test_no_secret_is_in_what_a_reconcile_says(tmp_path: Path) -> None:
    site = Site(tmp_path)
    done: Any = site.reconcile(site.checkout(*TEAM))
    said = repr((done.state, done.conditions, done.plan.to_json(), done.receipt.to_json()))
    assert "hush-hush" not in said and "canary" not in said
