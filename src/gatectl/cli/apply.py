"""`gatectl apply [PATH…]` or `gatectl apply --plan FILE`: plans, shows, asks, executes."""

from __future__ import annotations

import functools
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from gatectl import apply as executor
from gatectl import errors, guards, outputs, reconcile, secrets
from gatectl import plan as plans
from gatectl.cli.console import Console
from gatectl.cli.exits import EXIT_CODES
from gatectl.cli.options import Globals, command, connection_of
from gatectl.cli.planning import Selection, make_request, selection_options, work_out
from gatectl.cli.saved import read_plan
from gatectl.cli.steps import leave_summary
from gatectl.model import Outcome, Plan
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader
from gatectl.project import Environment
from gatectl.quote import json_text
from gatectl.render import FORMATS, render


@command("apply")
@selection_options
@click.option("--plan", "plan_file", metavar="FILE", help="Apply exactly this saved plan.")
@click.option("--expect", metavar="FINGERPRINT", help="Apply only a plan of this fingerprint: sha256:…")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="Do not ask.")
@click.option(
    "--format", "format_name", type=click.Choice(FORMATS["receipt"]), default="text", help="json: the receipt alone."
)
@click.option("--receipt", "receipt_file", metavar="FILE", help="Save the receipt.")
@click.option("--parallelism", type=click.IntRange(1, 64), metavar="N", help="Writes under way at once.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, selection: Selection, plan_file: str | None, expect: str | None, yes: bool, format_name: str,
    receipt_file: str | None, parallelism: int | None,
) -> int:  # fmt: skip
    """Make the platform as the manifests say.

    Plans, shows the plan, asks, and executes it: exactly its operations. With --plan, exactly those of the saved plan.
    """
    console = options.console(format_name)
    if plan_file is not None and selection.given:
        raise errors.UsageError(
            "--plan FILE applies exactly that plan", "leave out PATH, -l, --target, --prune and the like"
        )
    if not yes and not sys.stdin.isatty():
        raise errors.UsageError(
            "there is no terminal to ask on", "say --yes, or save a plan, review it, and apply --plan FILE --yes"
        )
    expect = expect.strip() if expect is not None else None  # read from a file, it has a line end
    if expect is not None and not re.fullmatch("sha256:[0-9a-f]{64}", expect):
        raise errors.UsageError(
            "--expect is not a fingerprint", "a plan shows its own: sha256: and 64 digits of 0-9a-f"
        )
    request = make_request(options, selection)._replace(warn=console.warning)
    if not driver_for(request.environment.platform).writable:
        raise errors.UsageError("nothing can be applied to a snapshot", "apply to the platform itself")
    console.environment = request.environment.name

    @functools.cache
    def connect() -> Connection:
        return connection_of(request.project, request.environment, parallelism, request.ends)

    if receipt_file is not None:
        outputs.check(receipt_file)
    plan = read_plan(plan_file) if plan_file is not None else work_out(request, connect)
    if not console.machine:
        console.result(render("plan", plan, "markdown" if console.format == "markdown" else "text", console.look()))
    if plans.is_invalid(plan):
        return _invalid(console, plan)
    guards.check_expected(plan, expect)
    driver = driver_for(request.environment.platform)
    connection = connect()
    reader = driver.open_reader(connection)
    try:
        guard = reconcile.guard(request, reader, expect)
        if plan_file is not None:
            conflicts = executor.precheck(plan, reader, guard)
            if conflicts:
                return _report(console, plan, executor.refused(plan, conflicts), receipt_file)
        _guard(plan, request.environment)
        if not yes and (plan["operations"] or plan["adopts"]):
            _ask(console, plan)
        return _execute(console, request, plan, reader, connection, receipt_file, guard)
    finally:
        reader.close()


def _invalid(console: Console, plan: Plan) -> int:
    leave_summary(console, "plan", plan, console.environment)
    if console.machine:
        console.result_json(executor.make_receipt(plan, [], converged=False))
    return errors.INVALID


def _guard(plan: Plan, environment: Environment) -> None:
    # Counted from what will be done, not from the summary, which no fingerprint covers.
    deletes = sum(operation["action"] == "delete" for operation in plan["operations"])
    detaches = sum(len(operation["detach"]) for operation in plan["operations"])
    for count, limit, name, what in (
        (deletes, environment.max_deletes, "maxDeletes", "object"),
        (detaches, environment.max_detaches, "maxDetaches", "attachment"),
    ):
        if limit is not None and count > limit:
            verb = "delete" if name == "maxDeletes" else "detach"
            raise errors.GuardrailRefused(
                f"the plan would {verb} {count} {what if count == 1 else what + 's'}, and environment '{environment.name}' allows {limit}",
                _way_out(name, deletes),
            )


