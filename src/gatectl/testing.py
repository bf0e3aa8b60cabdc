"""A pytest plugin for estates and their tests: `pytest_plugins = ["gatectl.testing"]` in a conftest.

    def test_the_estate_applies_to_an_empty_platform(estate, platform):
        prod = estate("estate", environment="prod", platform=platform)
        assert prod.validate().ok
        assert prod.apply(secrets=MADE_UP).converged
        assert not prod.plan().changes

`estate` opens estates (`gatectl.open`) and closes them; `platform` is a fresh embedded platform; `served` starts one over HTTP,
with faults where they are wanted. Nothing of it needs a network, and nothing of it reads the environment.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gatectl.api import Estate
from gatectl.api import open as open_estate


class Served(NamedTuple):
    """A platform over HTTP: `gatectl.open(…, platform=served.url, token=served.token)`."""

    url: str
    token: str


@pytest.fixture
def estate() -> Iterator[Callable[..., Estate]]:
    """Opens an estate as `gatectl.open` does, and keeps no receipts in its folder; it is closed after the test."""
    with ExitStack() as stack:
        yield lambda *place, **how: stack.enter_context(open_estate(*place, **{"receipts": False, **how}))


@pytest.fixture
def platform(tmp_path: Path) -> str:
    """A fresh embedded platform in the test's folder, as `platform=` of `gatectl.open` names it."""
    return f"sqlite:///{tmp_path / 'gatectl-platform.db'}"


@pytest.fixture
def served() -> Iterator[Callable[..., Served]]:
    """Starts a platform over HTTP on this machine, in memory: `served()`, or with the rules of a file of faults
    (`served({"route": "*", "kind": "lag"})`). Needs gatectl's extra `server`. It ends with the test."""
    with ExitStack() as stack:
        yield lambda *rules, **fields: stack.enter_context(_Serving(rules, fields))


class _Serving:
    """One served platform."""

    def __init__(self, rules: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> None:
        self._faults = {"rules": list(rules), **fields} if rules or fields else None
        self._stack = ExitStack()

    def __enter__(self) -> Served:
        from gatectl.platforms.embedded import open_platform
        from gatectl.platforms.interface import Connection, Shared
        from gatectl.server.faults import make_faults
        from gatectl.server.listening import Log, listening
        from gatectl.server.sessions import HOUR, Sessions

        shared = Shared()
        self._stack.callback(shared.close)
        platform = open_platform(Connection("memory", Path("/"), shared=shared))
        faults = make_faults(self._faults) if self._faults is not None else None
        token = secrets.token_urlsafe(24)
        sessions = Sessions([token], {}, faults.access_seconds if faults is not None else HOUR)
        troubles: list[str] = []
        self._stack.callback(_fail, troubles)
        log = Log(lambda line: None, troubles.append)
        return Served(self._stack.enter_context(listening(platform, sessions, faults, log)), token)

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _fail(troubles: Sequence[str]) -> None:
    assert not troubles, troubles
