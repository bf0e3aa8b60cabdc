"""What all tests share: a site of their own."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sites import Site

# The plans and applies of tests are not those of the CI step that runs them, and their Python is a user's: one that does
# not buffer its output hides what is lost with a buffer.
for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)

# What a shell starts in the background ignores its interrupts, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# And what nohup starts ignores that its terminal is gone.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long examples take to be made is a matter of how busy the machine is.
settings.register_profile(
    "whatever the load",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    database=None,
)
settings.load_profile("whatever the load")


_FOR_SERVERS = 9


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(autouse=True, scope="module")
def nothing_stays_open() -> Iterator[None]:
    """What a module's tests opened is closed after them: whoever runs gatectl for long would run out of it. A few may be of
    servers that serve all tests."""
    before = _descriptors()
    yield
    if _descriptors() > before + _FOR_SERVERS:
        gc.collect()
        assert _descriptors() <= before + _FOR_SERVERS, "these tests left files or sockets open"


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """An event loop that an earlier test left running is that test's fault, and not of the one that finds it."""
    if "browser" not in item.path.parts:
        assert asyncio._get_running_loop() is None, "a fixture of other tests still runs its event loop in this thread"
