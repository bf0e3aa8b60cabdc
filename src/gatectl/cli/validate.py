"""`gatectl validate [PATH…]`: offline, without credentials."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatectl import parse, reconcile, report
from gatectl.cli.console import Console
from gatectl.cli.options import Globals, InvalidProject, command, load_project, offline_environment
from gatectl.cli.output import Outputs, format_option, of_files, publish
from gatectl.errors import DONE, INVALID, InputError
from gatectl.model import Finding, SourceFile
from gatectl.project import Project

if TYPE_CHECKING:
    from gatectl.merging import Forecast


@command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option(
    "--against",
    "refs",
    multiple=True,
    metavar="REF",
    help="Also as git would merge them with this commit (repeatable).",
)
@format_option("findings")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, paths: tuple[str, ...], refs: tuple[str, ...], outputs: Outputs
) -> int:  # fmt: skip
    """Check manifests offline: YAML, schema and namespace rules.

    PATH defaults to the environment's manifests, else the project's; "-" is standard input. Neither network nor
    credentials are needed. Exit code 4 if anything is wrong.

    With --against, what is wrong only once both are merged is found before either is: with git alone, and without
    touching the checkout. Each commit is merged alone, then all together. Uncommitted changes are included.
    """
    console = options.console(outputs.printed)
    files: list[SourceFile] = []
    manifests = 0
    findings: list[Finding]
    file: Path | None
    try:
        project = load_project(options)
        environment, workspace = offline_environment(project, options)
        loaded = reconcile.load(project, reconcile.manifest_paths(project, environment, paths), workspace)
        files, manifests, findings = loaded.files, loaded.documents, parse.locate(loaded.findings)
        file = project.file
        forecast = _merge(
            console, project, reconcile.manifest_paths(project, environment, paths), workspace, refs, findings
        )
        shown = files
        if forecast is not None:
            findings, shown = [*findings, *forecast.findings], forecast.shown(files, findings)
    except InvalidProject as invalid:
        findings, file, shown = invalid.findings, Path(invalid.file), files
    here = os.getcwd()
    name_file = report.relative_to(here)
    document = report.findings_json(findings, len(files), manifests, name_file)
    publish(console, outputs, "findings", document, of_files(shown, findings, name_file, here, file))
    return INVALID if document["summary"]["errors"] else DONE


def _merge(
    console: Console, project: Project, paths: Sequence[str | Path], workspace: str | None, refs: Sequence[str],
    findings: Sequence[Finding],
) -> Forecast | None:  # fmt: skip
    """What merging would bring (None: nothing is to be merged). That git cannot do it is no reason to hide other findings."""
    if not refs:
        return None
    from gatectl import merging

    try:
        forecast = merging.forecast(project, paths, workspace, refs, findings)
    except InputError as error:
        if not any(finding.severity == "error" for finding in findings):
            raise
        console.warning(f"not checked as merged: {error.message}")
        return None
    if forecast.merged:
        included = " and uncommitted changes" if forecast.included else ""
        console.info(f"checked as merged, too: {forecast.ours}{included} with {', '.join(forecast.merged)}")
    return forecast
