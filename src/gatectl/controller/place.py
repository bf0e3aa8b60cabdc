"""Where the controller of a fleet keeps what it knows, and its key: one place for the controller and for all who ask it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gatectl.errors import MissingCredential, UsageError
from gatectl.fleet.values import Fleet
from gatectl.quote import quote
from gatectl.records.chosen import check_store

KEY_FILE: Final = "GATECTL_CONTROLLER_KEY_FILE"
_FOLDER: Final = ".gatectl"
_DATABASE: Final = "controller.db"
_KEY: Final = "controller.key"
_FORMS: Final = "postgresql://host/database or sqlite:///path"


def database_of(fleet: Fleet, given: str | None, environ: Mapping[str, str]) -> str:
    """The address of the controller's database, absolute: that of the fleet file or of the command line (`given`, relative to the
    working directory), else `.gatectl/controller.db` beside the fleet file.

    Raises UsageError where both name one and not the same, or for what is none, and MissingCredential for a variable that is not set.
    """
    said = _said(fleet, environ)
    named = None if given is None else _absolute(given, os.getcwd(), "--database")
    if said is not None and named is not None and said != named:
        raise UsageError("the fleet file names another database than --database", "leave out --database")
    return said or named or f"sqlite:///{folder_of(fleet) / _FOLDER / _DATABASE}"


def key_file_of(fleet: Fleet, address: str, environ: Mapping[str, str]) -> Path:
    """The file of the controller's key: what GATECTL_CONTROLLER_KEY_FILE names; else `controller.key`, beside a database that is a file,
    and in `.gatectl` beside the fleet file for one on a server."""
    if environ.get(KEY_FILE):
        return Path(os.path.abspath(environ[KEY_FILE]))
    if address.startswith("sqlite:///"):
        return Path(address.removeprefix("sqlite:///")).parent / _KEY
    return folder_of(fleet) / _FOLDER / _KEY


def folder_of(fleet: Fleet) -> Path:
    """Where the fleet file lies."""
    return Path(os.path.abspath(fleet.file)).parent


def _said(fleet: Fleet, environ: Mapping[str, str]) -> str | None:
    """What the fleet file says."""
    if fleet.database is None:
        return None
    if fleet.database.variable is None:
        return _absolute(fleet.database.address or "", str(folder_of(fleet)), "spec.database")
    name = fleet.database.variable
    if not environ.get(name):
        raise MissingCredential(
            f"the variable {quote(name)} is not set, which names the controller's database", f"{_FORMS}"
        )
    return _absolute(environ[name], str(folder_of(fleet)), f"the variable {quote(name)}")


def _absolute(address: str, folder: str, where: str) -> str:
    """An address whose path does not depend on the working directory. Raises UsageError, which shows nothing of it: it may hold a
    password."""
    path = address.removeprefix("sqlite:///")
    if path != address and path:
        return f"sqlite:///{os.path.abspath(os.path.join(folder, path))}"
    if not address.startswith("postgresql://"):
        raise UsageError(f"{where} names no database of a controller", _FORMS)
    check_store(address)
    return address
