"""`gatectl show FILE`: a saved plan or receipt, in any format."""

from __future__ import annotations

import click

from gatectl.cli.options import Globals, command
from gatectl.cli.saved import read_saved
from gatectl.errors import DONE, UsageError
from gatectl.render import FORMATS, RENDERERS, Kind, render


@command("show")
@click.argument("file")
@click.option("--format", "format_name", type=click.Choice(list(RENDERERS)), default="text", help="How to print it.")
def COMMAND(options: Globals, file: str, format_name: str) -> int:  # noqa: N802 - the table's word
    """Show a saved plan or receipt. Needs neither manifests nor the platform."""
    console = options.console(format_name)
    name, document = read_saved(file)
    kind: Kind = "plan" if name == "plan" else "receipt"
    if format_name not in FORMATS[kind]:
        raise UsageError(f"a {kind} cannot be shown as {format_name}", f"one of: {', '.join(FORMATS[kind])}")
    console.result(render(kind, document, format_name, console.look()))
    return DONE
