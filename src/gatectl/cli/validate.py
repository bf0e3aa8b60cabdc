"""`gatectl validate [PATH…]`: offline, without credentials."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from gatectl import clock
from gatectl.applying import stricter
from gatectl.cli.console import Console
from gatectl.cli.guarding import guardrails_option, read_base
from gatectl.cli.options import (
    Globals,
    command,
    deadline_option,
    environment_of,
    load_project,
)
from gatectl.cli.output import Outputs, format_option, of_files, publish
from gatectl.clock import Deadline
from gatectl.documents.findings import findings_json, relative_to
from gatectl.errors import DONE, INVALID, DeadlinePassed, InputError
from gatectl.manifests import checks, sources
from gatectl.model import Finding, SourceFile
from gatectl.opening import InvalidProject
from gatectl.platforms import default_workspace_of
from gatectl.project import Project, choose_environment
from gatectl.quote import quote

if TYPE_CHECKING:
    from gatectl.fleet.reading import Read
    from gatectl.manifests.merging import Forecast


@command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option(
    "--against",
    "refs",
    multiple=True,
    metavar="REF",
    help="Also as git would merge them with this commit (repeatable).",
)
@guardrails_option
@deadline_option
@format_option("findings")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, paths: tuple[str, ...], refs: tuple[str, ...], guardrails_from: str | None, deadline: float,
    outputs: Outputs,
) -> int:  # fmt: skip
    """Check manifests offline: YAML, schema and namespace rules.

    PATH defaults to the environment's manifests, else the project's; "-" is standard input. Neither network nor
    credentials are needed. Exit code 4 if anything is wrong. Without -e, each environment is checked by itself; above several
    projects, each of them. A PATH may be a fleet file (kind: Fleet), which is checked by itself.

    With --against, what is wrong only once both are merged is found before either is: with git alone, and without
    touching the checkout. Each commit is merged alone, then all together. Uncommitted changes are included.
    """
    console = options.console(outputs.printed)
    asking = _Asking(refs, guardrails_from, Deadline(clock.current().now() + deadline, clock.current()))
    fleets = _fleets(paths)
    rest = tuple(path for path in paths if path not in fleets)
    gathered = _gather(options, rest, asking) if rest or not fleets else _Gathered([], [], None)
    _tell(console, gathered.changes)
    results = [_without_projects(result, gathered.below) for result in checks.run(gathered.checks)]
    files, findings = checks.files_of(results), [*gathered.findings, *checks.findings_of(results)]
    findings, shown = _merge(console, results, asking, findings, files)
    findings, shown = (
        [*findings, *(f for read in fleets.values() for f in read.findings)],
        [*shown, *(r.file for r in fleets.values())],
    )
    here = os.getcwd()
    name_file = relative_to(here)
    number = checks.count_documents(results) + len(fleets)
    document = findings_json(findings, len(files) + len(fleets), number, name_file)
    publish(console, outputs, document, of_files(shown, findings, name_file, here, gathered.file))
    return INVALID if document["summary"]["errors"] else DONE


def _fleets(paths: Sequence[str]) -> Mapping[str, Read]:
    """The fleets among the paths that were named. Raises InputError for one that cannot be read."""
    if not any(map(sources.says_fleet, map(sources.beginning, paths))):
        return {}
    from gatectl.fleet.reading import read_fleet

    return {path: read_fleet(path) for path in paths if sources.says_fleet(sources.beginning(path))}


class _Asking(NamedTuple):
    """What git is asked for: the commits to merge with, the one whose guards hold too, and until when."""

    refs: Sequence[str]
    guards: str | None
    until: Deadline


class _Gathered(NamedTuple):
    """What is to be checked, and what is wrong with project files. `file` is one of these, or none; `below` are those of
    several projects that were found below the working directory. `changes` are those of the project files since a commit."""

    checks: list[checks.Check]
    findings: list[Finding]
    file: Path | None
    below: Sequence[str] = ()
    changes: Sequence[stricter.Changes] = ()


def _gather(options: Globals, paths: Sequence[str], asking: _Asking) -> _Gathered:
    """The checks that the options mean: of the project; above several projects, of each of them, and of what is in none."""
    found: list[checks.Check] = []
    findings: list[Finding] = []
    changes: list[stricter.Changes] = []
    try:
        project = load_project(options)
    except InvalidProject as invalid:
        return _Gathered([], invalid.findings, Path(invalid.file))
    below = _projects_below(paths) if project.file is None else []
    if not below:
        found += _checks_of(project, options, paths, asking, changes)
        return _Gathered(found, [], project.file, (), changes)
    for file in below:
        try:
            found += _checks_of(load_project(options._replace(project=file)), options, (), asking, changes)
        except InvalidProject as invalid:
            findings += invalid.findings
    loose = [path for path in paths or (".",) if os.path.join(os.path.abspath(path), sources.PROJECT_FILE) not in below]
    if loose:
        found += _checks_of(project, options, loose, asking, changes)
    return _Gathered(found, findings, Path(below[0]), below, changes)


def _tell(console: Console, changes: Sequence[stricter.Changes]) -> None:
    """Say what was changed in project files: what a plan says first, and why more is checked than they say."""
    for since, fields, _ in changes:
        console.warning(
            f"the project file was changed since {since}: {', '.join(fields)} (of rules and exclude, the stricter of both holds)"
        )


def _without_projects(result: checks.Checked, below: Sequence[str]) -> checks.Checked:
    """What is in none of several projects: that there is nothing of it is no mistake."""
    if result.check.project.file is not None or not below:
        return result
    kept = [
        f
        for f in result.findings
        if f.rule != "GW106" or f.place is None or not any(b.startswith(f.place.file + os.sep) for b in below)
    ]
    return result._replace(findings=kept)


def _projects_below(paths: Sequence[str]) -> list[str]:
    """The project files in and below the folders that were named, or the working directory."""
    folders = [os.path.abspath(path) for path in paths or (".",) if os.path.isdir(path)]
    return list(dict.fromkeys(file for folder in folders for file in sources.find_projects(folder)))


def _checks_of(
    project: Project, options: Globals, paths: Sequence[str], asking: _Asking, changes: list[stricter.Changes]
) -> list[checks.Check]:
    """The checks of a project: of the environment that was chosen, else of each. The guards of a commit hold too, and what its
    project file says otherwise is added to the changes."""
    if options.env is not None or options.platform is not None or not project.environments:
        environment = environment_of(project, options)
        chosen = [(environment, default_workspace_of(environment))]
    else:
        named = [choose_environment(project, name, None, options.workspace) for name in project.environments]
        chosen = [(environment, default_workspace_of(environment)) for environment in named]
    if asking.guards is not None:
        base, since = read_base(project, asking.guards, asking.until)
        found = stricter.changes(project, [environment.name for environment, _ in chosen], base, since)
        changes += [found] if found.fields else []
        project = stricter.stricter_checks(project, base)
    return checks.checks_of(project, chosen, paths)


def _merge(
    console: Console, results: Sequence[checks.Checked], asking: _Asking, findings: list[Finding], files: Sequence[SourceFile],
) -> tuple[list[Finding], Sequence[SourceFile]]:  # fmt: skip
    """What merging would bring, too, and the files that show it. That git cannot do it is no reason to hide other findings."""
    if not asking.refs:
        return findings, files
    from gatectl.manifests import merging

    forecasts = []
    for project, _, paths, workspace in (result.check for result in results):
        try:
            forecasts.append(merging.forecast(project, paths, workspace, asking.refs, findings, asking.until))
        except (InputError, DeadlinePassed) as error:
            if not any(finding.severity == "error" for finding in findings):
                raise
            console.warning(f"not checked as merged: {error.message}")
            return findings, files
    shown: Sequence[SourceFile] = files
    for forecast in forecasts:
        shown = forecast.shown(shown, findings)
    for forecast in forecasts[:1]:
        _tell_merged(console, forecast)
    return [*findings, *_once(found for forecast in forecasts for found in forecast.findings)], shown


def _tell_merged(console: Console, forecast: Forecast) -> None:
    if forecast.merged:
        included = " and uncommitted changes" if forecast.included else ""
        with_ = ", ".join(map(quote, forecast.merged))
        console.info(f"checked as merged, too: {quote(forecast.ours)}{included} with {with_}")


def _once(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Findings of several forecasts, each told once."""
    known = {(f.rule, f.place, tuple(r.place for r in f.related)): f for f in findings}
    return known.values()
