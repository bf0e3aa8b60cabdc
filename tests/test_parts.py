"""Which workspaces errors lie in, and what connects these with others: what `--keep-going` leaves out, and what it plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from gatectl.documents.plans import Plan, is_refused
from gatectl.platforms.interface import Reader, Wire
from sites import Counting, Manifest, Site, brief, bucket, entry, llm, manifest, repository, rules, workspace

GOOD: Sequence[Manifest] = (
    workspace("prod"),
    bucket("raw", ("S3", "raw-prod"), metadata={"workspace": "prod"}),
    repository("data", [entry("S3", "raw-prod")], workspace="prod"),
)
"""A workspace without an error."""

PLANNED = ["create workspace/prod", "create bucket/prod/raw", "create repository/prod/data"]


def of(home: str, *resources: Mapping[str, Any], **spec: Any) -> Manifest:
    """A repository of a workspace, with a few fields of its own."""
    made = repository("broken", list(resources), workspace=home)
    made["spec"] |= spec
    return made


def without(document: Manifest, *fields: str) -> Manifest:
    """A manifest without some fields of its metadata."""
    kept = {name: value for name, value in document["metadata"].items() if name not in fields}
    return {**document, "metadata": kept}


def left_out(plan: Plan) -> list[str]:
    return [item["workspace"] for item in plan.get("leftOut", ())]


STAGING = workspace("staging")
TWICE = entry("S3", "twice")
PLACED: Mapping[str, Sequence[Manifest]] = {
    "a value that is not allowed": [of("staging", endpointType="Azure")],
    "a field that is not known": [of("staging", atachmentPolicy="Exact")],
    "a type": [of("staging", mode=5)],
    "a placeholder": [of("staging", entry("S3", "${BUCKET}"))],
    "no name": [without(of("staging"), "name")],
    "a name that is none": [manifest("Repository", " odd", {"endpointType": "S3"}, workspace="staging")],
    "no spec": [manifest("Repository", "r", None, workspace="staging")],
    "a secret": [bucket("b", ("S3", "b"), {"key": {"env": "K"}, "secret": "AKIA-not-a-secret"}, {"workspace": "staging"})],
    "a reference to what signs in": [
        llm("gpt", credentials={"secret": {"env": "GATECTL_TOKEN"}}, metadata={"workspace": "staging"})
    ],
    "a collision": [of("staging", TWICE, TWICE)],
    "a collision of two": [
        bucket("b", ("S3", "twice"), metadata={"workspace": "staging"}),
        of("staging", TWICE),
        repository("other", [TWICE], workspace="staging"),
    ],
    "a reference that leads nowhere": [of("staging", entry("S3", "nowhere"))],
    "two buckets that may be meant": [
        bucket("one", ("S3", "twice"), metadata={"workspace": "staging"}, allowDuplicate=True),
        bucket("two", ("S3", "twice"), metadata={"workspace": "staging"}, allowDuplicate=True),
        of("staging", TWICE),
    ],
    "no credentials for what is new": [bucket("b", ("S3", "b"), None, {"workspace": "staging"})],
    "an id that nothing has": [repository("r", id="nobody", workspace="staging")],
    "an OpenAI endpoint or packets": [of("staging", entry("Packet", "p"))],
    "its declaration": [workspace("staging", labels={"team": 5})],
}  # fmt: skip


@pytest.mark.parametrize("broken", PLACED.values(), ids=PLACED)
def test_an_error_that_lies_in_one_workspace_leaves_out_that_one_alone(site: Site, broken: Sequence[Manifest]) -> None:
    declared = [] if any(document["kind"] == "Workspace" for document in broken) else [STAGING]
    fine = repository("fine", [], workspace="staging")
    site.manifests(*GOOD, *declared, fine, *broken)
    assert site.plan()["operations"] == [] and rules(site.plan())
    plan = site.plan(keep_going=True)
    assert rules(plan)
    assert left_out(plan) == ["staging"]
    assert brief(plan) == PLANNED
    assert plan["leftOut"][0]["errors"] == len(rules(plan)) and plan["leftOut"][0]["reason"] is None
    assert plan["target"]["workspaces"] == ["prod"] and plan["selection"]["partial"]


UNPLACED: Mapping[str, Sequence[Manifest]] = {
    "a workspace that is a placeholder": [of("${WORKSPACE}")],
    "a workspace that is a number": [repository("r", workspace=5)],
    "a misspelt workspace": [repository("r", workspce="staging")],
    "a workspace in the wrong place": [{**repository("r"), "workspace": "staging"}],
    "a workspace that nobody knows": [repository("r", workspace="stagng")],
    "a workspace that nobody knows, and another mistake": [of("stagng", endpointType="Azure")],
    "metadata that are none": [{**repository("r"), "metadata": "r"}],
    "a kind that nobody knows": [{**of("staging"), "kind": "Repo"}],
    "an apiVersion that nobody knows": [{**of("staging"), "apiVersion": "gatectl.io/v9"}],
    "a workspace without a name": [{**STAGING, "metadata": {}}],
    "a workspace with an odd name": [workspace(" odd")],
    "one object twice": [of("staging"), of("staging")],
    "one workspace twice": [workspace("lab"), workspace("lab")],
}  # fmt: skip


@pytest.mark.parametrize("broken", UNPLACED.values(), ids=UNPLACED)
def test_an_error_that_may_be_about_any_workspace_refuses_the_whole(site: Site, broken: Sequence[Manifest]) -> None:
    site.manifests(*GOOD, STAGING, *broken)
    plan = site.plan(keep_going=True)
    assert rules(plan)
    assert is_refused(plan) and left_out(plan) == [] and brief(plan) == []


@pytest.mark.parametrize(
    "text", ["a: [", "a: 1\na: 2\n", "!!python/name:x\n", "- a list\n", "caf\udce9\n", "a: &a [*a]\n"]
)
def test_a_file_that_cannot_be_read_refuses_the_whole(site: Site, text: str) -> None:
    site.manifests(*GOOD, STAGING, of("staging"))
    (site.folder / "manifests" / "odd.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    plan = site.plan(keep_going=True)
    assert rules(plan) and is_refused(plan)


def test_where_every_workspace_has_errors_there_is_no_plan(site: Site) -> None:
    site.manifests(STAGING, of("staging", endpointType="Azure"), repository("r", [entry("S3", "nowhere")]))
    plan = site.plan(keep_going=True)
    assert is_refused(plan) and "leftOut" not in plan
    assert len(rules(plan)) == 2


def test_where_nothing_is_wrong_the_plan_is_the_same(site: Site) -> None:
    site.manifests(*GOOD, STAGING, of("staging"))
    assert json.dumps(site.plan(keep_going=True)) == json.dumps(site.plan())


def test_a_default_workspace_has_errors_like_any_other(site: Site) -> None:
    site.manifests(*GOOD, repository("r", [entry("S3", "nowhere")]))
    plan = site.plan(keep_going=True)
    assert (left_out(plan), brief(plan)) == (["default"], PLANNED)


def test_a_workspace_may_be_named_by_its_id_here_and_by_its_name_there(site: Site) -> None:
    home = site.live_workspace("staging")
    site.manifests(*GOOD, of(home, endpointType="Azure"), repository("fine", [], workspace="staging"))
    plan = site.plan(keep_going=True)
    assert (left_out(plan), brief(plan)) == (["staging"], PLANNED)


# What connects two workspaces


class Lending(Counting):
    """A reader of a platform on which a repository of one workspace attaches a bucket of another (our own takes no such thing)."""

    def __init__(self, inner: Reader, borrower: str, shared: Wire) -> None:
        super().__init__(inner)
        self._borrower = borrower
        self._lent = {"bucketId": shared["id"], "folder": "lent", "master": False, "bucket": shared}

    def list(self, collection: Any, workspace_id: str | None = None) -> Sequence[Wire]:
        wires = super().list(collection, workspace_id)
        return [{**w, "buckets": [*w["buckets"], self._lent]} if w["name"] == self._borrower else w for w in wires]


def lending(site: Site, lender: str, borrower: str) -> Callable[[Reader], Reader]:
    """Two workspaces, one of which lends a bucket to the other."""
    for name in (lender, borrower):
        site.live_workspace(name)
    site.live_bucket("shared", ("S3", "shared"), lender)
    site.live_repository("borrower", where=borrower)
    shared = site.one("bucket", "shared")
    return lambda inner: Lending(inner, "borrower", shared)


@pytest.mark.parametrize(("lender", "borrower"), [("staging", "lab"), ("lab", "staging")])
def test_a_workspace_that_shares_a_bucket_with_one_that_has_errors_waits_too(
    site: Site, lender: str, borrower: str
) -> None:
    wrap = lending(site, lender, borrower)
    site.manifests(*GOOD, of("staging", endpointType="Azure"), repository("fine", [], workspace="lab"))
    plan = site.plan(keep_going=True, wrap=wrap)
    assert left_out(plan) == ["lab", "staging"]
    lab, staging = plan["leftOut"]
    assert (lab["errors"], lab["reason"]) == (0, f"it shares Bucket {lender}/shared with workspace staging")
    assert (staging["errors"], staging["reason"]) == (1, None)
    assert brief(plan) == PLANNED


def test_a_workspace_that_names_an_object_of_another_by_its_id_waits_with_it(site: Site) -> None:
    for name in ("staging", "lab"):
        site.live_workspace(name)
    there = site.live_repository("theirs", where="lab")
    site.manifests(*GOOD, repository("theirs", id=there, workspace="staging"), repository("fine", [], workspace="lab"))
    plan = site.plan(keep_going=True)
    assert (left_out(plan), brief(plan)) == (["lab", "staging"], PLANNED)


def test_workspaces_that_only_case_tells_apart_wait_together(site: Site) -> None:
    for name in ("staging", "Staging"):
        site.live_workspace(name)
    site.manifests(*GOOD, of("staging", endpointType="Azure"), repository("fine", [], workspace="Staging"))
    assert left_out(site.plan(keep_going=True)) == ["Staging", "staging"]


def test_an_error_that_only_the_platform_tells_leads_on_to_what_shares_something(site: Site) -> None:
    wrap = lending(site, "staging", "lab")
    site.manifests(*GOOD, of("staging", entry("S3", "nowhere")), repository("fine", [], workspace="lab"))
    plan = site.plan(keep_going=True, wrap=wrap)
    assert (left_out(plan), brief(plan)) == (["lab", "staging"], PLANNED)


# What is not pruned


def _applied_everywhere(site: Site) -> None:
    """Objects of three workspaces that this project applied; of one of them the manifests say nothing any more."""
    for name in ("prod", "staging", "lab"):
        site.live_workspace(name)
    ours = [site.live_repository("old", where=name) for name in ("prod", "staging", "lab")]
    site.remember(*ours)


def test_prune_deletes_nothing_where_manifests_are_left_out_nor_where_none_is(site: Site) -> None:
    _applied_everywhere(site)
    site.manifests(repository("data", [], workspace="prod"), repository("data", [], workspace="staging"))
    deletes = ["delete repository/lab/old", "delete repository/prod/old", "delete repository/staging/old"]
    assert [line for line in brief(site.plan(prune=True)) if line.startswith("delete")] == deletes
    site.manifests(repository("data", [], workspace="prod"), of("staging", endpointType="Azure"))
    plan = site.plan(prune=True, keep_going=True)
    assert brief(plan) == ["create repository/prod/data", "delete repository/prod/old"]
    assert left_out(plan) == ["staging"]


def test_prune_deletes_nothing_of_a_workspace_whose_manifest_may_be_misspelt_into_another(site: Site) -> None:
    _applied_everywhere(site)
    site.manifests(repository("data", [], workspace="prod"), of("stagng", endpointType="Azure"))
    assert is_refused(site.plan(prune=True, keep_going=True))


# Selections


def test_a_selection_is_of_what_is_planned(site: Site) -> None:
    broken = of("staging", endpointType="Azure")
    site.manifests(*GOOD, bucket("more", ("S3", "more"), metadata={"workspace": "prod"}), STAGING, broken)
    plan = site.plan(keep_going=True, targets=("Bucket/prod/raw",))
    assert (left_out(plan), brief(plan)) == (["staging"], PLANNED[:2])
    plan = site.plan(keep_going=True, targets=("Repository/staging/broken",))
    assert (left_out(plan), brief(plan)) == (["staging"], [])


# What is held beside


def test_each_finding_is_told_once_wherever_it_lies(site: Site) -> None:
    """A warning that only the platform tells is found with the errors of another workspace, and again without it."""
    site.live_workspace("staging")
    collides = [site.live_bucket(name, (name, "data")) for name in ("S3", "GCS")]
    site.live_repository("r", *collides)
    site.live_bucket("more", ("S3", "more"))
    odd = of("staging", entry("S3", "Odd_Name"), entry("S3", "nowhere"))
    site.manifests(repository("r", [entry("S3", "more")]), odd)
    plan = site.plan(keep_going=True)
    assert (left_out(plan), brief(plan)) == (["staging"], ["update repository/default/r"])
    told = [(d["rule"], d["message"]) for d in plan["diagnostics"]]
    assert sorted(rule for rule, _ in told) == ["GW205", "GW501", "GW501", "GW504"]
    assert len(told) == len(set(told))
