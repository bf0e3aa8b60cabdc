"""How an estate's platform is reached: whom one is, and whom one trusts. A program hands it over; a command has its own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from gatectl import opening, reconcile
from gatectl.network import trust
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, Shared
from gatectl.project import Environment, Project


class Way(Protocol):
    """How a platform is reached: whom one is, and whom one trusts."""

    def to(self, request: reconcile.Request, shared: Shared) -> Connection:
        """Raises UntrustedHost, MissingCredential."""

    def to_records(self, request: reconcile.Request, shared: Shared) -> Connection:
        """The way to what is remembered, where no credential for a platform elsewhere is needed. Raises as `to`."""


class GivenWay:
    """The way of a program: by what was handed to `open`."""

    def __init__(
        self, project: Project, environment: Environment, login: Credentials | None, hosts: Sequence[str], *,
        trust_env: bool, allowed: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._allowed = allowed
        self._project = project
        self._environment = environment
        self._login = login
        self._trusted, self._stores = trust.of_program(hosts, project.environ, project.folder, trust_env=trust_env)

    def to(self, request: reconcile.Request, shared: Shared) -> Connection:
        """Raises UntrustedHost, MissingCredential."""
        environment = request.environment
        connection = self._opened(request, shared)
        if not driver_for(environment.platform).admit(connection):
            return connection
        login = self._login or opening.credentials_of(self._project, environment)
        return connection._replace(credentials=login)

    def to_records(self, request: reconcile.Request, shared: Shared) -> Connection:
        """The way to the records: no credential for a platform elsewhere is asked for. Raises UntrustedHost."""
        of_platform = request.environment.platform.startswith("postgresql://")
        return self.to(request, shared) if of_platform else self._opened(request, shared)

    def _opened(self, request: reconcile.Request, shared: Shared) -> Connection:
        way = (self._project, request.environment, self._trusted, shared)
        opened = opening.way_to(*way, ends=request.ends, clock=request.clock, stores=self._stores)
        return opened._replace(allowed=self._allowed)
