"""What became of each operation so far, and what is under way: kept by several threads, and readable at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from gatectl.applying.requests import Answer, Stopped, unsent
from gatectl.documents.plans import Operation
from gatectl.model import Outcome


def not_started(op: Operation) -> Outcome:
    return Outcome(op["id"], "not-started", op["platformId"])


class Tally:
    """The outcomes of one execution under way. `progress` is told every outcome as it comes."""

    def __init__(self, operations: Sequence[Operation], progress: Callable[[Outcome], None]) -> None:
        self.operations = operations
        self.outcomes: dict[str, Outcome] = {}
        self.sent: dict[str, int] = {}
        """How many writes were sent for an operation, whatever became of them."""
        self.diverged = False
        """Whether something does not read back as it was written, or was not read back at all."""
        self._progress = progress
        self._under_way: set[str] = set()
        self._ended = False
        self._turn = threading.Lock()  # between sending and breaking off

    def of(self, op: Operation) -> Outcome | None:
        return self.outcomes.get(op["id"])

    def set(self, outcome: Outcome) -> None:
        """What became of an operation, or what reading tells of it now."""
        if outcome.id not in self.outcomes:
            self._progress(outcome)
        self.outcomes[outcome.id] = outcome

    def leave(self, op: Operation) -> None:
        """An operation is not started any more; if it was before, its outcome stays."""
        if op["id"] not in self.outcomes:
            self.set(not_started(op))

    def sending(self, op: Operation) -> None:
        """A write of this operation is sent now. Raises Stopped where none may be any more."""
        with self._turn:
            if self._ended:
                raise Stopped("not sent, because the run has ended")
            self.sent[op["id"]] = self.sent.get(op["id"], 0) + 1
            self._under_way.add(op["id"])

    def answered(self, op: Operation, answer: Answer) -> Outcome:
        """The outcome of a write, with how many were sent. One that surely never left was not."""
        with self._turn:
            if op["id"] in self._under_way and answer.error is not None and unsent(answer.error):
                self.sent[op["id"]] -= 1
            self._under_way.discard(op["id"])
            outcome = answer.outcome._replace(attempts=self.sent.get(op["id"], 0))
            stopped = self._ended or (answer.error is not None and answer.error.code == Stopped.code)
            told = stopped or op["id"] in self.outcomes
            if not stopped:
                self.outcomes[op["id"]] = outcome
        if not told:
            self._progress(outcome)  # not while others wait for their turn: whoever shows it may hang
        return outcome

    def landed(self, op: Operation) -> None:
        """A write of this operation was answered, whose outcome only reading tells."""
        with self._turn:
            self._under_way.discard(op["id"])

    def unrecorded(self, outcomes: Iterable[Outcome], message: str) -> None:
        """What was done could not be recorded; what else went wrong with it is worth more."""
        for outcome in outcomes:
            self.outcomes[outcome.id] = outcome._replace(error=outcome.error or ("unrecorded", message))

    def unanswered(self) -> bool:
        """Whether a write was sent that is not answered yet."""
        return bool(self._under_way)

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
                    self.outcomes[op["id"]] = not_started(op)
            return self.listed()

    def listed(self) -> list[Outcome]:
        """The outcomes in the order of the plan."""
        return [self.outcomes[op["id"]] for op in self.operations]
