"""One invalid workspace does not hold up the others: what `--keep-going` plans, shows, saves and applies, and how that ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import gatectl
from gatectl.documents.plans import digest
from serving import EMAIL, PASSWORD, Server
from sites import Site, bucket, entry, repository, workspace

from .conftest import Result, Shell, project
from .test_held import Hiding

Documents = Sequence[Mapping[str, Any]]


def team(name: str, region: str | None = None, *, broken: str | None = None) -> Documents:
    """A workspace with a bucket and a repository that attaches it; `broken` is the endpoint type that the repository has instead."""
    home = {"workspace": name}
    return [
        workspace(name),
        bucket("raw", ("S3", f"raw-{name}"), metadata=home, region=region),
        repository("data", [entry("S3", f"raw-{name}")], broken or "S3", **home),
    ]


class World:
    """A project with a folder for each team's manifests."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def declare(self, name: str, documents: Documents) -> None:
        self.shell.write(f"manifests/{name}.yaml", "\n---\n".join(map(json.dumps, documents)))

    def found(self) -> dict[str, set[str]]:
        """What each workspace of the embedded platform holds, with the region of buckets."""
        site = Site(self.shell.folder)
        homes = {wire["id"]: wire["name"] for wire in site.list("workspace")}
        held: dict[str, set[str]] = {name: set() for name in homes.values() if name != "default"}
        for collection in ("bucket", "repo"):
            for wire in site.list(collection):
                held[homes[wire["workspaceId"]]].add(f"{wire['name']} {wire.get('region') or ''}".strip())
        return held


WHOLE = {"prod": {"raw", "data"}, "staging": {"raw", "data"}}


@pytest.fixture
def world(shell: Shell) -> World:
    """Two teams; what the manifests say next is another region for both, and staging's are broken."""
    shell.write("gatectl.yaml", project())
    made = World(shell)
    for name in ("prod", "staging"):
        made.declare(name, team(name))
    assert shell("apply", "--yes").code == 0
    assert made.found() == WHOLE
    made.declare("prod", team("prod", "eu"))
    made.declare("staging", team("staging", "eu", broken="Azure"))
    return made


def test_without_the_option_one_error_refuses_the_whole(world: World) -> None:
    planned = world.shell("plan", "--format", "json")
    assert planned.code == 4 and planned.json["operations"] == [] and "leftOut" not in planned.json
    assert not planned.json["selection"]["partial"]
    assert "No plan: 1 error." in world.shell("plan").out
    assert world.shell("apply", "--yes").code == 4
    assert world.found() == WHOLE


def test_the_plan_shows_the_others_and_what_is_left_out_in_every_view_and_exits_with_4(world: World, fits: Any) -> None:
    planned = world.shell("plan", "--keep-going", "--format", "json")
    assert planned.code == 4
    fits(planned.json, "plan")
    assert [op["id"] for op in planned.json["operations"]] == ["bucket/prod/raw"]
    assert planned.json["leftOut"] == [{"workspace": "staging", "errors": 1, "reason": None}]
    assert [d["rule"] for d in planned.json["diagnostics"]] == ["GW204"]
    assert planned.json["target"]["workspaces"] == ["prod"]
    assert planned.json["selection"]["partial"]
    assert world.shell("plan", "--keep-going", "--detailed-exitcode").code == 4
    for format_name in ("text", "markdown", "html", "github", "gitlab", "sarif", "junit"):
        shown = world.shell("plan", "--keep-going", "--format", format_name)
        assert shown.code == 4
        assert "GW204" in shown.out and "No plan" not in shown.out
        if format_name != "junit":  # which tells of files, and the errors of each
            assert "workspace staging is left out: 1 error" in shown.out, format_name
        if format_name in ("text", "markdown", "html"):
            assert "--keep-going" in shown.out and "update" in shown.out
    text = world.shell("plan", "--keep-going").out
    assert "0 to create, 1 to update, 0 to delete, 0 to attach, 0 to detach; 1 workspace left out, 2 unchanged" in text


def test_where_the_others_are_as_they_should_be_the_plan_does_not_say_that_all_is(world: World) -> None:
    world.declare("prod", team("prod"))
    for format_name in ("text", "markdown", "html"):
        shown = world.shell("plan", "--keep-going", "--format", format_name)
        assert shown.code == 4 and "Nothing to do but what is left out" in shown.out


