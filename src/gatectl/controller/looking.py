"""A process looks at targets: each alone, until nothing is asked of it any more. What is found is kept; what goes wrong is the target's
state, and holds up no other.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Sequence
from typing import Final

from gatectl.api.results import Plan
from gatectl.applying import saved
from gatectl.clock import Deadline
from gatectl.controller import approving, deciding
from gatectl.controller.aliveness import Aliveness
from gatectl.controller.approvals import Kept
from gatectl.controller.deciding import Condition
from gatectl.controller.reconciling import FAILED, Approved, Reconciled, Turn, reconcile
from gatectl.controller.repositories import Followed, is_followed
from gatectl.controller.store import Begun, Seen
from gatectl.controller.worker import Worker
from gatectl.errors import GatectlError, InputError
from gatectl.fleet.targets import Target, targets_of
from gatectl.fleet.values import Source
from gatectl.quote import quote

TAKING: Final = 420.0
"""Seconds that the files of a commit may take."""
SOON: Final = 5.0
"""Seconds until another looks for what this process cannot look at."""
LEASE: Final = 5.0
"""Seconds that a look waits for a lease: those who create workspaces wait for each other, for a moment each."""

UNCHANGED: Final = "unchanged"
"""What a look is called that found all as it was."""


class Busy:
    """The names of what this process is at, each once."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._turn = threading.Lock()

    def names(self) -> Sequence[str]:
        with self._turn:
            return sorted(self._names)

    def take(self, name: str) -> bool:
        """Be at something from now on; False: somebody here is at it already."""
        with self._turn:
            free = name not in self._names
            self._names.add(name)
        return free

    def leave(self, name: str) -> None:
        """Be at it no more."""
        with self._turn:
            self._names.discard(name)


