"""The stores that the suite of histories runs on, each with a place of its own for one test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from gatectl.platforms.interface import Connection, RecordsChoice, Shared
from platforms.postgresql_server import Server as Postgresql
from platforms.postgresql_server import postgresql_server
from records.object_servers import Bucket, Google, azure_container, azurite, moto, s3_bucket

__all__ = ["postgresql_server"]  # pytest finds the fixtures here


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with moto() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azure_server() -> Iterator[str]:
    with azurite() as endpoint:
        yield endpoint


@pytest.fixture
def google() -> Iterator[Google]:
    pytest.importorskip("obstore", reason="needs a server: obstore")
    with closing(Google()) as server:
        yield server


STORES = ("platform", "memory", "platform-postgresql", "sqlite", "postgresql", "s3", "gs", "az")
OBJECTS = ("s3", "gs", "az")
FILES = ("platform", "sqlite")


class Place(NamedTuple):
    """A store as it is reached, and how its name begins."""

    connection: Connection
    scheme: str


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A store of each kind, that nobody has written to."""
    yield from reach(request.param, request, tmp_path)


def reach(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    with closing(Shared()) as shared:
        if name in OBJECTS:
            found = bucket(name, request)
            environ = {"LANG": "C", **found.variables}
            choice = RecordsChoice(found.url, named=True)
            yield Place(Connection("http://127.0.0.1:1", folder, environ=environ, records=choice), found.url)
        elif name.endswith("postgresql"):
            postgresql: Postgresql = request.getfixturevalue("postgresql_server")
            url = postgresql.url(postgresql.new_database())
            if name == "postgresql":
                yield Place(
                    Connection("http://127.0.0.1:1", folder, records=RecordsChoice(url, named=True)), "postgresql://"
                )
            else:
                yield Place(Connection(url, folder, named=True), "postgresql")
        elif name == "sqlite":
            yield Place(Connection("http://127.0.0.1:1", folder), "sqlite:///")
        else:
            yield Place(Connection("memory" if name == "memory" else "embedded", folder, shared=shared), name)


def bucket(name: str, request: pytest.FixtureRequest) -> Bucket:
    """A new bucket of an object store."""
    called = f"t{secrets.token_hex(6)}"
    if name == "s3":
        return s3_bucket(request.getfixturevalue("s3_server"), called)
    if name == "az":
        return azure_container(request.getfixturevalue("azure_server"), called)
    google: Google = request.getfixturevalue("google")
    return google.bucket(called)
