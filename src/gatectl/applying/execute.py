"""Plan × Writer → outcomes: the executor of a plan's list of operations, and nothing else.

It reads again before it writes: all preconditions before the first write, and each level of dependent operations before
that level (product.md, section 4). An operation whose object is as `pre` is written; as `post`, it is `already` so;
anything else is a conflict. What was written is read back. One list a kind, workspace and level, never one an object.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from gatectl.applying import twins
from gatectl.applying.conditions import Conflict, find
from gatectl.applying.ending import FINE
from gatectl.applying.guards import Guard, Verdict
from gatectl.applying.leasing import Access, claimed
from gatectl.applying.lookup import check_role, find_concerned, homes_left, read_concerned
from gatectl.applying.readback import UNLIKE, Tried, as_read, code_of, conflict_of, given_up, is_looked_for
from gatectl.applying.recording import Recording, homes_of, settle
from gatectl.applying.requests import Means, Secrets, Stopped, unsent, withdraw, write
from gatectl.applying.settling import late_on
from gatectl.applying.tally import Tally, not_started
from gatectl.clock import CONSISTENT, Patience
from gatectl.documents.journal import Head
from gatectl.documents.operations import by_level, key_of
from gatectl.documents.plans import Operation, Plan, is_to_apply
from gatectl.errors import PlatformError, Uncertain
from gatectl.kinds import KINDS
from gatectl.model import Live, Outcome
from gatectl.planning.current import Current
from gatectl.platforms.interface import Reader

_ROUNDS: Final = 10
_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 1.0
_HOPELESS: Final = 3
_FATAL: Final = frozenset(("locked", "lease_lost", "fence_of_another_store", "unauthenticated", "deadline"))
"""After these, nothing that is started now could succeed."""


class Ready(NamedTuple):
    """An operation to be written, and the live object to write over (None: there is none)."""

    op: Operation
    live: Live | None


class Run(NamedTuple):
    """What an execution needs besides the plan. `guard` is asked before each write whether the plan still holds.

    `head` is what the records call it by. `stop` is asked before every write whether to stop; `progress` is told every outcome as
    it comes. `force_put` writes repositories that hold what gatectl does not know (U31), `known` names what of that may be lost.
    `on_stop` is given what is to be called when `stop` turns true, so that a writer does not go on waiting. `patience`: how long
    the platform's lists may lag. `rest` does what can be done where a conflict is found before the first write; else nothing is.
    `unsettled`: runs have broken off, and even a plan of nothing is to find out what they did.
    """

    reader: Reader
    open: Callable[[], Access]
    secrets: Secrets
    head: Head
    parallel: int
    stop: Callable[[], bool]
    progress: Callable[[Outcome], None]
    guard: Guard
    force_put: bool = False
    known: frozenset[str] = frozenset()
    patience: Patience = CONSISTENT
    on_stop: Callable[[Callable[[], None]], None] = lambda callback: None
    rest: bool = False
    unsettled: bool = False


def precheck(plan: Plan, reader: Reader, guard: Guard) -> list[Conflict]:
    """The operations that cannot be done as they were planned, with what is live now. Reads only.

    Raises StalePlan where the whole plan is not for here.
    """
    guard.admit(plan)
    return guard.conflicts(plan, read_concerned(reader, plan))


def apply_plan(plan: Plan, run: Run) -> tuple[list[Outcome], bool]:
    """Execute the plan: the outcome of every operation, in the plan's order, and whether all reads back as wanted.

    Raises PlatformError only before the first write. A conflict found before the first write leaves everything else
    `not-started`.
    """
    return Execution(plan, run).carry_out()


class Execution:
    """One execution of a plan, that another thread may leave as it stands."""

    def __init__(self, plan: Plan, run: Run) -> None:
        self._plan = plan
        self._run = run
        self._tally = Tally(plan["operations"], run.progress)

    def carry_out(self) -> tuple[list[Outcome], bool]:
        """See `apply_plan`."""
        plan, run, tally = self._plan, self._run, self._tally
        if not (is_to_apply(plan) or run.unsettled):
            return [], True
        run.guard.admit(plan)
        access = run.open()
        run.on_stop(access.writer.stop)
        recording = Recording(
            plan,
            tally,
            access.records,
            run.head,
            lambda: run.reader.identification.instance,
            run.patience,
        )
        with contextlib.ExitStack() as alone:
            try:
                # Read only now: what another apply wrote while we waited for it is seen, and done `already`.
                alone.enter_context(claimed(access, lambda: self._concerned(access)))
                settle(plan, run.reader, access, run.head.run, late_on(run.reader, run.patience))
                current = read_concerned(run.reader, plan)
                check_role(plan, current)
                conflicts = run.guard.conflicts(plan, current)
                if conflicts and not run.rest:
                    return refused(plan, conflicts), False
                recording.begin(current)
                _Work(run, plan, tally, access, recording).do(current)
                if not run.stop():
                    recording.adopt()
                tally.diverged |= not recording.finish()
            except (KeyboardInterrupt, Exception) as error:
                # Once something was written there is a receipt, whatever else goes wrong.
                if not tally.sent and not isinstance(error, KeyboardInterrupt):
                    raise
                tally.break_off()
                with contextlib.suppress(Exception):
                    recording.finish()
        listed = tally.listed()
        return listed, not tally.diverged and all(outcome.status in FINE for outcome in listed)

    def _concerned(self, access: Access) -> dict[str, str]:
        """The workspaces whose leases are held: of a plan of nothing, those in which runs broke off."""
        plan = self._plan
        if is_to_apply(plan):
            return find_concerned(self._run.reader, plan)
        return homes_of(access.records.open_runs())

    def unanswered(self) -> bool:
        """Whether a write was sent that is not answered yet."""
        return self._tally.unanswered()

    def abandon(self) -> list[Outcome]:
        """Leave it as it stands, whatever `carry_out` is doing: no write is sent after this; the outcome of every operation."""
        return self._tally.break_off()


def refused(plan: Plan, conflicts: Sequence[Conflict]) -> list[Outcome]:
    """The outcomes of a plan that conflicts with the platform before anything was written."""
    clashing = {conflict.operation: conflict for conflict in conflicts}
    return [
        conflict_of(op, clashing[op["id"]]) if op["id"] in clashing else not_started(op) for op in plan["operations"]
    ]


class _Work:
    """One execution under way: level after level, and whether it still makes sense to start anything."""

    def __init__(self, run: Run, plan: Plan, tally: Tally, access: Access, recording: Recording) -> None:
        self.run = run
        self.plan = plan
        self.tally = tally
        self.access = access
        self.recording = recording
        self.means = Means(run.reader, access.writer, run.secrets, run.force_put, run.known)
        self._unread: list[Tried] = []
        self._unread_because = ""
        self._unsure: set[str] = set()
        """The operations that sent a write whose end is not known."""
        self._withdrawn: set[str] = set()
        """The operations whose object this run removed again, because it was a twin."""
        self._called = {op["id"]: str(key_of(op)) for op in plan["operations"]}
        self._in_vain = 0  # in a row
        self._hopeless = False

    def do(self, current: Current | None) -> None:
        """Level after level. `current` was read just now, and serves the first."""
        levels = by_level(self.plan["operations"])
        for number, level in enumerate(levels):
            if current is None:
                current = self._look()
            if current is None:
                for op in level:
                    self.tally.set(not_started(op))
                continue
            self._lease(level, current)
            made = self._made_for(level)
            if made:
                current = self._level([], current, made)
            if current is not None:
                self.access.let_go_of_platform(functools.partial(homes_left, levels[number:], current))
                current = self._level(self._decide(level, current), current)
                self.recording.note(current)
        self._look_once_more()

    def _lease(self, level: Sequence[Operation], current: Current) -> None:
        """The leases of workspaces that this run created. Where somebody else has one, nothing more is begun."""
        states = ((op["workspace"], current.around(op["workspace"]).workspace_id) for op in level if op["workspace"])
        try:
            self.access.take(lambda: {workspace_id: name for name, workspace_id in states if workspace_id})
        except PlatformError:
            self._hopeless = True

    def _sending(self, op: Operation) -> None:
        """Right before a write is sent. Raises LeaseLost."""
        self.access.check()
        self.tally.sending(op)

    def _made_for(self, level: Sequence[Operation]) -> list[Tried]:
        """What a level needs and this run created, where somebody else may have created it too: before that is used, it is
        looked at once more. Lists that never lag are of a platform that only one apply writes to."""
        needs = {need for op in level for need in op["dependsOn"]} if self.run.patience.seconds else set()
        created = [op for op in self.plan["operations"] if op["id"] in needs and op["action"] == "create"]
        made = [(op, self.tally.outcomes[op["id"]]) for op in created if op["id"] in self.tally.sent]
        return [Tried(op, outcome, False) for op, outcome in made if outcome.status == "done"]

    def _decide(self, level: Sequence[Operation], current: Current) -> list[Ready]:
        """What of a level is to be written, each with the live object to write over; the rest gets its outcome."""
        ready: list[Ready] = []
        pending = [op for op in self.plan["operations"] if self.tally.of(op) is None]
        if not any(KINDS[op["kind"]].attaches for op in level):
            pending = list(level)  # only repositories can break what others have, so the rest need not be looked at yet
        verdicts = self.run.guard.judge(self.plan, pending, current)
        for op in level:
            verdict = verdicts[op["id"]]
            outcome = self._blocked(op) or _decided(op, verdict, current)
            if outcome is not None:
                self.tally.set(outcome)
            elif not isinstance(verdict, (Conflict, str)):
                ready.append(Ready(op, verdict))
        return ready

    def _blocked(self, op: Operation) -> Outcome | None:
        """The outcome of an operation that depends on one that was not done."""
        outcomes = self.tally.outcomes
        failed = [need for need in op["dependsOn"] if outcomes[need].status not in FINE]
        if not failed:
            return None
        if all(outcomes[need].status == "not-started" for need in failed):
            return not_started(op)
        message = f"depends on {', '.join(self._called[need] for need in failed)}"
        return Outcome(op["id"], "blocked", op["platformId"], 0, ("blocked", message))

    def _level(self, ready: list[Ready], current: Current, written: Sequence[Tried] = ()) -> Current | None:
        """Write, read back until all shows or the lists cannot lag any more, and write again what surely had no effect; the
        platform as it was read last (None: unread). `written` is read back too."""
        clock = self.run.patience.clock
        pending = list(written)
        rounds, pause, ends = 0, _PAUSE, clock.now() + self.run.patience.seconds
        while True:
            if ready:
                tried = self._write_all(ready, current)
                pending += tried
                rounds, pause = rounds + 1, _PAUSE
                ends = clock.now() + self.run.patience.seconds
                if any(item.outcome.status == "unknown" for item in tried):
                    # Give what may still be under way somewhere the time to end; the next write follows this read at once.
                    clock.sleep(min(_PAUSE * 2 ** (rounds - 1), _LONGEST_PAUSE))
            if not pending:
                return current
            latest = self._look()
            if latest is None:
                self._unverified(pending)
                return None
            current = latest
            ready, pending = self._settle(pending, current, final=rounds >= _ROUNDS)
            if ready:
                continue
            if pending and (clock.now() >= ends or self.run.stop()):
                self._give_up(pending, current)
                pending = []
            if not pending:
                return current
            # A platform may need a moment until a list shows what was written (U32).
            clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _write_all(self, ready: Sequence[Ready], current: Current) -> list[Tried]:
        if self._hopeless or not self._intended(ready, current):
            for item in ready:
                self.tally.leave(item.op)
            return []
        if self.run.parallel > 1 and len(ready) > 1:
            pool = ThreadPoolExecutor(self.run.parallel)
            try:
                results = list(pool.map(lambda item: self._try(item, current), ready))
            finally:
                # At once where a second signal broke in: the receipt does not wait for what hangs.
                pool.shutdown(wait=sys.exc_info()[0] is None, cancel_futures=True)
        else:
            results = [self._try(item, current) for item in ready]
        return [tried for tried in results if tried is not None]

    def _intended(self, ready: Sequence[Ready], current: Current) -> bool:
        """Whether it is on record what is about to be sent. Raises PlatformError where nothing was sent before."""
        try:
            self.recording.intend((item.op for item in ready), current)
        except PlatformError as error:
            if not self.tally.sent:
                raise
            self._hopeless = True
            for item in ready:
                if self.tally.of(item.op) is None:
                    message = f"not sent, because the records do not take what is about to be: {error.message}"
                    self.tally.set(not_started(item.op)._replace(error=("unrecorded", message)))
            return False
        return True

    def _try(self, item: Ready, current: Current) -> Tried | None:
        """One write, unless it is time to stop."""
        op, live = item
        if self.run.stop() or self._hopeless:
            self.tally.leave(op)
            return None
        before = self.tally.of(op)
        answer = write(op, live, current, self.means, lambda: self._sending(op))
        outcome = self.tally.answered(op, answer)
        if answer.error is not None and answer.error.code == Stopped.code:  # before it was sent
            if before is None:
                self.tally.set(not_started(op))
            return None
        if isinstance(answer.error, Uncertain):
            self._unsure.add(op["id"])
        self._hope(answer.error)
        return Tried(op, outcome, answer.again)

    def _hope(self, error: PlatformError | None) -> None:
        """Whether anything that is started now could succeed: nobody answers, or the disk is full, is not about one operation."""
        if error is None:
            self._in_vain = 0
        elif unsent(error) or error.code in (PlatformError.code, *_FATAL):
            self._in_vain += 1
            self._hopeless |= self._in_vain >= _HOPELESS or error.code in _FATAL

    def _settle(self, tried: Sequence[Tried], current: Current, *, final: bool) -> tuple[list[Ready], list[Tried]]:
        """Read back: what is not certain becomes so. What may be written again, and what does not show (yet)."""
        ready: list[Ready] = []
        waiting: list[Tried] = []
        for item in tried:
            if not is_looked_for(item):
                continue
            found = as_read(item, current, withdrawn=item.op["id"] in self._withdrawn)
            if found is not None:
                self.tally.set(found)
            elif item.op["action"] == "create" and isinstance(find(item.op, current), list):
                self._settle_twin(item.op, item.outcome, current)
                waiting.append(item)
            elif item.outcome.status != "unknown":
                waiting.append(item)
            elif isinstance(next_step := self._undecided(item, current, final=final), Ready):
                ready.append(next_step)
            elif next_step is not None:
                waiting.append(next_step)
        return ready, waiting

    def _undecided(self, item: Tried, current: Current, *, final: bool) -> Ready | Tried | None:
        """What is to be done about a write whose end is not known: write again, wait, or nothing (its outcome is told)."""
        op, outcome = item.op, item.outcome
        verdict = self.run.guard.judge(self.plan, [op], current)[op["id"]]
        if isinstance(verdict, Conflict):
            self.tally.set(conflict_of(op, verdict, outcome.attempts))
            return None
        if item.again and not final and not isinstance(verdict, str):
            return Ready(op, verdict)
        if code_of(outcome) == "unreachable":  # it was never sent
            self.tally.set(outcome._replace(status="failed"))
            return None
        return item

    def _settle_twin(self, op: Operation, outcome: Outcome, current: Current) -> None:
        """Remove what this run made, where it is not what stays; whoever made the other does the same with the same answer."""
        own, lives = outcome.platform_id, twins.same_name(op, current)
        mine = next((live for live in lives if live.id == own), None)
        if outcome.status != "done" or mine is None or op["id"] in self._withdrawn or self.run.stop():
            return
        keep = twins.keeper(op, lives, current, self.run.reader)
        if keep is None or keep.id == own or twins.in_use(mine, current, self.run.reader):
            return

        def sending() -> None:
            self._sending(op)
            self._withdrawn.add(op["id"])

        try:
            withdraw(KINDS[op["kind"]], mine, self.means, sending)
        finally:
            self.tally.landed(op)

    def _give_up(self, pending: Sequence[Tried], current: Current) -> None:
        """The lists cannot lag any more: what does not show by now is not known to be there, or reads back differently."""
        lags, platform = bool(self.run.patience.seconds), self.run.reader.identification
        for item in pending:
            found = given_up(item, current, platform, lags=lags, unsure=item.op["id"] in self._unsure)
            if found is not None:
                self.tally.diverged |= code_of(found) in UNLIKE
                self.tally.set(found)

    def _look(self) -> Current | None:
        """The platform as it is now; None where it cannot be read whole, whatever the reason: what was written has a receipt."""
        try:
            return read_concerned(self.run.reader, self.plan)
        except Exception as error:
            self._unread_because = error.message if isinstance(error, PlatformError) else type(error).__name__
            return None

    def _unverified(self, tried: Sequence[Tried]) -> None:
        for item in tried:
            if item.outcome.status == "done":
                message = f"written, but it could not be read back: {self._unread_because}"
                self.tally.set(item.outcome._replace(error=("unverified", message)))
            if item.outcome.status in ("done", "unknown"):
                self._unread.append(item)

    def _look_once_more(self) -> None:
        """What could not be read back when it was written may be readable by the end."""
        current = self._look() if self._unread else None
        if current is None:
            self.tally.diverged |= bool(self._unread)
        else:
            _, waiting = self._settle(self._unread, current, final=True)
            self._give_up(waiting, current)


def _decided(op: Operation, verdict: Verdict, current: Current) -> Outcome | None:
    """The outcome of an operation that is not to be written: it cannot be done as it was planned, or is done already."""
    if isinstance(verdict, Conflict):
        return conflict_of(op, verdict)
    if isinstance(verdict, str):
        live = find(op, current)
        return Outcome(op["id"], "already", live.id if isinstance(live, Live) else op["platformId"])
    return None
