"""The flow of a look at drift: a plan, and what is remembered of how its objects were applied. Reads, and only reads."""

from __future__ import annotations

from collections.abc import Callable

from gatectl.applying.drifted import differences, undeclared
from gatectl.documents.drift import FORMAT_VERSION, Drift, counted
from gatectl.documents.plans import is_invalid
from gatectl.errors import Invalid
from gatectl.platforms.interface import Connection
from gatectl.reconcile import flow
from gatectl.reconcile.request import Request


def look(request: Request, connect: Callable[[], Connection]) -> Drift:
    """Where declared, last applied and live differ. Raises Invalid for manifests with errors, and as a plan."""
    seen = flow.see(request._replace(beside=frozenset()), connect)
    plan, holdings = seen.plan, seen.holdings
    if is_invalid(plan):
        raise Invalid("the manifests have errors", "gatectl plan shows them")
    found = differences(plan["operations"], holdings)
    if seen.current is not None and not plan["selection"]["partial"]:
        declared = {pair.live.id for pair in seen.pairs if pair.live is not None}
        found += undeclared(declared, seen.current, holdings)
    remembered = holdings is not None and any(owned.state is not None for owned in holdings.by_id.values())
    return {
        "formatVersion": FORMAT_VERSION,
        "target": plan["target"],
        "source": {"commit": plan["source"]["commit"], "dirty": plan["source"]["dirty"]},
        "remembered": remembered,
        "summary": counted(found),
        "differences": found,
    }
