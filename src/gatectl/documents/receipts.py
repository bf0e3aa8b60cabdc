"""A receipt as it is saved and shown: what an apply did, with the plan that was applied (product.md, section 4). Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NotRequired, TypedDict, final

from gatectl.documents.findings import Finding
from gatectl.documents.plans import Commit, Location, Plan, Target
from gatectl.model import Status

FORMAT_VERSION: Final = "1.1"
READABLE: Final = ("1.0", FORMAT_VERSION)
"""The formats that can be shown."""


class OutcomeError(TypedDict):
    code: str
    message: str


class Outcome(TypedDict):
    """What became of one operation. `attempts` counts the writes that were sent."""

    id: str
    status: Status
    platformId: str | None
    attempts: int
    error: OutcomeError | None
    source: NotRequired[Location | None]


class Actor(TypedDict):
    user: str | None
    host: str | None
    ci: str | None
    url: str | None


def user_at_host(user: str | None, host: str | None) -> str:
    """Who it was, as far as that was noted; "" for nobody."""
    return "@".join(filter(None, (user, host)))


class Override(TypedDict):
    """What was said to do it all the same, how much of it, and why."""

    name: str
    value: str | None
    reason: str | None


class Settled(TypedDict):
    """A twin that the run made and deleted again."""

    id: str
    deleted: str
    kept: str | None


@final
class Receipt(TypedDict):
    """What an apply did (product.md, section 4). Of format 1.0 are those without a run."""

    formatVersion: str
    run: NotRequired[str]
    target: NotRequired[Target]
    source: NotRequired[Commit]
    startedAt: NotRequired[str]
    endedAt: NotRequired[str]
    actor: NotRequired[Actor]
    version: NotRequired[str]
    fingerprint: str
    plan: NotRequired[Plan]
    outcomes: Sequence[Outcome]
    summary: Mapping[str, int]
    converged: bool
    diagnostics: Sequence[Finding]
    overrides: NotRequired[Sequence[Override]]
    projectFile: NotRequired[Mapping[str, object]]
    settled: NotRequired[Sequence[Settled]]
