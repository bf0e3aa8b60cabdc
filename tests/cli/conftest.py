"""The command line as a person or a pipeline meets it: in this process for the many, in one of its own for the few."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest

from gatectl.cli.exits import run
from gatectl.clock import CLOCK
from gatectl.manifests import sources

BUCKET = """apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: raw-aws}
spec:
  type: S3
  bucket: raw-events
  credentials: {key: {env: KEY}, secret: {env: SECRET}}
"""
REPOSITORY = """apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data, labels: {team: data}}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources:
    - {type: S3, bucket: raw-events}
"""
GOOD = f"{BUCKET}---\n{REPOSITORY}"
SEEN = ("--allow", "project", "--reason", "seen")
"""What an apply is told of a project file that says something else than before."""


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it is."""
        return json.loads(self.out)


class Shell:
    """A working directory, an environment, and gatectl in it."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.clock = CLOCK
        self._capture = capture

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def good(self) -> Shell:
        """A valid project whose plan is to create a bucket and a repository."""
        self.write("manifests/all.yaml", GOOD)
        self.write("gatectl.yaml", project())
        return self

    def __call__(self, *arguments: str) -> Result:
        self._capture.readouterr()
        code = run(arguments, clock=self.clock)
        out, err = self._capture.readouterr()
        assert "Traceback" not in out + err or "-v" in arguments
        return Result(code, out, err)

    def process(self, *arguments: str, stdin: str | None = None, **variables: str) -> Result:
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env={**os.environ, **variables}, timeout=120, check=False,
            capture_output=True, encoding="utf-8", **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )  # fmt: skip
        assert "Traceback" not in done.stdout + done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "gatectl", *arguments]


def project(**environments: Mapping[str, Any]) -> str:
    """A project file with these environments (none: `default`, embedded)."""
    spec = {"manifests": ["manifests"], "environments": environments or {"default": {"platform": "embedded"}}}
    return json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"}, "spec": spec})


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    for name in [name for name in os.environ if name.startswith("GATECTL_")] + [
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
    ]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KEY", "AKIAEXAMPLE")
    monkeypatch.setenv("SECRET", "hush-hush-hush")
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = signal.getsignal(signal.SIGTERM)
    yield Shell(folder, capsys)
    signal.signal(signal.SIGTERM, before)
    gc.enable()


@pytest.fixture
def fits() -> Any:
    """Assert that a document fits a published schema."""

    def check(document: Any, *names: str) -> None:
        errors = [
            [str(e) for e in jsonschema_rs.Draft202012Validator(dict(sources.read_schema(n))).iter_errors(document)]
            for n in names
        ]
        assert [] in errors, errors

    return check
