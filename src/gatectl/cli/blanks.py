"""What is given and empty is wrong usage, of every option of every command (product.md, section 2).

`--plan "$PLAN"` or GATECTL_APPLY_PLAN with nothing in it is what a misspelt output of an earlier job looks like. Taken for "not
given" it would apply everything. So a command looks at its words and its variables before it believes any of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from gatectl.errors import UsageError

_HINT = "is a variable not set, or an output of another job misspelt? Leave it out, or give it a value"


class Strict:
    """Mixed into a click command: it takes no empty value. Raises UsageError, which names the option, argument or variable."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        assert isinstance(self, click.Command)
        if not ctx.resilient_parsing:
            _check(self, ctx, args)
        parsed: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        return parsed


def _check(command: click.Command, ctx: click.Context, args: Sequence[str]) -> None:
    given, _, order = command.make_parser(ctx).parse_args(list(args))
    if any(parameter.is_eager for parameter in order):  # --help and --version answer whatever else is there
        return
    for blank in (*_words(command, ctx, given), *_variables(command, ctx, given, os.environ)):
        raise UsageError(f"{blank} is empty", _HINT)


def _words(command: click.Command, ctx: click.Context, given: Mapping[str, Any]) -> Iterator[str]:
    """The options and arguments that are empty on the command line, as they are called there."""
    for parameter in command.get_params(ctx):
        value = given.get(parameter.name or "")
        if value == "" or (isinstance(value, (list, tuple)) and "" in value):
            yield _called(parameter)


def _called(parameter: click.Parameter) -> str:
    """--plan for --plan, -l for -l; the word of the help for an argument."""
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(click.Command(""))).strip("[].…")
    return max(parameter.opts, key=len)


def _variables(
    command: click.Command, ctx: click.Context, given: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[str]:
    """The variables of options that are set and hold nothing, also where the command line has the last word."""
    for parameter in command.get_params(ctx):
        for name in variables_of(parameter, ctx):
            if name in environment and not environment[name].strip():
                yield f"environment variable {name}"


def variables_of(parameter: click.Parameter, ctx: click.Context) -> Sequence[str]:
    """The environment variables that an option is read from."""
    if isinstance(parameter.envvar, str):
        return [parameter.envvar]
    if parameter.envvar is not None:
        return list(parameter.envvar)
    automatic = isinstance(parameter, click.Option) and parameter.allow_from_autoenv
    if automatic and ctx.auto_envvar_prefix is not None and parameter.name is not None:
        return [f"{ctx.auto_envvar_prefix}_{parameter.name.upper()}"]
    return []
