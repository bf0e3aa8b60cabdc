"""What people ask of a controller and do to it, be it by a command or on its page: who looks, approves, pauses and asks for a look.

Nothing here looks at a target or applies anything: it is written down in the controller's database, and whoever runs there comes by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from gatectl.applying.allowance import parse_allowance
from gatectl.applying.saved import checked_plan
from gatectl.clock import timestamp
from gatectl.controller.approvals import Approvals, Kept
from gatectl.controller.approving import How, make_approval, sign
from gatectl.controller.database import Database
from gatectl.controller.deciding import APPROVAL
from gatectl.controller.repositories import Repositories
from gatectl.controller.store import Known, Store
from gatectl.controller.views import Facts, fleet_status, target_story
from gatectl.documents.fleets import FORMAT_VERSION, Act, Did, FleetStatus, TargetStory, unknown
from gatectl.documents.plans import Plan
from gatectl.errors import InputError, StalePlan, UsageError
from gatectl.fleet.values import Fleet, Source
from gatectl.quote import quote

_FINGERPRINT: Final = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOOK: Final = "look at it again: gatectl status"
_RUNS: Final = 10


class Desk(NamedTuple):
    """Where somebody acts: the controller's database, its fleet, and its key (None: whoever acts here has none, and approves nothing)."""

    database: Database
    fleet: Fleet
    key: bytes | None = None


# Looking


def status(desk: Desk) -> FleetStatus:
    """What is known of all targets. Raises PlatformError."""
    store = Store(desk.database)
    repositories = Repositories(desk.database).all()
    facts = Facts(store.known(), repositories, store.workers(), store.generation(), store.now())
    return fleet_status(desk.fleet, facts)


def story(desk: Desk, target: str, most: int = _RUNS) -> TargetStory:
    """What is known of a target, with its last runs. Raises UsageError for one that there is not, PlatformError."""
    told = status(desk)
    for each in told["targets"]:
        if each["name"] == target:
            return target_story(told, each, Store(desk.database).runs(target, most))
    raise unknown(target, [each["name"] for each in told["targets"]])


# Acting


def approve(
    desk: Desk, target: str, fingerprint: str, who: str, how: How, allow: Sequence[str] = (), reason: str | None = None
) -> Act:  # fmt: skip
    """Somebody says yes to the plan of this fingerprint that a target waits with: it is applied as it is. `allow` and `reason` are as
    for an apply.

    Raises UsageError for a target that there is not and for what cannot be allowed, StalePlan where no such plan waits, InputError
    without the controller's key, PlatformError.
    """
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise UsageError(
            f"'{quote(fingerprint)}' is no fingerprint of a plan", "sha256: and 64 digits, as gatectl status shows it"
        )
    parse_allowance(allow, reason)
    known, source = _found(desk, target)
    text, plan = _waiting(desk, known, fingerprint)
    store = Store(desk.database)
    approval = make_approval(
        target, plan, who, how, store.now() // 1000, source.approvals_expire, tuple(allow), reason
    )  # fmt: skip
    Approvals(desk.database).keep(Kept(approval, sign(_key(desk), approval), text))
    store.want([target], urgent=True)
    until = timestamp(datetime.fromtimestamp(approval.until, UTC))
    return _act(target, "approved", who, commit=approval.commit, fingerprint=fingerprint, until=until)


def accept(desk: Desk, target: str, commit: str, who: str) -> Act:
    """Somebody says that a commit counts which was pushed by force to the branch of a target. It does for all targets that follow that
    branch.

    Raises UsageError for a target that there is not, StalePlan where no such commit waits, InputError without the controller's key,
    PlatformError.
    """
    if _COMMIT.fullmatch(commit) is None:
        raise UsageError(f"'{quote(commit)}' is no id of a commit", "write it whole, as gatectl status shows it")
    _, source = _found(desk, target)
    repositories = Repositories(desk.database)
    repository = repositories.one(source.git.url)
    head = repository.heads.get(source.git.ref) if repository is not None else None
    waits = head is not None and head.seen == commit != head.commit
    if not waits or not repositories.accept(source.git.url, source.git.ref, commit, _key(desk)):
        raise StalePlan(f"no commit {quote(commit)} waits to be accepted for '{quote(target)}'", _LOOK)
    return _act(target, "accepted", who, commit=commit)


def pause(desk: Desk, target: str, who: str, reason: str | None = None) -> Act:
    """Nobody looks at a target from now on; a look that has begun ends. Raises UsageError, PlatformError."""
    return _paused(desk, target, f"{who}: {reason}" if reason else who, who)


def resume(desk: Desk, target: str, who: str) -> Act:
    """A target goes on. Raises UsageError, PlatformError."""
    return _paused(desk, target, None, who)


def reconcile_now(desk: Desk, target: str, who: str) -> Act:
    """A target is to be looked at at once. Raises UsageError for one that there is not, StalePlan for one that is paused or of which no
    commit is known, PlatformError."""
    known, _ = _found(desk, target)
    if known.paused is not None:
        raise StalePlan(f"'{quote(target)}' is paused by {quote(known.paused)}", f"gatectl resume {quote(target)}")
    if not Store(desk.database).want([target], urgent=True):
        raise StalePlan(f"'{quote(target)}' cannot be looked at", f"gatectl why {quote(target)} --fleet FILE says why")
    return _act(target, "asked", who)


def _paused(desk: Desk, target: str, by: str | None, who: str) -> Act:
    _found(desk, target)
    Store(desk.database).pause(target, by)
    return _act(target, "resumed" if by is None else "paused", who)


def _act(
    target: str,
    did: Did,
    who: str,
    *,
    commit: str | None = None,
    fingerprint: str | None = None,
    until: str | None = None,
) -> Act:
    return {
        "formatVersion": FORMAT_VERSION, "target": target, "did": did, "who": who, "commit": commit, "fingerprint": fingerprint,
        "until": until,
    }  # fmt: skip


def _found(desk: Desk, target: str) -> tuple[Known, Source]:
    """A target that is known, and its source. Raises UsageError."""
    store = Store(desk.database)
    sources = {source.name: source for source in desk.fleet.sources}
    for known in store.known(target):
        if known.source in sources:
            return known, sources[known.source]
    raise unknown(target, [each.name for each in store.known()])


def _key(desk: Desk) -> bytes:
    if desk.key is None:
        raise InputError(
            "the controller's key is not at hand, and nothing is approved without it", "ask the controller: --url URL"
        )
    return desk.key


def _waiting(desk: Desk, known: Known, fingerprint: str) -> tuple[str, Plan]:
    """The plan that a target waits with, as it is kept and as it is read. Raises StalePlan."""
    of = f"of '{quote(known.name)}'"
    text = Store(desk.database).plan_of(known.name)
    waits = any(each.reason == f"{APPROVAL}{fingerprint}" for each in known.conditions)
    if text is None or not waits:
        raise StalePlan(f"no plan {quote(fingerprint)} {of} waits for an approval", _LOOK)
    plan = checked_plan(f"the plan that is kept {of}", text.encode("utf-8", "surrogatepass"))
    if plan["fingerprint"] != fingerprint:
        raise StalePlan(f"what is kept {of} is another plan", _LOOK)
    if plan["source"]["commit"] != known.newest:
        raise StalePlan(f"there is a newer commit {of}, which was not looked at yet", _LOOK)
    return text, plan
