"""One reconcile of a target: a commit of its source is planned, and applied where that is wanted and allowed (product.md, section 9).

What goes wrong is no exception but the state of the target: others go on. What is written is written by the library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final, NamedTuple

from gatectl import errors
from gatectl.api.results import Plan, Receipt
from gatectl.clock import CLOCK, Clock
from gatectl.controller import bounds, deciding
from gatectl.controller.deciding import Condition
from gatectl.controller.opening import Checkout, Opened, Operator, Refused, open_target
from gatectl.documents.drift import Drift
from gatectl.documents.findings import Finding
from gatectl.fleet.targets import Target
from gatectl.kinds import KINDS
from gatectl.quote import quote
from gatectl.windows import UnknownZone, is_open, next_opening

DEADLINE = 1_800.0
"""Seconds that one reconcile may take."""


LEASED: Final = 10.0
"""Seconds after which a target is looked at again that somebody else was at work at."""

FAILED: Final = 10.0
"""Seconds after which a target that failed is looked at again for the first time."""

CHANGED: Final = 2.0
"""The same of one whose platform was changed while it was planned."""


class Approved(NamedTuple):
    """A plan that was approved as it is, with what is allowed for it and why. `take` is asked once, before anything is written under
    it: whether it still counts."""

    plan: Plan
    allow: tuple[str, ...] = ()
    reason: str | None = None
    take: Callable[[], bool] = lambda: True


class Turn(NamedTuple):
    """What a reconcile is told: the time of day, what holds an apply back (None: nothing), the plan that was approved for this
    commit (None: none was), what ends it between two writes, how many seconds it waits for a lease, and what is asked before each
    request to the platform (`Connection.allowed`). `alone` is what an apply that creates workspaces is within: those of one process wait
    for each other here, and not for the platform's own lease."""

    now: datetime
    held: str | None = None
    approved: Approved | None = None
    stop: threading.Event | None = None
    lock_timeout: float = 0.0
    clock: Clock = CLOCK
    allowed: Callable[[], float] | None = None
    alone: AbstractContextManager[object] = nullcontext()


class Reconciled(NamedTuple):
    """How a reconcile ended: the state of its target, and all that holds of it. `findings`: what is wrong with the checkout; `plan`:
    what was planned last; `receipt`: what was applied. `used`: something was written under the approval, or all of it is done, and it is
    used up.
    `again`: seconds after which another look may find it otherwise (None: nothing is known that would change it)."""

    state: Condition
    conditions: tuple[Condition, ...]
    findings: Sequence[Finding] = ()
    plan: Plan | None = None
    receipt: Receipt | None = None
    used: bool = False
    again: float | None = None


def reconcile(target: Target, checkout: Checkout, operator: Operator, turn: Turn) -> Reconciled:
    """Plan a target as a commit has it and, where its source says so, apply that. Raises nothing that is the world's or the
    checkout's doing."""
    try:
        ends = turn.clock.now() + DEADLINE
        with open_target(target, checkout, operator, ends=ends, clock=turn.clock, allowed=turn.allowed) as opened:
            return _Reconcile(opened, turn).run()
    except Refused as refused:
        return _invalid(refused.findings)
    except errors.GatectlError as error:
        return _broke_off(error)


def _broke_off(error: errors.GatectlError, before: Sequence[Condition] = (), plan: Plan | None = None) -> Reconciled:
    """What an error means for a target: what others hold is waited for, the rest has failed."""
    conditions = (_condition(error), *before)
    return Reconciled(deciding.state_of(conditions), conditions, (), plan, again=_again(error))


def _again(error: errors.GatectlError) -> float | None:
    if isinstance(error, errors.PlatformLocked):
        return LEASED
    # Nobody is told twice that a token is wrong, or that a guardrail holds: that changes when somebody changes it.
    lasting = (errors.NotAuthenticated, errors.GuardrailRefused, errors.Invalid, errors.UsageError)
    return None if isinstance(error, lasting) else FAILED


def _invalid(findings: Sequence[Finding], plan: Plan | None = None) -> Reconciled:
    wrong = [each for each in findings if each["severity"] == "error"] or findings
    first = wrong[0]
    where = f"{quote(first['file'])}:{first['line']}: " if first["file"] is not None and first["line"] else ""
    more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
    invalid = Condition("invalid", f"{where}{first['rule']}: {first['message']}{more}")
    return Reconciled(invalid, (invalid,), findings, plan)


