"""The history of an environment for people: a line a run. Pure."""

from __future__ import annotations

from typing import Final

from gatectl.documents.history import Entry, History
from gatectl.documents.receipts import user_at_host
from gatectl.quote import quote, safe
from gatectl.render import outcomes
from gatectl.render.interface import Look
from gatectl.render.rows import aligned, moment

_WIDEST = 28
"""Columns of who it was, at most."""


def table(document: History, look: Look) -> str:
    """The runs, one a line: which, when it began, by whom, of which commit, and what was done."""
    runs = document["runs"]
    where = quote(document["records"])
    if not runs:
        return f"No runs of environment {quote(document['environment'])} in {where}."
    rows = [("RUN", "BEGAN", "BY", "COMMIT", "DID"), *(_row(entry) for entry in runs)]
    lines = aligned(rows)
    if document["more"]:
        lines.append(f"… and older ones (--limit); from {where}")
    return "\n".join(lines)


def _row(entry: Entry) -> tuple[str, str, str, str, str]:
    source = entry["source"]
    commit = safe((source["commit"] or "none")[:12]) + ("+" if source["dirty"] else "")
    undone = f"undo of {quote(entry['undoes'])}: " if entry.get("undoes") else ""
    return entry["run"], moment(entry["startedAt"]), quote(who(entry), _WIDEST), commit, f"{undone}{did(entry)}"


def who(entry: Entry) -> str:
    """Who started a run, as it said of itself: user@host."""
    actor = entry["actor"]
    return user_at_host(actor["user"], actor["host"]) or "unknown"


WORDS: Final = {"takeOver": "take over"}
"""What is counted and is no word."""


def did(entry: Entry) -> str:
    """What was planned, what of it was not done, and what was allowed for that once."""
    allowed = outcomes.allowed(entry["overrides"])
    return _was_done(entry) + (f"; allowed {allowed}" if allowed is not None else "")


def _was_done(entry: Entry) -> str:
    planned = [f"{WORDS.get(name) or safe(name)} {number:,}" for name, number in entry["changes"].items() if number]
    words = ", ".join(planned) or "nothing to do"
    if entry["converged"]:
        return words
    left = left_over(entry)
    return f"{words}; not converged" + (f": {left}" if left else "")


def left_over(entry: Entry) -> str:
    """What of a run is not as it was wanted, counted: "2 failed, 1 blocked"."""
    return ", ".join(
        f"{number:,} {safe(name)}"
        for name, number in entry["summary"].items()
        if number and name not in ("done", "already")
    )
