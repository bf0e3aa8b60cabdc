"""`gatectl runs`: the runs that have no end, and one of them settled."""

from __future__ import annotations

import sys

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.documents.unended import find
from gatectl.errors import DONE, UsageError
from gatectl.quote import quote
from gatectl.render.unended import settled, table


@command("runs")
@click.argument("action", required=False, type=click.Choice(["settle"]), metavar="[settle]")
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="With settle: do not ask.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, action: str | None, run: str | None, yes: bool, format_name: str, deadline: float
) -> int:
    """List the runs that have no end, or settle one (settle RUN).

    A run that was killed leaves none. The next apply to the same workspaces looks what it did, records that, and the run has ended: there
    is nothing to do. Where that cannot be told (an object of the name is there, and otherwise than it was wanted), what concerns
    the object waits; settle says that it is right as it is: what the run surely made is its project's, the rest is nobody's yet, and the
    next apply takes it as it is.
    """
    console = options.console(format_name)
    if action is None and yes:
        raise UsageError("--yes is for runs settle", "gatectl runs settle RUN --yes")
    if action is not None and run is None:
        raise UsageError("which run is settled?", "gatectl runs lists them; then gatectl runs settle RUN")
    if action is not None and not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", "look with gatectl runs, then say --yes")
    project = load_project(options)
    environment = environment_of(project, options)
    estate = estate_of(project, environment)
    with console.waiting(environment.platform):
        unended = estate.unended_runs(deadline=deadline)
    if run is None:
        console.result_json(unended) if format_name == "json" else console.result(table(unended))
        return DONE
    found = find(unended, run)
    if not yes:
        sys.stderr.write(table({**unended, "runs": [found]}) + "\n")
        console.refuse_without_yes(f"Settle run {quote(run)}", "it is as it was")
    done = estate.settle_run(run, deadline=deadline)
    console.result_json(done) if format_name == "json" else console.result(settled(done))
    return DONE