class _Reconcile:
    """One reconcile under way."""

    def __init__(self, opened: Opened, turn: Turn) -> None:
        self._estate = opened.estate
        self._request = opened.request
        self._bounds = opened.bounds
        self._source = opened.bounds.source
        self._commit = opened.commit
        self._turn = turn
        self._opens: datetime | None = None

    def run(self) -> Reconciled:
        plan = self._estate.work_out(self._request)
        if not plan.valid:
            return _invalid(plan.findings, plan)
        refused = self._refusal(plan)
        if refused is not None:
            invalid = Condition("invalid", refused)
            return Reconciled(invalid, (invalid,), (), plan)
        approved = self._turn.approved
        if approved is not None and self._source.mode == "apply" and self._held() is None:
            done = self._apply_approved(approved)
            if done is not None:
                return done
        return self._decided(plan)

    def _decided(self, plan: Plan) -> Reconciled:
        """What becomes of a plan that may be applied."""
        if not plan.changes:
            return Reconciled(deciding.IN_SYNC, (deciding.IN_SYNC,), (), plan)
        drift = self._drift(plan)
        conditions = deciding.seen(plan.document, drift)
        if self._source.mode == "observe":
            return Reconciled(deciding.state_of(conditions), tuple(conditions), (), plan)
        waits = self._waits_for(plan, drift)
        if waits is not None:
            conditions = [Condition("waiting", waits), *conditions]
            opens = None if self._opens is None else max((self._opens - self._turn.now).total_seconds(), 0.0)
            return Reconciled(deciding.state_of(conditions), tuple(conditions), (), plan, again=opens)
        return self._applied(plan, conditions)

    def _drift(self, plan: Plan) -> Drift | None:
        """Whose the differences are, where it matters; asked only where there are some."""
        matters = self._source.mode == "observe" or self._source.on_drift == "wait"
        return self._estate.look(self._request._replace(prune=False)) if matters and plan.operations else None

    def _waits_for(self, plan: Plan, drift: Drift | None) -> str | None:
        """What an apply of a plan waits for; None: for nothing."""
        held = self._held()
        if held is not None or not deciding.needs_approval_of(self._source, plan.document, drift):
            return held
        return f"{deciding.APPROVAL}{plan.fingerprint}"

    def _held(self) -> str | None:
        """What holds back any apply now: what the turn says, or a window that is closed."""
        if self._turn.held is not None or not self._source.windows:
            return self._turn.held
        try:
            if is_open([self._source.windows], self._turn.now):
                return None
            opens = next_opening([self._source.windows], self._turn.now)
        except UnknownZone as error:
            return f"a window whose time zone cannot be looked up: {quote(error.name)}"
        self._opens = opens
        return "a window" if opens is None else f"a window, which opens {opens.isoformat(timespec='minutes')}"

    def _refusal(self, plan: Plan) -> str | None:
        return bounds.refusal(self._bounds, plan.document, self._request.project.folder)

    def _apply_approved(self, approved: Approved) -> Reconciled | None:
        """Apply the very plan that was approved, as far as its preconditions hold: what is written already is `already`. None: it is
        of another commit, or of what was changed meanwhile, so what is planned now has to be approved."""
        plan = approved.plan
        if plan.document["source"]["commit"] != self._commit or self._refusal(plan) is not None or not approved.take():
            return None
        try:
            return self._ended(plan, self._carry_out(plan, approved), approved=True)
        except errors.StalePlan:
            return None
        except errors.GatectlError as error:
            return _broke_off(error, (), plan)

    def _applied(self, plan: Plan, before: Sequence[Condition]) -> Reconciled:
        try:
            return self._ended(plan, self._carry_out(plan, None), approved=False)
        except errors.StalePlan:
            conditions = (Condition("pending", "the platform was changed while it was planned"), *before)
            return Reconciled(deciding.state_of(conditions), conditions, (), plan, again=CHANGED)
        except errors.GatectlError as error:
            return _broke_off(error, before, plan)

    def _carry_out(self, plan: Plan, approved: Approved | None) -> Receipt:
        allow, reason = (approved.allow, approved.reason) if approved is not None and approved.allow else ((), None)
        creates = any(KINDS[op["kind"]].holds and op["action"] == "create" for op in plan.operations)
        with self._turn.alone if creates else nullcontext():
            return self._apply(plan, allow, reason)

    def _apply(self, plan: Plan, allow: Sequence[str], reason: str | None) -> Receipt:
        left = None if self._request.ends is None else max(self._request.ends - self._turn.clock.now(), 0.0)
        return self._estate.apply(
            plan, expect=plan.fingerprint, stop=self._turn.stop, allow=allow, reason=reason, new_records=True,
            lock_timeout=self._turn.lock_timeout, deadline=left,
        )  # fmt: skip

    def _ended(self, plan: Plan, receipt: Receipt, *, approved: bool) -> Reconciled:
        # Where all is there already, by a run that broke off, it is used up as well: it would be applied at every look.
        done = receipt.exit_code == errors.DONE
        used = approved and (done or any(outcome["attempts"] for outcome in receipt.outcomes))
        if done:
            return Reconciled(deciding.IN_SYNC, (deciding.IN_SYNC,), (), plan, receipt, used)
        failed = Condition("failed", _why(receipt))
        return Reconciled(failed, (failed,), (), plan, receipt, used, again=FAILED)


def _condition(error: errors.GatectlError) -> Condition:
    if isinstance(error, errors.Invalid):
        return Condition("invalid", error.message)
    waits = isinstance(error, (errors.PlatformLocked, errors.GuardrailRefused)) and not isinstance(
        error, errors.LeaseLost
    )
    return Condition("waiting" if waits else "failed", _said(error))


def _said(error: errors.GatectlError) -> str:
    if isinstance(error, errors.NotAuthenticated) and not isinstance(error, errors.Forbidden):
        return f"not authenticated: {error.message}"
    return error.message


def _why(receipt: Receipt) -> str:
    """The first thing that an apply did not do, and why."""
    for outcome in receipt.outcomes:
        if outcome["status"] not in ("done", "already"):
            said = outcome["error"]["message"] if outcome["error"] is not None else ""
            return f"{quote(outcome['id'])} {outcome['status']}{f': {quote(said)}' if said else ''}"
    return "what was applied does not read back as wanted"
