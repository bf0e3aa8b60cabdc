"""One row of each table is a kind, and one a rule: a probe kind and a probe rule go the whole way, and nothing else knows them.

Whoever lists kinds or rules beside their tables breaks this, and does so too where no kind of ours would show it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import probing
import reference
from cli.conftest import BUCKET, REPOSITORY, Shell, project
from gatectl.errors import PlatformRefused
from gatectl.kinds import KINDS
from gatectl.manifests.sources import read_schema
from gatectl.rules import RULES
from gatectl.rules.interface import whole
from probing import probe, station
from sites import Site, brief, bucket, entry, operation, repository, rules

Fits = Callable[..., None]


@pytest.fixture(autouse=True)
def known(tmp_path: Path) -> Iterator[None]:
    with probing.known(tmp_path):
        yield


def written(shell: Shell, *probes: dict[str, Any], repository: str = REPOSITORY) -> Shell:
    """A project with a bucket, the repository `data`, and probes."""
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{repository}")
    shell.write("manifests/probes.yaml", "".join(f"---\n{json.dumps(each)}\n" for each in probes))
    shell.write("gatectl.yaml", project())
    return shell


def applied(shell: Shell, *probes: dict[str, Any]) -> Shell:
    assert written(shell, *(probes or (probe("watch", "data", level="Write"),)))("apply", "--yes").code == 0
    return shell


# The way of a kind.


def test_a_kind_is_validated_by_its_schema(shell: Shell) -> None:
    assert written(shell, probe("watch", "data"))("validate").out == "Valid: 3 manifests in 2 files.\n"
    found = written(shell, probe("watch", "data", level="read", zones="a"))("validate", "--format", "json")
    told = [(f["rule"], f["path"], f["hint"], f["manifest"]) for f in found.json["findings"]]
    watch = {"kind": "Probe", "workspace": "default", "name": "watch"}
    assert found.code == 4
    assert told == [
        ("GW204", "/spec/level", "did you mean 'Read'? (one of Read | Write)", watch),
        ("GW202", "/spec/zones", "did you mean 'zone'?", watch),
    ]
    shell.write(
        "manifests/probes.yaml",
        """apiVersion: gatectl.io/v1
kind: Probe
metadata: {name: watch}
spec:
  repository: data
  level: read
""",
    )
    assert (
        "    6 |   level: read\n      |          ^^^^\n" in shell("validate").out
    )  # a field of a kind holds no secret
    misspelt = {**probe("watch", "data"), "kind": "Prob"}
    assert "did you mean 'Probe'?" in written(shell, misspelt)("validate").out


def test_a_plan_says_what_a_kind_declares_what_it_needs_and_with_which_credentials(shell: Shell, fits: Fits) -> None:
    written(shell, probe("watch", "data", level="Write"))
    assert (
        """\
+ create Probe default/watch  # manifests/probes.yaml:2
    + credentials: secret {env: SECRET}
    + level: Write
    + repository: data

