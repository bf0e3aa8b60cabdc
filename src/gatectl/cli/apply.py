"""`gatectl apply [PATH…]` or `gatectl apply --plan FILE`: plans, shows, asks, executes."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from gatectl import errors, reconcile, signals
from gatectl.applying import execute as executor
from gatectl.applying import guardrails, guards, replan
from gatectl.applying import receipt as receipts
from gatectl.applying.ending import exit_code, was_sent
from gatectl.cli.console import Console
from gatectl.cli.executing import carry_out
from gatectl.cli.options import Globals, command, connection_of
from gatectl.cli.planning import Selection, make_request, refuse_unnamed, selection_options
from gatectl.cli.receipts import Places, begin, find_places, save
from gatectl.cli.saved import read_plan
from gatectl.cli.step_files import leave_summary
from gatectl.credentials import secrets
from gatectl.files import outputs
from gatectl.model import Outcome, Plan
from gatectl.planning import plan as plans
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader
from gatectl.quote import quote, safe
from gatectl.render import FORMATS, render
from gatectl.render.listing import plural
from gatectl.render.outcomes import names
from gatectl.render.text import operation_lines, target


@command("apply")
@selection_options
@click.option("--plan", "plan_file", metavar="FILE", help="Apply exactly this saved plan.")
@click.option("--expect", metavar="FINGERPRINT", help="Apply only a plan of this fingerprint: sha256:…")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="Do not ask.")
@click.option(
    "--format", "format_name", type=click.Choice(FORMATS["receipt"]), default="text", help="json: the receipt alone."
)
@click.option("--receipt", "receipt_file", metavar="FILE", help="Save the receipt.")
@click.option(
    "--allow",
    multiple=True,
    metavar="WHAT",
    help="This once: project, deletes=N or detaches=N (repeatable, with --reason).",
)
@click.option("--reason", metavar="TEXT", help="Why that is allowed.")
@click.option("--parallelism", type=click.IntRange(1, 64), metavar="N", help="Writes under way at once.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, selection: Selection, plan_file: str | None, expect: str | None, yes: bool, format_name: str,
    receipt_file: str | None, allow: tuple[str, ...], reason: str | None, parallelism: int | None,
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
    expect = _fingerprint(expect)
    allowed = guardrails.parse_allowance(allow, reason)
    request = make_request(options, selection, allowed)._replace(warn=console.warning)
    refuse_unnamed(request)
    if not driver_for(request.environment.platform).writable:
        raise errors.UsageError("nothing can be applied to a snapshot", "apply to the platform itself")
    console.environment = request.environment.name

    @functools.cache
    def connect() -> Connection:
        return connection_of(request.project, request.environment, parallelism, request.ends)

    if receipt_file is not None:
        _check_place(receipt_file)
    with console.waiting(request.environment.platform):
        plan = read_plan(plan_file) if plan_file is not None else reconcile.work_out(request, connect)
    _show(console, plan, asked=not yes)
    if plans.is_invalid(plan):
        return _invalid(console, plan)
    guards.check_expected(plan, expect)
    driver = driver_for(request.environment.platform)
    connection = connect()
    reader = driver.open_reader(connection)
    try:
        guard = reconcile.guard(request, reader, expect)
        folder = request.project.folder
        if plan_file is not None:
            with console.waiting(request.environment.platform):
                conflicts = executor.precheck(plan, reader, guard)
            if conflicts:
                refused = _Done(plan, executor.refused(plan, conflicts), begin(os.environ))
                return _report(console, refused, find_places(folder, receipt_file, needed=False))
        guardrails.hold(plan, request.environment, request.changed, allowed)
        changes = bool(plan["operations"] or plan["adopts"])
        places = find_places(folder, receipt_file, needed=changes)
        if not yes and changes:
            _ask(console, plan)
        direct = plan_file is None and expect is None
        means = _Means(reader, connection, guard, places, allowed, asked=not yes)
        return _apply(console, request, plan, means, direct=direct)
    finally:
        reader.close()


def _fingerprint(text: str | None) -> str | None:
    """What --expect says, without the line end of a file that it was read from. Raises UsageError."""
    text = text.strip() if text is not None else None
    if text is not None and not re.fullmatch("sha256:[0-9a-f]{64}", text):
        raise errors.UsageError(
            "--expect is not a fingerprint", "a plan shows its own: sha256: and 64 digits of 0-9a-f"
        )
    return text


def _check_place(file: str) -> None:
    """Raises UsageError for a `--receipt` where no file can be. Whether it can be written is found out before the first write."""
    with suppress(errors.InputError):
        outputs.check(file)


def _show(console: Console, plan: Plan, *, asked: bool) -> None:
    """Show the plan, where standard output is for people. Who is asked about it has to have seen it."""
    if console.machine:
        return
    try:
        console.result(render("plan", plan, "markdown" if console.format == "markdown" else "text", console.look()))
    except errors.InputError as error:
        if asked:
            raise
        console.error(error.code, error.message, None)


def _invalid(console: Console, plan: Plan) -> int:
    leave_summary(console, "plan", plan, console.environment)
    if console.machine:
        console.result_json(_Done(plan, [], begin(os.environ)).receipt())
    return errors.INVALID


def _ask(console: Console, plan: Plan, again: str = "") -> None:
    """Raises Declined for anything but a yes. `again`: what is different from what was shown."""
    if console.machine:
        sys.stderr.write((again or render("plan", plan, "text", console.look(sys.stderr))) + "\n")
    sys.stderr.write(f"\nApply {_in_words(plan)} to {target(plan)}? Only 'yes' is a yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise errors.Declined("declined; nothing was written")


def _in_words(plan: Plan) -> str:
    """How much is done, and how much of it destroys: "these 7 operations (delete 2 objects, detach 5 attachments)"."""
    count = len(plan["operations"])
    if not count:
        return "this: take live objects under management"
    deletes, detaches = replan.destruction(plan)
    lost = [f"delete {plural(deletes, 'object')}"] if deletes else []
    lost += [f"detach {plural(detaches, 'attachment')}"] if detaches else []
    what = f"these {count} operations" if count != 1 else "this operation"
    return what + (f" ({', '.join(lost)})" if lost else "")


class _Means(NamedTuple):
    """What an execution is done with. `asked`: somebody is asked before anything is written."""

    reader: Reader
    connection: Connection
    guard: guards.Guard
    places: Places
    allowed: guardrails.Allowance
    asked: bool


def _apply(console: Console, request: reconcile.Request, plan: Plan, means: _Means, *, direct: bool) -> int:
    """Execute a plan and report it. A direct apply whose plan conflicts with the platform plans again once (section 4)."""
    watch = signals.current()
    stale: errors.StalePlan | None = None
    try:
        done = _execute(console, request, plan, means)
    except errors.StalePlan as error:
        if not direct:
            raise
        stale = error
    if direct and not watch.stopping() and (stale is not None or _conflicts_only(done)):
        watch.reopen()
        fresh = _plan_again(console, request, plan, means)
        if fresh is None and stale is not None:
            raise stale
        done = _execute(console, request, fresh or plan, means, rest=True)
    return _report(console, done, means.places)


def _conflicts_only(done: _Done) -> bool:
    """Whether nothing was written, because something was not as it was planned."""
    return any(outcome.status == "conflict" for outcome in done.outcomes) and not was_sent(done.outcomes)


def _plan_again(console: Console, request: reconcile.Request, shown: Plan, means: _Means) -> Plan | None:
    """The plan of what the platform is now, if it may be applied; None: what still holds of the shown one is to be done.

    Raises Declined, GuardrailRefused.
    """
    console.info("the platform was changed while this plan was shown; planning again")
    with console.waiting(means.connection.target):
        fresh = reconcile.work_out(request, lambda: means.connection)
    if plans.is_invalid(fresh):
        return None
    guardrails.hold(fresh, request.environment, request.changed, means.allowed)
    found = replan.difference(shown, fresh)
    part = {**fresh, "operations": list(found.changed)}
    text = "\n".join(
        [
            "Changed since it was shown:",
            *(line for op in part["operations"] for line in operation_lines(op)),
            *(f"  no longer: {op['action']} {op['kind']} {safe(op['name'])}" for op in found.gone),
        ]
    )
    if not console.machine:
        with suppress(errors.InputError):
            console.result(text)
    if means.asked:
        _ask(console, fresh, text)
    elif replan.destroys_more(shown, fresh):
        console.warning("the new plan destroys more than the one that was shown: what still holds of that one is done")
        return None
    return fresh


def _execute(console: Console, request: reconcile.Request, plan: Plan, means: _Means, *, rest: bool = False) -> _Done:
    project = request.project
    run, watch = begin(os.environ), signals.current()
    driver = driver_for(means.connection.target)
    resolved = secrets.resolve_plan(plan, project.folder, os.environ, project.tokens)
    waiting = console.waiting(means.connection.target)
    with waiting, _progress(console, plan) as progress, watch.writing() as on_stop:
        execution = executor.Execution(
            plan,
            executor.Run(
                reader=means.reader,
                open_writer=lambda: driver.open_writer(means.connection),
                secrets=resolved,
                project=project.name,
                parallel=means.reader.traits.parallel,
                stop=watch.stopping,
                progress=progress,
                guard=means.guard,
                force_put=request.force_put,
                known=frozenset(request.environment.known),
                patience=reconcile.patience_of(request.environment),
                on_stop=on_stop,
                rest=rest,
            ),
        )
        outcomes, converged = carry_out(execution, watch)
    forced = [{"name": "force-put", "value": None, "reason": None}] if request.force_put else []
    return _Done(plan, outcomes, run, converged, (*forced, *means.allowed.overrides()))


class _Done(NamedTuple):
    """What was done, for the receipt."""

    plan: Plan
    outcomes: Sequence[Outcome]
    run: receipts.Run
    converged: bool = False
    overrides: Sequence[Mapping[str, Any]] = ()

    def receipt(self) -> Mapping[str, Any]:
        return receipts.make_receipt(
            self.plan, self.outcomes, self.run, datetime.now(UTC), converged=self.converged, overrides=self.overrides
        )


def _report(console: Console, done: _Done, places: Places) -> int:
    """Save the receipt, then show it; the exit code that it means. Whatever fails while it is shown changes nothing of that."""
    watch = signals.current()
    receipt = done.receipt()
    saved, failed = save(places, receipt)
    watch.close()
    # Told whatever the exit code is, which says what happened to the platform.
    for problem in failed:
        console.error(
            "output",
            f"the receipt could not be saved: {quote(problem)}",
            f"it is in {quote(saved[0])}" if saved else None,
        )
    try:
        console.result(render("receipt", receipt, console.format, console.look()))
        leave_summary(console, "receipt", receipt, console.environment)
    except Exception as error:
        words = error.message if isinstance(error, errors.GatectlError) else f"{type(error).__name__}: {quote(error)}"
        where = f"the receipt is in {quote(saved[0])}" if saved else None
        console.error("output", f"what was done could not be shown: {words}", where)
    return exit_code(done.outcomes, converged=done.converged, interrupted=watch.stopping())


@contextmanager
def _progress(console: Console, plan: Plan) -> Iterator[Callable[[Outcome], None]]:
    """A progress bar on standard error, on a terminal, where there is something to wait for."""
    total, called = len(plan["operations"]), names({"plan": plan})
    if total < 20 or not sys.stderr.isatty() or console.verbosity < 0 or console.log_format == "json":
        yield lambda outcome: console.debug(f"{outcome.status}: {called.get(outcome.id, outcome.id)}")
        return
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Sequence[Any] = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as bar:
        task = bar.add_task("apply", total=total)
        yield lambda outcome: bar.advance(task)
