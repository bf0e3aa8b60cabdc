"""Connections to servers that stay open between two uses, for a process that lives long and opens the same database again and again: a
connection costs both sides as much as many statements, since it is signed in to. A command has no use for it.

What is given back has no transaction and holds no lock; what the server closed meanwhile is not handed out.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import URL, Dialect, Engine, NullPool, create_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.util import LRUCache

_MOST: Final = 16
"""Connections to one database that nobody uses."""
_LASTS: Final = 30.0
"""Seconds for which one stays open that nobody uses."""


class Keeping:
    """Keeps connections, for all threads of a process, until it is closed."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: dict[object, _Server] = {}
        self._closed = False

    def engine(self, url: URL, arguments: Mapping[str, Any]) -> Engine:
        """An engine for a database, whose connections are kept. Values never reach the text of an exception."""
        lasting = {name: value for name, value in arguments.items() if name != "connect_timeout"}
        key = (
            url.render_as_string(hide_password=False),
            tuple(sorted((name, repr(lasting[name])) for name in lasting)),
        )
        with self._turn:
            server = self._known.get(key)
        if server is None:
            made = _Server(url, arguments)
            with self._turn:
                server = self._known.setdefault(key, made)
        return server.engine(arguments)

    def close(self) -> None:
        """Close all that nobody uses; what is given back later is closed then."""
        with self._turn:
            known, self._known = self._known, {}
        for server in known.values():
            server.close()


class _Server:
    """One database, and who signs in to it how."""

    def __init__(self, url: URL, arguments: Mapping[str, Any]) -> None:
        first = create_engine(url, connect_args=dict(arguments), poolclass=NullPool, hide_parameters=True)
        first.connect().close()  # the dialect asks the server what it is, once
        self._dialect: Dialect = first.dialect
        self._url = first.url
        self._spelt = LRUCache[object, object](500)
        self._idle: list[tuple[float, Any]] = []
        self._turn = threading.Lock()
        self._open = True

    def engine(self, arguments: Mapping[str, Any]) -> Engine:
        opening = cast("Callable[[], DBAPIConnection]", lambda: self._connection(arguments))
        return Engine(
            NullPool(opening, dialect=self._dialect), self._dialect, self._url, hide_parameters=True,
            execution_options={"compiled_cache": self._spelt},
        )  # fmt: skip

    def _connection(self, arguments: Mapping[str, Any]) -> object:
        """A connection that nobody uses, or a new one. Raises what the driver raises."""
        while True:
            with self._turn:
                since, idle = self._idle.pop() if self._idle else (0.0, None)
            if idle is None:
                break
            if (
                time.monotonic() - since < _LASTS
                and not idle.closed
                and not select.select([idle.fileno()], [], [], 0)[0]
            ):
                return idle
            idle.end()
        positional, named = self._dialect.create_connect_args(self._url)
        made = _kept().connect(*positional, **{**named, **arguments})
        hook = self._dialect.on_connect()
        if hook is not None:
            hook(made)
        made.keeper = self
        return made

    def take_back(self, connection: Any) -> bool:
        """Keep a connection for whoever comes next; False: it is to be closed."""
        import psycopg

        if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            return False
        try:
            connection.execute("SELECT pg_advisory_unlock_all()")
        except psycopg.Error:
            return False
        with self._turn:
            if not self._open or len(self._idle) >= _MOST:
                return False
            self._idle.append((time.monotonic(), connection))
        return True

    def close(self) -> None:
        with self._turn:
            idle, self._idle, self._open = self._idle, [], False
        for _, connection in idle:
            connection.end()


@cache
def _kept() -> Any:
    """The driver's connection, which is given back where it would be closed. Made late: the driver is an extra."""
    import psycopg

    class Kept(psycopg.Connection[Any]):
        keeper: _Server | None = None

        def close(self) -> None:
            if self.keeper is None or not self.keeper.take_back(self):
                super().close()

        def end(self) -> None:
            super().close()

    return Kept
