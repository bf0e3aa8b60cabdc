"""A project folder to rehearse in, and a server that behaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import Rehearsal, Server


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    folder = tmp_path / "project"
    folder.mkdir()
    return Rehearsal(folder)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that behaves, with an empty platform at the start of the session."""
    with Server(tmp_path_factory.mktemp("server")) as served:
        yield served
