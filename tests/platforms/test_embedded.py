"""The rules of the embedded platform, on real SQLite and real PostgreSQL (platform-contract.md, sections 1 and 2)."""

from __future__ import annotations

from typing import Any

import pytest

from gatectl.errors import PreconditionFailed
from gatectl.platforms.embedded import open_reader, open_writer
from gatectl.platforms.interface import Reader, Writer


def master(bucket_id: str, **fields: Any) -> dict[str, Any]:
    return {"bucketId": bucket_id, "master": True} | fields


def test_reader_and_writer_are_what_the_interface_asks_for(world: Any) -> None:
    reader: Reader = world.reader
    writer: Writer = world.writer
    assert reader.traits == ("default", False, "OPENAI", 1, True)
    assert reader.identification.driver == world.target.partition(":")[0]
    assert reader.identification.instance
    assert writer is world.writer


def test_the_reader_has_no_method_that_writes(world: Any) -> None:
    for name in ("create", "update", "delete", "record"):
        assert not hasattr(world.reader, name)


# Shapes


def test_a_new_platform_has_the_default_workspace_and_nothing_else(world: Any) -> None:
    (workspace,) = world.reader.list("workspace")
    assert workspace["name"] == "default"
    assert [world.reader.list(name) for name in ("bucket", "ai/llm", "repo", "apikeys")] == [[], [], [], []]


def test_a_repository_reads_back_with_its_attachments_expanded(world: Any) -> None:
    first, second, llm = world.bucket(), world.bucket(key="AK2"), world.llm()
    repository_id = world.repository(
        {"bucketId": second, "folder": "/raw/", "master": False}, first, name="r", repoAiLlms=[{"aiLlmId": llm}]
    )
    (repository,) = world.reader.list("repo")
    assert repository["id"] == repository_id
    assert [repository[name] for name in ("name", "storageType", "mode", "workspaceId")] == [
        "r",
        "S3",
        "NORMAL",
        world.workspace,
    ]
    assert [(item["bucketId"], item["folder"], item["master"]) for item in repository["buckets"]] == [
        (second, "/raw/", False),
        (first, "", False),
    ]
    assert repository["buckets"][0]["bucket"]["key"] == "AK2"
    assert repository["buckets"][0]["bucket"]["bucket"] == "data"
    assert repository["aiLlms"][0]["aiLlmId"] == repository["aiLlms"][0]["aiLlm"]["id"] == llm
    assert repository["apiKeys"] == repository["aiApiKeys"] == []
    assert repository["createdAt"].endswith("Z")


def test_buckets_and_llms_say_which_repositories_use_them(world: Any) -> None:
    bucket, llm = world.bucket(), world.llm()
    repository = world.repository(bucket, name="r", repoAiLlms=[{"aiLlmId": llm}])
    created = world.one("repo", repository)["createdAt"]
    assert world.one("bucket", bucket)["repos"] == [
        {"id": repository, "name": "r", "storageType": "S3", "createdAt": created}
    ]
    assert world.one("ai/llm", llm)["repos"] == [{"id": repository, "name": "r", "createdAt": created}]


def test_lists_are_of_one_workspace_when_one_is_named(world: Any) -> None:
    other = world.writer.create("workspace", {"name": "other"})
    for workspace in (world.workspace, other):
        bucket, llm = world.bucket(workspaceId=workspace), world.llm(workspaceId=workspace)
        world.api_key(workspaceId=workspace)
        world.repository(bucket, workspaceId=workspace, repoAiLlms=[{"aiLlmId": llm}])
    for collection in ("bucket", "ai/llm", "repo", "apikeys"):
        assert len(world.reader.list(collection)) == 2
        assert len(world.reader.list(collection, other)) == 1
        assert world.reader.list(collection, "nowhere") == []
    (repository,) = world.reader.list("repo", other)
    assert repository["workspaceId"] == repository["buckets"][0]["bucket"]["workspaceId"] == other
    assert len(repository["aiLlms"]) == 1


