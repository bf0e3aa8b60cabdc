"""The flow of an undo: the receipt of a run, what is live, and a plan like any other, which leads back to before that run.

The steps are those of `reconcile`; only that what is wanted comes from the run's own states, and not from manifests. It is handed
readers and never a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import cache
from typing import NamedTuple

from gatectl.applying import guards, leading_back, stricter
from gatectl.applying.leading_back import Already, Back, References, Told, lead_back
from gatectl.documents.findings import finding_json, relative_to
from gatectl.documents.ownership import OURS, Holdings
from gatectl.documents.plans import Plan, Remarks, Undoes, Undone
from gatectl.documents.receipts import Receipt
from gatectl.errors import StalePlan, UsageError
from gatectl.kinds import KINDS
from gatectl.model import Change, Finding, Live, ObjectKey
from gatectl.planning import changes, final_state, order, owners, plan
from gatectl.planning.changes import Worked
from gatectl.planning.current import Current, Index, read_current, read_workspaces
from gatectl.planning.protection import check_protection
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader, Traits
from gatectl.quote import quote
from gatectl.reconcile import asking, heading, measuring
from gatectl.reconcile.looking_back import held_to, look_back, older_on
from gatectl.reconcile.request import Request
from gatectl.records import read_records


class Seen(NamedTuple):
    """A plan that leads back, and what it was made from: what needs no leading back, the credentials of what was deleted, the workspaces
    there are, and the one of manifests that name none."""

    plan: Plan
    references: References
    already: Sequence[Already]
    workspaces: Index
    default: str | None


def work_out(request: Request, receipt: Receipt, connect: Callable[[], Connection], references: References) -> Plan:
    """The plan that leads back to the states before a run; see `see`."""
    return see(request, receipt, connect, references).plan


def see(request: Request, receipt: Receipt, connect: Callable[[], Connection], references: References) -> Seen:
    """The same, with what it was made from. Reads the platform, and only reads.

    `references` knows the credentials of what was deleted. Raises UsageError for a run that cannot be undone, StalePlan for one of
    another place, PlatformError where the platform cannot be read whole.
    """
    check_receipt(receipt)
    git = heading.ask_git(request)
    connection = connect()
    place = cache(asking.place_of(request, connection))
    kept, before = look_back(request, connection, place)
    request = held_to(request, before)
    reader = driver_for(request.environment.platform).open_reader(connection)
    with closing(reader), closing(read_records(connection, reader)) as records:
        default = reader.traits.default_workspace
        target = heading.target_of(request, reader.identification, reader.traits.openai)
        _check_place(receipt, target)
        current = _read(request, receipt, reader)
        holdings = asking.holdings_of(request, records, place)
        work = _work(request, _Ground(current, reader.traits, holdings), lead_back(receipt, current, references))
    commit, dirty = git.answer()
    homes = {_home(key) for key in work.back.keys}
    made = plan.make_plan(
        target._replace(workspaces=tuple(sorted(homes)), records=kept),
        {"paths": [], "selector": None, "targets": [], "since": None, "partial": False},
        {"commit": commit, "dirty": dirty, "inputs": []},
        work.worked,
        work.arranged,
        [finding_json(f, relative_to(str(request.project.folder))) for f in work.findings],
        relative_to(str(request.project.folder)),
        {
            **stricter.remark(request.changed),
            **owners.new_place(holdings),
            **older_on(request, work.arranged, commit, before),
            **measuring.guarded(request, work.arranged, measuring.owned(holdings)),
            **_remark(receipt, work.back),
        },
        plan.points(current),
    )
    return Seen(made, references, work.back.already, current.workspaces, default)


def check_receipt(receipt: Receipt) -> None:
    """Raises UsageError for the receipt of a run that cannot be undone."""
    if "run" not in receipt or "plan" not in receipt:
        raise UsageError(
            "a receipt of format 1.0 does not say how the objects were before, so its run cannot be undone",
            "revert the commit and apply it",
        )
    if not any(True for _ in leading_back.written(receipt)):
        raise UsageError(f"run {quote(receipt['run'])} changed nothing, so there is nothing to undo", "gatectl history")


def _check_place(receipt: Receipt, here: plan.Target) -> None:
    """Raises StalePlan for a run of another platform, project or environment."""
    try:
        guards.check_target(receipt["plan"], here)
    except StalePlan as error:
        raise StalePlan(f"run {quote(receipt['run'])}: {error.message}", "choose the environment of that run") from None


def _home(key: ObjectKey) -> str:
    return key.name if KINDS[key.kind].holds else key.workspace or ""


def _read(request: Request, receipt: Receipt, reader: Reader) -> Current:
    """What is live where the run changed something."""
    keys = [op for op, _ in leading_back.written(receipt) if op["kind"] in KINDS]
    names = {op["workspace"] or op["name"] for op in keys if op["workspace"] is not None or KINDS[op["kind"]].holds}
    return read_current(
        reader,
        sorted(names),
        read_workspaces(reader),
        api_keys=leading_back.api_keys_sought(receipt),
        needed=leading_back.attached_kinds(receipt),
        patience=heading.patience_of(request.environment, request.clock),
    )


class _Work(NamedTuple):
    """What is to be done, in its order, and what of it was found."""

    back: Back
    worked: Worked
    arranged: Sequence[tuple[Change, tuple[str, ...]]]
    findings: Sequence[Finding]


class _Ground(NamedTuple):
    """What is live, on a platform of these traits, and whose it is."""

    current: Current
    traits: Traits
    holdings: Holdings | None


def _work(request: Request, ground: _Ground, back: Back) -> _Work:
    """Compare, arrange and forecast, and again without each object that errors stop, until none does."""
    while True:
        worked = _worked(request, ground, back)
        arranged, circles = order.arrange(worked)
        chosen = frozenset(change.key for change in worked.changes)
        broken = final_state.forecast(worked, ground.current, chosen, request.project.rules)
        findings = [*worked.findings, *circles, *broken]
        stopped = _stopped(back.keys, (f for f in findings if f.severity == "error"))
        if not stopped:
            return _Work(back, worked, arranged, [_placeless(f) for f in findings])
        back = back.without(stopped)


def _worked(request: Request, ground: _Ground, back: Back) -> Worked:
    settings = changes.Settings(
        packets=ground.traits.packets,
        openai=ground.traits.openai,
        holdings=ground.holdings,
        force_put=request.force_put,
        known=frozenset(request.environment.known),
    )
    worked = changes.compute_changes(back.pairs, ground.current, settings)
    worked = changes.with_deletions(worked, back.doomed, ground.current)
    told = [change._replace(reason=_reason(change), document=None) for change in worked.changes]
    foreign = [found for live in back.doomed if (found := _foreign(live, ground.holdings)) is not None]
    foreign += check_protection(told, ground.holdings, request.environment.guardrails.protect)
    return worked._replace(
        changes=told, adopts=(), takes=(), moves=(), protects=(), unmanaged=(), findings=[*worked.findings, *foreign]
    )


def _foreign(live: Live, holdings: Holdings | None) -> Finding | None:
    """Why what a run created is not deleted: somebody else owns it by now."""
    if holdings is None or owners.claim_of(live, holdings) in (None, *OURS):
        return None
    return owners.foreign(live, holdings)


def _reason(change: Change) -> str:
    words = {"create": "deleted by the run that is undone", "delete": "created by the run that is undone"}
    return words.get(change.action, "changed by the run that is undone")


def _stopped(keys: set[ObjectKey], errors: Iterable[Finding]) -> dict[ObjectKey, str]:
    """The objects that errors are about, each with the first of them; where one is about none of ours, all of them."""
    found: dict[ObjectKey, str] = {}
    for finding in errors:
        kind, workspace, name = finding.subject or (None, None, None)
        key = ObjectKey(kind or "", workspace, name or "")
        for each in [key] if key in keys else keys:
            found.setdefault(each, f"{finding.message} ({finding.rule})")
    return found


def _placeless(finding: Finding) -> Finding:
    """The same, at no place: what is wanted stands in no file."""
    related = tuple(each._replace(spot=None) for each in finding.related)
    return finding._replace(spot=None, related=related)


def _remark(receipt: Receipt, back: Back) -> Remarks:
    """What a plan says of the run that it undoes."""
    undoes: Undoes = {"run": receipt["run"], "files": _files(receipt)}
    if back.left:
        undoes["left"] = _named(back.left)
    if back.stays:
        undoes["stays"] = _named(back.stays)
    if back.lost:
        undoes["lost"] = _named(back.lost)
    return {"undoes": undoes}


def _named(told: Sequence[Told]) -> list[Undone]:
    return [{**plan.named(each.key), "what": each.words} for each in told]


def _files(receipt: Receipt) -> list[str]:
    """The manifests that said what the run did, and say it still."""
    sources = (op["source"] for op, _ in leading_back.written(receipt))
    return sorted({source["file"] for source in sources if source is not None})
