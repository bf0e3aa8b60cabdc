"""The flow of a look at drift: a plan, and what is remembered of how its objects were applied. Reads, and only reads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from gatectl.applying.drifted import differences
from gatectl.documents.drift import FORMAT_VERSION, Drift, counted
from gatectl.documents.plans import is_invalid
from gatectl.errors import Invalid
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection
from gatectl.reconcile import asking, flow
from gatectl.reconcile.request import Request
from gatectl.records import read_records


def look(request: Request, connect: Callable[[], Connection]) -> Drift:
    """Where declared, last applied and live differ. Raises Invalid for manifests with errors, and as a plan."""
    plan = flow.work_out(request, connect)
    if is_invalid(plan):
        raise Invalid("the manifests have errors", "gatectl plan shows them")
    connection = connect()
    reader = driver_for(request.environment.platform).open_reader(connection)
    with closing(reader), closing(read_records(connection, reader)) as records:
        holdings = asking.holdings_of(request, records, asking.place_of(request, connection))
    found = differences(plan["operations"], holdings)
    remembered = holdings is not None and any(owned.state is not None for owned in holdings.by_id.values())
    return {
        "formatVersion": FORMAT_VERSION,
        "target": plan["target"],
        "source": {"commit": plan["source"]["commit"], "dirty": plan["source"]["dirty"]},
        "remembered": remembered,
        "summary": counted(found),
        "differences": found,
    }
