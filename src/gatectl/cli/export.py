"""`gatectl export`: live objects as manifests."""

from __future__ import annotations

from pathlib import Path

import click

from gatectl import export as exporter
from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.errors import DONE, InputError
from gatectl.files import outputs
from gatectl.quote import quote


@command("export")
@click.option("--out", metavar="DIR", help="One file for each object in this folder, instead of one stream.")
@deadline_option
def COMMAND(options: Globals, out: str | None, deadline: float) -> int:  # noqa: N802 - the table's word
    """Print live objects as manifests that validate and plan to nothing.

    Of the workspace of --workspace or the environment; without one, of all that are visible. What the format cannot
    express is a comment, and counted on standard error.
    """
    console = options.console()
    project = load_project(options)
    environment = environment_of(project, options)
    exported = estate_of(project, environment).exported(deadline)
    if out is None:
        console.result(exporter.stream(exported).rstrip("\n"))
    else:
        _write(Path(out), exported)
    lost = sum(item.data is None for item in exported)
    remarks = sum(len(item.remarks) for item in exported if item.data is not None)
    console.info(
        f"exported {len(exported) - lost} objects; {lost} cannot be expressed and {remarks} attachments were left out"
        + (" (see the comments)" if lost or remarks else "")
    )
    return DONE


def _write(folder: Path, exported: list[exporter.Exported]) -> None:
    for name, item in zip(exporter.file_names(exported), exported, strict=True):
        if not outputs.write_new(str(folder / name), exporter.manifest_text(item)):
            raise InputError(f"{quote(folder / name)} exists", "export into a new folder")
