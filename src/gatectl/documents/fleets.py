"""What a controller knows of the targets of its fleet, as `gatectl status --format json`, `gatectl why --fleet` and the controller's
HTTP API have it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypedDict

from gatectl.errors import CHANGES, DESTRUCTIVE_CHANGES, DONE, UsageError
from gatectl.quote import quote

FORMAT_VERSION: Final = "1.0"

State = Literal["paused", "invalid", "failed", "applying", "waiting", "pending", "drifted", "in-sync"]

STATES: Final[tuple[State, ...]] = (
    "paused", "invalid", "failed", "applying", "waiting", "pending", "drifted", "in-sync",
)  # fmt: skip
"""In the order in which the first that holds is the state of a target."""

Did = Literal["approved", "accepted", "paused", "resumed", "asked"]
"""What somebody did: approved a plan, accepted a commit that was pushed by force, paused a target or let it go on, asked for a look."""


class Holds(TypedDict):
    """Something that holds of a target, and why."""

    state: State
    reason: str | None


class GitStatus(TypedDict):
    """The repository of a target and what is followed of it. `error`: why it could not be read when it was asked last, or what is not
    in it. `forced`: the commit that was pushed there by force, and that nobody has accepted."""

    url: str
    ref: str
    error: str | None
    forced: str | None


class TargetStatus(TypedDict):
    """A target: its state, why and since when, and all that holds of it. `newest` is the commit to look at, `commit` the one that was
    looked at last, `applied` the last one that it was once in sync with; `fingerprint` that of the plan of `commit`. `failures`: so many
    looks in a row; `paused`: by whom; `worker`: who looks at it now. `looked` and `due` are when it was looked at, and is to be again.

    A source of which no target is known yet is told as a target that is called like it.
    """

    name: str
    source: str
    state: State
    reason: str | None
    since: str | None
    commit: str | None
    newest: str | None
    applied: str | None
    fingerprint: str | None
    conditions: Sequence[Holds]
    failures: int
    paused: str | None
    worker: str | None
    looked: str | None
    due: str | None
    git: GitStatus


class WorkerStatus(TypedDict):
    """A process of the controller that is there, and when it said so last."""

    id: str
    beat: str


class FleetStatus(TypedDict):
    """All targets of a fleet, by name. `at` is when that was, `generation` counts the fleet files that were read (0: none was)."""

    formatVersion: str
    fleet: str
    generation: int
    at: str
    workers: Sequence[WorkerStatus]
    targets: Sequence[TargetStatus]


class RunStatus(TypedDict):
    """A look that changed something: the state of its target, or the platform. `receipt`: the id of the run in the records."""

    began: str
    ended: str
    commit: str | None
    state: str
    reason: str | None
    fingerprint: str | None
    receipt: str | None


class TargetStory(TypedDict):
    """A target and the last of its runs, the last one first."""

    formatVersion: str
    fleet: str
    at: str
    target: TargetStatus
    runs: Sequence[RunStatus]


class Act(TypedDict):
    """What somebody did to a target, and is recorded. `until`: when an approval lapses."""

    formatVersion: str
    target: str
    did: Did
    who: str
    commit: str | None
    fingerprint: str | None
    until: str | None


def narrowed(status: FleetStatus, names: Sequence[str]) -> FleetStatus:
    """The status of some targets, each named by itself or by its source; of all, where none is named. Raises UsageError for a name that
    neither has."""
    if not names:
        return status
    for name in names:
        if not any(name in (each["name"], each["source"]) for each in status["targets"]):
            raise unknown(name, [each["name"] for each in status["targets"]])
    return {**status, "targets": [each for each in status["targets"] if {each["name"], each["source"]} & set(names)]}


def unknown(name: str, known: Sequence[str]) -> UsageError:
    """That no target is called so."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return UsageError(
        f"no target is called '{quote(name)}'",
        f"did you mean '{quote(near[0])}'?" if near else "gatectl status lists them",
    )


def code(status: FleetStatus) -> int:
    """The exit code: 0 all is in sync, as far as it is not paused; 2 something differs or waits; 3 something failed or is invalid, or what
    is newest cannot be read."""
    targets = status["targets"]
    held = {each["state"] for target in targets for each in target["conditions"]}
    if held & {"failed", "invalid"} or any(target["git"]["error"] is not None for target in targets):
        return DESTRUCTIVE_CHANGES
    return CHANGES if held - {"in-sync", "paused"} else DONE
