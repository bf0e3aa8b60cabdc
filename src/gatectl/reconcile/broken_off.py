"""The flow of a look at the runs that have no end, and of settling one by a person's word. No object is written to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from gatectl.applying.leasing import claimed
from gatectl.applying.recording import homes_of, look_at, record_found
from gatectl.applying.remembering import RunRecords, at_work
from gatectl.applying.settling import late_on
from gatectl.documents.journal import open_run_json
from gatectl.documents.unended import FORMAT_VERSION, Settled, Unended, find, found_json
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader
from gatectl.reconcile.asking import here
from gatectl.reconcile.execution import open_access
from gatectl.reconcile.heading import patience_of
from gatectl.reconcile.request import Request
from gatectl.records import read_records
from gatectl.records.interface import RecordsReader


def look(request: Request, connect: Callable[[], Connection]) -> Unended:
    """The runs that have no end on the platform. Raises UntrustedStore, PlatformError."""
    connection = connect()
    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        return _looked(request, connection, reader, records)


def settle(request: Request, connect: Callable[[], Connection], run: str, patience: float) -> Settled:
    """Record what a run did that broke off, as far as it can be told: it has ended, and what is unclear of it is as it is. Its
    workspaces are leased meanwhile, for which others are waited for `patience` seconds.

    Raises UsageError for a run that is none of these, PlatformLocked for one that is under way, PlatformError.
    """
    connection = connect()
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        with closing(read_records(connection, reader)) as records:
            find(_looked(request, connection, reader, records), run)
            homes = homes_of(each for each in records.open_runs() if each.head.run == run)
        kept = RunRecords(connection, ({"name": "", "uid": None}, ""), None, lambda: None, request.warn)
        access = open_access(connection, kept, reader, here(request), patience)
        with claimed(access, lambda: homes):
            before = find(_looked(request, connection, reader, access.records), run)
            runs = [each for each in access.records.open_runs() if each.head.run == run]
            found = look_at(runs, reader, access.records, None)
            record_found(access.records, found, [run])
    return {
        "formatVersion": FORMAT_VERSION,
        "settled": before,
        "recorded": found_json(found.put),
        "gone": list(found.drop),
    }


def _looked(request: Request, connection: Connection, reader: Reader, records: RecordsReader) -> Unended:
    runs = list(records.open_runs())
    active = at_work(connection, reader, here(request)) if runs else frozenset()
    idle = [run for run in runs if run.head.run not in active]
    late = late_on(reader, patience_of(request.environment, request.clock))
    unclear = look_at(idle, reader, records, late).unclear if idle else ()
    return {
        "formatVersion": FORMAT_VERSION,
        "platform": reader.identification.url,
        "runs": [open_run_json(run, at_work=run.head.run in active, unclear=unclear) for run in runs],
    }
