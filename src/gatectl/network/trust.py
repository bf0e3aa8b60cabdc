"""The hosts that the operator trusts (product.md, section 7): those of GATECTL_TRUSTED_HOSTS, and those of the user's own file.

The file is `gatectl/trusted-hosts` in the folder of the user's settings (XDG_CONFIG_HOME, else `~/.config`): a host a line,
as `addresses.pattern` reads it, or a store of records, as `addresses.store_address` does: trust for the one is not trust for
the other. What follows a # is a remark, and a line with another scheme is for somebody else. It is
believed only where nobody else could have written it: outside the checkout, and by its owner alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gatectl.errors import InputError, UsageError
from gatectl.files import fences, outputs
from gatectl.network.addresses import (
    PORTS,
    Pattern,
    StoreAddress,
    is_shared_store,
    pattern,
    patterns,
    store_address,
)
from gatectl.quote import quote

VARIABLE: Final = "GATECTL_TRUSTED_HOSTS"
_LARGEST: Final = 1024 * 1024
_TITLE: Final = (
    "# Hosts that gatectl may speak to and send credentials to, one a line: NAME, NAME:PORT or *.example.com\n"
)


def file_of(environ: Mapping[str, str]) -> Path:
    """Where the user's trusted hosts are. A relative XDG_CONFIG_HOME counts as none, as its specification says."""
    settings = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(settings) if os.path.isabs(settings) else Path(os.path.expanduser("~")) / ".config"
    return folder / "gatectl" / "trusted-hosts"


def trusted_hosts(environ: Mapping[str, str], project: Path) -> tuple[Pattern, ...]:
    """All hosts that the operator trusts; `project` is the folder whose checkout has no say in it.

    Raises UsageError for what is no host, and for a file that others could have written.
    """
    listed = [word.strip() for word in environ.get(VARIABLE, "").split(",")]
    path = file_of(environ)
    return (*patterns(filter(None, listed), VARIABLE), *patterns(_hosts(_read(path, project)), str(path)))


def trusted_stores(environ: Mapping[str, str], project: Path) -> tuple[StoreAddress, ...]:
    """All stores of records that the operator trusts. Raises as `trusted_hosts`."""
    return tuple(_stores(_read(file_of(environ), project)))


def of_program(
    hosts: Sequence[str], environ: Mapping[str, str], project: Path, *, trust_env: bool
) -> tuple[tuple[Pattern, ...], tuple[StoreAddress, ...]]:
    """The hosts and the stores that a program trusts; with `trust_env` those of the variables and of the user's file too.

    Raises ValueError for what is neither, and as `trusted_hosts`.
    """
    named = tuple(pattern(host) for host in hosts if not is_shared_store(host))
    stores = tuple(store_address(host) for host in hosts if is_shared_store(host))
    if not trust_env:
        return named, stores
    return named + trusted_hosts(environ, project), stores + trusted_stores(environ, project)


def add(text: str, environ: Mapping[str, str], project: Path) -> tuple[Pattern, Path, bool]:
    """Write a host into the user's file; the host, the file, and whether it is new there. Raises UsageError, InputError."""
    try:
        wanted = pattern(text)
    except ValueError as error:
        raise UsageError(f"'{quote(text)}' is no host to trust: {error}", "NAME, NAME:PORT or *.example.com") from None
    path = file_of(environ)
    known = patterns(_hosts(_read(path, project)), str(path))
    return wanted, path, _added(path, project, str(wanted), known=wanted in known)


def add_store(text: str, environ: Mapping[str, str], project: Path) -> tuple[str, Path, bool]:
    """Write a store of records into the user's file: the bucket or the database, the file, and whether it is new there.

    Raises UsageError, InputError.
    """
    wanted, path = store_address(text).trusted_as, file_of(environ)
    known = [each.trusted_as for each in _stores(_read(path, project))]
    return wanted, path, _added(path, project, wanted, known=wanted in known)


def _added(path: Path, project: Path, wanted: str, *, known: bool) -> bool:
    """Add a line to the file, unless it says that already; whether it was added."""
    if known:
        return False
    before = _read(path, project)
    text = (before or _TITLE).rstrip("\n") + f"\n{wanted}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{quote(path)} cannot be written: {error.strerror}", f"or name the host in {VARIABLE}"
        ) from None
    outputs.write(str(path), text, private=True)
    return True


def _lines(text: str) -> list[str]:
    return [line for line in (line.partition("#")[0].strip() for line in text.splitlines()) if line]


def _hosts(text: str) -> list[str]:
    """The lines that name hosts; stores are trusted by themselves."""
    return [
        line
        for line in _lines(text)
        if line.partition("://")[0].lower() in (line.lower(), *PORTS) and not is_shared_store(line)
    ]


def _stores(text: str) -> list[StoreAddress]:
    """The stores that are named, each as it is trusted. Raises UsageError for a line that cannot be read."""
    return [store_address(line) for line in _lines(text) if is_shared_store(line)]


def _read(path: Path, project: Path) -> str:
    """The text of the file, "" where there is none. Raises UsageError for one that is not to be believed, InputError."""
    real = os.path.realpath(path)
    around = [os.path.realpath(project), fences.find_top(project)]
    if any(fence is not None and fences.is_inside(real, fence) for fence in around):
        if os.path.lexists(path):
            raise UsageError(
                f"{quote(path)} lies in the checkout, whose authors could trust any host by it",
                "set HOME or XDG_CONFIG_HOME",
            )
        return ""
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            _check_owner(path, status)
            content = stream.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise InputError(f"{quote(path)} cannot be read: {error.strerror}", "check its permissions") from None
    try:
        if len(content) > _LARGEST:
            raise ValueError
        return content.decode("utf-8-sig")
    except ValueError:
        raise InputError(f"{quote(path)} is no list of hosts", "one host a line, in UTF-8") from None


def _check_owner(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{quote(path)} is no file", "one host a line")
    if os.name == "posix" and (status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022):
        raise UsageError(f"others than you can write to {quote(path)}", f"chmod go-w {quote(path)}, or make it yours")
