"""What people do to a controller is written down for whoever looks at the target next, and nothing else is done."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from controller.sites import Site
from controller.test_reconciling import TEAM
from controller.test_store import address, database, postgresql_server, store
from gatectl.controller import acts
from gatectl.controller.acts import Desk
from gatectl.controller.approvals import Approvals
from gatectl.controller.approving import refusal
from gatectl.controller.database import Database
from gatectl.controller.reconciling import Reconciled
from gatectl.controller.repositories import Followed, Repositories, is_followed
from gatectl.controller.store import Placed, Seen, Store
from gatectl.documents.plans import Plan
from gatectl.errors import GatectlError, InputError, StalePlan, UsageError

__all__ = ["address", "database", "postgresql_server", "store"]

KEY = bytes(range(32))
B, C = "b" * 40, "c" * 40


class Kept:
    """A fleet of one source whose target waits for an approval, as a controller leaves it."""

    def __init__(self, folder: Path, database: Database, store: Store, **source: Any) -> None:
        self.site = Site(folder, approvals="all", **source)
        self.store = store
        self.desk = Desk(database, self.site.fleet, KEY)
        store.place("data", f"{1:040x}", [Placed("data", "gatectl.yaml")], urgent=False)
        self.look(self.site.reconcile(self.site.checkout(*TEAM)))

    def look(self, found: Reconciled) -> None:
        assert found.plan is not None
        begun = self.store.begin("data", "w")
        assert begun is not None
        self.plan: Plan = found.plan.document
        seen = Seen(
            found.state,
            found.conditions,
            self.plan["source"]["commit"],
            found.plan.fingerprint,
            plan=found.plan.to_json(),
        )
        self.store.finish(begun, "w", seen)

    @property
    def fingerprint(self) -> str:
        return self.plan["fingerprint"]


@pytest.fixture
def kept(tmp_path: Path, database: Database, store: Store) -> Kept:
    return Kept(tmp_path, database, store)


def test_a_plan_that_waits_is_approved_as_it_is_kept(kept: Kept) -> None:
    done = acts.approve(kept.desk, "data", kept.fingerprint, "ana@desk", "command", ["deletes=3"], "seen")
    (approved,) = Approvals(kept.desk.database).of("data")
    approval = approved.approval
    assert (approval.who, approval.how, approval.allow, approval.reason) == (
        "ana@desk",
        "command",
        ("deletes=3",),
        "seen",
    )
    assert approval.until - approval.at == kept.site.fleet.sources[0].approvals_expire
    assert refusal(KEY, approval, approved.mac, "data", f"{1:040x}", kept.plan, approval.at) is None
    assert (done["did"], done["fingerprint"], done["commit"]) == ("approved", kept.fingerprint, f"{1:040x}")
    (due,) = kept.store.due(9)
    assert due.urgent and due.name == "data"


def test_a_plan_that_is_approved_twice_is_applied_once(kept: Kept) -> None:
    approvals = Approvals(kept.desk.database)
    acts.approve(kept.desk, "data", kept.fingerprint, "ana", "command")
    acts.approve(kept.desk, "data", kept.fingerprint, "ben", "page", ["deletes=3"], "seen")
    (last,) = approvals.of("data")
    assert (last.approval.who, last.approval.allow) == ("ben", ("deletes=3",))
    kept.store.want(["data"])
    begun = kept.store.begin("data", "w")
    assert begun is not None and approvals.use("data", last.mac, "w")
    acts.approve(kept.desk, "data", kept.fingerprint, "ana", "command")
    assert {each.mac for each in approvals.of("data", last.mac)} > {last.mac}, "what is written under stays"


def test_what_does_not_wait_is_not_approved(kept: Kept) -> None:
    other = "sha256:" + "0" * 64
    for name, fingerprint, expected in (
        ("data", other, StalePlan), ("dato", kept.fingerprint, UsageError), ("data", "sha256:1", UsageError),
        ("data", kept.fingerprint[:20], UsageError),
    ):  # fmt: skip
        with pytest.raises(expected):
            acts.approve(kept.desk, name, fingerprint, "ana", "command")
    with pytest.raises(UsageError, match="wants a reason"):
        acts.approve(kept.desk, "data", kept.fingerprint, "ana", "command", ["deletes=3"])
    with pytest.raises(InputError, match="key"):
        acts.approve(kept.desk._replace(key=None), "data", kept.fingerprint, "ana", "command")
    assert not Approvals(kept.desk.database).of("data") and not kept.store.due(9)


def test_a_plan_of_an_older_commit_is_not_approved(kept: Kept) -> None:
    kept.store.place("data", B, [Placed("data", "gatectl.yaml")], urgent=False)
    with pytest.raises(StalePlan, match="newer commit"):
        acts.approve(kept.desk, "data", kept.fingerprint, "ana", "command")


def test_a_plan_that_needs_no_approval_is_not_approved(tmp_path: Path, database: Database, store: Store) -> None:
    kept = Kept(tmp_path, database, store, mode="observe")
    with pytest.raises(StalePlan, match="waits for an approval"):
        acts.approve(kept.desk, "data", kept.fingerprint, "ana", "command")


def test_a_plan_that_somebody_changed_where_it_is_kept_is_not_approved(kept: Kept) -> None:
    text = kept.store.plan_of("data")
    assert text is not None
    begun = kept.store.want(["data"]) and kept.store.begin("data", "w")
    assert begun
    (known,) = kept.store.known()
    assert known.state is not None
    changed = text.replace('"raw', '"war').replace('"team"', '"mate"')
    assert changed != text
    kept.store.finish(begun, "w", Seen(known.state, known.conditions, known.commit, known.fingerprint, plan=changed))
    with pytest.raises(InputError, match="changed after it was written"):
        acts.approve(kept.desk, "data", kept.fingerprint, "ana", "command")


@pytest.fixture
def followed(kept: Kept) -> Repositories:
    git = kept.site.fleet.sources[0].git
    repositories = Repositories(kept.desk.database)
    repositories.keep_to([git.url])
    (mine,) = repositories.claim("w", {})
    repositories.seen(mine, "w", {git.ref: Followed(B, C, "a" * 64, f"refs/heads/{git.ref}")})
    repositories.found(mine, "w", None)
    return repositories


def test_a_commit_that_was_pushed_by_force_is_accepted(kept: Kept, followed: Repositories) -> None:
    git = kept.site.fleet.sources[0].git
    assert acts.status(kept.desk)["targets"][0]["git"]["forced"] == C
    for commit, expected in ((B, StalePlan), ("d" * 40, StalePlan), ("c" * 7, UsageError)):
        with pytest.raises(expected):
            acts.accept(kept.desk, "data", commit, "ana")
    assert acts.accept(kept.desk, "data", C, "ana")["did"] == "accepted"
    head = followed.all()[git.url].heads[git.ref]
    assert head.commit == C and is_followed(KEY, git.url, git.ref, head)
    with pytest.raises(StalePlan):
        acts.accept(kept.desk, "data", C, "ana")


def test_a_paused_target_waits_until_it_is_resumed(kept: Kept) -> None:
    acts.pause(kept.desk, "data", "ana", "moving")
    assert acts.status(kept.desk)["targets"][0]["reason"] == "paused by ana: moving"
    with pytest.raises(StalePlan, match="paused by ana"):
        acts.reconcile_now(kept.desk, "data", "ben")
    assert not kept.store.due(9)
    acts.resume(kept.desk, "data", "ben")
    assert [each.name for each in kept.store.due(9)] == ["data"]
    for act in (acts.pause, acts.resume, acts.reconcile_now):
        with pytest.raises(UsageError, match="no target is called 'dat'"):
            act(kept.desk, "dat", "ana")


def test_a_target_is_asked_for_at_once(kept: Kept) -> None:
    assert not kept.store.due(9)
    acts.reconcile_now(kept.desk, "data", "ana")
    (due,) = kept.store.due(9)
    assert due.urgent


def test_a_target_is_told_with_its_runs(kept: Kept) -> None:
    story = acts.story(kept.desk, "data")
    assert story["target"]["state"] == "waiting" and story["target"]["fingerprint"] == kept.fingerprint
    assert [run["state"] for run in story["runs"]] == ["waiting"]
    with pytest.raises(UsageError):
        acts.story(kept.desk, "none")


def test_whoever_only_looks_makes_no_database(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match="no controller has kept anything") as caught:
        Database(address, make=False)
    assert isinstance(caught.value, GatectlError) and not list(tmp_path.iterdir())
    Database(address).close()
    with closing(Database(address, make=False)) as database:
        assert not Store(database).known()
