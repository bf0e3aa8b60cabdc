"""Projects beside and inside each other, environments with manifests of their own, and what is not read."""

from __future__ import annotations

import json
from typing import Any

from cli.conftest import BUCKET, GOOD, Shell, project


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
    assert (shell.folder / "out/default/repositories/gatectl-repository.yaml").is_file()
    assert shell("plan", "--detailed-exitcode", "out").code == 0
    assert "3 manifests" in shell("validate", "out").out


ORDERS = (
    "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: orders}\nspec: {endpointType: S3, resources: []}\n"
)
TWICE = ORDERS.replace("[]", "[{type: S3, bucket: abc}, {type: GCS, bucket: abc}]")


def told(shell: Shell, *arguments: str) -> tuple[int, list[str]]:
    """The exit code of `validate`, and its findings in short."""
    done = shell("validate", "--format", "json", *arguments)
    return done.code, [f"{f['rule']} {f['file']}:{f['line']}" for f in done.json["findings"]]


def environments(*names: str, **more: Any) -> str:
    return project(**{name: {"platform": "embedded", "workspace": name, "manifests": [name], **more} for name in names})


def test_validate_checks_each_environment_by_itself(shell: Shell) -> None:
    shell.write("gatectl.yaml", environments("dev", "prod"))
    shell.write("dev/a.yaml", ORDERS)
    shell.write("prod/a.yaml", ORDERS)
    assert shell("validate").out == "Valid: 2 manifests in 2 files.\n"
    shell.write("prod/b.yaml", ORDERS)
    assert told(shell) == (4, ["GW304 prod/b.yaml:3"])
    assert told(shell, "-e", "dev") == (0, [])
    assert shell("plan").code == 64
    assert shell("graph").code == 64


def test_the_default_environment_is_one_of_them(shell: Shell) -> None:
    shell.write("gatectl.yaml", environments("default", "prod"))
    shell.write("default/a.yaml", ORDERS)
    shell.write("prod/a.yaml", TWICE)
    assert told(shell) == (4, ["GW301 prod/a.yaml:4"])
    assert told(shell, "-e", "default") == (0, [])


def test_what_several_environments_share_is_told_once(shell: Shell) -> None:
    shared = {"manifests": ["shared"], "platform": "embedded"}
    shell.write("gatectl.yaml", project(**{n: shared | {"workspace": n} for n in ("dev", "stage", "prod")}))
    shell.write("shared/a.yaml", TWICE + "---\n" + TWICE)
    done = shell("validate", "--format", "json")
    assert [f["rule"] for f in done.json["findings"]] == ["GW301", "GW304", "GW301"]
    assert done.json["summary"] == {"files": 1, "manifests": 2, "errors": 3, "warnings": 0}
    assert "environment" not in done.out


def test_what_only_some_have_says_whose_it_is(shell: Shell) -> None:
    dev = {"platform": "embedded", "workspace": "dev", "manifests": ["shared"]}
    shell.write("gatectl.yaml", project(dev=dev, prod=dev | {"workspace": "w", "manifests": ["prod", "shared"]}))
    shell.write("shared/z.yaml", ORDERS)
    shell.write("prod/a.yaml", ORDERS)
    (found,) = shell("validate", "--format", "json").json["findings"]
    assert (found["rule"], found["file"]) == ("GW304", "shared/z.yaml")
    assert found["message"].endswith("(in environment prod)")


def test_above_several_projects_validate_checks_each_of_them(shell: Shell) -> None:
    shell.write("teams/a/gatectl.yaml", project())
    shell.write("teams/a/manifests/x.yaml", ORDERS)
    shell.write("teams/b/gatectl.yaml", environments("dev", "prod"))
    shell.write("teams/b/dev/x.yaml", ORDERS)
    shell.write("teams/b/prod/x.yaml", ORDERS)
    assert shell("validate").out == "Valid: 3 manifests in 3 files.\n"
    assert shell("validate", "teams/a").out == "Valid: 1 manifest in 1 file.\n"
    shell.write("teams/b/prod/x.yaml", TWICE)
    shell.write("teams/c/gatectl.yaml", project(default={"platfrom": "embedded"}))
    code, found = told(shell)
    assert code == 4
    assert found[0].startswith("GW20") and "teams/c/gatectl.yaml" in found[0]
    assert found[-1] == "GW301 teams/b/prod/x.yaml:4"
    assert told(shell, "teams/a", "nosuch") == (4, ["GW106 nosuch:1"])


def test_above_several_projects_what_is_in_none_of_them_is_checked_too(shell: Shell) -> None:
    shell.write("a/gatectl.yaml", project())
    shell.write("a/manifests/x.yaml", ORDERS)
    shell.write("loose.yaml", TWICE)
    assert told(shell) == (4, ["GW301 loose.yaml:4"])


def test_a_plan_above_several_projects_names_one(shell: Shell) -> None:
    shell.write("a/gatectl.yaml", project())
    shell.write("a/manifests/x.yaml", BUCKET)
    done = shell("plan")
    assert done.code == 4
    assert f"--project {shell.folder}/a" in done.out


def test_what_an_environment_cannot_be_reached_by_is_no_matter_to_validate(shell: Shell) -> None:
    shell.write("gatectl.yaml", project(default={"platform": "embedded"}, prod={"platform": "http://gateway.example"}))
    shell.write("manifests/a.yaml", ORDERS)
    assert shell("validate").code == 0


QUOTED = """apiVersion: gatectl.io/v1
kind: Project
metadata: {name: “acme”}
spec: {manifests: [manifests]%s}
"""


def test_a_warning_about_the_project_file_hides_no_manifest(shell: Shell) -> None:
    shell.write("gatectl.yaml", QUOTED % "")
    shell.write("manifests/all.yaml", "kind: Nonsense")
    done = shell("validate", "--format", "json")
    assert done.code == 4
    assert {(f["rule"], f["file"]) for f in done.json["findings"]} >= {
        ("GW205", "gatectl.yaml"),
        ("GW107", "manifests/all.yaml"),
    }
    shell.write("manifests/all.yaml", BUCKET)
    assert shell("plan").code == 0
    assert [f["rule"] for f in shell("plan", "--format", "json").json["diagnostics"]] == ["GW205"]


def test_a_warning_about_the_project_file_is_a_matter_of_its_rules(shell: Shell) -> None:
    shell.write("manifests/all.yaml", BUCKET)
    for setting, code, count in (("off", 0, 0), ("warning", 0, 1), ("error", 4, 1)):
        shell.write("gatectl.yaml", QUOTED % f", rules: {{GW205: {setting}}}")
        done = shell("validate", "--format", "json")
        assert (done.code, len(done.json["findings"])) == (code, count)


def test_beside_a_warning_the_project_file_is_held_to_its_folder_all_the_same(shell: Shell) -> None:
    shell.write("gatectl.yaml", QUOTED.replace("[manifests]", "[/etc]") % "")
    done = shell("validate", "--format", "json")
    assert (done.code, {f["rule"] for f in done.json["findings"]}) == (4, {"GW101", "GW205"})
