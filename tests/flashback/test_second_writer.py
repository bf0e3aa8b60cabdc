"""A person in the web interface changes repositories all the while, over HTTP, as we apply to the same ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatectl import reconcile
from gatectl.applying import execute as executor
from gatectl.applying.leasing import Access
from gatectl.manifests import loading
from gatectl.model import Outcome
from gatectl.platforms.flashback import Reader, open_reader, open_writer
from gatectl.platforms.interface import Connection, Credentials, Secret
from gatectl.project import Environment, bare_project
from gatectl.records.nothing import NothingOwned, WritableNothing
from owning import head_of
from serving import EMAIL, PASSWORD, Rehearsal, Server

COUNT = 12
OURS = [f"ours-{number}" for number in range(6)]


class Person:
    """Attaches buckets of their own to repositories, in the web interface: read, change, write back whole."""

    def __init__(self, url: str, *, careful: bool) -> None:
        self.http = httpx.Client(base_url=url)
        login = self.http.post("/user/login", json={"email": EMAIL, "password": PASSWORD}).json()
        self.http.headers["Authorization"] = f"Bearer {login['accessToken']}"
        self.careful = careful  # sends If-Match
        self.workspace = self.http.get("/workspace").json()["workspaces"][0]["id"]
        self.attached: list[tuple[str, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def bucket(self, name: str) -> str:
        body = {"name": name, "bucket": name, "storageType": "S3", "key": "k", "secret": "s"}
        return str(self.http.post("/bucket", json=body | {"workspaceId": self.workspace}).json()["bucketId"])

    def repos(self) -> list[Mapping[str, Any]]:
        return list(self.http.get("/repo", params={"workspaceId": self.workspace}).json()["repos"])

    def attach(self, repo: Mapping[str, Any], bucket_id: str) -> bool:
        kept = [{key: item[key] for key in ("bucketId", "folder", "master")} for item in repo["buckets"]]
        body = {
            "name": repo["name"], "storageType": repo["storageType"], "mode": repo["mode"],
            "workspaceId": self.workspace, "repoAiLlms": [],
            "repoBuckets": [*kept, {"bucketId": bucket_id, "folder": repo["name"], "master": False}],
        }  # fmt: skip
        headers = {"If-Match": repo["etag"]} if self.careful else {}
        answer = self.http.put(f"/repo/{repo['id']}", json=body, headers=headers)
        return answer.status_code == 200 and answer.json()["success"] is not False

    def _work(self) -> None:
        number = 0
        while not self._stop.is_set():
            theirs = self.bucket(f"theirs-{number}")
            number += 1
            for repo in self.repos():
                if self.attach(repo, theirs):
                    self.attached.append((repo["id"], theirs))

    def __enter__(self) -> Person:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def lost(self) -> list[tuple[str, str]]:
        live = {(repo["id"], item["bucketId"]) for repo in self.repos() for item in repo["buckets"]}
        return [pair for pair in self.attached if pair not in live]


def manifests(folder: Path, buckets: list[str]) -> None:
    """Twelve repositories that attach these buckets, each with a folder of its own, besides whatever else is attached."""
    documents = []
    for number in range(COUNT):
        listed = "".join(f"\n    - {{type: S3, bucket: {name}, folder: repo-{number}}}" for name in buckets) or " []"
        documents.append(
            f"apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {{name: repo-{number}}}\n"
            f"spec:\n  endpointType: S3\n  resources:{listed}\n"
        )
    (folder / "repositories.yaml").write_text("---\n".join(documents))


@pytest.fixture
def served(tmp_path: Path, rehearsal: Rehearsal) -> Iterator[Server]:
    with Server(tmp_path / "served") as server:
        rehearsal.aim(server.url, ".")
        person = Person(server.url, careful=True)
        for name in OURS:
            person.bucket(name)
        manifests(rehearsal.folder, [])
        assert rehearsal.gatectl("apply", "--yes").code == 0
        yield server


def test_with_etags_nothing_that_somebody_else_attached_is_ever_lost(served: Server, rehearsal: Rehearsal) -> None:
    codes = []
    with Person(served.url, careful=True) as person:
        for count in range(1, len(OURS) + 1):
            manifests(rehearsal.folder, OURS[:count])
            codes.append(rehearsal.gatectl("apply", "--yes", "--format", "json").code)
    assert person.attached
    assert person.lost() == []
    assert set(codes) <= {0, 6, 7}
    assert rehearsal.gatectl("apply", "--yes").code == 0
    assert rehearsal.gatectl("plan", "--detailed-exitcode").code == 0
    assert person.lost() == []


class WithoutEtags(Reader):
    """The platform as it may really be: no etag in what is read, so that nothing can be written on a condition."""

    def list(self, *arguments: Any) -> Any:
        return [{key: value for key, value in item.items() if key != "etag"} for item in super().list(*arguments)]

    def latest(self, *arguments: Any) -> Any:
        item = super().latest(*arguments)
        return None if item is None else {key: value for key, value in item.items() if key != "etag"}


def apply_without_etags(rehearsal: Rehearsal, url: str) -> list[Outcome]:
    project, environment = bare_project(rehearsal.folder), Environment("default", url, openai="OPENAI")
    credentials = Credentials(email=EMAIL, password=Secret(PASSWORD))
    connection = Connection(url, rehearsal.folder, "OPENAI", credentials, named=True)
    reader = WithoutEtags(connection, open_reader(connection)._transport, own=True)
    request = reconcile.Request(project, environment, (str(rehearsal.folder / "repositories.yaml"),))
    loaded = loading.load(project, request.paths, None)
    plan = reconcile.make_plan(request, loaded, reconcile.ask_git(request), reader, NothingOwned())
    guard = reconcile.guard(request, reader)
    run = executor.Run(
        reader, lambda: Access(open_writer(connection), WritableNothing(open_writer(connection))), {},
        head_of("rehearsal"), 4, lambda: False,
        lambda outcome: None, guard,
    )  # fmt: skip
    outcomes, converged = executor.apply_plan(plan, run)
    reader.close()
    assert converged == (not any(o.error for o in outcomes) and all(o.status in ("done", "already") for o in outcomes))
    return outcomes


def test_without_etags_a_change_before_the_write_is_a_conflict_and_one_after_it_is_reported(
    served: Server, rehearsal: Rehearsal
) -> None:
    """What can be lost is a change within the one round trip between the last look and the write, as documented."""
    seen: set[str] = set()
    with Person(served.url, careful=False) as person:
        for _ in range(3):
            for count in range(1, len(OURS) + 1):
                manifests(rehearsal.folder, OURS[:count])
                for outcome in apply_without_etags(rehearsal, served.url):
                    seen.add(outcome.error[0] if outcome.error is not None else outcome.status)
    assert seen <= {"done", "already", "conflict", "diverged", "not-started"}
    assert len(person.attached) > COUNT
    # Whoever overwrites whom, a careful apply afterwards brings ours back and leaves theirs alone.
    lost = person.lost()
    assert rehearsal.gatectl("apply", "--yes").code == 0
    assert rehearsal.gatectl("plan", "--detailed-exitcode").code == 0
    assert person.lost() == lost
