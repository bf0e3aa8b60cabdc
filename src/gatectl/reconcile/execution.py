"""A plan is carried out: what protects the platform, one planning again, and the receipt. The second half of the flow.

Whoever applies comes through here, the command line and programs alike: a plan is held against what was approved, against
the place that it was made for and against the guardrails, below whatever asks for it. The receipt is saved before anything
of it is shown (product.md, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple

from gatectl import errors
from gatectl.applying import execute as executor
from gatectl.applying import guards, replan
from gatectl.applying import receipt as receipts
from gatectl.applying.conditions import Conflict
from gatectl.applying.ending import FINE, exit_code, was_sent
from gatectl.applying.holders import holder_of
from gatectl.applying.kept import Places, find_places, save
from gatectl.applying.leasing import PATIENCE, USUAL, Access, Leasing, Terms, Way, claimed
from gatectl.applying.lookup import find_concerned
from gatectl.applying.remembering import RunRecords
from gatectl.applying.requests import Secrets
from gatectl.clock import timestamp
from gatectl.documents.journal import Head
from gatectl.documents.ownership import Owner
from gatectl.documents.plans import Plan, Project, has_waiting, is_invalid, is_of_another_place, is_refused, is_to_apply
from gatectl.documents.receipts import Override, Receipt
from gatectl.model import Outcome
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader
from gatectl.project import decisive
from gatectl.reconcile import flow, heading
from gatectl.reconcile.holding import Hold
from gatectl.reconcile.looking_back import held_to, look_back
from gatectl.reconcile.request import Request
from gatectl.reconcile.scope import place_of
from gatectl.records.leases import Holder


class Approval(NamedTuple):
    """What somebody said of a plan before. `saved`: it is one that was reviewed, so it is applied as it is or not at all;
    `expect`: the fingerprint that was approved; `keep_going`: where findings hold some objects, or leave workspaces out, the
    rest is done."""

    saved: bool = False
    expect: str | None = None
    keep_going: bool = False

    def admits(self, plan: Plan) -> bool:
        """Whether a plan may be applied, whatever its findings."""
        return not is_invalid(plan) or (self.keep_going and not is_refused(plan))

    @property
    def direct(self) -> bool:
        """Whether nobody approved this very plan, so that another may take its place."""
        return not self.saved and self.expect is None


class Means(NamedTuple):
    """What an apply is done with.

    `connect` says how the platform is reached; `secrets` gives the credentials of a plan in clear, when it is about to write.
    `begin` is asked for a run (who applies, from when on), `now` for the moment in which it has ended. `receipt_file` is where
    `--receipt` wants it, `keep` whether the project folder keeps it too. `new_records`: a shared store of records that is not there
    yet is meant, and created. `lock_timeout`: how many seconds to wait for a holder who does not renew; `terms`: how leases are held.
    """

    connect: Callable[[], Connection]
    secrets: Callable[[Plan], Secrets]
    begin: Callable[[], receipts.Run]
    receipt_file: str | None = None
    keep: bool = True
    new_records: bool = False
    lock_timeout: float = PATIENCE
    terms: Terms = USUAL
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Attendant:
    """Who attends an apply: asks, shows, and may stop it. This one asks nobody, shows nothing and never stops it."""

    asks = False
    """Whether somebody is asked before anything is written."""

    def confirm(self, plan: Plan, difference: replan.Difference | None) -> None:
        """Ask for a yes to a plan; `difference`: to one that was shown. Raises Declined."""

    def changed(self, plan: Plan, difference: replan.Difference) -> None:
        """The platform was changed meanwhile, and this is planned now."""

    def held(self) -> None:
        """The new plan destroys more than the one that was shown, so what still holds of that one is done."""

    def again(self) -> None:
        """The platform was changed meanwhile, and is planned again."""

    def left(self, reason: str) -> None:
        """What was changed meanwhile is left as it is, because of this; what was done before has its receipt."""

    def waiting(self) -> AbstractContextManager[None]:
        """While this lasts, the platform is waited for."""
        return _nothing()

    def progress(self, plan: Plan) -> AbstractContextManager[Callable[[Outcome], None]]:
        """Gives what is told every outcome of a plan as it comes."""
        return _nobody()

    def writing(self) -> AbstractContextManager[Callable[[Callable[[], None]], None]]:
        """While this lasts the apply is stopped and not interrupted. Gives what registers whoever is to be told of that."""
        return _nobody_stops()

    def reading(self, *, written: bool) -> AbstractContextManager[None]:
        """While this lasts there is more to read or to ask, and it may be interrupted (KeyboardInterrupt). `written`: something was
        before, so that there is a receipt to save."""
        return _nothing()

    def stopping(self) -> bool:
        """Whether no further write is to be started."""
        return False

    def carry_out(self, execution: executor.Execution) -> tuple[Sequence[Outcome], bool]:
        return execution.carry_out()

    def in_a_hurry(self) -> bool:
        """Whether nothing more may be waited for: a thread was left behind as it stood."""
        return False


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _nobody() -> Iterator[Callable[[Outcome], None]]:
    yield lambda outcome: None


@contextmanager
def _nobody_stops() -> Iterator[Callable[[Callable[[], None]], None]]:
    yield lambda callback: None


def open_access(
    connection: Connection, records: RunRecords, reader: Reader, holder: Holder, patience: float, terms: Terms = USUAL
) -> Access:
    """What writes, remembers and keeps others out. Without a store of records nobody holds a lease. Raises PlatformError."""
    writer = driver_for(connection.target).open_writer(connection)
    try:
        if not records.has_leases:
            return Access(writer, records.open(writer, reader))
        found = reader.identification
        way = Way(records.open_leases(), found.key, holder, connection.clock, patience, connection.ends, records.beyond)
        return Access(writer, records.open(writer, reader), Leasing(way, terms))
    except BaseException:
        writer.close()
        raise


class Ended(NamedTuple):
    """How an apply ended: its receipt, where that is saved and what of that failed, and the exit code that it means.

    `unrecorded`: why the records did not take the run.
    """

    receipt: Receipt
    saved: Sequence[str]
    failed: Sequence[str]
    code: int
    unrecorded: errors.GatectlError | None = None


class _Done(NamedTuple):
    """What was done, for the receipt."""

    plan: Plan
    outcomes: Sequence[Outcome]
    run: receipts.Run
    converged: bool = False
    overrides: Sequence[Override] = ()


class _Again(NamedTuple):
    """What was planned again: the whole plan, and what of it is done then."""

    fresh: Plan
    then: Plan


def execute(
    request: Request, plan: Plan, approval: Approval, means: Means, attendant: Attendant | None = None
) -> Ended:
    """Apply a plan of this request. A direct apply that meets a conflict plans again, once (section 4).

    Raises Invalid for a plan with findings, StalePlan for one that is not for here, not the expected one or has conflicts
    as a whole, GuardrailRefused, Declined, InputError where no receipt could be saved, PlatformError: nothing was written.
    """
    return _Apply(request, approval, means, attendant or Attendant()).run(plan)


class _Apply:
    """One apply under way."""

    reader: Reader
    connection: Connection
    guard: guards.Guard
    hold: Hold
    records: RunRecords

    def __init__(self, request: Request, approval: Approval, means: Means, attendant: Attendant) -> None:
        self._request = request
        self._approval = approval
        self._means = means
        self._attendant = attendant
        self._driver = driver_for(request.environment.platform)
        self._run = means.begin()

    def run(self, plan: Plan) -> Ended:
        if not self._driver.writable:
            raise errors.UsageError("nothing can be applied to a snapshot", "apply to the platform itself")
        if not self._approval.admits(plan):
            raise errors.Invalid("the plan has errors", "see its findings; nothing was written")
        if is_of_another_place(plan):
            raise errors.Invalid(
                "the plan was made from another place than the one that its project is applied from (GW507)",
                "apply it from there; nothing was written",
            )
        guards.check_expected(plan, self._approval.expect)
        self.connection = self._means.connect()
        folder = self._request.project.folder if self._means.keep else None
        project, connection = self._request.project, self.connection
        named: tuple[Project, str] = ({"name": project.name, "uid": project.uid}, self._request.environment.name)
        self.records = RunRecords(connection, named, folder, lambda: place_of(project, connection), self._request.warn)
        self.records.admit(plan, create=self._means.new_records)
        _, before = look_back(self._request, connection, lambda: place_of(project, connection))
        self._request = held_to(self._request, before)
        self.reader = self._driver.open_reader(self.connection)
        try:
            self.hold = Hold(self._request, self.connection, self.reader, before, saved=self._approval.saved)
            self.guard = heading.guard(self._request, self.reader, self._approval.expect)
            return self._admitted(plan)
        finally:
            self.reader.close()

    def _admitted(self, plan: Plan) -> Ended:
        if not self._approval.keep_going:
            guards.check_undone(plan)
            guards.check_settled(plan)
        if self._approval.saved:
            with self._attendant.waiting():
                conflicts = self._conflicts(plan)
            if conflicts:
                refused = _Done(plan, executor.refused(plan, conflicts), self._means.begin())
                return self._end(refused, self._places(needed=False))
        changes = is_to_apply(plan)
        with self._unless_locked(plan):
            self.hold.on(plan)
            places = self._places(needed=changes)
        if changes:
            self._attendant.confirm(plan, None)
            self.records.prepare()
        return self._end(self._carried_out(plan), places)

    def _conflicts(self, plan: Plan) -> Sequence[Conflict]:
        """The operations of a saved plan that cannot be done as it was reviewed. Raises StalePlan, PlatformLocked.

        Another apply may be in the middle, perhaps of this very plan: what it leaves decides, and while it goes on nobody knows.
        """
        self.guard.admit(plan)
        with suppress(errors.StalePlan):
            conflicts = executor.precheck(plan, self.reader, self.guard)
            if not conflicts:
                return conflicts
        with self._alone(plan):
            return executor.precheck(plan, self.reader, self.guard)

    @contextmanager
    def _alone(self, plan: Plan, patience: float | None = None) -> Iterator[None]:
        """While this lasts no other apply writes where a plan does. Raises PlatformLocked where one does and does not end."""
        if self.reader.identification.instance is None:  # there is no store that anybody could write to
            yield
            return
        with claimed(self._access(patience), lambda: find_concerned(self.reader, plan)):
            yield

    @contextmanager
    def _unless_locked(self, plan: Plan) -> Iterator[None]:
        """What refuses an apply before it writes is told only where no other one holds the lock: that comes first (section 2)."""
        try:
            yield
        except (errors.GuardrailRefused, errors.MissingCredential, errors.InputError):
            try:
                with self._alone(plan, min(_REFUSED, self._means.lock_timeout)):
                    pass
            except errors.PlatformLocked:
                raise
            except errors.PlatformError:
                pass  # it would not have come so far
            raise

    def _places(self, *, needed: bool) -> Places:
        folder = self._request.project.folder if self._means.keep else None
        return find_places(folder, self._means.receipt_file, needed=needed)

    def _carried_out(self, plan: Plan) -> _Done:
        stale: errors.StalePlan | None = None
        try:
            done = self._execute(plan)
        except errors.StalePlan as error:
            if not self._approval.direct:
                raise
            stale = error
        if not self._approval.direct or self._attendant.stopping() or (stale is None and not _has_conflicts(done)):
            return done
        if stale is None and was_sent(done.outcomes):
            return self._rest(done)
        with self._attendant.reading(written=False):
            again = self._plan_again(plan, ())
        if again is None and stale is not None:
            raise stale
        return self._execute(plan if again is None else again.then, rest=True)

    def _rest(self, done: _Done) -> _Done:
        """What was changed while the rest was written, planned again and done. Whatever comes between, what was done is told."""
        try:
            with self._attendant.reading(written=True):
                again = self._plan_again(done.plan, done.outcomes)
            if again is None or self._attendant.stopping():
                return done
            then = self._execute(again.then, rest=True)
        except KeyboardInterrupt:
            return done
        except Exception as error:
            self._attendant.left(error.message if isinstance(error, errors.GatectlError) else type(error).__name__)
            return done
        plan, outcomes = replan.together(done.plan, done.outcomes, again.fresh, again.then, then.outcomes)
        unread = any(outcome.error is not None for outcome in done.outcomes if outcome.status in FINE)
        converged = then.converged and not unread and all(outcome.status in FINE for outcome in outcomes)
        return done._replace(plan=plan, outcomes=outcomes, converged=converged)

    def _plan_again(self, shown: Plan, outcomes: Sequence[Outcome]) -> _Again | None:
        """The plan of what the platform is now, if it may be applied; None: what still holds of the shown one is to be done.

        `outcomes`: how far the shown one was carried out. Raises StalePlan where other workspaces are left out, Declined,
        GuardrailRefused.
        """
        self._attendant.again()
        with self._attendant.waiting():
            fresh = flow.work_out(self._request._replace(again=True), lambda: self.connection)
        if replan.left_out(fresh) != replan.left_out(shown):
            raise errors.StalePlan(
                "the platform was changed meanwhile, and errors are in other workspaces than before", "plan again"
            )
        if not self._approval.admits(fresh):
            return None
        then = replan.part(shown, outcomes, fresh)
        written = {outcome.id for outcome in outcomes if outcome.attempts}
        done = [op for op in shown["operations"] if op["id"] in written]
        self.hold.on({**then, "operations": [*done, *then["operations"]]}, begun=bool(outcomes))
        difference = replan.difference(replan.remaining(shown, outcomes), then)
        self._attendant.changed(then, difference)
        if self._attendant.asks:
            self._attendant.confirm(then, difference)
        elif replan.destroys_more(shown, then):
            self._attendant.held()
            return None
        return _Again(fresh, then)

    def _execute(self, plan: Plan, *, rest: bool = False) -> _Done:
        request, attendant = self._request, self._attendant
        run = self._run
        with self._unless_locked(plan):
            secrets = self._means.secrets(plan)
        with attendant.waiting(), attendant.progress(plan) as progress, attendant.writing() as on_stop:
            execution = executor.Execution(
                plan,
                executor.Run(
                    reader=self.reader,
                    open=self._access,
                    secrets=secrets,
                    head=self._head(plan, run),
                    parallel=self.reader.traits.parallel,
                    stop=attendant.stopping,
                    progress=progress,
                    guard=self.guard,
                    force_put=request.force_put,
                    known=frozenset(request.environment.known),
                    patience=heading.patience_of(request.environment, request.clock),
                    on_stop=on_stop,
                    rest=rest,
                    unsettled=not is_to_apply(plan) and self.records.is_unsettled(self.reader, self._holder()),
                ),
            )
            outcomes, converged = attendant.carry_out(execution)
        said = {"force-put": request.force_put, "keep-going": has_waiting(plan) or "left" in plan.get("undoes", {})}
        overrides: list[Override] = [{"name": n, "value": None, "reason": None} for n, told in said.items() if told]
        return _Done(plan, outcomes, run, converged, (*overrides, *request.allowed.overrides()))

    def _head(self, plan: Plan, run: receipts.Run) -> Head:
        """A run as the records know it until it has ended."""
        project, environment = self._request.project, self._request.environment
        owner = Owner(project.name, project.uid, environment.name, self.records.place)
        by = f"{run.actor.user or 'somebody'}@{run.actor.host or 'somewhere'}"
        return Head(run.id, owner, plan["source"]["commit"], by, timestamp(run.started))

    def _access(self, patience: float | None = None) -> Access:
        """What writes, remembers and keeps others out."""
        patience = self._means.lock_timeout if patience is None else patience
        return open_access(self.connection, self.records, self.reader, self._holder(), patience, self._means.terms)

    def _holder(self) -> Holder:
        actor = self._run.actor
        return holder_of(actor.user, actor.host, self._run.id, actor.url)

    def _end(self, done: _Done, places: Places) -> Ended:
        """Save the receipt, before anything else can go wrong."""
        waiting = has_waiting(done.plan)
        converged = done.converged and not waiting
        receipt = receipts.make_receipt(
            done.plan,
            done.outcomes,
            done.run,
            self._means.now(),
            converged=converged,
            overrides=done.overrides,
            project_file=decisive(self._request.project, self._request.environment),
        )
        saved, failed = save(places, receipt)
        code = exit_code(done.outcomes, converged=converged, interrupted=self._attendant.stopping(), waiting=waiting)
        unrecorded = _HURRIED if self._attendant.in_a_hurry() else self.records.keep(receipt)
        # A run that had nothing to do is missed by nobody: that is said, and changes nothing.
        if unrecorded is not None and code == errors.DONE and is_to_apply(done.plan):
            code = errors.PARTLY_APPLIED if was_sent(done.outcomes) else unrecorded.exit_code
        return Ended(receipt, saved, failed, code, unrecorded)


_REFUSED: Final = 10.0
"""Seconds to wait for somebody else where nothing is going to be written."""
_HURRIED: Final = errors.PlatformError("there was no time left to wait for the store")


def _has_conflicts(done: _Done) -> bool:
    """Whether something was not as it was planned."""
    return any(outcome.status == "conflict" for outcome in done.outcomes)
