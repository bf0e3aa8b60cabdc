"""A proxy on loopback between gatectl and a real PostgreSQL server that loses what a test wants lost, once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_WRITES = b"pg_advisory_xact_lock"
"""What a transaction that writes begins with."""


class Losing:
    """The proxy, in use with `with`. Once it is told to `lose`, it does so at the first message of a writing transaction that
    holds some bytes: where it is `asked`, the server gets it and answers; where it is `hung_up`, the connection ends, and
    `for_good`: there is no other. `after`: only once a message held these bytes. `then` is called as soon as it is lost."""

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._message: bytes | None = None
        self._after = b""
        self._then: Callable[[], None] = lambda: None
        self._asked = self._hung_up = self._for_good = False
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(
        self, message: bytes, *, asked: bool, hung_up: bool, for_good: bool = False,
        then: Callable[[], None] = lambda: None, after: bytes = b"",
    ) -> None:  # fmt: skip
        self._after = after
        self._message, self._asked, self._hung_up, self._for_good = message, asked, hung_up, for_good
        self._then = then

    @property
    def lost(self) -> bool:
        """Whether there is nothing left to lose."""
        return self._message is None

    def __enter__(self) -> Losing:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._server, *self._sockets):
            _end(each)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._server.accept()[0]
                server = socket.create_connection(self._upstream)
                self._sockets += [client, server]
                _Pair(self, client, server)

    def takes(self, question: bytes) -> bool:
        """Whether this is what is to be lost; only once."""
        if self._after:
            self._after = b"" if self._after in question else self._after
            return False
        found = self._message is not None and self._message in question
        self._message = None if found else self._message
        return found

    def hang_up(self) -> bool:
        """What is done with the connection then: whether it ends. `for_good`, the others do too, and no new one is taken."""
        self._then()
        if self._for_good:
            for each in (self._server, *self._sockets):
                _end(each)
        return self._hung_up

    @property
    def asks(self) -> bool:
        return self._asked


class _Pair:
    """A connection, and the one that it is passed on to."""

    def __init__(self, proxy: Losing, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._mute, self._answered = False, threading.Event()
        for each in (self._questions, self._answers):
            threading.Thread(target=each, daemon=True).start()

    def _questions(self) -> None:
        writes = False
        with suppress(OSError):
            while question := self._client.recv(1 << 16):
                writes = writes or _WRITES in question
                if not (writes and self._proxy.takes(question)):
                    self._server.sendall(question)
                    continue
                self._mute = True
                if self._proxy.asks:
                    self._server.sendall(question)
                    self._answered.wait(60)
                if self._proxy.hang_up():
                    break
                self._client.recv(1)  # until the client has had enough
        _end(self._client)
        _end(self._server)

    def _answers(self) -> None:
        with suppress(OSError):
            while answer := self._server.recv(1 << 16):
                if self._mute:
                    self._answered.set()
                else:
                    self._client.sendall(answer)
        _end(self._client)


def _end(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
