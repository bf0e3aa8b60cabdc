"""A platform whose names, ids and words want to be more than that: nothing is forged, and half of a character stops no command."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from serving import Rehearsal

MANIFEST = """\
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data}
spec: {endpointType: S3, resources: [{type: S3, bucket: raw}]}
"""
HOSTILE = {
    "GitHub": "\n::error::FORGED",
    "the old form": "##[error]FORGED",
    "Azure": "##vso[task.complete]FORGED",
    "a terminal": "\x1b]0;FORGED\x07\x9b31m\r",
    "half a character": "\ud800FORGED",
    "a long text": "FORGED" * 10_000,
}
COMMAND = re.compile(r"^\s*::[\w-]+( [^:]*)?::\s*FORGED|##\[|##vso\[", re.IGNORECASE)
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def lists(hostile: str) -> dict[str, Any]:
    odd = {
        "id": f"b1{hostile}",
        "name": f"label{hostile}",
        "bucket": f"raw{hostile}",
        "storageType": "S3",
        "workspaceId": "w1",
    }
    plain = {"id": "b2", "name": "ok", "bucket": "raw", "storageType": "S3", "workspaceId": "w1"}
    attached = [{"bucketId": "b2", "folder": f"x{hostile}", "master": False}]
    repository = {
        "id": "r1", "name": f"repo{hostile}", "storageType": "S3", "mode": "NORMAL", "workspaceId": "w1",
        "buckets": attached, "aiLlms": [],
    }  # fmt: skip
    return {
        "/workspace": {"success": True, "workspaces": [{"id": "w1", "name": "default"}, {"id": "w2", "name": hostile}]},
        "/bucket": {"success": True, "buckets": [odd, plain]},
        "/repo": {"success": True, "repos": [repository]},
        "/ai/llm": {"success": True, "aiLlms": []},
    }


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


@pytest.fixture
def address(hostile: str) -> Iterator[str]:
    """A platform that lists hostile objects, and refuses every write in hostile words."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            found = lists(hostile).get(self.path.partition("?")[0]) if self.command == "GET" else None
            body = json.dumps(found or {"success": False, "message": f"no{hostile}", "error_code": hostile}).encode()
            self.send_response(200 if found else 400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the library's words

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_command_and_format_shows_hostile_objects_as_what_they_are(
    rehearsal: Rehearsal, address: str, hostile: str
) -> None:
    rehearsal.aim(address, ".")
    rehearsal.variables = {"GATECTL_TOKEN": "token", "GATECTL_PLATFORM": address}
    (rehearsal.folder / "gatectl.yaml").unlink(missing_ok=True)
    folder = rehearsal.folder / "manifests"
    folder.mkdir(exist_ok=True)
    for path in rehearsal.folder.rglob("*.yaml"):
        path.unlink()
    (folder / "data.yaml").write_text(MANIFEST)
    formats = ("text", "json", "markdown", "html", "sarif", "junit", "github", "gitlab")
    commands = [
        *(["plan", "--workspace", "default", "--format", form] for form in formats),
        ["plan"], ["plan", "-v", "--workspace", "nope"], ["export"], ["export", "--out", "exported"], ["snapshot"],
        ["graph", "--live", "--workspace", "default"], ["apply", "--yes", "-v", "--workspace", "default", "manifests"],
        ["apply", "--yes", "--format", "json", "--workspace", "default", "manifests"],
    ]  # fmt: skip
    for arguments in commands:
        done = rehearsal.gatectl(*arguments)
        assert "internal error" not in done.err, (arguments, done.err[:500])
        for line in f"{done.out}\n{done.err}".splitlines():
            assert not COMMAND.search(line), (arguments, line[:300])
            assert not CONTROLS.search(line), (arguments, line[:300])
        assert all(len(line) < 4_000 for line in done.err.splitlines()), arguments
