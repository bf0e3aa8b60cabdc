"""The flow of a plan that proves what was asked for its sake: the plan, and with it every request that left (`documents.proofs`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Lock

from gatectl.documents.plans import Plan, with_proof
from gatectl.documents.proofs import Effect, Proof, Whom, proof_of
from gatectl.platforms.interface import Connection
from gatectl.reconcile import flow
from gatectl.reconcile.request import Request


class _Ledger:
    """Counts requests, from whatever thread they are sent."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._counts: Counter[tuple[Whom, Effect, str, str]] = Counter()

    def note(self, whom: Whom, effect: Effect, method: str, path: str) -> None:
        with self._turn:
            self._counts[whom, effect, method, path] += 1

    def proof(self) -> Proof:
        with self._turn:
            counts = dict(self._counts)
        return proof_of([
            {"whom": whom, "effect": effect, "method": method, "path": path, "count": number}
            for (whom, effect, method, path), number in counts.items()
        ])  # fmt: skip


def work_out(request: Request, connect: Callable[[], Connection]) -> Plan:
    """The plan of a request, with what was sent to the platform and the records while it was worked out. Raises as `flow.work_out`."""
    ledger = _Ledger()
    plan = flow.work_out(request, lambda: connect()._replace(sent=ledger.note))
    return with_proof(plan, ledger.proof())
