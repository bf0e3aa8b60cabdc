"""A proxy on loopback that stops at one request, for as long as a test wants: where a request stands is no matter of time.

It stands between gatectl and a real `gatectl serve`. At the request of that number (from 0, counted in the order in which
they come) it calls `act`, before the server has the request or after it has answered; what `act` returns says whether the
request goes on, or is never answered.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Act = Callable[[], bool]


class Pausing:
    """The proxy, in use with `with`. `url` is where it is; `requests` are the methods and paths in order, up to now."""

    def __init__(self, upstream: str) -> None:
        self.requests: list[str] = []
        self._turn = threading.Lock()
        self._at: int | None = None
        self._late = False
        self._act: Act = lambda: True
        self._closing = threading.Event()
        place = urlsplit(upstream)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                with proxy._turn:
                    number = len(proxy.requests)
                    proxy.requests.append(f"{self.command} {self.path.partition('?')[0]}")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                mine = number == proxy._at
                if mine and not proxy._late and not proxy._act():
                    proxy._closing.wait()
                    return
                connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if mine and proxy._late and not proxy._act():
                    proxy._closing.wait()
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the library's names

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: Any) -> None:
                """Whoever was to be answered may be gone: that is what is tried here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def pause(self, at: int | None, act: Act, *, late: bool = False) -> None:
        """Begin to count anew, and stop at this request (None: at none)."""
        self.requests.clear()
        self._at, self._act, self._late = at, act, late

    def __enter__(self) -> Pausing:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
