"""`--prune` deletes nothing where manifests are there and were not read (product.md, section 6)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gatectl.clock import NEVER
from gatectl.manifests.wholeness import left_out
from gatectl.project import Patterns, Project
from sites import Site, brief, repository

WHO = {f"GIT_{who}_{what}": "x@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "protocol.file.allow=always", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, **WHO})


def project(folder: Path, *exclude: str) -> Project:
    patterns = (Patterns(folder, exclude),) if exclude else ()
    return Project(folder, folder / "gatectl.yaml", "site", (".",), {}, {}, patterns)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout with manifests of two teams, and hidden files."""
    folder = tmp_path / "top"
    for name in ("team-a/a.yaml", "team-b/b1.yaml", "team-b/b2.yml", ".ci/job.yaml", "docs/readme.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    git(tmp_path, "init", "-q", "top")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "1")
    return folder


def test_what_a_sparse_checkout_leaves_out_is_named_and_nothing_else_is(top: Path) -> None:
    assert left_out(project(top), [top], NEVER) is None
    git(top, "sparse-checkout", "set", "team-a")
    assert left_out(project(top), [top], NEVER) == "git has left out team-b/b1.yaml and 1 more"
    assert left_out(project(top, "team-b/**"), [top], NEVER) is None
    assert left_out(project(top), [top / "team-a"], NEVER) is None
    git(top, "sparse-checkout", "set", "team-a", "team-b")
    assert left_out(project(top), [top], NEVER) is None, "docs and a dot folder are no manifests"


def test_a_file_that_was_deleted_is_not_left_out(top: Path) -> None:
    (top / "team-b" / "b1.yaml").unlink()
    assert left_out(project(top), [top], NEVER) is None


def test_a_submodule_that_was_not_fetched_is_named(top: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "top", "other")
    git(tmp_path / "other", "submodule", "--quiet", "add", str(top), "shared")
    git(tmp_path / "other", "commit", "-qm", "2")
    assert left_out(project(tmp_path / "other"), [tmp_path / "other"], NEVER) is None
    git(tmp_path, "clone", "-q", "other", "bare")
    assert left_out(project(tmp_path / "bare"), [tmp_path / "bare"], NEVER) == "git has left out shared"


def test_outside_of_git_nothing_is_left_out(tmp_path: Path) -> None:
    assert left_out(project(tmp_path), [tmp_path], NEVER) is None


def test_prune_in_a_sparse_checkout_deletes_nothing_and_says_why(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.manifests(files={"a/a.yaml": [repository("a")], "b/b.yaml": [repository("b")]})
    assert site.apply().converged
    git(tmp_path, "init", "-q", ".")
    git(tmp_path, "add", "manifests")
    git(tmp_path, "commit", "-qm", "1")
    git(tmp_path, "sparse-checkout", "set", "manifests/a")
    plan = site.plan(prune=True)
    assert brief(plan) == []
    assert [(item["name"], item["action"], item["reason"]) for item in plan["held"]] == [("b", "delete", "GW508")]
    (found,) = plan["diagnostics"]
    assert found["rule"] == "GW508" and "git has left out manifests/b/b.yaml" in found["message"]


def test_prune_deletes_nothing_beside_a_manifest_that_is_not_read_because_of_its_name(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.manifests(files={"a.yaml": [repository("a")], "b.yaml": [repository("b")]})
    assert site.apply().converged
    (tmp_path / "manifests" / "b.yaml").rename(tmp_path / "manifests" / "b.json")
    plan = site.plan(prune=True)
    assert brief(plan) == [] and [item["name"] for item in plan["held"]] == ["b"]
    assert "b.json is a manifest by what it says (GW108)" in plan["diagnostics"][-1]["message"]