Plan: 3 to create, 0 to update, 0 to delete, 1 to attach, 0 to detach; 0 unchanged, 0 unmanaged.
"""
        in shell("plan").out
    )
    plan = shell("plan", "--format", "json").json
    fits(plan, "plan")
    made = plan["operations"][2]
    assert brief(plan) == [
        "create bucket/default/raw-aws",
        "create repository/default/data",
        "create probe/default/watch",
    ]
    assert made["dependsOn"] == ["repository/default/data"]
    assert made["after"]["spec"] == {"name": "watch", "repository": "data", "level": "Write", "zone": "", "station": ""}
    assert {field["path"]: field["after"] for field in made["fields"]} == {
        "/metadata/name": "watch", "/spec/credentials": {"secret": {"env": "SECRET"}}, "/spec/level": "Write",
        "/spec/repository": "data",
    }  # fmt: skip
    page = shell("plan", "--format", "markdown").out
    assert "<summary>Probe in <code>default</code>: 1 to create</summary>" in page
    assert page.index("<summary>Repository") < page.index("<summary>Probe")
    assert 'data-kind="Probe"' in shell("plan", "--format", "html").out


def test_a_saved_plan_is_shown_believed_applied_and_then_there_is_nothing_to_do(shell: Shell, fits: Fits) -> None:
    written(shell, probe("watch", "data", level="Write"))
    planned = shell("plan", "--out", "plan.json")
    assert shell("show", "plan.json").out == planned.out
    done = shell("apply", "--plan", "plan.json", "--yes", "--receipt", "receipt.json")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Applied: 3 done; all reads back as wanted.")
    receipt = json.loads((shell.folder / "receipt.json").read_text())
    fits(receipt, "receipt")
    live = Site(shell.folder).one(probing.COLLECTION, "watch")
    assert (live["level"], live["zone"], live["apiKeyId"]) == ("WRITE", probing.ZONE, None)
    assert live["repoId"] == Site(shell.folder).one("repo", "data")["id"]
    outcome = next(o for o in receipt["outcomes"] if o["id"] == "probe/default/watch")
    assert (outcome["status"], outcome["platformId"]) == ("done", live["id"])
    assert shell("show", "receipt.json").out == "Applied: 3 done; all reads back as wanted.\n"
    assert (
        "hush-hush-hush" not in (shell.folder / "receipt.json").read_text() + (shell.folder / "plan.json").read_text()
    )
    assert "Nothing to do: the platform is as the manifests say; 3 unchanged" in shell("plan").out
    assert shell("apply", "--plan", "plan.json", "--yes").out.endswith(
        "Applied: 3 already; all reads back as wanted.\n"
    )


def test_a_saved_plan_that_says_something_else_than_it_does_is_not_believed(shell: Shell) -> None:
    from gatectl.documents.plans import digest, fingerprint

    written(shell, probe("watch", "data"))("plan", "--out", "plan.json")
    plan = json.loads((shell.folder / "plan.json").read_text())
    plan["operations"][2]["after"]["spec"]["repository"] = "another"
    plan["fingerprint"] = fingerprint(plan)
    plan["digest"] = digest(plan)
    (shell.folder / "plan.json").write_text(json.dumps(plan))
    refused = shell("show", "plan.json")
    assert refused.code != 0
    assert "operation 'probe/default/watch': its state after: it has another hash" in refused.err


def test_what_is_compared_is_changed_what_is_filled_in_is_no_difference_and_what_is_fixed_is_refused(
    shell: Shell,
) -> None:
    applied(shell)
    changed = written(shell, probe("watch", "data"))("plan", "--format", "json").json
    (made,) = changed["operations"]
    assert made["fields"] == [{"path": "/spec/level", "before": "Write", "after": "Read"}]
    assert made["after"]["spec"]["zone"] == probing.ZONE
    assert (
        written(shell, probe("watch", "data", level="Write", zone="NORTH-1"))("plan", "--detailed-exitcode").code == 0
    )
    refused = written(shell, probe("watch", "data", zone="south"))("plan")
    assert "GW505: Probe 'watch' has zone 'north-1' on the platform" in refused.out
    assert written(shell, probe("watch", "data"))("apply", "--yes").code == 0
    assert Site(shell.folder).one(probing.COLLECTION, "watch")["level"] == "READ"


def test_its_credentials_are_needed_once_and_renewed_when_asked(shell: Shell) -> None:
    refused = written(shell, probe("watch", "data", credentials=None))("plan")
    assert "GW201: required field 'credentials' of spec is missing" in refused.out
    applied(shell)
    assert (
        written(shell, probe("watch", "data", level="Write", credentials=None))("plan", "--detailed-exitcode").code == 0
    )
    written(shell, probe("watch", "data", level="Write"))
    renewed = shell("plan", "--renew-credentials", "Probe/watch", "--format", "json").json
    assert [f["path"] for op in renewed["operations"] for f in op["fields"]] == ["/spec/credentials"]
    said = shell("plan", "--renew-credentials", "Repository/data").err
    assert "only a Bucket, an LLM or a Probe has credentials" in said
    assert "GW501: no provider API key of workspace 'default'" in written(
        shell, probe("other", "data", credentials={"apiKey": "k"})
    )("plan").out  # fmt: skip


def test_an_export_validates_and_plans_to_nothing(shell: Shell) -> None:
    exported = applied(shell)("export")
    assert exported.out.endswith("""\
