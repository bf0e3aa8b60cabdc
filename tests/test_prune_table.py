"""The table of `--prune`: whose an object is, how it is live, whether it is protected, how the manifests were read, and who attaches it.

What each row comes to is worked out here from product.md, section 6, and from nothing of ours. Everything is real: the checkouts are git's,
what was applied was applied by the library, and what somebody changed by hand was changed on the platform.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gatectl
from gatectl import reconcile
from gatectl.api.results import Plan
from gatectl.applying.allowance import parse_allowance
from gatectl.documents.limits import Guardrails
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, RecordsChoice, Secret
from gatectl.project import Environment, Patterns, Project
from records.conftest import azure_server, google, postgresql_server, reach, s3_server
from serving import EMAIL, PASSWORD, Server
from sites import VARIABLES, bucket, entry, repository

__all__ = ["azure_server", "google", "postgresql_server", "s3_server"]  # pytest finds the fixtures here

OWNERS = ("ours", "another project", "another environment", "nobody")
STATES = ("as applied", "changed", "extended")
PROTECTED = ("not protected", "by its manifest", "by guardrails")
READ = ("whole", "sparse", "submodule missing", "excluded")
WHO = {f"GIT_{who}_{what}": "x@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ALLOWED = parse_allowance(("project", "older"), "the table")


class Row(NamedTuple):
    owner: str
    state: str
    protected: str
    read: str
    attached: bool


ROWS = [Row(*each) for each in itertools.product(OWNERS, STATES, PROTECTED, READ, (False, True))]


class Comes(NamedTuple):
    """What a plan with `--prune` deletes and holds, and the errors that it has, each with the name of its object."""

    deleted: frozenset[str]
    held: frozenset[str]
    errors: frozenset[tuple[str, str]]


def says(row: Row) -> Comes:
    """What section 6 says of the repository `r`, which somebody may have changed or attached something to, and of the bucket `raw`, which
    somebody may have changed, and which another repository that stays may attach. No manifest declares either."""
    if row.owner != "ours":
        return Comes(frozenset(), frozenset(), frozenset())  # left alone
    unsure = row.read != "whole" or row.protected != "not protected"
    altered = {"as applied": (), "changed": ("r", "raw"), "extended": ("r",)}[row.state]
    held = frozenset(name for name in ("r", "raw") if unsure or name in altered)
    errors = {(name, "GW508") for name in held}
    if row.attached and "raw" not in held:  # an error that holds more than its object: nothing is planned
        return Comes(frozenset(), frozenset(), frozenset((*errors, ("raw", "GW505"))))
    return Comes(frozenset(("r", "raw")) - held, held, frozenset(errors))


# What there is: checkouts, and a platform


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, **WHO}
    )
    return done.stdout.strip()


KEPT = [bucket("base", ("S3", "base-events")), bucket("extra", ("S3", "extra-events"))]


def gone(*, protect: bool) -> list[dict[str, Any]]:
    """What was declared once: a repository, and a bucket beside it."""
    said = {"protect": True} if protect else {}
    return [
        repository("r", [entry("S3", "base-events")], **said),
        bucket("raw", ("S3", "raw-events"), metadata=said, region="eu-west-1"),
    ]


def write(folder: Path, files: Mapping[str, Sequence[dict[str, Any]]]) -> Path:
    for name, documents in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n---\n".join(map(json.dumps, documents)))
    return folder


def checkout(folder: Path, files: Mapping[str, Sequence[dict[str, Any]]]) -> Path:
    """A checkout of the project, from its remote; what is committed are these manifests."""
    write(folder, {"gatectl.yaml": [project("u-1")], **files})
    git(folder, "init", "-q")
    git(folder, "config", "remote.origin.url", "https://git.example/acme/site.git")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "1")
    return folder


def project(uid: str) -> dict[str, Any]:
    environments = {name: {"platform": "embedded"} for name in ("default", "other")}
    spec = {"uid": uid, "manifests": ["manifests"], "environments": environments}
    return {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "site"}, "spec": spec}


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A checkout for each way in which manifests are read, in none of which `r` and `raw` are declared by what is read."""
    top = tmp_path_factory.mktemp("checkouts")
    kept = {"manifests/a/kept.yaml": KEPT}
    found = {
        "whole": checkout(top / "whole", kept),
        "sparse": checkout(top / "sparse", {**kept, "manifests/b/b.yaml": [repository("b")]}),
        "submodule missing": checkout(top / "submodule", kept),
        "excluded": checkout(top / "excluded", {**kept, "manifests/gone.yaml": gone(protect=False)}),
    }
    git(found["sparse"], "sparse-checkout", "set", "manifests/a")
    head = git(found["submodule missing"], "rev-parse", "HEAD")
    git(found["submodule missing"], "update-index", "--add", "--cacheinfo", f"160000,{head},manifests/shared")
    git(found["submodule missing"], "commit", "-qm", "2")
    return found