def _way_out(guardrail: str, deletes: int) -> str:
    """What can be done about a plan that a guardrail refuses: what is deleted cannot be chosen by --target."""
    part = "" if guardrail == "maxDeletes" else "apply part of it (--target), or "
    if part and deletes:
        part = "apply part of it (--target, without --prune), or "
    return f"{part}raise guardrails.{guardrail} in the project file, if all of it is meant"


def _ask(console: Console, plan: Plan) -> None:
    from gatectl.render.text import target

    count = len(plan["operations"])
    what = f"these {count} operations" if count != 1 else "this operation"
    if not count:
        what = "this: take live objects under management"
    if console.machine:
        sys.stderr.write(render("plan", plan, "text", console.look(sys.stderr)) + "\n")
    sys.stderr.write(f"\nApply {what} to {target(plan)}? Only 'yes' is a yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise errors.Declined("declined; nothing was written")


def _execute(
    console: Console,
    request: reconcile.Request,
    plan: Plan,
    reader: Reader,
    connection: Connection,
    receipt_file: str | None,
    guard: guards.Guard,
) -> int:
    project = request.project
    resolved = secrets.resolve_plan(plan, project.folder, os.environ)
    driver = driver_for(connection.target)
    with _signals() as stop, _progress(console, len(plan["operations"])) as progress:
        run = executor.Run(
            reader=reader,
            open_writer=lambda: driver.open_writer(connection),
            secrets=resolved,
            project=project.name,
            parallel=reader.traits.parallel,
            stop=stop,
            progress=progress,
            guard=guard,
            force_put=request.force_put,
            known=frozenset(request.environment.known),
            on_stop=stop.callbacks.append,
        )
        outcomes, converged = executor.apply_plan(plan, run)
        stopped = stop()
    return _report(console, plan, outcomes, receipt_file, converged=converged, stopped=stopped)


def _report(
    console: Console,
    plan: Plan,
    outcomes: Sequence[Outcome],
    receipt_file: str | None,
    *,
    converged: bool = False,
    stopped: bool = False,
) -> int:
    """Save and show the receipt; the exit code that it means."""
    receipt = executor.make_receipt(plan, outcomes, converged=converged)
    code = _exit_code(outcomes, converged=converged, stopped=stopped)
    console.result(render("receipt", receipt, console.format, console.look()))
    if receipt_file is not None:
        try:
            outputs.write(receipt_file, json_text(receipt) + "\n", private=True)
        except (OSError, errors.GatectlError) as error:
            # What was done was done; that it could not be saved is told beside it.
            console.error("input", f"the receipt could not be saved: {error}", "it was printed")
            code = code or errors.FAILED
    leave_summary(console, "receipt", receipt, console.environment)
    return code


def _exit_code(outcomes: Sequence[Outcome], *, converged: bool, stopped: bool) -> int:
    if stopped:
        return errors.INTERRUPTED
    if converged:
        return errors.DONE
    if any(outcome.status in ("done", "unknown") for outcome in outcomes):
        return errors.PARTLY_APPLIED
    codes = {EXIT_CODES.get(outcome.error[0], errors.FAILED) for outcome in outcomes if outcome.error is not None}
    order = (errors.NOT_AUTHENTICATED, errors.UNREACHABLE, errors.LOCKED, errors.STALE)
    return next((code for code in order if code in codes), errors.FAILED)


class _Stop:
    """Whether to stop, and what is to be called when that is said."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.callbacks: list[Callable[[], None]] = []

    def __call__(self) -> bool:
        return bool(self.received)


@contextmanager
def _signals() -> Iterator[_Stop]:
    """SIGINT and SIGTERM: the first stops starting and lets finish what is under way, the second interrupts."""
    stop = _Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.received.append(number)
        if len(stop.received) == 1:
            for callback in stop.callbacks:
                callback()
            # Not through sys.stderr, which may be in the middle of a write of its own.
            os.write(2, b"\nstopping: what is under way is finished, nothing more is started\n")
        else:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[Outcome], None]]:
    """A progress bar on standard error, on a terminal, where there is something to wait for."""
    if total < 20 or not sys.stderr.isatty() or console.verbosity < 0 or console.log_format == "json":
        yield lambda outcome: console.debug(f"{outcome.status}: {outcome.id}")
        return
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Sequence[Any] = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as bar:
        task = bar.add_task("apply", total=total)
        yield lambda outcome: bar.advance(task)
