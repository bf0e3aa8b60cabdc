"""Real servers: `python -m gatectl serve` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx


class Served:
    """A running server, a client of it, and short ways to fill it."""

    def __init__(self, folder: Path, *options: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATECTL_")}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gatectl", "serve", "--port", "0", *options],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._words: list[str] = []
        self.url = self._listening()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._count = 0

    def _listening(self) -> str:
        assert self.process.stderr
        for line in self.process.stderr:
            self._words.append(line)
            if found := re.search(r"http://[\w.:\[\]]+", line):
                return found[0]
        raise AssertionError("".join(self._words))

    def _listen(self) -> None:
        assert self.process.stderr
        self._words.extend(self.process.stderr)

    @property
    def log(self) -> str:
        """What the server said; whole after `stop`."""
        return "".join(self._words)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the server; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._listener.join(60)
        self.client.close()
        return code

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        """The JSON that is answered, with the status that is expected."""
        content = None if body is None else json.dumps(body)
        response = self.client.request(method, path, content=content, **options)
        assert response.status_code == status, f"{response.status_code} {response.text}"
        assert response.headers["content-type"] == "application/json"
        return response.json()

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    @property
    def workspace(self) -> str:
        found: str = self.call("GET", "/workspace")["workspaces"][0]["id"]
        return found

    def bucket(self, **fields: Any) -> str:
        body = {"bucket": "data", "storageType": "S3", "key": "AK", "secret": "s", "workspaceId": self.workspace}
        made: str = self.call("POST", "/bucket", {"name": self._name("bucket")} | body | fields)["bucketId"]
        return made

    def llm(self, **fields: Any) -> str:
        body = {"aiType": "OPENAI", "endpoint": "https://api.example.com", "secret": "s", "workspaceId": self.workspace}
        made: str = self.call("POST", "/ai/llm", {"name": self._name("llm")} | body | fields)["aiLlmId"]
        return made

    def repository_body(self, *attached: Any, **fields: Any) -> dict[str, Any]:
        items = [{"bucketId": item} if isinstance(item, str) else item for item in attached]
        body = {"name": self._name("repo"), "storageType": "S3", "mode": "NORMAL", "workspaceId": self.workspace}
        return body | {"repoBuckets": items} | fields

    def repository(self, *attached: Any, **fields: Any) -> str:
        made: str = self.call("POST", "/repo", self.repository_body(*attached, **fields))["repoId"]
        return made

    def one(self, repository_id: str) -> Any:
        (found,) = self.call("GET", f"/repo?repoId={repository_id}")["repos"]
        return found


class Serve:
    """Starts servers, which end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._served: list[Served] = []

    def __call__(self, *options: str) -> Served:
        served = Served(self.folder, *options)
        self._served.append(served)
        return served

    def with_faults(self, *rules: dict[str, Any], **fields: Any) -> Served:
        return self("--faults", self.file("faults.json", json.dumps({"rules": rules} | fields)))

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        return str(path)

    def refused(self, *options: str, code: int) -> str:
        """What is said when the server does not even start."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(
            [sys.executable, "-m", "gatectl", "serve", "--port", "0", *options],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def close(self) -> None:
        for served in self._served:
            served.stop()