def test_secrets_are_never_read_and_the_key_of_a_bucket_is(world: Any) -> None:
    bucket, llm, api_key = world.bucket(), world.llm(key="K"), world.api_key(description="shared")
    assert "secret" not in world.one("bucket", bucket)
    assert world.one("bucket", bucket)["key"] == "AK"
    assert "secret" not in world.one("ai/llm", llm)
    assert world.one("ai/llm", llm)["key"] is None
    assert not {"secret", "workspaceId"} & world.one("apikeys", api_key).keys()
    assert world.one("apikeys", api_key)["description"] == "shared"


def test_a_provider_key_is_written_as_uuid_and_read_as_id(world: Any) -> None:
    api_key = world.api_key()
    bucket = world.bucket(key=None, secret=None, apiKeyUuid=api_key)
    llm = world.llm(secret=None, apiKeyUuid=api_key)
    assert world.one("bucket", bucket)["apiKeyId"] == world.one("ai/llm", llm)["apiKeyId"] == api_key
    assert "apiKeyUuid" not in world.one("bucket", bucket)
    read = world.one("apikeys", api_key)
    assert (read["bucket_count"], read["aillm_count"]) == (1, 1)


def test_azure_is_read_as_blob(world: Any) -> None:
    bucket = world.bucket(storageType="AZURE")
    repository = world.repository(bucket, storageType="AZURE")
    assert world.one("bucket", bucket)["storageType"] == world.one("repo", repository)["storageType"] == "BLOB"
    world.writer.update("repo", repository, world.repository_body(bucket, storageType="BLOB"))


def test_namespace_rules_are_not_the_platforms(world: Any) -> None:
    same = [world.bucket(bucket="x"), world.bucket(bucket="x", storageType="GCS"), world.bucket(bucket="X")]
    world.repository(*same, storageType="OPENAI")


# Fields


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None},
        {"name": ""},
        {"name": 7},
        {"name": "x" * 256},
        {"name": "a\0b"},
        {"name": "\ud800"},
        {"storageType": "NFS"},
        {"mode": "BACKUP"},
        {"mode": None},
        {"repoBuckets": "b"},
        {"repoBuckets": ["b"]},
        {"repoBuckets": [{}]},
        {"repoAiLlms": [{}]},
        {"apiKeys": []},
        {"credentials": {}},
        {"secret": "s"},
    ],
)
def test_a_repository_with_a_wrong_field_is_refused(world: Any, refusal: Any, fields: dict[str, Any]) -> None:
    with refusal("", 400):
        world.writer.create("repo", world.repository_body() | fields)
    assert world.reader.list("repo") == []


