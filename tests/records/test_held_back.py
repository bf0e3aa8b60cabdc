"""What a store of records holds back, on every store: what was protected when it was applied last, and what belongs to a project that was
not applied from here before.

Each test is of the command line, with the records where the store has them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.conftest import BUCKET, REPOSITORY, Shell, project, shell
from records.conftest import FILES, STORES, reach

__all__ = ["shell"]  # pytest finds the fixture here

ALL = f"{BUCKET}---\n{REPOSITORY}"
EMPTY = f"{BUCKET}---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []")
_SHOWN = tuple(name for name in STORES if name != "memory")


def protecting(text: str, said: str, name: str = "data") -> str:
    """The manifests, where one says whether it is protected."""
    return text.replace(f"{{name: {name}", f"{{protect: {said}, name: {name}")


@pytest.fixture(params=_SHOWN)
def store(shell: Shell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A project with a uid, whose records are kept in a store of each kind; nothing is applied."""
    for place in reach(request.param, request, shell.folder):
        connection = place.connection
        for name, value in (connection.environ or {}).items():
            monkeypatch.setenv(name, value)
        platform = f"sqlite:///{shell.folder}/platform.db"
        if connection.target.startswith("postgresql"):
            address = urlsplit(connection.target)
            monkeypatch.setenv("PGPASSWORD", address.password or "")
            monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", f"{address.hostname}:{address.port}")
            platform = connection.target.replace(f":{address.password}@", "@")
        local = f"sqlite:///{shell.folder}/records.db" if request.param == "sqlite" else None
        records = connection.records.target or local
        if records is not None:
            monkeypatch.setenv("GATECTL_RECORDS", records)
        document = json.loads(project(default={"platform": platform}))
        document["spec"]["uid"] = "u-1"
        shell.write("gatectl.yaml", json.dumps(document))
        yield shell


def applied(shell: Shell, text: str) -> Shell:
    shell.write("manifests/all.yaml", text)
    done = shell("apply", "--yes", "--new-records")
    assert done.code == 0, done.err
    return shell


@pytest.fixture
def stored(store: Shell) -> Shell:
    """The same, and its first apply, in which `data` is protected."""
    return applied(store, protecting(ALL, "true"))


FIRST, SECOND = (f"git.example/{name}/site//gatectl.yaml" for name in ("acme", "fork"))


def aim(shell: Shell, place: str) -> None:
    """From now on it comes from a remote, as that place says."""
    url = f"https://{place.partition('//')[0]}.git"
    git(shell.folder, "config", "remote.origin.url", url)


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def placed(store: Shell) -> Shell:
    """The same, in a checkout with an origin, from which it was applied."""
    git(store.folder, "init", "-q")
    aim(store, FIRST)
    return applied(store, ALL)


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


# Places

CHANGED = ALL.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu\n", 1)
OTHER = BUCKET.replace("raw-aws", "other").replace("raw-events", "other-events")
LEFT = {("raw-aws", "GW507")}


