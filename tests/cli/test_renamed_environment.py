"""`renamedFrom` in an environment, and a `uid` that a project gains: what was owned under the former name is moved by the first apply,
which says so (product.md, section 6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import BUCKET, REPOSITORY, Shell, project

PLATFORM = {"platform": "sqlite:///platform.db"}
NOW = {**PLATFORM, "renamedFrom": "live"}


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """An environment `live` has applied a bucket and a repository, and is called `prod` now."""
    shell.write("gatectl.yaml", project(live=PLATFORM))
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}")
    assert shell("-e", "live", "apply", "--yes").code == 0
    shell.write("gatectl.yaml", project(prod=NOW))
    return shell


def test_without_it_another_environment_owns_all(applied: Shell) -> None:
    applied.write("gatectl.yaml", project(prod=PLATFORM))
    assert applied("-e", "prod", "plan").out.count("GW507:") == 2


def test_the_first_apply_moves_what_it_owned_and_says_so(applied: Shell, fits: Any) -> None:
    plan = applied("-e", "prod", "plan", "--out", "p.json", "--detailed-exitcode")
    assert plan.code == 0 and "2 objects of acme, environment live" in plan.out
    saved = json.loads((applied.folder / "p.json").read_text())
    fits(saved, "plan")
    assert [(each["from"]["environment"], each["objects"]) for each in saved["moves"]] == [("live", 2)]
    for shape in ("markdown", "html"):
        assert "2 objects of acme, environment live" in applied("show", "p.json", "--format", shape).out
    done = applied("-e", "prod", "apply", "--yes", "--plan", "p.json")
    assert done.code == 0 and "moved: 2 objects of acme, environment live" in done.out
    again = applied("-e", "prod", "plan", "--format", "json").json
    assert "moves" not in again and again["operations"] == again["adopts"] == []
    applied.write("gatectl.yaml", project(prod=PLATFORM, live=PLATFORM))
    assert applied("-e", "prod", "plan", "--detailed-exitcode").code == 0, "it is prod's without that word too"
    assert applied("-e", "live", "plan").out.count("GW507:") == 2


def test_what_changes_in_the_same_apply_is_remembered_as_it_is_then(applied: Shell) -> None:
    applied.write("manifests/all.yaml", f"{BUCKET}  region: eu-west-3\n---\n{REPOSITORY}")
    assert applied("-e", "prod", "apply", "--yes").code == 0
    applied.write("manifests/all.yaml", BUCKET.replace("raw", "other"))
    pruned = applied("-e", "prod", "plan", "--prune", "--format", "json").json
    assert pruned["summary"]["delete"] == 2, pruned["diagnostics"]


def test_what_was_owned_under_the_former_name_is_pruned(applied: Shell) -> None:
    applied.write("manifests/all.yaml", BUCKET)
    assert applied("-e", "prod", "apply", "--yes", "--prune").code == 0
    applied.write("gatectl.yaml", project(prod=PLATFORM))
    assert applied("-e", "prod", "plan", "--prune", "--detailed-exitcode").code == 0


def test_a_project_that_gains_a_uid_keeps_what_it_owned(applied: Shell) -> None:
    text = json.loads(project(prod=NOW))
    text["spec"]["uid"] = "0b9f3c1e-8a52-4d57-9a3e-3d2f5c6b7a81"
    applied.write("gatectl.yaml", json.dumps(text))
    done = applied("-e", "prod", "apply", "--yes")
    assert done.code == 0 and "moved: 2 objects of acme, environment live" in done.out
    text["metadata"]["name"] = "another"
    applied.write("gatectl.yaml", json.dumps(text))
    assert applied("-e", "prod", "plan", "--detailed-exitcode").code == 0, "it goes by the uid"


def test_an_environment_of_the_former_name_may_not_be_beside_it(applied: Shell) -> None:
    applied.write("gatectl.yaml", project(prod=NOW, live=PLATFORM))
    beside = applied("-e", "prod", "plan")
    assert (
        beside.code == 4 and "'prod' is renamed from 'live', and there is one of that name" in beside.out + beside.err
    )
    applied.write("gatectl.yaml", project(prod=NOW, stage=NOW))
    twice = applied("-e", "prod", "plan")
    assert twice.code == 4 and "'stage' is renamed from 'live', and so is 'prod'" in twice.out + twice.err
