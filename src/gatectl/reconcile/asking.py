"""Whose the objects of a platform are to a request: what is remembered, seen from the place that it is made from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from gatectl.applying import settling
from gatectl.applying.holders import holder_of
from gatectl.applying.kept import begin
from gatectl.clock import Deadline
from gatectl.documents.journal import OpenRun, Unclear
from gatectl.documents.ownership import Asking, Holdings, Owner, holdings
from gatectl.documents.plans import Records
from gatectl.errors import UsageError
from gatectl.kinds import KINDS
from gatectl.manifests import selection
from gatectl.manifests.loading import Loaded, manifest_paths
from gatectl.manifests.wholeness import left_out
from gatectl.model import Desired
from gatectl.planning import owners, reasons
from gatectl.planning.changes import Settings
from gatectl.planning.current import Current, Index
from gatectl.planning.match import Pair
from gatectl.planning.parts import Parts
from gatectl.platforms.interface import Connection
from gatectl.project import Project
from gatectl.quote import quote
from gatectl.reconcile import scope
from gatectl.reconcile.looking_back import NOTHING_BEFORE, Before
from gatectl.reconcile.request import Request
from gatectl.records.interface import RecordsReader
from gatectl.records.leases import Holder


class Unended(NamedTuple):
    """The runs that have no end, and which of them hold leases still."""

    runs: Sequence[OpenRun]
    at_work: frozenset[str]


AtWork = Callable[[], frozenset[str]]
"""Says which runs are under way, asked only where some have not ended."""


def nobody() -> frozenset[str]:
    """No run is under way."""
    return frozenset()


Place = Callable[[], str | None]
"""Says where a project is applied from; None: nowhere that could be told elsewhere."""


def nowhere() -> None:
    """No place that could be told elsewhere."""


def here(request: Request) -> Holder:
    """Who asks, as a lease would name them."""
    run = begin(request.project.environ)
    return holder_of(run.actor.user, run.actor.host, run.id, run.actor.url)


class Vantage(NamedTuple):
    """What a plan is seen from: the records as a plan's target names them, the place that the project is applied from, who is at
    work, what was undone, and what was applied last."""

    kept: Records | None = None
    place: Place = nowhere
    at_work: AtWork = nobody
    undone: reasons.Undoing = reasons.nothing
    before: Before = NOTHING_BEFORE


NOWHERE: Final = Vantage()
"""What is planned without a place or records that it could name."""


def place_of(request: Request, connection: Connection) -> Place:
    """What says where the project is applied from, asked only where something depends on it."""
    return lambda: scope.place_of(request.project, connection)


def holdings_of(request: Request, records: RecordsReader, place: Place) -> Holdings | None:
    """Whose the objects of the platform are, as this request sees it; None: nothing of that is remembered.

    Raises UsageError where something is to be pruned or taken over, and it is not known what, or by whom.
    """
    owned = records.owned()
    if owned is None:
        _refuse_unrecorded(request)
        return None
    asking = _asking(request, records, place, matters=bool(owned))
    found = holdings(asking, owned)
    _refuse_nobody(request, asking.owner)
    # Who takes something over is somebody: no guest.
    return found._replace(guest=None) if request.take_over else found


def _asking(request: Request, records: RecordsReader, place: Place, *, matters: bool) -> Asking:
    """Who asks, and from where, as far as that matters: where something is somebody's, or is to be."""
    project, former = request.project, request.environment.renamed_from
    places = records.places(project.uid) if project.uid is not None else frozenset()
    here = place() if matters or places or request.prune or request.take_over else None
    owner = Owner(project.name, project.uid, request.environment.name, here)
    formerly = frozenset((former,)) if former is not None else frozenset[str]()
    return Asking(owner, formerly, places, selection.ALL in request.take_over)


def _refuse_unrecorded(request: Request) -> None:
    """Raises UsageError for what needs to know whose the objects are."""
    if request.prune:
        raise UsageError("--prune deletes only what this project applied before, and this platform keeps no record of that",
                         "remove on the platform itself what is declared no more")  # fmt: skip
    if request.take_over:
        raise UsageError("--take-over takes what somebody else applied, and this platform keeps no record of that",
                         "leave it out: nothing there is anybody's")  # fmt: skip


def _refuse_nobody(request: Request, asking: Owner) -> None:
    """Raises UsageError for what only somebody does who can be told from others."""
    if (asking.known and not asking.unnamed) or request.environment.platform == "memory":
        return
    hint = "give it a project file with a uid of its own: gatectl init writes one"
    told = "and nothing tells this project from others of its name"
    if request.prune:
        raise UsageError(f"--prune deletes only what this project owns, {told}", hint)
    if request.take_over:
        raise UsageError(f"--take-over makes it this project's, {told}", hint)


def meant(
    request: Request, apart: Parts, settings: Settings, pairs: Sequence[Pair], current: Current
) -> Settings:  # fmt: skip
    """The settings with what is to be taken over, and what is accepted. Raises UsageError for a name that means none, or several."""
    settings = settings._replace(holdings=_taken_over(request, apart.wanted, settings.holdings, pairs, current))
    return settings._replace(pruning=_accepted(request, settings, pairs, current, partly=bool(apart.left)))


