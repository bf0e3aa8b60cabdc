"""`gatectl validate [PATH…]`: offline, without credentials."""

from __future__ import annotations

import os

import click

from gatectl import parse, reconcile, report
from gatectl.cli.options import Globals, InvalidProject, command, load_project, offline_environment
from gatectl.errors import DONE, INVALID
from gatectl.model import Finding
from gatectl.render import FORMATS, render


@command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option(
    "--format", "format_name", type=click.Choice(FORMATS["findings"]), default="text", help="How to print it."
)
def COMMAND(options: Globals, paths: tuple[str, ...], format_name: str) -> int:  # noqa: N802 - the table's word
    """Check manifests offline: YAML, schema and namespace rules.

    PATH defaults to the environment's manifests, else the project's; "-" is standard input. Neither network nor
    credentials are needed. Exit code 4 if anything is wrong.
    """
    console = options.console(format_name)
    files = manifests = 0
    findings: list[Finding]
    try:
        project = load_project(options)
        environment, workspace = offline_environment(project, options)
        loaded = reconcile.load(project, reconcile.manifest_paths(project, environment, paths), workspace)
        files, manifests, findings = len(loaded.files), loaded.documents, parse.locate(loaded.findings)
    except InvalidProject as invalid:
        findings = invalid.findings
    document = report.findings_json(findings, files, manifests, report.relative_to(os.getcwd()))
    console.result(render("findings", document, format_name, console.look()))
    return INVALID if document["summary"]["errors"] else DONE
