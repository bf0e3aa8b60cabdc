"""`gatectl apply [PATH…]` or `gatectl apply --plan FILE`: plans, shows, asks, executes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from gatectl import errors, signals
from gatectl.api import Estate, Receipt, read_plan
from gatectl.api import Plan as Made
from gatectl.applying import replan
from gatectl.applying.allowance import KNOWN, parse_allowance
from gatectl.applying.execute import Execution
from gatectl.applying.kept import begin
from gatectl.applying.leasing import PATIENCE
from gatectl.applying.receipt import make_receipt
from gatectl.cli.console import Console
from gatectl.cli.estates import estate_of
from gatectl.cli.executing import carry_out
from gatectl.cli.options import Globals, command
from gatectl.cli.planning import Selection, make_request, refuse_unnamed, selection_options
from gatectl.cli.step_files import leave_summary
from gatectl.documents.plans import Plan
from gatectl.files import outputs
from gatectl.model import Outcome
from gatectl.platforms import driver_for
from gatectl.quote import quote, safe
from gatectl.reconcile.execution import Approval, Attendant
from gatectl.reconcile.request import Request
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
    help=f"This once: {KNOWN} (repeatable, with --reason).",
)
@click.option("--reason", metavar="TEXT", help="Why that is allowed.")
@click.option(
    "--keep-going", is_flag=True, help="Do the rest, where findings hold some objects or leave out workspaces."
)
@click.option("--new-records", is_flag=True, help="Create a shared store of records that is not there yet.")
@click.option(
    "--lock-timeout",
    type=click.FloatRange(0),
    default=PATIENCE,
    metavar="SECONDS",
    help="How long to wait for an apply that holds a lease and does not renew it (90).",
)
@click.option("--parallelism", type=click.IntRange(1, 64), metavar="N", help="Writes under way at once.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, selection: Selection, plan_file: str | None, expect: str | None, yes: bool, format_name: str,
    receipt_file: str | None, allow: tuple[str, ...], reason: str | None, keep_going: bool, new_records: bool,
    lock_timeout: float, parallelism: int | None,
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
    allowed = parse_allowance(allow, reason)
    request = make_request(options, selection, allowed)._replace(warn=console.warning, keep_going=keep_going)
    refuse_unnamed(request)
    if not driver_for(request.environment.platform).writable:
        raise errors.UsageError("nothing can be applied to a snapshot", "apply to the platform itself")
    console.environment = request.environment.name

    approval = Approval(plan_file is not None, expect, keep_going)
    estate = estate_of(request.project, request.environment, parallelism)
    wanted = Wanted(request, approval, receipt_file, new_records, asks=not yes, lock_timeout=lock_timeout)
    return show_and_do(
        console, estate, wanted, lambda: read_plan(plan_file) if plan_file is not None else estate.work_out(request)
    )


class Wanted(NamedTuple):
    """An apply, as options ask for it."""

    request: Request
    approval: Approval
    receipt_file: str | None
    new_records: bool
    asks: bool
    lock_timeout: float = PATIENCE


def show_and_do(console: Console, estate: Estate, wanted: Wanted, make: Callable[[], Made]) -> int:
    """Make a plan, show it, ask, and carry it out; the exit code."""
    if wanted.receipt_file is not None:
        _check_place(wanted.receipt_file)
    attendant = _Terminal(console, wanted.request.environment.platform, asks=wanted.asks)
    with attendant.waiting():
        made = make()
    _show(console, made.document, asked=wanted.asks)
    if not wanted.approval.admits(made.document):
        return _invalid(console, made.document)
    new = wanted.new_records or sys.stdin.isatty()
    ended = estate.carry_out(
        wanted.request, made, wanted.approval, attendant,
        receipt_file=wanted.receipt_file, new_records=new, lock_timeout=wanted.lock_timeout,
    )  # fmt: skip
    return _report(console, ended)


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
        console.result(render(plan, "markdown" if console.format == "markdown" else "text", console.look()))
    except errors.InputError as error:
        if asked:
            raise
        console.error(error.code, error.message, None)


def _invalid(console: Console, plan: Plan) -> int:
    if held := plan.get("held"):
        words = f"{plural(len(held), 'object')} cannot be managed now, so nothing was written"
        console.error("held", words, "look at the findings; --keep-going does the rest without them")
    if left := plan.get("leftOut"):
        words = f"the plan leaves out {plural(len(left), 'workspace')}, so nothing was written"
        console.error("left_out", words, "look at the findings; --keep-going applies the others")
    leave_summary(console, plan, console.environment)
    if console.machine:
        console.result_json(make_receipt(plan, [], begin(os.environ), datetime.now(UTC), converged=False))
    return errors.INVALID


def _ask(console: Console, plan: Plan, again: str = "") -> None:
    """Raises Declined for anything but a yes. `again`: what is different from what was shown."""
    if console.machine:
        sys.stderr.write((again or render(plan, "text", console.look(sys.stderr))) + "\n")
    console.refuse_without_yes(f"\nApply {_in_words(plan)} to {target(plan)}", "nothing was written")


def _in_words(plan: Plan) -> str:
    """How much is done, and how much of it destroys: "these 7 operations (delete 2 objects, detach 5 attachments)"."""
    count = len(plan["operations"])
    if not count:
        if not plan["adopts"] and not plan.get("takeOver"):
            if not plan.get("moves"):
                return "this: remember " + ("what is protected" if plan.get("protects") else "where it is applied from")
            return "this: move what is remembered under a former name"
        return f"this: take live objects {'over' if plan.get('takeOver') else 'under management'}"
    deletes, detaches = replan.destruction(plan)
    lost = [f"delete {plural(deletes, 'object')}"] if deletes else []
    lost += [f"detach {plural(detaches, 'attachment')}"] if detaches else []
    what = f"these {count} operations" if count != 1 else "this operation"
    return what + (f" ({', '.join(lost)})" if lost else "")


class _Terminal(Attendant):
    """Who attends in a terminal or in a pipeline: what `console` shows, what signals say, and a person who is asked."""

    def __init__(self, console: Console, platform: str, *, asks: bool) -> None:
        self._console = console
        self._platform = platform
        self._watch = signals.current()
        self._text = ""
        self.asks = asks

    def confirm(self, plan: Plan, difference: replan.Difference | None) -> None:
        if self.asks:
            _ask(self._console, plan, self._text if difference is not None else "")

    def again(self) -> None:
        self._console.info("the platform was changed meanwhile; planning again")

    def changed(self, plan: Plan, difference: replan.Difference) -> None:
        self._text = "\n".join(
            [
                "Changed since it was shown:",
                *(line for op in difference.changed for line in operation_lines(op)),
                *(f"  no longer: {op['action']} {op['kind']} {safe(op['name'])}" for op in difference.gone),
            ]
        )
        if not self._console.machine:
            with suppress(errors.InputError):
                self._console.result(self._text)

    def held(self) -> None:
        self._console.warning(
            "the new plan destroys more than the one that was shown: what still holds of that one is done"
        )

    def left(self, reason: str) -> None:
        self._console.warning(f"what was changed meanwhile is left as it is: {reason}")

    def waiting(self) -> AbstractContextManager[None]:
        return self._console.waiting(self._platform)

    def progress(self, plan: Plan) -> AbstractContextManager[Callable[[Outcome], None]]:
        return _progress(self._console, plan)

    def writing(self) -> AbstractContextManager[Callable[[Callable[[], None]], None]]:
        return self._watch.writing()

    def reading(self, *, written: bool) -> AbstractContextManager[None]:
        return self._watch.reading(written=written)

    def stopping(self) -> bool:
        return self._watch.stopping()

    def in_a_hurry(self) -> bool:
        return self._watch.abandoned

    def carry_out(self, execution: Execution) -> tuple[Sequence[Outcome], bool]:
        return carry_out(execution, self._watch)


def _report(console: Console, ended: Receipt) -> int:
    """Show the receipt, which is saved; the exit code that it means. Whatever fails while it is shown changes nothing of that."""
    receipt, saved = ended.document, ended.saved
    signals.current().close()
    # Told whatever the exit code is, which says what happened to the platform.
    for problem in ended.failed:
        console.error(
            "output",
            f"the receipt could not be saved: {quote(problem)}",
            f"it is in {quote(saved[0])}" if saved else None,
        )
    if (error := ended.unrecorded) is not None:
        words = f"the run could not be added to the records: {error.message}"
        if ended.exit_code == errors.DONE:
            console.warning(words)
        else:
            console.error("records", words, f"its receipt is in {quote(saved[0])}" if saved else error.hint)
    try:
        console.result(render(receipt, console.format, console.look()))
        leave_summary(console, receipt, console.environment)
    except Exception as error:
        words = error.message if isinstance(error, errors.GatectlError) else f"{type(error).__name__}: {quote(error)}"
        where = f"the receipt is in {quote(saved[0])}" if saved else None
        console.error("output", f"what was done could not be shown: {words}", where)
    return errors.INTERRUPTED if signals.current().stopping() else ended.exit_code


@contextmanager
def _progress(console: Console, plan: Plan) -> Iterator[Callable[[Outcome], None]]:
    """A progress bar on standard error, on a terminal, where there is something to wait for."""
    total, called = len(plan["operations"]), names(plan)
    if total < 20 or not sys.stderr.isatty() or console.verbosity < 0 or console.log_format == "json":
        yield lambda outcome: console.debug(f"{outcome.status}: {called.get(outcome.id, outcome.id)}")
        return
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Sequence[Any] = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as bar:
        task = bar.add_task("apply", total=total)
        yield lambda outcome: bar.advance(task)
