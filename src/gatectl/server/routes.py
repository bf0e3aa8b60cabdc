"""Every endpoint, as one table. A new family is one module beside this one and one line here.

Where two paths fit a request, the earlier row has it: `/repo/validate` is no repository.
"""

from __future__ import annotations

from typing import Final

from gatectl.server import (
    accounts,
    apikeys,
    buckets,
    fences,
    llms,
    organizations,
    repositories,
    repository_keys,
    workspaces,
)
from gatectl.server.endpoint import Endpoint

NOT_OFFERED: Final = ("/repo/stats", "/bucket/stats", "/ai/llm/stats")
"""Static names under the same prefix as ids (platform-contract.md, section 8.2.4). Nothing flows through here that could be
counted, so they are 404, as whatever else of the platform is not here."""

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *accounts.ENDPOINTS,
    *organizations.ENDPOINTS,
    *workspaces.ENDPOINTS,
    *buckets.ENDPOINTS,
    *repositories.ENDPOINTS,
    *repository_keys.ENDPOINTS,
    *llms.ENDPOINTS,
    *apikeys.ENDPOINTS,
    *fences.ENDPOINTS,
)
