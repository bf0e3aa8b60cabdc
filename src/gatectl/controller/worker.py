"""What one process of a controller works with: the fleet, the tables, the mirrors of this machine, the key, and itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gatectl.clock import CLOCK, Clock
from gatectl.controller.aliveness import Aliveness
from gatectl.controller.approvals import Approvals
from gatectl.controller.measures import Measures
from gatectl.controller.mirrored import Mirrored
from gatectl.controller.opening import Operator
from gatectl.controller.purses import Purses
from gatectl.controller.repositories import Repositories
from gatectl.controller.store import Store

Told = Callable[[str, Mapping[str, object]], None]
"""What happened, and what of it is worth a line."""


class Worker(NamedTuple):
    """A process at work. `id` is what the tables call it, of all that there ever were."""

    id: str
    operator: Operator
    store: Store
    repositories: Repositories
    approvals: Approvals
    mirrored: Mirrored
    purses: Purses
    key: bytes
    alive: Aliveness
    tell: Told
    measures: Measures
    clock: Clock = CLOCK
