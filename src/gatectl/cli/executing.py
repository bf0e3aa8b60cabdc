"""Carrying out an execution in a thread of its own, so that signals reach this one and nothing that hangs holds it up.

Who waits here goes by the watch: without a signal until all is done; after one for as long as the watch is patient. Then
the execution is left as it stands (what was sent and not answered is `unknown`), and the process must end without its thread.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from gatectl.applying.execute import Execution
from gatectl.model import Outcome
from gatectl.signals import Watch

_GLANCE = 0.1
"""Seconds between two looks at the watch."""


def carry_out(execution: Execution, watch: Watch) -> tuple[Sequence[Outcome], bool]:
    """The outcomes, and whether all reads back as wanted. Raises what `Execution.carry_out` raises."""
    found: list[tuple[Sequence[Outcome], bool]] = []
    raised: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            found.append(execution.carry_out())
        except BaseException as error:
            raised.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="gatectl-apply", daemon=True).start()
    while not done.wait(_GLANCE):
        if watch.patience(unanswered=execution.unanswered()) <= 0:
            watch.abandoned = True
            return execution.abandon(), False
    if raised:
        raise raised[0]
    return found[0]
