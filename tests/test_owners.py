"""Whose the objects of a plan are, and what follows: GW507, GW508, and what `--prune` deletes (product.md, section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from gatectl.documents.ownership import Asking, Owned, Owner, holdings, owned_json, read_owned
from gatectl.documents.states import resources
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Context
from gatectl.kinds.states import state_hash
from gatectl.manifests.desired import read_manifest
from gatectl.model import Desired, Document, Live, ObjectKey, SourceFile
from gatectl.planning.changes import Settings, Worked, compute_changes
from gatectl.planning.current import Current, Index, WorkspaceState
from gatectl.planning.match import match
from gatectl.planning.order import hold, select
from gatectl.planning.owners import Pruning, check_guest, homes, taking_over
from sites import Manifest, bucket, repository

PLACE = "git.example.com/acme//gatectl.yaml"
US = Owner("acme", None, "prod", PLACE)
BY_UID = Owner("acme", "3f2a", "prod", PLACE)
ELSEWHERE = frozenset(("git.example.com/fork//gatectl.yaml",))
OWNERS = {
    "ours": US,
    "another project": Owner("other", None, "prod", "git.example.com/other//gatectl.yaml"),
    "another environment": US._replace(environment="dev"),
    "nobody": None,
}
PRUNING = Pruning()
READ = {
    "read whole": PRUNING,
    "not read whole": Pruning(partly="git has left out team-b/b.yaml"),
    "excluded": Pruning(unread=frozenset(("all.yaml",))),
}
"""How the manifests were read; what of a checkout git has left out, it tells itself (`tests/test_wholeness.py`)."""
CONTEXT = Context("main", "w1", {}, {}, None)
RAW = {"id": "b1", "name": "raw", "bucket": "raw-events", "storageType": "S3", "region": "eu-west-1"}


def current(*buckets: dict[str, Any], repositories: tuple[dict[str, Any], ...] = ()) -> Current:
    """One workspace with these objects, as the platform has them."""
    held = [KINDS["Bucket"].read(wire, CONTEXT) for wire in buckets]
    around = CONTEXT.holding("Bucket", {live.id: live for live in held})
    attaching = [KINDS["Repository"].read(wire, around) for wire in repositories]
    indexes = {name: Index(()) for name in KINDS} | {"Bucket": Index(held), "Repository": Index(attaching)}
    space = KINDS["Workspace"].read({"id": "w1", "name": "main"}, CONTEXT)
    return Current(Index([space]), {"main": WorkspaceState(around, indexes)})


def repo(name: str, *attached: dict[str, Any]) -> dict[str, Any]:
    """A repository that attaches these buckets, as the platform has it."""
    items = [{"bucketId": wire["id"], "folder": "", "master": False, "bucket": wire} for wire in attached]
    return {"id": f"of {name}", "name": name, "storageType": "S3", "mode": "NORMAL", "buckets": items, "aiLlms": []}


def owned(live: Live, owner: Owner, **more: Any) -> Owned:
    """What was noted of an object when it was as it is here."""
    state: Any = {"spec": dict(live.spec), "attachments": resources(live.attachments, {})}
    noted = state_hash(live.key, live.state)
    note = Owned(owner, live.key.kind, live.key.workspace, "w1", live.key.name, live.id, state, noted, **more)
    return read_owned(owned_json(note))


def live_of(found: Current, platform_id: str) -> Live:
    return next(live for live in found.lives() if live.id == platform_id)


def work(
    found: Current, asking: Asking, notes: list[Owned], *documents: Manifest, prune: Pruning | None = PRUNING,
    take_over: frozenset[str] | None = frozenset(),
) -> Worked:  # fmt: skip
    """What manifests come to on a platform on which this is owned, where the buckets of these names (None: all) are taken over."""
    file = SourceFile("m.yaml", b"")
    numbered = enumerate(documents)
    desired = Desired(
        tuple(read_manifest(Document(file, n, 1, 1, data), data["kind"], True, "main") for n, data in numbered)
    )
    pairs, ambiguous = match(desired, found)
    assert not ambiguous
    chosen = None if take_over is None else frozenset(ObjectKey("Bucket", "main", name) for name in take_over)
    held = holdings(asking, notes)
    if chosen != frozenset():
        held = taking_over(held._replace(guest=None), pairs, found, chosen)
    settings = Settings(False, None, held, pruning=prune)
    return compute_changes(pairs, found, settings)


def told(worked: Worked) -> list[tuple[str, str, str]]:
    """The findings, each with its rule, its severity and the name of its object."""
    return [(f.rule, f.severity, f.subject[2] or "") for f in worked.findings if f.subject is not None]


# What is deleted


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("attached", [False, True], ids=["attached nowhere", "attached elsewhere"])
@pytest.mark.parametrize("read", READ)
def test_what_is_ours_as_it_was_applied_and_attached_by_nobody_who_stays_is_deleted(
    owner: str, attached: bool, read: str
) -> None:
    """The table of `--prune`, for a repository that attaches a bucket, and that somebody may have changed or extended."""
    data = {**RAW, "id": "b2", "name": "data", "bucket": "data-events"}
    states = {
        "as applied": repo("r", RAW),
        "changed": repo("r", RAW) | {"mode": "MIRROR"},
        "extended": repo("r", RAW, data),
    }
    before = current(RAW, data, repositories=(repo("r", RAW),))
    others = (repo("theirs", RAW),) if attached else ()
    who = OWNERS[owner]
    notes = [owned(live_of(before, each), who, file="all.yaml") for each in ("of r", "b1")] if who is not None else []
    for state, now in states.items():
        found = current(RAW, data, repositories=(now, *others))
        worked = work(found, Asking(US), notes, bucket("data", ("S3", "data-events")), prune=READ[read])
        deleted = sorted(change.key.name for change in worked.changes if change.action == "delete")
        assert deleted == (["r", "raw"] if owner == "ours" else []), "what is held leaves the changes later"
        held = ["r"] if state != "as applied" else []
        held = ["r", "raw"] if read != "read whole" else held
        expected = [("GW508", "error", name) for name in held] if owner == "ours" else []
        expected += [("GW505", "error", "raw")] if owner == "ours" and attached else []
        assert sorted(told(worked)) == sorted(expected), (owner, state, attached)


def test_gw508_says_field_by_field_what_is_otherwise_than_it_was_applied_and_since_when() -> None:
    data = {**RAW, "id": "b2", "name": "data", "bucket": "data-events"}
    before = current(RAW, data, repositories=(repo("r", RAW),))
    notes = [owned(live_of(before, each), US, at="2026-11-20T10:00:00Z", run="R1") for each in ("of r", "b1", "b2")]
    now = current({**RAW, "region": "us-east-1"}, data, repositories=(repo("r", data) | {"mode": "MIRROR"},))
    worked = work(now, Asking(US), notes, bucket("data", ("S3", "data-events")))
    raw, r = sorted((f.message for f in worked.findings), key=lambda message: "Repository" in message)
    assert (
        "since it was applied 2026-11-20T10:00:00Z (run R1): /spec/region: applied 'eu-west-1', live 'us-east-1'" in raw
    )
    assert "/spec/mode: applied 'Normal', live 'Mirror'" in r
    assert (
        "raw-events:raw: applied attached, live nothing" in r
        and "data-events:data: applied nothing, live attached" in r
    )


def test_what_is_known_by_its_hash_alone_is_compared_by_that() -> None:
    found = current(RAW)
    note = owned(live_of(found, "b1"), US)._replace(state=None)
    keep = bucket("other", ("S3", "other-events"))
    assert told(work(found, Asking(US), [note], keep)) == []
    assert told(work(found, Asking(US), [note._replace(hash="sha256:0")], keep)) == [("GW508", "error", "raw")]
    assert told(work(found, Asking(US), [note._replace(hash=None)], keep)) == []


def test_what_an_older_gatectl_noted_for_two_projects_neither_deletes() -> None:
    notes = [Owned(Owner(project, None, ""), "", None, None, "", "b1") for project in ("other", "acme", "third")]
    (finding,) = work(current(RAW), Asking(US), notes, bucket("o", ("S3", "o-events"))).findings
    assert finding.rule == "GW507" and "other has applied it too" in finding.message
    assert told(work(current(RAW), Asking(US), notes[1:2], bucket("o", ("S3", "o-events")))) == []


def test_what_a_project_without_a_file_applied_is_its_own_and_nobody_elses() -> None:
    unnamed = Owner("default", None, "")
    note = Owned(unnamed, "", None, None, "", "b1")
    assert [key.name for key, _ in work(current(RAW), Asking(US), [note], WANTED).adopts] == ["raw"]
    assert work(current(RAW), Asking(unnamed._replace(environment="default")), [note], WANTED).adopts == []


def test_what_was_made_by_hand_and_adopted_says_so_where_it_is_deleted() -> None:
    found = current(RAW)
    note = owned(live_of(found, "b1"), US, adopted=True, run="R7")
    deletion = next(c for c in work(found, Asking(US), [note], repository("r")).changes if c.action == "delete")
    assert deletion.reason == "made by hand, adopted in R7"


# What is changed and adopted

WANTED = bucket("raw", ("S3", "raw-events"), region="eu-west-1")
CHANGED = bucket("raw", ("S3", "raw-events"), region="us-east-1")


@pytest.mark.parametrize(
    ("asking", "owner", "wanted", "expected"),
    [
        (Asking(US), US, CHANGED, []),
        (Asking(US), None, CHANGED, []),
        (Asking(US), OWNERS["another project"], CHANGED, ["GW507"]),
        (Asking(US), OWNERS["another project"], WANTED, ["GW507"]),
        (Asking(US), OWNERS["another environment"], WANTED, ["GW507"]),
        (Asking(BY_UID, places=ELSEWHERE), BY_UID, CHANGED, ["GW507"]),
        (Asking(BY_UID, places=ELSEWHERE), BY_UID, WANTED, []),
        (Asking(BY_UID), US, CHANGED, []),
        (Asking(US), Owner("acme", None, ""), CHANGED, []),
        (Asking(US), Owner("other", None, ""), CHANGED, ["GW507"]),
    ],
)
def test_what_somebody_else_owns_is_neither_changed_nor_adopted(
    asking: Asking, owner: Owner | None, wanted: Manifest, expected: list[str]
) -> None:
    found = current(RAW)
    notes = [owned(live_of(found, "b1"), owner)] if owner is not None else []
    worked = work(found, asking, notes, wanted)
    assert [finding.rule for finding in worked.findings] == expected
    assert all(finding.spot is not None for finding in worked.findings)
    if owner is None:
        assert worked.changes[0].reason.startswith("adopts")


def test_what_nobody_owns_is_adopted_and_nothing_else_nor_where_nothing_is_remembered() -> None:
    found = current(RAW)
    assert [key.name for key, _ in work(found, Asking(US), [], WANTED).adopts] == ["raw"]
    assert work(found, Asking(US), [owned(live_of(found, "b1"), US)], WANTED).adopts == []
    assert work(found, Asking(BY_UID, places=ELSEWHERE), [owned(live_of(found, "b1"), BY_UID)], WANTED).adopts == []


# Another place


def test_what_the_project_owns_from_a_place_that_is_not_noted_is_not_deleted() -> None:
    found = current(RAW)
    notes = [owned(live_of(found, "b1"), BY_UID)]
    assert told(work(found, Asking(BY_UID, places=ELSEWHERE), notes, repository("r"))) == [("GW507", "error", "raw")]


def test_a_fork_that_owns_nothing_plans_as_the_one_owner_of_its_name_and_says_so() -> None:
    fork = Asking(US._replace(place="git.example.com/fork//gatectl.yaml"))
    found = current(RAW)
    held = holdings(fork, [owned(live_of(found, "b1"), US)])
    (warning,) = check_guest(held)
    assert (warning.rule, warning.severity) == ("GW507", "warning")
    assert f"as acme, environment prod of {PLACE}" in warning.message
    worked = work(found, fork, [owned(live_of(found, "b1"), US)], CHANGED)
    assert worked.findings == [] and [change.action for change in worked.changes] == ["update"]
    assert check_guest(holdings(Asking(US), [owned(live_of(found, "b1"), US)])) == check_guest(None) == []


def test_a_fork_that_owns_something_or_has_several_owners_of_its_name_is_held() -> None:
    here = US._replace(place="git.example.com/fork//gatectl.yaml")
    found = current(RAW, {**RAW, "id": "b2", "name": "data", "bucket": "data-events"})
    raw, data = (live_of(found, each) for each in ("b1", "b2"))
    for second in (owned(data, here), owned(data, US._replace(place="git.example.com/third//gatectl.yaml"))):
        notes = [owned(raw, US), second]
        assert check_guest(holdings(Asking(here), notes)) == []
        assert told(work(found, Asking(here), notes, CHANGED, prune=None)) == [("GW507", "error", "raw")]


# What is taken over


@pytest.mark.parametrize(
    ("asking", "owner"),
    [
        (Asking(US), OWNERS["another project"]),
        (Asking(US), OWNERS["another environment"]),
        (Asking(US), US._replace(place="git.example.com/fork//gatectl.yaml")),
    ],
    ids=["another project", "another environment", "a fork"],
)
@pytest.mark.parametrize("wanted", [WANTED, CHANGED], ids=["as it is", "changed"])
def test_what_is_named_is_taken_over_from_whoever_owns_it_and_nothing_else(
    asking: Asking, owner: Owner, wanted: Manifest
) -> None:
    data = {**RAW, "id": "b2", "name": "data", "bucket": "data-events"}
    found = current(RAW, data)
    notes = [owned(live_of(found, each), owner) for each in ("b1", "b2")]
    beside = bucket("data", ("S3", "data-events"), region="us-east-1")
    worked = work(found, asking, notes, wanted, beside, take_over=frozenset(("raw",)))
    assert told(worked) == [("GW507", "error", "data")]
    assert [(taken.key.name, taken.id, taken.owner) for taken in worked.takes] == [("raw", "b1", owner)]
    assert worked.adopts == []
    reasons = [change.reason for change in worked.changes if change.key.name == "raw"]
    assert reasons == (["taken over from its owner; differs from its manifest"] if wanted is CHANGED else [])


def test_what_is_ours_or_nobodys_is_taken_over_from_nobody() -> None:
    found = current(RAW)
    for notes in ([], [owned(live_of(found, "b1"), US)], [owned(live_of(found, "b1"), Owner("acme", None, ""))]):
        assert work(found, Asking(US), notes, WANTED, take_over=None).takes == []


def test_of_what_nobody_declares_only_what_the_project_owns_from_another_place_is_taken_over_and_pruned() -> None:
    found = current(RAW, {**RAW, "id": "b2", "name": "data", "bucket": "data-events"})
    theirs = owned(live_of(found, "b2"), Owner("other", None, "prod", PLACE))
    notes = [owned(live_of(found, "b1"), US._replace(place="git.example.com/fork//gatectl.yaml")), theirs]
    worked = work(found, Asking(US), notes, repository("r"), take_over=None)
    assert told(worked) == [] and [taken.id for taken in worked.takes] == ["b1"]
    assert [change.id for change in worked.changes if change.action == "delete"] == ["b1"]


def test_a_project_with_a_uid_is_at_home_in_a_place_that_stays_and_takes_nothing_from_itself() -> None:
    found = current(RAW)
    notes = [owned(live_of(found, "b1"), BY_UID)]
    for stays, wrong in ((True, []), (False, [("GW507", "error", "raw")])):
        worked = work(found, Asking(BY_UID, frozenset(), ELSEWHERE, stays), notes, repository("r"), take_over=None)
        assert (told(worked), worked.takes) == (wrong, [])


def test_what_is_held_or_not_chosen_is_not_taken_over() -> None:
    found = current(RAW, {**RAW, "id": "b2", "name": "data", "bucket": "data-events"})
    notes = [owned(live_of(found, each), Owner("other", None, "prod", PLACE)) for each in ("b1", "b2")]
    beside = bucket("data", ("S3", "data-events"), region="eu-west-1")
    worked = work(found, Asking(US), notes, WANTED, beside, take_over=None)
    raw, data = (ObjectKey("Bucket", "main", name) for name in ("raw", "data"))
    assert sorted(taken.key.name for taken in worked.takes) == ["data", "raw"]
    assert [taken.key for taken in hold(worked, {raw: "GW509"})[0].takes] == [data]
    assert [taken.key for taken in select(worked, frozenset((raw,))).takes] == [raw]


def test_what_two_have_noted_is_taken_over_from_the_other_one_and_can_be_deleted_then() -> None:
    found = current(RAW)
    live = live_of(found, "b1")
    ours, theirs = Owner("acme", None, ""), Owner("other", None, "")
    notes = [owned(live, ours), owned(live, theirs)]
    assert [(t.id, t.owner) for t in work(found, Asking(US), notes, WANTED, take_over=None).takes] == [("b1", theirs)]
    assert work(found, Asking(US), notes, WANTED).takes == []


# Workspaces


def test_what_is_read_for_what_is_ours_and_what_of_that_is_not_visible() -> None:
    found = current(RAW)
    here = owned(live_of(found, "b1"), US)
    away = here._replace(id="x", workspace="lab", workspace_id="w9")
    theirs = away._replace(owner=OWNERS["another project"] or US, workspace_id="w8")
    assert homes(holdings(Asking(US), [here, away, theirs]), found.workspaces) == ({"main"}, ["lab"])
    older = Owned(Owner("acme", None, ""), "", None, None, "", "y")
    assert homes(holdings(Asking(US), [away, older]), found.workspaces) == ({"main"}, [])


def test_a_workspace_has_no_owner() -> None:
    theirs = Owned(Owner("other", None, ""), "", None, None, "", "w1")
    space: Manifest = {"apiVersion": "gatectl.io/v1", "kind": "Workspace", "metadata": {"name": "main"}}
    worked = work(current(RAW), Asking(US), [theirs], space)
    assert (list(worked.findings), worked.adopts) == ([], [])
