"""What is known of targets and repositories → the status of the fleet, as people and programs are told it. Pure.

The state of a target is the first that holds (`deciding.STATES`) of what its last look found and of what is known since:

- `paused`, where somebody paused it.
- `applying`, where a worker that is there looks at it, its source applies, and it writes under an approval, looks at a commit for the
  first time, or has been at it for `LONG`: a look that finds nothing to do is over before anybody could read of it.
- `waiting`, where a commit was pushed by force and nobody has accepted it.
- `pending`, where its newest commit was not looked at yet.
- `failed`, where git has no such branch or tag, or cannot be read and never could. Where a commit is known, that git cannot be read is
  told and changes no state: what differs from that commit still counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from gatectl.clock import timestamp
from gatectl.controller.aliveness import LASTS
from gatectl.controller.deciding import STATES, Condition, state_of
from gatectl.controller.repositories import MISSING, Repository
from gatectl.controller.store import Known, Run
from gatectl.documents.fleets import FORMAT_VERSION, FleetStatus, GitStatus, RunStatus, TargetStatus, TargetStory
from gatectl.errors import PlatformError
from gatectl.fleet.values import Fleet, Source
from gatectl.quote import quote, safe

LONG: Final = 5_000
"""Milliseconds after which a look is taken for an apply."""


class Facts(NamedTuple):
    """All that is known of a fleet at a moment (`at`, in milliseconds since 1970). `workers`: the processes that
    nobody has buried yet, with their last beats."""

    known: Sequence[Known]
    repositories: Mapping[str, Repository]
    workers: Mapping[str, int]
    generation: int
    at: int


def fleet_status(fleet: Fleet, facts: Facts) -> FleetStatus:
    """The status of all targets of a fleet, by name. What left the fleet is not told; a source without a target is, as one."""
    sources = {source.name: source for source in fleet.sources}
    there = {name: beat for name, beat in facts.workers.items() if facts.at - beat <= LASTS * 1_000}
    facts = facts._replace(workers=there)
    targets = [_target(sources[each.source], each, facts) for each in facts.known if each.source in sources]
    placed = {each["source"] for each in targets}
    targets += [_target(source, _unseen(source), facts) for source in fleet.sources if source.name not in placed]
    return {
        "formatVersion": FORMAT_VERSION,
        "fleet": fleet.name,
        "generation": facts.generation,
        "at": _moment(facts.at),
        "workers": [{"id": name, "beat": _moment(beat)} for name, beat in sorted(facts.workers.items())],
        "targets": sorted(targets, key=lambda each: each["name"]),
    }


def target_story(status: FleetStatus, target: TargetStatus, runs: Sequence[Run]) -> TargetStory:
    """A target of a fleet with its last runs."""
    told: list[RunStatus] = [
        {
            "began": _moment(run.began), "ended": _moment(run.ended), "commit": run.commit, "state": run.state, "reason": run.reason,
            "fingerprint": run.fingerprint, "receipt": run.receipt,
        }
        for run in runs
    ]  # fmt: skip
    return {
        "formatVersion": FORMAT_VERSION, "fleet": status["fleet"], "at": status["at"], "target": target, "runs": told,
    }  # fmt: skip


def _unseen(source: Source) -> Known:
    """A source of which no target is known."""
    return Known(
        source.name, source.name, 0, 0, None, None, (), None, None, None, None, None, None, 0, None, None, None, None
    )


def _target(source: Source, known: Known, facts: Facts) -> TargetStatus:
    git = _git(source, facts.repositories.get(source.git.url))
    worker = known.worker if known.worker in facts.workers else None
    conditions = sorted(_conditions(source, known, git, worker, facts.at), key=lambda each: STATES.index(each.state))
    state = state_of(conditions)
    return {
        "name": known.name,
        "source": source.name,
        "state": state.state,
        "reason": state.reason,
        "since": _since(known, state),
        "commit": known.commit,
        "newest": known.newest,
        "applied": known.applied,
        "fingerprint": known.fingerprint,
        "conditions": [{"state": each.state, "reason": each.reason} for each in conditions],
        "failures": known.failures,
        "paused": known.paused,
        "worker": worker,
        "looked": _when(known.looked),
        "due": _when(known.due),
        "git": git,
    }


def _git(source: Source, repository: Repository | None) -> GitStatus:
    """What is known of the repository of a source; nothing, where nobody has looked at it yet."""
    url, ref = source.git.url, source.git.ref
    told: GitStatus = {"url": url, "ref": ref, "error": None, "forced": None}
    if repository is None or not repository.checked:
        return told
    head = repository.heads.get(ref)
    if repository.error is not None and _is_about(repository.error, ref):
        told["error"] = safe(repository.error)
    if head is not None and head.seen != head.commit:
        told["forced"] = head.seen
    return told


def _is_about(error: str, ref: str) -> bool:
    """Whether what is wrong with a repository is the matter of whoever follows this branch or tag."""
    return not error.startswith(MISSING) or quote(ref) in error.removeprefix(MISSING).split(", ")


def _conditions(source: Source, known: Known, git: GitStatus, worker: str | None, now: int) -> list[Condition]:
    """All that holds of a target."""
    found = [*(known.conditions or ((known.state,) if known.state is not None else ())), *_of_git(known, git)]
    if known.paused is not None:
        found.append(Condition("paused", f"paused by {quote(known.paused)}"))
    if git["forced"] is not None:
        commit = quote(git["forced"])
        found.append(
            Condition("waiting", f"commit {commit} was pushed by force: approve {quote(known.name)} --commit {commit}")
        )
    if worker is not None and source.mode == "apply" and known.begun is not None:
        first = known.newest is not None and known.newest != known.commit
        if first or known.under is not None or now - known.begun >= LONG:
            found.append(Condition("applying", f"since {_moment(known.begun)}, by {quote(worker)}"))
    return found


def _of_git(known: Known, git: GitStatus) -> list[Condition]:
    """What holds because of what git said last, or did not say."""
    error = git["error"]
    if error is not None and error.startswith(MISSING):
        return [Condition("failed", error)]
    if known.state is None:
        unread = error is not None and known.newest is None
        return [
            Condition("failed", f"git cannot be read: {error}") if unread else Condition("pending", "not looked at yet")
        ]
    found = [Condition(known.state.state, f"git cannot be read: {error}")] if error is not None else []
    if known.newest is not None and known.newest != known.commit:
        found.append(Condition("pending", f"commit {quote(known.newest)} was not looked at yet"))
    return found


def _since(known: Known, state: Condition) -> str | None:
    """Since when a target is in its state, as far as that is known."""
    if state.state == "applying":
        return _when(known.begun)
    return _when(known.since) if known.state is not None and known.state.state == state.state else None


def _when(at: int | None) -> str | None:
    return None if at is None else _moment(at)


def _moment(at: int) -> str:
    try:
        return timestamp(datetime.fromtimestamp(at / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        raise PlatformError("the controller's database is damaged: it holds a moment that cannot be") from None
