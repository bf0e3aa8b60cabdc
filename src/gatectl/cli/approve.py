"""`gatectl approve TARGET FINGERPRINT` or `gatectl approve TARGET --commit ID`: say yes to what a controller waits with."""

from __future__ import annotations

import click

from gatectl.cli.fleets import Where, controller_of, where_options
from gatectl.cli.options import Globals, command
from gatectl.errors import DONE, UsageError
from gatectl.render.fleets import done


@command("approve")
@click.argument("target", metavar="TARGET")
@click.argument("fingerprint", required=False, metavar="[FINGERPRINT]")
@where_options
@click.option("--commit", metavar="ID", help="Accept this commit, which was pushed by force.")
@click.option(
    "--allow",
    multiple=True,
    allow_from_autoenv=False,
    metavar="WHAT",
    help="What a guardrail forbids, this once: deletes=N, detaches=N, changes=N, project, window or older (repeatable).",
)
@click.option("--reason", allow_from_autoenv=False, metavar="TEXT", help="Why; with --allow.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, where: Where, target: str, fingerprint: str | None, commit: str | None, allow: tuple[str, ...],
    reason: str | None, format_name: str,
) -> int:  # fmt: skip
    """Approve the plan that a target waits with, by its FINGERPRINT, which gatectl status shows: it is applied as it is.

    An approval is for one target, commit and plan. It is used up by the first run that writes under it, and lapses after the source's
    approvalsExpire, or when a later commit was applied. With --commit it is the commit itself that is accepted: a branch that was pushed
    by force is not followed until somebody says so. Where no such plan or commit waits, the exit code is 6.
    """
    if (fingerprint is None) == (commit is None):
        raise UsageError(
            "approve one thing: the FINGERPRINT of a plan, or --commit ID", "gatectl status shows what waits"
        )
    if commit is not None and (allow or reason is not None):
        raise UsageError("--allow and --reason are for a plan", "leave them out with --commit")
    console = options.console(format_name)
    with controller_of(where, key=True) as controller:
        act = (
            controller.approve(target, fingerprint, allow, reason)
            if fingerprint is not None
            else controller.accept(target, commit or "")
        )
    console.result_json(act) if format_name == "json" else console.result(done(act))
    return DONE
