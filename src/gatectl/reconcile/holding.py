"""What an apply is held to before its first write: the guardrails of its environment, and what an operator allows this once."""

from __future__ import annotations

from contextlib import closing

from gatectl.applying import guardrails
from gatectl.documents.limits import Extent, extent_of
from gatectl.documents.plans import Plan
from gatectl.platforms.interface import Connection, Reader
from gatectl.reconcile import asking, measuring
from gatectl.reconcile.looking_back import Before, head_of, older
from gatectl.reconcile.request import Request
from gatectl.records import read_records


def hold(request: Request, plan: Plan, extent: Extent, *, begun: bool = False) -> None:
    """Raises GuardrailRefused. `extent`: what percentages are of; `begun`: something was written already, and windows are for what
    begins."""
    environment, allowed = request.environment, request.allowed
    guardrails.hold_to_project(plan, request.changed, allowed)
    guardrails.hold_to_commit(plan, allowed)
    guardrails.hold_to_protection(plan, environment.guardrails.protect)
    guardrails.hold_to_limits(plan, environment, allowed, extent)
    if plan["operations"] and not begun:
        now = request.clock.moment()
        guardrails.hold_to_windows(environment.guardrails.windows, environment.name, now, allowed)


class Hold:
    """What holds one apply back. `saved`: its plan comes from elsewhere, so nothing is believed that it says of its guardrails."""

    def __init__(
        self, request: Request, connection: Connection, reader: Reader, before: Before, *, saved: bool
    ) -> None:
        self._request = request
        self._before = before
        self._connection = connection
        self._reader = reader
        self._saved = saved

    def on(self, plan: Plan, *, begun: bool = False) -> None:
        """Raises as `hold`."""
        if not begun and guardrails.destroys(plan) and "older" not in self._request.allowed.words:
            commits = {plan["source"]["commit"], head_of(self._request)} if self._saved else {plan["source"]["commit"]}
            found = [told for commit in commits if (told := older(self._request, commit, self._before)) is not None]
            plan = {**plan, "older": found[0]} if found else plan
        hold(self._request, plan, self._extent(plan), begun=begun)

    def _extent(self, plan: Plan) -> Extent:
        """What the percentages of guardrails are of: of a saved plan what is ours, and where that is not enough, what is declared."""
        request = self._request
        if not self._saved:
            return extent_of(plan.get("guardrails"))
        if not request.environment.guardrails.is_of_all:
            return Extent()
        with closing(read_records(self._connection, self._reader)) as records:
            here = asking.place_of(request, self._connection)
            owned = measuring.owned(asking.holdings_of(request._replace(prune=False), records, here))
        if guardrails.exceeded(plan, request.environment.guardrails, request.allowed, owned) is None:
            return owned
        return owned.larger(measuring.declared_now(request))
