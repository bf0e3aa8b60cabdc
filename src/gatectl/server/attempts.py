"""How often somebody may fail to log in: by address, so that passwords cannot be tried one after the other. Pure but for its clock.

Whoever fails too often has to wait, also with the right password: otherwise it would be no limit. The networks of IPv6 count as
one address each, since one machine has as many addresses as it likes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from math import ceil
from threading import Lock
from typing import Final

from gatectl.errors import PlatformRefused

MOST: Final = 10
WINDOW: Final = 60.0
"""Failures, in how many seconds."""
_REMEMBERED: Final = 10_000
"""Addresses that are remembered; beyond that the one that failed longest ago is forgotten."""


class Attempts:
    """The failures of the last minute. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._turn = Lock()

    def check(self, peer: str) -> None:
        """Raises PlatformRefused (429) for an address that has failed too often."""
        with self._turn:
            recent = self._recent(_network(peer))
            if len(recent) >= MOST:
                wait = ceil(recent[0] + WINDOW - self._clock())
                message = f"too many failed logins from this address: try again in {max(1, wait)} s"
                raise PlatformRefused(message, platform_code="TOO_MANY_ATTEMPTS", status=429)

    def failed(self, peer: str) -> None:
        with self._turn:
            network = _network(peer)
            recent = self._recent(network)
            recent.append(self._clock())
            self._failures[network] = recent
            self._failures.move_to_end(network)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def _recent(self, network: str) -> deque[float]:
        recent = self._failures.get(network, deque(maxlen=MOST))
        while recent and recent[0] <= self._clock() - WINDOW:
            recent.popleft()
        return recent


def _network(peer: str) -> str:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
