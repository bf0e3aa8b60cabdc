"""What a store of records holds back, on every store: what was protected when it was applied last.

Each test is of the command line, with the records where the store has them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.conftest import BUCKET, REPOSITORY, Shell, project, shell
from records.conftest import STORES, reach

__all__ = ["shell"]  # pytest finds the fixture here

ALL = f"{BUCKET}---\n{REPOSITORY}"
EMPTY = f"{BUCKET}---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []")
_SHOWN = tuple(name for name in STORES if name != "memory")


def protecting(text: str, said: str, name: str = "data") -> str:
    """The manifests, where one says whether it is protected."""
    return text.replace(f"{{name: {name}", f"{{protect: {said}, name: {name}")


@pytest.fixture(params=_SHOWN)
def stored(shell: Shell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A project with a uid, whose records are kept in a store of each kind, and its first apply, in which `data` is protected."""
    for place in reach(request.param, request, shell.folder):
        connection = place.connection
        for name, value in (connection.environ or {}).items():
            monkeypatch.setenv(name, value)
        platform = "embedded" if connection.target.startswith("http") else connection.target
        records = connection.records.target or ("sqlite:///records.db" if request.param == "sqlite" else None)
        if platform != "embedded":
            address = urlsplit(platform)
            monkeypatch.setenv("PGPASSWORD", address.password or "")
            monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", f"{address.hostname}:{address.port}")
            platform = platform.replace(f":{address.password}@", "@")
        if records is not None:
            monkeypatch.setenv("GATECTL_RECORDS", records)
        document = json.loads(project(default={"platform": platform}))
        document["spec"]["uid"] = "u-1"
        shell.write("gatectl.yaml", json.dumps(document))
        shell.write("manifests/all.yaml", protecting(ALL, "true"))
        done = shell("apply", "--yes", "--new-records")
        assert done.code == 0, done.err
        yield shell


def planned(shell: Shell, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = shell("plan", "--format", "json", *words).json
    return found


def held(shell: Shell, *words: str) -> set[tuple[str, str]]:
    """What a plan holds, each with the rule."""
    return {(item["name"], item["reason"]) for item in planned(shell, *words).get("held", ())}


def test_what_a_manifest_protected_is_not_detached_from_or_deleted_until_one_apply_has_said_so(stored: Shell) -> None:
    assert planned(stored).get("protects") is None and stored("plan", "--detailed-exitcode").code == 0
    for said in ("true", "false"):
        stored.write("manifests/all.yaml", protecting(EMPTY, said))
        assert held(stored) == {("data", "GW508")}, "also where it says false only now"
        assert stored("apply", "--yes").code == 4
    stored.write("manifests/all.yaml", EMPTY)
    assert held(stored) == {("data", "GW508")}, "who says nothing leaves it as it was"
    stored.write("manifests/all.yaml", BUCKET)
    assert ("data", "GW508") in held(stored, "--prune")
    assert stored("apply", "--prune", "--yes").code == 4
    stored.write("manifests/all.yaml", protecting(ALL, "false"))
    (lifted,) = planned(stored)["protects"]
    assert (lifted["name"], lifted["protect"]) == ("data", False) and planned(stored)["operations"] == []
    assert stored("apply", "--yes").code == 0
    assert planned(stored).get("protects") is None
    stored.write("manifests/all.yaml", BUCKET)
    assert [op["action"] for op in planned(stored, "--prune")["operations"]] == ["delete"]
    assert stored("apply", "--prune", "--yes").code == 0


def test_a_plan_that_was_saved_before_is_not_applied_to_what_was_protected_since(stored: Shell) -> None:
    stored.write("manifests/all.yaml", protecting(ALL, "false"))
    assert stored("apply", "--yes").code == 0
    stored.write("manifests/all.yaml", EMPTY)
    assert stored("plan", "--out", "plan.json").code == 0
    stored.write("manifests/all.yaml", protecting(ALL, "true"))
    assert stored("apply", "--yes").code == 0
    done = stored("apply", "--plan", "plan.json", "--yes")
    assert done.code == 6 and "Repository default/data is protected by now (GW508)" in done.err
    assert planned(stored)["operations"] == []


def test_an_undo_leaves_what_is_protected_and_what_it_changes_stays_so(stored: Shell) -> None:
    stored.write("manifests/all.yaml", ALL.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu\n", 1))
    assert stored("apply", "--yes").code == 0
    assert stored("undo", "last", "--yes").code == 0
    stored.write("manifests/all.yaml", ALL)
    run = json.loads(stored("history", "--format", "json").out)["runs"][-1]["run"]
    left = {item["name"]: item["what"] for item in stored("undo", run, "--format", "json").json["undoes"]["left"]}
    assert "GW508" in left["data"]
