"""The API of `gatectl serve`, over HTTP, on both databases (platform-contract.md, sections 3 and 4)."""

from __future__ import annotations

from typing import Any

import pytest

CANARY = "canary-9c51f3a7"


def test_workspaces(served: Any) -> None:
    made = served.call("POST", "/workspace", {"name": "w"}, 201)["workspace"]
    assert made["name"] == "w" and made["orgId"] and made["users"] == []
    path = f"/workspace/{made['id']}"
    assert served.call("GET", path)["workspace"] == made
    assert served.call("PUT", path, {"name": "v"})["workspace"]["name"] == "v"
    assert [one["name"] for one in served.call("GET", "/workspace")["workspaces"]] == ["default", "v"]
    bucket = served.bucket(workspaceId=made["id"])
    assert not served.call("DELETE", path, status=400)["success"]
    served.call("DELETE", f"/bucket/{bucket}")
    assert served.call("DELETE", path) == {"success": True}
    for method in ("GET", "PUT", "DELETE"):
        refused = served.call(method, path, {"name": "x"}, 404)
        assert refused.keys() == {"success", "message"} and not refused["success"]


def test_buckets(served: Any) -> None:
    made = served.call(
        "POST",
        "/bucket",
        {
            "name": "b",
            "bucket": "x",
            "storageType": "S3",
            "key": "AK",
            "secret": CANARY,
            "workspaceId": served.workspace,
        },
    )
    assert made == {"success": True, "bucketId": made["bucketId"]}
    path = f"/bucket/{made['bucketId']}"
    (read,) = served.call("GET", "/bucket?workspaceId=undefined&walletAddress=undefined")["buckets"]
    assert (read["id"], read["key"], read["status"], read["repos"]) == (made["bucketId"], "AK", "ONLINE", [])
    updated = served.call("PUT", path, {"region": "eu-west-1"})
    assert updated["bucketId"] == made["bucketId"] and updated["status"] == "ONLINE"
    (read,) = served.call("GET", f"/bucket?workspaceId={served.workspace}")["buckets"]
    assert (read["name"], read["region"]) == ("b", "eu-west-1")
    assert served.call("GET", "/bucket?workspaceId=nowhere")["buckets"] == []
    assert served.call("POST", f"{path}/validate")["success"]
    assert served.call("POST", f"{path}/validate", {"bucket": "x", "key": "AK"})["success"]
    assert served.call("GET", f"{path}/status") == {"bucketId": made["bucketId"], "nodeStatus": []}
    assert served.call("DELETE", path) == {"success": True}
    for method, below in (("PUT", ""), ("DELETE", ""), ("POST", "/validate"), ("GET", "/status")):
        assert served.call(method, path + below, {}, 404).keys() == {"success", "message"}


def test_available_buckets_are_a_bare_list_of_those_no_mirror_repository_uses(served: Any) -> None:
    free, shared, mirrored = served.bucket(), served.bucket(), served.bucket()
    served.repository(shared)
    served.repository({"bucketId": mirrored, "master": True, "folder": ""}, mode="MIRROR")
    assert [one["id"] for one in served.call("GET", "/bucket/available?workspaceId=undefined")] == [free, shared]
    assert len(served.call("GET", f"/bucket/available?workspaceId={served.workspace}")) == 2
    served.call("GET", "/bucket/available?workspaceId=nowhere", status=404)


def test_what_is_in_use_is_not_deleted(served: Any) -> None:
    bucket, llm = served.bucket(), served.llm()
    repository = served.repository(bucket, repoAiLlms=[{"aiLlmId": llm}])
    for path in (f"/bucket/{bucket}", f"/ai/llm/{llm}"):
        assert served.call("DELETE", path, status=403).keys() == {"success", "message"}
    served.call("DELETE", f"/repo/{repository}")
    for path in (f"/bucket/{bucket}", f"/ai/llm/{llm}"):
        served.call("DELETE", path)