def _taken_over(
    request: Request, wanted: Desired, held: Holdings | None, pairs: Sequence[Pair], current: Current
) -> Holdings | None:
    """Whose the objects are when what is to be taken over is ours."""
    if held is None or not request.take_over:
        return held
    if selection.ALL in request.take_over:
        return owners.taking_over(held, pairs, current, None)
    chosen = selection.find_targets(request.take_over, wanted.manifests, owners.TAKES)
    return owners.taking_over(held, pairs, current, chosen)


def _accepted(
    request: Request, settings: Settings, pairs: Sequence[Pair], current: Current, *, partly: bool
) -> owners.Pruning | None:
    """How is pruned, with what is accepted. A name that nothing is held for is borne where what it means may be left out (`partly`),
    or be gone since it was shown."""
    held, pruning = settings.holdings, settings.pruning
    if held is None or pruning is None or not request.accept:
        return pruning
    doomed, _ = owners.leftovers(pairs, current, held, pruning)
    found = owners.to_accept(doomed, held, pruning)
    ids: set[str] = set()
    for text in request.accept:
        try:
            (key,) = selection.find_held((text,), found, owners.ACCEPTS)
        except UsageError:
            if not (partly or request.again):
                raise
        else:
            ids.update(found[key])
    return pruning._replace(accepted=frozenset(ids))


def with_open_runs(
    request: Request, unended: Unended, current: Current, held: Holdings | None, late: settling.Late | None, place: Place,
) -> tuple[Holdings | None, Sequence[Unclear]]:  # fmt: skip
    """Whose the objects are, with what runs did that broke off, and what is unclear of that: an apply records it, a plan looks only.
    Of a run that is under way nothing is unclear: it goes on. `place`: where the project is applied from."""
    for run in unended.runs:
        who, by = quote(run.head.run), quote(run.head.by)
        if run.head.run in unended.at_work:
            request.warn(f"run {who} of {by} is under way: this is what it has done so far")
        else:
            request.warn(f"run {who} of {by} has not ended: what it did is looked for on the platform")
    if held is None or not unended.runs:
        return held, ()
    asking = held.asking
    if asking.owner.place is None:  # it did not matter so far
        held = held._replace(asking=asking._replace(owner=asking.owner._replace(place=place())))
    put, drop, unclear = settling.look(unended.runs, current, held.by_id, late)
    found = {**held.by_id, **{each.id: each for each in put}}
    held = held._replace(by_id={object_id: each for object_id, each in found.items() if object_id not in drop})
    return held, [each for each in unclear if each.head.run not in unended.at_work]


def pruned(request: Request, held: Holdings | None, visible: Index) -> frozenset[str]:
    """The workspaces that are read for the sake of what is to be deleted or taken over, or looked at, whether or not a manifest
    names them."""
    beside = (request.beside or frozenset()) & visible.by_name.keys()
    writes = request.prune or selection.ALL in request.take_over
    if held is None or not (writes or request.beside is not None):
        return beside
    homes, away = owners.homes(held, visible)
    if request.beside is not None:
        return homes | beside
    for workspace in away:
        done = "pruned" if request.prune else "taken over"
        request.warn(f"what this project applied in workspace {quote(workspace)} is not {done}: that is not visible")
    return homes


def pruning_of(request: Request, loaded: Loaded, held: Holdings | None) -> owners.Pruning | None:
    """What speaks against deleting what is declared no more: manifests that are there and were not read. Raises DeadlinePassed, and
    UsageError where nothing is recorded that could be deleted, though what is declared would be, had it been applied."""
    if held is None or not request.prune:
        return None
    _refuse_unapplied(request, loaded, held)
    project = request.project
    unread = _unread(project, held, loaded)
    ours = next((f for f in loaded.findings if f.rule == "GW108"), None)
    if ours is not None and ours.place is not None:
        named = quote(os.path.basename(ours.place.file))
        return owners.Pruning(None, f"{named} is a manifest by what it says (GW108)", unread)
    if project.given is not None:
        return owners.Pruning(None, None, unread)
    paths = manifest_paths(project, request.environment, ())
    return owners.Pruning(None, left_out(project, paths, Deadline(request.ends, request.clock)), unread)


def _refuse_unapplied(request: Request, loaded: Loaded, held: Holdings) -> None:
    """Raises UsageError where what is declared would be owned, had it been applied, and nothing is. Workspaces have no owner."""
    if request.allow_empty or request.continuous or any(held.ours()) or any(held.elsewhere()):
        return
    if any(not KINDS[manifest.kind].holds for manifest in loaded.desired.manifests):
        raise UsageError("--prune deletes only what this project applied before, and there is no record of that",
                         "apply first; objects applied from then on are recorded")  # fmt: skip


def _unread(project: Project, held: Holdings, loaded: Loaded) -> frozenset[str]:
    """The files that are there and were not read, of those that what is ours was last read from."""
    read = {file.path for file in loaded.files}
    files = {owned.file for owned in held.ours() if owned.file is not None}
    away = {file for file in files if os.path.normpath(project.folder / file) not in read}
    return frozenset(file for file in away if _stays(project, file))


def _stays(project: Project, file: str) -> bool:
    """Whether a file of the project is there, as far as it can be told."""
    if project.given is not None:
        return file in project.given
    return os.path.lexists(project.folder / file)
