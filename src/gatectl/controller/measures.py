"""What this process counts while it works, for whoever watches it (`/metrics`): counters that only grow, and one histogram. What is
true of the whole fleet is no counter; that is read from the database when somebody asks. Pure but for a lock.

A label is a word of ours: no name of a target, no address and no message is one, so that they are few and hold nothing secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]

BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""The upper ends, in seconds, of what a reconcile is sorted into."""


class Sample(NamedTuple):
    """A value of a family; `suffix` is what its name has behind the family's."""

    labels: Labels
    value: float
    suffix: str = ""


class Family(NamedTuple):
    """What is measured under one name: what kind of number it is, in words, and its values."""

    name: str
    kind: Kind
    words: str
    samples: Sequence[Sample]


_COUNTED: Final = {
    "gatectl_reconciles_total": "Looks at targets that ended, by the state that they left.",
    "gatectl_git_requests_total": "Looks at git repositories, by what became of them.",
    "gatectl_git_errors_total": "Looks at git repositories that failed.",
    "gatectl_webhooks_total": "Calls of webhooks, by whether they were believed.",
    "gatectl_notifications_total": "Events that were sent to whoever wants to know, by what became of them.",
    "gatectl_budget_wait_seconds_total": "Seconds that requests to platforms waited for their share of the budget.",
    "gatectl_takeovers_total": "Processes that this one took for dead, and whose runs it took over.",
}
_DURATION: Final = "gatectl_reconcile_duration_seconds"


class Measures:
    """The counters of a process. Every method may be called from any thread, and raises nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, dict[Labels, float]] = {name: {} for name in _COUNTED}
        for name in ("gatectl_git_errors_total", "gatectl_budget_wait_seconds_total", "gatectl_takeovers_total"):
            self._counts[name][()] = 0.0  # there from the start, so that the first one shows as a rise
        self._buckets = [0] * len(BUCKETS)
        self._seconds = 0.0
        self._looks = 0

    def looked(self, result: str, seconds: float) -> None:
        """A look at a target ended, in a state (`deciding.State`, or "dropped"), after so many seconds."""
        with self._lock:
            self._add("gatectl_reconciles_total", (("result", result),), 1)
            self._looks += 1
            self._seconds += seconds
            for index, end in enumerate(BUCKETS):
                self._buckets[index] += seconds <= end

    def asked_git(self, *, failed: bool) -> None:
        """A git repository was asked for what is new."""
        with self._lock:
            self._add("gatectl_git_requests_total", (("result", "failed" if failed else "done"),), 1)
            if failed:
                self._add("gatectl_git_errors_total", (), 1)

    def hooked(self, *, believed: bool) -> None:
        """Somebody called a webhook, or what was to look like one."""
        with self._lock:
            self._add("gatectl_webhooks_total", (("result", "accepted" if believed else "refused"),), 1)

    def told(self, event: str, *, sent: bool) -> None:
        """Somebody was told of an event, or could not be."""
        with self._lock:
            labels = (("event", event), ("result", "sent" if sent else "failed"))
            self._add("gatectl_notifications_total", labels, 1)

    def waited(self, seconds: float) -> None:
        """A request waited for the budget of its platform."""
        with self._lock:
            self._add("gatectl_budget_wait_seconds_total", (), seconds)

    def took_over(self, processes: int = 1) -> None:
        """What processes did that are gone is done here from now on."""
        with self._lock:
            self._add("gatectl_takeovers_total", (), processes)

    def families(self) -> Sequence[Family]:
        """All of it, as it is now."""
        with self._lock:
            counted = [
                Family(name, "counter", words, [Sample(*each) for each in sorted(self._counts[name].items())])
                for name, words in _COUNTED.items()
            ]
            return [*counted, Family(_DURATION, "histogram", "How long looks at targets took.", list(self._sorted()))]

    def _add(self, name: str, labels: Labels, number: float) -> None:
        of = self._counts[name]
        of[labels] = of.get(labels, 0.0) + number

    def _sorted(self) -> Iterable[Sample]:
        for end, number in zip(BUCKETS, self._buckets, strict=True):
            yield Sample((("le", f"{end:g}"),), number, "_bucket")
        yield Sample((("le", "+Inf"),), self._looks, "_bucket")
        yield Sample((), self._seconds, "_sum")
        yield Sample((), self._looks, "_count")
