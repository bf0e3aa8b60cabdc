"""The command line: options in, exit code out. A command is one module beside this one and one line in the table.

A command only translates: options → values → one call into `reconcile` or `applying` → a rendering → a code. Its module is
imported when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from gatectl.cli.blanks import Strict
from gatectl.cli.options import global_options
from gatectl.errors import UsageError
from gatectl.quote import quote
from gatectl.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final[Mapping[str, str]] = {
    "init": "Write a starter project.",
    "validate": "Check manifests offline.",
    "plan": "Show what would change on the platform.",
    "apply": "Make the platform as the manifests say.",
    "show": "Show a saved plan or receipt.",
    "drift": "Show what was changed since it was applied.",
    "why": "Explain an object: what decided, who applied it.",
    "undo": "Plan the way back to before a run.",
    "history": "List what was applied, by whom and when.",
    "runs": "List runs without an end, or settle one.",
    "lock": "Show who applies now, or release a lease.",
    "status": "Show what a controller knows of its targets.",
    "approve": "Approve what a target waits with.",
    "pause": "Have a controller leave a target alone.",
    "resume": "Have a controller go on with a target.",
    "comment": "Post a saved plan on its pull request.",
    "export": "Print live objects as manifests.",
    "snapshot": "Save what a plan would read of the platform.",
    "graph": "Draw repositories and what they attach.",
    "trust": "Trust a host with your credentials.",
    "serve": "Serve the embedded platform over HTTP.",
    "controller": "Keep a fleet as its repositories say.",
    "schema": "Print a JSON Schema.",
    "explain": "Explain a field or a rule.",
    "completion": "Print the completion script of a shell.",
}
"""Each command and what it does in a line; its module is `gatectl.cli.NAME`, which calls it `COMMAND`."""


class _Commands(Strict, click.Group):
    """The table as a group: listing the commands imports none of them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found: click.Command = import_module(f"gatectl.cli.{name}").COMMAND
        return found

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            from gatectl.cli.habits import command_hint

            near = get_close_matches(name, list(COMMANDS), n=1)
            hint = f"did you mean '{quote(near[0])}'?" if near else f"there is: {', '.join(COMMANDS)}"
            raise UsageError(f"no command is called '{quote(name)}'", command_hint(name) or hint)
        return super().resolve_command(context, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        from gatectl.cli.completion import nothing

        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)] or nothing()

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "GATECTL", "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gatectl", message="%(prog)s %(version)s", allow_from_autoenv=False)
@global_options
def gatectl() -> None:
    """A declarative GitOps reconciler for the repositories of a Cloud and AI Gateway.

    Manifests in git say which repositories, buckets and LLM configurations there are; `plan` shows what would change on
    the platform, `apply` makes it so.
    """
