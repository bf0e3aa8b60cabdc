"""`--format FORMAT[=FILE]`, repeated: what is printed, what is written, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gatectl.cli.console import console_from
from gatectl.cli.output import top_of
from gatectl.reconcile import work_out
from gatectl.render import FORMATS

from .conftest import BUCKET, REPOSITORY, Shell

BROKEN = REPOSITORY + "    - {type: GCS, bucket: raw-events}\n"


def broken(shell: Shell) -> Shell:
    """A project in a subfolder of a checkout, with a collision in its manifests."""
    shell.good().write("manifests/all.yaml", BUCKET)
    shell.write("manifests/broken.yaml", BROKEN.replace("name: data", "name: other"))
    (shell.folder.parent / ".git").mkdir()
    return shell


def files(shell: Shell) -> set[str]:
    return {path.name for path in shell.folder.iterdir() if path.is_file()} - {"gatectl.yaml"}


# --- one run, several outputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_one_run_gives_text_for_the_log_and_files_for_the_rest(shell: Shell, command: str) -> None:
    broken(shell)
    plain = shell(command)
    found = shell(
        command, "--format", "text", "--format", "sarif=o.sarif", "--format=junit=j.xml", "--format", "json=j.json"
    )
    assert found == plain
    assert found.code == 4
    assert files(shell) == {"o.sarif", "j.xml", "j.json"}
    (result,) = json.loads((shell.folder / "o.sarif").read_text())["runs"][0]["results"]
    assert result["ruleId"] == "GW301"
    assert ET.parse(shell.folder / "j.xml").getroot().attrib["failures"] == "1"
    assert json.loads((shell.folder / "j.json").read_text()) == shell(command, "--format", "json").json


def test_text_is_printed_when_all_formats_have_files(shell: Shell) -> None:
    broken(shell)
    assert shell("validate", "--format", "gitlab=g.json") == shell("validate")
    assert json.loads((shell.folder / "g.json").read_text())[0]["check_name"] == "GW301"
    found = shell("validate", "--format", "text=t.txt", "--format", "json=-")
    assert found.json["summary"]["errors"] == 1
    assert (shell.folder / "t.txt").read_text() == shell("validate").out


def test_a_variable_may_name_several_formats(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(shell)
    monkeypatch.setenv("GATECTL_VALIDATE_FORMAT", "json sarif=o.sarif")
    assert shell("validate").json["summary"]["errors"] == 1
    assert files(shell) == {"o.sarif"}
    monkeypatch.setenv("GATECTL_PLAN_FORMAT", "gitlab")
    assert shell("plan").json[0]["check_name"] == "GW301"
    assert shell("plan", "--format", "text").out.endswith("No plan: 1 error.\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("validate --format json --format text", "only one format fits on standard output"),
        ("plan --format sarif --format sarif=-", "only one format fits on standard output"),
        ("validate --format sarif=a --format junit=./a", "the file is written twice"),
        ("plan --format json=p.json --out p.json", "the file is written twice"),
        ("validate --format sarif=", "names no file"),
        ("validate --format xml", "'xml' is not one of 'text', 'json', 'sarif'"),
        ("validate --format xml=a", "'xml' is not one of"),
        ("plan --format junit=ok --format sarif=nowhere/a", "nowhere does not exist"),
        ("show p.json --format sarif=a", "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(shell: Shell, line: str, words: str) -> None:
    broken(shell)
    found = shell(*line.split())
    assert found.code == (1 if line.startswith("show") else 64)
    assert words in found.err
    assert files(shell) == set()


def test_a_format_that_cannot_show_a_receipt_is_refused(shell: Shell) -> None:
    shell.good()
    shell("apply", "--yes", "--receipt", "r.json")
    found = shell("show", "r.json", "--format", "text", "--format", "sarif=s")
    assert found.code == 64
    assert found.err.startswith("error: a receipt cannot be shown as sarif\n")


def test_device_files_may_be_named_twice(shell: Shell) -> None:
    broken(shell)
    assert shell("validate", "--format", f"sarif={os.devnull}", "--format", f"junit={os.devnull}").code == 4


def test_a_failure_writes_no_file_and_one_document(shell: Shell) -> None:
    shell.good()
    for name in ("json", "sarif", "gitlab"):
        found = shell("plan", "-e", "nope", "--format", name, "--format", "text=t.txt", "--format", "junit=j.xml")
        assert found.code == 64
        assert found.json["error"]["code"] == "usage"
    assert ET.fromstring(shell("plan", "-e", "nope", "--format", "junit").out).attrib["errors"] == "1"
    assert shell("plan", "-e", "nope", "--format", "github").out.startswith("::error title=usage::")
    assert shell("plan", "-e", "nope", "--format", "sarif=x").out == ""
    assert shell("plan", "--format", "json=x", "--format", "json", "-e", "nope").json["error"]["code"] == "usage"
    assert files(shell) == set()


@pytest.mark.parametrize(
    ("words", "variable", "printed", "machine"),
    [
        ("", "", "text", False), ("--format json", "", "json", True), ("--format json=x", "", "text", False),
        ("--format text --format json=x", "", "text", False), ("--format json=x --format sarif", "", "sarif", True),
        ("--format=junit=-", "", "junit", True), ("", "text json=x", "text", False), ("", "json=x gitlab", "gitlab", True),
        ("--format text", "json", "text", False), ("--format github", "", "github", False), ("--format nope", "", "nope", False),
        ("--format text --format json", "", "json", True),
    ],
)  # fmt: skip
def test_how_a_failure_is_told_follows_the_format_of_standard_output(
    words: str, variable: str, printed: str, machine: bool
) -> None:
    console = console_from(["validate", *words.split()], {"GATECTL_VALIDATE_FORMAT": variable})
    assert (console.format, console.machine) == (printed, machine)


# --- names of files ----------------------------------------------------------------------------------------------------


def place(format_name: str, out: str) -> Any:
    if format_name == "sarif":
        (result,) = json.loads(out)["runs"][0]["results"]
        return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    if format_name == "gitlab":
        return json.loads(out)[0]["location"]["path"]
    if format_name == "github":
        return out.partition("file=")[2].partition(",")[0]
    return ET.fromstring(out).find("testsuite[@failures='1']").attrib["name"]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["sarif", "junit", "github", "gitlab"])
def test_formats_for_a_forge_name_files_relative_to_the_top_of_the_checkout(
    shell: Shell, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(shell)
    monkeypatch.chdir(shell.folder / "manifests")
    expected = "project/manifests/broken.yaml"
    assert place(name, shell("validate", "--format", name).out) == expected
    assert place(name, shell("plan", "--format", name).out) == expected
    (shell.folder.parent / ".git").rmdir()
    assert place(name, shell("validate", "--format", name).out) == "broken.yaml"


def test_a_file_outside_the_checkout_has_an_absolute_uri(shell: Shell) -> None:
    broken(shell)
    (shell.folder / ".git").mkdir()
    outside = shell.folder.parent / "out side.yaml"
    outside.write_text(BROKEN)
    found = shell("validate", str(outside), "--format", "sarif").out
    assert place("sarif", found) == outside.as_uri()
    base = json.loads(found)["runs"][0]["originalUriBaseIds"]["%SRCROOT%"]["uri"]
    assert base == f"{shell.folder.as_uri()}/"


def test_a_finding_of_the_project_file_and_one_without_a_place_are_told(shell: Shell) -> None:
    shell.good().write("gatectl.yaml", "a: 1\n")
    (shell.folder.parent / ".git").mkdir()
    found = shell("validate", "--format", "gitlab").json
    assert {issue["location"]["path"] for issue in found} == {"project/gatectl.yaml"}
    assert "    1 | a: …\n" in shell("validate").out


def test_the_top_of_a_checkout_is_found_through_links(tmp_path: Path) -> None:
    (tmp_path / "real/a/b").mkdir(parents=True)
    (tmp_path / "real/.git").write_text("gitdir: elsewhere\n")  # of a worktree
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert top_of(str(tmp_path / "real/a/b")) == str(tmp_path / "real")
    assert top_of(str(tmp_path / "link/a")) == str(tmp_path / "link")
    assert top_of(str(tmp_path / "link")) == str(tmp_path / "link")


# --- what a plan says in them ------------------------------------------------------------------------------------------


def test_a_valid_plan_is_an_empty_report(shell: Shell) -> None:
    shell.good()
    assert shell("plan", "--format", "gitlab").json == []
    assert shell("plan", "--format", "sarif").json["runs"][0]["results"] == []
    assert shell("plan", "--format", "github") == (0, "No findings.\n", "")
    root = ET.fromstring(shell("plan", "--format", "junit").out)
    assert (root.attrib["tests"], root.attrib["failures"]) == ("1", "0")
    assert shell("plan", "--format", "github", "--detailed-exitcode").code == 2


def test_a_finding_that_needs_the_platform_is_in_every_format_of_plan(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", REPOSITORY)
    for name in FORMATS["plan"]:
        found = shell("plan", "--format", name)
        assert found.code == 4
        assert "GW501" in found.out
    assert "      |       ^^^^" in shell("plan").out


def test_a_saved_plan_is_shown_in_these_formats_too(shell: Shell) -> None:
    shell.good()
    shell("plan", "--out", "p.json")
    assert shell("show", "p.json", "--format", "gitlab").json == []
    found = shell("show", "p.json", "--format", "sarif=s.json")
    assert found == shell("show", "p.json")
    assert files(shell) == {"p.json", "s.json"}


# --- source lines ------------------------------------------------------------------------------------------------------


def test_lines_are_shown_of_what_was_read_from_standard_input(shell: Shell) -> None:
    shell.good()
    found = shell.process("validate", "-", stdin=BROKEN.replace("\n", "\r\n"))
    assert "    9 |     - {type: GCS, bucket: raw-events}\n      |       ^^^" in found.out
    assert shell.process("validate", "-", "--format", "github", stdin=BROKEN).out.startswith("::error title=GW301::")


def test_columns_count_behind_a_byte_order_mark(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", "\ufeff" + REPOSITORY.replace("kind: Repository", "kind: x"))
    assert "    2 | kind: x\n      |       ^\n" in shell("validate").out
    shell.write("manifests/all.yaml", "\ufeff" + REPOSITORY.replace("gatectl.io/v1", "v1"))
    assert "    1 | apiVersion: v1\n      |             ^^\n" in shell("validate").out


def test_json_has_no_lines_and_a_quiet_log_still_has_the_errors(shell: Shell) -> None:
    broken(shell)
    assert "^^^" not in shell("validate", "--format", "json").out
    assert "^^^" in shell("validate", "-q").out


def test_a_file_that_changed_while_the_plan_was_made_shows_no_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(shell)

    def slow(*arguments: Any) -> Any:
        plan = work_out(*arguments)
        shell.write("manifests/broken.yaml", "# moved\n" + BROKEN)
        return plan

    monkeypatch.setattr("gatectl.reconcile.work_out", slow)
    found = shell("plan").out
    assert "GW301" in found
    assert "^^^" not in found
