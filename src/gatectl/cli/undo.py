"""`gatectl undo RUN`: the plan that leads back to before a run; with `--yes` it is applied at once."""

from __future__ import annotations

import shlex

import click

from gatectl import clock
from gatectl.applying.allowance import KNOWN, parse_allowance
from gatectl.cli.apply import Wanted, show_and_do
from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, budget_option, command, deadline_option, environment_of, load_project
from gatectl.cli.output import Outputs, format_option, of_plan, publish
from gatectl.cli.patching import Led, check_patch, is_printed
from gatectl.cli.planning import refuse_unnamed
from gatectl.errors import DONE, UsageError
from gatectl.files import outputs as files
from gatectl.pipelines.step_values import exit_code
from gatectl.platforms import driver_for
from gatectl.quote import json_text, safe
from gatectl.reconcile.execution import Approval
from gatectl.reconcile.request import Request
from gatectl.render import FORMATS


@command("undo")
@click.argument("run", metavar="RUN")
@click.option("--out", metavar="FILE", help="Save the plan, for apply --plan FILE.")
@click.option("--patch", "patch_file", metavar="FILE", help="Save the manifests' change, for git apply; - prints it.")
@format_option("plan")
@budget_option
@click.option("--force-put", is_flag=True, help="Write repositories that hold what gatectl does not know.")
@click.option("--detailed-exitcode", is_flag=True, help="2 where changes are pending, 3 where some detach or delete.")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="Apply it at once, and do not ask.")
@click.option("--keep-going", is_flag=True, help="With --yes: undo the rest, where something cannot be undone.")
@click.option("--allow", multiple=True, metavar="WHAT", help=f"With --yes, this once: {KNOWN} (repeatable).")
@click.option("--reason", metavar="TEXT", help="Why that is allowed.")
@click.option("--receipt", "receipt_file", metavar="FILE", help="With --yes: save the receipt.")
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, run: str, out: str | None, patch_file: str | None, outputs: Outputs, budget: int, force_put: bool,
    detailed_exitcode: bool, yes: bool, keep_going: bool, allow: tuple[str, ...], reason: str | None,
    receipt_file: str | None, deadline: float,
) -> int:  # fmt: skip
    """Plan the way back to the states before a run, of what still is as that run left it.

    RUN is the id of a run, as `gatectl history` lists them, or "last": the newest that changed something.

    What it created is deleted, what it deleted is created again, what it changed is changed back. The plan is one like any other:
    saved with --out, reviewed, and applied with apply --plan FILE. Manifests are not changed: until they say the same, a plan of
    theirs does again what was undone. --patch saves what they have to say instead.
    """
    outputs.apart_from(out)
    console = options.console(outputs.printed)
    allowed = parse_allowance(allow, reason)
    project = load_project(options)
    environment = environment_of(project, options)
    ends = clock.current().now() + deadline
    request = Request(
        project,
        environment,
        force_put=force_put,
        warn=console.warning,
        ends=ends,
        clock=clock.current(),
        keep_going=keep_going,
        allowed=allowed,
    )
    refuse_unnamed(request)
    if not driver_for(environment.platform).writable:
        raise UsageError("nothing can be undone on a snapshot", "name the platform itself")
    console.budget, console.environment = budget, environment.name
    estate = estate_of(project, environment)
    led = Led(console, estate, patch_file)
    if yes:
        _check_applied(outputs, out)
        check_patch(outputs, patch_file, out, yes=True)
        approval = Approval(saved=True, keep_going=keep_going)
        wanted = Wanted(request, approval, receipt_file, new_records=False, asks=False)
        code = show_and_do(console, estate, wanted, lambda: led.back(request, run))
        led.tell()
        return code
    if keep_going or allow or receipt_file is not None:
        raise UsageError(
            "--keep-going, --allow and --receipt are for an apply", "say --yes, or save the plan and apply it"
        )
    outputs.try_places(out)
    check_patch(outputs, patch_file, out, yes=False)
    with console.waiting(environment.platform):
        plan = led.back(request, run).document
    if out is not None:
        files.write(out, json_text(plan) + "\n", private=True)  # first: where it fails, that is the result
    publish(console, outputs, plan, of_plan(plan, project.folder, project.file), printed=not is_printed(patch_file))
    led.show()
    if out is not None:
        console.info(f"plan saved: gatectl apply --plan {safe(shlex.quote(out))}")
    led.tell()
    return exit_code(plan) if detailed_exitcode else DONE


def _check_applied(outputs: Outputs, out: str | None) -> None:
    """Raises UsageError for what belongs to a plan, and not to an apply."""
    if out is not None:
        raise UsageError("--out saves a plan that is applied later, and --yes applies it now", "leave out one of them")
    if outputs.written or outputs.printed not in FORMATS["receipt"]:
        raise UsageError("with --yes the receipt is printed", f"--format is one of: {', '.join(FORMATS['receipt'])}")
