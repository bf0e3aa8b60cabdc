"""Where a controller keeps what it knows is asked in one place, and means the same from whatever folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatectl.controller.place import database_of, key_file_of
from gatectl.errors import MissingCredential, UsageError
from gatectl.fleet.values import Database, Fleet

POSTGRESQL = "postgresql://db.acme.example/controller"


def fleet(folder: Path, database: Database | None = None) -> Fleet:
    return Fleet("acme", str(folder / "fleet.yaml"), (), database)


def test_without_a_word_it_lies_beside_the_fleet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Fleet("acme", "etc/fleet.yaml", ())
    assert database_of(here, None, {}) == f"sqlite:///{tmp_path}/etc/.gatectl/controller.db"
    assert key_file_of(here, database_of(here, None, {}), {}) == tmp_path / "etc/.gatectl/controller.key"


def test_what_is_named_is_relative_to_who_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "etc"
    assert database_of(fleet(there), "sqlite:///c.db", {}) == f"sqlite:///{tmp_path}/c.db"
    said = fleet(there, Database(address="sqlite:///c.db"))
    assert database_of(said, None, {}) == f"sqlite:///{there}/c.db"
    assert database_of(said, f"sqlite:///{os.path.relpath(there)}/c.db", {}) == f"sqlite:///{there}/c.db"
    with pytest.raises(UsageError, match="another database"):
        database_of(said, "sqlite:///c.db", {})
    assert key_file_of(said, f"sqlite:///{there}/c.db", {}) == there / "controller.key"


def test_a_variable_names_it(tmp_path: Path) -> None:
    said = fleet(tmp_path, Database(variable="DATABASE"))
    assert database_of(said, None, {"DATABASE": POSTGRESQL}) == POSTGRESQL
    assert database_of(said, POSTGRESQL, {"DATABASE": POSTGRESQL}) == POSTGRESQL
    assert key_file_of(said, POSTGRESQL, {}) == tmp_path / ".gatectl/controller.key"
    assert key_file_of(said, POSTGRESQL, {"GATECTL_CONTROLLER_KEY_FILE": "/run/key"}) == Path("/run/key")
    for environ in ({}, {"DATABASE": ""}):
        with pytest.raises(MissingCredential, match="DATABASE"):
            database_of(said, None, environ)


@pytest.mark.parametrize("text", ["mysql://hush@h/d", "sqlite:///", "/path", "", "postgresql://hush:hush@/"])
def test_what_is_no_database_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        database_of(fleet(tmp_path), text, {})
    assert "hush" not in str(caught.value)
