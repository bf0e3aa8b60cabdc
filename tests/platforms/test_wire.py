"""Lists and objects as the platform's types allow them: one parser tells what is there, and whether a list is whole."""

from __future__ import annotations

from typing import Any

import pytest

from gatectl.errors import UNREACHABLE, IncompleteList, PlatformError
from gatectl.kinds import bucket
from gatectl.kinds.interface import Context, Order
from gatectl.platforms.wire import attached_buckets, attached_llms, keys_of, read_list

ITEMS = [{"id": "a"}, {"id": "b"}]
CONTEXT = Context("ml", "w1", {}, {}, None)


def read(items: list[Any], **envelope: Any) -> list[str]:
    return [item["id"] for item in read_list({"success": True, "repos": items, **envelope}, "repos", "/repo")]


def test_what_is_soft_deleted_is_not_there() -> None:
    assert read([{"id": "a", "deletedAt": "2026-01-01T00:00:00Z"}, {"id": "b", "deletedAt": None}]) == ["b"]


def test_one_object_that_is_listed_twice_is_one() -> None:
    assert read([*ITEMS, {"id": "a"}]) == ["a", "b"]


@pytest.mark.parametrize(
    "envelope",
    [{"total": 3}, {"total": "3"}, {"totalCount": 12}, {"hasMore": True}, {"nextCursor": "x"}, {"next": "/repo?page=2"},
     {"pagination": {"page": 1, "totalPages": 2}}, {"pagination": {"total": 40}}, {"meta": {"pagination": {"hasNext": True}}},
     {"page": 1, "pages": 2}],
    ids=str,
)  # fmt: skip
def test_a_list_whose_answer_says_that_there_is_more_is_not_whole(envelope: dict[str, Any]) -> None:
    with pytest.raises(IncompleteList, match="the list is not whole: 2 objects came") as caught:
        read(ITEMS, **envelope)
    assert (caught.value.code, caught.value.exit_code) == ("incomplete_list", UNREACHABLE)


@pytest.mark.parametrize(
    "envelope",
    [{}, {"total": 2}, {"total": 1}, {"total": "many"}, {"hasMore": False}, {"nextCursor": None}, {"nextCursor": ""}, {"next": False},
     {"pagination": {"page": 1, "totalPages": 1, "total": 2}}, {"page": 2, "pages": 2}, {"meta": None}],
    ids=str,
)  # fmt: skip
def test_a_list_whose_answer_says_that_this_is_all_is_whole(envelope: dict[str, Any]) -> None:
    assert read(ITEMS, **envelope) == ["a", "b"]


def test_an_id_that_is_left_out_is_that_of_the_expanded_object() -> None:
    wire = {
        "buckets": [{"bucket": {"id": "b1"}}, {"bucketId": "b2", "bucket": {"id": "other"}}],
        "aiLlms": [{"aiLlm": {"id": "l1"}}],
    }
    assert [item["bucketId"] for item in attached_buckets(wire)] == ["b1", "b2"]
    assert [item["aiLlmId"] for item in attached_llms(wire)] == ["l1"]


def test_the_legacy_units_are_buckets() -> None:
    units = [{"unitId": "u1", "folder": "f"}, {"unit": {"id": "u2"}}]
    assert [item["bucketId"] for item in attached_buckets({"buckets": None, "units": units})] == ["u1", "u2"]


def test_a_null_list_of_buckets_is_not_an_empty_one_and_that_of_llms_is_optional() -> None:
    with pytest.raises(KeyError):
        attached_buckets({"buckets": None})
    assert attached_llms({"aiLlms": None}) == attached_llms({}) == []


def test_a_deleted_key_or_attachment_is_none() -> None:
    gone = {"id": "k", "deletedAt": "2026-01-01T00:00:00Z"}
    assert keys_of({"apiKeys": [gone, {"id": "k2"}], "aiApiKeys": None}) == [{"id": "k2"}]
    assert attached_buckets({"buckets": [{**gone, "bucketId": "b"}]}) == []


def test_a_list_without_ids_is_none() -> None:
    with pytest.raises(PlatformError, match="no list 'repos' of objects with ids"):
        read([{"name": "x"}])


LIVE = {
    "id": "b1",
    "name": "raw",
    "storageType": "S3",
    "bucket": "raw",
    "key": "AKIA",
    "apiKeyId": "k1",
    "region": "eu",
}


@pytest.mark.parametrize(
    ("live", "fields", "secrets", "said"),
    [
        (LIVE, {}, {}, {"key": "AKIA", "apiKeyUuid": "k1"}),
        ({**LIVE, "apiKeyId": None}, {}, {}, {"key": "AKIA"}),
        (LIVE, {"/spec/credentials": {"key": {"env": "K"}, "secret": {"env": "S"}}}, {"key": "NEW", "secret": "s"},
         {"key": "NEW", "secret": "s"}),
        ({**LIVE, "storageType": "blob", "key": "acct"}, {}, {}, {"key": "acct", "apiKeyUuid": "k1"}),
        ({**LIVE, "storageType": "BLOB", "key": "acct", "apiKeyId": None}, {"/spec/credentials": {"secret": {"env": "S"}}},
         {"secret": "s"}, {"key": "acct", "secret": "s"}),
    ],
)  # fmt: skip
def test_a_change_of_a_bucket_says_its_credentials_as_they_were_read(
    live: dict[str, Any], fields: dict[str, Any], secrets: dict[str, str], said: dict[str, str]
) -> None:
    written = bucket.body(Order("raw", {"/spec/region": "us", **fields}, None, secrets), live, CONTEXT)
    assert {name: written[name] for name in ("key", "secret", "apiKeyUuid") if name in written} == said
    assert written["storageType"] == live["storageType"]


def test_another_provider_key_replaces_credentials_of_the_buckets_own() -> None:
    context = CONTEXT._replace(api_keys={"k2": {"id": "k2"}})
    order = Order("raw", {"/spec/credentials": {"apiKey": "k2"}}, None, {})
    written = bucket.body(order, {**LIVE, "apiKeyId": None}, context)
    assert (written["apiKeyUuid"], "key" in written) == ("k2", False)
    container = {**LIVE, "storageType": "BLOB", "key": "acct"}
    assert bucket.body(order, container, context)["key"] == "acct"


@pytest.mark.parametrize(
    "endpoint", ["https://acct.blob.core.windows.net", "acct.blob.core.windows.net/", "ACCT.blob.core.windows.net:443"]
)
def test_the_account_of_a_container_may_be_told_by_an_endpoint_without_a_scheme(endpoint: str) -> None:
    wire = {"id": "b", "name": "logs", "storageType": "Blob", "bucket": "logs", "endpoint": endpoint}
    assert bucket.identity(bucket.read(wire, CONTEXT).spec) == ("AzureBlob", "acct", "logs")
