"""Idempotency-Key (product.md, section 4): one creation of all that carry the same key, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gatectl.errors import PlatformRefused
from gatectl.platforms.embedded import open_platform, tables
from gatectl.platforms.embedded.platform import Platform
from gatectl.platforms.interface import Connection

PATHS = {"workspace": "/workspace", "bucket": "/bucket", "ai/llm": "/ai/llm", "repo": "/repo", "apikeys": "/apikeys"}


@pytest.fixture(params=["sqlite", "postgresql"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Platform]:
    target = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else "embedded"
    opened = open_platform(Connection(target, tmp_path, named=True))
    yield opened
    opened.close()


def bodies(workspace: str, bucket: str) -> dict[Any, dict[str, Any]]:
    place = {"workspaceId": workspace}
    storage = {"bucket": "data", "storageType": "S3", "key": "AK", "secret": "s"}
    endpoint = {"storageType": "S3", "mode": "NORMAL", "repoBuckets": [{"bucketId": bucket, "folder": "f"}]}
    return {
        "workspace": {"name": "lab"},
        "bucket": {"name": "logs"} | storage | place,
        "ai/llm": {"name": "gpt", "aiType": "OPENAI", "secret": "s"} | place,
        "repo": {"name": "orders"} | endpoint | place,
        "apikeys": {"key": "AK", "secret": "s", "provider": "AWS", "description": "d"} | place,
    }


def body_of(platform: Platform, collection: Any = "bucket") -> dict[str, Any]:
    workspace = str(platform.list("workspace")[0]["id"])
    bucket = ""
    if collection == "repo":
        own = {
            "name": "own",
            "bucket": "own",
            "storageType": "S3",
            "key": "AK",
            "secret": "s",
            "workspaceId": workspace,
        }
        bucket = platform.create("bucket", own)
    return bodies(workspace, bucket)[collection]


def test_the_same_key_is_answered_with_the_same_object_over_http(served: Any) -> None:
    for number, (collection, body) in enumerate(bodies(served.workspace, served.bucket()).items()):
        headers, path = {"Idempotency-Key": f"key-{number}"}, PATHS[collection]
        count = len(next(v for v in served.call("GET", path).values() if isinstance(v, list)))
        first, second = (served.client.post(path, json=body, headers=headers) for _ in range(2))
        assert first.status_code in (200, 201)
        assert (second.status_code, second.json()) == (first.status_code, first.json())
        assert second.headers["etag"] == first.headers["etag"]
        assert len(next(v for v in served.call("GET", path).values() if isinstance(v, list))) == count + 1


def test_a_bucket_of_many_creations_at_once_is_one(served: Any) -> None:
    body = bodies(served.workspace, "")["bucket"]

    def make(key: str) -> str:
        return str(served.client.post("/bucket", json=body, headers={"Idempotency-Key": key}).json()["bucketId"])

    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(make, ["same"] * 16))
    assert len(made) == len(served.call("GET", "/bucket")["buckets"]) == 1
    assert make("another") not in made
    assert served.client.post("/bucket", json=body).json()["bucketId"] not in made


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_a_key_that_cannot_be_remembered_is_refused_and_nothing_is_made(served_once: Any, key: str) -> None:
    refused = served_once.client.post("/workspace", json={"name": "w"}, headers={"Idempotency-Key": key})
    assert refused.status_code == 400 and "Idempotency-Key" in refused.json()["message"]


@pytest.mark.parametrize("collection", ["workspace", "bucket", "ai/llm", "repo", "apikeys"])
def test_what_is_gone_is_made_again(platform: Platform, collection: Any) -> None:
    body = body_of(platform, collection)
    first = platform.create_once(collection, body, "k")
    assert platform.create_once(collection, body, "k") == first
    platform.delete(collection, first.id)
    again = platform.create_once(collection, body, "k")
    assert again.id != first.id
    assert platform.create_once(collection, body, "k") == again


def test_what_was_changed_is_not_what_the_key_made_until_it_is_as_it_was(platform: Platform) -> None:
    body = body_of(platform)
    first = platform.create_once("bucket", body, "k")
    platform.update("bucket", first.id, {"secret": "renewed", "key": "BK"})
    renewed = platform.create_once("bucket", body, "k")
    assert renewed.id == first.id and renewed.etag != first.etag, "credentials are no part of the form"
    platform.update("bucket", first.id, {"region": "eu"})
    platform.update("bucket", first.id, {"region": ""})
    assert platform.create_once("bucket", body, "k").id == first.id
    for change in ({"region": "eu"}, {"name": "renamed"}):
        made = platform.create_once("bucket", body, "k")
        platform.update("bucket", made.id, change)
        assert platform.create_once("bucket", body, "k").id != made.id


def test_a_repository_with_other_attachments_is_another_form(platform: Platform) -> None:
    body = body_of(platform, "repo")
    first = platform.create_once("repo", body, "k")
    platform.update("repo", first.id, {**body, "repoBuckets": []})
    with pytest.raises(PlatformRefused) as caught:
        platform.create_once("repo", body, "k")
    assert caught.value.platform_code == "NAME_ALREADY_USED"
    platform.update("repo", first.id, body)
    assert platform.create_once("repo", body, "k").id == first.id


def test_another_account_is_another_form_of_a_container(platform: Platform) -> None:
    body = body_of(platform) | {"storageType": "BLOB", "key": "account"}
    first = platform.create_once("bucket", body, "k")
    platform.update("bucket", first.id, {"key": "other"})
    assert platform.create_once("bucket", body, "k").id != first.id


def test_a_key_is_for_one_collection_and_one_name(platform: Platform) -> None:
    first = platform.create_once("bucket", body_of(platform), "k")
    assert platform.create_once("bucket", body_of(platform) | {"name": "other"}, "k").id != first.id
    llm = platform.create_once("ai/llm", body_of(platform, "ai/llm"), "k")
    assert platform.list("ai/llm")[0]["id"] == llm.id


def test_a_key_is_honoured_for_a_day_and_then_forgotten(platform: Platform) -> None:
    body = body_of(platform)
    first = platform.create_once("bucket", body, "k")
    platform.create_once("bucket", body | {"name": "old"}, "old")
    with platform.store.writing() as transaction:
        transaction.connection.execute(tables.creations.update().values(created_at="2026-01-01T00:00:00.000Z"))
    assert platform.create_once("bucket", body, "k").id != first.id
    with platform.store.reading() as connection:
        assert [row.key for row in connection.execute(tables.creations.select())] == ["k"]


def test_a_creation_that_was_refused_is_remembered_by_no_key(platform: Platform) -> None:
    body = body_of(platform, "ai/llm")
    with pytest.raises(PlatformRefused):
        platform.create_once("ai/llm", body | {"aiType": "NONE"}, "k")
    assert platform.create_once("ai/llm", body, "k") == platform.create_once("ai/llm", body, "k")


def test_no_key_and_no_secret_is_kept_of_a_creation_but_the_key_itself(platform: Platform) -> None:
    platform.create_once("bucket", body_of(platform) | {"secret": "canary-9c51"}, "k")
    with platform.store.reading() as connection:
        (row,) = connection.execute(tables.creations.select()).all()
    assert "canary" not in str(row) and len(row.form) == 64
