"""Projects beside and inside each other, environments with manifests of their own, and what is not read."""

from __future__ import annotations

import json

from cli.conftest import GOOD, Shell, project


def with_exclude(*patterns: str) -> str:
    return json.dumps(
        {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"}, "spec": {"exclude": patterns}}
    )


def test_other_yaml_of_the_folder_can_be_excluded(shell: Shell) -> None:
    shell.write("orders.yaml", GOOD)
    shell.write("compose.yaml", "services: {}\n")
    shell.write("chart/templates/t.yaml", "{{- if .Values.x }}\na: b\n{{- end }}\n")
    assert shell("validate").code == 4
    shell.write("gatectl.yaml", with_exclude("chart/", "compose.yaml"))
    assert shell("validate").out == "Valid: 2 manifests in 1 file.\n"
    assert [p["path"] for p in shell("plan", "--format", "json").json["source"]["inputs"]] == ["orders.yaml"]


def test_a_pattern_that_is_none_is_a_finding_in_the_project_file(shell: Shell) -> None:
    shell.write("gatectl.yaml", with_exclude("charts/", "!"))
    (found,) = shell("validate", "--format", "json").json["findings"]
    assert (found["rule"], found["file"], found["path"]) == ("GW205", "gatectl.yaml", "/spec/exclude/1")


def test_an_object_called_as_the_project_file_is_exported_to_a_file_that_is_read(shell: Shell) -> None:
    shell.write("gatectl.yaml", project())
    shell.write("manifests/a.yaml", GOOD.replace("name: data", "name: gatectl"))
    assert shell("apply", "--yes").code == 0
    assert shell("export", "--out", "out").code == 0
    assert (shell.folder / "out/default/repositorys/gatectl-repository.yaml").is_file()
    assert shell("plan", "--detailed-exitcode", "out").code == 0
    assert "3 manifests" in shell("validate", "out").out
