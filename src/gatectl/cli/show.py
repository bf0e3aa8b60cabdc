"""`gatectl show FILE`: a saved plan or receipt, in any format."""

from __future__ import annotations

from pathlib import Path

import click

from gatectl.applying.saved import read_saved
from gatectl.cli.options import Globals, budget_option, command, project_file_of
from gatectl.cli.output import Outputs, Sources, format_option, of_plan, publish
from gatectl.documents.plans import Plan
from gatectl.documents.receipts import Receipt
from gatectl.documents.shown import kind_of
from gatectl.errors import DONE, UsageError
from gatectl.render import FORMATS


@command("show")
@click.argument("file")
@format_option(None)
@budget_option
def COMMAND(options: Globals, file: str, outputs: Outputs, budget: int) -> int:  # noqa: N802 - the table's word
    """Show a saved plan or receipt. Needs neither manifests nor the platform."""
    console = options.console(outputs.printed)
    console.budget, console.environment = budget, options.env or ""
    document = read_saved(file)
    kind = kind_of(document)
    for format_name in outputs.formats:
        if format_name not in FORMATS[kind]:
            raise UsageError(f"a {kind} cannot be shown as {format_name}", f"one of: {', '.join(FORMATS[kind])}")
    publish(console, outputs, document, _sources(options, document))
    return DONE


def _sources(options: Globals, document: Plan | Receipt) -> Sources:
    """The files that a saved plan names: relative to the project folder here, as far as there is one. None is read."""
    file = project_file_of(options)
    folder = file.parent if file is not None else Path.cwd()
    if "operations" not in document:
        return Sources(str(folder), lines=False)
    return of_plan(document, folder, file, lines=False)
