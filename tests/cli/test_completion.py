"""Completion at the prompt, asked of real shells through the scripts that they are given."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatectl.cli import COMMANDS
from gatectl.rules import RULES

BIN = Path(sys.executable).parent
PROJECT = """\
apiVersion: gatectl.io/v1
kind: Project
metadata: {name: shop}
spec:
  manifests: [manifests]
  environments: {default: {platform: embedded}, prod: {platform: "https://gateway.example.com"}}
"""
MANIFESTS = """\
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: orders, workspace: analytics}
spec: {endpointType: S3}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: "two words *"}
spec: {endpointType: S3}
---
apiVersion: gatectl.io/v1
kind: Workspace
metadata: {name: analytics}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "gatectl.yaml").write_text(PROJECT)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "shop.yaml").write_text(MANIFESTS)
    return tmp_path


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GATECTL_", "COMP_"))}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8", **more}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@functools.cache
def bash_script() -> str:
    done = run(["gatectl", "completion", "bash"], BIN)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def in_bash(folder: Path, *words: str) -> list[str]:
    """What bash would offer for the last word, by its own function."""
    script = """
        eval "$SCRIPT"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _gatectl_completion gatectl 2>/dev/null
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = run(["bash", "-euc", script, "bash", "gatectl", *words], folder, SCRIPT=bash_script())
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("va",), {"validate"}),
        (("",), set(COMMANDS)),
        (("nonsense",), {""}),
        (("plan", "--detailed"), {"--detailed-exitcode"}),
        (("plan", "--target", "Repository/a"), {"Repository/analytics/orders"}),
        (("plan", "--target", "repository/o"), {"Repository/orders"}),
        (("apply", "--renew-credentials", "Workspace/"), {"Workspace/analytics"}),
        (("plan", "--target", "="), {"Repository/analytics/orders", "Repository/orders", "Workspace/analytics",
                                     r"Repository/default/two\ words\ \*", r"Repository/two\ words\ \*"}),
        (("plan", "--target", "=", "Workspace"), {"Workspace/analytics"}),
        (("-e", ""), {"default", "prod"}),
        (("plan", "-e", "p"), {"prod"}),
        (("plan", "-e", "x"), {""}),
        (("-e", "prod", "plan", "--target", "Repository/t"), {r"Repository/two\ words\ \*"}),
        (("plan", "--workspace", ""), {"analytics", "default"}),
        (("explain", "gw30"), {rule for rule in RULES if rule.startswith("GW30")}),
        (("explain", "bucket.spec.cred"), {f"bucket.spec.credentials{rest}" for rest in (
            "", ".key", ".key.env", ".key.file", ".secret", ".secret.env", ".secret.file", ".apiKey")}),
        (("schema", "re"), {"repository", "receipt"}),
        (("completion", ""), {"bash", "zsh", "fish"}),
        (("validate", "--format", "js"), {"json"}),
        (("plan", "--format", "=", "te"), {"text"}),
        (("--color", "n"), {"never"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_bash_is_offered(words: tuple[str, ...], offered: set[str], project: Path) -> None:
    assert set(in_bash(project, *words)) == offered


@pytest.mark.parametrize("broken", ["gatectl.yaml", "manifests/shop.yaml"])
def test_what_is_broken_is_met_with_silence(broken: str, project: Path) -> None:
    (project / broken).write_text("]")
    for words in (("-e", ""), ("plan", "--target", "")):
        done = run(["gatectl"], project, _GATECTL_COMPLETE="bash_complete", COMP_WORDS="\n".join(["gatectl", *words]),
                   COMP_CWORD=str(len(words)))  # fmt: skip
        assert done.returncode == 0
        assert done.stderr == ""
        assert "Traceback" not in done.stdout


@pytest.mark.parametrize("asked", ["bash_complete", "nonsense", "", "bash_"])
def test_a_question_that_cannot_be_understood_is_met_with_silence(asked: str, project: Path) -> None:
    done = run(["gatectl", "apply", "--yes"], project, _GATECTL_COMPLETE=asked)
    assert (done.stdout, done.stderr) == ("", "")
    assert not (project / ".gatectl").exists()


def test_a_name_that_could_disturb_a_terminal_is_not_offered(project: Path) -> None:
    (project / "manifests" / "bad.yaml").write_text(
        'apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: "a\\e[31m"}\n'
    )
    assert set(in_bash(project, "plan", "--target", "Workspace/")) == {"Workspace/analytics"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_takes_the_script_and_is_offered_names(project: Path) -> None:
    script = """
        autoload -Uz compinit && compinit -D -u
        eval "$(gatectl completion zsh)"
        (( $+_comps[gatectl] )) || exit 9
        compadd() { print -rl -- $completions }
        words=(gatectl plan --target Repository/a) CURRENT=4
        _gatectl_completion
    """
    done = run(["zsh", "-fc", script], project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Repository/analytics/orders"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_takes_the_script_and_is_offered_names(project: Path) -> None:
    script = "gatectl completion fish | source; complete --do-complete 'gatectl plan --target Repository/a'"
    done = run(["fish", "-c", script], project, HOME=str(project))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Repository/analytics/orders"]


def test_an_unknown_shell_is_wrong_usage(project: Path) -> None:
    done = run(["gatectl", "completion", "tcsh"], project)
    assert done.returncode == 64
    assert "bash" in done.stderr
