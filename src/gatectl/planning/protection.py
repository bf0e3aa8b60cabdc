"""What is protected is neither deleted nor detached from (GW508): what the environment's guardrails name, what its manifest says of
itself, and what one said until one apply has said otherwise. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gatectl.documents.limits import protecting
from gatectl.documents.ownership import Holdings
from gatectl.model import Change, Finding, Spot
from gatectl.quote import quote


def check_protection(
    changes: Iterable[Change], holdings: Holdings | None, patterns: tuple[str, ...]
) -> Iterator[Finding]:
    """GW508 for each of these changes that deletes what is protected, or detaches from it."""
    for change in changes:
        if change.action == "delete" or change.detach:
            why = _protected(change, holdings, patterns)
            if why is not None:
                what = "is to be deleted" if change.action == "delete" else "is to be detached from"
                spot = Spot(change.document, ("metadata", "name")) if change.document is not None else None
                yield Finding(
                    "GW508", f"{change.key} {what}, and is protected: {why[0]}", why[1], spot=spot, subject=change.key
                )


def _protected(change: Change, holdings: Holdings | None, patterns: tuple[str, ...]) -> tuple[str, str] | None:
    """Why an object is protected, and how that ends; None: it is not."""
    pattern = protecting(patterns, change.key.kind, change.key.name)
    if pattern is not None:
        return (
            f"guardrails.protect says '{quote(pattern)}'",
            "take that out of the project file, and apply the change of the project file first (--allow project)",
        )
    if change.protect:
        return "its manifest says so", "say metadata.protect: false, and apply that first"
    owned = holdings.by_id.get(change.id) if holdings is not None and change.id is not None else None
    if owned is not None and owned.protected:
        return "its manifest said so when it was applied last", "say metadata.protect: false, and apply that first"
    return None
