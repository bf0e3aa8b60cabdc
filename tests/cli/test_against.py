"""Against other branches, since a commit, against a snapshot: the options, their results, and their exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatectl import errors
from sites import assert_empty

REPOSITORY = """apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: {name}, labels: {{team: {name}}}}}
spec:
  endpointType: S3
  resources:
    - {{type: S3, bucket: {bucket}, folder: {name}}}
"""
BUCKET = """apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: {name}}}
spec:
  type: S3
  bucket: {name}
  region: {region}
  credentials: {{key: {{env: KEY}}, secret: {{env: SECRET}}}}
"""


@pytest.fixture
def checkout(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project in a checkout: two repositories with a bucket each, all committed on `main`."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b")
    shell.write("gatectl.yaml", json.dumps({
        "apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"},
        "spec": {"manifests": ["manifests"], "environments": {"default": {"platform": "embedded"}}},
    }))  # fmt: skip
    shell.write(".gitignore", ".gatectl/\n")
    for name in ("one", "two"):
        shell.write(f"manifests/{name}.yaml", REPOSITORY.format(name=name, bucket=f"{name}-b"))
        shell.write(f"manifests/{name}-b.yaml", BUCKET.format(name=f"{name}-b", region="eu"))
    git("init", "-q", "-b", "main")
    commit()
    return shell


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def commit() -> None:
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", "work")


def branch(shell: Any, name: str, file: str, text: str) -> None:
    git("checkout", "-q", "-b", name)
    shell.write(file, text)
    commit()
    git("checkout", "-q", "main")


def operations(result: Any) -> list[str]:
    return [f"{op['action']} {op['id']}" for op in result.json["operations"]]


# validate --against REF


def test_a_collision_with_another_branch_is_invalid_and_has_the_usual_shape(checkout: Any, fits: Any) -> None:
    branch(checkout, "feature-b", "manifests/b.yaml", REPOSITORY.format(name="new", bucket="b-b"))
    checkout.write("manifests/c.yaml", REPOSITORY.format(name="new", bucket="c-b"))
    assert checkout("validate").code == errors.DONE
    result = checkout("validate", "--against", "feature-b", "--format", "json")
    assert result.code == errors.INVALID
    fits(result.json, "findings")
    assert result.json["summary"] == {"files": 5, "manifests": 5, "errors": 1, "warnings": 0}, (
        "those of the working tree"
    )
    (finding,) = result.json["findings"]
    assert (finding["rule"], finding["file"], finding["line"]) == ("GW304", "manifests/c.yaml", 3)
    assert "branch feature-b" in finding["message"]
    assert (finding["related"][0]["file"], finding["related"][0]["line"]) == ("manifests/b.yaml", 3)
    assert "branch main and uncommitted changes with branch feature-b" in result.err


def test_the_lines_of_a_file_that_only_the_other_branch_has_are_shown(checkout: Any) -> None:
    branch(checkout, "feature-b", "manifests/b.yaml", REPOSITORY.format(name="new", bucket="b-b"))
    checkout.write("manifests/c.yaml", REPOSITORY.format(name="new", bucket="c-b"))
    result = checkout("validate", "--against", "feature-b")
    assert result.out.count("3 | metadata: {name: new") == 2


def test_a_merge_that_is_valid_is_done(checkout: Any) -> None:
    branch(checkout, "feature-b", "manifests/b.yaml", REPOSITORY.format(name="new", bucket="b-b"))
    result = checkout("validate", "--against", "feature-b", "--against", "main")
    assert (result.code, result.out) == (errors.DONE, "Valid: 4 manifests in 4 files.\n")


def test_only_the_paths_that_are_given_are_merged(checkout: Any) -> None:
    branch(checkout, "feature-b", "manifests/b.yaml", REPOSITORY.format(name="one", bucket="b-b"))
    assert checkout("validate", "--against", "feature-b").code == errors.INVALID
    assert checkout("validate", "manifests/one.yaml", "--against", "feature-b").code == errors.DONE


@pytest.mark.parametrize("arguments", [("-",), ("..",), ("--against", "unknown")])
def test_what_cannot_be_merged_is_wrong_usage(checkout: Any, arguments: tuple[str, ...]) -> None:
    result = checkout.process("validate", "--against", "main", *arguments, stdin="")
    assert result.code == errors.USAGE


def test_findings_come_before_what_git_cannot_do(checkout: Any) -> None:
    git("checkout", "-q", "--orphan", "unrelated")
    checkout.write("other.txt", "another root")
    commit()
    git("checkout", "-q", "main")
    assert checkout("validate", "--against", "unrelated").code == errors.FAILED
    checkout.write("manifests/bad.yaml", "a: [")
    result = checkout("validate", "--against", "unrelated")
    assert result.code == errors.INVALID
    assert "GW102" in result.out and "not checked as merged" in result.err
    assert checkout("plan", "--changed-since", "unrelated").code == errors.INVALID
    assert checkout("plan", "--against", "missing.json").code == errors.INVALID


def test_outside_a_checkout_it_is_wrong_usage(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(shell.folder.parent))
    assert shell.good()("validate", "--against", "main").code == errors.USAGE


# plan --changed-since REF


def test_a_plan_since_a_commit_is_of_what_changed_and_says_that_it_is_partial(checkout: Any, fits: Any) -> None:
    checkout.write("manifests/three.yaml", REPOSITORY.format(name="three", bucket="one-b"))
    result = checkout("plan", "--changed-since", "main", "--format", "json")
    fits(result.json, "plan")
    assert operations(result) == ["create bucket/default/one-b", "create repository/default/three"]
    assert result.json["selection"]["since"] == {
        "ref": "main", "commit": git("rev-parse", "main").strip(), "touched": 1, "of": 5, "removed": [],
    }  # fmt: skip
    text = checkout("plan", "--changed-since", "main").out
    assert "PARTIAL PLAN" in text.partition("+ create")[0] and "1 of 5 objects" in text


def test_repositories_that_attach_a_changed_bucket_are_touched(checkout: Any) -> None:
    assert checkout("apply", "--yes").code == errors.DONE
    checkout.write("manifests/one-b.yaml", BUCKET.format(name="one-b", region="us"))
    checkout.write(
        "manifests/one.yaml",
        REPOSITORY.format(name="one", bucket="one-b") + "    - {type: S3, bucket: two-b, folder: x}\n",
    )
    commit()
    checkout.write("manifests/one-b.yaml", BUCKET.format(name="one-b", region="ap"))
    result = checkout("plan", "--changed-since", "HEAD", "--format", "json")
    assert operations(result) == ["update bucket/default/one-b", "update repository/default/one"]
    assert result.json["selection"]["since"]["touched"] == 2


def test_repositories_that_attach_a_bucket_that_is_declared_no_more_are_touched(checkout: Any) -> None:
    assert checkout("apply", "--yes").code == errors.DONE
    (checkout.folder / "manifests/one-b.yaml").unlink()
    result = checkout("plan", "--changed-since", "main", "--format", "json").json
    assert (result["operations"], result["summary"]["unchanged"], result["selection"]["since"]["touched"]) == ([], 1, 1)
    assert [item["name"] for item in result["selection"]["since"]["removed"]] == ["one-b"]


def test_the_change_is_counted_from_where_the_branch_began(checkout: Any) -> None:
    git("checkout", "-q", "-b", "work")
    checkout.write("manifests/three.yaml", REPOSITORY.format(name="three", bucket="one-b"))
    commit()
    git("checkout", "-q", "main")
    checkout.write("manifests/two.yaml", REPOSITORY.format(name="two", bucket="one-b"))
    commit()
    git("checkout", "-q", "work")
    result = checkout("plan", "--changed-since", "main", "--format", "json")
    assert "create repository/default/two" not in operations(result)
    assert result.json["selection"]["since"]["commit"] == git("merge-base", "main", "work").strip()


def test_a_moved_file_and_a_comment_touch_nothing_and_that_is_said(checkout: Any) -> None:
    git("mv", "manifests/one.yaml", "manifests/moved.yaml")
    checkout.write("manifests/two.yaml", "# a comment\n" + REPOSITORY.format(name="two", bucket="two-b"))
    result = checkout("plan", "--changed-since", "main")
    assert result.code == errors.USAGE
    assert "no manifest says anything else than at" in result.err and "as the manifests say" not in result.out
    checkout.write("manifests/three.yaml", REPOSITORY.format(name="three", bucket="one-b"))
    assert checkout("plan", "--changed-since", "main").code == errors.DONE
    assert checkout("plan", "--changed-since", "main", "-l", "team=one").code == errors.USAGE, "it did not change"


def test_what_is_declared_no_more_is_named_and_not_deleted(checkout: Any) -> None:
    assert checkout("apply", "--yes").code == errors.DONE
    (checkout.folder / "manifests/one.yaml").unlink()
    result = checkout("plan", "--changed-since", "main", "--format", "json")
    assert_empty(result.json)
    assert result.json["selection"]["since"]["removed"] == [
        {"kind": "Repository", "workspace": "default", "name": "one"}
    ]
    assert "Repository default/one is declared no more" in checkout("plan", "--changed-since", "main").out


def test_it_goes_with_labels_by_intersection_and_not_with_prune(checkout: Any) -> None:
    for name in ("three", "four"):
        checkout.write(f"manifests/{name}.yaml", REPOSITORY.format(name=name, bucket="one-b"))
    result = checkout("plan", "--changed-since", "main", "-l", "team in (three, one)", "--format", "json")
    assert operations(result) == ["create bucket/default/one-b", "create repository/default/three"]
    assert checkout("plan", "--changed-since", "main", "--prune").code == errors.USAGE
    assert checkout("plan", "--changed-since", "unknown").code == errors.USAGE


def test_a_partial_plan_has_the_fingerprint_of_its_operations_and_its_own_digest(checkout: Any) -> None:
    checkout.write("manifests/three.yaml", REPOSITORY.format(name="three", bucket="one-b"))
    partial = checkout("plan", "--changed-since", "main", "--format", "json").json
    same = checkout("plan", "--target", "Repository/three", "--format", "json").json
    assert partial["fingerprint"] == same["fingerprint"] and partial["digest"] != same["digest"]


def test_a_saved_partial_plan_can_be_applied(checkout: Any) -> None:
    checkout.write("manifests/three.yaml", REPOSITORY.format(name="three", bucket="one-b"))
    assert checkout("plan", "--changed-since", "main", "--out", "plan.json").code == errors.DONE
    assert checkout("apply", "--plan", "plan.json", "--yes").code == errors.DONE


# plan --against SNAPSHOT


def test_a_plan_against_a_snapshot_has_the_fingerprint_of_the_platforms_own(checkout: Any, fits: Any) -> None:
    assert checkout("apply", "--yes").code == errors.DONE
    checkout.write("manifests/one-b.yaml", BUCKET.format(name="one-b", region="us"))
    direct = checkout("plan", "--format", "json").json
    assert checkout("snapshot", "--out", "snapshot.json").code == errors.DONE
    against = checkout("plan", "--against", "snapshot.json", "--format", "json").json
    fits(against, "plan")
    assert against["fingerprint"] == direct["fingerprint"] and against["target"] == direct["target"]
    assert set(against["snapshot"]) == {"takenAt", "digest"}
    assert "FROM A SNAPSHOT" in checkout("plan", "--against", "snapshot.json").out


def test_neither_platform_nor_credentials_are_needed(checkout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout("apply", "--yes")
    checkout("snapshot", "--out", "snapshot.json")
    shutil.rmtree(checkout.folder / ".gatectl")
    for name in ("KEY", "SECRET"):
        monkeypatch.delenv(name)
    result = checkout("plan", "--against", "snapshot.json", "--detailed-exitcode")
    assert result.code == errors.DONE
    assert "4 unchanged" in result.out


def test_a_snapshot_without_a_file_is_the_result(checkout: Any) -> None:
    assert checkout("snapshot").json["formatVersion"] == "1.1"
    assert checkout("snapshot", "--workspace", "nowhere").code == errors.USAGE


def test_a_plan_of_invalid_manifests_is_invalid_against_a_snapshot_too(checkout: Any) -> None:
    checkout("snapshot", "--out", "snapshot.json")
    checkout.write("manifests/bad.yaml", "a: [")
    assert checkout("plan", "--against", "snapshot.json").code == errors.INVALID


def test_two_platforms_are_one_too_many(checkout: Any) -> None:
    checkout("snapshot", "--out", "snapshot.json")
    assert checkout("plan", "--platform", "embedded", "--against", "snapshot.json").code == errors.USAGE


def test_a_snapshot_cannot_be_applied_to(checkout: Any) -> None:
    checkout("snapshot", "--out", "snapshot.json")
    result = checkout("apply", "--yes", "--platform", f"snapshot://{checkout.folder}/snapshot.json")
    assert result.code == errors.USAGE
    assert checkout("plan", "--against", "snapshot.json", "--out", "plan.json").code == errors.DONE
    assert checkout("apply", "--yes", "--plan", "plan.json").code == errors.DONE, "the plan is of the platform itself"


def test_a_changed_snapshot_is_an_input_error(checkout: Any, tmp_path: Path) -> None:
    checkout("snapshot", "--out", "snapshot.json")
    file = checkout.folder / "snapshot.json"
    file.write_text(file.read_text().replace('"default"', '"other"'))
    result = checkout("plan", "--against", "snapshot.json", "--format", "json")
    assert (result.code, result.json["error"]["code"]) == (errors.FAILED, "input")
    assert checkout("plan", "--against", "missing.json").code == errors.FAILED
