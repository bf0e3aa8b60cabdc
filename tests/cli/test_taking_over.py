"""`--take-over`: what another environment owns is this one's from an apply on, and the other's no more (product.md, section 6)."""

from __future__ import annotations

import json

import pytest

from .conftest import BUCKET, REPOSITORY, Shell, project

PLATFORM = {"platform": "sqlite:///platform.db"}


@pytest.fixture
def two(shell: Shell) -> Shell:
    """Two environments of one platform; `default` has applied a bucket and a repository."""
    shell.write("gatectl.yaml", project(default=PLATFORM, other=PLATFORM))
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}")
    assert shell("apply", "--yes").code == 0
    return shell


def test_what_another_environment_owns_is_taken_over_by_name_with_an_apply_that_writes_nothing(two: Shell) -> None:
    refused = two("-e", "other", "plan")
    assert refused.code == 4 and refused.out.count("GW507:") == 2
    assert "--take-over Repository/data takes it over" in refused.out
    assert two("-e", "other", "apply", "--yes").code == 4

    one = two("-e", "other", "plan", "--take-over", "Repository/data")
    assert one.code == 4 and "error GW507: Bucket default/" in one.out
    assert "! Repository default/data from acme, environment default" in one.out

    asked = two("-e", "other", "plan", "--take-over", "all", "--out", "p.json", "--detailed-exitcode")
    assert asked.code == 0 and "Takes over 2 live objects that belong to somebody else:" in asked.out
    plan = json.loads((two.folder / "p.json").read_text())
    assert [(each["kind"], each["from"]["environment"]) for each in plan["takeOver"]] == [
        ("Bucket", "default"),
        ("Repository", "default"),
    ]
    assert plan["operations"] == plan["adopts"] == []
    applied = two("-e", "other", "apply", "--yes", "--plan", "p.json")
    assert applied.code == 0 and "taken over: Repository default/data from acme, environment default" in applied.out

    again = two("-e", "other", "plan", "--take-over", "all", "--format", "json")
    assert again.code == 0 and "takeOver" not in json.loads(again.out)
    first = two("plan")
    assert first.code == 4 and first.out.count("GW507:") == 2 and "belongs to acme, environment other" in first.out
    history = two("-e", "other", "history")
    assert "take over 2" in history.out


def test_what_is_taken_over_and_changed_is_one_update_and_the_others_no_more(two: Shell) -> None:
    two.write("manifests/all.yaml", f"{BUCKET}  region: eu-west-3\n---\n{REPOSITORY}")
    applied = two("-e", "other", "apply", "--yes", "--take-over", "all")
    assert applied.code == 0 and "taken over from its owner; differs from its manifest" in applied.out
    assert two("-e", "other", "plan", "--detailed-exitcode").code == 0
    assert two("plan").out.count("GW507:") == 2


def test_a_saved_plan_does_not_take_an_object_from_whoever_has_it_by_now(two: Shell) -> None:
    two.write("gatectl.yaml", project(default=PLATFORM, other=PLATFORM, third=PLATFORM))
    assert two("-e", "other", "plan", "--take-over", "all", "--out", "p.json").code == 0
    assert two("-e", "third", "apply", "--yes", "--take-over", "all").code == 0
    stale = two("-e", "other", "apply", "--yes", "--plan", "p.json")
    assert stale.code == 6 and "belongs to acme, environment third" in stale.err
    assert two("-e", "third", "plan", "--detailed-exitcode").code == 0


def test_what_nobody_declares_cannot_be_named_and_a_saved_plan_is_as_it_was_reviewed(two: Shell) -> None:
    assert two("-e", "other", "plan", "--take-over", "Repository/ordres").code == 64
    assert two("-e", "other", "plan", "--take-over", "everything").code == 64
    assert two("-e", "other", "apply", "--yes", "--plan", "p.json", "--take-over", "all").code == 64


@pytest.mark.parametrize("words", [["--prune"], ["--take-over", "all"]])
def test_in_the_name_of_an_environment_nothing_of_another_platform_is_taken_or_deleted(
    two: Shell, words: list[str]
) -> None:
    refused = two("--platform", "sqlite:///elsewhere.db", "plan", *words)
    assert refused.code == 64 and "is for the platform of environment default" in refused.err
    assert two("--platform", "sqlite:///elsewhere.db", "plan").code == 0
    assert two("--platform", PLATFORM["platform"], "plan", *words).code == 0, "it names the same"