def test_a_folder_and_a_master_have_their_types(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    for wrong in ({"folder": 1}, {"folder": "x" * 513}, {"master": "yes"}):
        with refusal("", 400):
            world.repository({"bucketId": bucket} | wrong)


@pytest.mark.parametrize("missing", ["name", "bucket", "storageType", "workspaceId", "secret"])
def test_a_bucket_needs_its_fields(world: Any, refusal: Any, missing: str) -> None:
    with refusal("", 400):
        world.bucket(**{missing: None})


def test_a_bucket_cannot_have_an_openai_type(world: Any, refusal: Any) -> None:
    with refusal("", 400):
        world.bucket(storageType="OPENAI")


def test_a_container_needs_its_account_in_one_of_the_known_places(world: Any, refusal: Any) -> None:
    world.bucket(storageType="BLOB", key="account")
    world.bucket(storageType="BLOB", key=None, endpoint="https://account.blob.core.windows.net")
    world.bucket(storageType="BLOB", key=None, secret=None, apiKeyUuid=world.api_key(key="account"))
    for endpoint in (None, "https://example.com", "https://blob.core.windows.net.example.com", "http://[bad"):
        with refusal("", 400):
            world.bucket(storageType="BLOB", key=None, endpoint=endpoint)


def test_an_llm_endpoint_is_a_url(world: Any, refusal: Any) -> None:
    world.llm(endpoint=None)
    for endpoint in ("api.example.com", "ftp://example.com", "https://"):
        with refusal("", 400):
            world.llm(endpoint=endpoint)
    with refusal("", 400):
        world.llm(aiType="MISTRAL")


@pytest.mark.parametrize("missing", ["key", "secret", "provider", "workspaceId"])
def test_a_provider_key_needs_its_fields(world: Any, refusal: Any, missing: str) -> None:
    with refusal("", 400):
        world.api_key(**{missing: None})


# Unknown objects


def test_unknown_objects_are_not_found(world: Any, refusal: Any) -> None:
    for collection in ("workspace", "bucket", "ai/llm", "repo", "apikeys"):
        with refusal("NOT_FOUND", 404):
            world.writer.update(collection, "nothing", {"name": "x"})
        with refusal("NOT_FOUND", 404):
            world.writer.delete(collection, "nothing")


def test_nothing_is_made_in_an_unknown_workspace(world: Any, refusal: Any) -> None:
    for make in (world.bucket, world.llm, world.api_key, world.repository):
        with refusal("NOT_FOUND", 404):
            make(workspaceId="nowhere")


def test_a_repository_attaches_only_what_its_workspace_has(world: Any, refusal: Any) -> None:
    other = world.writer.create("workspace", {"name": "other"})
    for bucket in ("nothing", world.bucket(workspaceId=other)):
        with refusal("NOT_FOUND", 404):
            world.repository(bucket)
    for llm in ("nothing", world.llm(workspaceId=other)):
        with refusal("NOT_FOUND", 404):
            world.repository(repoAiLlms=[{"aiLlmId": llm}])
    deleted = world.bucket()
    world.writer.delete("bucket", deleted)
    with refusal("NOT_FOUND", 404):
        world.repository(deleted)
    assert world.reader.list("repo") == []


def test_a_provider_key_of_another_workspace_cannot_be_used(world: Any, refusal: Any) -> None:
    other = world.writer.create("workspace", {"name": "other"})
    for api_key in ("nothing", world.api_key(workspaceId=other)):
        with refusal("NOT_FOUND", 404):
            world.bucket(apiKeyUuid=api_key)
        with refusal("NOT_FOUND", 404):
            world.llm(apiKeyUuid=api_key)


# Names


def test_the_name_of_a_repository_is_unique_in_its_workspace(world: Any, refusal: Any) -> None:
    world.repository(name="r")
    with refusal("NAME_ALREADY_USED", 400):
        world.repository(name="r")
    world.repository(name="R")
    other = world.writer.create("workspace", {"name": "other"})
    world.repository(name="r", workspaceId=other)


def test_a_repository_cannot_be_renamed_to_a_name_in_use(world: Any, refusal: Any) -> None:
    world.repository(name="a")
    second = world.repository(name="b")
    with refusal("NAME_ALREADY_USED", 400):
        world.writer.update("repo", second, world.repository_body(name="a"))
    world.writer.update("repo", second, world.repository_body(name="c"))
    assert world.one("repo", second)["name"] == "c"


def test_a_deleted_repository_frees_its_name_and_its_buckets(world: Any) -> None:
    bucket = world.bucket()
    first = world.repository({"bucketId": bucket, "folder": "f"}, name="r")
    world.writer.delete("repo", first)
    assert world.reader.list("repo") == []
    assert world.one("bucket", bucket)["repos"] == []
    second = world.repository({"bucketId": bucket, "folder": "f"}, name="r")
    assert second != first
    world.writer.delete("repo", second)
    world.writer.delete("bucket", bucket)


def test_the_name_of_an_llm_is_unique_in_its_workspace(world: Any, refusal: Any) -> None:
    first = world.llm(name="gpt")
    with refusal("NAME_ALREADY_USED", 400):
        world.llm(name="gpt")
    second = world.llm(name="other")
    with refusal("NAME_ALREADY_USED", 400):
        world.writer.update("ai/llm", second, {"name": "gpt"})
    world.writer.update("ai/llm", first, {"name": "gpt", "aiType": "OTHER"})
    assert world.one("ai/llm", first)["aiType"] == "OTHER"


def test_workspaces_and_buckets_may_share_a_name(world: Any) -> None:
    assert world.writer.create("workspace", {"name": "w"}) != world.writer.create("workspace", {"name": "w"})
    assert world.bucket(name="b") != world.bucket(name="b")


# Attachments


def test_a_bucket_is_attached_once(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    with refusal("", 400):
        world.repository({"bucketId": bucket, "folder": "a"}, {"bucketId": bucket, "folder": "b"})
    llm = world.llm()
    with refusal("", 400):
        world.repository(repoAiLlms=[{"aiLlmId": llm}, {"aiLlmId": llm}])


def test_normal_repositories_share_a_bucket_in_different_folders(world: Any) -> None:
    bucket = world.bucket()
    for folder in ("", "a", "a/b", "A"):
        world.repository({"bucketId": bucket, "folder": folder})


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("/a/", "a"), ("", "/"), ("", None)])
def test_a_folder_of_a_bucket_belongs_to_one_repository(world: Any, refusal: Any, first: str, second: str) -> None:
    bucket = world.bucket()
    world.repository({"bucketId": bucket, "folder": first})
    with refusal("NORMAL_UNIT_FOLDER_ALREADY_USED", 400):
        world.repository({"bucketId": bucket, "folder": second})
    later = world.repository()
    with refusal("NORMAL_UNIT_FOLDER_ALREADY_USED", 400):
        world.writer.update("repo", later, world.repository_body({"bucketId": bucket, "folder": second}))


