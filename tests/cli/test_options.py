"""Global options, environment variables, the project file, and what standard output and standard error carry."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from gatectl.cli import COMMANDS
from gatectl.version import __version__

from .conftest import GOOD, REPOSITORY, Shell, project

ESCAPE = "\x1b"


@pytest.mark.parametrize(
    "line", ["--platform {t} plan", "plan --platform {t}", "--platform=nonsense plan --platform={t}"]
)
def test_global_options_go_before_and_after_the_command_and_the_nearer_wins(shell: Shell, line: str) -> None:
    shell.good()
    target = f"sqlite:///{shell.folder}/other.db"
    found = shell(*line.format(t=target).split(), "--format", "json")
    assert found.json["target"]["url"] == target


def test_a_variable_stands_for_a_global_option_and_the_option_wins(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    monkeypatch.setenv("GATECTL_PLATFORM", "sqlite:///one.db")
    assert shell("plan", "--format", "json").json["target"]["url"] == f"sqlite:///{shell.folder}/one.db"
    assert shell("plan", "--platform", "embedded", "--format", "json").json["target"]["driver"] == "embedded"


def test_a_variable_stands_for_an_option_of_a_command_even_when_the_command_fails(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    monkeypatch.setenv("GATECTL_PLAN_FORMAT", "json")
    assert shell("plan").json["summary"]["create"] == 2
    assert shell("-e", "nope", "plan").json["error"]["code"] == "usage"
    assert shell("--color", "never", "plan", "--bogus").json["error"]["code"] == "usage"
    assert shell("validate").out.startswith("Valid")


def test_no_variable_says_yes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.good()
    for name in ("GATECTL_YES", "GATECTL_APPLY_YES"):
        monkeypatch.setenv(name, "1")
    assert shell("apply").code == 64


def test_the_project_file_is_found_upwards_and_names_are_relative_to_the_working_directory(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    deep = shell.folder / "a/b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert "1 to attach" in shell("plan").out
    shell.write("manifests/all.yaml", REPOSITORY.replace("endpointType", "endpointTyp"))
    assert shell("validate", "--format", "json").json["findings"][0]["file"] == "../../manifests/all.yaml"
    diagnostics = shell("plan", "--format", "json").json["diagnostics"]
    assert {d["file"] for d in diagnostics} == {"manifests/all.yaml"}, "plans name files relative to the project"


def test_a_project_may_be_named_by_its_file_or_its_folder(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.good()
    monkeypatch.chdir("/")
    for name in (shell.folder, shell.folder / "gatectl.yaml"):
        assert shell("validate", "--project", str(name)).out == "Valid: 2 manifests in 1 file.\n"


def test_without_a_project_the_working_directory_is_one_and_the_platform_is_embedded(shell: Shell) -> None:
    shell.write("a.yaml", GOOD)
    assert shell("apply", "--yes").code == 0
    assert (shell.folder / ".gatectl/platform.db").exists()
    assert shell("plan", "--detailed-exitcode").code == 0


def test_an_environment_has_to_be_chosen_where_none_is_the_default(shell: Shell) -> None:
    shell.good().write("gatectl.yaml", project(one={"platform": "embedded"}, two={"platform": "sqlite:///two.db"}))
    refused = shell("plan")
    assert refused.code == 64
    assert "none is called 'default'" in refused.err
    assert "-e one | two" in refused.err
    assert shell("plan", "-e", "two", "--format", "json").json["target"]["driver"] == "sqlite"
    shell.write("gatectl.yaml", project(default={"platform": "embedded"}, two={"platform": "sqlite:///two.db"}))
    assert shell("plan", "--format", "json").json["target"]["driver"] == "embedded"


def test_an_environment_has_its_own_manifests_and_workspace(shell: Shell) -> None:
    shell.write("other/a.yaml", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: analytics}\n---\n" + GOOD)
    environment = {"platform": "embedded", "manifests": ["other"], "workspace": "analytics"}
    shell.good().write("gatectl.yaml", project(default={"platform": "embedded"}, prod=environment))
    names = [op["id"] for op in shell("plan", "-e", "prod", "--format", "json").json["operations"]]
    assert names == ["workspace/analytics", "bucket/analytics/raw-aws", "repository/analytics/data"]
    names = [
        op["id"] for op in shell("plan", "-e", "prod", "--workspace", "default", "--format", "json").json["operations"]
    ]
    assert "bucket/default/raw-aws" in names


def test_another_platform_drops_the_environments_token_and_workspace(shell: Shell) -> None:
    environment = {"platform": "https://gateway.invalid", "workspace": "analytics", "token": {"env": "NOT_SET"}}
    shell.good().write("gatectl.yaml", project(default=environment))
    found = shell("plan", "--platform", "embedded", "--format", "json").json
    target = {"driver": "embedded", "url": "embedded", "instance": None, "workspaces": ["default"]}
    assert found["target"].items() >= target.items()
    same = shell("plan", "--platform", "https://gateway.invalid", "--format", "json")
    assert same.json["error"]["code"] == "missing_credential", "the same platform keeps them"
    assert shell("validate").code == 0, "no credential is needed offline"


def test_manifests_come_from_standard_input_too(shell: Shell) -> None:
    found = shell.process(
        "validate", "-", "--format", "json", stdin=GOOD.replace("endpointType: S3", "endpointType: s3")
    )
    assert found.code == 4
    assert [(f["rule"], f["file"], f["line"]) for f in found.json["findings"]] == [("GW204", "-", 13)]
    assert shell.process("plan", "-", stdin=GOOD).code == 0


def test_the_version_is_answered_quickly_and_like_any_other_way(shell: Shell) -> None:
    assert shell.process("--version") == (0, f"gatectl {__version__}\n", "")
    assert shell("--version") == (0, f"gatectl {__version__}\n", "")
    code = "import sys; sys.argv = ['gatectl', '--version']; from gatectl.__main__ import main; main(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"click", "yaml", "sqlalchemy"} & set(loaded.split())


def test_help_is_there_for_every_command_and_an_unknown_one_gets_a_suggestion(shell: Shell) -> None:
    for name in COMMANDS:
        found = shell(name, "--help")
        assert (found.code, found.err) == (0, "")
        assert found.out.startswith(f"Usage: gatectl {name}")
    assert shell("vaildate").err == "error: no command is called 'vaildate'\n    hint: did you mean 'validate'?\n"
    assert "--format" in shell("plan", "--fromat", "json").err
    bare = shell()
    assert bare.out == ""
    assert bare.err.startswith("Usage: gatectl")


def test_quiet_says_less(shell: Shell) -> None:
    shell.good()
    assert shell("validate", "-q") == (0, "", "")
    assert shell("init", "x", "-q").err == ""
    assert "plan saved" in shell("plan", "--out", "p.json").err
    assert shell("plan", "-q", "--out", "p.json").err == ""


# --- how text looks ----------------------------------------------------------------------------------------------------


def test_colours_are_for_terminals_and_for_those_who_ask(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.good()
    assert ESCAPE not in shell("plan").out
    assert ESCAPE in shell("plan", "--color", "always").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert ESCAPE not in shell("plan", "--color", "never").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE in shell("plan", "--color", "always").out
    assert ESCAPE in shell("plan", "--color=always", "--bogus").err


def test_json_is_never_coloured(shell: Shell) -> None:
    shell.good()
    assert ESCAPE not in shell("plan", "--color", "always", "--format", "json").out


def test_what_goes_to_standard_error_may_be_json_lines(shell: Shell) -> None:
    shell.good()
    found = shell("plan", "--log-format", "json", "-e", "nope")
    assert [json.loads(line)["code"] for line in found.err.splitlines()] == ["usage"]
    found = shell("plan", "--log-format", "json", "--out", "p.json")
    assert json.loads(found.err) == {"level": "info", "message": "plan saved: gatectl apply --plan p.json"}


def test_a_terminal_that_knows_ascii_only_gets_escapes(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", GOOD.replace("name: data", "name: dätä"))
    found = shell.process("plan", PYTHONIOENCODING="ascii")
    assert found.code == 0
    assert "d\\xe4t\\xe4" in found.out
    assert shell.process("apply", "--yes", PYTHONIOENCODING="ascii").code == 0


@pytest.mark.parametrize("columns", ["1", "20", "0", "nonsense"])
def test_narrow_terminals_lose_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    shell.good()
    monkeypatch.setenv("COLUMNS", columns)
    assert "2 to create" in shell("plan").out
    assert "GW301" in shell("explain", "GW301").out


BELL = "a\\e]0;x\\a\\rb"  # in a double-quoted YAML string: an escape sequence, a bell and a carriage return


def test_control_characters_from_manifests_are_shown_as_escapes(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", REPOSITORY.replace("name: data", f'name: "{BELL}", "{BELL}": 1'))
    for found in (shell("validate"), shell("plan"), shell("validate", "--format", "json")):
        assert found.code == 4
        assert not {c for c in found.out if not c.isprintable()} - {"\n"}
    assert "\\x1b]0;x\\x07\\rb" in shell("validate").out


def test_control_characters_from_the_platform_are_shown_as_escapes(shell: Shell) -> None:
    from gatectl.platforms import driver_for
    from gatectl.platforms.interface import Connection

    shell.good()
    assert shell("apply", "--yes").code == 0
    writer = driver_for("embedded").open_writer(Connection("embedded", shell.folder))
    reader = driver_for("embedded").open_reader(Connection("embedded", shell.folder))
    workspace = reader.list("workspace")[0]["id"]
    body = {"name": "a\u202eb", "storageType": "S3", "bucket": "x", "key": "k", "secret": "s", "workspaceId": workspace}
    writer.create("bucket", body)
    writer.close()
    reader.close()
    assert "a\\u202eb" in shell("plan", "-v").out


def test_odd_file_names_are_shown_and_do_not_break_json(shell: Shell) -> None:
    name = os.fsdecode(b"m/caf\xe9 \x1b[31m.yaml")
    shell.write(name, REPOSITORY.replace("endpointType: S3", "endpointType: x"))
    assert "\\x1b[31m" in shell("validate", "m").out
    assert shell("validate", "m", "--format", "json").json["findings"][0]["file"].startswith("m/caf\ufffd")
    assert shell("plan", "m").code == 4


# --- pipes -------------------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_ends_the_command_without_a_word(shell: Shell) -> None:
    text = "---\n".join(
        REPOSITORY.replace("name: data", f"name: data-{i}").replace("raw-events", f"b-{i}") for i in range(2_000)
    )
    shell.good().write("manifests/all.yaml", text)
    line = f"{sys.executable} -m gatectl validate --format json | head -c 10; exit ${{PIPESTATUS[0]}}"
    shell.write("manifests/bad.yaml", text)
    done = subprocess.run(
        ["bash", "-c", line], cwd=shell.folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.startswith("{")
    assert done.stderr == ""
    line = f"{sys.executable} -m gatectl nope 2>&1 >/dev/null | true; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", line], cwd=shell.folder, check=False, timeout=60).returncode in (64, 1)


def test_a_full_disk_is_told(shell: Shell) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    shell.good()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            shell.command("plan"), stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=shell.folder
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# --- schema, explain, init ---------------------------------------------------------------------------------------------


def test_init_writes_a_project_that_validates_plans_and_applies(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shell("init")
    assert found.out == "Project 'project' is ready and valid. Next: gatectl plan, then gatectl apply\n"
    names = {str(p.relative_to(shell.folder)) for p in shell.folder.rglob("*") if p.is_file()}
    assert {"gatectl.yaml", "manifests/example.yaml", ".github/workflows/gatectl.yml", ".gitignore"} <= names
    manifest = (shell.folder / "manifests/example.yaml").read_text()
    pointed = manifest.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (shell.folder / "manifests" / pointed).is_file(), "the editor finds the schema"
    assert shell("validate").code == 0
    documents = manifest.split("\n---\n")
    assert len(documents) == 2 and all(manifest.splitlines()[0] in each.splitlines() for each in documents)
    for name in ("KEY", "SECRET"):  # what a newcomer has not
        monkeypatch.delenv(name)
    assert shell("plan").code == 0
    assert shell("apply", "--yes").code == 0
    assert shell("plan", "--detailed-exitcode").code == 0


def test_init_gives_each_project_a_uid_of_its_own_and_a_plan_is_for_that_one(shell: Shell) -> None:
    uids = []
    for folder in ("one", "two"):
        assert shell("init", folder).code == 0
        planned = shell("--project", f"{folder}/gatectl.yaml", "plan", "--format", "json").json
        uids.append(planned["target"]["project"]["uid"])
    assert len(set(map(uuid.UUID, uids))) == 2


@pytest.mark.parametrize(("ci", "name"), [("github", ".github/workflows/gatectl.yml"), ("gitlab", ".gitlab-ci.yml")])
def test_init_adds_a_pipeline_to_a_project_that_exists(shell: Shell, ci: str, name: str) -> None:
    shell.good()
    before = {p: p.read_bytes() for p in shell.folder.rglob("*") if p.is_file()}
    found = shell("init", "--ci", ci)
    assert (found.code, found.out) == (0, "The pipeline is there; the project is as it was.\n")
    assert (shell.folder / name).is_file()
    after = {p: p.read_bytes() for p in shell.folder.rglob("*") if p.is_file()}
    assert after.keys() - before.keys() == {shell.folder / name}
    assert before.items() <= after.items()
    assert f"{name} exists and is left as it is" in shell("init", "--ci", ci).err


GITLAB = '[remote "origin"]\n\turl = https://gitlab.example/x.git\n'


def test_init_writes_for_the_ci_of_the_remote(shell: Shell) -> None:
    shell.write(".git/config", GITLAB)
    assert shell("init").code == 0
    assert (shell.folder / ".gitlab-ci.yml").is_file()


@pytest.mark.parametrize("planted", ["a pipe", "a link", "a linked folder", "a circle", "a worktree's"])
def test_init_neither_waits_for_nor_follows_what_lies_in_place_of_gits_configuration(
    shell: Shell, tmp_path: Path, planted: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "config").write_text(GITLAB)
    git = shell.folder / ".git"
    if planted == "a linked folder":
        git.symlink_to(tmp_path / "elsewhere")
    elif planted == "a worktree's":
        git.write_text(f"gitdir: {tmp_path / 'elsewhere'}\n")
    else:
        git.mkdir()
        {"a pipe": lambda: os.mkfifo(git / "config"), "a link": lambda: (git / "config").symlink_to(tmp_path / "elsewhere/config"),
         "a circle": lambda: (git / "config").symlink_to("config")}[planted]()  # fmt: skip
    assert shell.process("init").code == 0
    assert (shell.folder / ".github/workflows/gatectl.yml").is_file()


def test_init_leaves_what_is_there_and_does_not_run_twice(shell: Shell) -> None:
    shell.write(".gitignore", "mine\n")
    found = shell("init")
    assert ".gitignore exists and is left as it is" in found.err
    assert (shell.folder / ".gitignore").read_text() == "mine\n"
    before = {p: p.read_bytes() for p in shell.folder.rglob("*") if p.is_file()}
    again = shell("init")
    assert again.code == 1
    assert "this is a project already" in again.err and "--ci github or gitlab adds a pipeline" in again.err
    assert before == {p: p.read_bytes() for p in shell.folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "name", ["a b", "é{x}", '"quoted"', " spaces ", "x" * 200, "tab\there", b"caf\xe9", "#", "a: b"]
)
def test_init_bears_any_folder_name(shell: Shell, name: str | bytes) -> None:
    folder = os.fsdecode(name)
    found = shell("init", folder)
    assert found.code == 0, found
    assert shell("validate", "--project", folder).code == 0
    shutil.rmtree(shell.folder / folder)


def test_init_in_a_folder_that_cannot_be_made_is_told(shell: Shell) -> None:
    shell.write("file", "")
    found = shell("init", "file/below")
    assert found.code == 1
    assert "cannot be written" in found.err


def test_every_schema_can_be_printed(shell: Shell, fits: Any) -> None:
    for name in ("Repository", "bucket", "LLM", "workspace", "project", "fleet", "plan", "receipt", "findings"):
        assert shell("schema", name).json["$schema"].endswith("2020-12/schema")
    assert "oneOf" not in shell("schema").out
    assert shell("schema").json["title"] == "Manifest"
    assert "one of: Workspace, Bucket" in shell("schema", "Repo").err


def test_closed_standard_streams_are_no_reason_to_fail(shell: Shell) -> None:
    shell.good()
    for redirection in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        done = subprocess.run(
            ["bash", "-c", f"{shlex.join(shell.command('plan'))} {redirection}"],
            capture_output=True, text=True, check=False, cwd=shell.folder,
        )  # fmt: skip
        assert done.returncode == 0, (redirection, done)
        assert "Traceback" not in done.stderr


def test_the_help_of_a_command_shows_its_own_options_before_those_of_every_command(shell: Shell) -> None:
    own, _, rest = shell("plan", "--help").out.partition("Options of every command:")
    assert "--detailed-exitcode" in own and "--platform" not in own
    assert "--platform" in rest and "--log-format" in rest and "--detailed-exitcode" not in rest


def test_a_target_of_the_wrong_form_is_wrong_usage_whatever_the_manifests_are(shell: Shell) -> None:
    shell.write("manifests/broken.yaml", "kind: Repository\n")
    for option in ("--target", "--renew-credentials"):
        refused = shell("plan", option, "Repo/x")
        assert refused.code == 64
        assert "KIND is one of" in refused.err
