"""The endpoint of the organization (platform-contract.md, sections 1.1 and 3.10). There is one, and it is the database's own."""

from __future__ import annotations

from typing import Final

from gatectl.errors import PlatformRefused
from gatectl.server.endpoint import Answer, Call, Endpoint


def _get(call: Call) -> Answer:
    organization = call.platform.instance
    if call.path["orgId"] != organization:
        raise PlatformRefused("this is another organization's", status=403)
    data = {
        "id": organization,
        "name": "rehearsal",
        "domain": "",
        "reposDisabled": False,
        "is_business": False,
        "mfaEnforced": False,
    }
    return Answer({"success": True, "data": data})


ENDPOINTS: Final = (
    Endpoint(
        "GET", "/organization/{orgId}", _get, "The organization of whoever is asking.", "Organization", "organization"
    ),
)
