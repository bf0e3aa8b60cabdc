"""Why an object is as it is: where it is declared, who applied it last, what is live, what decided, and what it waits for."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from typing import Any

import pytest

import gatectl as library
from cli.conftest import BUCKET, REPOSITORY, Shell, fits, project, shell
from gatectl.errors import UsageError
from records.test_lock import put

__all__ = ["fits", "shell"]  # pytest finds the fixtures here


@pytest.fixture
def applied(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A project whose manifests were applied by Ann."""
    monkeypatch.setenv("LOGNAME", "ann")
    shell.good()
    assert shell("apply", "--yes").code == 0
    return shell


def why(shell: Shell, *words: str, code: int = 0) -> dict[str, Any]:
    found = shell("why", *words, "--format", "json")
    assert found.code == code, found.err
    told: dict[str, Any] = found.json
    return told


def row(told: dict[str, Any], path: str) -> dict[str, Any]:
    (found,) = [each for each in told["fields"] if each["path"] == path]
    return dict(found)


def change_live(shell: Shell, statement: str) -> None:
    """Somebody else is at the platform."""
    with closing(sqlite3.connect(shell.folder / ".gatectl/platform.db")) as database, database:
        assert database.execute(statement).rowcount == 1


def test_it_says_where_an_object_is_declared_and_who_applied_it_when(applied: Shell, fits: Any) -> None:
    told = why(applied, "Repository/data")
    fits(told, "why")
    (run,) = applied("history", "--format", "json").json["runs"]
    assert told["declared"]["source"] == {"file": "manifests/all.yaml", "line": 9, "column": 1}
    last = told["applied"]
    assert (last["run"], last["by"]["user"], last["ours"], last["remembered"]) == (run["run"], "ann", True, True)
    assert told["plan"] == {"action": None, "reason": "the platform is as its manifest says", "risk": None}
    assert told["waits"] == [] and told["read"] and all(each["whose"] is None for each in told["fields"])


def test_each_field_says_what_decides(applied: Shell) -> None:
    told = why(applied, "repository/default/data")
    by = {each["path"]: each["decided"]["by"] for each in told["fields"]}
    assert by["/spec/endpointType"] == "manifest" and row(told, "/spec/endpointType")["decided"]["source"]["line"] == 13
    assert (by["/spec/mode"], by["/metadata/workspace"], by["/spec/attachmentPolicy"]) == (
        "default",
        "platform",
        "manifest",
    )
    (path,) = [path for path in by if path.startswith("/spec/resources/")]
    assert row(told, path) == {
        "path": path, "declared": "attached", "applied": "attached", "live": "attached", "whose": None,
        "decided": {
            "by": "manifest", "words": "its manifest lists it", "rule": None,
            "source": {"file": "manifests/all.yaml", "line": 16, "column": 7},
        },
    }  # fmt: skip
    told = why(applied, "Bucket/raw-aws")
    assert row(told, "/spec/region")["decided"]["by"] == "platform" and row(told, "/spec/region")["declared"] is None
    applied.write("gatectl.yaml", project(default={"platform": "embedded", "workspace": "default"}))
    assert row(why(applied, "Bucket/raw-aws"), "/metadata/workspace")["decided"]["by"] == "environment"


@pytest.mark.parametrize(
    ("declared", "live", "whose"), [("b", None, "ours"), (None, "b", "theirs"), ("b", "c", "both")]
)
def test_a_field_that_differs_says_whose_change_it_is(
    shell: Shell, declared: str | None, live: str | None, whose: str
) -> None:
    shell.good()
    manifest = BUCKET.replace("bucket: raw-events\n", "bucket: raw-events\n  region: REGION\n")
    shell.write("manifests/all.yaml", manifest.replace("REGION", "a"))
    assert shell("apply", "--yes").code == 0
    if declared is not None:
        shell.write("manifests/all.yaml", manifest.replace("REGION", declared))
    if live is not None:
        change_live(shell, f"UPDATE buckets SET region = '{live}'")
    told = why(shell, "Bucket/raw-aws", "region")
    (only,) = told["fields"]
    assert (only["declared"], only["applied"], only["live"]) == (declared or "a", "a", live or "a")
    assert only["whose"] == whose and told["plan"]["action"] == "update"
    assert f"({whose})" in shell("why", "Bucket/raw-aws", "spec.region").out


def test_what_a_manifest_does_not_list_is_kept_or_detached_by_the_policy(applied: Shell) -> None:
    bare = REPOSITORY.replace("    - {type: S3, bucket: raw-events}\n", "").replace("resources:", "resources: []")
    applied.write("manifests/all.yaml", f"{BUCKET}---\n{bare}")
    (only,) = why(applied, "Repository/data", "resources")["fields"]
    assert (only["declared"], only["live"], only["whose"]) == (None, "attached", "ours")
    assert only["decided"]["by"] == "policy" and "Exact: detached" in only["decided"]["words"]
    applied.write("manifests/all.yaml", f"{BUCKET}---\n{bare}".replace("Exact", "Additive"))
    (only,) = why(applied, "Repository/data", "S3:raw-events")["fields"]
    assert only["decided"]["by"] == "policy" and only["decided"]["words"].endswith("kept")


def test_what_holds_it_is_told_with_its_rule_and_place(applied: Shell) -> None:
    applied.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}".replace("endpointType: S3", "endpointType: GCS"))
    told = why(applied, "Repository/data")
    (wait,) = told["waits"]
    assert (wait["on"], wait["rule"], wait["source"]["line"]) == ("finding", "GW505", 13)
    assert row(told, "/spec/endpointType")["decided"]["rule"] == "GW505"
    shown = applied("why", "Repository/data").out
    assert "waits for finding GW505: " in shown and "rule GW505" in shown