@pytest.mark.parametrize("saved", [False, True], ids=["direct", "saved"])
def test_an_apply_does_the_others_and_says_that_it_is_not_all(world: World, fits: Any, saved: bool) -> None:
    assert world.shell("plan", "--keep-going", "--out", "p.json").code == 4
    line = ["apply", "--yes", *(["--plan", "p.json"] if saved else [])]
    refused = world.shell(*line)
    assert refused.code == 4 and world.found() == WHOLE
    if saved:
        assert "the plan leaves out 1 workspace, so nothing was written" in refused.err
        assert "--keep-going" in refused.err
    done = world.shell(*line, "--keep-going", "--format", "json")
    assert done.code == 7, done
    fits(done.json, "receipt")
    assert {o["id"]: o["status"] for o in done.json["outcomes"]} == {"bucket/prod/raw": "done"}
    assert not done.json["converged"]
    assert {"name": "keep-going", "value": None, "reason": None} in done.json["overrides"]
    assert [item["workspace"] for item in done.json["plan"]["leftOut"]] == ["staging"]
    assert world.found() == {"prod": {"raw eu", "data"}, "staging": {"raw", "data"}}
    nothing_else = world.shell("apply", "--yes", "--keep-going")
    assert nothing_else.code == 4
    assert "Not converged: 1 workspace left out; nothing was written." in nothing_else.out
    assert "Next: what is left out waits for what its findings say; apply again then." in nothing_else.out
    world.declare("staging", team("staging", "eu"))
    assert world.shell("apply", "--yes").code == 0
    assert world.found() == {"prod": {"raw eu", "data"}, "staging": {"raw eu", "data"}}
    assert world.shell("plan", "--detailed-exitcode").code == 0


def test_what_is_approved_is_the_plan_of_the_others_alone(world: World) -> None:
    """The fingerprint is that of a plan that was never told of the invalid one."""
    partial = world.shell("plan", "--keep-going", "--format", "json").json
    alone = world.shell("plan", "manifests/prod.yaml", "--format", "json").json
    assert partial["fingerprint"] == alone["fingerprint"] and partial["digest"] != alone["digest"]
    assert world.shell("apply", "--yes", "--keep-going", "--expect", alone["fingerprint"]).code == 7
    assert world.found()["prod"] == {"raw eu", "data"}


def test_nothing_is_pruned_of_what_is_left_out_nor_detached(world: World) -> None:
    only = workspace("prod")
    world.declare("prod", [only])
    world.declare("staging", [workspace("staging"), repository("new", [], "Azure", workspace="staging")])
    planned = world.shell("plan", "--prune", "--keep-going", "--format", "json").json
    deletes = [op["id"] for op in planned["operations"]]
    assert deletes == ["repository/prod/data", "bucket/prod/raw"]
    done = world.shell("apply", "--prune", "--keep-going", "--yes")
    assert done.code == 7, done
    assert world.found() == {"prod": set(), "staging": {"raw", "data"}}


def test_an_error_that_lies_nowhere_refuses_the_whole_as_before(world: World) -> None:
    world.shell.write("manifests/odd.yaml", "kind: [")
    for line in (["plan", "--keep-going"], ["apply", "--keep-going", "--yes"]):
        refused = world.shell(*line)
        assert refused.code == 4 and "No plan: 2 errors." in refused.out
    assert world.shell("plan", "--keep-going", "--out", "p.json").code == 4
    assert not (world.shell.folder / "p.json").exists()
    assert world.found() == WHOLE


def test_a_saved_plan_that_was_changed_to_touch_what_it_leaves_out_is_refused(world: World) -> None:
    world.declare("staging", team("staging", "eu"))
    assert world.shell("plan", "--out", "whole.json").code == 0
    whole = json.loads((world.shell.folder / "whole.json").read_text())
    world.declare("staging", team("staging", "eu", broken="Azure"))
    assert world.shell("plan", "--keep-going", "--out", "p.json").code == 4
    plan = json.loads((world.shell.folder / "p.json").read_text())

    def refused(**changed: Any) -> Result:
        forged = {**plan, **changed}
        forged["digest"] = digest(forged)
        world.shell.write("p.json", json.dumps(forged))
        return world.shell("apply", "--plan", "p.json", "--yes", "--keep-going")

    moved = {name: whole[name] for name in ("operations", "summary", "fingerprint")}
    assert "leaves out the workspace 'staging'" in refused(**moved).err
    assert "without an error" in refused(diagnostics=[]).err
    del plan["leftOut"]
    assert refused().code == 4
    assert world.found() == WHOLE


def test_programs_leave_out_what_is_invalid_and_keep_going(world: World) -> None:
    variables = {"KEY": "AKIAEXAMPLE", "SECRET": "hush"}
    with gatectl.open(world.shell.folder, environ=variables) as estate:
        assert not estate.plan().operations
        plan = estate.plan(keep_going=True)
        assert not plan.valid and [item["workspace"] for item in plan.left_out] == ["staging"]
        with pytest.raises(gatectl.errors.Invalid):
            estate.apply(plan)
        assert world.found() == WHOLE
        receipt = estate.apply(keep_going=True)
    assert receipt.exit_code == 7 and not receipt.converged
    assert world.found() == {"prod": {"raw eu", "data"}, "staging": {"raw", "data"}}


