"""What the README says, held against the program: its tour is taken, its tables are compared, its YAML is validated.

`python tests/test_readme.py` writes the README's generated parts again: the tour's output and the table of rules.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

import reference
from gatectl import errors, parse
from gatectl.cli import COMMANDS, gatectl
from gatectl.kinds import KINDS
from gatectl.platforms import driver_for
from gatectl.rules import RULES
from gatectl.sources import read_schema

TOP = Path(__file__).resolve().parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent

FENCE = re.compile(r"(?:^<!-- (?P<mark>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")
GLOBAL = {option for parameter in gatectl.params for option in parameter.opts} - {"--version"}


def section(title: str) -> str:
    """The text below a heading, up to the next heading of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the README has no section '{title}'"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """The rows of the one table in a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def options_of(command: click.Command) -> set[str]:
    return {name for p in command.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)}


def command_named(name: str) -> click.Command:
    found = gatectl.get_command(click.Context(gatectl), name)
    assert found is not None
    return found


# The two commands


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_each_of_the_two_commands_is_there_once_on_one_line(name: str) -> None:
    marked = [fence["text"] for fence in FENCE.finditer(README) if fence["mark"] == f"command: {name}"]
    assert len(marked) == 1
    assert re.match(r"\.ci/install (--dev )?\.venv && ", marked[0])
    assert marked[0].count("\n") == 1


def test_no_other_command_is_marked() -> None:
    assert re.findall(r"<!-- command: (\w+) -->", README) == ["quickstart", "tests"]


# The tour


def run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return FINGERPRINT.sub("sha256:…", done.stdout)


def retake(folder: Path) -> Iterator[tuple[str, str]]:
    """Each console block of the tour as it stands, and as it comes out when the tour is taken in a folder."""
    hidden = ("GATECTL_", "AWS_", "GCS_", "NO_COLOR")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    for fence in FENCE.finditer(section("Five minutes")):
        if fence["language"] == "yaml":
            (folder / fence["mark"].removeprefix("file: ")).write_text(fence["text"], encoding="utf-8")
        elif fence["language"] == "console":
            lines = []
            for command in re.findall(r"^\$ (.*)$", fence["text"], re.MULTILINE):
                lines.append(f"$ {command}\n")
                if command.startswith("export "):
                    environment |= dict(pair.split("=") for pair in command.split()[1:])
                else:
                    lines.append(run(command, folder, environment))
            yield fence["text"], "".join(lines)


def test_the_tour_comes_out_as_it_is_printed(tmp_path: Path) -> None:
    for printed, real in retake(tmp_path):
        assert real == printed


# YAML


def manifests() -> list[str]:
    blocks = [fence["text"] for fence in FENCE.finditer(README) if fence["language"] == "yaml"]
    return [text for text in blocks if any(f"kind: {kind}\n" in text for kind in KINDS)]


@pytest.mark.parametrize("text", manifests())
def test_every_manifest_is_valid_but_the_one_that_shows_a_collision(text: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "gatectl", "validate", "-"], input=text, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    collides = "{type: GCS, bucket: acme-orders}" in text
    assert done.returncode == (errors.INVALID if collides else errors.DONE), done.stdout


