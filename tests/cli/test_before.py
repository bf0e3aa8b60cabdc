"""What was applied last holds: its project file, and that its commit comes before what is applied now."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

import gatectl
from gatectl.documents.plans import digest
from gatectl.errors import GuardrailRefused
from gatectl.render import FORMATS

from .conftest import BUCKET, REPOSITORY, SEEN, Shell, project

DETACHED = BUCKET + "---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []")


def git(shell: Shell, *words: str, folder: str = ".") -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always", *words],
        cwd=shell.folder / folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(shell: Shell, message: str = "x") -> str:
    git(shell, "add", "-A")
    git(shell, "commit", "-qm", message, "--allow-empty")
    return git(shell, "rev-parse", "HEAD")


def say(shell: Shell, spec: dict[str, Any] | None = None, **environment: Any) -> None:
    document = json.loads(project(default={"platform": "embedded", **environment}))
    document["spec"] |= {"uid": "u-1", **(spec or {})}
    shell.write("gatectl.yaml", json.dumps(document))


# The project file of the last apply


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """A guarded project that was applied, outside of git."""
    shell.good()
    say(shell, guardrails={"maxDetaches": 0, "maxChanges": "50%"})
    assert shell("apply", "--yes").code == 0
    return shell


def test_a_guardrail_that_was_applied_holds_though_the_project_file_lifts_it(applied: Shell) -> None:
    applied.write("manifests/all.yaml", DETACHED)
    say(applied, guardrails={"maxDetaches": 9})
    planned = applied("plan", "--format", "json").json
    (run,) = applied("history", "--format", "json").json["runs"]
    assert planned["projectChanges"] == {
        "since": f"run {run['run']}", "fields": ["environments.default.guardrails"], "lines": {"environments.default.guardrails": 1},
    }  # fmt: skip
    assert [each["allows"] for each in planned["guardrails"]["limits"]] == [0, 1], "the stricter of both"
    assert applied("apply", "--yes").code == 5
    done = applied("apply", "--yes", *SEEN)
    assert done.code == 5 and "would detach 1 attachment, and environment 'default' allows 0" in done.err
    assert applied("apply", "--yes", *SEEN, "--allow", "detaches=1").code == 0
    applied.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    assert applied("apply", "--yes").code == 0, "what was allowed is what was applied last"


def test_a_project_file_that_is_written_otherwise_and_says_the_same_is_no_change(applied: Shell) -> None:
    text = json.loads((applied.folder / "gatectl.yaml").read_text())
    text["spec"]["environments"]["other"] = {"platform": "https://elsewhere.example"}
    text["spec"]["environments"]["default"]["consistency"] = "3s"
    applied.write("gatectl.yaml", "# a comment\n" + json.dumps(text, indent=2))
    assert "projectChanges" not in applied("plan", "-e", "default", "--format", "json").json
    assert applied("apply", "-e", "default", "--yes").code == 0


def test_a_run_that_applied_nothing_lifts_nothing(applied: Shell) -> None:
    say(applied, guardrails={})
    assert applied("apply", "--yes").code == 5
    assert "guardrails" in applied("plan", "--format", "json").json["projectChanges"]["fields"][0]


@pytest.mark.parametrize(
    ("spec", "rule"), [({"exclude": ["new.yaml"]}, "GW107"), ({"rules": {"GW307": "off"}}, "GW307")]
)
def test_what_was_checked_when_it_was_applied_is_checked_still(spec: dict[str, Any], rule: str, shell: Shell) -> None:
    shell.good()
    say(shell, {"rules": {"GW307": "error"}})
    assert shell("apply", "--yes").code == 0
    other = BUCKET.replace("name: raw-aws", "name: other").replace("type: S3", "type: GCS")
    shell.write("manifests/new.yaml", "kind: Nonsense" if rule == "GW107" else other)
    say(shell, {"rules": {"GW307": "error"}, **spec})
    done = shell("plan")
    assert done.code == 4 and rule in done.out and "THE PROJECT FILE CHANGED" in done.out
    assert shell("apply", "--yes", *SEEN).code == 0, "an operator has looked at the change"


def test_a_commit_that_is_named_says_what_changed_and_what_was_applied_last_holds_all_the_same(shell: Shell) -> None:
    shell.good()
    shell.write(".gitignore", ".gatectl/\n")
    say(shell, guardrails={"maxDetaches": 0})
    git(shell, "init", "-q")
    commit(shell)
    assert shell("apply", "--yes").code == 0
    say(shell, guardrails={"maxDetaches": 5})
    shell.write("manifests/all.yaml", DETACHED)
    later = commit(shell)
    planned = shell("plan", "--guardrails-from", later, "--format", "json").json
    assert planned["guardrails"]["limits"][0]["allows"] == 0
    assert shell("apply", "--yes", "--guardrails-from", later).code == 5


def test_a_library_is_held_to_what_was_applied_last(applied: Shell) -> None:
    applied.write("manifests/all.yaml", DETACHED)
    say(applied, guardrails={})
    with gatectl.open(applied.folder, environment="default") as estate:
        plan = estate.plan()
        for words in ((), ("project",), ("detaches=1",)):
            with pytest.raises(GuardrailRefused):
                estate.apply(plan, allow=words, reason="seen" if words else None)
        assert estate.apply(plan, allow=("project", "detaches=1"), reason="seen").converged


def test_passwords_are_not_kept_with_a_run(shell: Shell) -> None:
    shell.good()
    say(shell)
    assert shell("apply", "--yes", "--receipt", "r.json").code == 0
    kept = json.loads((shell.folder / "r.json").read_text())["projectFile"]
    assert kept == {"uid": "u-1", "manifests": ["manifests"], "environments": {"default": {"platform": "embedded"}}}


# The commit of the last apply


@pytest.fixture
def two(shell: Shell) -> tuple[str, str]:
    """Two commits, the second of which attaches a bucket and was applied; the first is checked out."""
    shell.write(".gitignore", ".gatectl/\n*.json\n")
    shell.write("manifests/all.yaml", DETACHED)
    say(shell)
    git(shell, "init", "-q")
    git(shell, "remote", "add", "origin", f"file://{shell.folder}")  # a clone of it is applied from the same place
    first = commit(shell, "first")
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY)
    second = commit(shell, "second")
    assert shell("apply", "--yes").code == 0
    git(shell, "checkout", "-q", first)
    return first, second


def test_an_older_commit_that_detaches_is_not_applied_unless_an_operator_says_so(
    shell: Shell, two: tuple[str, str]
) -> None:
    planned = shell("plan", "--format", "json").json
    assert (planned["older"]["commit"], planned["older"]["known"]) == (two[1], True)
    done = shell("apply", "--yes")
    assert done.code == 5
    assert f"commit {two[1][:12]}, which was applied last" in done.err and "--allow older" in done.err
    assert shell("apply", "--yes", "--allow", "detaches=9", "--reason", "x").code == 5
    assert shell("apply", "--yes", "--allow", "older", "--reason", "back on purpose").code == 0
    git(shell, "checkout", "-q", two[1])
    assert "older" not in shell("plan", "--format", "json").json, "now the older one was applied last"


@pytest.mark.parametrize("format_name", FORMATS["plan"])
def test_every_view_says_that_a_plan_is_older(format_name: str, shell: Shell, two: tuple[str, str]) -> None:
    out = shell("plan", "--format", format_name).out
    assert two[1][:12] in out
    if format_name != "json":
        assert "is not in the history of the checkout" in out and "--allow older" in out


def test_an_older_commit_that_destroys_nothing_is_as_good_as_any(shell: Shell, two: tuple[str, str]) -> None:
    shell.write("manifests/all.yaml", BUCKET + "---\n" + REPOSITORY + "---\n" + BUCKET.replace("raw", "more"))
    assert "older" not in shell("plan", "--format", "json").json
    assert shell("apply", "--yes").code == 0


def test_a_branch_that_comes_after_it_is_not_older(shell: Shell, two: tuple[str, str]) -> None:
    git(shell, "checkout", "-q", "-b", "later", two[1])
    shell.write("manifests/all.yaml", DETACHED)
    commit(shell)
    assert "older" not in shell("plan", "--format", "json").json
    assert shell("apply", "--yes").code == 0


def test_a_shallow_clone_cannot_tell_and_says_so(shell: Shell, two: tuple[str, str]) -> None:
    git(shell, "checkout", "-q", "-b", "later", two[1])
    shell.write("manifests/all.yaml", DETACHED)
    commit(shell)
    commit(shell)
    git(shell, "clone", "-q", "--depth", "1", f"file://{shell.folder}", "shallow")
    (shell.folder / "shallow/.gatectl").symlink_to(shell.folder / ".gatectl")
    options = ("--project", "shallow/gatectl.yaml", "--platform", f"sqlite:///{shell.folder}/.gatectl/platform.db")
    planned = shell(*options, "plan", "--format", "json").json
    assert planned["older"] == {"commit": two[1], "run": planned["older"]["run"], "known": False}
    done = shell(*options, "apply", "--yes")
    assert done.code == 5 and "cannot be found in the history of the checkout" in done.err
    git(shell, "fetch", "-q", "--unshallow", folder="shallow")
    assert "older" not in shell(*options, "plan", "--format", "json").json


def test_a_saved_plan_is_asked_again_when_it_is_applied(shell: Shell, two: tuple[str, str]) -> None:
    assert shell("plan", "--out", "plan.json").code == 0
    plan = json.loads((shell.folder / "plan.json").read_text())
    del plan["older"]
    plan["source"]["commit"] = two[1]
    plan["digest"] = digest(plan)
    shell.write("plan.json", json.dumps(plan))
    assert shell("apply", "--plan", "plan.json", "--yes").code == 5


def test_what_was_applied_outside_of_git_says_nothing_of_commits(applied: Shell) -> None:
    say(applied, guardrails={})
    applied.write("manifests/all.yaml", DETACHED)
    assert "older" not in applied("plan", "--format", "json").json
