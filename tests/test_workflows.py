"""What runs in other people's pipelines: actions, the reusable workflow, the GitLab component, the hook, and `init`'s own.

Linted with zizmor and held against their schemas; their scripts are run here with a `gh` of ours, in a checkout that is full
of planted programs.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from gatectl.cli import COMMANDS
from gatectl.cli import gatectl as group
from proxying import Answer, Asked, Proxy
from server.serving import Serve

TOP = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((TOP / ".github" / "actions").glob("*/action.yml"))
GITOPS = TOP / ".github" / "workflows" / "gitops.yml"
COMPONENT = TOP / ".gitlab" / "gatectl.yml"
TOOL = "acme/gatectl@" + "a1" * 20
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
    sources = {"github": TOOL, "gitlab": f"https://git.example/{TOOL}"}
    for ci in ("github", "gitlab", "none"):
        source = ("--source", sources[ci]) if ci in sources else ()
        done = run([BIN / "gatectl", "init", ci, "--ci", ci, *source], folder)
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
    text = GITOPS.read_text().replace("gh api --silent", "echo ${{ github.event.pull_request.title }}")
    (tmp_path / ".github" / "workflows" / "bad.yml").write_text(text)
    assert {found["ident"] for found in found_by_zizmor(tmp_path)} == {"template-injection"}


def test_the_gitlab_component_and_the_starter_pipeline_fit_gitlabs_schema(starters: Path, tmp_path: Path) -> None:
    head, jobs = COMPONENT.read_text().split("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    assert set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", jobs)) == set(inputs)
    for name, declared in inputs.items():
        jobs = jobs.replace(f"$[[ inputs.{name} ]]", declared.get("default") or "prod")
    (tmp_path / "component.yml").write_text(jobs)
    fits("vendor.gitlab-ci", tmp_path / "component.yml", starters / "gitlab/.gitlab-ci.yml")


# What holds for each of them


PINNED = re.compile(r"uses: (\$/\.github/actions/[a-z]+|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
"""Another's at a commit, or our own at the commit that this very file is of."""


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: str(path.relative_to(TOP / ".github")))
def test_everything_used_is_pinned_and_no_checkout_keeps_credentials(path: Path) -> None:
    for line in re.findall(r"\buses: .*", path.read_text()):
        assert PINNED.fullmatch(line), line
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


def test_a_release_is_built_once_and_published_without_a_token() -> None:
    document = load(TOP / ".github/workflows/release.yml")
    jobs = document["jobs"]
    assert document[True] == {"push": {"tags": ["v*"]}}
    assert document["permissions"] == {}
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "build": {"contents": "read"}, "attest": {"attestations": "write", "id-token": "write"}, "publish": {"id-token": "write"}
    }  # fmt: skip
    assert secrets_of(document) == set()
    assert [name for name, job in jobs.items() if any("run" in step for step in job["steps"])] == ["build"]
    assert (jobs["attest"]["needs"], jobs["publish"]["needs"]) == ("build", "attest")
    assert jobs["publish"]["environment"] == "release"


@pytest.mark.parametrize(("given", "code"), [((), 64), (("v0.0.0",), 64), (("v0.0.0", "."), 64)])
def test_a_release_wants_a_tag_and_a_new_folder(given: tuple[str, ...], code: int) -> None:
    assert run([TOP / ".ci" / "release", *given]).returncode == code


def secrets_of(job: Any) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", json.dumps(job)))


def test_a_fork_meets_no_secret() -> None:
    document = load(GITOPS)
    for name in ("validate", "fork", "approved"):
        assert secrets_of(document["jobs"][name]) == set()
    assert "head.repo.full_name == github.repository" in document["jobs"]["plan"]["if"]
    assert not any("pull_request_target" in path.read_text() for path in WORKFLOWS)


