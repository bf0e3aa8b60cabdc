"""What no apply deletes or detaches from, as guardrails say it from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import BUCKET, REPOSITORY, Shell, project

DETACHED = BUCKET + "---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []")
OTHER = BUCKET.replace("raw-aws", "other").replace("raw-events", "other-events")
SEEN = ("--allow", "project", "--reason", "seen")


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
