"""`metadata.renamedFrom`: a rename is one update of the same object, of whoever owns it or nobody, and means nothing once it is done
(product.md, section 6)."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from .conftest import BUCKET, REPOSITORY, Shell, project

PLATFORM = {"platform": "sqlite:///platform.db"}
LLM = """apiVersion: gatectl.io/v1
kind: LLM
metadata: {name: gpt}
spec: {provider: OpenAI, endpoint: "https://api.openai.com/v1", credentials: {secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: ai}
spec: {endpointType: OpenAI, attachmentPolicy: Exact, resources: [{type: LLM, name: gpt}]}
"""
ALL = f"{BUCKET}---\n{REPOSITORY}---\n{LLM}"
NEW = (
    ALL.replace("{name: raw-aws}", "{name: raw, renamedFrom: raw-aws}")
    .replace("{name: data, labels: {team: data}}", "{name: eu-data, renamedFrom: data}")
    .replace("metadata: {name: gpt}", "metadata: {name: gpt-5, renamedFrom: gpt}")
    .replace("[{type: LLM, name: gpt}]", "[{type: LLM, name: gpt-5}]")
)


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """A bucket, an LLM and a repository of each were applied under their old names."""
    shell.write("gatectl.yaml", project(default=PLATFORM, other=PLATFORM))
    shell.write("manifests/all.yaml", ALL)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", NEW)
    return shell


def ids(shell: Shell) -> dict[str, str]:
    """The live objects by name, each with its id."""
    shell("snapshot", "--out", "s.json")
    found = json.loads((shell.folder / "s.json").read_text())
    lists: list[dict[str, Any]] = [each for key in ("bucket", "ai/llm", "repo") for each in _all(found, key)]
    return {each["name"]: each["id"] for each in lists}


def _all(value: Any, key: str) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        inner = [item for name, each in value.items() if name != key for item in _all(each, key)]
        return inner + ([*value[key]] if isinstance(value.get(key), list) else [])
    return [item for each in value for item in _all(each, key)] if isinstance(value, list) else []


def test_a_rename_is_one_update_by_id_and_then_means_nothing(applied: Shell) -> None:
    before = ids(applied)
    assert applied("validate").code == 0
    plan = applied("plan", "--prune", "--out", "p.json", "--detailed-exitcode")
    assert plan.code == 2 and "3 to update, 0 to delete" in plan.out
    assert "renamed from 'data'" in plan.out and "eu-data" in plan.out
    saved = json.loads((applied.folder / "p.json").read_text())
    assert {op["id"] for op in saved["operations"]} == {
        "bucket/default/raw", "llm/default/gpt-5", "repository/default/eu-data"
    }, "who attaches a renamed LLM is not changed"  # fmt: skip
    assert all(op["fields"] == [{"path": "/metadata/name", "before": o, "after": op["name"]}]
               for op in saved["operations"] for o in [op["before"]["spec"]["name"]])  # fmt: skip
    for shape in ("markdown", "html", "text"):
        assert "eu-data" in applied("show", "p.json", "--format", shape).out
    assert applied("apply", "--yes", "--plan", "p.json").code == 0
    after = ids(applied)
    assert after == {"raw": before["raw-aws"], "eu-data": before["data"], "gpt-5": before["gpt"], "ai": before["ai"]}

    assert applied("plan", "--prune", "--detailed-exitcode").code == 0, "it stays harmless"
    assert applied("drift", "--detailed-exitcode").code == 0
    assert "eu-data" in applied("why", "Repository/eu-data").out
    applied.write("manifests/all.yaml", BUCKET.replace("raw-aws", "raw"))
    pruned = applied("plan", "--prune", "--format", "json").json
    assert [op["name"] for op in pruned["operations"]] == ["ai", "eu-data", "gpt-5"], pruned["diagnostics"]


def test_a_renamed_llm_and_who_attaches_it_change_in_one_plan(applied: Shell) -> None:
    applied.write("manifests/all.yaml", NEW.replace("resources: [{type: LLM, name: gpt-5}]", "resources: []"))
    plan = applied("plan", "--out", "p.json", "--target", "Repository/ai")
    assert plan.code == 0 and "gpt-5" in plan.out, "a repository that lets go of it needs it"
    saved = json.loads((applied.folder / "p.json").read_text())
    assert [op["id"] for op in saved["operations"]] == ["llm/default/gpt-5", "repository/default/ai"]
    assert saved["operations"][1]["dependsOn"] == ["llm/default/gpt-5"]
    assert "on the platform since" not in saved["operations"][1]["reason"], "only we changed it"
    assert applied("apply", "--yes", "--plan", "p.json").code == 0
    assert applied("apply", "--yes").code == 0
    assert applied("plan", "--detailed-exitcode").code == 0


def test_an_undo_leads_back_to_the_old_names(applied: Shell) -> None:
    before = ids(applied)
    more = NEW.replace("resources: [{type: LLM, name: gpt-5}]", "resources: []")
    applied.write("manifests/all.yaml", more)
    assert applied("apply", "--yes").code == 0
    undone = applied("undo", "last", "--yes")
    assert undone.code == 0, undone
    assert ids(applied) == before
    applied.write("manifests/all.yaml", ALL)
    assert applied("plan", "--detailed-exitcode").code == 0


def test_an_undo_leaves_what_another_object_is_called_by_now(applied: Shell) -> None:
    assert applied("apply", "--yes").code == 0
    theirs = {"records": "sqlite:///theirs.db", **PLATFORM}
    applied.write("gatectl.yaml", project(default=PLATFORM, other=theirs))
    applied.write(
        "manifests/all.yaml",
        REPOSITORY.replace("- {type: S3, bucket: raw-events}", "[]"),
    )
    assert applied("-e", "other", "apply", "--yes").code == 0
    undone = applied("undo", "last", "--yes")
    assert undone.code == 6 and "another one is called 'data' by now" in undone.out + undone.err


def test_what_nobody_owns_is_adopted_by_its_rename(applied: Shell) -> None:
    before = ids(applied)
    applied.write("gatectl.yaml", project(default={**PLATFORM, "records": "sqlite:///new.db"}))
    plan = applied("apply", "--yes", "--new-records")
    assert plan.code == 0 and "adopts a live object that this project never applied; renamed from 'data'" in plan.out
    assert ids(applied)["eu-data"] == before["data"]
    assert applied("plan", "--detailed-exitcode").code == 0


def test_what_somebody_else_owns_is_not_renamed(applied: Shell) -> None:
    before = ids(applied)
    applied.write("manifests/all.yaml", NEW.split("---\n")[1].replace("- {type: S3, bucket: raw-events}", "[]"))
    plan = applied("-e", "other", "plan", "--format", "json").json
    assert [(op["action"], op["name"]) for op in plan["operations"]] == [("create", "eu-data")]
    assert applied("-e", "other", "apply", "--yes").code == 0
    assert ids(applied)["data"] == before["data"]


def test_an_object_of_the_new_name_is_the_one_that_is_meant(applied: Shell) -> None:
    both = ALL.replace("{name: data, labels: {team: data}}", "{name: eu-data}").replace(
        "- {type: S3, bucket: raw-events}", "[]"
    )
    applied.write("manifests/all.yaml", both)
    assert applied("apply", "--yes").code == 0
    before = ids(applied)
    applied.write("manifests/all.yaml", both.replace("{name: eu-data}", "{name: eu-data, renamedFrom: data}"))
    assert applied("plan", "--detailed-exitcode").code == 0
    assert applied("apply", "--yes", "--prune").code == 0
    assert ids(applied)["eu-data"] == before["eu-data"] and "data" not in ids(applied)


def test_a_manifest_of_the_old_name_beside_it_is_gw304(applied: Shell) -> None:
    applied.write("manifests/more.yaml", REPOSITORY)
    found = applied("validate", "--format", "json").json["findings"]
    found = [f for f in found if f["rule"] != "GW404"]
    assert [(f["rule"], f["path"]) for f in found] == [("GW304", "/metadata/renamedFrom")]
    where = "Repository 'data' in workspace 'default' is renamed to"
    assert found[0]["message"] == f"{where} 'eu-data', and declared too"
    applied.write("manifests/more.yaml", REPOSITORY.replace("{name: data, ", "{name: us-data, renamedFrom: data, "))
    twice = applied("validate", "--format", "json").json["findings"]
    told = [f["message"] for f in twice if f["rule"] == "GW304"]
    assert told == [f"{where} 'us-data', and renamed to 'eu-data' too"]


def test_a_name_may_change_its_case(applied: Shell) -> None:
    before = ids(applied)
    applied.write("manifests/all.yaml", ALL.replace("{name: data, ", "{name: Data, renamedFrom: data, "))
    assert applied("validate").code == 0
    assert applied("apply", "--yes").code == 0
    assert ids(applied)["Data"] == before["data"]
    assert applied("plan", "--detailed-exitcode").code == 0


def test_a_workspace_is_not_renamed(shell: Shell) -> None:
    shell.write("gatectl.yaml", project(default=PLATFORM))
    text = "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: lab}\n"
    shell.write("manifests/all.yaml", text)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", text.replace("{name: lab}", "{name: labs, renamedFrom: lab}"))
    plan = shell("plan")
    assert plan.code == 4 and "GW505: Workspace 'lab' cannot be renamed to 'labs' in place" in plan.out


def test_the_new_name_is_judged_by_the_rules_of_the_final_state_and_drawn_in_the_graph(applied: Shell) -> None:
    graph = applied("plan", "--format", "html").out
    assert "eu-data" in graph and "GW504" not in graph
    taken = NEW + "---\n" + REPOSITORY.replace("{name: data, ", "{name: second, ")
    applied.write("manifests/all.yaml", taken)
    clash = applied("plan")
    assert clash.code == 4 and "eu-data" in clash.out and "Repository default/data" not in clash.out


def test_who_takes_the_new_name_meanwhile_is_a_conflict(applied: Shell) -> None:
    assert applied("plan", "--out", "p.json").code == 0
    applied.write("gatectl.yaml", project(default=PLATFORM, other={"records": "sqlite:///theirs.db", **PLATFORM}))
    shutil.copy(applied.folder / "manifests/all.yaml", applied.folder / "kept.yaml")
    applied.write("manifests/all.yaml", LLM.split("---")[0].replace("name: gpt", "name: gpt-5"))
    assert applied("-e", "other", "apply", "--yes").code == 0
    stale = applied("apply", "--yes", "--plan", "p.json")
    assert stale.code == 6 and "planned 'free'" in stale.out + stale.err


def test_a_change_of_manifests_names_no_renamed_object_as_gone(applied: Shell) -> None:
    import subprocess

    def git(*words: str) -> None:
        subprocess.run(
            ("git", "-c", "user.name=a", "-c", "user.email=a@b", *words),
            cwd=applied.folder,
            check=True,
            capture_output=True,
        )

    git("init", "-q")
    applied.write("manifests/all.yaml", ALL)
    git("add", "manifests", "gatectl.yaml")
    git("commit", "-qm", "old")
    applied.write("manifests/all.yaml", NEW)
    plan = applied("plan", "--changed-since", "HEAD", "--format", "json").json
    assert plan["selection"]["since"]["removed"] == [] and plan["summary"]["update"] == 3
