"""`validate` of a fleet file that is named, beside manifests and alone; in a folder of manifests it is told that it is none."""

from __future__ import annotations

import json
from typing import Any

from cli.conftest import GOOD, Shell
from fleet.fleets import fleet


def test_a_fleet_file_that_is_named_is_checked(shell: Shell, fits: Any) -> None:
    shell.write("fleet.yaml", json.dumps(fleet()))
    done = shell("validate", "fleet.yaml", "--format", "json")
    assert done.code == 0
    fits(done.json, "findings")
    assert done.json["summary"] == {"files": 1, "manifests": 1, "errors": 0, "warnings": 0}


def test_each_mistake_in_it_has_its_line(shell: Shell) -> None:
    shell.write("fleet.yaml", "apiVersion: gatectl.io/v1\nkind: Fleet\nmetadata: {name: acme}\nspec:\n  sorces: []\n")
    done = shell("validate", "fleet.yaml")
    assert done.code == 4
    assert "fleet.yaml:5:3: error GW202: unknown field 'sorces' in spec" in done.out
    assert "did you mean 'sources'?" in done.out


def test_manifests_that_are_named_beside_it_are_checked_too(shell: Shell) -> None:
    shell.write("fleet.yaml", json.dumps(fleet()))
    shell.write("m/all.yaml", GOOD)
    assert shell("validate", "fleet.yaml", "m", "--format", "json").json["summary"]["files"] == 2
    shell.write("m/bad.yaml", "kind: Repo")
    assert shell("validate", "fleet.yaml", "m").code == 4


def test_where_only_a_fleet_is_named_the_projects_manifests_are_not_asked_for(shell: Shell) -> None:
    shell.write("gatectl.yaml", "kind: Project\nspec: [")
    shell.write("fleet.yaml", json.dumps(fleet()))
    assert shell("validate", "fleet.yaml").code == 0


def test_in_a_folder_of_manifests_it_is_told_that_it_is_none(shell: Shell) -> None:
    shell.write("m/all.yaml", GOOD)
    shell.write("m/fleet.yaml", json.dumps(fleet()))
    done = shell("validate", "m")
    assert done.code == 4
    assert "GW107: unknown kind 'Fleet'" in done.out and "a fleet file is no manifest" in done.out
    assert shell("plan", "m").code == 4


def test_its_fields_are_explained(shell: Shell) -> None:
    assert "whole number and" not in shell("explain", "fleet.spec").err
    assert "Default: 5m" in shell("explain", "fleet.spec.sources.interval").out
    assert shell("schema", "fleet").json["title"] == "Fleet"
