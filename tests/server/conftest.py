"""Servers for the tests, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platforms.postgresql_server import postgresql_server, postgresql_url
from server.serving import Serve, Served

__all__ = ["postgresql_server", "postgresql_url"]  # pytest finds the fixtures here


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    serve = Serve(tmp_path)
    yield serve
    serve.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> Served:
    """A server on each database."""
    if request.param == "postgresql":
        return serve("--database", request.getfixturevalue("postgresql_url"))
    return serve("--database", f"sqlite:///{tmp_path}/platform.db")


@pytest.fixture(scope="module")
def served_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all the tests of a module that leave nothing behind."""
    serve = Serve(tmp_path_factory.mktemp("served"))
    yield serve()
    serve.close()