def test_from_a_place_that_was_not_noted_what_is_owned_stays_and_the_rest_goes_on(placed: Shell) -> None:
    aim(placed, SECOND)
    assert planned(placed)["newPlace"] == {"place": SECOND, "noted": [FIRST], "takesOver": False}
    assert placed("plan", "--detailed-exitcode").code == 0, "what is as it is wanted is taken by nobody"
    placed.write("manifests/all.yaml", f"{CHANGED}---\n{OTHER}")
    shown = placed("plan")
    assert shown.code == 4 and shown.out.startswith(f"A NEW PLACE: {SECOND}; the project was applied from {FIRST}")
    assert "--take-over all says so, once" in shown.out
    for name in ("markdown", "html"):
        assert f"{SECOND}; the project was applied from" in placed("plan", "--format", name).out
    assert held(placed) == LEFT and [op["name"] for op in planned(placed)["operations"]] == ["other"]
    assert placed("apply", "--yes").code == 4
    assert placed("apply", "--yes", "--keep-going").code == 7
    assert held(placed) == LEFT and planned(placed)["operations"] == []
    placed.write("manifests/all.yaml", BUCKET)
    assert held(placed, "--prune") == {("data", "GW507"), ("other", "GW507")}
    run = placed("history", "--format", "json").json["runs"][-1]["run"]
    undo = placed("undo", run, "--format", "json").json
    assert undo["newPlace"]["noted"] == [FIRST] and undo["operations"] == []
    assert all("GW507" in item["what"] for item in undo["undoes"]["left"])
    for words in (("--take-over", "Bucket/raw-aws"), ("--keep-going",)):
        placed.write("manifests/all.yaml", CHANGED)
        assert held(placed, *words) == LEFT, "nothing but all is taken over from another place"
    aim(placed, FIRST)
    assert "newPlace" not in planned(placed) and [op["name"] for op in planned(placed)["operations"]] == ["raw-aws"]


def test_a_place_is_taken_over_once_and_then_it_is_one_of_them(placed: Shell) -> None:
    aim(placed, SECOND)
    placed.write("manifests/all.yaml", CHANGED)
    with_place = planned(placed, "--take-over", "all")
    assert with_place["newPlace"] == {"place": SECOND, "noted": [FIRST], "takesOver": True}
    assert [op["name"] for op in with_place["operations"]] == ["raw-aws"] and "takeOver" not in with_place
    aim(placed, FIRST)
    assert planned(placed)["fingerprint"] != with_place["fingerprint"], "an approval is of the place too"
    aim(placed, SECOND)
    done = placed("apply", "--yes", "--take-over", "all")
    assert done.code == 0 and f"remembered: applied from {SECOND} too, from now on" in done.out
    for place in (FIRST, SECOND):
        aim(placed, place)
        assert "newPlace" not in planned(placed) and placed("plan", "--detailed-exitcode").code == 0
    aim(placed, "git.example/third/site//gatectl.yaml")
    assert planned(placed)["newPlace"]["noted"] == [FIRST, SECOND]
    done = placed("apply", "--yes", "--take-over", "all")
    assert done.code == 0, "also where there is nothing else to do"
    assert "newPlace" not in planned(placed)


def test_a_plan_that_was_saved_elsewhere_is_applied_from_noted_places_alone(placed: Shell) -> None:
    placed.write("manifests/all.yaml", CHANGED)
    assert placed("plan", "--out", "plan.json").code == 0
    aim(placed, SECOND)
    refused = placed("apply", "--plan", "plan.json", "--yes")
    assert refused.code == 6 and f"was not applied from here before ({SECOND}) (GW507)" in refused.err
    assert placed("plan", "--take-over", "all", "--out", "plan.json").code == 0
    aim(placed, FIRST)
    refused = placed("apply", "--plan", "plan.json", "--yes")
    assert refused.code == 6 and f"to be applied from {SECOND}" in refused.err
    aim(placed, SECOND)
    assert placed("apply", "--plan", "plan.json", "--yes").code == 0
    assert placed("plan", "--detailed-exitcode").code == 0


def test_without_an_origin_a_place_is_the_file_where_the_store_is_one_and_else_there_is_none(
    store: Shell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(store, ALL)
    elsewhere = store.folder.parent / "elsewhere"
    shutil.copytree(store.folder / "manifests", elsewhere / "manifests")
    shutil.copy(store.folder / "gatectl.yaml", elsewhere)
    monkeypatch.chdir(elsewhere)
    store.folder = elsewhere
    store.write("manifests/all.yaml", CHANGED)
    local = request.node.callspec.params["store"] in FILES
    assert held(store) == (LEFT if local else set())
    assert store("apply", "--yes").code == (4 if local else 0)
    assert store("apply", "--yes", "--take-over", "all").code == 0
    assert store("plan", "--detailed-exitcode").code == 0