def test_repositories(served: Any) -> None:
    bucket, llm = served.bucket(), served.llm()
    body = served.repository_body(
        {"bucketId": bucket, "folder": "/raw", "master": False}, repoAiLlms=[{"aiLlmId": llm}]
    )
    made = served.call("POST", "/repo", body)
    assert made == {"success": True, "repoId": made["repoId"]}
    other = served.repository()
    (read,) = served.call("GET", f"/repo?repoId={made['repoId']}")["repos"]
    assert read["buckets"][0]["bucketId"] == read["buckets"][0]["bucket"]["id"] == bucket
    assert read["units"] == [{"unitId": bucket, "folder": "/raw", "master": False}]
    assert read["aiLlms"][0]["aiLlmId"] == llm
    assert (read["apiKeys"], read["aiApiKeys"], read["disabled"]) == ([], [], False)
    listed = served.call("GET", f"/repo?workspaceId={served.workspace}&repoId=undefined")["repos"]
    assert listed[0] == read and [one["id"] for one in listed] == [made["repoId"], other]
    assert served.call("GET", "/repo?repoId=nothing")["repos"] == []
    assert served.call("GET", f"/repo?repoId={other}&workspaceId=nowhere")["repos"] == []
    assert served.call("PUT", f"/repo/{other}", served.repository_body(name="renamed")) == {
        "success": True,
        "repoId": other,
    }
    assert served.one(other)["name"] == "renamed"
    assert served.call("DELETE", f"/repo/{other}") == {"success": True}
    refused = served.call("DELETE", f"/repo/{other}", status=404)
    assert refused["message"] and refused["error_code"] == "NOT_FOUND"
    served.call("GET", f"/repo/{other}", status=405)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"name": "taken"}, 400, "NAME_ALREADY_USED"),
        ({"mode": "MIRROR"}, 400, "MIRROR_MASTER_UNIT_COUNT_INVALID"),
        ({"mode": "BACKUP"}, 400, "INVALID_REQUEST"),
        ({"storageType": 7}, 400, "INVALID_REQUEST"),
        ({"workspaceId": "nowhere"}, 404, "NOT_FOUND"),
        ({"repoBuckets": [{"bucketId": "nothing"}]}, 404, "NOT_FOUND"),
        ({"apiKeys": []}, 400, "INVALID_REQUEST"),
    ],
)
def test_a_refused_repository_says_code_and_message(served: Any, fields: Any, status: int, code: str) -> None:
    served.repository(name="taken")
    refused = served.call("POST", "/repo", served.repository_body() | fields, status)
    assert refused.keys() == {"success", "error_code", "error_message"}
    assert (refused["success"], refused["error_code"]) == (False, code)
    assert len(served.call("GET", "/repo")["repos"]) == 1


def test_the_legacy_names_of_units_are_understood(served: Any) -> None:
    first, second = served.bucket(), served.bucket()
    body = served.repository_body()
    del body["repoBuckets"]
    repository = served.call(
        "POST", "/repo", body | {"repoUnits": [{"unitId": first, "folder": "f", "master": False}]}
    )["repoId"]
    assert served.one(repository)["buckets"][0]["bucketId"] == first
    served.call("PUT", f"/repo/{repository}", body | {"repoUnits": [{"unitId": first}, {"bucketId": second}]})
    assert [one["unitId"] for one in served.one(repository)["units"]] == [first, second]


def test_a_repository_can_be_validated_before_it_is_written(served: Any) -> None:
    bucket, other = served.bucket(), served.bucket()
    repository = served.repository({"bucketId": bucket, "folder": "a"})
    fine = {"mode": "NORMAL", "repoBuckets": [{"bucketId": bucket, "folder": "b"}]}
    taken = {"mode": "NORMAL", "repoBuckets": [{"bucketId": bucket, "folder": "a"}]}
    for path, known in (("/repo/validate", ""), ("/repo/new/validate", "new")):
        assert served.call("POST", path, fine | {"repoId": known})["success"]
        refused = served.call("POST", path, taken | {"repoId": known}, 400)
        assert refused["error_code"] == "NORMAL_UNIT_FOLDER_ALREADY_USED"
    assert served.call("POST", "/repo/validate", taken | {"repoId": repository})["success"]
    refused = served.call("POST", f"/repo/{repository}/validate", fine, 400)
    assert refused["error_code"] == "NORMAL_UNIT_CANNOT_EDIT_FOLDER"
    unmastered = {"mode": "MIRROR", "repoBuckets": [{"bucketId": other}]}
    assert served.call("POST", "/repo/validate", unmastered, 400)["error_code"] == "MIRROR_MASTER_UNIT_COUNT_INVALID"
    assert len(served.one(repository)["buckets"]) == 1


def test_an_etag_keeps_a_repository_from_being_overwritten(served: Any) -> None:
    made = served.client.post("/repo", json=served.repository_body(name="r"))
    repository, first = made.json()["repoId"], made.headers["etag"]
    read = served.client.get(f"/repo?repoId={repository}")
    assert read.headers["etag"] == first == read.json()["repos"][0]["etag"]
    assert "etag" not in served.client.get("/repo").headers
    body = served.repository_body(name="changed")
    second = served.client.put(f"/repo/{repository}", json=body, headers={"If-Match": first}).headers["etag"]
    assert second == served.one(repository)["etag"] != first
    for method, sent in (("PUT", body), ("DELETE", None)):
        refused = served.call(method, f"/repo/{repository}", sent, 412, headers={"If-Match": first})
        assert (refused["success"], refused["error_code"]) == (False, "PRECONDITION_FAILED")
        assert refused["error_message"]
    assert served.one(repository)["etag"] == second
    served.call("DELETE", f"/repo/{repository}", headers={"If-Match": second})


