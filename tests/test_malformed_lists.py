"""Lists of a platform whose objects lack what they should have: an error of the platform in words, never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gatectl.errors import PlatformError
from gatectl.planning.current import read_current, read_workspaces
from gatectl.platforms.interface import Collection, Identification, Traits, Wire

BUCKET: Mapping[str, Any] = {"id": "b1", "name": "raw", "bucket": "raw", "storageType": "S3", "region": "eu"}
LLM: Mapping[str, Any] = {"id": "l1", "name": "gpt", "aiType": "OPENAI", "endpoint": None}
REPOSITORY: Mapping[str, Any] = {
    "id": "r1", "name": "data", "storageType": "S3", "mode": "NORMAL", "buckets": [{"bucketId": "b1"}], "aiLlms": [],
}  # fmt: skip
GONE = "(gone)"


class Lists:
    """A reader of these lists."""

    identification = Identification("test", "test", None)
    traits = Traits(None, False, None, 1)

    def __init__(self, **lists: Sequence[Any]) -> None:
        self.lists: dict[str, Sequence[Any]] = {
            "workspace": [{"id": "w1", "name": "main"}], "bucket": [BUCKET], "ai/llm": [LLM], "repo": [REPOSITORY],
            "apikeys": [], **lists,
        }  # fmt: skip

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        return self.lists[collection]

    def glance(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        return self.list(collection, workspace_id)

    def latest(self, collection: Collection, object_id: str) -> Wire | None:
        return None

    def close(self) -> None: ...


def read(**lists: Sequence[Any]) -> None:
    reader = Lists(**lists)
    read_current(reader, ["main"], read_workspaces(reader), api_keys=True)


def changed(wire: Mapping[str, Any], **fields: Any) -> Mapping[str, Any]:
    return {name: value for name, value in {**wire, **fields}.items() if value is not GONE}


def test_well_formed_lists_are_read() -> None:
    read()


@pytest.mark.parametrize("value", [GONE, None, "", 7, ["S3"], {}], ids=str)
@pytest.mark.parametrize(
    ("collection", "kind", "wire", "field"),
    [
        *(("bucket", "Bucket", BUCKET, name) for name in ("id", "name", "bucket", "storageType")),
        *(("ai/llm", "LLM", LLM, name) for name in ("id", "name", "aiType")),
        *(("workspace", "Workspace", {"id": "w1", "name": "main"}, name) for name in ("id", "name")),
    ],
)
def test_what_every_object_has_is_text(
    collection: str, kind: str, wire: Mapping[str, Any], field: str, value: Any
) -> None:
    with pytest.raises(PlatformError) as caught:
        read(**{collection: [wire, changed(wire, **{field: value})]})
    assert caught.value.message.startswith(f"GET /{collection}: {kind} ")
    assert caught.value.message.endswith(f": its '{field}' is missing or not text")
    assert caught.value.hint == "is this address the platform's API?"


@pytest.mark.parametrize("field", ["region", "endpoint"])
def test_what_may_be_missing_is_text_where_it_is_there(field: str) -> None:
    read(bucket=[changed(BUCKET, **{field: GONE}), changed(BUCKET, **{field: None})])
    with pytest.raises(PlatformError, match=rf"^GET /bucket: Bucket b1: its '{field}' is missing or not text$"):
        read(bucket=[changed(BUCKET, **{field: 5})])


@pytest.mark.parametrize("collection", ["workspace", "bucket", "ai/llm", "repo", "apikeys"])
@pytest.mark.parametrize("wire", [None, "x", 5, []], ids=str)
def test_what_is_in_a_list_is_an_object(collection: str, wire: Any) -> None:
    with pytest.raises(PlatformError, match=rf"^GET /{collection}: something in the list is not an object$"):
        read(**{collection: [wire]})


def test_an_api_key_without_an_id_is_none() -> None:
    with pytest.raises(PlatformError, match=r"^GET /apikeys: the 'id' of one is missing"):
        read(apikeys=[{"description": "x"}])


@pytest.mark.parametrize(
    "fields",
    [{"mode": GONE}, {"mode": []}, {"storageType": {}}, {"buckets": [{"folder": "x"}]}, {"buckets": [None]},
     {"buckets": {"a": 1}}, {"buckets": [{"bucketId": "zz", "bucket": {"name": "q"}}]},
     {"aiLlms": [{"aiLlmId": "x", "aiLlm": "str"}]}],
    ids=str,
)  # fmt: skip
def test_a_malformed_repository_is_named(fields: Mapping[str, Any]) -> None:
    with pytest.raises(PlatformError, match=r"^GET /repo: Repository r1: "):
        read(repo=[changed(REPOSITORY, **fields)])


@pytest.mark.parametrize("name", ["apiKeys", "aiApiKeys"])
@pytest.mark.parametrize("keys", ["text", ["text"], [None], 5, [5], True])
def test_keys_of_a_repository_that_are_no_objects_are_told_before_anything_counts_them(name: str, keys: object) -> None:
    with pytest.raises(PlatformError, match="Repository r1"):
        read(repo=[changed(REPOSITORY, **{name: keys})])
