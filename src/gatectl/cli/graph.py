"""`gatectl graph [PATH…]`: repositories and what they attach, as a picture. Reads, and only reads."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Final

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import (
    Globals,
    command,
    deadline_option,
    environment_of,
    load_project,
)
from gatectl.documents.findings import findings_json, relative_to
from gatectl.errors import DONE, INVALID, UsageError
from gatectl.graph.reading import by_label, from_live, from_manifests
from gatectl.graph.values import Graph
from gatectl.manifests import loading, places
from gatectl.model import Finding
from gatectl.platforms import default_workspace_of
from gatectl.render import render

FORMATS: Final = ("svg", "mermaid", "dot", "html")


@command("graph")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="svg", help="How to draw it.")
@click.option("--group-by", default="team", metavar="LABEL", help="The label that groups, within a workspace (team).")
@click.option("--live", is_flag=True, help="The platform as it is, instead of the manifests.")
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, paths: tuple[str, ...], format_name: str, group_by: str, live: bool, deadline: float
) -> int:  # fmt: skip
    """Draw repositories and what they attach.

    Of the manifests: offline, what a finding involves marked, and exit code 4 if any is an error. PATH defaults to the
    environment's manifests, else the project's; "-" is standard input. With --live of the platform, which is only read.
    """
    console = options.console(format_name)
    if live and paths:
        raise UsageError("--live draws the platform, not manifests", "leave out PATH, or --live")
    graph, errors, title = _live(options, deadline) if live else _declared(options, paths, group_by)
    console.result(import_module(f"gatectl.graph.{format_name}").render(graph, title))
    if errors:
        document = findings_json(places.locate(errors), 0, 0, relative_to(os.getcwd()))
        for line in render(document, "text", console.look(sys.stderr)).splitlines()[:-2]:
            console.info(line)
        console.info(f"{len(errors)} finding{'s' if len(errors) > 1 else ''} of severity error: gatectl validate")
    return INVALID if errors else DONE


def _declared(options: Globals, paths: tuple[str, ...], group_by: str) -> tuple[Graph, list[Finding], str]:
    project = load_project(options)
    environment = environment_of(project, options)
    paths_read = loading.manifest_paths(project, environment, paths)
    loaded = loading.load(project, paths_read, default_workspace_of(environment))
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    return from_manifests(loaded.desired, loaded.findings, by_label(group_by)), errors, project.name


def _live(options: Globals, deadline: float) -> tuple[Graph, list[Finding], str]:
    project = load_project(options)
    environment = environment_of(project, options)
    identification, current = estate_of(project, environment).live(deadline)
    lives = [
        live for state in current.states.values() for index in state.indexes.values() for live in index.by_id.values()
    ]
    return from_live(lives), [], f"{identification.url}, live"