class Looker:
    """Looks at targets, of any thread. `idle` is set when this process is to look at nothing more."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._sources = {source.name: source for source in worker.operator.fleet.sources}
        self._alone = {source.platform: threading.Lock() for source in worker.operator.fleet.sources}
        self.busy = Busy()
        self.idle = threading.Event()

    def __call__(self, names: Sequence[str]) -> None:
        """Look at targets, as long as something is asked of one. Raises PlatformError for the database."""
        for name in names:
            if self.busy.take(name):  # else another thread looks at it, and once more if it was asked for meanwhile
                try:
                    while self._look_at(name):
                        pass
                finally:
                    self.busy.leave(name)
        if self.idle.is_set():
            self._worker.store.leave_to_others(names)

    def _look_at(self, name: str) -> bool:
        """Look at a target, if something is asked of it; whether it is to be looked at once more."""
        begun = None if self.idle.is_set() else self._worker.store.begin(name, self._worker.id)
        return begun is not None and self._look(begun)

    def _look(self, begun: Begun) -> bool:
        """Whether it is to be looked at once more."""
        worker, began = self._worker, self._worker.clock.now()
        source = self._sources.get(begun.source)
        target = _target(source, begun)
        if source is None or target is None:
            worker.store.drop(begun, worker.id, SOON)  # a row of another fleet file
            return False
        try:
            result, mac = self._reconciled(begun, source, target)
        except _Unplaced:
            worker.store.drop(begun, worker.id, 1.0)
            return False
        seen = self._spent(begun, result, mac, _seen(source, begun, result))
        finished = worker.store.finish(begun, worker.id, seen)
        if result.receipt is not None and seen.state == deciding.IN_SYNC:
            worker.approvals.lapse(begun.name, begun.newest)
        if finished.moved:
            worker.store.want_all([each.name for each in self._sources.values() if begun.source in each.depends_on])
        seconds = worker.clock.now() - began
        worker.measures.looked(seen.state.state, seconds)
        worker.tell("looked" if finished.changed or seen.receipt is not None else UNCHANGED, {
            "target": begun.name, "state": seen.state.state, "reason": seen.state.reason, "commit": seen.commit,
            "fingerprint": seen.fingerprint, "run": seen.receipt,
            "seconds": round(seconds, 3),
        })  # fmt: skip
        return finished.again

    def _spent(self, begun: Begun, result: Reconciled, mac: str | None, seen: Seen) -> Seen:
        """What becomes of the approval that a look was under: used up, or there for another look."""
        if mac is None or result.used:
            return seen
        if mac != begun.under:
            self._worker.approvals.give_back(begun.name, mac, self._worker.id)
            return seen
        # What broke off goes on when the lease of whoever is gone has lapsed; what does not fit any more is over.
        return seen._replace(under=mac if result.again is not None else None)

    def _reconciled(self, begun: Begun, source: Source, target: Target) -> tuple[Reconciled, str | None]:
        """How a look ended, and the approval that it was under. Raises PlatformError for the database, _Unplaced."""
        worker = self._worker
        head = self._head(source)
        if head is None or head.commit != begun.newest:
            raise _Unplaced
        until = Deadline(worker.clock.now() + TAKING, worker.clock)
        try:
            checkout = worker.mirrored.checkout(source, head, until)
        except GatectlError as error:
            return _failed(error.message), None
        taken: list[str] = []
        turn = Turn(
            worker.clock.moment(), held=self._held(source), lock_timeout=LEASE,
            approved=self._approved(begun, source, taken), stop=_Stop(worker.alive),
            allowed=worker.purses.of(source.platform, urgent=begun.urgent), clock=worker.clock,
            alone=self._alone[source.platform],
        )  # fmt: skip
        try:
            result = reconcile(target, checkout, worker.operator, turn)
        except Exception as error:
            worker.tell("internal error", {"target": begun.name, "error": type(error).__name__, "where": _where(error)})
            result = _failed(f"internal error ({type(error).__name__}): the log says where")
        return result, taken[0] if taken else None

    def _head(self, source: Source) -> Followed | None:
        """What is followed of a source, if a process of ours said so."""
        repository = self._worker.repositories.one(source.git.url)
        head = repository.heads.get(source.git.ref) if repository is not None else None
        return (
            head if head is not None and is_followed(self._worker.key, source.git.url, source.git.ref, head) else None
        )

    def _held(self, source: Source) -> str | None:
        """The sources that it depends on, as far as they are not ready."""
        if source.mode == "observe" or not source.depends_on:
            return None
        waits = self._worker.store.unready(source.depends_on)
        return f"{', '.join(map(quote, waits))}, which it depends on" if waits else None

    def _approved(self, begun: Begun, source: Source, taken: list[str]) -> Approved | None:
        """The plan that somebody approved for the commit; the first that holds. `taken` is told when it is about to be written under."""
        worker = self._worker
        if source.mode == "observe":
            return None
        found = sorted(worker.approvals.of(begun.name, begun.under), key=lambda each: each.mac != begun.under)
        now = worker.store.now() // 1000 if found else 0
        for kept in found:
            plan = _plan(kept)
            if plan is None:
                continue
            refused = approving.refusal(
                worker.key, kept.approval, kept.mac, begun.name, begun.newest, plan.document, now
            )
            if refused is None:
                take = _Taking(worker, begun.name, kept.mac, taken)
                return Approved(plan, kept.approval.allow, kept.approval.reason, take)
        return None


class _Unplaced(Exception):
    """The commit that is followed is not the one that the target was asked for: that changes in a moment."""


class _Stop(threading.Event):
    """Set when this process takes itself for dead, by its own clock, whenever it is asked."""

    def __init__(self, alive: Aliveness) -> None:
        super().__init__()
        self._alive = alive

    def is_set(self) -> bool:
        return self._alive.lapsed


class _Taking:
    """An approval that is about to be written under."""

    def __init__(self, worker: Worker, target: str, mac: str, taken: list[str]) -> None:
        self._worker = worker
        self._target = target
        self._mac = mac
        self._taken = taken

    def __call__(self) -> bool:
        if not self._worker.approvals.use(self._target, self._mac, self._worker.id):
            return False
        self._taken.append(self._mac)
        return True


def _target(source: Source | None, begun: Begun) -> Target | None:
    """The target that a row means, as the fleet file has it; None: it has none of that name and project file."""
    if source is None:
        return None
    made = targets_of(source, () if source.folders is None else (posixpath.dirname(begun.project),)).targets
    return next((each for each in made if (each.name, each.project) == (begun.name, begun.project)), None)


def _plan(kept: Kept) -> Plan | None:
    """The plan of an approval; None: what is kept is none."""
    try:
        return Plan(saved.checked_plan("the plan of an approval", kept.plan.encode("utf-8", "surrogatepass")))
    except InputError:
        return None


def _failed(why: str) -> Reconciled:
    condition = Condition("failed", why)
    return Reconciled(condition, (condition,), again=FAILED)


def _seen(source: Source, begun: Begun, result: Reconciled) -> Seen:
    """What is kept of a look: what is to be applied only while it is."""
    plan = result.plan
    open_plan = plan is not None and plan.changes and result.state.state not in ("in-sync", "invalid")
    return Seen(
        result.state, result.conditions, begun.newest, plan.fingerprint if plan is not None else None,
        _wait(source.interval, begun.failures, result), plan.to_json() if plan is not None and open_plan else None,
        result.receipt.document.get("run") if result.receipt is not None else None,
    )  # fmt: skip


def _wait(interval: float, failures: int, result: Reconciled) -> float:
    """Seconds until the next look: what keeps failing is looked at ever more rarely, in the end at its interval."""
    if result.again is None:
        return interval
    factor = 2 ** min(failures, 10) if result.state.state == "failed" else 1
    return float(min(interval, result.again * factor))


def _where(error: BaseException) -> str:
    """Where an error of ours came from, without values."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{posixpath.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
