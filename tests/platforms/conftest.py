"""A world for the tests of the embedded platform: a folder, its reader and writer, and short ways to fill it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatectl.errors import PlatformRefused
from gatectl.platforms.embedded import Reader, Writer, open_reader, open_writer
from gatectl.platforms.interface import Connection
from platforms.postgresql_server import postgresql_server, postgresql_url

__all__ = ["postgresql_server", "postgresql_url"]  # pytest finds the fixtures here


class World:
    """A platform of its own: by default the project's database in a folder."""

    def __init__(self, folder: Path, target: str = "embedded") -> None:
        self.folder = folder
        self.target = target
        self.connection = Connection(target, folder, named=True)
        self.writer: Writer = open_writer(self.connection)
        self.reader: Reader = open_reader(self.connection)
        self.workspace: str = self.reader.list("workspace")[0]["id"]
        self._count = 0

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def bucket(self, **fields: Any) -> str:
        body = {"name": self._name("bucket"), "bucket": "data", "storageType": "S3", "key": "AK", "secret": "s"}
        return self.writer.create("bucket", body | {"workspaceId": self.workspace} | fields)

    def llm(self, **fields: Any) -> str:
        body = {"name": self._name("llm"), "aiType": "OPENAI", "endpoint": "https://api.example.com/v1", "secret": "s"}
        return self.writer.create("ai/llm", body | {"workspaceId": self.workspace} | fields)

    def api_key(self, **fields: Any) -> str:
        body = {"key": "AK", "secret": "s", "provider": "AWS", "workspaceId": self.workspace}
        return self.writer.create("apikeys", body | fields)

    def repository_body(self, *attached: dict[str, Any] | str, **fields: Any) -> dict[str, Any]:
        items = [{"bucketId": item} if isinstance(item, str) else item for item in attached]
        body = {"storageType": "S3", "mode": "NORMAL", "workspaceId": self.workspace, "repoBuckets": items}
        return body | {"name": fields.pop("name", None) or self._name("repo")} | fields

    def repository(self, *attached: dict[str, Any] | str, **fields: Any) -> str:
        return self.writer.create("repo", self.repository_body(*attached, **fields))

    def one(self, collection: Any, object_id: str) -> Any:
        return next(item for item in self.reader.list(collection) if item["id"] == object_id)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


@pytest.fixture(params=["embedded", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    target = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else "embedded"
    world = World(tmp_path, target)
    yield world
    world.close()


@pytest.fixture
def make_world() -> type[World]:
    return World


class Refusal:
    """`with refusal(code, status):` demands that the block is refused with both."""

    def __init__(self, code: str, status: int) -> None:
        self._expected = (code, status)

    def __enter__(self) -> Refusal:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        assert isinstance(error, PlatformRefused), f"not refused, but {error!r}"
        assert (error.platform_code, error.status) == self._expected
        assert error.message
        return True


@pytest.fixture
def refusal() -> type[Refusal]:
    return Refusal


class Processes:
    """Real processes that run a piece of Python with this checkout's modules."""

    def start(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def processes() -> Processes:
    return Processes()