---
apiVersion: gatectl.io/v1
kind: Probe
metadata: {name: watch, workspace: default}
spec:
  repository: data
  level: Write
  zone: north-1
""")
    written(shell, probe("watch", "data"))("apply", "--yes")
    assert shell("export", "--out", "exported").code == 0
    assert (shell.folder / "exported/default/probes/watch.yaml").read_text().endswith("  zone: north-1\n")
    assert "level" not in (shell.folder / "exported/default/probes/watch.yaml").read_text()
    assert shell("plan", "exported", "--detailed-exitcode").code == 0


def test_a_snapshot_holds_it_and_gives_the_plan_that_the_platform_gives(shell: Shell) -> None:
    taken = applied(shell)("snapshot", "--out", "snapshot.json")
    assert "snapshot of 1 workspace, 3 objects" in taken.err
    ((found,),) = [
        lists["probe"] for lists in json.loads((shell.folder / "snapshot.json").read_text())["contents"].values()
    ]
    assert found.keys() == {"id", "name", "repoId", "level", "zone", "stationId"}
    assert shell("plan", "--against", "snapshot.json", "--detailed-exitcode").code == 0
    written(shell, probe("watch", "data"), probe("second", "data"))
    plans = [shell("plan", *more, "--format", "json").json for more in ((), ("--against", "snapshot.json"))]
    assert brief(plans[1]) == ["create probe/default/second", "update probe/default/watch"]
    assert plans[0]["fingerprint"] == plans[1]["fingerprint"]


def test_a_graph_shows_repositories_and_what_they_attach_beside_it(shell: Shell) -> None:
    """What neither attaches nor is attached is no part of the namespace."""
    applied(shell)
    live = shell("graph", "--live", "--format", "mermaid").out
    assert '["data"]' in live and "S3 raw-events" in live and "watch" not in live
    declared = shell("graph", "--format", "mermaid")
    assert declared.code == 0 and '["data' in declared.out and "watch" not in declared.out
    page = written(shell, probe("watch", "data"), repository=REPOSITORY.replace("raw-events}", "raw-events, master: true}"))(
        "plan", "--format", "html"
    ).out  # fmt: skip
    assert "<svg" in page and "watch" not in page[page.index("<svg") : page.index("</svg>")]


def test_what_explains_and_documents_kinds_knows_it(shell: Shell) -> None:
    assert "One of: Read, Write\n\nDefault: Read" in shell("explain", "probe.spec.level").out
    assert shell("schema", "probe").json == read_schema(KINDS["Probe"].schema)
    together = shell("schema").json
    assert together["properties"]["kind"]["enum"][-2:] == ["Station", "Probe"] and "Probe" in together["$defs"]
    text = reference.reference()
    assert "| `probe.spec.level` | What it tries. (string) |" in text and f"### GW399: {probing.RULE.title}" in text
    assert "did you mean Probe/watch?" in written(shell, probe("watch", "data"))("plan", "--target", "probe/wach").err


# What refers to something.


def test_what_is_referred_to_is_there_declared_or_told(site: Site) -> None:
    site.manifests(repository("orders"), probe(repository="order"))
    (found,) = rules(site.plan())
    assert found == "GW501: Repository default/order is neither live nor declared"
    site.manifests(probe(repository="orders"))
    assert rules(site.plan()) == ["GW501: Repository default/orders is neither live nor declared"]
    site.live_repository("orders")
    plan = site.plan()
    assert operation(plan, "probe/default/p")["dependsOn"] == []
    assert site.apply(plan).converged


def test_a_selection_takes_along_what_its_objects_refer_to(site: Site) -> None:
    site.manifests(repository("r"), repository("other"), probe())
    assert brief(site.plan(targets=("Probe/p",))) == ["create repository/default/r", "create probe/default/p"]


def test_what_refers_goes_first_and_what_others_refer_to_stays(site: Site) -> None:
    site.manifests(repository("r"), repository("s"), probe())
    site.apply()
    site.manifests(repository("s"), probe(repository="s"))
    moved = site.plan(prune=True)
    assert brief(moved) == ["update probe/default/p", "delete repository/default/r"]
    assert operation(moved, "repository/default/r")["dependsOn"] == ["probe/default/p"]
    site.manifests(repository("s"))
    gone = site.plan(prune=True)
    assert operation(gone, "repository/default/r")["dependsOn"] == ["probe/default/p"]
    live = site.one(probing.COLLECTION, "p")
    somebodys = {"name": "theirs", "workspaceId": live["workspaceId"], "repoId": live["repoId"]}
    site.write(probing.COLLECTION, somebodys)
    assert rules(site.plan(prune=True)) == [
        "GW505: Repository default/r is to be deleted, but others refer to it: Probe default/theirs"
    ]
    assert site.apply(gone).error("repository/default/r") == (
        "conflict: changed since the plan was made: referred to by: planned nothing, live 'Probe default/theirs', wanted nothing"
    )


def test_a_saved_plan_that_deletes_both_is_believed(shell: Shell) -> None:
    applied(shell)
    written(shell, repository=BUCKET.replace("raw-", "more-"))
    planned = shell("plan", "--prune", "--out", "plan.json")
    assert "- delete Probe default/watch" in planned.out
    assert shell("show", "plan.json").out == planned.out
    assert shell("apply", "--plan", "plan.json", "--yes").out.endswith("Applied: 3 done; all reads back as wanted.\n")
    assert (Site(shell.folder).names(probing.COLLECTION), Site(shell.folder).names("repo")) == ([], [])


def test_an_apply_deletes_nothing_that_somebody_refers_to_by_now(site: Site) -> None:
    site.manifests(repository("r"), repository("s"))
    site.apply()
    plan = site.manifests(repository("s")).plan(prune=True)
    theirs = {"name": "theirs", "workspaceId": site.workspace_id(), "repoId": site.one("repo", "r")["id"]}
    site.write(probing.COLLECTION, theirs)
    assert "referred to by: planned nothing, live 'Probe default/theirs'" in site.apply(plan).error(
        "repository/default/r"
    )
    assert site.names("repo") == ["r", "s"]


def test_an_apply_refuses_to_write_what_names_something_that_is_gone(site: Site) -> None:
    site.live_repository("r")
    plan = site.manifests(probe()).plan()
    writer = site.writer()
    writer.delete("repo", site.one("repo", "r")["id"])
    writer.close()
    assert site.apply(plan).error("probe/default/p") == (
        "conflict: changed since the plan was made: /spec/repository: planned 'r', live '0 of this name', wanted 'r'"
    )
    assert site.names(probing.COLLECTION) == []


def test_a_repository_that_something_refers_to_is_in_use(site: Site) -> None:
    """Which of two twins stays goes by that."""
    from gatectl.applying.twins import in_use
    from gatectl.planning.current import read_visible

    site.manifests(repository("r"), repository("s"), probe())
    site.apply()
    reader = site.reader()
    current = read_visible(reader, None)
    used = {live.key.name: in_use(live, current, reader) for live in current.attaching()}
    reader.close()
    assert used == {"r": True, "s": False}


def test_a_name_that_means_nothing_or_two_things_is_never_sent() -> None:
    from gatectl.planning.current import NOWHERE

    with pytest.raises(PlatformRefused, match="Repository 'r' is not there"):
        NOWHERE.id_of("Repository", "r")


# What lies in no workspace.


def test_what_lies_in_no_workspace_goes_the_same_way(shell: Shell, fits: Fits) -> None:
    written(shell, station(), probe("watch", "data", station="s"))
    planned = shell("plan", "--out", "plan.json")
    assert "+ create Station s (eu)  # manifests/probes.yaml:2\n" in planned.out
    plan = shell("plan", "--format", "json").json
    fits(plan, "plan")
    assert brief(plan)[0] == "create station/s"
    assert operation(plan, "probe/default/watch")["dependsOn"] == ["repository/default/data", "station/s"]
    assert shell("apply", "--plan", "plan.json", "--yes").out.endswith("Applied: 4 done; all reads back as wanted.\n")
    live = Site(shell.folder)
    assert live.one(probing.COLLECTION, "watch")["stationId"] == live.one(probing.STATIONS, "s")["id"]
    assert "Nothing to do: the platform is as the manifests say; 4 unchanged, 0 unmanaged." in shell("plan").out
    assert shell("export").out.startswith("""\
