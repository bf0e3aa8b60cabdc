"""What no apply deletes or detaches from, as guardrails say it from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatectl.documents import plans

from .conftest import BUCKET, REPOSITORY, SEEN, Shell, project

DETACHED = BUCKET + "---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []")
OTHER = BUCKET.replace("raw-aws", "other").replace("raw-events", "other-events")
PROTECTED = OTHER.replace("{name: other}", "{name: other, protect: true}")


def guarded(shell: Shell, *patterns: str, **guardrails: Any) -> None:
    document = json.loads(project(default={"platform": "embedded", "guardrails": {"protect": patterns, **guardrails}}))
    document["spec"]["uid"] = "u-1"
    shell.write("gatectl.yaml", json.dumps(document))


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """A bucket and a repository that attaches it, and another bucket, applied; `da*` is protected."""
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    shell.write("manifests/other.yaml", OTHER)
    guarded(shell, "da*")
    assert shell("apply", "--yes").code == 0
    return shell


def test_detaching_from_what_is_protected_is_held_and_the_rest_is_planned(applied: Shell) -> None:
    applied.write("manifests/all.yaml", DETACHED)
    applied.write("manifests/other.yaml", OTHER.replace("type: S3", "type: S3\n  region: eu"))
    done = applied("plan", "--format", "json")
    assert done.code == 4
    plan = done.json
    (finding,) = (found for found in plan["diagnostics"] if found["rule"] == "GW508")
    assert "is to be detached from, and is protected: guardrails.protect says 'da*'" in finding["message"]
    assert (finding["file"], finding["path"]) == ("manifests/all.yaml", "/metadata/name")
    assert [held["name"] for held in plan["held"]] == ["data"]
    assert [op["name"] for op in plan["operations"]] == ["other"]
    assert applied("apply", "--yes").code == 4
    assert applied("apply", "--yes", "--keep-going").code == 7
    (repository,) = (op for op in applied("plan", "--format", "json").json["held"])
    assert repository["name"] == "data", "it is as it was"


@pytest.mark.parametrize(
    ("pattern", "held"),
    [("data", True), ("Repository/data", True), ("repository/*", True), ("*/d?ta", True), ("[a-d]ata", True), ("*", True),
     ("Bucket/data", False), ("dat", False), ("DATA", False), ("Data*", False)],
)  # fmt: skip
def test_a_pattern_is_of_names_or_of_kinds_and_names(pattern: str, held: bool, shell: Shell) -> None:
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    guarded(shell, pattern)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", DETACHED)
    assert shell("plan").code == (4 if held else 0)


def test_what_is_protected_is_not_pruned_and_nothing_that_is_said_deletes_it(applied: Shell) -> None:
    guarded(applied, "other")
    assert applied("apply", "--yes", *SEEN).code == 0
    (applied.folder / "manifests/other.yaml").unlink()
    done = applied("plan", "--prune")
    assert done.code == 4 and "is to be deleted, and is protected: guardrails.protect says 'other'" in done.out
    for more in ((), ("--accept", "Bucket/other"), ("--allow", "deletes=9", "--reason", "x")):
        assert applied("apply", "--prune", "--yes", *more).code in (4, 64)
    assert "other" in applied("export").out


def test_what_was_protected_when_it_was_applied_is_until_one_apply_has_said_otherwise(applied: Shell) -> None:
    applied.write("manifests/all.yaml", DETACHED)
    guarded(applied)
    refused = applied("apply", "--yes", *SEEN)
    assert refused.code == 4 and "GW508" in refused.out
    applied.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    assert applied("apply", "--yes", *SEEN).code == 0
    applied.write("manifests/all.yaml", DETACHED)
    assert applied("apply", "--yes").code == 0


def test_a_plan_that_was_saved_before_is_not_applied_to_what_is_protected_by_now(shell: Shell) -> None:
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    guarded(shell)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", DETACHED)
    assert shell("plan", "--out", "plan.json").code == 0
    guarded(shell, "Repository/*")
    done = shell("apply", "--plan", "plan.json", "--yes", *SEEN)
    assert done.code == 5 and "would detach from Repository data, which is protected" in done.err


def test_an_undo_leaves_what_is_protected(applied: Shell) -> None:
    done = applied("undo", "last", "--format", "json")
    left = {item["name"]: item["what"] for item in done.json["undoes"]["left"]}
    assert "GW508" in left["data"]
    assert [op["name"] for op in done.json["operations"] if op["action"] == "delete"] == ["other"]


# By their manifests: what holds on every store is in tests/records/test_held_back.py


def protecting(text: str, said: str) -> str:
    return text.replace("{name: data", f"{{protect: {said}, name: data")


@pytest.fixture
def protected(shell: Shell) -> Shell:
    """The same, and `data` is protected by its manifest."""
    shell.write("manifests/all.yaml", protecting(BUCKET + "---\n" + REPOSITORY, "true"))
    shell.write("manifests/other.yaml", OTHER)
    guarded(shell)
    assert shell("apply", "--yes").code == 0
    return shell


def test_every_view_says_what_is_protected_from_then_on_or_no_more(protected: Shell, fits: Any) -> None:
    protected.write("manifests/all.yaml", protecting(BUCKET + "---\n" + REPOSITORY, "false"))
    protected.write("manifests/other.yaml", PROTECTED)
    plan = protected("plan", "--format", "json").json
    fits(plan, "plan")
    assert [(p["kind"], p["name"], p["protect"]) for p in plan["protects"]] == [
        ("Bucket", "other", True), ("Repository", "data", False),
    ]  # fmt: skip
    assert plan["operations"] == [] and protected("plan", "--detailed-exitcode").code == 0
    for name in ("text", "markdown", "html"):
        told = protected("plan", "--format", name).out
        assert "Bucket default/other: protected" in told and "Repository default/data: not protected any more" in told
    done = protected("apply", "--yes")
    assert done.code == 0 and "remembered: Bucket default/other: protected" in done.out
    run = protected("history", "--format", "json").json["runs"][0]["run"]
    assert "remembered: Repository default/data: not protected any more" in protected("show", run).out
    assert "protects" not in protected("plan", "--format", "json").json
    applied = protected("why", "Bucket/other", "--format", "json").json["applied"]
    assert applied["protected"] and ", protected" in protected("why", "Bucket/other").out
    assert not protected("why", "Repository/data", "--format", "json").json["applied"]["protected"]


def test_what_is_created_adopted_or_taken_over_is_protected_at_once(shell: Shell) -> None:
    guarded(shell)
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    assert shell("--project", "gatectl.yaml", "apply", "--yes").code == 0
    assert shell("export").out.count("protect: true") == 0
    document = json.loads((shell.folder / "gatectl.yaml").read_text())
    document["spec"]["uid"] = "u-2"
    shell.write("gatectl.yaml", json.dumps(document))
    shell.write(
        "manifests/all.yaml",
        protecting(BUCKET + "---\n" + REPOSITORY, "true") + "---\n" + PROTECTED,
    )
    held = shell("plan", "--format", "json").json
    assert [p["name"] for p in held["protects"]] == ["other"], "what is somebody else's is not ours to protect"
    done = shell("apply", "--yes", "--take-over", "Repository/data", "--keep-going")
    assert done.code == 7, "the bucket is somebody else's still"
    exported = shell("export").out
    assert exported.count("protect: true") == 2
    shell.write("manifests/all.yaml", exported)
    assert "protects" not in shell("plan", "--format", "json").json


def test_what_a_held_change_says_is_remembered_when_the_rest_is_applied(protected: Shell) -> None:
    protected.write("manifests/all.yaml", protecting(DETACHED, "false"))
    assert protected("apply", "--yes").code == 4
    assert protected("apply", "--yes", "--keep-going").code == 4, "nothing is written to the platform"
    plan = protected("plan", "--format", "json").json
    assert [op["name"] for op in plan["operations"]] == ["data"] and "held" not in plan
    assert protected("apply", "--yes").code == 0


def test_a_manifest_that_protects_only_now_holds_its_own_detaching(shell: Shell) -> None:
    guarded(shell)
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", protecting(DETACHED, "true"))
    done = shell("plan", "--format", "json")
    assert [f["message"].partition("protected: ")[2] for f in done.json["diagnostics"]] == ["its manifest says so"]
    guarded(shell, "data")
    assert "guardrails.protect says 'data'" in shell("plan").out, "both hold"


def test_accepting_a_deletion_lifts_no_protection(protected: Shell) -> None:
    protected.write("manifests/all.yaml", BUCKET)
    refused = protected("apply", "--prune", "--accept", "Repository/data", "--yes")
    assert refused.code == 64
    protected.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY.replace("Exact", "Additive"))
    assert protected("apply", "--yes").code == 0
    protected.write("manifests/all.yaml", BUCKET)
    assert protected("apply", "--prune", "--yes").code == 4


def test_a_workspace_is_deleted_by_nobody_and_has_no_protection(shell: Shell) -> None:
    guarded(shell)
    shell.write(
        "manifests/all.yaml", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: lab, protect: true}\n"
    )
    assert "GW202" in shell("validate").out
    shell.write("manifests/all.yaml", protecting(REPOSITORY, "yes"))
    assert "GW203" in shell("validate").out


def test_a_plan_that_was_forged_says_no_other_thing_than_its_operations(protected: Shell) -> None:
    protected.write(
        "manifests/all.yaml", protecting(BUCKET + "---\n" + REPOSITORY.replace("Exact", "Additive"), "false")
    )
    protected.write(
        "manifests/other.yaml",
        PROTECTED.replace("type: S3", "type: S3\n  region: eu"),
    )
    assert protected("plan", "--out", "plan.json").code == 0
    plan = json.loads((protected.folder / "plan.json").read_text())
    (operation,) = plan["operations"]
    assert operation["protect"] is True
    plan["protects"][0]["protect"] = False
    plan = {**plan, "digest": plans.digest(plan)}
    protected.write("plan.json", json.dumps(plan))
    refused = protected("apply", "--plan", "plan.json", "--yes")
    assert refused.code == 1 and "protected, or not" in refused.err
