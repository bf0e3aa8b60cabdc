"""The endpoints of whose leases count (`platforms.fencing`). The real platform has none of this: it is ours, for `gatectl lock adopt`."""

from __future__ import annotations

from typing import Final

from gatectl.errors import PlatformRefused
from gatectl.platforms.fencing import HEADER
from gatectl.server.endpoint import Answer, Call, Endpoint


def _list(call: Call) -> Answer:
    found = sorted(call.platform.heeded().items())
    said = [{"workspaceId": workspace, "store": each.store, "fence": each.number} for workspace, each in found]
    return Answer({"success": True, "fences": said})


def _adopt(call: Call) -> Answer:
    if call.fences is None:
        raise PlatformRefused(f"{HEADER} is required: it says whose leases are to count", platform_code="INVALID_FENCE")
    call.platform.adopt(call.fences)
    return Answer({"success": True})


ENDPOINTS: Final = (
    Endpoint(
        "GET", "/gatectl/fences", _list,
        "Whose leases count in each workspace, and the highest number that came. An empty workspaceId: the platform's own.",
        "Fences",
    ),
    Endpoint(
        "POST", "/gatectl/fences", _adopt,
        "From now on the leases of the store that Gatectl-Fence names count in its workspaces, whoever's did before.", "Done",
    ),
)  # fmt: skip