def test_a_plan_has_a_token_of_its_own_and_only_the_step_that_applies_has_the_other_and_the_credentials(
    starters: Path,
) -> None:
    for path, environment, own in (
        (GITOPS, "${{ inputs.environment }}", {f"CREDENTIAL_{number}" for number in range(1, 9)}),
        (starters / "github/.github/workflows/gatectl.yml", "${{ vars.GATECTL_ENVIRONMENT }}",
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
    ):  # fmt: skip
        jobs = load(path)["jobs"]
        met = {name: secrets_of(job) for name, job in jobs.items()}
        assert met == {"validate": set(), "plan": {"GATECTL_PLAN_TOKEN"}, "fork": set(), "approved": set(),
                       "apply": {"GATECTL_TOKEN", *own}, "drift": {"GATECTL_PLAN_TOKEN"}}  # fmt: skip
        assert jobs["apply"]["environment"] == environment
        for job in jobs.values():
            having = [step for step in job["steps"] if secrets_of(step)]
            assert len(having) <= 1
            assert all(re.search(r"/actions/(plan|apply)\b", step["uses"]) for step in having)
            assert secrets_of({**job, "steps": []}) == set()
        assert "fromJSON" not in path.read_text() and "toJSON" not in path.read_text()


def test_the_platform_is_the_operators_to_name(starters: Path) -> None:
    for path, said in (
        (GITOPS, "inputs.platform"),
        (starters / "github/.github/workflows/gatectl.yml", "vars.GATECTL_PLATFORM"),
    ):
        for name in ("plan", "apply", "drift"):
            (step,) = (
                s for s in load(path)["jobs"][name]["steps"] if re.search(r"/(plan|apply)(@|$)", s.get("uses", ""))
            )
            assert step["with"]["platform"] == f"${{{{ {said} }}}}"


def test_what_held_before_holds_on() -> None:
    jobs = load(GITOPS)["jobs"]
    said = {name: step["with"]["guardrails-from"] for name, job in jobs.items() for step in job["steps"]
            if "guardrails-from" in step.get("with", {})}  # fmt: skip
    base, before = "github.event.pull_request.base.sha", "github.event.before"
    assert said == {"validate": f"${{{{ {base} || {before} }}}}", "plan": f"${{{{ {base} }}}}", "fork": f"${{{{ {base} }}}}",
                    "apply": f"${{{{ {before} }}}}"}  # fmt: skip
    for job in jobs.values():
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["fetch-depth"] == 0 for step in checkouts)


def test_pipelines_apply_one_run_at_a_time_and_with_all_of_the_history(starters: Path) -> None:
    for workflow in (GITOPS, starters / "github/.github/workflows/gatectl.yml"):
        apply = load(workflow)["jobs"]["apply"]
        assert (
            apply["concurrency"]["group"].startswith("gatectl-apply-")
            and not apply["concurrency"]["cancel-in-progress"]
        )
        (checkout,) = (step for step in apply["steps"] if step.get("uses", "").startswith("actions/checkout@"))
        assert checkout["with"]["fetch-depth"] == 0
    for component in (COMPONENT.read_text().partition("\n---\n")[2], (starters / "gitlab/.gitlab-ci.yml").read_text()):
        jobs = yaml.safe_load(component)
        assert jobs[".gatectl"]["variables"]["GIT_DEPTH"] == "0"
        assert jobs["gatectl-apply"]["resource_group"].startswith("gatectl-")


def test_what_is_installed_is_one_commit(starters: Path) -> None:
    place, _, commit = TOOL.partition("@")
    text = (starters / "github/.github/workflows/gatectl.yml").read_text()
    used = re.findall(r"\buses: (?!actions/)(.*)", text)
    assert len(used) > 5
    assert all(re.fullmatch(rf"{place}/\.github/actions/[a-z]+@{commit}", line) for line in used)
    variables = load(starters / "gitlab/.gitlab-ci.yml")[".gatectl"]["variables"]
    assert (variables["SOURCE"], variables["COMMIT"]) == (f"https://git.example/{place}", commit)


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_starter_that_was_told_no_commit_names_one_that_cannot_be_and_says_so(ci: str, tmp_path: Path) -> None:
    done = run([BIN / "gatectl", "init", ".", "--ci", ci], tmp_path)
    assert done.returncode == 0
    assert "names no commit of gatectl yet" in done.stderr
    (path,) = tmp_path.rglob(".gitlab-ci.yml" if ci == "gitlab" else "gatectl.yml")
    assert "0" * 40 in path.read_text()


@pytest.mark.parametrize(
    ("ci", "wrong"),
    [("github", "acme/gatectl@main"), ("github", "acme/gatectl"), ("github", f"acme/gatectl\n@{'a' * 40}"),
     ("github", f"https://git.example/{TOOL}"), ("gitlab", TOOL), ("gitlab", f"https://x y@{'a' * 40}"),
     ("github", "acme/gatectl@" + "a" * 7), ("gitlab", "http://git.example/" + TOOL)],
)  # fmt: skip
def test_what_is_no_place_and_commit_is_wrong_usage(ci: str, wrong: str, tmp_path: Path) -> None:
    done = run([BIN / "gatectl", "init", ".", "--ci", ci, "--source", wrong], tmp_path)
    assert done.returncode == 64
    assert list(tmp_path.iterdir()) == []


