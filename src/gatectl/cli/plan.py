"""`gatectl plan [PATH…]`: reads the platform, and only reads."""

from __future__ import annotations

import json
import shlex
import time

import click

from gatectl import plan as plans
from gatectl.cli.options import Globals, command, connection_of, write_file
from gatectl.cli.planning import Selection, make_request, selection_options, work_out
from gatectl.errors import CHANGES, DESTRUCTIVE_CHANGES, DONE, INVALID
from gatectl.render import FORMATS, render


@command("plan")
@selection_options
@click.option("--out", metavar="FILE", help="Save the plan, for apply --plan FILE.")
@click.option("--format", "format_name", type=click.Choice(FORMATS["plan"]), default="text", help="How to print it.")
@click.option("--detailed-exitcode", is_flag=True, help="2 where changes are pending, 3 where some detach or delete.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, selection: Selection, out: str | None, format_name: str, detailed_exitcode: bool
) -> int:  # fmt: skip
    """Show what would change on the platform.

    PATH defaults to the environment's manifests, else the project's; "-" is standard input. Nothing is written to the
    platform, and no credential is resolved.
    """
    console = options.console(format_name)
    ends = time.monotonic() + selection.deadline
    request = make_request(options, selection)
    plan = work_out(request, lambda: connection_of(request.project, request.environment, ends=ends))
    invalid = plans.is_invalid(plan)
    if out is not None and not invalid:
        write_file(out, json.dumps(plan, indent=2) + "\n")  # first: where it fails, that is the result
    console.result(render("plan", plan, format_name, console.look()))
    if invalid:
        return INVALID
    if out is not None:
        console.info(f"plan saved: gatectl apply --plan {shlex.quote(out)}")
    if not detailed_exitcode or plans.is_empty(plan):
        return DONE
    return DESTRUCTIVE_CHANGES if plans.is_destructive(plan) else CHANGES
