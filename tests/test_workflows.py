"""What runs in other people's pipelines: actions, the reusable workflow, the GitLab component, the hook, and `init`'s own.

Linted with zizmor and held against their schemas; their scripts are run here with a `gh` of ours.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from gatectl import __version__
from gatectl.cli import COMMANDS
from gatectl.cli import gatectl as group

TOP = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((TOP / ".github" / "actions").glob("*/action.yml"))
GITOPS = TOP / ".github" / "workflows" / "gitops.yml"
COMPONENT = TOP / ".gitlab" / "gatectl.yml"
APPROVED, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
GH = """\
#!/bin/bash
# The API as far as our scripts use it: files by path, and a list of what was written.
printf '%s\\n' "$*" >>"$GH_LOG"
for word in "$@"; do
  case "$word" in
    repos/*) name="${word%%\\?*}"; name="${name//\\//_}"
             case "$*" in *"-f "* | *"-F "*) exit 0 ;; esac
             cat "$GH_ANSWERS/$name" 2>/dev/null || echo '[]'; exit 0 ;;
  esac
done
"""


def run(command: list[str | Path], folder: Path = TOP, **more: str) -> subprocess.CompletedProcess[str]:
    hidden = ("GATECTL_", "GITHUB_", "CI")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def steps(path: Path) -> Iterator[dict[str, Any]]:
    document = load(path)
    for job in document.get("jobs", {"": document.get("runs")}).values():
        yield from job["steps"]


@pytest.fixture(scope="module")
def starters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of `init` for each CI."""
    folder = tmp_path_factory.mktemp("starters")
    for ci in ("github", "gitlab", "none"):
        done = run([BIN / "gatectl", "init", ci, "--ci", ci], folder)
        assert done.returncode == 0, done.stderr
    return folder


# Schemas and zizmor


def fits(schema: str, *paths: Path) -> None:
    done = run([BIN / "check-jsonschema", "--builtin-schema", schema, *paths])
    assert done.returncode == 0, done.stdout + done.stderr


def found_by_zizmor(folder: Path) -> list[Any]:
    done = run([BIN / "zizmor", "--offline", "--no-progress", "--strict-collection", "--format", "json", folder])
    assert done.returncode in range(10, 15) or done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_workflows_and_actions_fit_their_schemas(starters: Path) -> None:
    fits("vendor.github-workflows", *WORKFLOWS, starters / "github/.github/workflows/gatectl.yml")
    fits("vendor.github-actions", *ACTIONS)


def test_zizmor_finds_nothing_in_workflows_and_actions(starters: Path) -> None:
    assert found_by_zizmor(TOP / ".github") == []
    assert found_by_zizmor(starters / "github") == []


def test_zizmor_would_find_something(tmp_path: Path) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    text = GITOPS.read_text().replace("gatectl comment plan.json", "echo ${{ github.event.pull_request.title }}")
    (tmp_path / ".github" / "workflows" / "bad.yml").write_text(text)
    assert {found["ident"] for found in found_by_zizmor(tmp_path)} == {"template-injection"}


def test_the_gitlab_component_and_the_starter_pipeline_fit_gitlabs_schema(starters: Path, tmp_path: Path) -> None:
    head, jobs = COMPONENT.read_text().split("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    assert set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", jobs)) == set(inputs)
    for name, declared in inputs.items():
        jobs = jobs.replace(f"$[[ inputs.{name} ]]", declared["default"] or "prod")
    (tmp_path / "component.yml").write_text(jobs)
    fits("vendor.gitlab-ci", tmp_path / "component.yml", starters / "gitlab/.gitlab-ci.yml")


# What holds for each of them


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: str(path.relative_to(TOP / ".github")))
def test_everything_used_is_pinned_and_no_checkout_keeps_credentials(path: Path) -> None:
    for line in re.findall(r"\buses: .*", path.read_text()):
        assert re.fullmatch(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), "what comes from outside reaches a script through its environment"


def test_permissions_are_the_least_of_each_job() -> None:
    document = load(GITOPS)
    assert document["permissions"] == {}
    written = {
        name: sorted(what for what, how in job["permissions"].items() if how == "write")
        for name, job in document["jobs"].items()
    }
    assert written == {"validate": [], "plan": ["pull-requests", "statuses"], "fork": [], "approved": [], "apply": [],
                       "drift": ["issues"]}  # fmt: skip


def test_a_fork_meets_no_secret() -> None:
    document = load(GITOPS)
    for name in ("validate", "fork", "approved"):
        assert "secrets." not in json.dumps(document["jobs"][name])
    assert "head.repo.full_name == github.repository" in document["jobs"]["plan"]["if"]
    assert not any("pull_request_target" in path.read_text() for path in WORKFLOWS)


def test_only_the_apply_meets_the_credentials_and_it_waits_for_its_environment() -> None:
    jobs = load(GITOPS)["jobs"]
    assert [name for name, job in jobs.items() if "secrets.credentials" in json.dumps(job)] == ["apply"]
    assert jobs["apply"]["environment"] == "${{ inputs.environment }}"


def test_what_is_installed_by_default_is_this_version(starters: Path) -> None:
    assert load(GITOPS)[True]["workflow_call"]["inputs"]["gatectl"]["default"] == f"gatectl=={__version__}"
    assert f"default: gatectl=={__version__}\n" in COMPONENT.read_text()
    for name in ("github/.github/workflows/gatectl.yml", "gitlab/.gitlab-ci.yml"):
        assert f"gatectl=={__version__}" in (starters / name).read_text()


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every call of gatectl in a pipeline, with the options it gives."""
    scripts = [step["run"] for path in (GITOPS, *ACTIONS) for step in steps(path) if "run" in step]
    for text in [*scripts, *re.findall(r"    - (.*gatectl .*)", COMPONENT.read_text())]:
        for name, rest in re.findall(r'gatectl"? (\w+)\b([^\n|>;]*)', text):
            if name in COMMANDS:
                yield name, re.findall(r"(?<!\S)(--[a-z-]+)", rest)


def test_every_command_and_option_that_a_pipeline_uses_exists() -> None:
    used = list(calls())
    assert {name for name, _ in used} >= {"validate", "plan", "comment", "apply", "snapshot"}
    for name, options in used:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        known = {opt for parameter in command.params for opt in parameter.opts}
        assert set(options) <= known, (name, options)


# Their scripts, run


class Runner:
    """Runs the scripts of a workflow's steps as GitHub would, with a `gh` of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers = folder / "answers"
        self.log = folder / "gh.log"
        self.output = folder / "output"
        (folder / "bin").mkdir()
        self.answers.mkdir()
        (folder / "bin" / "gh").write_text(GH)
        (folder / "bin" / "gh").chmod(0o755)

    def answer(self, path: str, document: Any) -> None:
        (self.answers / f"repos/acme/gateway/{path}".replace("/", "_")).write_text(json.dumps(document))

    def step(self, job: str, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (found,) = (step for step in load(GITOPS)["jobs"][job]["steps"] if step.get("name") == name)
        return self.script(found["run"], **environment)

    def script(self, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        self.log.unlink(missing_ok=True)
        self.output.write_text("")
        path = f"{self.folder / 'bin'}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"
        given = {"GITHUB_REPOSITORY": "acme/gateway", "GITHUB_SHA": "c0ffee", "GITHUB_OUTPUT": str(self.output),
                 "GATECTL_ENV": "prod", "RUNNER_TEMP": str(self.folder), "GH_LOG": str(self.log),
                 "GH_ANSWERS": str(self.answers)}  # fmt: skip
        return run(["bash", "-eo", "pipefail", "-c", text], self.folder, **(given | {"PATH": path} | environment))

    @property
    def asked(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def status(fingerprint: str, *, context: str = "gatectl/prod", login: str = "github-actions[bot]") -> dict[str, Any]:
    return {"context": context, "description": fingerprint, "creator": {"login": login}}


FIND = "Find the fingerprint that the merged pull request showed"


@needs_jq
def test_the_approved_fingerprint_is_the_newest_one_of_the_merged_pull_request(runner: Runner) -> None:
    runner.answer(
        "commits/c0ffee/pulls",
        [{"merged_at": None, "head": {"sha": "x"}}, {"merged_at": "now", "head": {"sha": "beef"}}],
    )
    runner.answer("commits/beef/statuses", [
        status(OTHER, login="somebody"), status(OTHER, context="gatectl/dev"), status(APPROVED), status(OTHER)])  # fmt: skip
    done = runner.step("approved", FIND)
    assert done.returncode == 0, done.stderr
    assert runner.output.read_text() == f"fingerprint={APPROVED}\n"


@needs_jq
@pytest.mark.parametrize("said", [None, "sha256:short", f"{APPROVED}; rm -rf /", f"{APPROVED}\nother=1"])
def test_without_an_approved_plan_nothing_goes_on(said: str | None, runner: Runner) -> None:
    if said is not None:
        runner.answer("commits/c0ffee/pulls", [{"merged_at": "now", "head": {"sha": "beef"}}])
        runner.answer("commits/beef/statuses", [status(said)])
    done = runner.step("approved", FIND)
    assert done.returncode == 1
    assert "::error::No plan was approved" in done.stdout
    assert runner.output.read_text() == ""


@needs_jq
@pytest.mark.parametrize(
    ("drifted", "there", "written"),
    [
        ("yes", False, "api --silent repos/acme/gateway/issues -f title=The platform differs from the manifests: prod"),
        ("yes", True, "api --silent -X PATCH repos/acme/gateway/issues/7 -F body=@drift.md"),
        ("no", True, "api --silent -X PATCH repos/acme/gateway/issues/7 -f state=closed"),
        ("no", False, None),
    ],
)
def test_drift_is_one_issue_that_is_opened_updated_and_closed(
    drifted: str, there: bool, written: str | None, runner: Runner
) -> None:
    title = "The platform differs from the manifests: prod"
    issues = [{"title": f"{title}2", "number": 6}, *([{"title": title, "number": 7}] if there else [])]
    runner.answer("issues", issues)
    done = runner.step("drift", "Open, update or close the issue", DRIFTED=drifted)
    assert done.returncode == 0, done.stderr
    wrote = runner.asked.splitlines()[1:]
    assert len(wrote) == (written is not None)
    assert written is None or wrote[0].startswith(written)


@needs_jq
@pytest.mark.parametrize("stored", ["ours", "a fork's", "expired", "another branch's"])
def test_a_fork_is_planned_against_a_snapshot_of_our_default_branch_only(stored: str, runner: Runner) -> None:
    made_by = {"head_branch": "other" if stored == "another branch's" else "main", "repository_id": 1,
               "head_repository_id": 2 if stored == "a fork's" else 1}  # fmt: skip
    runner.answer(
        "actions/artifacts", {"artifacts": [{"id": 5, "expired": stored == "expired", "workflow_run": made_by}]}
    )
    (runner.folder / "bin" / "unzip").write_text("#!/bin/sh\n")
    (runner.folder / "bin" / "unzip").chmod(0o755)
    done = runner.step("fork", "Fetch the newest snapshot", BRANCH="main")
    assert done.returncode == 0, done.stderr
    assert runner.output.read_text() == ("found=yes\n" if stored == "ours" else "")
    assert ("::notice::" in done.stdout) == (stored != "ours")


def action(name: str, step: str) -> str:
    (found,) = (s["run"] for s in steps(TOP / f".github/actions/{name}/action.yml") if s["name"] == step)
    assert isinstance(found, str)
    return found


def test_the_actions_validate_plan_and_apply_what_was_approved(runner: Runner, starters: Path) -> None:
    runner.folder.joinpath("gatectl").mkdir()
    runner.folder.joinpath("gatectl", "bin").symlink_to(BIN)
    project = {"GATECTL_PROJECT": str(starters / "github"), "GATECTL_ENV": "",
               "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}  # fmt: skip
    assert runner.script(action("validate", "Install gatectl as this action has it")).returncode == 0
    broken = str(TOP / "examples/broken/GW301.yaml")
    done = runner.script(action("validate", "Validate"), **project, PATHS=f"{broken}\n\n", SARIF="found.sarif")
    assert done.returncode == 4
    assert "::error" in done.stdout
    assert json.loads((runner.folder / "found.sarif").read_text())["version"] == "2.1.0"
    assert runner.script(action("validate", "Validate"), **project, PATHS="", SARIF="").returncode == 0
    done = runner.script(action("plan", "Plan"), **project, AGAINST="", OUT="plan.json")
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in runner.output.read_text().splitlines())
    assert set(load(TOP / ".github/actions/plan/action.yml")["outputs"]) <= set(outputs)
    assert outputs["fingerprint"] == json.loads((runner.folder / "plan.json").read_text())["fingerprint"]
    apply = action("apply", "Apply")
    assert runner.script(apply, **project, EXPECT=OTHER, RECEIPT="receipt.json").returncode == 6
    done = runner.script(apply, **project, EXPECT=outputs["fingerprint"], RECEIPT="receipt.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((runner.folder / "receipt.json").read_text())["outcomes"]


def test_the_workflow_applies_with_the_credentials_it_is_given_and_nothing_else(runner: Runner) -> None:
    done = run([BIN / "gatectl", "init", ".", "--ci", "none"], runner.folder)
    assert done.returncode == 0
    planned = runner.script("gatectl plan --out plan.json", GATECTL_ENV="default")
    assert planned.returncode == 0
    expect = json.loads((runner.folder / "plan.json").read_text())["fingerprint"]
    given = json.dumps({"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "line 1\nline 2"})
    assert runner.step("apply", "Apply", GATECTL_ENV="", CREDENTIALS="", EXPECT=expect).returncode == 1
    done = runner.step("apply", "Apply", GATECTL_ENV="", CREDENTIALS=given, EXPECT=expect)
    assert done.returncode == 0, done.stderr
    assert "line 1" not in done.stdout + done.stderr


def test_the_scheduled_plan_tells_drift_from_failure(runner: Runner) -> None:
    run([BIN / "gatectl", "init", ".", "--ci", "none"], runner.folder)
    assert runner.step("drift", "Plan", GATECTL_ENV="").returncode == 0
    assert "drifted=yes\n" in runner.output.read_text()
    (runner.folder / "manifests" / "example.yaml").write_text("]")
    assert runner.step("drift", "Plan", GATECTL_ENV="").returncode == 4


# The starters


def test_each_ci_gets_its_pipeline_and_no_other(starters: Path) -> None:
    for ci, name in (("github", ".github/workflows/gatectl.yml"), ("gitlab", ".gitlab-ci.yml"), ("none", None)):
        there = {str(p.relative_to(starters / ci)) for p in (starters / ci).rglob("*.yml")}
        assert there == ({name} if name else set())


def test_a_starter_workflow_asks_for_nothing_that_only_a_caller_could_give(starters: Path) -> None:
    text = (starters / "github/.github/workflows/gatectl.yml").read_text()
    assert "inputs" not in text
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"GATECTL_TOKEN", "GATECTL_CREDENTIALS"}
    assert yaml.safe_load(text)["jobs"].keys() == load(GITOPS)["jobs"].keys()
    assert "inputs" not in (starters / "gitlab/.gitlab-ci.yml").read_text()


@pytest.mark.parametrize(
    ("file", "text", "written"),
    [(".gitlab-ci.yml", "{}", None), (".git/config", "url = https://gitlab.com/acme/gateway.git", ".gitlab-ci.yml"),
     (".git/config", "url = https://github.com/acme/gateway.git", ".github/workflows/gatectl.yml")],
)  # fmt: skip
def test_init_follows_the_ci_that_is_there(file: str, text: str, written: str | None, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert run([BIN / "gatectl", "init"], tmp_path).returncode == 0
    there = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.yml")}
    assert there == {written or file}
    assert (tmp_path / file).read_text() == text


# The hook


@pytest.mark.parametrize(("name", "code"), [("acme", 0), ("quickstart", 0), ("broken", 4)])
def test_the_pre_commit_hook_passes_good_manifests_and_stops_bad_ones(name: str, code: int) -> None:
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert hook["pass_filenames"] is False
    assert re.search(hook["files"], "manifests/orders.yaml")
    assert run(shlex.split(hook["entry"]), TOP / "examples" / name).returncode == code


def test_the_pre_commit_hooks_fit_their_schema() -> None:
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language"} <= set(hook)
