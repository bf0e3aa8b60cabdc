"""What an apply comes to as an exit code (product.md, section 2). Pure.

It goes by what was sent, and not by what became of it: after one write was sent the code never says that nothing was
written (6, 9, 10, 8, 5, 1), however it was answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatectl import errors
from gatectl.model import Outcome

_CODES: Final[Mapping[str, int]] = {
    cls.code: cls.exit_code
    for cls in (
        errors.NotAuthenticated,
        errors.Forbidden,
        errors.Unreachable,
        errors.DeadlinePassed,
        errors.PlatformLocked,
        errors.LeaseLost,
        errors.OtherStore,
        errors.PreconditionFailed,
    )
}
"""Exit codes by the word that an outcome carries for its failure."""

_ORDER: Final = (errors.NOT_AUTHENTICATED, errors.UNREACHABLE, errors.LOCKED, errors.STALE)

FINE: Final = frozenset(("done", "already"))
"""The statuses of what is as it is wanted."""


def was_sent(outcomes: Sequence[Outcome]) -> bool:
    """Whether one write at least was sent, whatever became of it: `attempts` counts the writes that were."""
    return any(outcome.attempts for outcome in outcomes)


def exit_code(outcomes: Sequence[Outcome], *, converged: bool, interrupted: bool, waiting: bool = False) -> int:
    """The code of an apply that came as far as its operations. `waiting`: findings kept something from being among them."""
    if interrupted:
        return errors.INTERRUPTED
    if converged:
        return errors.DONE
    if was_sent(outcomes):
        return errors.PARTLY_APPLIED
    if waiting:
        return errors.INVALID
    found = {_CODES.get(outcome.error[0], errors.FAILED) for outcome in outcomes if outcome.error is not None}
    return next((code for code in _ORDER if code in found), errors.FAILED)
