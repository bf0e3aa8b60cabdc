"""The stores of records, as a table: where it is kept which project applied what.

Law: a platform's row says where its records are kept (`platforms.Driver.records`). A store is opened after the platform, and
is given its reader or writer: a platform that is a database is its own store, and one connection serves both.

A new store is one module beside this one and one line in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.records.interface import Records, RecordsReader

STORES: Final[Mapping[str, str]] = {
    "platform": "gatectl.records.platform",
    "snapshot": "gatectl.records.snapshot",
    "none": "gatectl.records.nothing",
}
"""The module of each store, imported when it is used; it has `read_records` and `open_records`."""


def read_records(connection: Connection, reader: Reader) -> RecordsReader:
    """What is remembered of the platform that this reader reads. Creates nothing. Raises PlatformError."""
    records: RecordsReader = import_module(_store_of(connection)).read_records(connection, reader)
    return records


def open_records(connection: Connection, writer: Writer) -> Records:
    """The store in which it is remembered what this writer does. Raises PlatformError."""
    records: Records = import_module(_store_of(connection)).open_records(connection, writer)
    return records


def _store_of(connection: Connection) -> str:
    return STORES[driver_for(connection.target).records]
