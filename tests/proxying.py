"""A proxy on loopback between gatectl and a real `gatectl serve`, that may do with requests and answers what a test wants."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

_HOP = frozenset(("transfer-encoding", "connection", "content-length", "date", "server", "host"))


class Asked(NamedTuple):
    """A request. `query` has the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def what(self) -> str:
        return f"{self.method} {self.path}"


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Forward = Callable[[Asked], Answer]


def of_json(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


UNREADABLE = Answer(200, b"<!DOCTYPE html><title>a page</title>", {"Content-Type": "text/html"})


class Proxy:
    """The proxy, in use with `with`; `url` is where it is. `answer` is what it answers; without more, what the server says."""

    def __init__(self, upstream: str) -> None:
        self._closing = threading.Event()
        self.turn_to(upstream)
        self._server = _make_server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def turn_to(self, upstream: str) -> None:
        """From now on this is the server behind it."""
        self._upstream = urlsplit(upstream)

    def answer(self, asked: Asked) -> Answer | None:
        """The answer to a request; None where there never is one."""
        return self.forward(asked)

    def forward(self, asked: Asked) -> Answer:
        """What the server answers."""
        query = "&".join(f"{name}={value}" for name, value in asked.query.items())
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=60)
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in _HOP}
        connection.request(asked.method, f"{asked.path}?{query}" if query else asked.path, asked.body, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return Answer(response.status, content, {n: v for n, v in response.getheaders() if n.lower() not in _HOP})

    def hang(self) -> None:
        """Until the proxy is closed."""
        self._closing.wait()

    def __enter__(self) -> Any:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def _make_server(proxy: Proxy) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = proxy.answer(Asked(self.command, parts.path, query, dict(self.headers.items()), body))
            if answer is None:
                proxy.hang()
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the library's names

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            """Whoever was to be answered may be gone: that is what is tried here."""

    return Server(("127.0.0.1", 0), Handler)
