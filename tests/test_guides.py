"""What the README and the guides say, held against the program: each is followed from top to bottom, its YAML is validated,
its links lead somewhere, and what it names exists.

How a page is followed, and which marks its blocks may have: `pages.py`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

import reference
from gatectl import errors
from gatectl.cli import COMMANDS, gatectl
from gatectl.kinds import KINDS
from gatectl.manifests import nodes
from gatectl.manifests.sources import read_schema
from gatectl.platforms import driver_for
from gatectl.rules import RULES
from pages import BIN, GUIDES, README, RULE_TABLE, TOP, Block, Page, follow, followed, page, rule_rows

PAGES = followed()
LINKING = [
    *PAGES,
    *(page(TOP / ".github" / f"{name}.md") for name in ("CHANGELOG", "CONTRIBUTING", "REFERENCE", "SECURITY")),
    *map(page, sorted(TOP.glob("examples/*/README.md"))),
    page(TOP / "tests" / "benchmarks" / "README.md"),
]
GLOBAL = {option for parameter in gatectl.params for option in parameter.opts} - {"--version"}


def named(of: Page) -> str:
    return of.name


def blocks(of: list[Page], language: str) -> list[object]:
    """The blocks of a language as parameters of a test, called by page and number."""
    return [
        pytest.param(block, id=f"{page.path.stem}-{number}")
        for page in of
        for number, block in enumerate(page.blocks, 1)
        if block.language == language
    ]


def documents(text: str) -> list[dict[str, object]]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


# Examples


@pytest.mark.parametrize("of", PAGES, ids=named)
def test_what_it_prints_is_what_comes_out(of: Page, tmp_path: Path) -> None:
    for block, real in follow(of, tmp_path):
        assert real == block.text, "if that is right, write the pages again: python tests/test_readme.py"


NOT_RUN = {"README.md": ["a drawing"]}
"""The blocks that nobody can run, and why."""


@pytest.mark.parametrize("of", PAGES, ids=named)
def test_there_is_no_example_that_no_test_runs(of: Page) -> None:
    unrun = []
    for block in of.blocks:
        if block.mark.startswith("not run: "):
            unrun.append(block.mark.removeprefix("not run: "))
        elif block.language != "console":
            named = block.file is not None or block.mark.startswith("command: ")
            assert named or block.language == "yaml", block.text
    assert unrun == NOT_RUN.get(of.name, [])


# YAML


@pytest.mark.parametrize("block", blocks(PAGES, "yaml"))
def test_yaml_is_valid_or_breaks_the_rules_that_it_says(block: Block, tmp_path: Path) -> None:
    if "\njobs:\n" in block.text:
        _workflow(block.text, tmp_path)
        return
    if block.file in (".pre-commit-config.yaml", ".gitlab-ci.yml"):
        {".pre-commit-config.yaml": _hooks, ".gitlab-ci.yml": _included}[block.file](block.text, tmp_path)
        return
    for document in documents(block.text):
        if document.get("kind") == "Project":
            _project(block.text, document, tmp_path)
        elif document.get("kind") in KINDS:
            _manifests(block, tmp_path)
        else:
            schema = re.match(r"# yaml-language-server: \$schema=\S*?(\w+)\.schema\.json\n", block.text)
            assert schema is not None, "YAML of no kind says which schema it is of"
            Draft202012Validator(read_schema(schema[1])).validate(document)


def _manifests(block: Block, folder: Path) -> None:
    done = subprocess.run(
        [BIN / "gatectl", "validate", "-", "--format", "json"],
        input=block.text, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert {finding["rule"] for finding in json.loads(done.stdout)["findings"]} == block.breaks
    assert done.returncode == (errors.INVALID if block.breaks else errors.DONE)


def _project(text: str, project: dict[str, object], folder: Path) -> None:
    """The project file is one with which manifests can be validated, and its platforms exist."""
    (folder / "gatectl.yaml").write_text(text, encoding="utf-8")
    spec = project["spec"]
    assert isinstance(spec, dict)
    environments = spec["environments"]
    for number, named in enumerate(n for e in (spec, *environments.values()) for n in e.get("manifests", ["."])):
        (folder / named).mkdir(parents=True, exist_ok=True)
        workspace = f"apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {{name: w{number}}}\n"
        (folder / named / f"w{number}.yaml").write_text(workspace)
    done = subprocess.run([BIN / "gatectl", "validate"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == errors.DONE, done.stdout + done.stderr
    for environment in environments.values():
        driver_for(environment["platform"])


def _linted(tool: str, *arguments: str, folder: Path) -> None:
    done = subprocess.run([BIN / tool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _workflow(text: str, folder: Path) -> None:
    """The workflow fits GitHub's schema, zizmor finds nothing, and what it uses of ours exists."""
    file = folder / ".github" / "workflows" / "gateway.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text.replace("@COMMIT", f"@{'0' * 40}"))
    _linted("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file), folder=folder)
    _linted("zizmor", "--offline", "--no-progress", "--strict-collection", ".", folder=folder)
    for path in re.findall(r"OWNER/gatectl/(\S+)@COMMIT", text):
        assert (TOP / path).exists()


def _hooks(text: str, _folder: Path) -> None:
    """The hooks are those that there are, of one commit."""
    (repository,) = yaml.safe_load(text)["repos"]
    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in repository["hooks"]} == {hook["id"] for hook in hooks}
    assert repository["rev"] == "COMMIT"  # a tag can be moved


