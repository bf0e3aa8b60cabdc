"""How long a connection may take to say what it wants, and how much of it: uvicorn has no such limits.

A request whose head does not come in ten seconds, or whose body does not come within a minute more, holds a connection for nothing
(and many of them, the whole server); so does a head that has no end. Such a connection is closed. How long an answer takes is
nobody's business here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 60.0
LARGEST_HEAD: Final = 64 * 1024
CONNECTIONS: Final = 1_000
"""Connections at once; further ones are answered with 503."""


def patient(
    base: Any, head_seconds: float = HEAD_SECONDS, body_seconds: float = BODY_SECONDS
) -> type[asyncio.Protocol]:
    """uvicorn's protocol, or a subclass of it, with an end to its patience."""
    made: type[asyncio.Protocol] = type(
        "PatientProtocol", (_Patient, base), {"patience": {"head": head_seconds, "body": body_seconds}}
    )
    return made


class _Patient(asyncio.Protocol):
    """Before uvicorn's protocol in the order of classes. `cycle` is its word for the newest request, whole head or none."""

    patience: Mapping[str, float]
    cycle: Any
    transport: Any
    loop: Any

    _timer: asyncio.TimerHandle | None = None
    _waits_for = ""
    _size = 0
    _before: Any = None
    """The request that was there when the one that is waited for began."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wait_for("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for("")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waits_for == "":  # the first bytes of another request
            self._wait_for("head")
        self._size += len(data)
        super().data_received(data)
        stage = self._stage()
        if stage == "head" and self._size > LARGEST_HEAD:
            self._give_up()
        self._wait_for(stage)

    def _stage(self) -> str:
        """What is still to come of the request that is under way: "head", "body", or "" where it is whole."""
        if self._waits_for == "head" and self.cycle is self._before:
            return "head"
        return "body" if self.cycle.more_body else ""

    def _wait_for(self, stage: str) -> None:
        if stage == self._waits_for:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waits_for, self._size, self._before = stage, 0, self.cycle
        if stage:
            self._timer = self.loop.call_later(self.patience[stage], self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
