"""`gatectl plan [PATH…]`: reads the platform, and only reads."""

from __future__ import annotations

import shlex

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, budget_option, command
from gatectl.cli.output import Outputs, format_option, of_plan, publish
from gatectl.cli.planning import (
    Selection,
    declared_graph,
    make_request,
    narrow,
    refuse_unnamed,
    selection_options,
)
from gatectl.cli.step_files import leave_outputs, leave_summary
from gatectl.documents.plans import is_invalid, is_refused
from gatectl.errors import DONE, INVALID
from gatectl.files import outputs as files
from gatectl.pipelines.step_values import exit_code
from gatectl.quote import json_text, safe


@command("plan")
@selection_options
@click.option(
    "--changed-since", metavar="REF", help="Only what changed in the manifests since this commit, and its neighbours."
)
@click.option("--against", metavar="FILE", help="Read a snapshot instead of the platform.")
@click.option("--out", metavar="FILE", help="Save the plan, for apply --plan FILE.")
@format_option("plan")
@budget_option
@click.option("--keep-going", is_flag=True, help="Leave out workspaces with errors, and plan the others.")
@click.option(
    "--proof", is_flag=True, help="Tell what was sent to the platform and the records, by method, path and count."
)
@click.option("--detailed-exitcode", is_flag=True, help="2 where changes are pending, 3 where some detach or delete.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, selection: Selection, changed_since: str | None, against: str | None, out: str | None,
    outputs: Outputs, budget: int, keep_going: bool, proof: bool, detailed_exitcode: bool,
) -> int:  # fmt: skip
    """Show what would change on the platform.

    PATH defaults to the environment's manifests, else the project's; "-" is standard input. Nothing is written to the
    platform, and no credential is resolved.
    """
    outputs.apart_from(out)
    console = options.console(outputs.printed)
    request = make_request(options, selection)._replace(
        tell=console.debug, warn=console.warning, keep_going=keep_going, prove=proof
    )
    if against is None:
        refuse_unnamed(request)
    request = narrow(request, options, changed_since, against)
    console.budget, console.environment = budget, request.environment.name
    outputs.try_places(out)
    with console.waiting(request.environment.platform):
        plan = estate_of(request.project, request.environment).work_out(request).document
    console.declared = lambda: declared_graph(request, plan)
    invalid, saved = is_invalid(plan), out is not None and not is_refused(plan)
    if out is not None and saved:
        files.write(out, json_text(plan) + "\n", private=True)  # first: where it fails, that is the result
    publish(console, outputs, plan, of_plan(plan, request.project.folder, request.project.file))
    leave_summary(console, plan, request.environment.name)
    leave_outputs(console, plan)
    if out is not None and saved:
        console.info(f"plan saved: gatectl apply --plan {safe(shlex.quote(out))}")
    if invalid:
        return INVALID
    return exit_code(plan) if detailed_exitcode else DONE
