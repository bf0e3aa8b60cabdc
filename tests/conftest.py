"""What all tests share: a site of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sites import Site

# The plans and applies of tests are not those of the CI step that runs them.
for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
    os.environ.pop(name, None)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