def test_an_open_guardrail_is_what_it_waits_for(applied: Shell) -> None:
    default = {"platform": "embedded", "guardrails": {"maxDetaches": 0}}
    applied.write("gatectl.yaml", project(default=default))
    assert applied("apply", "--yes", "--allow", "project", "--reason", "seen").code == 0
    applied.write(
        "manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}".replace("    - {type: S3, bucket: raw-events}", "    []")
    )
    (wait,) = why(applied, "Repository/data")["waits"]
    assert wait["on"] == "guardrail" and "allows 0" in wait["message"]
    assert why(applied, "Bucket/raw-aws")["waits"] == [], "nothing is to be done with it"


def test_an_apply_under_way_is_what_it_waits_for(applied: Shell) -> None:
    with closing(sqlite3.connect(applied.folder / ".gatectl/platform.db")) as database:
        (workspace,) = database.execute("SELECT workspace_id FROM buckets").fetchone()
    put(applied, workspace)
    (wait,) = why(applied, "Bucket/raw-aws")["waits"]
    assert wait["on"] == "lease" and wait["message"].startswith("ann@desk applies in workspace default since")


def test_manifests_with_errors_tell_what_is_declared_and_the_platform_is_not_asked(applied: Shell) -> None:
    applied.write("manifests/broken.yaml", "kind: nonsense")
    told = why(applied, "Repository/data", code=4)
    assert not told["read"] and told["platformId"] is None and told["declared"]["source"]["line"] == 9
    (wait,) = told["waits"]
    assert wait["message"] == "nothing is planned: other manifests have 2 errors"
    assert "not asked for" in applied("why", "Repository/data").out


def test_what_is_not_declared_says_so(applied: Shell, tmp_path: Any) -> None:
    applied.write("manifests/all.yaml", BUCKET)
    told = why(applied, "Repository/data")
    assert told["declared"] is None and "stays until --prune" in told["plan"]["reason"]
    assert {each["decided"]["by"] for each in told["fields"]} == {"nobody"}
    change_live(applied, "DELETE FROM owned WHERE kind = 'Repository'")
    assert why(applied, "Repository/data")["plan"]["reason"] == "no manifest declares it, so it is left as it is"


def test_a_name_or_a_field_that_is_not_there_is_answered_with_what_was_meant(applied: Shell) -> None:
    for words, hint in (
        (("Repository/dta",), "did you mean Repository/data?"),
        (("Bucket/raw",), "did you mean Bucket/raw-aws?"),
        (("Reposittory/data",), "Repository/data"),
        (("Workspace/nowhere",), "Workspace/default"),
        (("Bucket/raw-aws", "regoin"), "did you mean region?"),
        (("Bucket/raw-aws", "spec.nothing-like-it"), "there is: workspace, name, type"),
    ):
        found = applied("why", *words)
        assert found.code == 64 and hint in found.err, (words, found.err)


def test_the_commit_that_declares_it_is_told(applied: Shell) -> None:
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=applied.folder, check=True, capture_output=True, timeout=60)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=applied.folder, text=True, timeout=60).strip()
    told = why(applied, "Repository/data")
    assert (told["declared"]["commit"], told["declared"]["dirty"]) == (commit, False)
    assert f"at {commit[:12]}" in applied("why", "Repository/data").out


def test_names_of_others_are_one_line_each(applied: Shell) -> None:
    change_live(applied, "UPDATE buckets SET region = 'a' || char(10) || char(27) || '[31m::error::x'")
    told = applied("why", "Bucket/raw-aws").out
    assert "\x1b" not in told and "\n::error" not in told


def test_the_library_answers_the_same() -> None:
    files = {"all.yaml": BUCKET}
    with library.open(files, environ={"KEY": "AKIA", "SECRET": "hush"}) as estate:
        assert estate.apply().converged
        told = estate.why("Bucket/raw-aws", "bucket")
        assert [each["live"] for each in told["fields"]] == ["raw-events"]
        with pytest.raises(UsageError, match="Bucket/none"):
            estate.why("Bucket/none")


def test_drift_lists_what_is_ours_and_no_manifest_declares_any_more(applied: Shell) -> None:
    applied.write("manifests/all.yaml", BUCKET)
    found = applied("drift", "--format", "json", "--detailed-exitcode")
    assert found.code == 0
    (only,) = found.json["differences"]
    assert (only["name"], only["path"], only["whose"], only["live"]) == ("data", "", "ours", "there")
    assert "is declared no more" in applied("drift").out
    assert applied("drift", "--target", "Bucket/raw-aws", "--format", "json").json["differences"] == []
    change_live(applied, "UPDATE repositories SET mode = 'MIRROR'")
    (only,) = applied("drift", "--format", "json").json["differences"]
    assert only["whose"] == "both"


def test_drift_and_why_read_what_is_remembered_once(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    with closing(sqlite3.connect(":memory:")):
        real = sqlite3.connect

        def traced(*arguments: Any, **how: Any) -> sqlite3.Connection:
            connection = real(*arguments, **how)
            connection.set_trace_callback(asked.append)
            return connection

        monkeypatch.setattr(sqlite3, "connect", traced)
        for words in (["drift"], ["why", "Bucket/raw-aws"]):
            asked.clear()
            assert applied(*words).code == 0
            assert sum("FROM owned" in text and "object_id" in text and "typeof" not in text for text in asked) == 1, (
                words
            )