def scripts() -> Iterator[str]:
    for path in (GITOPS, *ACTIONS):
        yield from (step["run"] for step in steps(path) if "run" in step)
    jobs = COMPONENT.read_text().partition("\n---\n")[2]
    for job in yaml.safe_load(jobs).values():
        yield from [*job.get("before_script", ()), *job.get("script", ())]


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every call of gatectl in a pipeline, with the options that its script has."""
    for text in scripts():
        for name in re.findall(r'gatectl"? (\w+)\b', text):
            if name in COMMANDS:
                yield name, re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)


def test_every_command_and_option_that_a_pipeline_uses_exists() -> None:
    used = list(calls())
    assert {name for name, _ in used} >= {"validate", "plan", "comment", "apply", "snapshot"}
    for name, options in used:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        known = {opt for parameter in command.params for opt in parameter.opts}
        assert set(options) <= known, (name, options)


def test_gatectl_is_called_isolated_and_nothing_else_of_python_is_called() -> None:
    called = [
        line for text in scripts() for line in text.splitlines() if re.search(r"\bpython|\bpip\b|-m gatectl", line)
    ]
    assert len(called) > 5
    assert all(re.search(r'gatectl/bin/python3" -I -m gatectl ', line) for line in called)


# Their scripts, run


class Runner:
    """Runs the scripts of steps as GitHub would, with a `gh` of ours, in a checkout that is full of planted programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        self.answers = folder / "answers"
        self.log = folder / "gh.log"
        self.output = folder / "output"
        (folder / "bin").mkdir()
        self.answers.mkdir()
        self.checkout.mkdir()
        (folder / "bin" / "gh").write_text(GH)
        (folder / "bin" / "gh").chmod(0o755)
        (folder / "gatectl").symlink_to(BIN.parent)
        plant(self.checkout)

    def answer(self, path: str, document: Any) -> None:
        (self.answers / f"repos/acme/gateway/{path}".replace("/", "_")).write_text(json.dumps(document))

    def step(self, job: str, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (found,) = (step for step in load(GITOPS)["jobs"][job]["steps"] if step.get("name") == name)
        folder = {"${{ runner.temp }}": self.folder}.get(found.get("working-directory"), self.checkout)
        return self.script(found["run"], folder, **environment)

    def action(self, name: str, step: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A step of an action; its inputs are empty where they are not said."""
        (found,) = (s for s in steps(TOP / f".github/actions/{name}/action.yml") if s.get("name") == step)
        return self.script(found["run"], **(dict.fromkeys(found.get("env", {}), "") | environment))

    def script(self, text: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        self.log.unlink(missing_ok=True)
        self.output.write_text("")
        # The working directory is looked into, last: what is there hides no program of the machine.
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"], "."])
        given = {"GITHUB_REPOSITORY": "acme/gateway", "GITHUB_SHA": "c0ffee", "GITHUB_OUTPUT": str(self.output),
                 "ENVIRONMENT": "prod", "RUNNER_TEMP": str(self.folder), "GH_LOG": str(self.log),
                 "GH_ANSWERS": str(self.answers), "PYTHONPATH": "."}  # fmt: skip
        done = run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text], folder or self.checkout,
                   **(given | {"PATH": path} | environment))  # fmt: skip
        assert ran(self.checkout) == set(), done.stderr
        return done

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())

    @property
    def asked(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


# What is planted: for each program, what a careless step would have said to run it.
_IN_PYTHON = (
    "import os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)), '.ran'), 'a').write('{name}\\n')\n"
)
_IN_SHELL = '#!/bin/sh\necho {name} >>"$(dirname "$0")/.ran"\n'
PLANTED: dict[str, tuple[str, str]] = {
    "venv.py": (_IN_PYTHON, "python3 -m venv scratch"),
    "json.py": (_IN_PYTHON, "python3 -c 'import json'"),
    "pip.py": (_IN_PYTHON, "python3 -m pip --version"),
    "ensurepip.py": (_IN_PYTHON, "python3 -m ensurepip --version"),
    "sitecustomize.py": (_IN_PYTHON, "PYTHONPATH=. python3 -c ''"),
    "usercustomize.py": (_IN_PYTHON, "PYTHONPATH=. python3 -s -c 'import usercustomize'"),
    "gatectl.py": (_IN_PYTHON, "python3 -m gatectl"),
    "click.py": (_IN_PYTHON, "python3 -c 'import click'"),
    "yaml.py": (_IN_PYTHON, "python3 -c 'import yaml'"),
    "hatchling.py": (_IN_PYTHON, "python3 -c 'import hatchling'"),
    "backend.py": (_IN_PYTHON, "python3 -I -m pip install --no-index --no-deps --target scratch . || true"),
    "gatectl": (_IN_SHELL, "PATH=.:$PATH gatectl"),
    "git": (_IN_SHELL, "PATH=.:$PATH git version"),
    "gh": (_IN_SHELL, "PATH=.:$PATH gh api x"),
    "jq": (_IN_SHELL, "PATH=.:$PATH jq ."),
    "python3": (_IN_SHELL, "PATH=.:$PATH python3"),
    ".ci/install": (_IN_SHELL, "bash .ci/install x"),
    ".github/actions/setup/install": (_IN_SHELL, "bash .github/actions/setup/install"),
}
_SETTINGS = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "setup.cfg": "[install]\nprefix = scratch\n", "pip.conf": "[global]\nno-index = true\nfind-links = .\n",
    ".python-version": "9.9.9\n", ".envrc": "touch .ran\n", ".npmrc": "script-shell=./git\n",
    "requirements.txt": "gatectl\n", "constraints.txt": "click==1\n",
}  # fmt: skip


def plant(checkout: Path) -> None:
    for name, (text, _) in PLANTED.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text.format(name=name))
        (checkout / name).chmod(0o755)
    for name, text in _SETTINGS.items():
        (checkout / name).write_text(text)


def ran(checkout: Path) -> set[str]:
    """The planted programs that ran."""
    return {line for path in checkout.rglob(".ran") for line in path.read_text().splitlines()}


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_program_runs_where_a_step_is_careless(name: str, tmp_path: Path) -> None:
    plant(tmp_path)
    for other in PLANTED:
        if other != name:
            (tmp_path / other).unlink()
    if name != "backend.py":
        (tmp_path / "pyproject.toml").unlink()
    (tmp_path / ".python-version").unlink()
    run(["bash", "-c", PLANTED[name][1]], tmp_path)
    assert ran(tmp_path) == {name}


def test_an_install_out_of_a_hostile_checkout_runs_nothing_of_it(tmp_path: Path) -> None:
    """The whole install, as locked; it needs an index. Its folder is then what pipelines call."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    plant(checkout)
    path = os.pathsep.join([".", str(checkout), os.environ["PATH"]])
    given = {"PATH": path, "PYTHONPATH": ".", "PIP_CONFIG_FILE": "pip.conf", "PIP_REQUIREMENT": "requirements.txt",
             "PIP_CONSTRAINT": "constraints.txt", "PIP_NO_INDEX": "1", "PYTHONSTARTUP": "json.py",
             "GATECTL_TOKEN": "canary"}  # fmt: skip
    done = run(["/bin/bash", TOP / ".ci" / "install", "../tool"], checkout, **given)
    assert done.returncode == 0, done.stderr
    assert ran(checkout) == set()
    done = run([tmp_path / "tool/bin/python3", "-I", "-m", "gatectl", "--version"], checkout, **given)
    assert done.returncode == 0 and done.stdout.startswith("gatectl ")
    assert ran(checkout) == set()
    packages = tmp_path / "tool" / "lib"
    assert (next(packages.rglob("gatectl/pipelines/constraints.txt"))).read_bytes() == (
        TOP / "src/gatectl/pipelines/constraints.txt"
    ).read_bytes()


def test_an_install_behind_a_socks_proxy_says_that_pip_cannot_use_it(tmp_path: Path) -> None:
    python = (
        tmp_path / "python"
    )  # as far as the install asks it; the pip of its environments fails, as behind such a proxy
    python.write_text("""#!/bin/sh
case "$*" in
  *sys.executable*) echo "$0" ;;
  *"-m venv "*) mkdir -p "$4/bin" && printf '#!/bin/sh\nexit 1\n' >"$4/bin/python3" && chmod +x "$4/bin/python3" ;;
esac
""")
    python.chmod(0o755)
    for proxy, words in (("socks5://127.0.0.1:9", 1), ("SOCKS5H://me@proxy", 1), ("http://127.0.0.1:9", 0), ("", 0)):
        done = run(
            ["/bin/bash", TOP / ".ci/install", "tool"], tmp_path, PYTHON=str(python), HTTPS_PROXY=proxy, https_proxy=""
        )
        assert done.returncode == 1
        assert done.stderr.count("HTTPS_PROXY names a SOCKS proxy, which pip cannot use") == words


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
    ("exitcode", "there", "written"),
    [
        ("2", False, "api --silent repos/acme/gateway/issues -f title=The platform differs from the manifests: prod"),
        ("3", True, "api --silent -X PATCH repos/acme/gateway/issues/7 -F body=@drift.md"),
        ("0", True, "api --silent -X PATCH repos/acme/gateway/issues/7 -f state=closed"),
        ("0", False, None),
    ],
)
def test_drift_is_one_issue_that_is_opened_updated_and_closed(
    exitcode: str, there: bool, written: str | None, runner: Runner
) -> None:
    title = "The platform differs from the manifests: prod"
    issues = [{"title": f"{title}2", "number": 6}, *([{"title": title, "number": 7}] if there else [])]
    runner.answer("issues", issues)
    done = runner.step("drift", "Open, update or close the issue", EXITCODE=exitcode, DRIFT="drift.md")
    assert done.returncode == 0, done.stderr
    assert runner.step("drift", "Open, update or close the issue", EXITCODE="", DRIFT="drift.md").returncode == 1
    runner.step("drift", "Open, update or close the issue", EXITCODE=exitcode, DRIFT="drift.md")
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
    assert runner.output.read_text() == (f"found={runner.folder}/snapshot/snapshot.json\n" if stored == "ours" else "")
    assert ("::notice::" in done.stdout) == (stored != "ours")


@pytest.fixture
def acme(runner: Runner) -> dict[str, str]:
    """A project in the hostile checkout, and the variables that its manifests refer to."""
    assert run([BIN / "gatectl", "init", ".", "--ci", "none"], runner.checkout).returncode == 0
    example = runner.checkout / "manifests" / "example.yaml"
    text = example.read_text()
    for demo, name in (("key", "AWS_ACCESS_KEY_ID"), ("secret", "AWS_SECRET_ACCESS_KEY")):
        assert f"{{file: ../demo-credentials/{demo}}}" in text
        text = text.replace(f"{{file: ../demo-credentials/{demo}}}", f"{{env: {name}}}")
    example.write_text(text)
    return {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up"}


def test_the_actions_validate_plan_and_apply_what_was_approved(runner: Runner, acme: dict[str, str]) -> None:
    broken = str(TOP / "examples/broken/GW301.yaml")
    done = runner.action("validate", "Validate", PATHS=f"{broken}\n\n", SARIF="found.sarif")
    assert done.returncode == 4
    assert "::error" in done.stdout
    assert json.loads((runner.checkout / "found.sarif").read_text())["version"] == "2.1.0"
    assert runner.action("validate", "Validate", BASE="0" * 40).returncode == 0
    done = runner.action("plan", "Plan")
    assert done.returncode == 0, done.stderr
    planned = runner.outputs
    assert set(load(TOP / ".github/actions/plan/action.yml")["outputs"]) <= set(planned)
    assert planned["exitcode"] == "2"
    saved = json.loads(Path(planned["out"]).read_text())
    assert planned["fingerprint"] == saved["fingerprint"]
    assert "<html" in Path(planned["page"]).read_text() and "## Plan" in Path(planned["markdown"]).read_text()
    assert not [planned[name] for name in ("out", "page", "markdown") if runner.checkout in Path(planned[name]).parents]
    assert runner.action("apply", "Apply", EXPECT=OTHER, **acme).returncode == 6
    done = runner.action("apply", "Apply", EXPECT=planned["fingerprint"], **acme)
    assert done.returncode == 0, done.stderr
    assert json.loads(Path(runner.outputs["receipt"]).read_text())["outcomes"]
    assert runner.action("plan", "Snapshot", SNAPSHOT=str(runner.folder / "s.json")).returncode == 0
    done = runner.action("plan", "Plan", AGAINST=str(runner.folder / "s.json"))
    assert (done.returncode, runner.outputs["exitcode"]) == (0, "0")


def test_the_inputs_of_the_actions_are_obeyed_and_the_empty_ones_are_not_there(runner: Runner, starters: Path) -> None:
    project = str(starters / "none" / "gatectl.yaml")
    elsewhere = f"sqlite:///{runner.folder}/elsewhere.db"
    done = runner.action("plan", "Plan", PROJECT=project, ENVIRONMENT="default", PLATFORM=elsewhere, OUT="../mine.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((runner.folder / "mine.json").read_text())["target"]["url"] == elsewhere
    for name, step in (("validate", "Validate"), ("plan", "Plan"), ("apply", "Apply")):
        done = runner.action(name, step, PROJECT=project, ENVIRONMENT="nosuch", EXPECT=APPROVED)
        assert done.returncode == 64
        assert "no environment is called 'nosuch'" in done.stderr


def test_the_actions_hold_to_the_guardrails_of_the_base(runner: Runner, acme: dict[str, str]) -> None:
    file = runner.checkout / "gatectl.yaml"
    guarded = file.read_text().replace("{platform: embedded}", "{platform: embedded, guardrails: {maxDeletes: 0}}")
    file.write_text(guarded)
    for words in (
        ["init", "-q"],
        ["add", "gatectl.yaml"],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"],
    ):
        assert run(["git", *words], runner.checkout).returncode == 0
    base = run(["git", "rev-parse", "HEAD"], runner.checkout).stdout.strip()
    assert runner.action("validate", "Validate", BASE=base).returncode == 0
    assert runner.action("plan", "Plan", BASE=base).returncode == 0
    expect = runner.outputs["fingerprint"]
    file.write_text(guarded.replace("maxDeletes: 0", "maxDeletes: 9"))
    done = runner.action("plan", "Plan", BASE=base)
    assert done.stdout.startswith(f"THE PROJECT FILE CHANGED since {base[:12]}: environments.default.guardrails.")
    assert runner.action("apply", "Apply", BASE=base, EXPECT=expect, **acme).returncode == 5
    assert runner.action("apply", "Apply", BASE="0" * 40, EXPECT=expect, **acme).returncode == 0


def test_an_empty_approval_applies_nothing(runner: Runner, acme: dict[str, str]) -> None:
    done = runner.action("apply", "Apply", **acme)
    assert done.returncode == 64
    assert "--expect is empty" in done.stderr


def test_credentials_that_a_workflow_cannot_name_go_by_number_to_gatectl_alone(
    runner: Runner, acme: dict[str, str]
) -> None:
    assert runner.action("plan", "Plan").returncode == 0
    expect = runner.outputs["fingerprint"]
    numbered = {"CREDENTIAL_1": "made-up", "CREDENTIAL_2": "$(id)`id`+/=canary", "CREDENTIAL_3": ""}
    names = "AWS_ACCESS_KEY_ID\n\n  AWS_SECRET_ACCESS_KEY\n"
    done = runner.action("apply", "Apply", EXPECT=expect, NAMES=names, **numbered)
    assert done.returncode == 0, done.stderr
    assert "::add-mask::$(id)`id`+/=canary\n" in done.stdout
    assert "canary" not in as_logged(done)


def as_logged(done: subprocess.CompletedProcess[str]) -> str:
    """What the runner's log shows of a step: its commands are obeyed and not shown, and masked is what they say."""
    begin = "::add-mask::"
    lines = done.stdout.splitlines()
    masked = [line.removeprefix(begin).replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
              for line in lines if line.startswith(begin)]  # fmt: skip
    text = "\n".join([*(line for line in lines if not line.startswith(begin)), done.stderr])
    for mask in masked:
        text = text.replace(mask, "***")
    return text


class Recording(Proxy):
    """A proxy before a server that keeps what is sent."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.sent: list[Asked] = []

    def answer(self, asked: Asked) -> Answer | None:
        self.sent.append(asked)
        return self.forward(asked)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    (tmp_path / "served").mkdir()
    serve = Serve(tmp_path / "served")
    with Recording(serve().url) as proxy:
        yield proxy
    serve.close()


def service_account() -> str:
    """A service account as it is downloaded: JSON of several lines, with a private key whose line breaks are of two characters."""
    body = "\n".join("bWFkZSB1cCwgYW5kIG5vIGtleSBhdCBhbGwgMTAwJSBj"[n:] + "YW5hcnk=" for n in (0, 4, 8))
    lines = b64encode(body.encode()).decode()
    key = f"-----BEGIN PRIVATE KEY-----\n{lines[:64]}\n{lines[64:]}\n-----END PRIVATE KEY-----\n"
    account = {"type": "service_account", "project_id": "acme-100%", "private_key_id": "canary1", "private_key": key,
               "client_email": "canary2@acme.example", "token_uri": "https://oauth2.example/token%0Acanary3"}  # fmt: skip
    return json.dumps(account, indent=2) + "\n"


GCS = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: curated}
spec:
  type: GCS
  bucket: curated-events
  credentials: {key: {env: GCS_ID}, secret: {env: GCS_ACCOUNT}}
"""


@pytest.fixture
def gcs(runner: Runner) -> None:
    """A project in the hostile checkout with one bucket at Google."""
    assert run([BIN / "gatectl", "init", ".", "--ci", "none"], runner.checkout).returncode == 0
    (runner.checkout / "manifests" / "example.yaml").write_text(GCS)


def sent_secret(recording: Recording) -> Any:
    (made,) = (json.loads(asked.body) for asked in recording.sent if asked.what == "POST /bucket")
    return made["secret"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_credential_of_several_lines_is_masked_line_by_line_and_arrives_unchanged(
    runner: Runner, gcs: None, recording: Recording, end: str
) -> None:
    account = service_account().replace("\n", end)
    assert runner.action("plan", "Plan", PLATFORM=recording.url).returncode == 0
    numbered = {"NAMES": "GCS_ID\nGCS_ACCOUNT", "CREDENTIAL_1": "canary2@acme.example", "CREDENTIAL_2": account}
    expect = runner.outputs["fingerprint"]
    done = runner.action("apply", "Apply", EXPECT=expect, PLATFORM=recording.url, **numbered)
    assert done.returncode == 0, done.stderr
    assert sent_secret(recording) == account.strip()
    lines = [line.strip() for line in account.splitlines()]
    for text in (account, *lines):  # whatever printed one of them, the log would not show it
        shown = as_logged(subprocess.CompletedProcess([], 0, f"{done.stdout}{text}", done.stderr))
        assert "canary" not in shown and "PRIVATE" not in shown
    assert "{" not in done.stdout.replace("::add-mask::", "").splitlines()


def test_a_credential_of_several_lines_arrives_unchanged_from_a_job_of_gitlab(
    runner: Runner, gcs: None, recording: Recording, starters: Path, source: tuple[str, str]
) -> None:
    there = {"GATECTL_PLATFORM": recording.url, "CI_COMMIT_BEFORE_SHA": "0" * 40}
    assert gitlab(runner, starters, source, "gatectl-plan", **there).returncode == 0
    account = service_account()
    done = gitlab(
        runner, starters, source, "gatectl-apply", **there, GCS_ID="canary2@acme.example", GCS_ACCOUNT=account
    )
    assert done.returncode == 0, done.stderr
    assert sent_secret(recording) == account.strip()
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [("AWS_ACCESS_KEY_ID\nAWS_SECRET_ACCESS_KEY", 1, "::error::credentials: AWS_SECRET_ACCESS_KEY has no value"),
     ("{", 64, "::error::credentials: line 1 is no name"), ("PATH", 64, "line 1"), ("LD_PRELOAD", 64, "line 1"),
     ("BASH_ENV", 64, "line 1"), ("PYTHONPATH", 64, "line 1"), ("GATECTL_PLATFORM", 64, "line 1"), ("a=b", 64, "line 1"),
     ("X;id", 64, "line 1"), ("CREDENTIAL_1", 64, "line 1"), ("GIT_SSH", 64, "line 1")],
)  # fmt: skip
def test_what_is_wrong_with_numbered_credentials_is_said_in_one_line(
    names: str, code: int, said: str, runner: Runner, acme: dict[str, str]
) -> None:
    done = runner.action("apply", "Apply", EXPECT=APPROVED, NAMES=names, CREDENTIAL_1="canary", CREDENTIAL_2="")
    assert done.returncode == code
    assert said in done.stdout
    assert "canary" not in as_logged(done) and "Traceback" not in done.stderr


def test_the_comment_is_not_handed_the_platforms_token() -> None:
    (step,) = (s for s in steps(TOP / ".github/actions/plan/action.yml") if s.get("name") == "Comment")
    assert step["env"]["GATECTL_TOKEN"] == ""
    assert not any(
        "GITHUB_TOKEN" in s.get("env", {}) for s in steps(TOP / ".github/actions/plan/action.yml") if s != step
    )


def test_a_setup_that_is_there_is_not_done_again(runner: Runner) -> None:
    (install,) = (s["run"] for s in steps(TOP / ".github/actions/setup/action.yml"))
    here = str(runner.checkout / ".github/actions/setup")
    assert runner.script(install, GITHUB_ACTION_PATH=here).returncode == 0


# GitLab's scripts, run


@pytest.fixture
def source(tmp_path: Path) -> tuple[str, str]:
    """A git repository of gatectl, whose install links to the one that is tested, and its commit."""
    folder = tmp_path / "source"
    (folder / ".ci").mkdir(parents=True)
    (folder / ".ci" / "install").write_text(f'ln -s {BIN.parent} "$1"\n')
    for words in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"],
    ):
        assert run(["git", *words], folder).returncode == 0
    return folder.as_uri(), run(["git", "rev-parse", "HEAD"], folder).stdout.strip()


def gitlab(
    runner: Runner, starters: Path, source: tuple[str, str], job: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A job of the starter's pipeline, as a runner would: all its scripts in one shell, in the checkout."""
    document = load(starters / "gitlab/.gitlab-ci.yml")
    lines = [*document[".gatectl"]["before_script"], *document[job]["script"]]
    variables = {**document[".gatectl"]["variables"], **document[job].get("variables", {})}
    variables |= {"SOURCE": source[0], "COMMIT": source[1], "CI_PROJECT_DIR": str(runner.checkout)}
    if "GATECTL_ENV" in variables:
        variables["GATECTL_ENV"] = "default"
    return runner.script("\n".join(lines), **(variables | {"CI_PIPELINE_SOURCE": "push"} | environment))


def test_the_jobs_of_gitlab_validate_plan_apply_and_tell_drift(
    runner: Runner, acme: dict[str, str], starters: Path, source: tuple[str, str]
) -> None:
    zeros = {"CI_COMMIT_BEFORE_SHA": "0" * 40}
    done = gitlab(runner, starters, source, "gatectl-validate", **zeros)
    assert done.returncode == 0, done.stderr
    assert json.loads((runner.checkout / "gl-code-quality-report.json").read_text()) == []
    done = gitlab(runner, starters, source, "gatectl-plan", **zeros)
    assert done.returncode == 0, done.stderr
    assert "GATECTL_FINGERPRINT=sha256:" in (runner.checkout / "plan.env").read_text()
    assert "<html" in (runner.checkout / "plan.html").read_text()
    assert gitlab(runner, starters, source, "gatectl-drift").returncode == 2
    done = gitlab(runner, starters, source, "gatectl-apply", **acme)
    assert done.returncode == 0, done.stderr
    assert gitlab(runner, starters, source, "gatectl-drift").returncode == 0


def test_a_job_of_gitlab_installs_the_commit_that_it_names_or_nothing(
    runner: Runner, acme: dict[str, str], starters: Path, source: tuple[str, str]
) -> None:
    done = gitlab(runner, starters, (source[0], "0" * 40), "gatectl-validate")
    assert done.returncode != 0
    assert not (runner.checkout / "gl-code-quality-report.json").exists()


def test_the_plan_of_gitlab_signs_in_with_its_own_token_and_the_apply_alone_with_the_other(
    runner: Runner, starters: Path, source: tuple[str, str]
) -> None:
    tool = runner.folder / "tool" / "bin"
    tool.mkdir(parents=True)
    (tool / "python3").write_text('#!/bin/sh\necho "$* with ${GATECTL_TOKEN:-none}"\n')
    (tool / "python3").chmod(0o755)
    install = runner.folder / "source" / ".ci" / "install"
    install.write_text(f'ln -s {tool.parent} "$1"\n')
    run(["git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "y"], install.parent)
    there = (source[0], run(["git", "rev-parse", "HEAD"], install.parent).stdout.strip())
    given = {"GATECTL_TOKEN": "writes", "GATECTL_PLAN_TOKEN": "reads", "CI_PIPELINE_SOURCE": "merge_request_event"}
    said = {job: gitlab(runner, starters, there, job, **given).stdout.splitlines()
            for job in ("gatectl-plan", "gatectl-apply", "gatectl-drift")}  # fmt: skip
    assert [line.rsplit(" ", 1)[1] for line in said["gatectl-plan"]] == ["reads", "none"]
    assert [line.rsplit(" ", 1)[1] for line in said["gatectl-apply"]] == ["writes"]
    assert [line.rsplit(" ", 1)[1] for line in said["gatectl-drift"]] == ["reads"]
    done = gitlab(runner, starters, there, "gatectl-plan", GATECTL_TOKEN="writes")
    assert done.stdout.splitlines()[0].endswith("with none")


@pytest.mark.parametrize(
    ("variables", "base"),
    [({}, None), ({"CI_COMMIT_BEFORE_SHA": "0" * 40}, None), ({"CI_COMMIT_BEFORE_SHA": "a0" * 20}, "a0" * 20),
     ({"CI_COMMIT_BEFORE_SHA": "0" * 40, "CI_MERGE_REQUEST_DIFF_BASE_SHA": "b0" * 20}, "b0" * 20)],
)  # fmt: skip
def test_gitlabs_base_is_that_of_the_merge_request_or_the_commit_before_the_push(
    variables: dict[str, str], base: str | None, runner: Runner, starters: Path, source: tuple[str, str]
) -> None:
    before = load(starters / "gitlab/.gitlab-ci.yml")[".gatectl"]["before_script"]
    given = {"SOURCE": source[0], "COMMIT": source[1], "CI_PROJECT_DIR": str(runner.checkout), **variables}
    done = runner.script("\n".join([*before, 'echo "${base:+--guardrails-from "$base"}"']), **given)
    assert done.stdout.strip() == (f"--guardrails-from {base}" if base else "")


# The starters


def test_each_ci_gets_its_pipeline_and_no_other(starters: Path) -> None:
    for ci, name in (("github", ".github/workflows/gatectl.yml"), ("gitlab", ".gitlab-ci.yml"), ("none", None)):
        there = {str(p.relative_to(starters / ci)) for p in (starters / ci).rglob("*.yml")}
        assert there == ({name} if name else set())


def test_a_starter_workflow_asks_for_nothing_that_only_a_caller_could_give(starters: Path) -> None:
    text = (starters / "github/.github/workflows/gatectl.yml").read_text()
    assert "inputs" not in text and "$/" not in text
    assert set(re.findall(r"vars\.(\w+)", text)) == {"GATECTL_ENVIRONMENT", "GATECTL_PLATFORM"}
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


@pytest.fixture
def hook(tmp_path: Path) -> list[str]:
    """The hook as pre-commit runs it, from a clone of ours where gatectl was installed once already."""
    (found,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert (found["pass_filenames"], found["language"]) == (False, "script")
    assert re.search(found["files"], "manifests/orders.yaml")
    entry, *words = shlex.split(found["entry"])
    clone = tmp_path / "clone"
    (clone / ".ci").mkdir(parents=True)
    shutil.copy(TOP / entry, clone / entry)
    (clone / ".ci" / ".hook").symlink_to(BIN.parent)
    return [str(clone / entry), *words]


@pytest.mark.parametrize(("name", "code"), [("acme", 0), ("quickstart", 0), ("broken", 4)])
def test_the_pre_commit_hook_passes_good_manifests_and_stops_bad_ones(
    name: str, code: int, hook: list[str], tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(TOP / "examples" / name, checkout)
    plant(checkout)
    assert run([*hook], checkout, PYTHONPATH=".").returncode == code
    assert ran(checkout) == set()


def test_the_hook_installs_what_is_beside_it_once(hook: list[str], tmp_path: Path) -> None:
    beside = Path(hook[0]).parent
    (beside / ".hook").unlink()
    (beside / "install").write_text(f'echo installing; ln -s {BIN.parent} "$1"\n')
    first, second = (run(hook, TOP / "examples" / "acme") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    assert "installing" in first.stderr and "installing" not in first.stdout + second.stderr


def test_the_pre_commit_hooks_fit_their_schema() -> None:
    (found,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language"} <= set(found)
    assert os.access(TOP / found["entry"].split()[0], os.X_OK)
