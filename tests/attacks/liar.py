"""A platform that lies: a server on loopback that speaks bytes, and as many ways to answer as a hostile one has.

It answers kindly until a deviation says otherwise. A deviation is a row of DEVIATIONS: which requests it spoils, and how.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

WORKSPACE = {"id": "w1", "name": "default", "orgId": "o1", "users": []}
BUCKET = {
    "id": "b1", "name": "raw-aws", "bucket": "raw-events", "storageType": "S3", "key": "AKIA", "region": "eu-west-1",
    "endpoint": "", "workspaceId": "w1",
}  # fmt: skip
LLM = {
    "id": "l1",
    "name": "assistant",
    "aiType": "OPENAI",
    "endpoint": "https://api.openai.com/v1",
    "workspaceId": "w1",
}
REPOSITORY = {
    "id": "r1", "name": "data", "storageType": "S3", "mode": "NORMAL", "workspaceId": "w1", "apiKeys": [], "aiApiKeys": [],
    "buckets": [{"bucketId": "b1", "folder": "", "master": False, "bucket": BUCKET}], "aiLlms": [],
}  # fmt: skip
LISTS: Final[Mapping[str, Any]] = {
    "/workspace": {"success": True, "workspaces": [WORKSPACE]},
    "/bucket": {"success": True, "buckets": [BUCKET]},
    "/ai/llm": {"success": True, "aiLlms": [LLM]},
    "/repo": {"success": True, "repos": [REPOSITORY]},
    "/apikeys": {"success": True, "apiKeys": []},
    "/user/profile": {"success": True, "user": {"id": "u1", "email": "ci@acme.example", "orgId": "o1"}},
}
CREATED: Final[Mapping[str, Any]] = {
    "/workspace": {"success": True, "workspace": {"id": "w2"}},
    "/bucket": {"success": True, "bucketId": "b2"},
    "/ai/llm": {"success": True, "aiLlmId": "l2"},
    "/repo": {"success": True, "repoId": "r2"},
}


class Asked(NamedTuple):
    """One request, as far as a lie depends on it."""

    method: str
    path: str
    body: bytes


class Wire:
    """The connection of one request, to answer on."""

    def __init__(self, connection: socket.socket, gone: threading.Event) -> None:
        self._connection, self._gone = connection, gone

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def answer(self, status: int, body: bytes, *headers: str, kind: str = "application/json") -> None:
        lines = [
            f"HTTP/1.1 {status} Said",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *headers,
        ]
        self.send("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body)

    def drip(self, content: Iterator[bytes]) -> None:
        """A piece every 50 ms, until the other side or the test has had enough."""
        for piece in content:
            self.send(piece)
            if self._gone.wait(0.05):
                return

    def wait(self) -> None:
        """Until the test is over."""
        self._gone.wait(60)

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Lie = Callable[[Wire, Asked], None]


def kind_answer(asked: Asked) -> tuple[int, Any]:
    if asked.method == "GET":
        found = LISTS.get(asked.path)
        return (200, found) if found is not None else (404, {"success": False, "message": "Not Found"})
    if asked.method == "POST" and asked.path in CREATED:
        return 201, CREATED[asked.path]
    return 200, {"success": True}


class Liar:
    """The server. `lie` answers the requests that `spoils` says; `requests` is what it was asked. `tell` is called before each lie."""

    def __init__(
        self, lie: Lie | None = None, spoils: Callable[[Asked], bool] = lambda asked: True,
        tell: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self.requests: list[Asked] = []
        self._lie, self._spoils, self._tell = lie, spoils, tell
        self._gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Liar:
        return self

    def __exit__(self, *exception: object) -> None:
        self._gone.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._gone.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            while (asked := _read(connection)) is not None:
                self.requests.append(asked)
                wire = Wire(connection, self._gone)
                if self._lie is not None and self._spoils(asked):
                    self._tell()
                    self._lie(wire, asked)
                    return
                status, body = kind_answer(asked)
                content = json.dumps(body).encode()
                wire.send(
                    f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
                    + content
                )


def _read(connection: socket.socket) -> Asked | None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return None
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    wanted = int(headers.get("content-length") or 0)
    while len(body) < wanted:
        body += connection.recv(65536)
    return Asked(method, target.partition("?")[0], body)


# --- answers that end nowhere ----------------------------------------------------------------------------------------


def _forever(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def _silence(wire: Wire, asked: Asked) -> None:
    wire.wait()


def _drips_status(wire: Wire, asked: Asked) -> None:
    wire.drip(iter([bytes([b]) for b in b"HTTP/1.1 200 " + b"O" * 5000]))


def _drips_headers(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\n")
    wire.drip(_forever(b"X-More: yes\r\n"))


def _drips_one_header(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nX-More: ")
    wire.drip(_forever(b"a"))


def _drips_body(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    wire.drip(_forever(b" "))


def _drips_chunks(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.drip(_forever(b"1\r\n \r\n"))


def _drips_chunk_extension(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    wire.drip(_forever(b"a"))


def _continues(wire: Wire, asked: Asked) -> None:
    wire.drip(_forever(b"HTTP/1.1 100 Continue\r\n\r\n"))


def _early_hints(wire: Wire, asked: Asked) -> None:
    wire.drip(_forever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"))


def _floods_headers(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        wire.send(b"X-More: " + b"a" * 60000 + b"\r\n")


def _floods_body(wire: Wire, asked: Asked) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        wire.send(b"1," * 50000)


@functools.cache
def _packed() -> bytes:
    return gzip.compress(b" " * 300_000_000, 9)


def _bomb(wire: Wire, asked: Asked) -> None:
    wire.answer(200, _packed(), "Content-Encoding: gzip")


# --- answers that are no HTTP ----------------------------------------------------------------------------------------


def says(content: bytes) -> Lie:
    return lambda wire, asked: wire.send(content)


def _reset(wire: Wire, asked: Asked) -> None:
    wire.reset()


def _closes(wire: Wire, asked: Asked) -> None:
    pass


# --- answers of the wrong shape --------------------------------------------------------------------------------------


def body(content: bytes | Any, *headers: str, status: int = 200, kind: str = "application/json") -> Lie:
    made = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda wire, asked: wire.answer(status, made, *headers, kind=kind)


def listed(change: Callable[[dict[str, Any]], Any]) -> Lie:
    """The kind answer, changed by a function that is given its body (a copy) and returns what is sent."""

    def lie(wire: Wire, asked: Asked) -> None:
        status, kind = kind_answer(asked)
        wire.answer(status, json.dumps(change(json.loads(json.dumps(kind)))).encode())

    return lie


def items(change: Callable[[dict[str, Any]], Any]) -> Lie:
    """The kind answer with every object of its lists changed."""

    def whole(answer: dict[str, Any]) -> Any:
        return {
            name: [change(i) for i in value] if isinstance(value, list) else value for name, value in answer.items()
        }

    return listed(whole)


def with_field(name: str, value: Any) -> Lie:
    return items(lambda item: {**item, name: value})


FORGED: Final = (
    "evil\n::error file=x::forged\r##[error]x ##vso[task.complete] ##teamcity[x]\x1b[31mred\x9b\u202e\u2028\ud800"
)
LONG: Final = "x" * 1_048_576
VALUES: Final[Mapping[str, Any]] = {
    "null": None, "true": True, "number": 7, "huge": 10**400, "float": 1e308, "list": [[]], "object": {"a": {}}, "empty": "",
    "forged": FORGED, "long": LONG, "path": "../../../workspace", "query": "x?y=z#f", "percent": "%2e%2e%2f", "surrogate": "\udfff",
}  # fmt: skip
FIELDS: Final = (
    "id", "name", "workspaceId", "storageType", "mode", "bucket", "key", "region", "endpoint", "buckets", "aiLlms", "apiKeys",
    "aiType", "deletedAt", "disabled", "users", "etag", "orgId", "repoBuckets", "units", "aiApiKeys",
)  # fmt: skip

SPOILED: Final[Mapping[str, Lie]] = {
    "silence": _silence, "drips-status": _drips_status, "drips-headers": _drips_headers, "drips-one-header": _drips_one_header,
    "drips-body": _drips_body, "drips-chunks": _drips_chunks, "drips-chunk-extension": _drips_chunk_extension,
    "continues": _continues, "early-hints": _early_hints, "floods-headers": _floods_headers, "floods-body": _floods_body,
    "bomb": _bomb, "reset": _reset, "closes": _closes,
    "another-protocol": says(b"SSH-2.0-OpenSSH_9.2\r\n"), "tls-alert": says(b"\x15\x03\x01\x00\x02\x02\x46"),
    "zeros": says(b"\0" * 100), "status-0": says(b"HTTP/1.1 0 No\r\n\r\n"), "status-1000": says(b"HTTP/1.1 1000 No\r\n\r\n"),
    "status-text": says(b"HTTP/1.1 abc No\r\n\r\n"), "http-9": says(b"HTTP/9.9 200 OK\r\n\r\n"),
    "length-negative": says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    "length-text": says(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"),
    "length-huge": says(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n{}"),
    "two-lengths": says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "cut-short": says(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"),
    "chunk-size": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    "header-bytes": says(b"HTTP/1.1 200 OK\r\nX-\xff\x00: \x01\xfe\r\nContent-Length: 2\r\n\r\n{}"),
    "header-long": says(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 300_000 + b"\r\nContent-Length: 2\r\n\r\n{}"),
    "gzip-broken": body(b"no gzip", "Content-Encoding: gzip"), "encoding-unknown": body(b"{}", "Content-Encoding: evil"),
    "encoding-many": body(b"{}", "Content-Encoding: " + ", ".join(["gzip"] * 500)),
    "cookie": body({"success": True}, "Set-Cookie: " + "a" * 10_000),
    **{f"status-{code}": body({"success": False, "message": FORGED, "error_code": FORGED}, status=code)
       for code in (201, 204, 206, 302, 304, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413, 415, 418, 421, 422, 423,
                    425, 428, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 599, 600, 999)},
    "throttled-long": body({}, "Retry-After: 1000000000", status=429), "throttled-negative": body({}, "Retry-After: -1", status=429),
    "throttled-words": body({}, "Retry-After: soon", status=429), "throttled-zero": body({}, "Retry-After: 0", status=429),
    "throttled-digits": body({}, "Retry-After: " + "9" * 5000, status=429), "throttled-503": body({}, "Retry-After: inf", status=503),
    "page": body(b"<html>welcome</html>", kind="text/html"), "no-type": body(b"{}", kind=""), "type-long": body(b"{}", kind="a" * 60_000),
    "not-json": body(b"{", kind="application/json"), "not-utf-8": body(b'{"x": "\xff\xfe"}'), "utf-16": body("{}".encode("utf-16")),
    "mark": body(b"\xef\xbb\xbf{}"), "nan": body(b'{"success": true, "workspaces": NaN}'), "infinity": body(b"[Infinity]"),
    "digits": body(b'{"success": true, "workspaces": [' + b"9" * 100_000 + b"]}"), "deep": body(b"[" * 200_000),
    "deep-objects": body(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "null": body(b"null"), "list": body([]), "string": body(FORGED),
    "refused-kindly": body({"success": False, "message": FORGED, "error_code": FORGED}),
    "refused-oddly": body({"success": "false", "message": {"a": FORGED}, "error": [FORGED], "errorCode": 7}),
    "empty-object": body({}), "no-success": listed(lambda answer: {k: v for k, v in answer.items() if k != "success"}),
    "code-beside": listed(lambda answer: {**answer, "error_code": FORGED, "message": FORGED}),
    "list-null": listed(lambda answer: {k: None if isinstance(v, list) else v for k, v in answer.items()}),
    "list-object": listed(lambda answer: {k: {} if isinstance(v, list) else v for k, v in answer.items()}),
    "list-of-nulls": items(lambda item: None), "list-of-lists": items(lambda item: [item]), "list-of-numbers": items(lambda item: 7),
    "twice": listed(lambda answer: {k: v * 2 if isinstance(v, list) else v for k, v in answer.items()}),
    "ten-thousand": listed(lambda answer: {k: [{**i, "id": f"{i.get('id')}{n}"} for i in v for n in range(10_000)]
                                           if isinstance(v, list) else v for k, v in answer.items()}),
    "more": listed(lambda answer: {**answer, "total": 1000, "hasMore": True, "nextCursor": FORGED, "pagination": {"pages": 9}}),
    "unknown-list": with_field("somethings", [{"id": "x"}]), "unknown-scalar": with_field("isDefault", True),
    **{f"{field}-{name}": with_field(field, value) for field in FIELDS for name, value in VALUES.items()},
    **{f"attached-{name}": items(lambda item, value=value: {**item, "buckets": [value], "aiLlms": [value]})  # type: ignore[misc]
       for name, value in VALUES.items()},
}  # fmt: skip
"""Every way to answer, by name."""

SLOW: Final = (
    "silence", "drips-status", "drips-headers", "drips-one-header", "drips-body", "drips-chunks", "drips-chunk-extension",
    "continues", "early-hints", "floods-headers", "floods-body",
)  # fmt: skip
"""Those that only a deadline ends."""

PLACES: Final[Mapping[str, Callable[[Asked], bool]]] = {
    "all": lambda asked: True,
    "reads": lambda asked: asked.method == "GET" and asked.path != "/user/profile",
    "workspaces": lambda asked: asked.method == "GET" and asked.path == "/workspace",
    "objects": lambda asked: asked.method == "GET" and asked.path not in ("/workspace", "/user/profile"),
    "writes": lambda asked: asked.method != "GET",
    "profile": lambda asked: asked.path == "/user/profile",
}
"""Which requests are spoiled."""
