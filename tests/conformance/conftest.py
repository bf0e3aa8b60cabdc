"""The back ends that the one conformance suite runs on: in process, over HTTP on SQLite, over HTTP on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, Reader, Secret, Writer
from platforms.postgresql_server import postgresql_server
from serving import EMAIL, PASSWORD, Server

__all__ = ["postgresql_server"]  # pytest finds the fixtures here

BACK_ENDS = ("embedded", "http-sqlite", "http-postgresql")


class Back(NamedTuple):
    """A platform, however it is reached, and a workspace in it that belongs to one test."""

    connection: Connection
    reader: Reader
    writer: Writer
    workspace: str
    workspace_id: str

    def create(self, collection: Any, **body: Any) -> str:
        return self.writer.create(collection, {"workspaceId": self.workspace_id, **body})

    def bucket(self, name: str, **fields: Any) -> str:
        body = {"name": name, "bucket": name, "storageType": "S3", "key": "AK", "secret": "hush"}
        return self.create("bucket", **body | fields)

    def repository(self, name: str, *buckets: str, **fields: Any) -> str:
        attached = [{"bucketId": one, "folder": "", "master": False} for one in buckets]
        body = {"name": name, "storageType": "S3", "mode": "NORMAL", "repoBuckets": attached, "repoAiLlms": []}
        return self.create("repo", **body | fields)

    def list(self, collection: Any) -> dict[str, Any]:
        return {item["id"]: item for item in self.reader.list(collection, self.workspace_id)}


@pytest.fixture(scope="module", params=BACK_ENDS)
def reached(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder: Path = tmp_path_factory.mktemp("back-end")
    if request.param == "embedded":
        yield Connection("embedded", folder)
        return
    database = None
    if request.param == "http-postgresql":
        postgresql = request.getfixturevalue("postgresql_server")
        database = postgresql.url(postgresql.new_database())
    with Server(folder, database=database) as server:
        credentials = Credentials(email=EMAIL, password=Secret(PASSWORD))
        yield Connection(server.url, folder, "OPENAI", credentials, named=True)


_numbers = itertools.count()


@pytest.fixture
def back(reached: Connection) -> Iterator[Back]:
    driver = driver_for(reached.target)
    reader, writer = driver.open_reader(reached), driver.open_writer(reached)
    name = f"conformance-{next(_numbers)}"
    yield Back(reached, reader, writer, name, writer.create("workspace", {"name": name}))
    reader.close()
    writer.close()
