"""What was undone, and what nothing was applied over since: read out of the history, for the reasons of a plan. Reads, and only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Final

from gatectl.applying.leading_back import written, wrote
from gatectl.applying.saved import as_receipt, checked
from gatectl.documents.operations import key_of
from gatectl.model import ObjectKey
from gatectl.planning.reasons import Undoing, Undone
from gatectl.platforms.interface import Connection, Reader
from gatectl.reconcile.request import Request
from gatectl.reconcile.scope import scope_of
from gatectl.records import read_history
from gatectl.records.interface import HistoryReader, Scope

_LOOKED_AT: Final = 20
"""How many runs are looked at: between an undo and the change of the manifests there are few."""


def undoing(request: Request, connection: Connection, reader: Reader) -> Undoing:
    """What says what was undone in this project and environment since something else was applied. Raises PlatformError."""

    def read() -> Mapping[ObjectKey, Undone]:
        with closing(read_history(connection, reader)) as history:
            scope = scope_of(request.project, request.environment, connection)
            found: dict[ObjectKey, Undone] = {}
            for run in _undos(history, scope):
                for key, undone in _done(history, scope, run):
                    found.setdefault(key, undone)
            return found

    return read


def _undos(history: HistoryReader, scope: Scope) -> Iterator[str]:
    """The newest runs, as far as they undid something."""
    for entry in islice(history.runs(scope), _LOOKED_AT):
        if not wrote(entry):
            continue
        if "undoes" not in entry:
            return
        yield entry["run"]


def _done(history: HistoryReader, scope: Scope, run: str) -> Iterator[tuple[ObjectKey, Undone]]:
    content = history.receipt(scope, run)
    receipt = as_receipt(checked(f"run {run}", content)) if content is not None else None
    for op, _ in written(receipt) if receipt is not None else ():
        yield key_of(op), Undone(run, op["action"], op["pre"]["hash"])