def opened(connection: Connection, folder: Path, environment: str = "default") -> gatectl.Estate:
    """The estate of a folder, on the platform and with the records of a connection."""
    environ = {**VARIABLES, "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD, **connection.environ}
    return gatectl.open(
        folder, environment=environment, platform=connection.target, records=connection.records.target, environ=environ
    )


def apply_as(owner: str, connection: Connection, folder: Path, *, protect: bool) -> None:
    """Whose `r` and `raw` are applies them; ours is what is kept, whoever that is."""
    ours = checkout(folder / "ours", {"manifests/a/kept.yaml": KEPT})
    opened(connection, ours).apply(new_records=True)
    if owner == "ours":
        write(ours, {"manifests/gone.yaml": gone(protect=protect)})
        opened(connection, ours).apply()
        return
    theirs = write(folder / "theirs", {"manifests/gone.yaml": gone(protect=protect)})
    write(theirs, {"gatectl.yaml": [project("u-2" if owner == "another project" else "u-1")]})
    git(theirs, "init", "-q")
    git(theirs, "config", "remote.origin.url", "https://git.example/acme/site.git")
    if owner == "nobody":
        forgetting = connection._replace(records=RecordsChoice("none"))
        opened(forgetting, theirs).apply()
    else:
        opened(connection, theirs, "other" if owner == "another environment" else "default").apply()


def change_by_hand(connection: Connection, state: str, *, attached: bool) -> None:
    """What somebody did on the platform since."""
    driver = driver_for(connection.target)
    with closing(driver.open_reader(connection)) as reader, closing(driver.open_writer(connection)) as writer:
        (home,) = [each["id"] for each in reader.list("workspace") if each["name"] == "default"]
        ids = {each["name"]: each["id"] for kind in ("bucket", "repo") for each in reader.list(kind, home)}

        def repo(name: str, *items: dict[str, Any]) -> dict[str, Any]:
            return {"name": name, "storageType": "S3", "mode": "NORMAL", "workspaceId": home, "repoBuckets": items}

        def attaching(name: str) -> dict[str, Any]:
            return {"bucketId": ids[name], "folder": "", "master": False}

        if state == "changed":
            writer.update("repo", ids["r"], repo("r"))
            raw = {"name": "raw", "bucket": "raw-events", "storageType": "S3", "key": "AKIA", "secret": "hush"}
            writer.update("bucket", ids["raw"], {**raw, "workspaceId": home, "region": "us-east-1"})
        if state == "extended":
            writer.update("repo", ids["r"], repo("r", attaching("base"), attaching("extra")))
        if attached:
            writer.create("repo", repo("theirs", attaching("raw")))


# What is asked


def planned(row: Row, connection: Connection, folder: Path) -> Any:
    """The plan of a row with `--prune`, in a checkout of its own."""
    protect = ("r", "Bucket/ra?") if row.protected == "by guardrails" else ()
    exclude = (Patterns(folder, ("manifests/gone.yaml",)),) if row.read == "excluded" else ()
    environment = Environment("default", connection.target, guardrails=Guardrails(protect=protect))
    site = Project(
        folder, folder / "gatectl.yaml", "site", ("manifests",), {}, {"default": environment}, exclude, uid="u-1"
    )
    request = reconcile.Request(site, environment, prune=True, keep_going=True, allowed=ALLOWED)
    return reconcile.work_out(request, lambda: connection)


def comes(plan: Any) -> Comes:
    assert all(op["action"] == "delete" for op in plan["operations"])
    wrong = (found for found in plan["diagnostics"] if found["severity"] == "error")
    return Comes(
        frozenset(op["name"] for op in plan["operations"]),
        frozenset(held["name"] for held in plan.get("held", ())),
        frozenset((found["manifest"]["name"], found["rule"]) for found in wrong),
    )


def live(connection: Connection) -> frozenset[str]:
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        (home,) = [each["id"] for each in reader.list("workspace") if each["name"] == "default"]
        return frozenset(each["name"] for kind in ("bucket", "repo") for each in reader.list(kind, home))


def check(row: Row, connection: Connection, folder: Path) -> None:
    """That a row comes to what section 6 says; and where something is deleted, that an apply deletes that and nothing else."""
    plan, said = planned(row, connection, folder), says(row)
    assert comes(plan) == said, row
    if said.deleted:
        before = live(connection)
        estate = opened(connection, folder)
        estate.apply(Plan(plan), keep_going=True, allow=("project", "older"), reason="the table")
        assert live(connection) == before - said.deleted, row


@pytest.mark.parametrize("protected", PROTECTED)
@pytest.mark.parametrize("owner", OWNERS)
def test_every_row_of_the_table_is_as_section_6_says(
    owner: str, protected: str, checkouts: Mapping[str, Path], tmp_path: Path
) -> None:
    there = Connection(f"sqlite:///{tmp_path}/base.db", tmp_path)
    apply_as(owner, there, tmp_path, protect=protected == "by its manifest")
    for state, attached in itertools.product(STATES, (False, True)):
        so_far = copied(there, f"{state} {attached}")
        change_by_hand(so_far, state, attached=attached)
        for read in READ:
            check(
                Row(owner, state, protected, read, attached),
                copied(so_far, f"{state} {attached} {read}"),
                checkouts[read],
            )


def copied(connection: Connection, name: str) -> Connection:
    """The same platform again, in a file of its own."""
    target = connection.folder / f"{name}.db"
    with (
        closing(sqlite3.connect(connection.target.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return connection._replace(target=f"sqlite:///{target}")


# Elsewhere: what is live in one way on each, or with GATECTL_LONG in all ways

STORES = ("sqlite", "platform-postgresql", "postgresql", "s3", "gs", "az")
PLACES = [(platform, store) for platform in ("embedded", "http") for store in STORES if store[:8] != "platform"]


def scenes(seed: str) -> list[list[Row]]:
    """Rows that are of one platform as it is live, by that, the one that deletes last: always the same one of a place, or all."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(ROWS, key=lambda row: len(says(row).deleted)):
        found.setdefault((row.owner, row.state, row.protected == "by its manifest", row.attached), []).append(row)
    if os.environ.get("GATECTL_LONG"):
        return list(found.values())
    weights = [3 if rows[0].owner == "ours" else 1 for rows in found.values()]
    return random.Random(seed).choices(list(found.values()), weights)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """Platforms with records in a store, a new one for each row."""
    platform, store = request.param
    return _each(platform, store, request, tmp_path)


def _each(platform: str, store: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Connection]:
    for number in itertools.count():
        top = folder / str(number)
        top.mkdir()
        for place in reach(store, request, top):
            given = place.connection
            records = (
                given.records if given.records.target is not None else RecordsChoice(f"sqlite:///{top}/records.db")
            )
            records = records._replace(named=True)
            if given.target.startswith("postgresql"):
                yield given
            elif platform == "embedded":
                yield given._replace(target=f"sqlite:///{top}/platform.db", records=records)
            else:
                with Server(top / "served") as server:
                    signing_in = Credentials(email=EMAIL, password=Secret(PASSWORD))
                    yield given._replace(target=server.url, credentials=signing_in, records=records, named=True)


@pytest.mark.parametrize("elsewhere", [*PLACES, ("embedded", "platform-postgresql")], ids=" and ".join, indirect=True)
def test_the_table_is_the_same_on_every_platform_and_with_every_store(
    elsewhere: Iterator[Connection], request: pytest.FixtureRequest, checkouts: Mapping[str, Path], tmp_path: Path
) -> None:
    for number, rows in enumerate(scenes(request.node.name)):
        connection, row = next(elsewhere), rows[0]
        apply_as(row.owner, connection, tmp_path / f"applied-{number}", protect=row.protected == "by its manifest")
        change_by_hand(connection, row.state, attached=row.attached)
        for each in rows:
            check(each, connection, checkouts[each.read])
