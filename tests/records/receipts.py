"""Receipts of runs that never were: whole, and as an apply writes them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from gatectl.applying.receipt import Actor, Run, make_receipt, run_id
from gatectl.documents.receipts import Receipt


def run_of(
    number: int,
    month: int = 1,
    *,
    project: str = "site",
    uid: str | None = None,
    environment: str = "default",
    words: int = 0,
) -> Receipt:
    """The receipt of a run; the higher the number, the later in its month."""
    moment = datetime(2026, month, 2, tzinfo=UTC) + timedelta(minutes=number)
    plan = _plan()
    plan["target"] = {
        "driver": "flashback", "url": "https://gateway.example", "instance": "o-1", "workspaces": ["default"],
        "project": {"name": project, "uid": uid}, "environment": environment, "wire": {},
    }  # fmt: skip
    if words:
        plan["unmanaged"] = [
            {"kind": "Bucket", "workspace": None, "name": secrets.token_hex(500)} for _ in range(words)
        ]
    run = Run(run_id(moment, number.to_bytes(4, "big")), moment, Actor("ann", "desk"), "0")
    return make_receipt(plan, [], run, moment, converged=True)


def _plan() -> Any:
    from gatectl.documents.plans import signed

    return dict(signed({
        "formatVersion": "1.1", "target": {"driver": "", "url": "", "instance": None, "workspaces": []},
        "selection": {"paths": [], "selector": None, "targets": [], "since": None, "partial": False},
        "source": {"commit": "0" * 40, "dirty": False, "inputs": []},
        "summary": {"create": 1, "update": 0, "delete": 0, "adopt": 0, "unchanged": 2, "attach": 0, "detach": 0, "unmanaged": 0},
        "operations": [], "adopts": [], "kept": [], "unmanaged": [], "diagnostics": [],
    }))  # fmt: skip
