"""What is named is fenced like what is found: manifests, paths, the project file itself; and whose project file is obeyed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gatectl import errors
from gatectl.cli.output import _Lines, of_plan

from .conftest import BUCKET

CANARY = "canary-of-another-file"
VALIDATE = [("validate", "--format", name) for name in ("text", "json", "sarif", "junit", "github", "gitlab")]
PLAN = [("plan", "--format", name) for name in ("text", "json", "markdown", "html", "sarif")]


@pytest.fixture
def elsewhere(shell: Any) -> Path:
    """A file and a folder beside the project whose lines nobody should see."""
    folder: Path = shell.folder.parent / "elsewhere"
    folder.mkdir()
    for name in ("secret", "secret.yaml"):
        (folder / name).write_text(f"password: {CANARY}\n: [\n\t{CANARY}\n")
    return folder


def project(*manifests: str, environment: bool = False) -> str:
    default: dict[str, Any] = {"platform": "embedded"}
    spec: dict[str, Any] = {"environments": {"default": default}}
    (default if environment else spec)["manifests"] = list(manifests)
    return json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"}, "spec": spec})


@pytest.mark.parametrize("environment", [False, True])
@pytest.mark.parametrize(
    "name",
    ["../elsewhere/secret", "../elsewhere", "/proc/self/environ", "/etc/passwd", "..", "link", "folder/secret.yaml"],
)
def test_manifests_that_a_project_file_names_lie_in_the_project(
    shell: Any, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, name: str, environment: bool
) -> None:
    monkeypatch.setenv("A_CANARY", CANARY)
    shell.write("gatectl.yaml", project(name, environment=environment))
    (shell.folder / "link").symlink_to(elsewhere / "secret.yaml")
    (shell.folder / "folder").symlink_to(elsewhere)
    for command in (*VALIDATE, *PLAN):
        result = shell(*command)
        assert result.code == errors.INVALID, command
        assert "GW101" in result.out + result.err
        assert CANARY not in result.out + result.err
    (finding,) = shell("validate", "--format", "json").json["findings"]
    assert (finding["rule"], finding["file"], finding["line"]) == ("GW101", "gatectl.yaml", 1)
    assert finding["path"].endswith("/manifests/0")


@pytest.mark.parametrize("name", ["link", "folder", "folder/secret.yaml", "./folder/../folder/secret"])
def test_a_path_in_the_project_is_fenced_like_what_is_found_there(shell: Any, elsewhere: Path, name: str) -> None:
    shell.good()
    (shell.folder / "link").symlink_to("../elsewhere/secret.yaml")
    (shell.folder / "folder").symlink_to(elsewhere)
    for command in (*VALIDATE, *PLAN):
        result = shell(command[0], name, *command[1:])
        assert result.code == errors.INVALID, command
        assert "leads out of the project" in result.out + result.err
        assert CANARY not in result.out + result.err


def test_a_path_that_lies_elsewhere_is_the_operators_word(shell: Any, elsewhere: Path) -> None:
    shell.good()
    (elsewhere / "secret.yaml").unlink()
    (elsewhere / "link.yaml").symlink_to(shell.folder / "manifests" / "all.yaml")
    assert shell("validate", "../elsewhere/link.yaml").code == errors.DONE
    (elsewhere / "here").symlink_to(shell.folder / "manifests")
    assert shell("validate", str(elsewhere / "here")).code == errors.DONE


@pytest.mark.parametrize("arguments", [(), ("--project", "gatectl.yaml"), ("--project", ".")])
def test_a_project_file_that_is_a_link_out_of_the_project_is_not_read(
    shell: Any, elsewhere: Path, arguments: tuple[str, ...]
) -> None:
    (shell.folder / "gatectl.yaml").symlink_to("../elsewhere/secret")
    for command in (*VALIDATE, *PLAN):
        result = shell(*arguments, *command)
        assert result.code == errors.INVALID, command
        assert CANARY not in result.out + result.err
    assert "leads out of the project" in shell(*arguments, "validate").out


def test_the_lines_of_a_file_that_a_plan_names_are_of_the_project_alone(shell: Any, elsewhere: Path) -> None:
    (shell.folder / "in.yaml").write_text("line\n")
    (shell.folder / "link.yaml").symlink_to("../elsewhere/secret")
    names = {"../elsewhere/secret": elsewhere / "secret", "in.yaml": shell.folder / "in.yaml", "link.yaml": elsewhere / "secret",
             str(elsewhere / "secret"): elsewhere / "secret"}  # fmt: skip
    inputs = [{"path": n, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for n, p in names.items()]
    lines = _Lines(of_plan({"source": {"inputs": inputs}}, shell.folder, None))
    assert {name: lines(name) for name in names} == {**dict.fromkeys(names), "in.yaml": ["line", ""]}


def test_nothing_waits_for_a_pipe_that_lies_where_a_file_should(shell: Any) -> None:
    shell.good()
    os.mkfifo(shell.folder / "pipe")
    lines = _Lines(of_plan({"source": {"inputs": [{"path": "pipe", "sha256": "0" * 64}]}}, shell.folder, None))
    assert lines("pipe") is None
    shell.write("manifests/all.yaml", BUCKET.replace("{env: SECRET}", "{file: ../pipe}"))
    done = shell.process("apply", "--yes")
    assert (done.code, "cannot be read: not a regular file" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("name", "outside"),
    [
        ("../elsewhere/x.db", True),
        ("folder/x.db", True),
        ("x.db", False),
        ("../project/x.db", False),
        ("{}/elsewhere/x.db", False),
    ],
)
def test_a_database_whose_relative_path_leaves_the_project_is_used_and_told(
    shell: Any, elsewhere: Path, name: str, outside: bool
) -> None:
    shell.good()
    (shell.folder / "folder").symlink_to(elsewhere)
    data = json.loads(project("manifests"))
    data["spec"]["environments"]["default"]["platform"] = f"sqlite:///{name.format(elsewhere.parent)}"
    shell.write("gatectl.yaml", json.dumps(data))
    for command in (("plan", "--format", "json"), ("apply", "--yes")):
        result = shell(*command)
        assert result.code == errors.DONE
        assert result.err.count("lies outside of the project") == outside
        assert "outside of the project" not in result.out
    assert (elsewhere / "x.db").exists() or not outside


@pytest.mark.parametrize(
    "planted", [".gatectl", ".gatectl/platform.db", ".gatectl/platform.db-wal", ".gatectl/platform.db.applying"]
)
def test_what_gatectl_keeps_is_never_a_link(shell: Any, elsewhere: Path, planted: str) -> None:
    shell.good()
    (shell.folder / planted).parent.mkdir(exist_ok=True)
    (shell.folder / planted).symlink_to(elsewhere / "new" if "/" in planted else elsewhere)
    before = sorted(elsewhere.iterdir())
    for command in (("apply", "--yes"), ("plan",), ("export",)):
        result = shell(*command)
        assert result.code == errors.FAILED
        assert "is a symbolic link" in result.err
    assert sorted(elsewhere.iterdir()) == before


@pytest.mark.parametrize("end", ["-journal", "-wal", "-shm"])
def test_the_side_files_of_a_database_are_never_links(shell: Any, elsewhere: Path, end: str) -> None:
    shell.good()
    (shell.folder / f"x.db{end}").symlink_to(elsewhere / "new")
    result = shell("apply", "--yes", "--platform", "sqlite:///x.db")
    assert result.code == errors.FAILED
    assert "is a symbolic link" in result.err
    assert not (elsewhere / "new").exists()


# Whose project file is obeyed

needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
ANOTHER = 65534


@needs_root
@pytest.mark.parametrize(
    "command", [("validate",), ("plan",), ("apply", "--yes"), ("show", "plan.json"), ("graph",), ("export",)]
)
def test_a_project_file_of_another_user_above_is_not_obeyed(
    shell: Any, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    shell.good()
    assert shell("plan", "--out", "plan.json").code == errors.DONE
    shell.write("below/deep/one.yaml", "")
    os.chown(shell.folder / "gatectl.yaml", ANOTHER, -1)
    (shell.folder / "below" / "deep" / "plan.json").write_bytes((shell.folder / "plan.json").read_bytes())
    monkeypatch.chdir(shell.folder / "below" / "deep")
    result = shell(*command)
    assert result.code == errors.USAGE
    assert f"{shell.folder}/gatectl.yaml belongs to another user" in result.err
    assert f"--project {shell.folder}/gatectl.yaml" in result.err
    assert not (shell.folder / ".gatectl").exists()
    assert shell("--project", str(shell.folder / "gatectl.yaml"), *command).code == errors.DONE
    monkeypatch.setenv("SUDO_UID", str(ANOTHER))  # root by sudo, in a folder of one's own
    assert shell(*command).code == errors.DONE


@needs_root
def test_a_link_that_another_user_made_to_a_file_of_ones_own_is_not_obeyed(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    shell.write("below/mine.yaml", (shell.folder / "gatectl.yaml").read_text())
    (shell.folder / "gatectl.yaml").unlink()
    (shell.folder / "gatectl.yaml").symlink_to("below/mine.yaml")
    os.chown(shell.folder / "gatectl.yaml", ANOTHER, -1, follow_symlinks=False)
    monkeypatch.chdir(shell.folder / "below")
    assert shell("validate").code == errors.USAGE


@needs_root
def test_in_the_working_directory_itself_it_is_the_users_choice(shell: Any) -> None:
    shell.good()
    os.chown(shell.folder / "gatectl.yaml", ANOTHER, -1)
    assert shell("validate").code == errors.DONE


@needs_root
def test_what_root_made_is_obeyed_by_everybody(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from gatectl.files import fences

    shell.good()
    monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)
    assert fences.other_owner(shell.folder / "gatectl.yaml") is None
    os.chown(shell.folder / "gatectl.yaml", 1234, -1)
    monkeypatch.setenv("SUDO_UID", "1234")  # which says nothing of somebody who is not root
    assert fences.other_owner(shell.folder / "gatectl.yaml") == 1234
