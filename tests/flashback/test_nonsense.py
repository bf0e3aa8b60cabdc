"""A platform that answers success, and nonsense where a list should be: before anything was written, and from the first write on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from proxying import Answer, Asked, Proxy, of_json
from serving import EMAIL, PASSWORD, Rehearsal, Server
from sites import VARIABLES, bucket, entry, llm, repository, workspace

NONSENSE: dict[str, Any] = {
    "no list": {"success": True, "message": "there is nothing to see"},
    "null": {"success": True, "workspaces": None, "buckets": None, "aiLlms": None, "repos": None},
    "no object": [],
    "no objects in it": {"success": True, "workspaces": [1], "buckets": ["b"], "aiLlms": [None], "repos": [[]]},
}
LISTS = ("/workspace", "/bucket", "/ai/llm", "/repo")


class Garbling(Proxy):
    """Answers nonsense in place of one list: always, or from the first write on."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.garbled, self.body, self.late = "", NONSENSE["no list"], False
        self.wrote: list[str] = []

    def garble(self, path: str, body: Any, *, late: bool) -> None:
        self.garbled, self.body, self.late = path, body, late
        self.wrote = []

    def answer(self, asked: Asked) -> Answer | None:
        if asked.method != "GET" and not asked.path.startswith("/user"):
            self.wrote.append(asked.what)
        if asked.what == f"GET {self.garbled}" and (self.wrote or not self.late):
            return of_json(self.body)
        return self.forward(asked)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Garbling]]:
    with Server(tmp_path_factory.mktemp("served")) as server, Garbling(server.url) as proxy:
        yield server, proxy


@pytest.fixture
def estate(rehearsal: Rehearsal, platform: tuple[Server, Garbling]) -> Iterator[Rehearsal]:
    """A project with everything in it, in a workspace of its own that is live already and empty."""
    _, proxy = platform
    place = {"workspace": rehearsal.folder.parent.name}
    proxy.garble("", None, late=False)
    rehearsal.aim(proxy.url, "manifests")
    rehearsal.variables = {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD, **VARIABLES}
    write(rehearsal, workspace(place["workspace"]))
    assert rehearsal.gatectl("apply", "--yes").code == 0
    write(
        rehearsal,
        workspace(place["workspace"]),
        bucket("logs", ("S3", "logs"), metadata=place),
        llm("gpt", metadata=place),
        repository("orders", [entry("S3", "logs")], **place),
        repository("assistant", [entry("LLM", "gpt")], endpoint="OpenAI", **place),
    )
    yield rehearsal
    proxy.garble("", None, late=False)


def write(rehearsal: Rehearsal, *documents: Any) -> None:
    path = rehearsal.folder / "manifests/all.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n---\n".join(map(json.dumps, documents)))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("body", ["no list", "no objects in it"])
def test_before_anything_is_written_it_is_no_list_to_plan_from(
    estate: Rehearsal, platform: tuple[Server, Garbling], path: str, body: str
) -> None:
    server, proxy = platform
    before = contents(server)
    proxy.garble(path, NONSENSE[body], late=False)
    done = estate.gatectl("apply", "--yes", "--format", "json")
    assert proxy.wrote == [] and contents(server) == before
    if path == "/ai/llm":  # which a platform may not offer: what needs it is told so, and nothing else is wrong
        assert done.code == 4, done
        assert {one["rule"] for one in done.json["diagnostics"]} == {"GW405"}
        assert "the answer has no list 'aiLlms'" in done.json["diagnostics"][0]["message"]
    else:
        assert (done.code, done.json["error"]["code"]) == (10, "incomplete_list"), done
        assert f"GET {path}: the answer has no list" in done.json["error"]["message"]


@pytest.mark.parametrize("path", LISTS)
def test_a_saved_plan_ends_before_its_first_write_just_so(
    estate: Rehearsal, platform: tuple[Server, Garbling], path: str
) -> None:
    _, proxy = platform
    assert estate.gatectl("plan", "--out", "p.json").code == 0
    proxy.garble(path, NONSENSE["no list"], late=False)
    done = estate.gatectl("apply", "--plan", "p.json", "--yes", "--format", "json")
    assert (done.code, done.json["error"]["code"], proxy.wrote) == (10, "incomplete_list", []), done


@pytest.mark.parametrize("path", LISTS)
def test_once_something_was_written_it_is_partly_applied_and_the_receipt_says_why(
    estate: Rehearsal, platform: tuple[Server, Garbling], path: str
) -> None:
    server, proxy = platform
    proxy.garble(path, NONSENSE["no list"], late=True)
    done = estate.gatectl("apply", "--yes", "--format", "json")
    assert done.code == 7 and proxy.wrote, done
    live = {one["id"] for collection in ("bucket", "ai/llm", "repo") for one in server.objects(collection)}  # type: ignore[arg-type]
    written = [outcome for outcome in done.json["outcomes"] if outcome["attempts"]]
    assert written and all(outcome["platformId"] in live for outcome in written), done
    told = [outcome["error"]["message"] for outcome in written if outcome["error"]]
    assert any(f"could not be read back: GET {path}: the answer has no list" in words for words in told), done
    proxy.garble("", None, late=False)
    assert estate.gatectl("apply", "--yes").code == 0
    assert estate.gatectl("plan", "--detailed-exitcode").code == 0


def test_a_list_of_llms_that_nobody_needs_may_be_nonsense(estate: Rehearsal, platform: tuple[Server, Garbling]) -> None:
    _, proxy = platform
    place = {"workspace": estate.folder.parent.name}
    write(estate, bucket("logs", ("S3", "logs"), metadata=place), repository("orders", [entry("S3", "logs")], **place))
    for body in (*NONSENSE.values(), {"success": True, "aiLlms": [{"id": "l1", "name": 7}]}):
        proxy.garble("/ai/llm", body, late=False)
        done = estate.gatectl("apply", "--yes")
        assert done.code == 0, done


def contents(server: Server) -> Any:
    return [server.objects(collection) for collection in ("workspace", "bucket", "ai/llm", "repo")]  # type: ignore[arg-type]
