"""Plan × Writer → outcomes: the executor of a plan's list of operations, and nothing else. The only module that changes
a platform.

It reads again before it writes: all preconditions before the first write, and each level of dependent operations before
that level (product.md, section 4). An operation whose object is as `pre` is written; as `post`, it is `already` so;
anything else is a conflict. What was written is read back. One list a kind, workspace and level, never one an object.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from gatectl.applying import twins
from gatectl.applying.conditions import (
    Conflict,
    as_wanted,
    creation_key,
    divergence,
    find,
    live_hash,
    renews,
    with_masters,
)
from gatectl.applying.guards import Guard
from gatectl.clock import CONSISTENT, Patience
from gatectl.documents.operations import credentials_of, key_of, resources_of, values_of
from gatectl.documents.plans import Operation, Plan
from gatectl.documents.states import read_attachment
from gatectl.errors import (
    DeadlinePassed,
    Forbidden,
    PlatformError,
    PlatformLocked,
    PlatformRefused,
    PreconditionFailed,
    Uncertain,
    Unreachable,
)
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Context, Order
from gatectl.model import Attachment, Live, Outcome, Status
from gatectl.planning.current import Current, WorkspaceState, read_current, read_workspaces
from gatectl.planning.lists import read_live
from gatectl.planning.manageable import read_only
from gatectl.platforms.interface import Reader, Writer
from gatectl.quote import quote
from gatectl.resources import comparable

_ROUNDS: Final = 10
_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 1.0
_HOPELESS: Final = 3
_FATAL: Final = frozenset(("locked", "unauthenticated", "deadline"))
"""After these, nothing that is started now could succeed."""

_FINE: Final = frozenset(("done", "already"))
STATUSES: Final[tuple[Status, ...]] = ("done", "already", "conflict", "failed", "blocked", "not-started", "unknown")

Secrets = Mapping[str, Mapping[str, str]]
"""Credentials in clear, by operation id; they exist from the moment apply resolves them, and only in memory."""


class Run(NamedTuple):
    """What an execution needs besides the plan. `guard` is asked before each write whether the plan still holds.

    `stop` is asked before every write whether to stop; `progress` is told every outcome as it comes. `force_put`
    writes repositories that hold what gatectl does not know (U31), `known` names what of that may be lost. `on_stop` is given
    what is to be called when `stop` turns true, so that a writer does not go on waiting. `patience`: how long the platform's
    lists may lag. `rest` does what can be done where a conflict is found before the first write; else nothing is.
    """

    reader: Reader
    open_writer: Callable[[], Writer]
    secrets: Secrets
    project: str
    parallel: int
    stop: Callable[[], bool]
    progress: Callable[[Outcome], None]
    guard: Guard
    force_put: bool = False
    known: frozenset[str] = frozenset()
    patience: Patience = CONSISTENT
    on_stop: Callable[[Callable[[], None]], None] = lambda callback: None
    rest: bool = False


def precheck(plan: Plan, reader: Reader, guard: Guard) -> list[Conflict]:
    """The operations that cannot be done as they were planned, with what is live now. Reads only.

    Raises StalePlan where the whole plan is not for here.
    """
    guard.admit(plan)
    return guard.conflicts(plan, _read(reader, plan))


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
        self._work = _Work(run, plan)

    def carry_out(self) -> tuple[list[Outcome], bool]:
        """See `apply_plan`."""
        plan, run, work = self._plan, self._run, self._work
        if not plan["operations"] and not plan["adopts"]:
            return [], True
        run.guard.admit(plan)
        writer = run.open_writer()
        run.on_stop(writer.stop)
        try:
            # Read only now: what another apply wrote while we waited for it is seen, and done `already`.
            writer.claim()
            current = _read(run.reader, plan)
            _check_role(plan, current)
            conflicts = run.guard.conflicts(plan, current)
            if conflicts and not run.rest:
                return refused(plan, conflicts), False
            work.do(current, writer)
            work.diverged |= not _record(plan, work.outcomes, run, writer)
        except (KeyboardInterrupt, Exception) as error:
            # Once something was written there is a receipt, whatever else goes wrong.
            if not work.sent and not isinstance(error, KeyboardInterrupt):
                raise
            work.break_off()
            with contextlib.suppress(Exception):
                _record(plan, work.outcomes, run, writer)
        finally:
            with contextlib.suppress(PlatformError):
                writer.close()
        listed = [work.outcomes[op["id"]] for op in plan["operations"]]
        return listed, not work.diverged and all(outcome.status in _FINE for outcome in listed)

    def unanswered(self) -> bool:
        """Whether a write was sent that is not answered yet."""
        return self._work.unanswered()

    def abandon(self) -> list[Outcome]:
        """Leave it as it stands, whatever `carry_out` is doing: no write is sent after this; the outcome of every operation."""
        return self._work.break_off()


def refused(plan: Plan, conflicts: Sequence[Conflict]) -> list[Outcome]:
    """The outcomes of a plan that conflicts with the platform before anything was written."""
    clashing = {conflict.operation: conflict for conflict in conflicts}
    return [
        _conflict(op, clashing[op["id"]]) if op["id"] in clashing else _not_started(op) for op in plan["operations"]
    ]


def _not_started(op: Operation) -> Outcome:
    return Outcome(op["id"], "not-started", op["platformId"])


class _Tried(NamedTuple):
    """An operation whose write was tried. `again`: it may be, should the platform turn out to be as before."""

    op: Operation
    outcome: Outcome
    again: bool


class _Work:
    """One execution under way: the outcomes so far, and whether it still makes sense to start anything."""

    writer: Writer

    def __init__(self, run: Run, plan: Plan) -> None:
        self.run = run
        self.plan = plan
        self.operations: Sequence[Operation] = plan["operations"]
        self.outcomes: dict[str, Outcome] = {}
        self.diverged = False
        self.sent: dict[str, int] = {}
        """How many writes were sent for an operation, whatever became of them."""
        self._under_way: set[str] = set()
        self._ended = False
        self._turn = threading.Lock()  # between sending and breaking off
        self._unread: list[_Tried] = []
        self._unread_because = ""
        self._unsure: set[str] = set()
        """The operations that sent a write whose end is not known."""
        self._withdrawn: set[str] = set()
        """The operations whose object this run removed again, because it was a twin."""
        self._called = {op["id"]: str(key_of(op)) for op in self.operations}
        self._in_vain = 0  # in a row
        self._hopeless = False

    def do(self, current: Current | None, writer: Writer) -> None:
        """Level after level. `current` was read just now, and serves the first."""
        self.writer = writer
        for level in _by_level(self.operations):
            if current is None:
                current = self._look()
            if current is None:
                for op in level:
                    self._set(_not_started(op))
                continue
            made = self._made_for(level)
            if made:
                current = self._level([], current, made)
            if current is not None:
                current = self._level(self._decide(level, current), current)
        self._look_once_more()

    def _made_for(self, level: Sequence[Operation]) -> list[_Tried]:
        """What a level needs and this run created, where somebody else may have created it too: before that is used, it is
        looked at once more. Lists that never lag are of a platform that only one apply writes to."""
        needs = {need for op in level for need in op["dependsOn"]} if self.run.patience.seconds else set()
        made = [
            op for op in self.operations if op["id"] in needs and op["action"] == "create" and op["id"] in self.sent
        ]
        return [_Tried(op, self.outcomes[op["id"]], False) for op in made if self.outcomes[op["id"]].status == "done"]

    def break_off(self) -> list[Outcome]:
        """Broken off in the middle: what was sent and not answered is unknown, the rest was not started; nothing more is sent."""
        with self._turn:
            self._ended = True
            self.diverged = True  # what was done was not all read back
            for op in self.operations:
                sent = self.sent.get(op["id"], 0)
                if op["id"] in self._under_way or (op["id"] not in self.outcomes and sent):
                    error = ("interrupted", "sent, and not answered yet when the run ended")
                    self.outcomes[op["id"]] = Outcome(op["id"], "unknown", op["platformId"], sent, error)
                elif op["id"] not in self.outcomes:
                    self.outcomes[op["id"]] = _not_started(op)
            return [self.outcomes[op["id"]] for op in self.operations]

    def unanswered(self) -> bool:
        return bool(self._under_way)

    def _sending(self, op: Operation) -> None:
        """A write of this operation is sent now. Raises _Ended where none may be any more."""
        with self._turn:
            if self._ended:
                raise _Ended("not sent, because the run has ended")
            self.sent[op["id"]] = self.sent.get(op["id"], 0) + 1
            self._under_way.add(op["id"])

    def _answered(self, op: Operation, outcome: Outcome, error: PlatformError | None) -> Outcome:
        """The outcome of a write, with how many were sent. One that surely never left was not."""
        with self._turn:
            if op["id"] in self._under_way and error is not None and _unsent(error):
                self.sent[op["id"]] -= 1
            self._under_way.discard(op["id"])
            outcome = outcome._replace(attempts=self.sent.get(op["id"], 0))
            stopped = self._ended or (error is not None and error.code == "stopped")
            told = stopped or op["id"] in self.outcomes
            if not stopped:
                self.outcomes[op["id"]] = outcome
        if not told:
            self.run.progress(outcome)  # not while others wait for their turn: whoever shows it may hang
        return outcome

    def _set(self, outcome: Outcome) -> None:
        if outcome.id not in self.outcomes:
            self.run.progress(outcome)
        self.outcomes[outcome.id] = outcome

    def _decide(self, level: Sequence[Operation], current: Current) -> list[tuple[Operation, Live | None]]:
        """What of a level is to be written, each with the live object to write over; the rest gets its outcome."""
        ready: list[tuple[Operation, Live | None]] = []
        pending = [op for op in self.operations if op["id"] not in self.outcomes]
        if not any(KINDS[op["kind"]].attaches for op in level):
            pending = list(level)  # only repositories can break what others have, so the rest need not be looked at yet
        verdicts = self.run.guard.judge(self.plan, pending, current)
        for op in level:
            failed = [need for need in op["dependsOn"] if self.outcomes[need].status not in _FINE]
            verdict = verdicts[op["id"]]
            if failed and all(self.outcomes[need].status == "not-started" for need in failed):
                self._set(_not_started(op))
            elif failed:
                message = f"depends on {', '.join(self._called[need] for need in failed)}"
                self._set(Outcome(op["id"], "blocked", op["platformId"], 0, ("blocked", message)))
            elif isinstance(verdict, Conflict):
                self._set(_conflict(op, verdict))
            elif isinstance(verdict, str):
                live = find(op, current)
                self._set(Outcome(op["id"], "already", live.id if isinstance(live, Live) else op["platformId"]))
            else:
                ready.append((op, verdict))
        return ready

    def _level(
        self, ready: list[tuple[Operation, Live | None]], current: Current, written: Sequence[_Tried] = ()
    ) -> Current | None:
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

    def _write_all(self, ready: Sequence[tuple[Operation, Live | None]], current: Current) -> list[_Tried]:
        if self.run.parallel > 1 and len(ready) > 1:
            pool = ThreadPoolExecutor(self.run.parallel)
            try:
                results = list(pool.map(lambda item: self._try(item[0], item[1], current), ready))
            finally:
                # At once where a second signal broke in: the receipt does not wait for what hangs.
                pool.shutdown(wait=sys.exc_info()[0] is None, cancel_futures=True)
        else:
            results = [self._try(op, live, current) for op, live in ready]
        return [tried for tried in results if tried is not None]

    def _try(self, op: Operation, live: Live | None, current: Current) -> _Tried | None:
        """One write, unless it is time to stop."""
        before = self.outcomes.get(op["id"])
        if self.run.stop() or self._hopeless:
            if before is None:
                self._set(_not_started(op))
            return None
        outcome, again, error = _write(op, live, current, self.writer, self.run, lambda: self._sending(op))
        outcome = self._answered(op, outcome, error)
        if error is not None and error.code == "stopped":  # before it was sent
            if before is None:
                self._set(_not_started(op))
            return None
        if isinstance(error, Uncertain):
            self._unsure.add(op["id"])
        if error is None:
            self._in_vain = 0
        elif _unsent(error) or error.code in (PlatformError.code, *_FATAL):
            self._in_vain += 1  # nobody answers, or the disk is full: that is not about this operation
            self._hopeless |= self._in_vain >= _HOPELESS or error.code in _FATAL
        return _Tried(op, outcome, again)

    def _settle(
        self, tried: Sequence[_Tried], current: Current, *, final: bool
    ) -> tuple[list[tuple[Operation, Live | None]], list[_Tried]]:
        """Read back: what is not certain becomes so. What may be written again, and what does not show (yet)."""
        ready: list[tuple[Operation, Live | None]] = []
        waiting: list[_Tried] = []
        for item in tried:
            op, outcome = item.op, item.outcome
            if not _looked_for(outcome, op) or self._as_wanted(item, current):
                continue
            if op["action"] == "create" and isinstance(find(op, current), list):
                self._settle_twin(op, outcome, current)
                waiting.append(item)
                continue
            if outcome.status != "unknown":
                waiting.append(item)
                continue
            verdict = self.run.guard.judge(self.plan, [op], current)[op["id"]]
            if isinstance(verdict, Conflict):
                self._set(_conflict(op, verdict, outcome.attempts))
            elif item.again and not final and not isinstance(verdict, str):
                ready.append((op, verdict))
            elif _code(outcome) == "unreachable":  # it was never sent
                self._set(outcome._replace(status="failed"))
            else:
                waiting.append(item)
        return ready, waiting

    def _settle_twin(self, op: Operation, outcome: Outcome, current: Current) -> None:
        """Remove what this run made, where it is not what stays; whoever made the other does the same with the same answer."""
        own, lives = outcome.platform_id, twins.same_name(op, current)
        mine = next((live for live in lives if live.id == own), None)
        if outcome.status != "done" or mine is None or op["id"] in self._withdrawn or self.run.stop():
            return
        keep = twins.keeper(op, lives, current, self.run.reader)
        if keep is None or keep.id == own or twins.in_use(mine, current, self.run.reader):
            return
        with contextlib.suppress(PlatformError):  # whether it is gone, reading tells
            self._sending(op)
            self._withdrawn.add(op["id"])
            try:
                self.writer.delete(KINDS[op["kind"]].collection, mine.id, mine.wire.get("etag"))
            finally:
                with self._turn:
                    self._under_way.discard(op["id"])

    def _as_wanted(self, item: _Tried, current: Current) -> bool:
        """Whether the platform is as the operation wants it; if so, that is its outcome."""
        op, outcome = item.op, item.outcome
        live = find(op, current)
        if renews(op) and outcome.status != "done":
            return False  # credentials cannot be read back: only the platform's own answer says that it has them
        wanted = live is None if op["action"] == "delete" else isinstance(live, Live) and as_wanted(op, live)
        twin = wanted and isinstance(live, Live) and outcome.status == "done" and live.id != outcome.platform_id
        if twin and op["action"] == "create" and isinstance(live, Live):
            if op["id"] not in self._withdrawn:
                return False  # what this run made does not show yet, and something else does
            self._set(outcome._replace(status="already", platform_id=live.id, error=None, settled=outcome.platform_id))
        elif wanted:
            found = live.id if isinstance(live, Live) else outcome.platform_id
            # Refused at the first try, it is somebody else's work.
            status: Status = "already" if outcome.status == "failed" and outcome.attempts < 2 else "done"
            self._set(outcome._replace(status=status, platform_id=found, error=None))
        return wanted

    def _give_up(self, pending: Sequence[_Tried], current: Current) -> None:
        """The lists cannot lag any more: what does not show by now is not known to be there, or reads back differently."""
        for item in pending:
            op, outcome = item.op, item.outcome
            live = find(op, current)
            if op["action"] == "create" and self._is_twin(outcome, live):
                message = twins.unsettled(
                    op, twins.same_name(op, current), outcome.platform_id, self.run.reader.identification
                )
                self._set(outcome._replace(status="conflict", error=("conflict", message)))
            elif outcome.status == "done":
                self.diverged = True
                shows = isinstance(live, Live) and (
                    op["action"] == "create" or live_hash(live, op) != op["pre"]["hash"]
                )
                if self.run.patience.seconds and not shows:
                    outcome = outcome._replace(status="unknown")
                code = "diverged" if outcome.status == "done" else "not_shown"
                self._set(outcome._replace(error=(code, divergence(op, live))))
            elif outcome.status == "failed" and outcome.attempts > 1:
                self._set(outcome._replace(status="unknown"))  # refused, maybe because the first time had an effect
            elif _code(outcome) == "timeout" or renews(op):
                continue  # it may still come to be
            elif (
                item.again
                or op["action"] != "create"
                or (_code(outcome) == "internal" and not self.run.patience.seconds)
            ):
                # One of several tries may have had an effect that a list shows only later.
                may_be = op["id"] in self._unsure and self.run.patience.seconds
                self._set(outcome._replace(status="unknown" if may_be else "failed"))

    @staticmethod
    def _is_twin(outcome: Outcome, live: Live | list[Live] | None) -> bool:
        """Whether there is another object of the name beside the one that this run made."""
        if isinstance(live, list):
            return True
        return outcome.status == "done" and live is not None and live.id != outcome.platform_id

    def _look(self) -> Current | None:
        """The platform as it is now; None where it cannot be read whole, whatever the reason: what was written has a receipt."""
        try:
            return _read(self.run.reader, self.plan)
        except Exception as error:
            self._unread_because = error.message if isinstance(error, PlatformError) else type(error).__name__
            return None

    def _unverified(self, tried: Sequence[_Tried]) -> None:
        for item in tried:
            if item.outcome.status == "done":
                message = f"written, but it could not be read back: {self._unread_because}"
                self._set(item.outcome._replace(error=("unverified", message)))
            if item.outcome.status in ("done", "unknown"):
                self._unread.append(item)

    def _look_once_more(self) -> None:
        """What could not be read back when it was written may be readable by the end."""
        current = self._look() if self._unread else None
        if current is None:
            self.diverged |= bool(self._unread)
        else:
            _, waiting = self._settle(self._unread, current, final=True)
            self._give_up(waiting, current)


class _Ended(PlatformError):
    code = "stopped"


def _unsent(error: PlatformError) -> bool:
    """Whether an error says that the write it is about never left: nobody answered at all, or it had to wait for too long."""
    never = isinstance(error, (DeadlinePassed, PlatformLocked)) or error.code == "stopped"
    return never or (isinstance(error, Unreachable) and not isinstance(error, Uncertain))


def _looked_for(outcome: Outcome, op: Operation) -> bool:
    """Whether reading may tell more of an outcome than the answer did. What is refused may be so because it is done already:
    by the first of several tries, or by somebody else."""
    if outcome.status in ("done", "unknown"):
        return True
    done = {"create": ("NAME_ALREADY_USED",), "delete": ("NOT_FOUND",)}.get(op["action"], ())
    return outcome.status == "failed" and (outcome.attempts > 1 or _code(outcome) in done)


def _code(outcome: Outcome) -> str:
    return outcome.error[0] if outcome.error is not None else ""


def _by_level(operations: Sequence[Operation]) -> list[list[Operation]]:
    """The operations in levels: each depends only on those of earlier levels."""
    depth: dict[str, int] = {}
    levels: list[list[Operation]] = []
    for op in operations:  # a plan lists what an operation depends on before it
        depth[op["id"]] = own = 1 + max((depth[need] for need in op["dependsOn"]), default=-1)
        while len(levels) <= own:
            levels.append([])
        levels[own].append(op)
    return levels


def _read(reader: Reader, plan: Plan) -> Current:
    """The platform as far as a plan is about it: the objects that it changes, refers to, or takes under management."""
    operations = plan["operations"]
    concerned = [*operations, *plan["adopts"]]
    names = sorted({item["workspace"] for item in concerned if item["workspace"] is not None})
    kinds = {item["kind"] for item in concerned}
    if any(op["action"] == "delete" for op in operations):
        kinds.add("Repository")  # who attaches what is to be deleted
    api_keys = any("apiKey" in (credentials_of(op) or {}) for op in operations)
    llms = "LLM" in kinds or any(item["type"] == "LLM" for op in operations for item in resources_of(op))
    renamed = {op["platformId"]: op["name"] for op in operations if op["kind"] == "Workspace" and op["platformId"]}
    current = read_current(reader, names, read_workspaces(reader, renamed), kinds, api_keys=api_keys, llms=llms)
    for needed, collection in ((llms, "ai/llm"), (api_keys, "apikeys")):
        for state in current.states.values():
            if needed and collection in state.refused:
                raise state.refused[collection]
    return current


def _check_role(plan: Plan, current: Current) -> None:
    """Raises Forbidden where who applies may only read what is to be written: no write is tried."""
    closed = read_only(current, {op["workspace"] for op in plan["operations"] if op["workspace"] is not None})
    if closed:
        raise Forbidden(
            f"your role in workspace {', '.join(map(quote, closed))} is READ: nothing can be written there",
            "ask for the role WRITE, or apply with another account",
        )


def _conflict(op: Operation, conflict: Conflict, attempts: int = 0) -> Outcome:
    return Outcome(op["id"], "conflict", op["platformId"], attempts, ("conflict", conflict.message()))


def _write(
    op: Operation, live: Live | None, current: Current, writer: Writer, run: Run, sending: Callable[[], None]
) -> tuple[Outcome, bool, PlatformError | None]:
    """One write: its outcome, whether it may be tried again should it have had no effect, and the error it met.

    `sending` is told right before it is sent.
    """
    try:
        return Outcome(op["id"], "done", _send(op, live, current, writer, run, sending)), False, None
    except PreconditionFailed as error:
        # Not necessarily a conflict: what changed may be nothing that a plan is about (a key, say). Reading tells.
        return Outcome(op["id"], "unknown", op["platformId"], 0, (error.code, error.message)), True, error
    except PlatformRefused as error:
        return (
            Outcome(op["id"], "failed", op["platformId"], 0, (error.platform_code or error.code, error.message)),
            False,
            error,
        )
    except Uncertain as error:
        code = error.platform_code or ("uncertain" if error.settled else "timeout")
        # Not created a second time, whatever a list does not show (yet), unless the platform would refuse that.
        again = not error.platform_code and (op["action"] != "create" or KINDS[op["kind"]].unique)
        return Outcome(op["id"], "unknown", op["platformId"], 0, (code, error.message)), again, error
    except Unreachable as error:
        return Outcome(op["id"], "unknown", op["platformId"], 0, (error.code, error.message)), False, error
    except PlatformError as error:
        return Outcome(op["id"], "failed", op["platformId"], 0, (error.code, error.message)), False, error
    except Exception as error:
        # A fault of ours, or an answer that nobody foresaw. Whether it had an effect, reading tells.
        unforeseen = PlatformError(f"unforeseen: {type(error).__name__}")
        return Outcome(op["id"], "unknown", op["platformId"], 0, ("internal", unforeseen.message)), False, unforeseen


def _send(
    op: Operation, live: Live | None, current: Current, writer: Writer, run: Run, sending: Callable[[], None]
) -> str:
    """Send one operation's request; the id of its object."""
    kind = KINDS[op["kind"]]
    etag = live.wire.get("etag") if live is not None else None
    if op["action"] == "delete":
        assert live is not None
        sending()
        writer.delete(kind.collection, live.id, etag)
        return live.id
    state = current.states.get(op["workspace"]) if op["workspace"] is not None else None
    context = state.context if state is not None else Context(None, None, {}, {}, {}, None)
    if live is not None and etag is None:
        live = _latest(op, live, context, run.reader)
    order = Order(op["name"], values_of(op), _complete(op, live, state), run.secrets.get(op["id"], {}))
    body = kind.body(order, live.wire if live is not None else None, context)
    if live is None:
        sending()
        return writer.create(
            kind.collection, body, creation_key(op, run.reader.identification.instance, context.workspace_id)
        )
    lost = [name for name in kind.lost(live.wire) if name not in run.known]
    if lost and not run.force_put:
        raise PlatformRefused(
            f"it holds what gatectl does not know, and replacing it whole could drop that: {', '.join(map(quote, lost))}",
            platform_code="UNKNOWN_FIELDS", hint="look at it in the platform; --force-put writes it all the same",
        )  # fmt: skip
    sending()
    writer.update(kind.collection, live.id, body, etag)
    return live.id


