"""What an execution writes into the records: what it is about to send, before it is sent; whose the objects are, when a level of
operations is done.

Law: nothing is sent that is not on record first, where anything is remembered. A store that fails afterwards undoes nothing: it is
tried again with the next level and at the end, and the outcomes say what it did not take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from gatectl.applying.conditions import creation_key
from gatectl.applying.ending import FINE, was_sent
from gatectl.applying.leasing import Access
from gatectl.applying.lookup import read_about
from gatectl.applying.settling import Late, Looked, as_live, check_settled, look, owned_after
from gatectl.applying.tally import Tally
from gatectl.clock import CONSISTENT, Patience, timestamp
from gatectl.documents.journal import Head, Intent, OpenRun
from gatectl.documents.operations import key_of
from gatectl.documents.ownership import OURS, Asking, Owned, Owner
from gatectl.documents.plans import Adopted, Operation, Plan, noted_place, unwritten
from gatectl.errors import PlatformError, StalePlan
from gatectl.kinds import KINDS
from gatectl.model import ObjectKey, Outcome
from gatectl.planning.current import Current, WorkspaceState
from gatectl.platforms.interface import Reader
from gatectl.quote import quote
from gatectl.records.interface import Records, RecordsReader

_LAG: Final = timedelta(hours=1)
"""After so long every list shows what was applied, if it is there."""


class Recording:
    """The records of one execution. `instance` says which platform it is, `patience` how long its lists may not show what was just
    made."""

    def __init__(
        self, plan: Plan, tally: Tally, records: Records, head: Head, instance: Callable[[], str | None],
        patience: Patience = CONSISTENT,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._tally = tally
        self._records = records
        self._head = head
        self._instance = instance
        self._patience = patience
        self._intended: set[str] = set()
        self._noted: set[str] = set()
        self._adopts: dict[str, Owned] = {}
        self._protected: frozenset[str] = frozenset()
        """The ids of what is protected by the records, as they were before anything was written."""
        self._told: set[str] = set()
        """The ids of what was recorded as it was done: what was known of it before is past."""
        self._put: dict[str, Owned] = {}
        self._drop: set[str] = set()
        self._outcomes: list[Outcome] = []
        """What is to be recorded, and is not yet."""
        self._failure: PlatformError | None = None

    def intend(self, operations: Iterable[Operation], current: Current) -> None:
        """These operations are about to be sent. Raises PlatformError: none may be."""
        new = [op for op in operations if op["id"] not in self._intended]
        if new:
            self._records.intend(self._head, [self._intent(op, current) for op in new])
            self._intended.update(op["id"] for op in new)

    def note(self, current: Current | None) -> None:
        """Record what was done since the last time, as it was read back (None: it was not). A failure is told at the end."""
        new = [op for op in self._tally.operations if op["id"] not in self._noted and self._is_over(op)]
        self._noted.update(op["id"] for op in new)
        put: list[Owned] = []
        drop: list[str] = []
        for op in new:
            outcome = self._tally.outcomes[op["id"]]
            if outcome.status in FINE and op["action"] == "delete":
                drop += filter(None, [outcome.platform_id or op["platformId"]])
            elif outcome.status in FINE:
                put += filter(None, [self._applied(op, outcome, current)])
        self._told.update(drop, _ids(put))
        self._record(put, drop, [self._tally.outcomes[op["id"]] for op in new if op["id"] in self._intended])

    def begin(self, current: Current) -> None:
        """Nothing is written yet: what is taken under management, or over, as it is, and what is ours by the records and not there any
        more, is recorded with what is done. Raises StalePlan where what is to be taken over is by now somebody else's yet, or what is
        to be destroyed is protected."""
        known = self._records.owned() or ()
        check_taken(self._plan, known, self._head.owner)
        check_protected(self._plan, known)
        self._check_place(known)
        self._protected = frozenset(each.id for each in known if each.protected)
        taken = {item["platformId"] for item in self._plan.get("takeOver", ())}
        before = {each.id: each for each in known if each.id in taken}
        adopted = [self._adopted(item, current, before.get(item["platformId"])) for item in unwritten(self._plan)]
        self._adopts = {each.id: each for each in (*adopted, *self._moved(known))}
        self._adopts |= {each.id: each for each in self._protects(known)}
        self._drop.update(self._gone(current, known))

    def _check_place(self, known: Iterable[Owned]) -> None:
        """Raises StalePlan where the plan changes what is applied from other places alone."""
        owner, told = self._head.owner, self._plan.get("newPlace")
        asking = Asking(owner, places=self._records.places(owner.uid) if owner.uid is not None else frozenset())
        check_place(self._plan, known, asking, told["place"] if told is not None and told["takesOver"] else None)

    def _protects(self, known: Iterable[Owned]) -> Iterator[Owned]:
        """What is protected from now on, or not any more, as it was noted besides; what is written says that itself."""
        asking = Asking(self._head.owner)
        ours = {each.id: each for each in known if asking.claim(each.owner) in OURS} | self._adopts
        written = {op["platformId"] for op in self._plan["operations"]}
        for item in self._plan.get("protects", ()):
            if item["platformId"] in ours and item["platformId"] not in written:
                yield ours[item["platformId"]]._replace(protected=item["protect"])

    def _moved(self, known: Iterable[Owned]) -> Iterator[Owned]:
        """What was owned under former names, as it was noted."""
        former = [Owner(**item["from"]) for item in self._plan.get("moves", ())]
        return (each._replace(owner=self._head.owner) for each in known if each.owner in former)

    def adopt(self) -> None:
        """Record what is taken under management, or over, or moved, what of that which was not written is protected, and where that is
        done from now on."""
        self._record([each for each in self._adopts.values() if each.id not in self._told], ())
        place = noted_place(self._plan)
        if place is not None and self._head.owner.uid is not None and self._failure is None:
            try:
                self._records.note(self._head.owner.uid, place)
            except PlatformError as error:
                self._failure = error

    def finish(self) -> bool:
        """Whether all is recorded. Where it is not, after something was written, the outcomes say so. Raises PlatformError where
        nothing was."""
        self.note(None)
        if self._failure is None:
            try:
                self._records.finish()
            except PlatformError as error:
                self._failure = error
        if self._failure is None:
            return True
        outcomes = list(self._tally.outcomes.values())
        if not was_sent(outcomes):
            raise self._failure
        fine = [each for each in outcomes if each.status in FINE and each.platform_id is not None]
        why = self._failure.message
        self._tally.unrecorded(fine, f"applied, but that this project did so could not be recorded: {why}")
        return False

    def _is_over(self, op: Operation) -> bool:
        outcome = self._tally.of(op)
        return outcome is not None and outcome.status != "unknown"

    def _record(self, put: Iterable[Owned], drop: Iterable[str], outcomes: Iterable[Outcome] = ()) -> None:
        self._put |= {each.id: each for each in put}
        self._drop.update(drop)
        self._outcomes += outcomes
        self._failure = None
        if not (self._put or self._drop or self._outcomes):
            return
        try:
            self._records.record(self._put.values(), self._drop, self._head, self._outcomes)
        except PlatformError as error:
            self._failure = error
        else:
            self._put, self._drop, self._outcomes = {}, set(), []

    def _intent(self, op: Operation, current: Current) -> Intent:
        workspace_id = current.around(op["workspace"]).workspace_id
        creates = op["action"] == "create"
        known = [live.id for live in current.among(key_of(op)).by_name.get(op["name"], ())] if creates else []
        key = creation_key(op, self._instance(), workspace_id) if creates else None
        at = timestamp(self._patience.clock.moment())
        return {"at": at, "operation": op, "workspaceId": workspace_id, "key": key, "known": known}

    def _applied(self, op: Operation, outcome: Outcome, current: Current | None) -> Owned | None:
        live = current.among(key_of(op)).by_id.get(outcome.platform_id or "") if current is not None else None
        protected = outcome.platform_id in self._protected
        return owned_after(op, outcome.platform_id, live, self._head, workspace_id_of(op, current), protected=protected)

    def _adopted(self, item: Adopted, current: Current, before: Owned | None) -> Owned:
        """What is noted of an object that stays as it is; `before`: as it was noted of whom it is taken over from."""
        key = ObjectKey(item["kind"], item["workspace"], item["name"])
        live = current.among(key).by_id.get(item["platformId"])
        state, digest = as_live(live) if live is not None else (None, None)
        head = self._head
        return Owned(
            head.owner, *key[:2], current.around(key.workspace).workspace_id, key.name, item["platformId"], state, digest, None,
            head.commit, head.run, head.at, before is not None and before.protected, before is None or before.adopted,
        )  # fmt: skip

    def _gone(self, current: Current, known: Iterable[Owned]) -> Iterator[str]:
        """The ids of what this owner has on record in what was read whole, and that is not there."""
        kinds = {item["kind"] for item in (*self._plan["operations"], *unwritten(self._plan))}
        read = {
            (state.context.workspace_id, kind) for state in current.states.values() for kind in _whole(state, kinds)
        }
        live = {each.id for each in current.lives()}
        for owned in known:
            ours = owned.owner.identity == self._head.owner.identity
            absent = (owned.workspace_id, owned.kind) in read and owned.id not in live
            if ours and absent and not (self._patience.seconds and _is_new(owned.at, self._head.at)):
                yield owned.id


def _ids(owned: Iterable[Owned]) -> Iterator[str]:
    return (each.id for each in owned)


def check_taken(plan: Plan, known: Iterable[Owned], mine: Owner) -> None:
    """What is to be taken over belongs to whom the plan says, or to us or nobody by now. Raises StalePlan."""
    meant = {item["platformId"]: item for item in plan.get("takeOver", ())}
    asking = Asking(mine)
    for owned in known if meant else ():
        item = meant.get(owned.id)
        if item is not None and owned.owner != Owner(**item["from"]) and asking.claim(owned.owner) not in OURS:
            key = ObjectKey(item["kind"], item["workspace"], item["name"])
            raise StalePlan(
                f"{quote(key)} belongs to {quote(owned.owner)} by now, and was to be taken over from somebody else",
                "nothing was written; plan again",
            )


def check_place(plan: Plan, known: Iterable[Owned], asking: Asking, taken: str | None) -> None:
    """What is applied from elsewhere stays as it is; `taken`: the place that the plan notes. Raises StalePlan."""
    place = asking.owner.place
    if taken is not None and taken != place:
        raise StalePlan(
            f"the plan is to be applied from {quote(taken)}, this is {quote(place or 'no place')}",
            "nothing was written; plan again here",
        )
    if taken is not None or asking.new_place is None:
        return
    touched = {op["platformId"] for op in plan["operations"]} | {
        item["platformId"] for item in plan.get("protects", ())
    }
    for owned in known:
        if owned.id in touched and asking.claim(owned.owner) == "moved":
            key = ObjectKey(owned.kind, owned.workspace, owned.name)
            raise StalePlan(
                f"{quote(key)} belongs to {quote(owned.owner)}, which was not applied from here before ({quote(place)}) (GW507)",
                "nothing was written; apply it from where it was planned, or plan again here",
            )


def check_protected(plan: Plan, known: Iterable[Owned]) -> None:
    """What is to be deleted, or detached from, is not protected by now. Raises StalePlan."""
    destroyed = {op["platformId"]: op for op in plan["operations"] if op["action"] == "delete" or op["detach"]}
    for owned in known if destroyed else ():
        op = destroyed.get(owned.id)
        if op is not None and owned.protected:
            does = "deletes it" if op["action"] == "delete" else "detaches from it"
            raise StalePlan(
                f"{quote(key_of(op))} is protected by now (GW508), and the plan {does}",
                "nothing was written; say metadata.protect: false, apply that, and plan again",
            )


def _whole(state: WorkspaceState, kinds: Iterable[str]) -> Iterator[str]:
    """Those of these kinds whose objects of a workspace were read whole."""
    if state.context.workspace_id is not None and not state.spoiled:
        yield from (name for name in kinds if KINDS[name].scoped and KINDS[name].collection not in state.refused)


def workspace_id_of(op: Operation, current: Current | None) -> str | None:
    return current.around(op["workspace"]).workspace_id if current is not None else None


def _is_new(at: str | None, now: str) -> bool:
    """Whether something was applied so lately that a list may not show it yet."""
    with suppress(ValueError):
        return at is not None and datetime.fromisoformat(now) - datetime.fromisoformat(at) < _LAG
    return False


def settle(plan: Plan, reader: Reader, access: Access, own: str, late: Late | None) -> None:
    """Look what became of runs that broke off, and record it: then they have ended, but for those of which something is unclear.
    Those are settled whose workspaces this run, `own`, has the leases of: nobody else is at work there.

    Raises Unsettled where it is unclear what became of something that the plan is about to do, PlatformError.
    """
    runs = [run for run in access.records.open_runs() if run.head.run != own and access.holds(homes_of([run]))]
    if not runs:
        return
    found = look_at(runs, reader, access.records, late)
    record_found(access.records, found, {run.head.run for run in runs} - {each.head.run for each in found.unclear})
    touched = {key_of(op) for op in plan["operations"]}
    check_settled(each for each in found.unclear if each.key in touched)


def look_at(runs: Sequence[OpenRun], reader: Reader, records: RecordsReader, late: Late | None) -> Looked:
    """What became of runs, as the platform has it now. Raises PlatformError."""
    current = read_about(reader, [intent["operation"] for run in runs for intent in run.intents])
    return look(runs, current, {each.id: each for each in records.owned() or ()}, late)


def record_found(records: Records, found: Looked, ended: Iterable[str]) -> None:
    """Record what runs turned out to have done, and which of them have ended so. Raises PlatformError."""
    records.record(found.put, found.drop)
    records.finish()
    for run in ended:
        records.end(run)


def homes_of(runs: Iterable[OpenRun]) -> dict[str, str]:
    """The workspaces that runs were about to write to: their names by id, as they were called."""
    intents = [intent for run in runs for intent in run.intents]
    return {each["workspaceId"]: each["operation"]["workspace"] or "" for each in intents if each["workspaceId"]}
