"""`gatectl show FILE` or `gatectl show RUN`: a saved plan or receipt, or the receipt of a run, in any format."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gatectl.applying.kept import folder_of
from gatectl.applying.saved import checked, read_saved
from gatectl.cli.estates import estate_of
from gatectl.cli.options import (
    Globals,
    budget_option,
    command,
    deadline_option,
    environment_of,
    load_project,
    project_file_of,
)
from gatectl.cli.output import Outputs, Sources, format_option, of_plan, publish
from gatectl.documents.history import RUN
from gatectl.documents.plans import Plan
from gatectl.documents.receipts import Receipt
from gatectl.documents.shown import kind_of
from gatectl.errors import DONE, UsageError
from gatectl.render import FORMATS


@command("show")
@click.argument("file", metavar="FILE|RUN")
@format_option(None)
@budget_option
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, file: str, outputs: Outputs, budget: int, deadline: float
) -> int:
    """Show a saved plan or receipt, or the receipt of a run of this environment. Needs neither manifests nor the platform.

    RUN is the id of a run, as `gatectl history` lists them: its receipt is read from .gatectl/receipts, else from the records.
    """
    console = options.console(outputs.printed)
    console.budget, console.environment = budget, options.env or ""
    of_run = RUN.fullmatch(file) is not None and not os.path.lexists(file)
    document = _of_run(options, file, deadline) if of_run else read_saved(file)
    kind = kind_of(document)
    for format_name in outputs.formats:
        if format_name not in FORMATS[kind]:
            raise UsageError(f"a {kind} cannot be shown as {format_name}", f"one of: {', '.join(FORMATS[kind])}")
    publish(console, outputs, document, _sources(options, document))
    return DONE


def _of_run(options: Globals, run: str, deadline: float) -> Plan | Receipt:
    """The receipt of a run. Raises InputError where there is none, PlatformError where the records cannot be read."""
    project = load_project(options)
    kept = folder_of(project.folder) / f"{run}.json"
    if kept.is_file():
        return read_saved(str(kept))
    environment = environment_of(project, options)
    return checked(f"run {run}", estate_of(project, environment).receipt_of(run, deadline))


def _sources(options: Globals, document: Plan | Receipt) -> Sources:
    """The files that a saved plan names: relative to the project folder here, as far as there is one. None is read."""
    file = project_file_of(options)
    folder = file.parent if file is not None else Path.cwd()
    if "operations" not in document:
        return Sources(str(folder), lines=False)
    return of_plan(document, folder, file, lines=False)
