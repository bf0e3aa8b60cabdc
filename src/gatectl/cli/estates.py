"""The estate that a command is about: what a command does, it does through the library (product.md, section 10)."""

from __future__ import annotations

from gatectl import clock
from gatectl.api import Estate
from gatectl.cli.options import connection_of, records_way
from gatectl.platforms.interface import Connection, Shared
from gatectl.project import Environment, Project
from gatectl.reconcile import Request


class CommandWay:
    """The way of a command to its platform: by the variables of the process, and whoever sits at the terminal is asked, once."""

    def __init__(self, parallelism: int | None = None) -> None:
        self._parallelism = parallelism
        self._known: dict[str, Connection] = {}

    def to(self, request: Request, shared: Shared) -> Connection:
        """Raises MissingCredential, UntrustedHost. What it opens is the whole command's, and not `shared`."""
        target = request.environment.platform
        if target not in self._known:
            self._known[target] = connection_of(request.project, request.environment, self._parallelism, request.ends)
        return self._known[target]

    def to_records(self, request: Request, shared: Shared) -> Connection:
        """Raises UntrustedHost, UntrustedStore."""
        return records_way(request.project, request.environment, request.ends)


def estate_of(project: Project, environment: Environment, parallelism: int | None = None) -> Estate:
    """The estate that a command is about."""
    return Estate(project, environment, CommandWay(parallelism), clock=clock.current())
