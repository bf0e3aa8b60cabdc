"""Who holds a lease here, and whether a holder of this machine is still alive. Asks the machine, as far as it tells.

A number of a process says little: it is given again, and a container has numbers of its own. So a holder is dead only where host, boot
and namespace are the same, and there is no such process that began at that moment.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatectl.records.leases import Holder

_PROCESSES: Final = Path("/proc")
_OVER: Final = ("Z", "X", "x")
"""What a process is in that has ended, and that nobody has asked for how."""


def holder_of(user: str | None, host: str | None, run: str, url: str | None) -> Holder:
    """This process, which applies in a run, by a user on a host; `url` is that of a pipeline's job."""
    pid = os.getpid()
    boot = namespace = None
    with suppress(OSError):
        boot = (_PROCESSES / "sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink(_PROCESSES / "self/ns/pid")
    began = _began(pid)
    return Holder(user, host, boot, namespace, pid, began, run, url)


def is_dead(holder: Holder, here: Holder) -> bool:
    """Whether a holder has surely ended; `here` is this process."""
    place = (holder.host, holder.boot, holder.namespace)
    if None in (*place, holder.pid, holder.started, here.started) or place != (here.host, here.boot, here.namespace):
        return False
    return _began(holder.pid or 0) != holder.started


def _began(pid: int) -> int | None:
    """When a process of this machine began, in ticks since it was booted; None where there is none (any more)."""
    try:
        # The name of the program may hold anything; it ends with the last parenthesis.
        fields = (_PROCESSES / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return None if fields[0] in _OVER else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
