"""Somebody who listens on loopback and writes down what comes, or answers badly: what a test has instead of the internet."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

Answering = Callable[[socket.socket], None]


def silent(peer: socket.socket) -> None:
    """Says nothing."""


def dripping(*pieces: bytes) -> Answering:
    """Says these, each by itself and the next one a moment later: nobody can wait for that to end."""

    def answer(peer: socket.socket) -> None:
        for piece in pieces:
            peer.sendall(piece)
            time.sleep(0.05)

    return answer


class Listener:
    """A port of this machine. `heard` is each connection's bytes, in order; `answering` is called with each connection once
    something came, and what came first is written down by then."""

    def __init__(self, answering: Answering = silent) -> None:
        self.heard: list[bytearray] = []
        self._answering = answering
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def text(self) -> str:
        return b"".join(map(bytes, self.heard)).decode("latin-1")

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *exception: object) -> None:
        # A shutdown wakes who waits for a connection; a close alone does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            heard = bytearray()
            self.heard.append(heard)
            threading.Thread(target=self._hear, args=(peer, heard), daemon=True).start()

    def _hear(self, peer: socket.socket, heard: bytearray) -> None:
        with peer, contextlib.suppress(OSError):
            while data := peer.recv(65536):
                first = not heard
                heard += data
                if first:
                    threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._answering(peer)
