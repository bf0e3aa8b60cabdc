"""What holds for all manifests and all platforms: the promises of product.md, sections 3 and 4, held against many.

`GATECTL_EXAMPLES=10 pytest tests/test_properties.py` is a long run: ten times as many as each property gets by default.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import assume, event, given, reject, settings
from hypothesis import strategies as st

import gatectl
from gatectl.documents.plans import Plan, is_refused
from gatectl.errors import UsageError
from sites import VARIABLES, Between, Manifest, Site, assert_empty, lost_connection, rules
from strategies import Broken, Case, broken_cases, cases


def examples(count: int) -> Any:
    """Moderately many examples: each is a project with a database of its own."""
    return settings(max_examples=count * (int(os.environ.get("GATECTL_EXAMPLES", "0")) or 1))


@contextmanager
def made(case: Case) -> Iterator[Site]:
    """The case as a site, in a folder of its own."""
    folder = tempfile.mkdtemp(prefix="gatectl-property-")
    try:
        yield case.fill(Site(Path(folder)))
    finally:
        shutil.rmtree(folder)


def valid_plan(site: Site, **asked: Any) -> Plan:
    try:
        plan = site.plan(**asked)
    except UsageError:
        event("the selection matches nothing")
        reject()
    event("invalid: " + rules(plan)[0][:5] if rules(plan) else f"{min(len(plan['operations']), 5)} operations")
    assume(not rules(plan))
    return plan


# 1. After an apply that converged, a plan with the same arguments is empty.

REPOSITORY = ("Repository/default/repo-0",)
SELECTIONS = st.sampled_from(
    ({}, {"selector": "team=blue"}, {"targets": REPOSITORY}, {"selector": "team!=red", "targets": REPOSITORY})
)


@given(cases(), SELECTIONS)
@examples(60)
def test_a_plan_after_an_apply_is_empty(case: Case, selection: dict[str, Any]) -> None:
    with made(case) as site:
        plan = valid_plan(site, **selection)
        receipt = site.apply(plan)
        assert receipt.converged, receipt
        after = site.plan(**selection)
        assert rules(after) == []
        assert (after["operations"], after["adopts"]) == ([], [])


@given(cases(), st.data())
@examples(25)
def test_a_plan_after_a_pruning_apply_is_empty(case: Case, data: st.DataObject) -> None:
    with made(case) as site:
        assume(site.apply(valid_plan(site)).converged)
        kept = data.draw(st.lists(st.sampled_from(case.manifests), min_size=1, unique_by=repr))
        site.manifests(*kept)
        applied = {o["platformId"] for o in site.plan()["adopts"]}
        plan = valid_plan(site, prune=True)
        receipt = site.apply(plan)
        assert receipt.converged, receipt
        after = site.plan(prune=True)
        assert rules(after) == []
        assert_empty(after)
        assert not applied, "everything live and declared was recorded by the first apply"
        assert all(op["kind"] != "Workspace" for op in plan["operations"] if op["action"] == "delete")


# 2. The same input gives the same plan, and its order does not matter.


@given(cases())
@examples(25)
def test_the_same_input_gives_the_same_bytes(case: Case) -> None:
    with made(case) as site:
        assert json.dumps(site.plan()) == json.dumps(site.plan())


@given(cases(), st.randoms(use_true_random=False), st.integers(1, 3))
@examples(50)
def test_the_order_of_files_documents_and_resources_does_not_matter(case: Case, random: Any, count: int) -> None:
    with made(case) as site:
        first = site.plan()
        documents = json.loads(json.dumps(case.manifests))
        random.shuffle(documents)
        for document in documents:
            random.shuffle((document.get("spec") or {}).get("resources") or [])
        site.manifests(files={f"{n}/{count - n}.yaml": documents[n::count] for n in range(count)})
        assert essence(site.plan()) == essence(first)


def essence(plan: Plan) -> Mapping[str, Any]:
    operations = [{k: v for k, v in op.items() if k != "source"} for op in plan["operations"]]
    rest = {k: plan[k] for k in ("summary", "fingerprint", "kept", "unmanaged", "adopts")}
    return rest | {"operations": operations, "rules": {d["rule"] for d in plan["diagnostics"]}}


# 3. Planning writes nothing.


@given(cases())
@examples(25)
def test_planning_leaves_the_platform_as_it_is(case: Case) -> None:
    with made(case) as site:
        database = site.folder / ".gatectl" / "platform.db"
        existed = database.exists()
        before = (site.snapshot(), contents(database))
        site.plan()
        assert (site.snapshot(), contents(database)) == before
        assert database.exists() == existed
        assert existed or not database.parent.exists()


def contents(database: Path) -> bytes | None:
    """What is in the database: SQLite keeps what was committed last in the file beside it."""
    log = database.with_name("platform.db-wal")
    return database.read_bytes() + (log.read_bytes() if log.exists() else b"") if database.exists() else None


# 4. What a plan without errors changes never collides in the end.


@given(cases())
@examples(60)
def test_repositories_that_were_changed_do_not_collide_unless_they_did_before(case: Case) -> None:
    """What breaks a rule on the platform already, and is not widened, is a warning (product.md, section 4)."""
    with made(case) as site:
        before = list(collisions(site))
        plan = valid_plan(site)
        assert site.apply(plan).converged
        changed = {(op["workspace"], op["name"]) for op in plan["operations"] if op["kind"] == "Repository"}
        assert [c for c in collisions(site) if changed & c[1] and c not in before] == []


Place = tuple[str, str]


def collisions(site: Site) -> Iterator[tuple[str, set[Place]]]:
    """An oracle of its own for GW301 to GW303, GW305, GW306, GW402 to GW404 over what is live: (rule, repositories)."""
    homes = {w["id"]: w["name"] for w in site.list("workspace")}
    uses: dict[str, list[tuple[Place, str, str]]] = {}
    for repo in site.list("repo"):
        place = (homes[repo["workspaceId"]], repo["name"])
        buckets = [a["bucket"] for a in repo["buckets"]]
        for rule in inside(buckets, repo["storageType"]):
            yield rule, {place}
        if repo["mode"] == "MIRROR" and sum(a["master"] for a in repo["buckets"]) != 1:
            yield "GW402", {place}
        for a in repo["buckets"]:
            uses.setdefault(a["bucketId"], []).append((place, repo["mode"], a["folder"].strip("/")))
    for shared in uses.values():
        for (place, mode, folder), (other, its_mode, its_folder) in combinations(shared, 2):
            if "MIRROR" in (mode, its_mode):
                yield "GW403", {place, other}
            elif folder == its_folder:
                yield "GW404", {place, other}


def inside(buckets: Sequence[Mapping[str, Any]], endpoint: str) -> Iterator[str]:
    names = [b["bucket"].lower() for b in buckets if b["storageType"] != "BLOB"]
    containers = [(b["key"].lower(), b["bucket"].lower()) for b in buckets if b["storageType"] == "BLOB"]
    if len(set(names)) < len(names):
        yield "GW301"
    if {account for account, _ in containers} & set(names):
        yield "GW302"
    if len(set(containers)) < len(containers):
        yield "GW303"
    if endpoint in ("S3", "GCS"):
        if len({container for _, container in containers}) < len(set(containers)):
            yield "GW305"
        if {container for _, container in containers} & set(names):
            yield "GW306"


# 5. An apply that fails somewhere says honestly what was done, and the same command finishes the work.


@given(cases(), st.booleans())
@examples(6)
def test_an_apply_that_fails_anywhere_is_finished_by_the_next(case: Case, late: bool) -> None:
    """Whichever write fails, before it was made or (`late`) after it was committed, with the answer lost."""
    with made(case) as site:
        plan = valid_plan(site)
        for failing in range(len(plan["operations"])):
            with copied(site) as other:
                fail_and_finish(other, valid_plan(other), failing, late=late)  # a plan is for its own folder


@contextmanager
def copied(site: Site) -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="gatectl-property-"))
    try:
        shutil.copytree(site.folder, folder, dirs_exist_ok=True)
        yield Site(folder)
    finally:
        shutil.rmtree(folder)


def fail_and_finish(site: Site, plan: Plan, failing: int, *, late: bool) -> None:
    before = attachments(site)
    receipt = site.apply(plan, wrap=lambda writer: Between(writer, failing, lost_connection, late=late))
    check_honest(site, plan, receipt)
    # A write whose answer was lost reads back as done, one that was not made as failed; everything independent goes on.
    assert receipt.converged == late
    assert list(receipt.statuses.values()).count("failed") == (0 if late else 1)
    assert set(receipt.statuses.values()) <= {"done", "failed", "blocked"}
    again = site.plan()
    assert rules(again) == []
    unfinished = {object_id for object_id, status in receipt.statuses.items() if status != "done"}
    assert {op["id"] for op in again["operations"]} == unfinished
    assert site.apply(again).converged
    assert_empty(site.plan())
    check_nothing_twice(site)
    dropped = {(op["workspace"], op["name"], item["id"]) for op in plan["operations"] for item in op["detach"]}
    assert before - attachments(site) == dropped


def check_honest(site: Site, plan: Plan, receipt: Mapping[str, Any]) -> None:
    """Done is exactly what is on the platform; what depends on something that is not done is blocked."""
    left = {op["id"] for op in site.plan()["operations"]}
    statuses = {o["id"]: o["status"] for o in receipt["outcomes"]}
    for op in plan["operations"]:
        assert (statuses[op["id"]] == "done") == (op["id"] not in left)
        needs = {statuses[need] for need in op["dependsOn"]}
        assert (statuses[op["id"]] == "blocked") == bool(needs - {"done"})


def attachments(site: Site) -> set[tuple[str, str, str]]:
    homes = {w["id"]: w["name"] for w in site.list("workspace")}
    return {
        (homes[repo["workspaceId"]].lower(), repo["name"].lower(), item.get("bucketId") or item["aiLlmId"])
        for repo in site.list("repo")
        for item in (*repo["buckets"], *repo["aiLlms"])
    }


def check_nothing_twice(site: Site) -> None:
    for collection, wires in site.snapshot().items():
        names = Counter((wire.get("workspaceId"), wire["name"]) for wire in wires)
        assert set(names.values()) <= {1}, (collection, names)


# 6. Additive never detaches; Exact detaches exactly what it could have listed and did not.


@given(cases())
@examples(60)
def test_only_exact_detaches_and_only_what_it_could_list(case: Case) -> None:
    with made(case) as site:
        plan = valid_plan(site)
        before = attachments(site)
        expected = expected_detaches(site, case.manifests)
        assert site.apply(plan).converged
        assert before - attachments(site) == expected
        assert plan["summary"]["detach"] == len(expected)


def expected_detaches(site: Site, manifests: Sequence[Manifest]) -> set[tuple[str, str, str]]:
    declared = {
        (m["metadata"].get("workspace", "default"), m["metadata"]["name"]): m["spec"]
        for m in manifests if m["kind"] == "Repository"
    }  # fmt: skip
    homes = {w["id"]: w["name"] for w in site.list("workspace")}
    expected = set()
    for repo in site.list("repo"):
        place = (homes[repo["workspaceId"]].lower(), repo["name"].lower())
        spec = declared.get(place, {})
        if spec.get("attachmentPolicy") != "Exact" or "resources" not in spec:
            continue
        if spec["endpointType"] == "OpenAI":
            listed = {r["name"] for r in spec["resources"]}
            expected |= {(*place, a["aiLlmId"]) for a in repo["aiLlms"] if a["aiLlm"]["name"].lower() not in listed}
        else:
            expected |= {
                (*place, a["bucketId"]) for a in repo["buckets"] if not is_listed(a["bucket"], spec["resources"])
            }
    return expected


def is_listed(bucket: Mapping[str, Any], resources: Sequence[Mapping[str, Any]]) -> bool:
    kind = "AzureBlob" if bucket["storageType"] == "BLOB" else bucket["storageType"]
    identity = (*((bucket["key"],) if kind == "AzureBlob" else ()), bucket["bucket"].lower())
    names = ("account", "container") if kind == "AzureBlob" else ("bucket",)
    return any(
        tuple(r[name] for name in names) == identity
        and r.get("label", bucket["name"].lower()) == bucket["name"].lower()
        for r in resources
        if r["type"] == kind
    )


# 7. An error in one workspace is none of the others: what is planned without it is what they come to by themselves.


@given(broken_cases(), st.randoms(use_true_random=False))
@examples(40)
def test_what_is_planned_without_an_invalid_workspace_is_the_plan_of_the_others_alone(
    broken: Broken, random: Any
) -> None:
    with made(broken.case) as site:
        together = [*broken.case.manifests, *broken.errors]
        random.shuffle(together)
        alone = site.manifests(*broken.others).plan(keep_going=True)
        site.manifests(*together)
        assert site.plan()["operations"] == []
        plan = site.plan(keep_going=True)
        event("no rest" if is_refused(alone) else "some more invalid" if rules(alone) else "one invalid")
        if is_refused(alone):  # each of the others has an error of its own
            assert is_refused(plan)
            return
        assert left_out(plan) == left_out(alone) | {broken.name}
        assert essence(plan) | {"rules": None} == essence(alone) | {"rules": None}
        assert plan["target"]["workspaces"] == alone["target"]["workspaces"]
        assert not touched(plan) & left_out(plan)


def left_out(plan: Plan) -> set[str]:
    return {item["workspace"] for item in plan.get("leftOut", ())}


def touched(plan: Plan) -> set[str]:
    """The workspaces in which a plan does anything, and those that it makes."""
    return {item["workspace"] or item["name"] for item in (*plan["operations"], *plan["adopts"])}


@given(broken_cases(), st.booleans())
@examples(15)
def test_an_apply_without_an_invalid_workspace_leaves_it_as_it_is(broken: Broken, prune: bool) -> None:
    """Also where all of it was applied before, and with `--prune`."""
    with made(broken.case) as site:
        assume(site.apply(valid_plan(site)).converged)
        kept = [document for document in broken.case.manifests if document["metadata"]["name"] != "repo-0"]
        site.manifests(*kept, *broken.errors)
        before = of_workspace(site, broken.name)
        project = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "site"},
                   "spec": {"manifests": ["manifests"], "environments": {"default": {"platform": "embedded"}}}}  # fmt: skip
        (site.folder / "gatectl.yaml").write_text(json.dumps(project))
        with gatectl.open(site.folder, environ=VARIABLES) as estate:
            plan = estate.plan(prune=prune, keep_going=True)
            assume(plan.left_out)
            receipt = estate.apply(plan, keep_going=True)
        assert not receipt.converged and {o["status"] for o in receipt.outcomes} <= {"done"}
        assert of_workspace(site, broken.name) == before


def of_workspace(site: Site, name: str) -> Mapping[str, Any]:
    """All that the platform lists of a workspace."""
    found = [wire["id"] for wire in site.list("workspace") if wire["name"].lower() == name]
    return {
        collection: [wire for wire in wires if wire.get("workspaceId", wire["id"]) in found]
        for collection, wires in site.snapshot().items()
    }


# What is renamed is one update of the same object, and then nothing is to be done.


def renamed(
    manifests: Sequence[Manifest], chosen: Callable[[Manifest], bool], less: Callable[[], bool]
) -> list[Manifest]:
    """The same manifests, the chosen ones under new names; who attaches them says those, and often lists less than before."""
    found: list[Manifest] = json.loads(json.dumps(manifests))
    names: dict[tuple[str, str, str], str] = {}
    for document in found:
        metadata = document["metadata"]
        if document["kind"] != "Workspace" and chosen(document):
            new = f"{metadata['name'][:100]} anew"
            names[document["kind"], metadata.get("workspace", "default"), metadata["name"]] = new
            metadata |= {"name": new, "renamedFrom": metadata["name"]}
    for document in found:
        resources = (document.get("spec") or {}).get("resources")
        for item in resources or ():
            kind, field = ("LLM", "name") if item["type"] == "LLM" else ("Bucket", "label")
            home = document["metadata"].get("workspace", "default")
            if item.get(field) is not None:
                item[field] = names.get((kind, home, item[field]), item[field])
        if resources and document["spec"].get("mode") != "Mirror" and less():
            resources.pop()
    return found


@given(cases(), st.data())
@examples(60)
def test_what_is_renamed_keeps_its_id_and_then_nothing_is_to_be_done(case: Case, data: st.DataObject) -> None:
    with made(case) as site:
        assume(site.apply(valid_plan(site)).converged)
        coin = st.booleans()
        manifests = renamed(case.manifests, lambda _: data.draw(coin), lambda: data.draw(coin))
        former = {m["metadata"]["name"]: m["metadata"].get("renamedFrom") for m in manifests}
        before = {wire["id"]: wire["name"] for c in ("bucket", "ai/llm", "repo") for wire in site.list(c)}
        site.manifests(*manifests)
        plan = valid_plan(site)
        event(f"{sum(name is not None for name in former.values())} renamed")
        assert {op["action"] for op in plan["operations"]} <= {"update"}
        receipt = site.apply(plan)
        assert receipt.converged, receipt
        after = {wire["id"]: wire["name"] for c in ("bucket", "ai/llm", "repo") for wire in site.list(c)}
        assert after.keys() == before.keys()
        assert {before[i] for i in after if after[i] != before[i]} == set(filter(None, former.values()))
        assert_empty(site.plan())
        assert_empty(site.plan(prune=True))
