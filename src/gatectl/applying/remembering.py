"""The records of an apply: the store is there before anything is written, and the run is in it when all is over.

A store that does not take a run undoes nothing: that is said, and the receipt stays where receipts are kept (product.md, section 6).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, cast

from gatectl.applying.holders import is_dead
from gatectl.applying.kept import FOLDER, folder_of
from gatectl.documents.plans import Plan, Project, Target, is_to_record
from gatectl.documents.receipts import Receipt
from gatectl.errors import GatectlError, InputError, PlatformError, UsageError
from gatectl.files.outputs import check_own
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.quote import quote
from gatectl.records import open_history, open_leases, open_records, read_history, read_leases, read_records
from gatectl.records.chosen import Chosen, choose
from gatectl.records.interface import Records
from gatectl.records.leases import Holder, Leases
from gatectl.records.nothing import NoLeases, WritableNothing

_LOOKED_AT: Final = 5
"""How many of the newest receipts are read to find out which store was used before."""


Named = tuple[Project, str]
"""A project and an environment, by name."""


class RunRecords:
    """The store of one apply's history. `folder` is the project's; None: it keeps nothing. `find_place` says where the project is
    applied from."""

    def __init__(
        self,
        connection: Connection,
        owner: Named,
        folder: Path | None,
        find_place: Callable[[], str | None],
        warn: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._find_place = find_place
        self._place: str | None = None
        self._folder = folder
        self._warn = warn
        self._chosen = choose(connection)
        self._forgets = self._chosen.scheme == "none"

    def admit(self, plan: Plan, *, create: bool) -> None:
        """Find out whether the store can be used. `create`: somebody said that a new one is meant.

        Raises UsageError for a shared one that is not there, UntrustedStore, PlatformError.
        """
        if not self._forgets:
            self._place = self._find_place()
        if not self._chosen.shared or self.is_there():
            return
        other = _other_store(plan, self._folder, self._chosen)
        if other is not None:
            raise UsageError(
                f"nothing is kept in {quote(self._chosen.name)} yet, and what was applied before is in {quote(other)}",
                "name that store; or move the receipts away that name it, if a new one is meant",
            )
        if not create:
            raise UsageError(
                f"nothing is kept in {quote(self._chosen.name)} yet: is it the store that is meant?",
                "if it is: --new-records creates it",
            )

    @property
    def place(self) -> str | None:
        """Where the project is applied from, as far as the store has to know it."""
        return self._place

    def open(self, writer: Writer, reader: Reader) -> Records:
        """The store in which it is remembered what is applied to a platform. Raises PlatformError."""
        if self._forgets:
            return WritableNothing(writer)
        return open_records(self._connection, writer, reader)

    def is_unsettled(self, reader: Reader, holder: Holder) -> bool:
        """Whether a run on a platform has broken off: it has no end, and no lease. Raises PlatformError."""
        if self._forgets:
            return False
        with closing(read_records(self._connection, reader)) as records:
            runs = {run.head.run for run in records.open_runs()}
        return bool(runs and runs - at_work(self._connection, reader, holder))

    def prepare(self) -> None:
        """Create the store where there is none, before anything is written. Raises PlatformError.

        A file that nobody asked for and that cannot be made is no reason not to apply: then the run is not remembered, which is
        said.
        """
        if self._forgets or self._chosen.scheme == "platform":
            return
        try:
            if self._chosen.default:
                check_own(self._connection.folder, FOLDER)
            open_history(self._connection).close()
        except InputError as error:
            if not self._chosen.default or self.is_there():
                raise
            self._forgets = True
            self._warn(f"this run will not be in the history: {error.message}")

    @property
    def beyond(self) -> bool:
        """Whether leases are in a store that others have too: the platform's own, or a shared one."""
        return self._chosen.shared or self._of_platform

    @property
    def has_leases(self) -> bool:
        """Whether there is a store in which leases can be taken, once a writer of the platform was opened: a platform that is a
        database has them itself, whatever remembers the runs."""
        return self._of_platform or self.is_there()

    @property
    def _of_platform(self) -> bool:
        return driver_for(self._connection.target).records == "platform"

    def open_leases(self) -> Leases:
        """The store of leases. Raises PlatformError."""
        return NoLeases() if self._forgets and self._chosen.scheme != "none" else open_leases(self._connection)

    def keep(self, receipt: Receipt) -> GatectlError | None:
        """Add a run to the history; why that failed. Raises nothing.

        A run that wrote nothing makes no store. One that had nothing to do leaves out the files that it looked at: they may be many,
        every time.
        """
        if self._forgets:
            return None
        try:
            adopted = is_to_record(receipt["plan"])
            if not adopted and not any(outcome["attempts"] for outcome in receipt["outcomes"]) and not self.is_there():
                return None
            if not adopted and not receipt["outcomes"]:
                receipt = _without_inputs(receipt)
            with closing(open_history(self._connection)) as history:
                history.keep(self._named(receipt), self._place)
        except GatectlError as error:
            return error
        except Exception as error:
            return PlatformError(f"{type(error).__name__}: {quote(error)}")
        return None

    def _named(self, receipt: Receipt) -> Receipt:
        """A receipt with project and environment in its target: a plan of format 1.0 does not say them, and runs are listed by them."""
        if "project" in receipt["target"]:
            return receipt
        project, environment = self._owner
        return {**receipt, "target": {**receipt["target"], "project": project, "environment": environment}}

    def is_there(self) -> bool:
        with closing(read_history(self._connection)) as history:
            return history.instance is not None


def at_work(connection: Connection, reader: Reader, here: Holder) -> frozenset[str]:
    """The runs that hold leases of a platform, as far as can be told from `here`. Raises PlatformError."""
    with closing(read_leases(connection)) as leases:
        held = [seen.lease.holder for seen in leases.all(reader.identification.key) if not seen.free]
    return frozenset(holder.run for holder in held if holder.run is not None and not is_dead(holder, here))


def _without_inputs(receipt: Receipt) -> Receipt:
    plan = receipt["plan"]
    return {**receipt, "plan": {**plan, "source": {**plan["source"], "inputs": []}}}


def _other_store(plan: Plan, folder: Path | None, chosen: Chosen) -> str | None:
    """Another store that this plan names, or the newest receipt of its environment; None: none does."""
    named = [plan["target"], *_targets_before(plan, folder)]
    for target in named:
        records = target.get("records")
        if isinstance(records, Mapping) and records.get("store") not in (chosen.name, "none"):
            return str(records["store"])
    return None


def _targets_before(plan: Plan, folder: Path | None) -> list[Target]:
    """The target of the newest receipt of a plan's environment, as far as it can be read."""
    if folder is None:
        return []
    place = folder_of(folder)
    try:
        names = sorted((name for name in os.listdir(place) if name.endswith(".json")), reverse=True)
    except OSError:
        return []
    for name in names[:_LOOKED_AT]:
        try:
            target = json.loads((place / name).read_bytes())["target"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(target, dict) and target.get("environment") == plan["target"].get("environment"):
            return [cast("Target", target)]
    return []