def _included(text: str, folder: Path) -> None:
    """The pipeline fits GitLab's schema, includes a file of ours, and gives it what it asks for."""
    file = folder / ".gitlab-ci.yml"
    file.write_text(text)
    _linted("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file), folder=folder)
    (included,) = yaml.safe_load(text)["include"]
    component, _ = yaml.safe_load_all((TOP / included["file"].removeprefix("/")).read_text())
    inputs = component["spec"]["inputs"]
    assert set(inputs) >= set(included["inputs"]) >= {name for name, how in inputs.items() if "default" not in how}
    assert included["ref"] == included["inputs"]["commit"] == "COMMIT"  # a tag can be moved


def test_a_workflow_gives_the_reusable_one_what_its_jobs_need() -> None:
    (text,) = (b.text for of in PAGES for b in of.blocks if b.language == "yaml" and "gitops.yml@COMMIT" in b.text)
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


# Links


@pytest.mark.parametrize("of", LINKING, ids=named)
def test_every_link_leads_to_a_file_that_exists_and_a_heading_in_it(of: Page) -> None:
    for link in of.links():
        file, _, anchor = link.partition("#")
        target = (of.path.parent / file).resolve() if file else of.path
        assert target.exists(), link
        if anchor:
            assert target.suffix == ".md" and anchor in page(target).anchors(), link


def test_the_readme_says_where_each_guide_is() -> None:
    linked = {(TOP / link.partition("#")[0]).resolve() for link in page(README).links()}
    assert set(GUIDES.glob("*.md")) <= linked


@pytest.mark.parametrize("of", [of for of in PAGES if of.path != README], ids=named)
def test_a_guide_opens_with_who_needs_it_and_what_they_will_be_able_to_do(of: Page) -> None:
    first = of.text.split("\n\n")[1].replace("\n", " ")
    assert re.match(r"For .*\bYou will be able to\b", first), first


# Tables


def test_there_is_one_table_of_rules_and_it_is_the_programs_own() -> None:
    (table,) = (found for of in PAGES for found in RULE_TABLE.finditer(of.text))
    assert table[0] == table[1] + rule_rows() + table[2]


def test_the_adjustable_rules_are_the_ones_they_say() -> None:
    said = [
        re.findall(r"GW\d{3}", found[1])
        for of in PAGES
        for found in re.finditer(r"A project file may set the severity of ([^.]*)\.", of.text.replace("\n", " "))
    ]
    assert [sorted(rules) for rules in said] == [sorted(rule.id for rule in RULES.values() if rule.adjustable)]


@pytest.mark.parametrize(
    "limit",
    [
        f"{nodes.MAX_BYTES // 1024 // 1024} MiB",
        f"{nodes.MAX_VALUES:,} values",
        f"{nodes.MAX_DEPTH} levels",
        f"{nodes.MAX_ALIASED:,} expanded values",
    ],
)
def test_the_limits_are_the_programs_own(limit: str) -> None:
    (section,) = (of.section("Limits") for of in PAGES if "\n## Limits\n" in of.text)
    assert limit in section


# What they name


def options_of(command: click.Command) -> set[str]:
    return {name for p in command.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)}


def command_named(name: str) -> click.Command:
    found = gatectl.get_command(click.Context(gatectl), name)
    assert found is not None
    return found


@pytest.mark.parametrize("of", PAGES, ids=named)
def test_every_option_that_it_names_exists(of: Page) -> None:
    known = (GLOBAL | {"--help", "--version"}).union(*(options_of(command_named(name)) for name in COMMANDS))
    text = re.sub(r"<!-- command: .*?```$", "", of.text, flags=re.MULTILINE | re.DOTALL)  # those are of other programs
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


@pytest.mark.parametrize("of", PAGES, ids=named)
def test_an_option_that_is_named_with_a_command_is_an_option_of_it(of: Page) -> None:
    for name, rest in re.findall(r"`(?:gatectl )?([a-z]+) ([^`\n]*)`", of.text):
        if name in COMMANDS:
            written = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", rest))
            assert written <= options_of(command_named(name)) | GLOBAL, (name, rest)


@pytest.mark.parametrize("of", PAGES, ids=named)
def test_every_rule_that_it_names_exists(of: Page) -> None:
    assert set(re.findall(r"\bGW\d{3}\b", of.text)) <= set(RULES)


@pytest.mark.parametrize("of", PAGES, ids=named)
def test_every_environment_variable_that_it_names_exists(of: Page) -> None:
    told = set(reference.option_variables()) | set(reference.VARIABLES)
    ours = {"GATECTL_PLAN_TOKEN", "GATECTL_ENVIRONMENT"}  # of the starter's pipeline, which the program writes
    assert ours <= set(re.findall(r"\bGATECTL_[A-Z_]+\b", "".join(_sources())))
    assert set(re.findall(r"\bGATECTL_[A-Z_]+\b", of.text)) <= told | ours


def _sources() -> Iterator[str]:
    for path in (TOP / "src").rglob("*.py"):
        yield path.read_text(encoding="utf-8")
