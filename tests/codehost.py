"""A code host on loopback that speaks what of GitHub's and GitLab's REST API a comment needs, and fails when it is told to."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "ghs_Canary0123456789"
ME, OTHER = 7, 8

COMMENTS = {
    "github": r"/api/repos/acme/gateway/issues/(\d+)/comments",
    "gitlab": r"/api/projects/(?:42|acme/gateway)/merge_requests/(\d+)/notes",
}
COMMENT = {
    "github": r"/api/repos/acme/gateway/issues/comments/(\d+)",
    "gitlab": r"/api/projects/(?:42|acme/gateway)/merge_requests/\d+/notes/(\d+)",
}
REPLACE = {"github": "PATCH", "gitlab": "PUT"}


class Fault(NamedTuple):
    """What happens to the next request of a method: it is answered so, or (status 0) its connection is closed.

    `after`: only once it took effect.
    """

    method: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    after: bool = False
    body: str = '{"message": "Server Error"}'


class CodeHost:
    """One project with its pull requests, as a server in a thread. `comments` is what it holds, `requests` what it saw."""

    def __init__(self, provider: str, *, page: int = 100, knows_me: bool = True, header: str | None = None) -> None:
        self.provider, self.page, self.knows_me = provider, page, knows_me
        self.header = header or {"github": "Authorization", "gitlab": "PRIVATE-TOKEN"}[provider]
        self.comments: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.link: Callable[[str], str] = lambda url: url
        self._lock = threading.Lock()
        outer = self

        class Handler(_Handler):
            host = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> CodeHost:
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, body: str, author: int = ME, number: int = 5, **more: Any) -> dict[str, Any]:
        person = (
            {"id": author, "type": "User" if author == OTHER else "Bot"}
            if self.provider == "github"
            else {"id": author}
        )
        word = "user" if self.provider == "github" else "author"
        with self._lock:
            comment = {"id": 100 + len(self.comments), "body": body, word: person, **more}
            if self.provider == "github":
                comment["html_url"] = f"https://code.example/acme/gateway/pull/{number}#{comment['id']}"
            self.comments.append(comment | {"number": number})
        return comment

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]

    def fault(self, method: str, *, after: bool) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.method == method and fault.after == after:
                    self.faults.remove(fault)
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: CodeHost

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its parameter's name
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - their names

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        path = unquote(urlsplit(self.path).path)
        self.host.requests.append(f"{self.command} {path}")
        if self._fails(after=False):
            return
        if self.headers.get(self.host.header, "").removeprefix("Bearer ") != TOKEN:
            said = f"Bad credentials {self.headers.get(self.host.header)}"
            self._answer(401, {"message": said})
            return
        status, answer, headers = self._do(path, body)
        if not self._fails(after=True):
            self._answer(status, answer, headers)

    def _do(self, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        provider = self.host.provider
        if path == "/api/user":
            return (
                (200, {"id": ME, "login": "ci"}, {})
                if self.host.knows_me
                else (403, {"message": "not by integration"}, {})
            )
        listed, one = re.fullmatch(COMMENTS[provider], path), re.fullmatch(COMMENT[provider], path)
        if listed and self.command == "GET":
            return self._list(int(listed[1]))
        if listed and self.command == "POST":
            return 201, self.host.add(body["body"], number=int(listed[1])), {}
        if one and self.command == REPLACE[provider]:
            for comment in self.host.comments:
                if comment["id"] == int(one[1]):
                    comment["body"] = body["body"]
                    return 200, comment, {}
        return 404, {"message": "Not Found"}, {}

    def _list(self, number: int) -> tuple[int, Any, dict[str, str]]:
        query = parse_qs(urlsplit(self.path).query)
        page = int(query.get("page", ["1"])[0])
        found = [comment for comment in self.host.comments if comment["number"] == number]
        start = (page - 1) * self.host.page
        headers = {}
        if start + self.host.page < len(found):
            url = f"{self.host.url.removesuffix('/api')}{urlsplit(self.path).path}?page={page + 1}"
            headers["Link"] = f'<{self.host.link(url)}>; rel="next"'
        return 200, found[start : start + self.host.page], headers

    def _fails(self, *, after: bool) -> bool:
        fault = self.host.fault(self.command, after=after)
        if fault is None:
            return False
        if fault.status:
            self._answer(fault.status, fault.body, dict(fault.headers))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        return True

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