@pytest.mark.parametrize(
    ("path", "listed", "kind"),
    [("apikey", "keys", {"accessType": "WRITE"}), ("ai/apikey", "apiKeys", {"aiType": "OPENAI"})],
)
def test_a_repository_key_shows_its_secret_once(served: Any, path: str, listed: str, kind: dict[str, str]) -> None:
    repository = served.repository()
    made = [served.call("POST", f"/repo/{repository}/{path}", {"name": name, **kind}) for name in ("a", "b")]
    assert all(one.keys() == {"success", "id", "key", "secret"} and one["secret"] for one in made)
    assert made[0]["secret"] != made[1]["secret"]
    read = served.call("GET", f"/repo/{repository}/{path}")[listed]
    assert [one["id"] for one in read] == [made[1]["id"], made[0]["id"]]
    assert read[0].items() >= {"name": "b", "key": made[1]["key"], **kind}.items()
    everything = served.client.get("/repo").text + served.client.get(f"/repo/{repository}/{path}").text
    assert made[0]["key"] in everything
    assert all("secret" not in text and one["secret"] not in text for text in (everything,) for one in made)
    one = f"/repo/{repository}/{path}/{made[0]['id']}"
    served.call("PUT", one, {"name": "renamed", **kind})
    assert served.call("GET", f"/repo/{repository}/{path}")[listed][1]["name"] == "renamed"
    served.call("DELETE", one)
    assert len(served.call("GET", f"/repo/{repository}/{path}")[listed]) == 1
    served.call("DELETE", one, status=404)
    served.call("PUT", one, {"name": "x", **kind}, 404)
    served.call("POST", f"/repo/{repository}/{path}", {"name": "x"}, 400)
    served.call("DELETE", f"/repo/{repository}")
    served.call("GET", f"/repo/{repository}/{path}", status=404)
    served.call("POST", f"/repo/{repository}/{path}", {"name": "x", **kind}, 404)


def test_a_storage_key_looks_as_the_endpoint_type_asks(served: Any) -> None:
    for storage_type, shape in (("S3", "GW"), ("GCS", "@"), ("BLOB", "-")):
        repository = served.repository(storageType=storage_type)
        made = served.call("POST", f"/repo/{repository}/apikey", {"name": "k", "accessType": "READ"})
        assert shape in made["key"]


def test_an_ai_key_cannot_change_its_type_nor_be_reached_as_a_storage_key(served: Any) -> None:
    repository = served.repository()
    made = served.call("POST", f"/repo/{repository}/ai/apikey", {"name": "k", "aiType": "OPENAI"})
    served.call("PUT", f"/repo/{repository}/ai/apikey/{made['id']}", {"aiType": "AWS"})
    (read,) = served.call("GET", f"/repo/{repository}/ai/apikey")["apiKeys"]
    assert (read["aiType"], read["name"], read["repoId"], read["deletedAt"]) == ("OPENAI", "k", repository, None)
    served.call("DELETE", f"/repo/{repository}/apikey/{made['id']}", status=404)
    served.call("DELETE", f"/repo/{served.repository()}/ai/apikey/{made['id']}", status=404)


def test_llms(served: Any) -> None:
    body = {
        "name": "gpt",
        "aiType": "OPENAI",
        "endpoint": "https://e.example.com",
        "secret": CANARY,
        "workspaceId": served.workspace,
    }
    made = served.call("POST", "/ai/llm", body)
    assert made["success"] and made["aiLlmId"]
    path = f"/ai/llm/{made['aiLlmId']}"
    assert served.call("PUT", path, {"aiType": "OTHER"})["aiLlmId"] == made["aiLlmId"]
    second = served.llm()
    assert [one["id"] for one in served.call("GET", "/ai/llm?workspaceId=undefined")["aiLlms"]] == [
        made["aiLlmId"],
        second,
    ]
    assert [one["id"] for one in served.call("GET", "/ai/llm/available")["aiLlms"]] == [second, made["aiLlmId"]]
    assert not served.call("POST", "/ai/llm", body, 400)["success"]
    assert served.call("POST", f"{path}/validate")["success"]
    served.call("PUT", path, {"endpoint": None})
    assert served.call("POST", f"{path}/validate")["success"] is False
    assert served.call("DELETE", path)["success"]
    served.call("POST", f"{path}/validate", status=404)


