"""Absence from a list is no proof, and a refusal stops only what needs the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from gatectl.clock import Clock, Patience
from gatectl.errors import (
    Forbidden,
    IncompleteList,
    NoList,
    NotAuthenticated,
    PlatformError,
    PlatformRefused,
    Uncertain,
    Unsupported,
)
from gatectl.manifests.desired import read_manifest
from gatectl.model import Desired, Document, Finding, SourceFile
from gatectl.planning.current import Current, read_current, read_workspaces
from gatectl.planning.manageable import unmanageable, unoffered
from gatectl.planning.match import match
from gatectl.platforms.interface import Identification, Traits, Wire
from sites import Manifest, bucket, entry, llm, repository

BUCKET: Mapping[str, Any] = {"id": "b1", "name": "logs", "bucket": "logs", "storageType": "S3"}
AZURE: Mapping[str, Any] = {"id": "b2", "name": "acct", "bucket": "acct", "storageType": "BLOB", "apiKeyId": "k1"}
LLM: Mapping[str, Any] = {"id": "l1", "name": "gpt", "aiType": "OPENAI"}
HEAD: Mapping[str, Any] = {"name": "orders", "storageType": "S3", "mode": "NORMAL", "aiLlms": []}


def repo(*attached: Any, **fields: Any) -> dict[str, Any]:
    items = [{"bucketId": item} if isinstance(item, str) else item for item in attached]
    return {"id": "r1", **HEAD, "buckets": items, **fields}


class Lists:
    """A reader of lists, each given or a function that gives or raises it."""

    identification = Identification("test", "test", None)
    traits = Traits(None, False, None, 1)

    def __init__(self, **lists: Any) -> None:
        self.lists = {
            "workspace": [{"id": "w1", "name": "main"}],
            "bucket": [],
            "llm": [],
            "repo": [],
            "apikeys": [],
            **lists,
        }
        self.asked: list[str] = []

    def list(self, collection: str, workspace_id: str | None = None) -> Sequence[Wire]:
        self.asked.append(collection)
        found = self.lists[collection.rpartition("/")[2]]
        return found() if callable(found) else found

    def glance(self, collection: str, workspace_id: str | None = None) -> Sequence[Wire]:
        self.asked.append(f"once {collection}")
        found = self.lists[collection.rpartition("/")[2]]
        return found() if callable(found) else found

    def latest(self, collection: str, object_id: str) -> None: ...

    def close(self) -> None: ...


def raising(error: Exception) -> Callable[[], Sequence[Wire]]:
    def give() -> Sequence[Wire]:
        raise error

    return give


def read(reader: Any, **asked: Any) -> Current:
    return read_current(reader, ["main"], read_workspaces(reader), **{"needed": (), **asked})


def findings(current: Current, *documents: Manifest) -> list[Finding]:
    file = SourceFile("m.yaml", b"")
    manifests = tuple(
        read_manifest(Document(file, number, 1, 1, data), data["kind"], True, "main")
        for number, data in enumerate(documents)
    )
    desired = Desired(manifests)
    pairs, _ = match(desired, current)
    return [*unoffered(desired, current), *unmanageable(pairs, current)]


REFUSALS = [Unsupported("404"), Forbidden("403"), PlatformRefused("no", status=200), NoList("no list")]


@pytest.mark.parametrize("error", [*REFUSALS, Uncertain("500", settled=True)], ids=repr)
def test_llms_that_nobody_needs_are_asked_for_once_and_may_be_refused(error: Exception) -> None:
    reader = Lists(bucket=[BUCKET], repo=[repo("b1")], llm=raising(error))
    state = read(reader).states["main"]
    assert reader.asked == ["workspace", "bucket", "repo", "once ai/llm"]
    assert state.refused.keys() == {"ai/llm"}
    assert findings(read(reader), bucket("logs", ("S3", "logs")), repository("orders", [entry("S3", "logs")])) == []


@pytest.mark.parametrize("error", REFUSALS, ids=repr)
def test_a_manifest_that_needs_a_refused_list_is_told_so_and_no_other(error: Exception) -> None:
    reader = Lists(bucket=[BUCKET], llm=raising(error), apikeys=raising(error))
    current = read(reader, needed=("LLM",), api_keys=True)
    found = findings(
        current, llm("gpt"), repository("assistant", [entry("LLM", "gpt")], endpoint="OpenAI"),
        repository("orders", [entry("S3", "logs")]), bucket("media", ("S3", "media"), credentials={"apiKey": "k1"}),
    )  # fmt: skip
    assert [(f.rule, f.spot and f.spot.document.number) for f in found] == [("GW405", 0), ("GW405", 1), ("GW405", 3)]


def test_what_is_needed_and_fails_or_has_no_token_stops_everything() -> None:
    for error in (Uncertain("500", settled=True), NotAuthenticated("401")):
        with pytest.raises(PlatformError):
            read(Lists(llm=raising(error)), needed=("LLM",))
    with pytest.raises(NotAuthenticated):
        read(Lists(llm=raising(NotAuthenticated("401"))))


def test_a_list_of_llms_that_is_not_whole_stops_everything_and_one_that_cannot_be_read_stops_who_needs_it() -> None:
    with pytest.raises(IncompleteList):
        read(Lists(llm=raising(IncompleteList("there is more"))))
    odd = Lists(bucket=[BUCKET], repo=[repo("b1")], llm=[{"id": "l1", "name": 7, "aiType": "OPENAI"}, LLM])
    assert list(read(odd).states["main"].indexes["LLM"].by_name) == ["gpt"]
    with pytest.raises(IncompleteList, match="its 'name' is missing"):
        read(odd, needed=("LLM",))


def test_provider_keys_are_asked_for_only_where_they_tell_an_account() -> None:
    own = Lists(bucket=[{**BUCKET, "apiKeyId": "k1"}])
    read(own)
    assert "apikeys" not in own.asked
    for apikeys, account in (([{"id": "k1", "key": "acct"}], "acct"), (raising(Forbidden("403")), "")):
        state = read(Lists(bucket=[AZURE], apikeys=apikeys)).states["main"]
        assert state.indexes["Bucket"].by_id["b2"].spec["account"] == account


class Late:
    """A list that shows its objects only after so many seconds of a clock that waiting moves."""

    def __init__(self, after: float, *wires: Wire) -> None:
        self.now, self.after, self.wires = 0.0, after, wires
        self.patience = Patience(10.0, Clock(lambda: self.now, self.wait))

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> Sequence[Wire]:
        return list(self.wires) if self.now >= self.after else []


def test_what_is_attached_and_not_listed_is_waited_for() -> None:
    late = Late(6, BUCKET)
    state = read(Lists(bucket=late, repo=[repo("b1")]), patience=late.patience).states["main"]
    assert state.missing == frozenset()
    assert [a.identity for a in state.indexes["Repository"].by_id["r1"].attachments] == [("S3", "logs")]
    assert 6 <= late.now < 8


def test_what_stays_away_stops_the_repositories_that_name_it_and_the_creations_that_it_may_be() -> None:
    late = Late(60, BUCKET)
    current = read(Lists(bucket=late, repo=[repo("b1")]), patience=late.patience)
    assert current.states["main"].missing == {"b1"}
    found = findings(
        current, bucket("logs", ("S3", "logs")), repository("orders", [entry("S3", "logs")]), repository("new", [])
    )
    assert [(f.rule, f.severity, f.subject and f.subject[2]) for f in found] == [
        ("GW509", "error", "logs"), ("GW509", "error", "orders"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "expanded",
    [{"id": "b9", "name": "x", "bucket": "x", "storageType": "S3", "workspaceId": "w2"},
     {"id": "b9", "name": "x", "bucket": "x", "storageType": "S3", "deletedAt": "2026-01-01T00:00:00Z"}],
    ids=["of another workspace", "deleted"],
)  # fmt: skip
def test_what_is_not_to_be_expected_in_the_list_is_not_missing(expanded: Mapping[str, Any]) -> None:
    late = Late(60)
    reader = Lists(bucket=late, repo=[repo({"bucketId": "b9", "bucket": expanded})])
    assert read(reader, patience=late.patience).states["main"].missing == frozenset()
    assert late.now == 0


def test_an_attached_llm_that_its_list_does_not_show_is_missing_too() -> None:
    attached = repo(aiLlms=[{"aiLlmId": "l1"}])
    assert read(Lists(repo=[attached])).states["main"].missing == {"l1"}
    assert read(Lists(repo=[attached], llm=[LLM])).states["main"].missing == frozenset()
    assert read(Lists(repo=[attached], llm=raising(Forbidden("403")))).states["main"].missing == frozenset()


def test_a_disabled_repository_is_a_warning() -> None:
    (found,) = findings(read(Lists(repo=[repo(disabled=True)])), repository("orders", []))
    assert (found.rule, found.severity) == ("GW509", "warning")


def test_one_malformed_object_is_borne_where_that_is_asked_for() -> None:
    reader = Lists(bucket=[BUCKET, {"id": "b7", "name": "odd", "storageType": 5}])
    state = read(reader, bear=True).states["main"]
    assert list(state.indexes["Bucket"].by_id) == ["b1"]
    assert [(s.kind, s.name, s.id) for s in state.spoiled] == [("Bucket", "odd", "b7")]
    with pytest.raises(PlatformError, match="Bucket b7"):
        read(reader)
