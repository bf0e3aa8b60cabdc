"""A store of records beside its platform, as an apply and a plan have it, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection
from gatectl.records import open_records, read_records
from gatectl.records.interface import Records, RecordsReader


@contextmanager
def opened(connection: Connection) -> Iterator[Records]:
    """The store as an apply has it."""
    driver = driver_for(connection.target)
    with (
        closing(driver.open_writer(connection)) as writer,
        closing(driver.open_reader(connection)) as reader,
        closing(open_records(connection, writer, reader)) as records,
    ):
        yield records


@contextmanager
def read(connection: Connection) -> Iterator[RecordsReader]:
    """The store as a plan has it."""
    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        yield records
