"""What is given and empty is wrong usage and named, for every option, argument and variable there is; colours that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from gatectl.cli import COMMANDS, gatectl
from gatectl.cli.blanks import variables_of

from .conftest import Shell


def contexts() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command, "" for gatectl itself, with the context that it is called in."""
    top = click.Context(gatectl, info_name="gatectl", **gatectl.context_settings)
    yield "", gatectl, top
    for name in COMMANDS:
        command = gatectl.get_command(top, name)
        assert command is not None
        yield name, command, click.Context(command, info_name=name, parent=top)


def options() -> list[tuple[str, str]]:
    """Every option that takes a value, by each of its names: (command, option)."""
    return [
        (name, option)
        for name, command, context in contexts()
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.is_flag
        for option in parameter.opts
    ]


def arguments() -> list[str]:
    """Every command that takes an argument."""
    return [
        name
        for name, command, context in contexts()
        if name and any(isinstance(parameter, click.Argument) for parameter in command.get_params(context))
    ]


def variables() -> list[tuple[str, str]]:
    """Every environment variable of an option or a flag: (command, variable)."""
    return [
        (name, variable)
        for name, command, context in contexts()
        for parameter in command.get_params(context)
        if not parameter.is_eager
        for variable in variables_of(parameter, context)
    ]


def test_the_tables_hold_what_there_is() -> None:
    assert {("apply", "--plan"), ("apply", "-l"), ("", "-e"), ("plan", "--workspace"), ("serve", "--port")} <= set(
        options()
    )
    assert {("apply", "GATECTL_APPLY_PLAN"), ("", "GATECTL_PLATFORM"), ("plan", "GATECTL_PLAN_PRUNE")} <= set(
        variables()
    )
    assert "validate" in arguments()


@pytest.mark.parametrize(("command", "option"), options())
def test_an_empty_option_is_wrong_usage_and_named(shell: Shell, command: str, option: str) -> None:
    shell.good()
    words = [*filter(None, [command]), *([option, ""] if option[1] != "-" else [f"{option}="])]
    done = shell(*words, *([] if command else ["plan"]))
    assert done.code == 64
    assert done.err.startswith("error: --") and "is empty" in done.err
    assert option[1] != "-" or f"{option} is empty" in done.err


@pytest.mark.parametrize("command", arguments())
def test_an_empty_argument_is_wrong_usage_and_named(shell: Shell, command: str) -> None:
    shell.good()
    done = shell(command, "")
    assert done.code == 64
    assert "is empty" in done.err and "error:  " not in done.err


@pytest.mark.parametrize("value", ["", " ", "\n"])
@pytest.mark.parametrize(("command", "variable"), variables())
def test_an_empty_variable_is_wrong_usage_and_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str, variable: str, value: str
) -> None:
    shell.good()
    monkeypatch.setenv(variable, value)
    done = shell(command or "plan")
    assert done.code == 64
    assert f"environment variable {variable} is empty" in done.err
    assert not (shell.folder / ".gatectl").exists()


def test_an_empty_variable_is_wrong_usage_even_beside_the_option_that_wins(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    monkeypatch.setenv("GATECTL_PLAN_SELECTOR", "")
    assert shell("plan", "-l", "team=data").code == 64


def test_an_empty_variable_is_an_error_of_the_format_that_is_asked_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    monkeypatch.setenv("GATECTL_PLAN_TARGET", "")
    assert shell("plan", "--format", "json").json["error"]["code"] == "usage"


@pytest.mark.parametrize("variable", ["GATECTL_TOKEN", "GATECTL_EMAIL", "GATECTL_PASSWORD"])
def test_an_empty_credential_counts_as_not_set(shell: Shell, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    shell.good()
    monkeypatch.setenv(variable, "")
    assert shell("plan").code == 0


def test_help_answers_whatever_else_is_empty(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATECTL_PLAN_SELECTOR", "")
    assert shell("plan", "--help").code == 0
    assert shell("--version").code == 0


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", " "])
def test_a_fingerprint_that_was_read_from_a_file_may_have_a_line_end(shell: Shell, end: str) -> None:
    shell.good()
    fingerprint = json.loads(shell("plan", "--format", "json").out)["fingerprint"]
    assert shell("apply", "--yes", "--expect", fingerprint + end).code == 0


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "CLICOLOR_FORCE"])
def test_colours_are_forced_as_every_other_tool_is_told_to(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    shell.good()
    assert "\x1b[" not in shell("plan").out
    monkeypatch.setenv(variable, "1")
    assert "\x1b[" in shell("plan").out
    assert "\x1b[" not in shell("--color", "never", "plan").out
    assert "\x1b[" not in shell("plan", "--format", "json").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in shell("plan").out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv(variable, "0")
    assert "\x1b[" not in shell("plan").out