def test_provider_keys(served: Any) -> None:
    body = {"key": "AK", "secret": CANARY, "provider": "AWS", "workspaceId": served.workspace, "description": "d"}
    made = served.call("POST", "/apikeys", body)
    assert made["success"] and made["apiKeyId"]
    path = f"/apikeys/{made['apiKeyId']}"
    served.call("PUT", path, {"region": "eu"})
    (read,) = served.call("GET", f"/apikeys?workspaceId={served.workspace}&capability=1&provider=AWS")["apiKeys"]
    assert (read["description"], read["region"], read["bucket_count"]) == ("d", "eu", 0)
    assert "workspaceId" not in read
    assert served.call("GET", "/apikeys?provider=GCP")["apiKeys"] == []
    bucket = served.bucket(secret=None, key=None, apiKeyUuid=made["apiKeyId"])
    assert served.call("GET", "/bucket")["buckets"][0]["apiKeyId"] == made["apiKeyId"]
    assert not served.call("DELETE", path, status=400)["success"]
    served.call("DELETE", f"/bucket/{bucket}")
    assert served.call("DELETE", path)["success"]


def test_no_answer_and_no_log_holds_a_secret(served: Any) -> None:
    bucket, llm = served.bucket(secret=CANARY), served.llm(secret=CANARY, key=CANARY)
    served.repository(bucket, repoAiLlms=[{"aiLlmId": llm}])
    served.call("POST", "/apikeys", {"key": "AK", "secret": CANARY, "provider": "AWS", "workspaceId": served.workspace})
    served.call("POST", "/bucket", {"secret": CANARY, "name": [CANARY]}, 400)
    served.call("GET", f"/repo?workspaceId={CANARY}", headers={"Authorization": f"Bearer {CANARY}"})
    for path in ("/bucket", "/ai/llm", "/repo", "/apikeys", "/bucket/available", "/ai/llm/available"):
        assert CANARY not in served.client.get(path).text
    served.stop()
    assert "POST /bucket 400\n" in served.log
    assert CANARY not in served.log


@pytest.mark.parametrize("path", ["/repo", "/workspace", "/bucket", "/ai/llm", "/apikeys", "/user/login"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"name": NaN}', b"1" * 5000]
)
def test_a_body_that_is_none_is_refused_in_the_shape_of_its_family(served_once: Any, path: str, content: bytes) -> None:
    response = served_once.client.post(path, content=content)
    assert response.status_code == 400
    refused = response.json()
    assert refused["success"] is False
    assert refused.keys() - {"success", "error_code"} == {"error_message" if path == "/repo" else "message"}


@pytest.mark.parametrize(
    "field", ["name", "bucket", "storageType", "workspaceId", "secret", "key", "endpoint", "region", "apiKeyUuid"]
)
@pytest.mark.parametrize("value", [7, True, ["x"], {"a": 1}, "\0", "\ud800"])
def test_a_wrong_type_is_refused_with_the_name_of_the_field(served_once: Any, field: str, value: Any) -> None:
    body = {"name": "b", "bucket": "x", "storageType": "S3", "secret": "s", "workspaceId": served_once.workspace}
    assert field in served_once.call("POST", "/bucket", body | {field: value}, 400)["message"]


def test_a_body_that_is_too_large_is_refused(served_once: Any) -> None:
    large = b'{"name": "' + b"x" * (1024 * 1024) + b'"}'
    response = served_once.client.post("/repo", content=large)
    assert (response.status_code, response.json()["error_code"]) == (413, "TOO_LARGE")

    def chunks() -> Any:
        for place in range(0, len(large), 65536):
            yield large[place : place + 65536]

    assert served_once.client.post("/workspace", content=chunks()).status_code == 413
    served_once.call("GET", "/workspace")


def test_unknown_paths_and_methods_are_answered_in_json(served_once: Any) -> None:
    for path in ("/", "/nothing", "/repo/", "/repo/a/b/c", "/repos", "//", "/%00"):
        assert not served_once.call("GET", path, status=404)["success"]
    for method, path, allowed in (
        ("PATCH", "/repo", "GET, POST"),
        ("POST", "/repo/x", "DELETE, PUT"),
        ("DELETE", "/openapi.json", "GET"),
        ("OPTIONS", "/bucket", "GET, POST"),
    ):
        response = served_once.client.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
        assert response.json()["success"] is False
    assert served_once.client.head("/repo").status_code == 200


@pytest.mark.parametrize(
    "path", ["/repo?workspaceId=%00", "/repo?repoId=a%00b", "/workspace/%00", "/bucket/%00/status"]
)
def test_a_character_that_no_id_has_is_refused(served: Any, path: str) -> None:
    assert served.client.get(path).status_code == 400


def test_odd_ids_are_simply_unknown(served: Any) -> None:
    for odd in ("x" * 5000, "%F0%9F%A6%8A", "'; DROP TABLE workspaces; --", "%", "..", "undefined"):
        assert served.client.get(f"/workspace/{odd}").status_code == 404
        assert served.client.get("/repo", params={"workspaceId": odd}).status_code == 200
