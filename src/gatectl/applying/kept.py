"""Where the receipts of applies are kept: `.gatectl/receipts/RUN.json` in the project folder, and where `--receipt` says.

A receipt that cannot be saved is found out before the first write (product.md, section 4); should it fail afterwards all
the same, the receipt goes where temporary files go, and that is said.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from gatectl.applying.receipt import Actor, Run, run_id
from gatectl.documents.receipts import Receipt
from gatectl.errors import GatectlError, InputError
from gatectl.files import outputs
from gatectl.files.fences import OWN_FOLDER
from gatectl.quote import json_text
from gatectl.version import __version__

FOLDER: Final = "receipts"
KEPT: Final = 100
_NAME: Final = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{8}\.json")


class Places(NamedTuple):
    """Where receipts go: into the folder of the project (None: it cannot be written), and the file of `--receipt`."""

    project: Path | None
    file: str | None


def folder_of(project: Path) -> Path:
    """Where the receipts of a project's runs are, each as RUN.json."""
    return project / OWN_FOLDER / FOLDER


def begin(environ: Mapping[str, str]) -> Run:
    """A run that begins now, by whoever runs this process."""
    moment = datetime.now(UTC)
    return Run(run_id(moment, secrets.token_bytes(4)), moment, actor_of(environ), __version__)


def actor_of(environ: Mapping[str, str]) -> Actor:
    """Who runs this process, as its variables and the machine say."""
    host = os.uname().nodename if hasattr(os, "uname") else environ.get("COMPUTERNAME")
    if environ.get("GITHUB_ACTIONS"):
        parts = [environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
        url = "{}/{}/actions/runs/{}".format(*parts) if all(parts) else None
        return Actor(environ.get("GITHUB_ACTOR") or _user(), host, "github", url)
    if environ.get("GITLAB_CI"):
        return Actor(environ.get("GITLAB_USER_LOGIN") or _user(), host, "gitlab", environ.get("CI_JOB_URL"))
    return Actor(_user(), host, "other" if environ.get("CI") else None, environ.get("BUILD_URL"))


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return str(os.getuid()) if hasattr(os, "getuid") else None


def find_places(project: Path | None, file: str | None, *, needed: bool) -> Places:
    """Find out whether receipts can be saved, and leave nothing behind. `--receipt` alone suffices. `project` None: its
    folder is to keep none.

    Raises InputError where they cannot. `needed` False: nothing is going to be written, and nothing is raised.
    """
    try:
        if file is not None:
            outputs.check(file)
    except InputError as error:
        if needed:
            raise InputError(f"no receipt could be saved: {error.message}", _NOTHING) from error
    if project is None:
        return Places(None, file)
    try:
        outputs.check_own(project, FOLDER)
    except InputError as error:
        if needed and file is None:
            raise InputError(
                f"no receipt could be saved: {error.message}", f"{_NOTHING}, or say --receipt FILE"
            ) from error
        return Places(None, file)
    return Places(project, file)


_NOTHING: Final = "nothing was written; make room for it"


def save(places: Places, receipt: Receipt) -> tuple[list[str], list[str]]:
    """Save a receipt in all its places: where it is now, and what failed. Raises nothing."""
    saved: list[str] = []
    failed: list[str] = []

    def put(write: Callable[[], str]) -> None:
        try:
            saved.append(write())
        except GatectlError as error:
            failed.append(error.message)

    if (project := places.project) is not None:
        put(lambda: _keep(project, receipt))
    if (file := places.file) is not None:
        put(lambda: _write(file, json_text(receipt)))
    if failed and not saved and receipt["outcomes"]:
        put(lambda: _write(os.path.join(tempfile.gettempdir(), f"gatectl-{receipt['run']}.json"), json.dumps(receipt)))
    return saved, failed


def _keep(project: Path, receipt: Receipt) -> str:
    content = json.dumps(receipt) + "\n"
    return outputs.keep(project, FOLDER, f"{receipt['run']}.json", content, kept=_without_the_oldest)


def _without_the_oldest(names: list[str]) -> list[str]:
    """The newest receipts, and whatever else lies there."""
    mine = sorted(name for name in names if _NAME.fullmatch(name))
    return sorted(set(names) - set(mine[:-KEPT]))


def _write(path: str, text: str) -> str:
    outputs.write(path, text + "\n", private=True)
    return path
