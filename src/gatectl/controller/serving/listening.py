"""The controller listens: on one address, in threads of its own, for as long as its process lives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

from gatectl.controller.acts import Desk
from gatectl.controller.remote import token_of
from gatectl.controller.serving.answering import Settings, Site
from gatectl.controller.serving.application import Application
from gatectl.controller.serving.entering import METRICS_TOKEN, TOKEN, Entrance, doors
from gatectl.errors import UsageError
from gatectl.network.addresses import is_loopback
from gatectl.quote import quote
from gatectl.server.hosting import Address, Log, Standing, bind, configured, silence

__all__ = ["PORT", "Address", "Log", "Settings", "Web", "check", "serve"]

PORT: Final = 8474
_WORKERS: Final = 4
_SHORTEST: Final = 16


class Web:
    """What listens, until it is closed. `url` is where."""

    def __init__(self, desk: Desk, address: Address, settings: Settings) -> None:
        check(desk, address, settings)
        assert desk.key is not None
        fleet = desk.fleet
        tokens = token_of(settings.environ), token_of(settings.environ, METRICS_TOKEN)
        entrance = Entrance(doors(*tokens, fleet.trusted_proxies, fleet.user_header, desk.key), settings.clock.wall)
        site = Site(desk, entrance, settings)
        silence()
        bound = bind(address, "choose another --listen")
        self._stopping = Event()
        self._executor = ThreadPoolExecutor(_WORKERS, "web")
        application = Application(site, self._executor, self._stopping)
        self._standing = Standing(configured(application, settings.log), bound, "gatectl-web")
        self.url = self._standing.url
        settings.log.info(f"listening on {quote(self.url)}")

    @property
    def alive(self) -> bool:
        """Whether it still listens."""
        return self._standing.alive

    def close(self) -> None:
        """End it; what it is answering is answered, within a few seconds."""
        self._stopping.set()
        self._standing.close()
        self._executor.shutdown(wait=False, cancel_futures=True)


def serve(desk: Desk, address: Address, settings: Settings) -> Web:
    """Listen from now on. The desk has the controller's key.

    Raises UsageError for an address that others can reach while nobody said who is let in, and for a token that could be guessed;
    InputError where the address cannot be had, or where a webhook has a path of ours.
    """
    return Web(desk, address, settings)


def check(desk: Desk, address: Address, settings: Settings) -> None:
    """Whether it may listen there. Raises UsageError."""
    for variable in (TOKEN, METRICS_TOKEN):
        token = token_of(settings.environ, variable)
        if token is not None and len(token) < _SHORTEST:
            raise UsageError(
                f"{variable} is no token that keeps anybody out",
                f"{_SHORTEST} characters at least: openssl rand -hex 32",
            )
    if not is_loopback(address.host) and token_of(settings.environ) is None and not desk.fleet.trusted_proxies:
        raise UsageError(
            f"{quote(address.host)} can be reached from other machines, and nobody said who is let in",
            f"set {TOKEN}, or spec.trustedProxies and spec.userHeader in the fleet file",
        )
