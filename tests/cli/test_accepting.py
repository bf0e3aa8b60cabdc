"""`--prune --accept`: what somebody has changed since it was applied is deleted where that is said; `--allow-empty`: also where no
manifest is left (product.md, section 6)."""

from __future__ import annotations

import json
import shutil
from typing import cast

import pytest

from gatectl.documents.plans import Plan, fingerprint, signed

from .conftest import BUCKET, REPOSITORY, Shell, project

PLATFORM = {"platform": "sqlite:///platform.db"}
OTHER = BUCKET.replace("raw-aws", "other-aws").replace("bucket: raw-events", "bucket: other-events")
THEIRS = {"records": "sqlite:///theirs.db", **PLATFORM}


@pytest.fixture
def changed(shell: Shell) -> Shell:
    """A bucket and a repository were applied, then somebody changed both, and their manifests are gone."""
    shell.write("gatectl.yaml", project(default=PLATFORM, other=THEIRS))
    shell.write("manifests/all.yaml", f"{OTHER}---\n{BUCKET}---\n{REPOSITORY}")
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", f"{BUCKET}  region: eu-west-3\n---\n{REPOSITORY}")
    assert shell("-e", "other", "apply", "--yes").code == 0
    shell.write("manifests/all.yaml", OTHER)
    return shell


def test_what_somebody_changed_is_deleted_where_that_is_accepted_and_shown_field_by_field(changed: Shell) -> None:
    held = changed("plan", "--prune")
    assert held.code == 4 and "--accept Bucket/raw-aws deletes it all the same" in held.out

    plan = changed("plan", "--prune", "--accept", "Bucket/raw-aws", "--out", "p.json", "--detailed-exitcode")
    assert plan.code == 3
    assert "Bucket default/raw-aws is deleted, which is accepted, and was changed since it was applied" in plan.out
    assert "/spec/region: applied nothing, live 'eu-west-3'" in plan.out
    saved = json.loads((changed.folder / "p.json").read_text())
    assert saved["accepted"] == [
        {
            "kind": "Bucket", "workspace": "default", "name": "raw-aws",
            "platformId": next(op["platformId"] for op in saved["operations"] if op["kind"] == "Bucket"),
            "changed": [{"path": "/spec/region", "applied": None, "live": "eu-west-3"}],
        }
    ]  # fmt: skip
    for shape in ("markdown", "html", "github", "sarif", "gitlab"):
        shown = changed("show", "p.json", "--format", shape)
        assert shown.code == 0 and "which is accepted" in shown.out, shape
    refused = changed("apply", "--yes", "--plan", "p.json", "--accept", "Bucket/raw-aws")
    assert refused.code == 64
    assert changed("apply", "--yes", "--plan", "p.json").code == 0
    assert changed("plan", "--prune", "--detailed-exitcode").code == 0


def test_an_approval_of_a_plan_is_one_of_what_it_accepts(changed: Shell) -> None:
    accepted = ("plan", "--prune", "--format", "json", "--accept", "Bucket/raw-aws")
    plan = json.loads(changed(*accepted).out)
    assert changed("apply", "--yes", "--prune", "--expect", plan["fingerprint"]).code == 4
    path = changed.folder / "p.json"
    forged = {**plan, "accepted": []}
    del forged["accepted"]
    assert fingerprint(cast("Plan", forged)) != plan["fingerprint"]
    path.write_text(json.dumps(signed(cast("Plan", forged))))
    refused = changed("apply", "--yes", "--plan", "p.json", "--expect", plan["fingerprint"])
    assert refused.code == 6 and "not the expected one" in refused.err
    kept = {**plan, "operations": [], "summary": {**plan["summary"], "delete": 0, "detach": 0}}
    path.write_text(json.dumps(signed(cast("Plan", kept))))
    assert "accepts the deletion of Bucket" in changed("show", "p.json").err
    done = changed("apply", "--yes", *accepted[1:2], *accepted[4:], "--expect", plan["fingerprint"])
    assert done.code == 0 and "which is accepted" in done.out


def test_what_is_accepted_counts_for_the_guardrails(changed: Shell) -> None:
    changed.write("gatectl.yaml", project(default={**PLATFORM, "guardrails": {"maxDeletes": 0}}, other=THEIRS))
    seen = ("--allow", "project", "--reason", "gone")
    refused = changed("apply", "--yes", "--prune", "--accept", "Bucket/raw-aws", *seen)
    assert refused.code == 5 and "delete 2 objects" in refused.err
    allowed = ("--allow", "deletes=2", *seen)
    assert changed("apply", "--yes", "--prune", "--accept", "Bucket/default/raw-aws", *allowed).code == 0