def _latest(op: Operation, live: Live, context: Context, reader: Reader) -> Live:
    """The object as it is at this moment, where the platform has no conditional writes: then the time in which somebody
    else's change can be lost is one read and one write. Raises PreconditionFailed where it is not as it was planned."""
    kind = KINDS[op["kind"]]
    wire = reader.latest(kind.collection, live.id)
    if wire is None:
        return live
    latest = read_live(kind, wire, context)
    swapped = {a.id for a in latest.attachments} != {a.id for a in live.attachments}
    if swapped or live_hash(latest, op) != op["pre"]["hash"]:
        raise PreconditionFailed("somebody changed it a moment ago")
    return latest


def _complete(op: Operation, live: Live | None, state: WorkspaceState | None) -> list[Attachment] | None:
    """The complete list of attachments of a repository in the end: what is there, without, with, and changed."""
    if not KINDS[op["kind"]].attaches:
        return None
    gone = {item["id"] for item in op["detach"]}
    kept = [item for item in live.attachments if item.id not in gone] if live is not None else []
    return with_masters(op, kept) + [_with_id(read_attachment(item), state) for item in op["attach"]]


def _with_id(item: Attachment, state: WorkspaceState | None) -> Attachment:
    """An attachment with the id of its resource; one that this run created is found by identity and label."""
    if item.id is not None:
        return item
    key = item.registered(None)
    named = state.indexes[key.kind].by_name.get(key.name, ()) if state is not None else ()
    found = [live.id for live in named if _is(live, item)]
    if len(found) != 1:
        what = "/".join(item.identity[1:])
        how = "is not there" if not found else f"is there {len(found)} times"
        raise PlatformRefused(
            f"{quote(item.identity[0])} {what} ({quote(item.label or item.identity[-1])}) {how}",
            platform_code="NOT_FOUND",
        )
    return item._replace(id=found[0])


def _is(live: Live, item: Attachment) -> bool:
    identity = KINDS[live.key.kind].identity
    return identity is not None and comparable(identity(live.spec)) == comparable(item.identity)


def _record(plan: Plan, outcomes: dict[str, Outcome], run: Run, writer: Writer) -> bool:
    """Remember what this project has applied, so that a later plan knows its own (adopts, --prune).

    False if that failed after something was written: then the outcomes say so. Raises PlatformError where nothing was.
    """
    ids = {o.id: o.platform_id for o in outcomes.values() if o.status in _FINE and o.platform_id is not None}
    adopted = [] if run.stop() else [item["platformId"] for item in plan["adopts"]]
    try:
        if ids or adopted:
            writer.record(run.project, [*ids.values(), *adopted])
    except PlatformError as error:
        if not any(outcome.attempts for outcome in outcomes.values()):
            raise
        message = f"applied, but that this project did so could not be recorded: {error.message}"
        for name in ids:
            outcomes[name] = outcomes[name]._replace(error=outcomes[name].error or ("unrecorded", message))
        return False
    return True
