"""What an apply did, as the JSON of product.md, section 4. Pure: the clock, chance and who we are are handed in.

A receipt holds the plan that was applied, whole, so that it can be shown and understood without any other file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from gatectl.clock import timestamp
from gatectl.documents.plans import Plan
from gatectl.documents.receipts import FORMAT_VERSION, Override, Receipt
from gatectl.model import Outcome, Status

STATUSES: Final[tuple[Status, ...]] = ("done", "already", "conflict", "failed", "blocked", "not-started", "unknown")
"""What may become of an operation, in the order in which it is counted."""


class Actor(NamedTuple):
    """Who applied: the user and the host; in a pipeline also which CI it is, and the address of the run."""

    user: str | None
    host: str | None
    ci: str | None = None
    url: str | None = None


class Run(NamedTuple):
    """One apply: its id, when it began, who it was, and with which version of gatectl."""

    id: str
    started: datetime
    actor: Actor
    version: str


def run_id(moment: datetime, chance: bytes) -> str:
    """An id that sorts by time and that no other run has: 20260131T101530123Z-9f86d081. `chance` is four random bytes."""
    at = moment.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z-{chance.hex()}"


def make_receipt(
    plan: Plan,
    outcomes: Sequence[Outcome],
    run: Run,
    ended: datetime,
    *,
    converged: bool,
    overrides: Sequence[Override] = (),
    project_file: Mapping[str, object] | None = None,
) -> Receipt:
    """The receipt. `overrides`: what was said to do it all the same; `project_file`: what the project file says that decides."""
    actor = run.actor
    sources = {op["id"]: op["source"] for op in plan["operations"]}
    made: Receipt = {
        "formatVersion": FORMAT_VERSION,
        "run": run.id,
        "target": plan["target"],
        "source": {"commit": plan["source"]["commit"], "dirty": plan["source"]["dirty"]},
        "startedAt": timestamp(run.started),
        "endedAt": timestamp(ended),
        "actor": {"user": actor.user, "host": actor.host, "ci": actor.ci, "url": actor.url},
        "version": run.version,
        "fingerprint": plan["fingerprint"],
        "plan": plan,
        "outcomes": [
            {
                "id": o.id,
                "status": o.status,
                "platformId": o.platform_id,
                "attempts": o.attempts,
                "error": {"code": o.error[0], "message": o.error[1]} if o.error is not None else None,
                "source": sources.get(o.id),
            }
            for o in outcomes
        ],
        "summary": {status: sum(o.status == status for o in outcomes) for status in STATUSES},
        "converged": converged,
        "diagnostics": list(plan["diagnostics"]),
        "overrides": list(overrides),
        "settled": [
            {"id": o.id, "deleted": o.settled, "kept": o.platform_id} for o in outcomes if o.settled is not None
        ],
    }
    if project_file is not None:
        made["projectFile"] = project_file
    return made