def test_the_folder_of_an_attachment_cannot_be_changed(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    repository = world.repository({"bucketId": bucket, "folder": "a"})
    with refusal("NORMAL_UNIT_CANNOT_EDIT_FOLDER", 400):
        world.writer.update("repo", repository, world.repository_body({"bucketId": bucket, "folder": "b"}))
    world.writer.update("repo", repository, world.repository_body({"bucketId": bucket, "folder": "/a/"}))
    assert world.one("repo", repository)["buckets"][0]["folder"] == "/a/"


def test_an_attachment_that_stays_keeps_what_is_left_out(world: Any) -> None:
    bucket = world.bucket()
    repository = world.repository({"bucketId": bucket, "folder": "a", "master": True})
    world.writer.update("repo", repository, world.repository_body(bucket))
    (attached,) = world.one("repo", repository)["buckets"]
    assert (attached["folder"], attached["master"]) == ("a", True)


def test_a_put_replaces_the_list_it_has_and_leaves_the_one_it_has_not(world: Any) -> None:
    first, second, llm = world.bucket(), world.bucket(), world.llm()
    repository = world.repository(first, repoAiLlms=[{"aiLlmId": llm}])
    world.writer.update("repo", repository, world.repository_body(second))
    read = world.one("repo", repository)
    assert [item["bucketId"] for item in read["buckets"]] == [second]
    assert len(read["aiLlms"]) == 1
    world.writer.update("repo", repository, world.repository_body(repoBuckets=None, repoAiLlms=[]))
    read = world.one("repo", repository)
    assert [item["bucketId"] for item in read["buckets"]] == [second]
    assert read["aiLlms"] == []


@pytest.mark.parametrize("changed", [{"storageType": "GCS"}, {"mode": "MIRROR"}, {"workspaceId": "other"}])
def test_type_mode_and_workspace_of_a_repository_are_fixed(world: Any, refusal: Any, changed: dict[str, Any]) -> None:
    repository = world.repository()
    with refusal("", 400):
        world.writer.update("repo", repository, world.repository_body() | changed)


@pytest.mark.parametrize("missing", ["name", "storageType", "mode"])
def test_a_put_of_a_repository_is_a_whole_one(world: Any, refusal: Any, missing: str) -> None:
    repository = world.repository()
    body = world.repository_body()
    del body[missing]
    with refusal("", 400):
        world.writer.update("repo", repository, body)


@pytest.mark.parametrize("masters", [0, 2])
def test_a_mirror_repository_has_one_master(world: Any, refusal: Any, masters: int) -> None:
    buckets = [{"bucketId": world.bucket(), "master": place < masters} for place in range(3)]
    with refusal("MIRROR_MASTER_UNIT_COUNT_INVALID", 400):
        world.repository(*buckets, mode="MIRROR")
    with refusal("MIRROR_MASTER_UNIT_COUNT_INVALID", 400):
        world.repository(mode="MIRROR")


def test_the_master_of_a_mirror_repository_can_be_replaced_but_not_dropped(world: Any, refusal: Any) -> None:
    first, second = world.bucket(), world.bucket()
    repository = world.repository(master(first), second, mode="MIRROR")
    with refusal("MIRROR_MASTER_UNIT_MISSING", 400):
        world.writer.update("repo", repository, world.repository_body(second, mode="MIRROR"))
    with refusal("MIRROR_MASTER_UNIT_COUNT_INVALID", 400):
        body = world.repository_body({"bucketId": first, "master": False}, second, mode="MIRROR")
        world.writer.update("repo", repository, body)
    world.writer.update("repo", repository, world.repository_body(master(second), mode="MIRROR"))
    assert [item["bucketId"] for item in world.one("repo", repository)["buckets"]] == [second]
    world.repository(first)


def test_a_bucket_of_a_mirror_repository_cannot_be_attached_elsewhere(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    world.repository(master(bucket), mode="MIRROR")
    with refusal("MIRROR_UNIT_ALREADY_IN_OTHER_REPO", 400):
        world.repository({"bucketId": bucket, "folder": "f"})
    with refusal("MIRROR_UNIT_ALREADY_IN_OTHER_REPO", 400):
        world.repository(master(bucket), mode="MIRROR")
    later = world.repository()
    with refusal("MIRROR_UNIT_ALREADY_IN_OTHER_REPO", 400):
        world.writer.update("repo", later, world.repository_body({"bucketId": bucket, "folder": "f"}))


def test_a_mirror_repository_cannot_take_a_bucket_that_is_attached_elsewhere(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    world.repository({"bucketId": bucket, "folder": "f"})
    with refusal("MIRROR_UNIT_ALREADY_IN_OTHER_REPO", 400):
        world.repository(master(bucket), mode="MIRROR")


def test_a_refused_update_changes_nothing(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    repository = world.repository(bucket, name="r")
    before = world.one("repo", repository)
    with refusal("NOT_FOUND", 404):
        world.writer.update("repo", repository, world.repository_body(bucket, "nothing", name="renamed"))
    assert world.one("repo", repository) == before


# Updates of buckets, LLMs and provider keys


def test_an_update_changes_the_fields_given_and_no_other(world: Any) -> None:
    bucket, llm, api_key = world.bucket(region="eu", endpoint="https://e"), world.llm(), world.api_key(region="eu")
    world.writer.update("bucket", bucket, {"name": "new", "region": None, "bucket": "other", "storageType": "GCS"})
    read = world.one("bucket", bucket)
    assert [read[name] for name in ("name", "region", "bucket", "storageType", "endpoint", "key")] == [
        "new",
        None,
        "other",
        "GCS",
        "https://e",
        "AK",
    ]
    world.writer.update("ai/llm", llm, {"endpoint": None})
    assert world.one("ai/llm", llm)["endpoint"] is None
    world.writer.update("apikeys", api_key, {"description": "d", "secret": "new"})
    assert [world.one("apikeys", api_key)[name] for name in ("description", "region")] == ["d", "eu"]


def test_the_last_credential_given_holds(world: Any) -> None:
    api_key = world.api_key()
    bucket = world.bucket()
    world.writer.update("bucket", bucket, {"apiKeyUuid": api_key})
    assert world.one("bucket", bucket)["apiKeyId"] == api_key
    world.writer.update("bucket", bucket, {"secret": "s2", "key": "AK2"})
    assert world.one("bucket", bucket)["apiKeyId"] is None
    world.writer.delete("apikeys", api_key)


def test_the_workspace_of_a_bucket_or_llm_is_fixed(world: Any, refusal: Any) -> None:
    other = world.writer.create("workspace", {"name": "other"})
    bucket, llm = world.bucket(), world.llm()
    for collection, object_id in (("bucket", bucket), ("ai/llm", llm)):
        world.writer.update(collection, object_id, {"workspaceId": world.workspace})
        with refusal("", 400):
            world.writer.update(collection, object_id, {"workspaceId": other})


def test_a_bucket_cannot_become_a_container_without_account(world: Any, refusal: Any) -> None:
    bucket = world.bucket()
    with refusal("", 400):
        world.writer.update("bucket", bucket, {"storageType": "BLOB", "key": None})


# Deletes


def test_buckets_and_llms_in_use_cannot_be_deleted(world: Any, refusal: Any) -> None:
    bucket, llm = world.bucket(), world.llm()
    repository = world.repository(bucket, repoAiLlms=[{"aiLlmId": llm}])
    for collection, object_id in (("bucket", bucket), ("ai/llm", llm)):
        with refusal("", 403):
            world.writer.delete(collection, object_id)
    world.writer.update("repo", repository, world.repository_body(repoAiLlms=[]))
    for collection, object_id in (("bucket", bucket), ("ai/llm", llm)):
        world.writer.delete(collection, object_id)
        assert world.reader.list(collection) == []


def test_a_provider_key_in_use_cannot_be_deleted(world: Any, refusal: Any) -> None:
    api_key = world.api_key()
    bucket = world.bucket(secret=None, apiKeyUuid=api_key)
    with refusal("", 400):
        world.writer.delete("apikeys", api_key)
    world.writer.delete("bucket", bucket)
    llm = world.llm(secret=None, apiKeyUuid=api_key)
    with refusal("", 400):
        world.writer.delete("apikeys", api_key)
    world.writer.delete("ai/llm", llm)
    world.writer.delete("apikeys", api_key)
    assert world.reader.list("apikeys") == []


@pytest.mark.parametrize(("collection", "make"), [("bucket", "bucket"), ("ai/llm", "llm"), ("repo", "repository")])
def test_a_workspace_that_holds_something_cannot_be_deleted(
    world: Any, refusal: Any, collection: str, make: str
) -> None:
    workspace = world.writer.create("workspace", {"name": "w"})
    object_id = getattr(world, make)(workspaceId=workspace)
    with refusal("", 400):
        world.writer.delete("workspace", workspace)
    world.writer.delete(collection, object_id)
    world.api_key(workspaceId=workspace)
    world.writer.delete("workspace", workspace)
    assert [item["name"] for item in world.reader.list("workspace")] == ["default"]
    assert world.reader.list("apikeys") == []
    with refusal("NOT_FOUND", 404):
        world.bucket(workspaceId=workspace)


def test_the_default_workspace_stays(world: Any, refusal: Any) -> None:
    with refusal("", 400):
        world.writer.delete("workspace", world.workspace)


# ETags


@pytest.mark.parametrize("collection", ["workspace", "bucket", "ai/llm", "repo", "apikeys"])
def test_an_object_that_changed_since_it_was_read_is_not_overwritten(world: Any, collection: str) -> None:
    make = {"bucket": world.bucket, "ai/llm": world.llm, "repo": world.repository, "apikeys": world.api_key}
    object_id = make[collection]() if collection in make else world.writer.create("workspace", {"name": "w"})
    body = world.repository_body(name="new") if collection == "repo" else {"name": "new"}
    first = world.one(collection, object_id)["etag"]
    assert world.one(collection, object_id)["etag"] == first
    world.writer.update(collection, object_id, body, first)
    second = world.one(collection, object_id)["etag"]
    assert second != first
    with pytest.raises(PreconditionFailed):
        world.writer.update(collection, object_id, body, first)
    with pytest.raises(PreconditionFailed):
        world.writer.delete(collection, object_id, first)
    assert world.one(collection, object_id)["etag"] == second
    world.writer.delete(collection, object_id, second)


def test_an_object_made_anew_has_another_etag(world: Any) -> None:
    first = world.repository(name="r")
    before = world.one("repo", first)["etag"]
    world.writer.delete("repo", first)
    assert world.one("repo", world.repository(name="r"))["etag"] != before


def test_one_of_several_etags_or_any_will_do(world: Any) -> None:
    repository = world.repository(name="r")
    etag = world.one("repo", repository)["etag"]
    world.writer.update("repo", repository, world.repository_body(name="a"), f'"other", {etag}')
    world.writer.update("repo", repository, world.repository_body(name="b"), "*")
    with pytest.raises(PreconditionFailed):
        world.writer.update("repo", repository, world.repository_body(name="c"), f'"other", {etag}')


def test_a_reader_sees_what_a_writer_wrote_meanwhile(world: Any) -> None:
    reader, writer = open_reader(world.connection), open_writer(world.connection)
    assert reader.list("repo") == []
    writer.create("repo", world.repository_body(name="later"))
    assert [item["name"] for item in reader.list("repo")] == ["later"]
    reader.close()
    writer.close()