def test_what_is_wrong_comes_before_a_platform_that_cannot_be_reached(world: World) -> None:
    nowhere = "http://127.0.0.1:9"
    planned = world.shell("--platform", nowhere, "--workspace", "prod", "plan", "--keep-going", "--deadline", "1")
    assert planned.code == 4
    assert "GW204" in planned.out and "No plan: 1 error." in planned.out
    assert "nothing is planned:" in planned.err
    world.declare("staging", team("staging"))
    assert world.shell("--platform", nowhere, "plan", "--keep-going", "--deadline", "1").code in (9, 10)


def test_a_snapshot_is_planned_against_without_the_invalid_one_too(world: World) -> None:
    assert world.shell("snapshot", "--out", "s.json").code == 0
    planned = world.shell("plan", "--against", "s.json", "--keep-going", "--format", "json")
    assert planned.code == 4
    assert [op["id"] for op in planned.json["operations"]] == ["bucket/prod/raw"]
    assert [item["workspace"] for item in planned.json["leftOut"]] == ["staging"]


# Over HTTP


@pytest.fixture
def served(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Server, Hiding]]:
    """The same on a platform over HTTP, whose list of buckets may hide some."""
    with Server(tmp_path / "server") as server, Hiding(server.url) as proxy:
        for name, value in {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", proxy.url.partition("://")[2])
        shell.write("gatectl.yaml", project(default={"platform": proxy.url, "consistency": "0s"}))
        made = World(shell)
        for name in ("prod", "staging"):
            made.declare(name, team(name))
        assert shell("apply", "--yes").code == 0
        yield made, server, proxy


def attached(server: Server) -> dict[str, list[str]]:
    """The repositories by id, each with the labels and ids of what it attaches."""
    return {w["id"]: [f"{a['bucket']['name']} {a['bucketId']}" for a in w["buckets"]] for w in server.objects("repo")}


def test_over_http_too_the_others_are_applied_and_the_invalid_one_is_as_it_was(
    served: tuple[World, Server, Hiding],
) -> None:
    world, server, _ = served
    before = attached(server)
    world.declare("prod", team("prod", "eu"))
    nowhere = repository("data", [entry("S3", "nowhere")], workspace="staging", policy="Exact")
    world.declare("staging", [*team("staging", "eu")[:2], nowhere])
    done = world.shell("apply", "--yes", "--keep-going", "--format", "json")
    assert done.code == 7, done
    assert {o["id"]: o["status"] for o in done.json["outcomes"]} == {"bucket/prod/raw": "done"}
    assert {wire["bucket"]: wire["region"] for wire in server.objects("bucket")} == {
        "raw-prod": "eu",
        "raw-staging": None,
    }
    assert attached(server) == before


def test_what_is_held_and_what_is_left_out_stand_side_by_side(served: tuple[World, Server, Hiding], fits: Any) -> None:
    world, _, proxy = served
    proxy.hidden = frozenset(["hidden"])
    hidden = bucket("hidden", ("S3", "hidden"), metadata={"workspace": "prod"})
    user = repository("user", [entry("S3", "hidden")], workspace="prod")
    world.declare("prod", [*team("prod"), hidden, user])
    proxy.hidden = frozenset()
    assert world.shell("apply", "--yes").code == 0
    proxy.hidden = frozenset(["hidden"])
    world.declare("prod", [*team("prod", "eu"), hidden, user])
    world.declare("staging", team("staging", broken="Azure"))
    planned = world.shell("plan", "--keep-going", "--format", "json")
    fits(planned.json, "plan")
    assert planned.code == 4 and [op["id"] for op in planned.json["operations"]] == ["bucket/prod/raw"]
    assert {item["name"] for item in planned.json["held"]} == {"hidden", "user"}
    assert planned.json["leftOut"] == [{"workspace": "staging", "errors": 1, "reason": None}]
    assert "; 2 objects held, 1 workspace left out, " in world.shell("plan", "--keep-going").out
    assert world.shell("apply", "--yes").code == 4
    assert world.shell("apply", "--yes", "--keep-going").code == 7
    again = world.shell("apply", "--yes", "--keep-going")
    assert again.code == 4 and "Nothing to do but what is held or left out" in again.out


def test_a_warning_of_a_manifest_whose_workspace_only_the_platform_tells_is_not_lost(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(tmp_path / "server") as server:
        for name, value in {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", server.url.partition("://")[2])
        shell.write("gatectl.yaml", project(default={"platform": server.url}))
        shell.write("manifests/all.yaml", json.dumps(repository("“odd”", [])))
        planned = shell("plan", "--format", "json")
        assert planned.code == 0
        assert [op["name"] for op in planned.json["operations"]] == ["“odd”"]
        assert [f["rule"] for f in planned.json["diagnostics"]] == ["GW205"]
