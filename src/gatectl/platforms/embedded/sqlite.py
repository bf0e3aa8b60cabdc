"""SQLite: everything about it that another database does differently.

Law: nothing outside this file knows a pragma, a file name, a lock or an error code of SQLite. It hands out engines,
settles a new database, and turns SQLite's complaints into the errors of gatectl, once.

How it is run, and why:

- WAL, so that readers never wait for a writer nor a writer for them.
- synchronous=NORMAL: under WAL a killed process loses nothing, and a power failure at most the last commits, never the
  database. What is lost that way is still in the manifests and is planned again; a sync for each commit would cost more
  than all the rest of a write together. Records beside a platform elsewhere are FULL: what happened there is not undone.
- Writers begin with BEGIN IMMEDIATE: a rule that was checked still holds when the write follows.
- Readers open the file read-only (`mode=ro`). SQLite itself may leave its empty `-wal` and its `-shm` beside the file.
"""

from __future__ import annotations

import filecmp
import math
import os
import secrets
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quoted

from sqlalchemy import Connection, Engine, NullPool, event
from sqlalchemy.exc import DBAPIError

from gatectl.clock import CLOCK, Clock
from gatectl.errors import PlatformError, PlatformLocked
from gatectl.files.outputs import own_folder, refuse_links
from gatectl.platforms.interface import Heard
from gatectl.quote import quote

from .claim import PATIENCE, Release, claim_file
from .engines import sqlite_engine
from .guarded import check_content, check_file, guard, too_late
from .statements import telling
from .store import WRITES

BUSY_SECONDS = 10.0
"""How long anybody waits for another process's lock."""

_FAILURES = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises: its errors, and in the place of one whose words quote bytes of a damaged file that are not text."""

_OWNER_ONLY = 0o600
_UNFINISHED = ".new"
_PAGES = 1000
"""Of a copy, between two looks at the clock."""
_BESIDE = ("-journal", "-wal", "-shm")
"""The ends of the names of SQLite's side files, which it writes wherever links lead."""


