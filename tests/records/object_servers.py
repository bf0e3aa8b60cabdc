"""Object stores on loopback for the tests: moto's server for S3, Azurite for Azure, and a small one of ours for Google.

No emulator of Google's that can be had honours preconditions in the API that obstore uses (the XML one); so ours is written from the
requests that it makes, and stands for nothing else. It can also misbehave: keep what it was sent and break off before it answers,
or not look at preconditions at all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import NamedTuple, TextIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest


class Bucket(NamedTuple):
    """A bucket that a test may fill: how it is named, and the variables that lead there."""

    url: str
    variables: Mapping[str, str]


@contextmanager
def _running(*command: str, **variables: str) -> Iterator[TextIO]:
    """A server in a process of its own, which ends with its standard input; the lines that it prints."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | variables,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()  # what it holds open ends with it, and so does who still reads that
        process.wait()
        process.stdin.close()


_MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def moto() -> Iterator[str]:
    """The address of an S3. It believes every credential."""
    if find_spec("moto") is None or find_spec("obstore") is None:
        pytest.skip("needs a server: moto")
    with _running(sys.executable, "-c", _MOTO) as lines:
        address = f"http://127.0.0.1:{int(next(lines))}"
        lines.close()  # it says nothing more
        yield address


def s3_bucket(endpoint: str, name: str) -> Bucket:
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT"), timeout=120):
        pass
    variables = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "hush-aws", "AWS_REGION": "us-east-1"}
    return Bucket(f"s3://{name}/some/prefix", variables | {"AWS_ENDPOINT_URL_S3": endpoint})


_ACCOUNT = "gatectl"
_KEY = base64.b64encode(b"a key that only the tests know").decode()


@contextmanager
def azurite() -> Iterator[str]:
    """The address of an Azure Blob Storage with one account."""
    program = shutil.which("azurite-blob")
    if program is None or find_spec("obstore") is None:
        pytest.skip("needs a server: azurite")
    with tempfile.TemporaryDirectory(prefix="gatectl-azurite-") as folder:
        words = (program, "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", folder, "--skipApiVersionCheck",
                 "--disableTelemetry")  # fmt: skip
        with _running(*words, AZURITE_ACCOUNTS=f"{_ACCOUNT}:{_KEY}") as lines:
            listens = next(line for line in lines if "listens" in line)
            threading.Thread(target=deque, args=(lines, 0), daemon=True).start()  # it goes on talking
            yield f"http://127.0.0.1:{re.findall(r':([0-9]+)', listens)[-1]}/{_ACCOUNT}"


def azure_container(endpoint: str, name: str) -> Bucket:
    """A new container: made with a request signed by hand, since obstore makes none."""
    date = formatdate(usegmt=True)
    path = urlsplit(endpoint).path
    resource = f"/{_ACCOUNT}{path}/{name}\nrestype:container"
    told = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n{resource}"
    signature = base64.b64encode(hmac.new(base64.b64decode(_KEY), told.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(f"{endpoint}/{name}?restype=container", method="PUT", data=b"")
    request.add_header("x-ms-date", date)
    request.add_header("x-ms-version", "2021-08-06")
    request.add_header("Authorization", f"SharedKey {_ACCOUNT}:{signature}")
    request.add_header("Content-Type", "")
    with urllib.request.urlopen(request, timeout=120):
        pass
    variables = {"AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": _KEY}
    return Bucket(f"az://{name}/some/prefix", variables | {"AZURE_STORAGE_ENDPOINT": endpoint})


class Google:
    """Objects by their path, with what Google's XML API makes of preconditions."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.asked: list[str] = []
        """The requests that came, each by its method and path."""
        self.turn = threading.Lock()
        self.generation = 1
        self.loses = 0
        """How many of the next writes are kept, and their answers lost."""
        self.fails = 0
        """How many of the next writes are kept, and answered with an error all the same."""
        self.careless = False
        """Preconditions are not looked at."""
        self.refuses = 0
        """The status of every answer from now on; 0: none."""
        self.ails: Callable[[int], str | None] = lambda number: None
        """What the request of a number, counted from 0, meets: "away" (nobody answers), and for a write "full" (507, and nothing is
        kept), "lost" (kept, and nobody answers) or "failed" (kept, and 500)."""
        self.sockets: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"google": self}))
        self.place = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def bucket(self, name: str) -> Bucket:
        variables = {"GOOGLE_BASE_URL": self.place, "GOOGLE_BEARER_TOKEN": "hush-google"}
        return Bucket(f"gs://{name}/some/prefix", variables)

    def keys(self, bucket: str) -> list[str]:
        return sorted(path.removeprefix(f"{bucket}/") for path in self.objects if path.startswith(f"{bucket}/"))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for each in self.sockets:  # who asked may keep its connections for a while
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    google: Google
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None: ...

    def setup(self) -> None:
        self.google.sockets.append(self.request)
        super().setup()

    def parse_request(self) -> bool:
        understood = super().parse_request()
        with self.google.turn:
            self._meets = self.google.ails(len(self.google.asked))
            self.google.asked.append(f"{self.command} {self.path}")
        if understood and self._meets == "away":
            self._break_off()
            return False
        return understood

    def _break_off(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _path(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _tell(self, found: tuple[bytes, int], content: bytes) -> None:
        self._answer(
            200, content, ETag=f'"{found[1]}"', x_goog_generation=str(found[1]), Last_Modified=formatdate(usegmt=True)
        )

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if self.google.refuses:
            self._answer(self.google.refuses, b"no")
        elif "list-type" in asked:
            self._list(self._path().strip("/"), asked.get("prefix", [""])[0], asked.get("delimiter", [""])[0])
        elif (found := self.google.objects.get(self._path())) is not None:
            self._tell(found, found[0])
        else:
            self._answer(404)

    def do_PUT(self) -> None:
        data, google = self.rfile.read(int(self.headers["Content-Length"])), self.google
        if self._meets == "full":
            self._answer(507, b"no room")
            return
        if google.refuses:
            self._answer(google.refuses, b"no")
            return
        with google.turn:
            before = google.objects.get(self._path(), (b"", 0))[1]
            wanted = self.headers.get("x-goog-if-generation-match")
            if wanted is not None and int(wanted) != before and not google.careless:
                self._answer(412)
                return
            google.generation += 1
            found = google.objects[self._path()] = (data, google.generation)
            lost = google.loses > 0 or self._meets == "lost"
            failed = google.fails > 0 or self._meets == "failed"
            google.loses, google.fails = max(0, google.loses - 1), max(0, google.fails - 1)
        if lost:
            self._break_off()
        elif failed:
            self._answer(500, b"it was kept")
        else:
            self._tell(found, b"")

    def do_DELETE(self) -> None:
        with self.google.turn:
            self._answer(404 if self.google.objects.pop(self._path(), None) is None else 204)

    def _list(self, bucket: str, prefix: str, delimiter: str) -> None:
        prefixes: set[str] = set()
        found = []
        for key in self.google.keys(bucket):
            if key.startswith(prefix):
                head, separator, _ = key.removeprefix(prefix).partition(delimiter or "\0")
                if separator:
                    prefixes.add(prefix + head + separator)
                else:
                    data, generation = self.google.objects[f"{bucket}/{key}"]
                    found.append(
                        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-31T10:15:30.000Z</LastModified>"
                        f"<ETag>{generation}</ETag><Size>{len(data)}</Size></Contents>"
                    )
        commons = [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in sorted(prefixes)]
        self._answer(200, f"<ListBucketResult>{''.join(found + commons)}</ListBucketResult>".encode())
