"""Whose the objects of a platform are to a request: what is remembered, seen from the place that it is made from."""

from __future__ import annotations

from collections.abc import Callable

from gatectl import scope
from gatectl.documents.ownership import Asking, Holdings, Owner, holdings
from gatectl.errors import UsageError
from gatectl.planning import owners
from gatectl.planning.current import Index
from gatectl.platforms.interface import Connection
from gatectl.quote import quote
from gatectl.records.interface import RecordsReader
from gatectl.request import Request

Place = Callable[[], str | None]
"""Says where a project is applied from; None: nowhere that could be told elsewhere."""


def nowhere() -> None:
    """No place that could be told elsewhere."""


def place_of(request: Request, connection: Connection) -> Place:
    """What says where the project is applied from, asked only where something depends on it."""
    return lambda: scope.place_of(request.project, connection)


def holdings_of(request: Request, records: RecordsReader, place: Place) -> Holdings | None:
    """Whose the objects of the platform are, as this request sees it; None: nothing of that is remembered.

    Raises UsageError where something is to be pruned, and it is not known what.
    """
    owned = records.owned()
    if owned is None:
        if request.prune:
            raise UsageError("--prune deletes only what this project applied before, and this platform keeps no record of that",
                             "remove on the platform itself what is declared no more")  # fmt: skip
        return None
    owned = list(owned)
    project = request.project
    here = place() if owned or request.prune else None
    asking = Owner(project.name, project.uid, request.environment.name, here)
    found = holdings(Asking(asking), owned)
    if request.prune and (asking.unnamed or not asking.known) and request.environment.platform != "memory":
        raise UsageError("--prune deletes only what this project owns, and nothing tells this project from others of its name",
                         "give it a project file with a uid of its own: gatectl init writes one")  # fmt: skip
    if request.prune and next(found.ours(), None) is None and next(found.elsewhere(), None) is None:
        raise UsageError("--prune deletes only what this project applied before, and there is no record of that",
                         "apply first; objects applied from then on are recorded")  # fmt: skip
    return found


def pruned(request: Request, held: Holdings | None, visible: Index) -> frozenset[str]:
    """The workspaces that are read for the sake of what is to be deleted, whether or not a manifest names them."""
    if held is None or not request.prune:
        return frozenset()
    homes, away = owners.homes(held, visible)
    for workspace in away:
        request.warn(f"what this project applied in workspace {quote(workspace)} is not pruned: that is not visible")
    return homes
