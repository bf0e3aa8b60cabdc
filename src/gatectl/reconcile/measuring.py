"""How much there is of what a project owns and declares: what the percentages of its guardrails are of."""

from __future__ import annotations

from collections.abc import Sequence

from gatectl.documents import limits
from gatectl.documents.limits import Extent
from gatectl.documents.ownership import Holdings
from gatectl.documents.plans import Remarks
from gatectl.kinds import KINDS
from gatectl.manifests.loading import manifest_paths
from gatectl.manifests.sources import STANDARD_INPUT
from gatectl.model import Change, Desired
from gatectl.platforms import default_workspace_of
from gatectl.reconcile.request import Request, load


def owned(holdings: Holdings | None) -> Extent:
    """What is ours, as it was applied last."""
    if holdings is None:
        return Extent()
    states = [each.state for each in holdings.ours() if not each.kind or not KINDS[each.kind].holds]
    return Extent(len(states), sum(len(state.get("attachments", ())) for state in states if state is not None))


def declared(wanted: Desired) -> Extent:
    """What the manifests declare."""
    manifests = [manifest for manifest in wanted.manifests if not KINDS[manifest.kind].holds]
    return Extent(len(manifests), sum(len(manifest.entries or ()) for manifest in manifests))


def declared_now(request: Request) -> Extent:
    """What the manifests of a request declare now; of standard input, which is read once, nothing is known."""
    if STANDARD_INPUT in request.paths:
        return Extent()
    paths = manifest_paths(request.project, request.environment, request.paths)
    return declared(load(request, paths, default_workspace_of(request.environment)).desired)


def guarded(request: Request, arranged: Sequence[tuple[Change, tuple[str, ...]]], extent: Extent) -> Remarks:
    """What a plan says of its guardrails, by what it does; nothing where there are none."""
    counts = limits.count((change.action, len(change.detach)) for change, _ in arranged)
    found = limits.shown(request.environment.guardrails, counts, extent)
    return {} if found is None else {"guardrails": found}