def test_a_name_that_nothing_is_held_for_is_wrong_usage(changed: Shell) -> None:
    near = changed("plan", "--prune", "--accept", "Bucket/raw-aw")
    assert near.code == 64 and "did you mean Bucket/raw-aws?" in near.err
    declared = changed("plan", "--prune", "--accept", "Bucket/other-aws")
    assert declared.code == 64 and "nothing of this name was to be deleted and is held" in declared.err
    unchanged = changed("plan", "--prune", "--accept", "Repository/data")
    assert unchanged.code == 64 and "held are: Bucket/default/raw-aws" in unchanged.err
    assert changed("plan", "--accept", "Bucket/raw-aws").code == 64, "it goes with --prune"
    assert changed("plan", "--prune", "--accept", "raw-aws").code == 64


def test_what_else_speaks_against_a_deletion_is_not_accepted(changed: Shell) -> None:
    accepted = ("--prune", "--accept", "Bucket/raw-aws")
    text = json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Bucket"})
    changed.write("manifests/more.json", text)
    held = changed("plan", *accepted)
    assert held.code == 4 and "the manifests were not read whole" in held.out and "is accepted" not in held.out
    (changed.folder / "manifests/more.json").unlink()
    theirs = REPOSITORY.replace("name: data", "name: theirs").replace(
        "bucket: raw-events", "bucket: raw-events, folder: x"
    )
    changed.write("manifests/all.yaml", f"{BUCKET}---\n{theirs}")
    assert changed("-e", "other", "apply", "--yes").code == 0
    changed.write("manifests/all.yaml", OTHER)
    used = changed("plan", *accepted)
    assert used.code == 4 and "is to be deleted, but repositories attach it: theirs" in used.out


# An environment without a manifest


@pytest.mark.parametrize("left", ["no folder", "an empty folder", "an empty document"])
def test_an_environment_without_a_manifest_is_pruned_only_where_that_is_said(shell: Shell, left: str) -> None:
    shell.write("gatectl.yaml", project(default=PLATFORM))
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}")
    assert shell("apply", "--yes").code == 0
    shutil.rmtree(shell.folder / "manifests")
    if left != "no folder":
        (shell.folder / "manifests").mkdir()
    if left == "an empty document":
        shell.write("manifests/all.yaml", "---\n")
    for command in (("plan", "--prune"), ("apply", "--yes", "--prune")):
        refused = shell(*command)
        assert refused.code == 4 and "--prune --allow-empty" in refused.out
    assert shell("plan", "--allow-empty").code == 64, "it goes with --prune"
    assert "--allow-empty" not in shell("plan").out

    plan = shell("plan", "--prune", "--allow-empty", "--detailed-exitcode")
    assert (
        plan.code == 3 and "2 to delete" in plan.out and "all that this project applied is declared no more" in plan.out
    )
    assert shell("apply", "--yes", "--prune", "--allow-empty").code == 0
    assert shell("plan", "--prune", "--allow-empty", "--detailed-exitcode").code == 0


def test_manifests_that_are_there_and_are_not_read_are_no_empty_environment(shell: Shell) -> None:
    shell.write("gatectl.yaml", project(default=PLATFORM))
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}")
    assert shell("apply", "--yes").code == 0
    shell.write("gatectl.yaml", project(default={**PLATFORM, "manifests": ["manifest"]}))
    held = shell("plan", "--prune", "--allow-empty")
    assert held.code == 4 and held.out.count("GW508") >= 2 and "is there and is not read" in held.out
    shell.write("gatectl.yaml", project(default=PLATFORM))
    shell.write("manifests/all.yaml", "kind: [\n")
    assert shell("plan", "--prune", "--allow-empty").code == 4


def test_once_all_that_is_owned_was_pruned_a_plan_that_prunes_is_empty(shell: Shell) -> None:
    """A workspace has no owner: where nothing else is declared, that nobody owns anything is no mistake."""
    lab = "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: lab}\n"
    shell.write("gatectl.yaml", project(default=PLATFORM))
    shell.write("manifests/all.yaml", f"{lab}---\n{BUCKET}")
    never = shell("plan", "--prune")
    assert never.code == 64 and "no record of that" in never.err
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", lab)
    pruned = shell("apply", "--prune", "--yes", "--allow", "deletes=1", "--allow", "changes=1", "--reason", "moved")
    assert pruned.code == 0, pruned.err
    again = shell("plan", "--prune", "--detailed-exitcode")
    assert again.code == 0, again.err
