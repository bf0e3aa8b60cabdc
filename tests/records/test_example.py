"""`examples/records`: in each of its environments it is remembered what was applied, on a real store of that kind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from cli.conftest import Shell, shell
from platforms.postgresql_server import Server as Postgresql
from records.conftest import OBJECTS, bucket

__all__ = ["shell"]  # pytest finds the fixtures here

EXAMPLE = Path(__file__).parents[2] / "examples" / "records"
ENVIRONMENTS = sorted(yaml.safe_load((EXAMPLE / "gatectl.yaml").read_text())["spec"]["environments"])


@pytest.fixture
def example(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shutil.copytree(EXAMPLE, shell.folder, dirs_exist_ok=True)
    for name, value in {"LAKE_KEY": "AKIAEXAMPLE", "LAKE_SECRET": "not-a-secret", "LANG": "C"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)
    return shell


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_remembers_what_it_says(
    example: Shell, environment: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if environment in OBJECTS:
        found = bucket(environment, request)
        for name, value in {**found.variables, "GATECTL_RECORDS": found.url}.items():
            monkeypatch.setenv(name, value)
    elif environment == "postgresql":
        server: Postgresql = request.getfixturevalue("postgresql_server")
        monkeypatch.setenv("GATECTL_RECORDS", server.url(server.new_database()))
    words = ("-e", environment)
    applied = example(*words, "apply", "--yes", "--new-records")
    assert applied.code == 0, applied.err
    again = example(*words, "plan", "--detailed-exitcode")
    assert again.code == 0, again.out
    listed = example(*words, "history", "--format", "json").json["runs"]
    os.remove(example.folder / "manifests" / "lake.yaml")
    pruned = example(*words, "plan", "--prune", "--allow-empty", "--detailed-exitcode")
    if environment == "none":
        assert listed == [] and pruned.code == 64
    else:
        assert len(listed) == 1 and pruned.code == 3, pruned.out + pruned.err
