"""The examples say what they claim: each broken one breaks its rule and no other, the good ones are valid and apply."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gatectl import reconcile
from gatectl.cli.options import Globals, load_project
from gatectl.kinds import KINDS
from gatectl.manifests import commits, loading
from gatectl.manifests.places import locate
from gatectl.model import Finding
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection
from gatectl.project import Environment, bare_project
from gatectl.records import read_records
from gatectl.rules import RULES

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BROKEN = sorted((EXAMPLES / "broken").glob("*.yaml"))
LIVE = {"GW405", *(rule for rule in RULES if rule.startswith("GW5"))}
"""The rules that need the platform."""
UNREAD = {"GW108"}
"""The rule about files that are not read; its example is one of them."""


def offline(*paths: Path) -> list[Finding]:
    return locate(loading.load(bare_project(EXAMPLES), paths, "default").findings)


def planned(folder: Path, *paths: Path) -> dict[str, Any]:
    """The plan of manifests against an embedded platform that does not exist yet."""
    project, environment = bare_project(folder), Environment("default", "embedded")
    request = reconcile.Request(project, environment, tuple(map(str, paths)))
    return planned_on(folder, request, loading.load(project, paths, "default"))


def planned_on(folder: Path, request: reconcile.Request, loaded: loading.Loaded) -> dict[str, Any]:
    connection = Connection("embedded", folder)
    with closing(driver_for("embedded").open_reader(connection)) as reader:
        records = read_records(connection, reader)
        return dict(reconcile.make_plan(request, loaded, commits.Checkout(folder, []), reader, records))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_each_broken_example_breaks_its_rule_and_no_other(path: Path, tmp_path: Path) -> None:
    found = {f.rule for f in offline(path)}
    if path.stem in LIVE:
        assert found == set()
        assert {d["rule"] for d in planned(tmp_path, path)["diagnostics"]} == {path.stem}
    else:
        assert found == {path.stem}


def test_every_offline_rule_has_a_broken_example() -> None:
    assert {path.stem for path in BROKEN} >= set(RULES) - LIVE - UNREAD


def test_all_broken_examples_together_break_the_same_rules() -> None:
    found = offline(EXAMPLES / "broken")
    assert all(f.place and Path(f.place.file).name.split(".")[0] == f.rule for f in found)
    assert {f.rule for f in found} == {path.stem for path in BROKEN} - LIVE | UNREAD


def test_there_is_a_good_example_of_every_kind() -> None:
    loaded = [
        loading.load(bare_project(EXAMPLES), [EXAMPLES / name / "manifests"], "default")
        for name in ("quickstart", "acme")
    ]
    assert {manifest.kind for each in loaded for manifest in each.desired.manifests} == set(KINDS)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_each_broken_example_begins_by_saying_which_rule_it_breaks(path: Path) -> None:
    first = path.read_bytes().split(b"\n", 1)[0].decode()
    assert re.match(rf"# {path.stem}\b", first)
    assert f"`{path.name}`" in (path.parent / "README.md").read_text()


@pytest.mark.parametrize("name", ["quickstart", "acme"])
def test_the_good_examples_are_valid_and_plan_to_creations_only(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".gatectl"))
    monkeypatch.chdir(folder)
    project = load_project(Globals())
    environment = project.environments["default"]
    paths = loading.manifest_paths(project, environment, ())
    loaded = loading.load(project, paths, "default")
    assert [f for f in loaded.findings if f.severity == "error"] == []
    plan = planned_on(folder, reconcile.Request(project, environment), loaded)
    assert [d for d in plan["diagnostics"] if d["severity"] == "error"] == []
    assert {op["action"] for op in plan["operations"]} == {"create"}
    assert len(plan["operations"]) == plan["summary"]["create"] == loaded.documents
