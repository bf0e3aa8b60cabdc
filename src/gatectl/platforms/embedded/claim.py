"""A claim on a database, that ends with the process that holds it, however it ends.

An apply is many transactions, and between two of them nobody may bring the database to another schema: so an apply shares the claim
with other applies, and who migrates has it alone. An older gatectl applies with the claim alone too. Which of two applies comes first
is told by leases. Nothing else needs the claim: readers, `gatectl serve` and whoever talks to it go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gatectl.clock import CLOCK, Clock
from gatectl.errors import PlatformLocked
from gatectl.quote import quote

PATIENCE: Final = 10.0
"""Seconds to wait for somebody else's claim (product.md, section 2: exit code 8)."""

_PAUSE: Final = 0.05

Release = Callable[[], None]


def wait_for(attempt: Callable[[], bool], place: str, patience: float = PATIENCE, clock: Clock = CLOCK) -> None:
    """Try until it succeeds. Raises PlatformLocked when patience is at its end."""
    ends = clock.now() + patience
    while not attempt():
        if clock.now() >= ends:
            raise PlatformLocked(
                f"another apply is writing to {quote(place)} (waited for {patience:.0f} s)",
                "wait until it is done, then try again",
            )
        clock.sleep(_PAUSE)


def claim_file(
    path: Path, place: str, patience: float = PATIENCE, clock: Clock = CLOCK, *, shared: bool = False
) -> Release:
    """Claim a file, alone or with others who share it; the kernel lets go of it when the process ends, killed or not."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - no such locks on Windows; there the transactions have to do
        return lambda: None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def attempt() -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        wait_for(attempt, place, patience, clock)
    except BaseException:
        os.close(descriptor)
        raise
    return lambda: os.close(descriptor)