apiVersion: gatectl.io/v1
kind: Station
metadata: {name: s}
spec:
  region: eu
---
""")
    shell("snapshot", "--out", "snapshot.json")
    ((taken,),) = json.loads((shell.folder / "snapshot.json").read_text())["outside"].values()
    assert taken == {"id": live.one(probing.STATIONS, "s")["id"], "name": "s", "region": "eu"}
    assert shell("plan", "--against", "snapshot.json", "--detailed-exitcode").code == 0
    written(shell, station(region="us"), probe("watch", "data", station="s"))
    plans = [shell("plan", *more, "--format", "json").json for more in ((), ("--against", "snapshot.json"))]
    assert [brief(each) for each in plans] == [["update station/s"]] * 2
    assert plans[0]["fingerprint"] == plans[1]["fingerprint"]
    assert shell("apply", "--yes").code == 0 and live.one(probing.STATIONS, "s")["region"] == "us"


def test_what_lies_in_no_workspace_is_told_pruned_and_adopted_as_the_rest_is(site: Site) -> None:
    site.write(probing.STATIONS, {"name": "theirs", "region": "eu"})
    site.manifests(station(), repository("r"), probe(station="s"))
    site.apply()
    assert [(each["kind"], each["name"]) for each in site.plan()["unmanaged"]] == [("Station", "theirs")]
    gone = site.manifests(repository("r"), probe()).plan(prune=True)
    assert rules(gone) == ["GW505: Station s is to be deleted, but others refer to it: Probe default/p"]
    gone = site.manifests(repository("r")).plan(prune=True)
    assert brief(gone) == ["delete probe/default/p", "delete station/s"]
    assert site.apply(gone).converged
    assert site.names(probing.STATIONS) == ["theirs"]
    adopting = site.manifests(repository("r"), station("theirs")).plan()
    assert [(each["kind"], each["name"]) for each in adopting["adopts"]] == [("Station", "theirs")]
    assert site.apply(adopting).converged and site.plan()["adopts"] == []


def test_no_workspace_is_declared_by_something_else_that_lies_in_none(site: Site) -> None:
    elsewhere = probe("p")
    elsewhere["metadata"]["workspace"] = "s"
    (found,) = rules(site.manifests(station("s"), elsewhere).plan())
    assert found == "GW503: workspace 's' is neither live nor declared"


def test_nothing_outside_of_workspaces_is_deleted_that_somebody_refers_to_by_now(site: Site) -> None:
    site.manifests(station(), repository("r"))
    site.apply()
    plan = site.manifests(repository("r")).plan(prune=True)
    named = {"repoId": site.one("repo", "r")["id"], "stationId": site.one(probing.STATIONS, "s")["id"]}
    site.write(probing.COLLECTION, {"name": "theirs", "workspaceId": site.workspace_id(), **named})
    assert "referred to by: planned nothing, live 'Probe default/theirs'" in site.apply(plan).error("station/s")


def test_an_apply_asks_again_for_what_lies_in_no_workspace(site: Site) -> None:
    from gatectl.applying.twins import in_use
    from gatectl.planning.current import read_visible

    site.manifests(station(), repository("r"), probe(station="s"))
    plan = site.plan()
    site.write(probing.STATIONS, {"name": "s", "region": "eu"})
    site.write(probing.STATIONS, {"name": "s", "region": "eu"})
    assert "2 objects of this name" in site.apply(plan).error("station/s")
    assert rules(site.manifests(repository("r"), probe(station="s")).plan()) == [
        f"GW502: 2 live objects are called 's' (Station): {', '.join(sorted(w['id'] for w in site.list(probing.STATIONS)))}"
    ]
    writer = site.writer()
    writer.delete(probing.STATIONS, site.list(probing.STATIONS)[0]["id"])
    writer.close()
    assert site.apply().converged
    reader = site.reader()
    current = read_visible(reader, None)
    assert [in_use(live, current, reader) for live in current.lives() if live.key.kind == "Station"] == [True]
    reader.close()


# The way of a rule.


def test_a_rule_is_told_where_manifests_break_it_and_explained(shell: Shell) -> None:
    shell.write("gatectl.yaml", project())
    shell.write("manifests/all.yaml", whole(probing.RULE.bad))
    found = shell("validate", "--format", "json").json["findings"]
    assert [(f["rule"], f["path"], f["manifest"]["name"]) for f in found] == [("GW399", "/spec/resources/0", "returns")]
    assert (
        "Repository default/returns and Repository default/orders both expose a folder 'raw'" in shell("validate").out
    )
    assert '"ruleId": "GW399"' in shell("validate", "--format", "sarif").out
    assert "GW399: Two repositories expose a folder of one name" in shell("explain", "GW399").out
    drawn = shell("graph", "--format", "mermaid")
    assert drawn.code == 4 and "returns" in drawn.out and "GW399" in drawn.err
    shell.write("manifests/all.yaml", whole(probing.RULE.good))
    assert shell("validate").code == 0


def test_a_rule_of_the_final_state_looks_at_what_is_only_live(site: Site) -> None:
    logs = site.live_bucket("logs", ("S3", "logs"))
    site.live_bucket("data", ("S3", "data"))
    site.live_repository("theirs", {"bucketId": logs, "folder": "raw"})
    site.manifests(repository("ours", [entry("S3", "data", folder="raw")]))
    told = "Repository default/ours and Repository default/theirs both expose a folder 'raw' (GW399)"
    assert rules(site.plan()) == [f"GW504: {told}"]
    free = site.manifests(repository("ours", [entry("S3", "data", folder="cooked")])).plan()
    assert brief(free) == ["create repository/default/ours"]
    site.live_repository("late", {"bucketId": logs, "folder": "cooked"})
    assert "both expose a folder 'cooked'" in site.apply(free).error("repository/default/ours")


def test_a_rule_that_is_not_of_the_final_state_is_not_asked_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "GW399", probing.RULE._replace(final=False))  # type: ignore[arg-type]
    logs = site.live_bucket("logs", ("S3", "logs"))
    site.live_bucket("data", ("S3", "data"))
    site.live_repository("theirs", {"bucketId": logs, "folder": "raw"})
    assert rules(site.manifests(repository("ours", [entry("S3", "data", folder="raw")])).plan()) == []


def test_a_rule_that_holds_stops_its_object_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rules hold is said in their rows too: GW505 here, of a probe, and the bucket is planned all the same."""
    site.manifests(repository("r"), probe(zone="north"))
    site.apply()
    site.manifests(repository("r"), probe(zone="south"), bucket("logs", ("S3", "logs")))
    assert brief(site.plan()) == []
    monkeypatch.setitem(RULES, "GW505", RULES["GW505"]._replace(holding=True))  # type: ignore[arg-type]
    plan = site.plan()
    assert brief(plan) == ["create bucket/default/logs"]
    assert [held["kind"] for held in plan["held"]] == ["Probe"]