class SqliteFile:
    """A database in one file.

    `own_folder`: the folder belongs to gatectl (`.gatectl/`), so a writer creates it and keeps it out of git; any other
    folder has to be there. `ends` is the moment (of `clock`) by which every statement is over (None: no limit). `durable`:
    what is committed survives a power failure too, because something outside of the file goes by it. `heard` is told of every
    statement that SQLite runs.
    """

    def __init__(
        self, path: Path, *, own_folder: bool, ends: float | None = None, clock: Clock = CLOCK, durable: bool = False,
        heard: Heard | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self._own_folder = own_folder
        self._ends = ends
        self._clock = clock
        self._durable = durable
        self._heard = heard

    @property
    def place(self) -> str:
        """The database as messages name it."""
        return str(self._path)

    def exists(self) -> bool:
        """Whether there is anything to open; an empty file is a database that nobody has written to yet.

        Raises PlatformError where the file system does not even tell.
        """
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unusable(error) from error
        return status.st_size > 0 or not stat.S_ISREG(status.st_mode)

    def prepare(self, fill: Callable[[Connection], None]) -> None:
        """Make a database that does not exist yet: beside its place, filled, and then put there whole.

        So nobody ever meets half of one, whenever we are killed. Raises PlatformError when the file system refuses.
        """
        try:
            if self._own_folder:
                own_folder(self._path.parent.parent, create=True)
            # The file holds the key of the secrets' hashes: it is the owner's alone, and SQLite's side files follow it.
            _write_new(self._path, b"", _OWNER_ONLY)
            if not self.exists():
                try:
                    self._make(fill)
                except (*_FAILURES, DBAPIError):
                    if not self.exists():  # else somebody was quicker, and swept
                        raise
        except OSError as error:
            raise self._unusable(error) from error

    def _make(self, fill: Callable[[Connection], None]) -> None:
        refuse_links(self._path)
        new = SqliteFile(
            self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}{_UNFINISHED}"),
            own_folder=False,
            ends=self._ends,
            clock=self._clock,
        )
        _write_new(new._path, b"", stat.S_IMODE(self._path.stat().st_mode))
        try:
            connection = new.engine(writes=True).connect()
            try:
                fill(connection)
                new.settle(connection)
            finally:
                connection.close()  # the last one to close leaves one file
            with _held(self._path) as still_ours:
                if still_ours and not self.exists():
                    os.replace(new._path, self._path)
                    _sweep(self._path)
        finally:
            _remove(new._path)

    def _recover(self) -> None:
        """Roll back what a run that was killed left half written: who may only read cannot, and would be refused for ever."""
        if not os.path.exists(f"{self._path}-journal"):
            return
        with suppress(*_FAILURES), closing(self._connect("rw")) as connection:
            guard(connection, self._ends, self._clock)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def _connect(self, mode: str) -> sqlite3.Connection:
        # isolation_level None: the driver begins nothing by itself; `_begin` does.
        connection = sqlite3.connect(
            f"file:{url_quoted(str(self._path))}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        if self._heard is not None:
            connection.set_trace_callback(telling(self._heard))
        return connection

    def engine(self, *, writes: bool) -> Engine:
        """An engine whose connections can write, or cannot."""
        check_file(self._path)
        refuse_links(self._path, *(self._path.with_name(self._path.name + end) for end in _BESIDE))

        def connect() -> sqlite3.Connection:
            if not writes:
                self._recover()
            connection = self._connect("rwc" if writes else "ro")
            try:
                guard(connection, self._ends, self._clock)
                connection.execute("PRAGMA foreign_keys=ON")
                self._wait_no_longer(connection)
                check_content(connection, self.place)
            except BaseException:
                connection.close()
                raise
            return connection

        engine = sqlite_engine(NullPool, connect)
        event.listen(engine, "begin", self._begin)
        return engine

    def _begin(self, connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        if self._ends is not None:
            self._wait_no_longer(driver)
        writes = connection.info.get(WRITES, False)
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    def _wait_no_longer(self, driver: Any) -> None:
        """Wait for others' locks until the deadline at most. Raises DeadlinePassed where it has passed."""
        left = self._left()
        if left <= 0:
            raise too_late(self.place)
        if left < BUSY_SECONDS:
            driver.execute(f"PRAGMA busy_timeout = {int(left * 1000)}")

    def _left(self) -> float:
        return math.inf if self._ends is None else self._ends - self._clock.now()

    def settle(self, connection: Connection) -> None:
        """Put a database into the state it is run in; harmless when it already is.

        Changing into WAL wants the file for itself for a moment, and SQLite does not always wait for that: we do.
        """
        driver: Any = connection.connection.dbapi_connection
        deadline = self._clock.now() + min(BUSY_SECONDS, self._left())
        while True:
            try:
                (mode,) = driver.execute("PRAGMA journal_mode=WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                if not _is_lock(error) or self._clock.now() > deadline:
                    raise
                self._clock.sleep(0.01)
        # Where the file system has no shared memory there is no WAL, and then NORMAL could damage the database.
        safe = mode == "wal" and not self._durable
        driver.execute(f"PRAGMA synchronous={'NORMAL' if safe else 'FULL'}")

    def claim(self, *, shared: bool = False) -> Release:
        """Keep others out; who shares it, those who do not. Raises PlatformLocked when one is under way and does not end."""
        try:
            return claim_file(
                self._path.with_name(self._path.name + ".applying"),
                self.place,
                min(PATIENCE, self._left()),
                self._clock,
                shared=shared,
            )
        except OSError as error:
            raise self._unusable(error) from error

    def keep(self, schema: int) -> str:
        """Put a copy of the database beside it, before it is migrated: its owner's alone, and on the disk; its path.

        Nothing is overwritten: a copy that is there and the same serves, beside any other file this one gets a number. Raises
        PlatformError where there can be none.
        """
        place = self._path.with_name(self._path.name + f".schema-{schema}")
        new = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
        _sweep(self._path)
        try:
            try:
                _write_new(new, b"", _OWNER_ONLY)
                self._copy(new)
                return str(_put(new, place))
            finally:
                _remove(new)
        except (OSError, *_FAILURES) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise PlatformError(
                f"the database {quote(self.place)} was left in schema {schema}: it cannot be copied to {quote(place)} ({quote(reason)})",
                "There has to be room for a copy beside it, before it is migrated: check the space left and the permissions of its folder.",
            ) from error

    def _copy(self, path: Path) -> None:
        """What was committed last, into an empty file. Raises DeadlinePassed, sqlite3.Error, OSError."""

        def look(*progress: int) -> None:
            if self._left() <= 0:
                raise too_late(self.place)

        url = f"file:{url_quoted(str(path))}?mode=rw"
        with (
            closing(self._connect("ro")) as connection,
            closing(sqlite3.connect(url, uri=True, isolation_level=None)) as copy,
        ):
            copy.execute("PRAGMA synchronous=OFF")  # it is synchronized once, as a whole
            connection.backup(copy, pages=_PAGES, progress=look)
        _synchronize(path)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and SQLAlchemy raise into PlatformError or PlatformLocked."""
        try:
            yield
        except DBAPIError as error:
            raise self._explained(error.orig or error) from error
        except _FAILURES as error:
            raise self._explained(error) from error
        except OverflowError as error:  # the driver's, of a number that SQLite has no room for
            raise PlatformError(
                f"the database {quote(self.place)} is damaged: a number in it is too large to go on from",
                "Restore it, or move it away and apply the manifests to a new one.",
            ) from error

    def committing(self) -> AbstractContextManager[None]:
        """Nothing: a COMMIT that fails here was not done. No answer can be lost, and nobody sees what was not kept."""
        return nullcontext()

    def _explained(self, error: BaseException) -> PlatformError:
        if isinstance(error, UnicodeDecodeError):
            return PlatformError(
                f"the database {quote(self.place)} is damaged: what SQLite says of it is not text",
                "Restore it, or move it away and apply the manifests to a new one; this one was left as it is.",
            )
        name = _error_name(error)
        if name == "SQLITE_INTERRUPT" or (_is_lock(error) and self._left() <= 0):
            return too_late(self.place)
        if _is_lock(error):
            return PlatformLocked(
                f"the database {quote(self.place)} stayed locked by another process for {BUSY_SECONDS:g} s",
                "Wait for the other process to end, or end it, and try again.",
            )
        if self._path.is_dir():
            return PlatformError(f"{quote(self.place)} is a folder, not a database", "Name a file.")
        for beginning, message, hint in _EXPLANATIONS:
            if name.startswith(beginning):
                return PlatformError(f"the database {quote(self.place)} {message}", hint)
        if name == "SQLITE_TOOBIG":
            return PlatformError(f"the database {quote(self.place)} is damaged: it holds a value that is too large")
        return PlatformError(f"the database {quote(self.place)} failed: {quote(error)}")

    def _unusable(self, error: OSError) -> PlatformError:
        if isinstance(error, FileNotFoundError):
            return PlatformError(
                f"the folder {quote(self._path.parent)} does not exist", "Create it, or name another place."
            )
        reason = error.strerror or type(error).__name__
        return PlatformError(
            f"the database {quote(self.place)} cannot be used: {reason} ({quote(error.filename)})",
            "Check the path and its permissions.",
        )


_EXPLANATIONS = (
    (
        "SQLITE_CANTOPEN",
        "cannot be opened",
        "The file must be readable, and its folder must exist and be writable (SQLite keeps two files beside it).",
    ),
    ("SQLITE_NOTADB", "is not a database", "Name another file; this one was left as it is."),
    ("SQLITE_CORRUPT", "is damaged", "Restore it, or move it away and apply the manifests to a new one."),
    ("SQLITE_FULL", "cannot grow: the disk is full", "Free some space and try again; nothing was half written."),
    ("SQLITE_READONLY", "may not be written", "Check the permissions of the file and of its folder."),
    ("SQLITE_PERM", "may not be used", "Check the permissions of the file and of its folder."),
    ("SQLITE_AUTH", "may not be used", "Check the permissions of the file and of its folder."),
    ("SQLITE_IOERR", "cannot be read or written: the disk reports an error", "Check the disk and the space left."),
)
"""SQLite's error names by their beginning, what they mean to a user, and what to do."""

_LOCKS = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")


def _error_name(error: BaseException) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _is_lock(error: BaseException) -> bool:
    return _error_name(error).startswith(_LOCKS)


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Alone with an empty file that is going to be replaced; whether it is still the one at its place."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        with suppress(ImportError):  # no such locks on Windows
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield os.path.samestat(os.fstat(descriptor), os.stat(path))
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove what others left who were killed while they made the same database; who is at it still will find it made."""
    for left in path.parent.glob(f".{path.name}.*{_UNFINISHED}*"):
        with suppress(OSError):
            left.unlink()


def _remove(path: Path) -> None:
    """Remove a database and its side files, as far as they are there."""
    for end in ("", *_BESIDE):
        with suppress(FileNotFoundError):
            os.unlink(str(path) + end)


def _put(new: Path, place: Path) -> Path:
    """Give a finished copy its place, or where something else is, the next one that is free; where it is now."""
    for each in chain([place], (place.with_name(f"{place.name}.{number}") for number in count(2))):
        if not os.path.lexists(each):
            os.rename(new, each)  # a rename replaces, but nobody else is here: this is done alone
            with suppress(OSError):  # not every system can
                _synchronize(each.parent)
            return each
        with suppress(OSError):
            if filecmp.cmp(new, each, shallow=False):
                return each
    raise AssertionError("there is always one more number")


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Create a file, unless there is one: then it is left as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
