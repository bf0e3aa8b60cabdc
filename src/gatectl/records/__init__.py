"""The stores of records, as a table: where it is kept whose each object is, what is under way, and what all runs were.

Law: the store is the one that the environment names (`chosen.choose`). Whose the objects of a platform are is opened after the platform,
and is given its reader or writer, since a platform that is a database is its own store, and one connection serves both. The history
is opened by itself.

A new store is one module beside this one and one line in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Final

from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.chosen import Chosen, choose
from gatectl.records.interface import History, HistoryReader, Records, RecordsReader
from gatectl.records.leases import Leases, LeasesReader

STORES: Final[Mapping[str, str]] = {
    "platform": "gatectl.records.platform",
    "none": "gatectl.records.nothing",
    "sqlite": "gatectl.records.database",
    "postgresql": "gatectl.records.database",
    "s3": "gatectl.records.objects",
    "gs": "gatectl.records.objects",
    "az": "gatectl.records.objects",
    "snapshot": "gatectl.records.snapshot",
}
"""The module of each store, by its scheme, imported when it is used; it has `read_records`, `open_records`, `read_history` and
`open_history`. A snapshot is the past, and has the first two alone."""


def read_records(connection: Connection, reader: Reader) -> RecordsReader:
    """What is remembered of the platform that this reader reads. Creates nothing. Raises UntrustedStore, PlatformError, UsageError."""
    chosen, driver = choose(connection), driver_for(connection.target)
    module = _module(chosen.scheme if driver.writable else driver.records)
    records: RecordsReader = module.read_records(connection, chosen, reader)
    return records


def open_records(connection: Connection, writer: Writer, reader: Reader) -> Records:
    """The store in which it is remembered what this writer does; `reader` reads the same platform. One that is not there yet is
    created when there is something to remember. Raises as `read_records`."""
    chosen = choose(connection)
    records: Records = _module(chosen.scheme).open_records(connection, chosen, reader, writer)
    return records


def read_history(connection: Connection, reader: Reader | None = None) -> HistoryReader:
    """The runs on a platform; a `reader` that is open already serves for its own database. Creates nothing. Raises UntrustedStore,
    PlatformError, UsageError."""
    chosen = choose(connection)
    if chosen.scheme == "platform" and reader is not None:
        of_reader: HistoryReader = _module("platform").history_of(reader)
        return of_reader
    history: HistoryReader = _module(chosen.scheme).read_history(connection, chosen)
    return history


def open_history(connection: Connection) -> History:
    """The store that the runs on a platform are added to; created where there is none. Raises as `read_history`."""
    chosen = choose(connection)
    history: History = _module(chosen.scheme).open_history(connection, chosen)
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
    return STORES["platform" if of_platform else chosen.scheme], chosen


def _module(scheme: str) -> ModuleType:
    return import_module(STORES[scheme])
