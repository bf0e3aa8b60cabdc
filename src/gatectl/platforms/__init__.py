"""The platforms, as a table: how a target's name begins decides who speaks to it.

A new platform is one module (or folder) beside this one and one line in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from gatectl.errors import UsageError
from gatectl.platforms.interface import Connection, Heeding, Reader, Writer
from gatectl.project import Environment
from gatectl.quote import quote


class Driver(NamedTuple):
    """A platform's module, imported when it is used; it has `admit`, `open_reader`, `open_writer` and, where it
    is `writable`, `open_heeding`, each from a Connection.

    `default_workspace` is the one of manifests that name none, where it is known without asking (None: it is not).
    `writable` says that something can be applied to it at all, `consistency` how many seconds its lists may lag behind what
    was written where nobody says otherwise. `offered`: somebody may name it, on the command line or in a project file. `records`
    is the store, of `records.STORES`, in which it is remembered who applied what to it, unless somebody says otherwise.
    """

    name: str
    module: str
    default_workspace: str | None
    writable: bool = True
    consistency: float = 0.0
    offered: bool = True
    records: str = "platform"

    def admit(self, connection: Connection) -> bool:
        """Whether credentials may be sent to the target; asks nobody. Raises UntrustedHost, as opening it would."""
        admitted: bool = self._call("admit", connection)
        return admitted

    def remark(self, connection: Connection) -> str | None:
        """What is worth a word about how the target is reached."""
        function = getattr(import_module(self.module), "remark", None)
        said: str | None = function(connection) if function is not None else None
        return said

    def open_reader(self, connection: Connection) -> Reader:
        reader: Reader = self._call("open_reader", connection)
        return reader

    def open_writer(self, connection: Connection) -> Writer:
        writer: Writer = self._call("open_writer", connection)
        return writer

    def open_heeding(self, connection: Connection) -> Heeding:
        """What the target goes by, of the numbers of leases. Raises Unsupported, PlatformError."""
        heeding: Heeding = self._call("open_heeding", connection)
        return heeding

    def _call(self, name: str, connection: Connection) -> Any:
        function: Callable[[Connection], Any] = getattr(import_module(self.module), name)
        return function(connection)


PLATFORMS: Final[Mapping[str, Driver]] = {
    "embedded": Driver("embedded", "gatectl.platforms.embedded", "default"),
    "sqlite://": Driver("sqlite", "gatectl.platforms.embedded", "default"),
    "postgresql://": Driver("postgresql", "gatectl.platforms.embedded", "default"),
    "https://": Driver("flashback", "gatectl.platforms.flashback", None, consistency=10.0, records="sqlite"),
    "http://": Driver("flashback", "gatectl.platforms.flashback", None, consistency=10.0, records="sqlite"),
    "memory": Driver("memory", "gatectl.platforms.embedded", "default", offered=False),
    "snapshot://": Driver("snapshot", "gatectl.platforms.snapshot", None, writable=False, records="snapshot"),
}


def driver_for(target: str) -> Driver:
    """The driver of a target. Raises UsageError for a target that none of them speaks to."""
    for prefix, driver in PLATFORMS.items():
        if target == prefix or (prefix.endswith("://") and target.startswith(prefix)):
            return driver
    raise UsageError(
        f"no platform is called '{quote(target.partition('://')[0])}'",
        "embedded, sqlite:///path, postgresql://… or https://…",
    )


def default_workspace_of(environment: Environment) -> str | None:
    """The workspace of manifests that name none, as far as it is known without asking the platform."""
    return environment.workspace or driver_for(environment.platform).default_workspace
