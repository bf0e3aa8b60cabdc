"""The stores of records, as a table: where it is kept which project applied what, and what its runs were.

Law: a platform's row says where it is remembered what was applied to it (`platforms.Driver.records`): that is opened after the
platform, and is given its reader or writer, since a platform that is a database is its own store, and one connection serves
both. The history is in the store that the environment names (`chosen.choose`), and is opened by itself.

A new store is one module beside this one and one line in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.chosen import Chosen, choose
from gatectl.records.interface import History, HistoryReader, Records, RecordsReader
from gatectl.records.leases import Leases, LeasesReader

STORES: Final[Mapping[str, str]] = {
    "platform": "gatectl.records.platform",
    "snapshot": "gatectl.records.snapshot",
    "none": "gatectl.records.nothing",
}
"""The module of each store of what was applied, imported when it is used; it has `read_records` and `open_records`."""

HISTORIES: Final[Mapping[str, str]] = {
    "platform": "gatectl.records.platform",
    "none": "gatectl.records.nothing",
    "sqlite": "gatectl.records.database",
    "postgresql": "gatectl.records.database",
    "s3": "gatectl.records.objects",
    "gs": "gatectl.records.objects",
    "az": "gatectl.records.objects",
}
"""The module of each store of histories, by its scheme, imported when it is used; it has `read_history` and `open_history`."""


def read_records(connection: Connection, reader: Reader) -> RecordsReader:
    """What is remembered of the platform that this reader reads. Creates nothing. Raises PlatformError."""
    records: RecordsReader = import_module(_store_of(connection)).read_records(connection, reader)
    return records


def open_records(connection: Connection, writer: Writer) -> Records:
    """The store in which it is remembered what this writer does. Raises PlatformError."""
    records: Records = import_module(_store_of(connection)).open_records(connection, writer)
    return records


def read_history(connection: Connection) -> HistoryReader:
    """The runs on a platform. Creates nothing. Raises UntrustedStore, PlatformError, UsageError."""
    chosen = choose(connection)
    history: HistoryReader = import_module(HISTORIES[chosen.scheme]).read_history(connection, chosen)
    return history


def open_history(connection: Connection) -> History:
    """The store that the runs on a platform are added to; created where there is none. Raises as `read_history`."""
    chosen = choose(connection)
    history: History = import_module(HISTORIES[chosen.scheme]).open_history(connection, chosen)
    return history


def read_leases(connection: Connection) -> LeasesReader:
    """The leases of a platform and its workspaces. Creates nothing. Raises as `read_history`."""
    module, chosen = _leases_of(connection)
    leases: LeasesReader = import_module(module).read_leases(connection, chosen)
    return leases


def open_leases(connection: Connection) -> Leases:
    """The store in which an apply takes leases; created where there is none. Raises as `read_history`."""
    module, chosen = _leases_of(connection)
    leases: Leases = import_module(module).open_leases(connection, chosen)
    return leases


def _leases_of(connection: Connection) -> tuple[str, Chosen]:
    """The module of the store of leases. A platform that is a database has them itself, wherever its history is: whoever applies to
    it comes there."""
    chosen = choose(connection)
    of_platform = driver_for(connection.target).records == "platform"
    return HISTORIES["platform" if of_platform else chosen.scheme], chosen


def _store_of(connection: Connection) -> str:
    return STORES[driver_for(connection.target).records]
