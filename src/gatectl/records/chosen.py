"""Which store keeps the history: what an environment or the operator names, else what the platform has. Pure; asks nobody.

Whether a store may be read or written is not decided here but where it is opened, by what `network` says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from gatectl.errors import UsageError
from gatectl.network.addresses import OBJECTS, is_shared_store, same_target, store_address
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection
from gatectl.quote import quote

DEFAULT: Final = "sqlite:///.gatectl/records.db"
"""Beside a platform that is elsewhere: a file of the project, relative to its folder."""

KEPT: Final = "GATECTL_RECORDS_KEPT"
"""Says that a pipeline keeps its local store from run to run."""

_WORDS: Final = ("platform", "none")
_HINT: Final = "platform, sqlite:///path, postgresql://host/database, s3://bucket/prefix, gs://…, az://… or none"


class Chosen(NamedTuple):
    """A store: its scheme (`platform`, `none`, `sqlite`, `postgresql`, `s3`, `gs`, `az`), its target, and its name as it may be
    shown. `default`: nobody named it; `named`: the operator did."""

    scheme: str
    target: str
    name: str
    default: bool = False
    named: bool = False

    @property
    def shared(self) -> bool:
        """Whether it is no file of this machine, and not the platform's own."""
        return self.scheme not in ("platform", "none", "sqlite")


def choose(connection: Connection) -> Chosen:
    """The store of the runs on a platform. Raises UsageError for what names none."""
    driver = driver_for(connection.target)
    target, named = connection.records.target, connection.records.named
    if not driver.writable:
        return Chosen("none", "none", "none", default=True)
    if target is None:
        if driver.records == "platform":
            return Chosen("platform", "platform", "platform", default=True)
        return Chosen("sqlite", DEFAULT, DEFAULT, default=True)
    check_store(target)
    if target == "platform" and driver.records != "platform":
        raise UsageError("records: platform is for platforms that are databases, which this one is not", _HINT)
    if target == "platform" or same_target(target, connection.target):
        return Chosen("platform", "platform", "platform")
    if target == "none":
        return Chosen("none", "none", "none")
    scheme = target.partition("://")[0].lower()
    return Chosen(scheme, target, str(store_address(target)) if is_shared_store(target) else target, named=named)


def check_store(target: str | None) -> None:
    """Raises UsageError for what no store is called; what it says shows no password."""
    if target is None or target in _WORDS or target.startswith("sqlite:///"):
        return
    scheme = target.partition("://")[0].lower()
    if scheme not in (*OBJECTS, "postgresql") or "://" not in target:
        raise UsageError(f"no store of records is called '{quote(scheme)}'", _HINT)
    store_address(target)


def remembers_itself(connection: Connection) -> bool:
    """Whether the runs on a platform are in its own database. Raises UsageError for a store that is none."""
    return choose(connection).scheme == "platform"


def is_file(connection: Connection, chosen: Chosen) -> bool:
    """Whether it is a file of this machine, be it the platform's own."""
    if chosen.scheme == "platform":
        return connection.target == "embedded" or connection.target.startswith("sqlite:///")
    return chosen.scheme == "sqlite"


def is_thrown_away(connection: Connection, chosen: Chosen) -> bool:
    """Whether what is remembered is gone with the machine: a file, in a pipeline, beside a platform that is elsewhere."""
    environ: Mapping[str, str] = connection.environ
    elsewhere = driver_for(connection.target).records != "platform"
    in_pipeline = environ.get("CI", "").lower() not in ("", "0", "false")
    return chosen.scheme == "sqlite" and elsewhere and in_pipeline and environ.get(KEPT) != "1"