def test_the_project_file_is_valid_and_its_platforms_exist(tmp_path: Path) -> None:
    (text,) = (fence["text"] for fence in FENCE.finditer(section("The project file")))
    (tmp_path / "gatectl.yaml").write_text(text, encoding="utf-8")
    manifests = tmp_path / "manifests"
    for name in ("workspace.yaml", "shared/workspace.yaml"):
        (manifests / name).parent.mkdir(parents=True, exist_ok=True)
        workspace = f"apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {{name: w{len(name)}}}\n"
        (manifests / name).write_text(workspace)
    done = subprocess.run([BIN / "gatectl", "validate"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == errors.DONE, done.stdout + done.stderr
    for environment in yaml.safe_load(text)["spec"]["environments"].values():
        driver_for(environment["platform"])


def blocks_with(word: str) -> list[str]:
    return [fence["text"] for fence in FENCE.finditer(README) if fence["language"] == "yaml" and word in fence["text"]]


def linted(tool: str, *arguments: str, folder: Path) -> None:
    done = subprocess.run([BIN / tool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", blocks_with("\njobs:\n"))
def test_every_workflow_fits_the_schema_and_zizmor_finds_nothing(text: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "gateway.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text.replace("@COMMIT", f"@{'0' * 40}"))
    linted("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file), folder=tmp_path)
    linted("zizmor", "--offline", "--no-progress", "--strict-collection", ".", folder=tmp_path)
    for path in re.findall(r"OWNER/gatectl/(\S+)@COMMIT", text):
        assert (TOP / path).exists()


def test_a_workflow_gives_the_reusable_one_what_its_jobs_need() -> None:
    (text,) = blocks_with("gitops.yml@COMMIT")
    (job,) = yaml.safe_load(text)["jobs"].values()
    called = yaml.safe_load((TOP / ".github/workflows/gitops.yml").read_text())
    takes = called[True]["workflow_call"]
    assert set(job["with"]) <= set(takes["inputs"])
    names = job["with"]["credentials"].split()
    numbered = {f"CREDENTIAL_{number}" for number in range(1, len(names) + 1)}
    assert set(job["secrets"]) == {name for name in takes["secrets"] if "CREDENTIAL_" not in name} | numbered
    assert set(job["secrets"]) <= set(takes["secrets"])
    needed: dict[str, set[str]] = {}
    for below in called["jobs"].values():
        for what, how in below["permissions"].items():
            needed.setdefault(what, set()).add(how)
    assert job["permissions"] == {what: "write" if "write" in how else "read" for what, how in needed.items()}


def test_the_hook_is_one_that_there_is() -> None:
    (text,) = blocks_with("hooks:")
    (repository,) = yaml.safe_load(text)["repos"]
    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in repository["hooks"]} == {hook["id"] for hook in hooks}
    assert repository["rev"] == "COMMIT"  # a tag can be moved


def test_the_faults_fit_their_schema() -> None:
    (text,) = blocks_with("probability:")
    Draft202012Validator(read_schema("faults")).validate(yaml.safe_load(text))


def test_there_is_no_example_that_no_test_runs() -> None:
    tested = [*manifests(), *blocks_with("\njobs:\n"), *blocks_with("hooks:"), *blocks_with("probability:"),
              *blocks_with("kind: Project\n")]  # fmt: skip
    tour = section("Five minutes")
    for fence in FENCE.finditer(README):
        if fence["language"] == "yaml":
            assert fence["text"] in tested, fence["text"]
        elif fence["language"] == "console":
            assert fence["text"] in tour, fence["text"]
        else:
            assert fence["language"] == "" or fence["mark"].startswith("command: "), fence["text"]


# Tables


def test_the_table_of_commands_has_every_command_and_no_other() -> None:
    named = [re.findall(r"`gatectl ([a-z]+)", row[0]) for row in rows(section("Commands").partition("### ")[0])]
    assert sorted(name for names in named for name in names) == sorted(COMMANDS)


def test_the_reference_is_what_the_program_says() -> None:
    assert reference.FILE.read_text(encoding="utf-8") == reference.reference(), (
        "write it again: python tests/reference.py"
    )


def test_the_reference_names_every_variable_that_is_read_and_no_other() -> None:
    assert reference.read_from_the_environment() == set(reference.VARIABLES)


def test_every_command_and_option_has_words_in_the_reference() -> None:
    text = reference.reference()
    for name in COMMANDS:
        assert f"\n## `gatectl {name} " in text
        for option in reference.own_options(name):
            assert option.help, (name, option.name)


def test_the_global_options_are_all_named() -> None:
    assert set(re.findall(r"`(--?[a-z-]+)`", section("Commands"))) >= GLOBAL - {"-h", "--help"}


def test_every_option_that_is_named_anywhere_exists() -> None:
    known = (GLOBAL | {"--help", "--version"}).union(*(options_of(command_named(name)) for name in COMMANDS))
    text = re.sub(r"<!-- command: .*?```$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


def test_an_option_that_is_named_with_a_command_is_an_option_of_it() -> None:
    for name, rest in re.findall(r"`(?:gatectl )?([a-z]+) ([^`\n]*)`", README):
        if name in COMMANDS:
            named = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", rest))
            assert named <= options_of(command_named(name)), (name, rest)


def test_the_table_of_exit_codes_has_every_code_and_no_other() -> None:
    table = {int(row[0]) for row in rows(section("Exit codes"))}
    constants = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert table == constants


def rule_rows() -> str:
    return "".join(f"| {rule.id} | {_low(rule.title)} |\n" for rule in RULES.values())


def _low(title: str) -> str:
    first = title.split()[0]
    return title if first.isupper() and len(first) > 1 else title[0].lower() + title[1:]


def test_the_table_of_rules_is_the_programs_own() -> None:
    assert README.partition("| --- | --- |\n")[2]  # there are tables at all
    assert section("Rules").partition("| --- | --- |\n")[2].partition("<!-- /rules -->")[0] == rule_rows()


def test_every_rule_that_is_named_anywhere_exists() -> None:
    assert set(re.findall(r"\bGW\d{3}\b", README)) <= set(RULES)


def test_the_adjustable_rules_are_the_ones_it_says() -> None:
    said = re.search(r"A project file may set the severity of ([^.]*)\.", section("Rules").replace("\n", " "))
    assert said is not None
    assert set(re.findall(r"GW\d{3}", said[1])) == {rule.id for rule in RULES.values() if rule.adjustable}


def test_the_table_of_kinds_is_the_programs_own() -> None:
    assert sorted(row[0] for row in rows(section("Kinds"))) == sorted(KINDS)


def test_every_environment_variable_that_is_named_exists() -> None:
    told = set(reference.option_variables()) | set(reference.VARIABLES)
    ours = {"GATECTL_PLAN_TOKEN", "GATECTL_ENVIRONMENT"}  # of the starter's pipeline, which the program writes
    assert ours <= set(re.findall(r"\bGATECTL_[A-Z_]+\b", "".join(_sources())))
    assert set(re.findall(r"\bGATECTL_[A-Z_]+\b", README)) <= told | ours


def _sources() -> Iterator[str]:
    for path in (TOP / "src").rglob("*.py"):
        yield path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "limit",
    [
        f"{parse.MAX_BYTES // 1024 // 1024} MiB",
        f"{parse.MAX_VALUES:,} values",
        f"{parse.MAX_DEPTH} levels",
        f"{parse.MAX_ALIASED:,} expanded values",
    ],
)
def test_the_limits_are_the_programs_own(limit: str) -> None:
    assert limit in section("Limits")


def test_every_file_that_it_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (TOP / target).exists(), target


# Writing the generated parts again


def rewrite() -> None:
    text = README
    with tempfile.TemporaryDirectory() as name:
        for printed, real in retake(Path(name)):
            text = text.replace(f"```console\n{printed}```", f"```console\n{real}```", 1)
    replacement: Callable[[Any], str] = lambda found: found[1] + rule_rows() + found[2]  # noqa: E731
    text = re.sub(r"(<!-- rules -->\n.*\n.*\n)(?:.*\n)*?(<!-- /rules -->)", replacement, text)
    (TOP / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
