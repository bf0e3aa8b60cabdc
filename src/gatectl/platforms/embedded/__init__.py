"""The embedded platform: a complete platform that enforces the platform's own rules, with nothing to start.

It lives in a file (SQLite), or where a team shares it in a PostgreSQL database.

Law: this module is all that `platforms` knows of it, and costs nothing to import: SQLAlchemy comes in when a reader or
a writer is opened. A `Reader` stands on a connection that cannot write and has no method that would; where there is no
database it creates none, and shows what a new one would hold.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gatectl.errors import PlatformError
from gatectl.files.outputs import own_folder
from gatectl.platforms.interface import Collection, Connection, Fences, Heeded, Identification, Traits, Wire
from gatectl.quote import quote

if TYPE_CHECKING:
    from .platform import Platform
    from .postgres import PostgresDatabase
    from .store import Database, Store, WritableStore

TRAITS = Traits(default_workspace="default", packets=False, openai="OPENAI", parallel=1, once=True)

_OWN_FILE = "platform.db"
_MEMORY = "memory"
_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql://"


def admit(connection: Connection) -> bool:
    """Whether a database server may be sent credentials; a file is nobody to send them to. Raises UntrustedHost."""
    if not connection.target.startswith(_POSTGRESQL):
        return False
    return _server(connection).way.credentials


def remark(connection: Connection) -> str | None:
    """What is worth a word about how a database server is reached."""
    return _server(connection).way.remark if connection.target.startswith(_POSTGRESQL) else None


def open_reader(connection: Connection) -> Reader:
    """A reader of the project's own database (target `embedded`), or of one that `sqlite:///path` or `postgresql://…` names.

    A relative path is relative to the project's folder. Creates nothing, whether there is a database or not. Raises
    PlatformError when what is there is not a database of this gatectl.
    """
    shared = _shared_platform(connection)
    if shared is not None:
        return Reader(Identification(_MEMORY, _MEMORY, None), shared.store)
    return Reader(*_located(connection))


def open_writer(connection: Connection) -> Writer:
    """A writer of the same databases; creates the one that does not exist, and migrates an older one. Raises PlatformError when
    it cannot."""
    shared = _shared_platform(connection)
    return Writer(open_platform(connection) if shared is None else shared, own=shared is None)


def open_heeding(connection: Connection) -> Writer:
    """What the same databases go by, of the numbers of leases. Raises as `open_writer`."""
    return open_writer(connection)


def open_platform(connection: Connection) -> Platform:
    """The platform itself, to be served; creates the database that does not exist, and migrates an older one. Raises
    PlatformError."""
    shared = _shared_platform(connection)
    if shared is not None:
        return shared
    from .platform import Platform
    from .store import open_for_writing

    return Platform(open_for_writing(_located(connection)[1], connection.tell))


class Reader:
    """Reads the embedded platform (`interface.Reader`). Each list is one moment of the database."""

    def __init__(self, identification: Identification, database: Database | Store) -> None:
        from .store import Store

        self._identification = identification
        self._store: Store | None = None
        self._database: Database | None = None
        if isinstance(database, Store):
            self._store = database  # somebody else's, who closes it
        else:
            self._database = database
        _ = self.store  # what is no database of this gatectl is said when it is opened

    @property
    def identification(self) -> Identification:
        """`instance` is None until somebody has created the database. Raises PlatformError."""
        store = self.store
        return self._identification._replace(instance=store.instance if store else None)

    @property
    def traits(self) -> Traits:
        return TRAITS

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """All live objects of a collection, of one workspace or (None) of all, oldest first. Raises PlatformError."""
        from .platform import list_objects
        from .workspaces import default_workspace

        store = self.store
        if store is None:
            return [default_workspace()] if collection == "workspace" else []
        return list_objects(store, collection, workspace_id)

    def glance(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """The same as `list`: nothing passes by here."""
        return self.list(collection, workspace_id)

    def latest(self, collection: Collection, object_id: str) -> Wire | None:
        """None: every object has an etag, and a write that comes too late is refused."""
        return None

    def close(self) -> None:
        if self._store is not None and self._database is not None:
            self._store.close()
            self._store = None

    @property
    def store(self) -> Store | None:
        """What it reads; None where there is no database. One that was missing may have come to be since. Raises PlatformError."""
        from .store import open_for_reading

        if self._store is None and self._database is not None:
            self._store = open_for_reading(self._database)
        return self._store


class Writer:
    """Changes the embedded platform (`interface.Writer`, `interface.Heeding`); every call is one transaction. Raises PlatformError.

    `own`: the platform is closed with it.
    """

    def __init__(self, platform: Platform, *, own: bool) -> None:
        self._platform = platform
        self._own = own

    @property
    def store(self) -> WritableStore:
        """What it writes to, for what is written there beside the platform."""
        return self._platform.store

    def stop(self) -> None:
        """Nothing to do: no write here waits for long."""

    def hold_to(self, fences: Fences) -> None:
        """Each write is one transaction with the look at the numbers. Raises OtherStore."""
        self._platform = self._platform.fenced(fences)
        self._platform.meet()

    def heeded(self) -> Mapping[str, Heeded]:
        return self._platform.heeded()

    def adopt(self, fences: Fences) -> None:
        self._platform.adopt(fences)

    def create(self, collection: Collection, body: Wire, key: str | None = None) -> str:
        """Create an object from its write shape; the new object's id. It needs no `key`: only a server's answer can be lost
        (Uncertain), and then it was this one transaction or nothing.
        """
        return self._platform.create(collection, body)

    def update(self, collection: Collection, object_id: str, body: Wire, etag: str | None = None) -> None:
        """Change an object by its write shape, if it still has `etag` (where one is given)."""
        self._platform.update(collection, object_id, body, etag)

    def delete(self, collection: Collection, object_id: str, etag: str | None = None) -> None:
        """Delete an object, if it still has `etag` (where one is given)."""
        self._platform.delete(collection, object_id, etag)

    def close(self) -> None:
        if self._own:
            self._platform.close()


def _shared_platform(connection: Connection) -> Platform | None:
    """The one platform in memory that all share who have this connection; None for a database elsewhere."""
    if connection.target != _MEMORY:
        return None
    if connection.shared is None:
        raise PlatformError("a platform in memory is shared, or lost")
    found: Platform = connection.shared.of(_MEMORY, _in_memory)
    return found


def _in_memory() -> Platform:
    from .memory import Memory
    from .platform import Platform
    from .store import open_for_writing

    return Platform(open_for_writing(Memory()))


def _server(connection: Connection) -> PostgresDatabase:
    from .postgres import PostgresDatabase

    return PostgresDatabase(
        connection.target,
        named=connection.named,
        trusted=connection.trusted,
        ends=connection.ends,
        environ=connection.environ,
        clock=connection.clock,
        heard=connection.heard("platform"),
    )


def _located(connection: Connection) -> tuple[Identification, Database]:
    target, folder = connection.target, connection.folder
    if target.startswith(_POSTGRESQL):
        server = _server(connection)
        return Identification("postgresql", server.place, None), server
    from .sqlite import SqliteFile

    if target == "embedded":
        own = own_folder(folder.absolute(), create=False) / _OWN_FILE
        place = "sha256:" + hashlib.sha256(os.fsencode(own.resolve())).hexdigest()
        return Identification("embedded", "embedded", None, place), SqliteFile(
            own, own_folder=True, ends=connection.ends, clock=connection.clock, heard=connection.heard("platform")
        )
    name = target.removeprefix(_SQLITE)
    if name == target or name in ("", ":memory:"):
        raise PlatformError(f"'{quote(target)}' does not name a database file", "write sqlite:///path/to/file.db")
    path = (folder / name).resolve()
    database = SqliteFile(
        path, own_folder=False, ends=connection.ends, clock=connection.clock, heard=connection.heard("platform")
    )
    return Identification("sqlite", f"{_SQLITE}{path}", None), database
