"""What was really asked of a platform and of what is remembered while a plan was made: `gatectl plan --proof`. Pure.

It is measured where requests leave, and is no part of what a plan approves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypedDict

Whom = Literal["platform", "records"]
"""Who was asked: the platform (and what its own database remembers), or a store of records of its own."""

Effect = Literal["read", "session", "write"]
"""What a request can do: `read` changes nothing, `session` signs in, or begins, sets up or ends a connection's work; `write` is
all the rest."""


class Sent(TypedDict):
    """Equal requests. `method` is the verb of HTTP, of SQL, or GET, LIST, PUT and DELETE of an object store; `path` the path without
    its query, the tables, or the key."""

    whom: Whom
    effect: Effect
    method: str
    path: str
    count: int


class Proof(TypedDict):
    """All that was sent, and how much of it was of each effect."""

    reads: int
    sessions: int
    writes: int
    requests: Sequence[Sent]


def proof_of(sent: Sequence[Sent]) -> Proof:
    """The proof of what was sent."""
    counts = {effect: sum(each["count"] for each in sent if each["effect"] == effect) for effect in _EFFECTS}
    ordered = sorted(sent, key=lambda each: (each["whom"], each["effect"], each["path"], each["method"]))
    return {"reads": counts["read"], "sessions": counts["session"], "writes": counts["write"], "requests": ordered}


_EFFECTS: Final[tuple[Effect, ...]] = ("read", "session", "write")


def effect_of_request(method: str, *, signs_in: bool) -> Effect:
    """What a request over HTTP, or to an object store, can do."""
    if method in ("GET", "HEAD", "LIST", "OPTIONS"):
        return "read"
    return "session" if signs_in else "write"
