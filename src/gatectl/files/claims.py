"""A claim on a file, alone, that ends with the process that holds it, however it ends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gatectl.clock import Deadline
from gatectl.errors import DeadlinePassed

_PAUSE: Final = 0.02


class Claim:
    """A file that is claimed, until it is closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        os.close(self._descriptor)


def claim(path: Path, until: Deadline) -> Claim:
    """Claim a file, which is made where it is not, and wait for whoever has it. Raises OSError, DeadlinePassed."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _taken(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            if until.ends is not None and until.clock.now() >= until.ends:
                raise DeadlinePassed("the deadline passed while another process was waited for")
            until.clock.sleep(_PAUSE)
    except BaseException:
        os.close(descriptor)
        raise
    return Claim(descriptor)


def _taken(descriptor: int, how: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    return True
