"""`gatectl serve --faults`: each way in which the platform may be less kind than ours, as a client reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from gatectl.platforms.embedded import open_platform
from gatectl.platforms.interface import Connection
from gatectl.server.application import Serving, make_application
from gatectl.server.faults import make_faults
from gatectl.server.interference import Interference
from gatectl.server.sessions import Sessions
from gatectl.server.views import History
from leaping import Leaping


class Client:
    """Requests to an application, one at a time."""

    def __init__(self, application: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(application)

    def request(self, method: str, path: str, body: Any = None, token: str | None = None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}

        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://localhost") as client:
                return await client.request(method, path, json=body, headers=headers)

        return asyncio.run(send())

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)


class Unkind:
    """A platform with one object of each kind, and clients that see it as rules say."""

    def __init__(self, folder: Path, executor: ThreadPoolExecutor) -> None:
        self.platform = open_platform(Connection("embedded", folder))
        self._executor = executor
        self.slept: list[float] = []
        self.workspace = str(self.platform.list("workspace")[0]["id"])
        place = {"workspaceId": self.workspace}
        provider = {"key": "AKIA", "secret": "hush", "provider": "AWS", **place}
        self.api_key = self.platform.create("apikeys", provider)
        bucket = {"name": "logs", "bucket": "logs", "storageType": "S3", "key": "AK", "apiKeyUuid": self.api_key}
        self.bucket = self.platform.create("bucket", bucket | place)
        self.llm = self.platform.create("ai/llm", {"name": "gpt", "aiType": "OPENAI", "secret": "hush"} | place)
        attached = {"repoBuckets": [{"bucketId": self.bucket, "folder": "f"}], "repoAiLlms": [{"aiLlmId": self.llm}]}
        self.repository = self.platform.create(
            "repo", {"name": "orders", "storageType": "S3", "mode": "NORMAL"} | attached | place
        )

    def seen(self, kind: str, route: str = "*", **fields: Any) -> Client:
        return self.client({"route": route, "kind": kind} | fields)

    def client(self, *rules: Mapping[str, Any], sessions: Sessions | None = None) -> Client:
        """Somebody who meets these rules; `slept` notes how long they make one wait, and nobody does."""
        sessions = sessions or Sessions([], {})

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        application = make_application(Serving(self.platform, sessions, self._executor, self._fail))
        unkind = Interference(application, make_faults({"rules": rules}), sessions, {}, self.platform, sleep)
        return Client(unkind)

    def listed(self, client: Client, path: str, field: str) -> Any:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()[field]

    def one(self, client: Client, path: str, field: str) -> Any:
        (found,) = self.listed(client, path, field)
        return found

    @staticmethod
    def _fail(trace: str) -> None:
        raise AssertionError(trace)


@pytest.fixture
def unkind(tmp_path: Path) -> Iterator[Unkind]:
    with ThreadPoolExecutor(2) as executor:
        made = Unkind(tmp_path, executor)
        yield made
        made.platform.close()


def test_latency_delays_and_lets_through(unkind: Unkind) -> None:
    client = unkind.seen("latency", "POST /workspace", seconds=0.4)
    assert client.request("POST", "/workspace", {"name": "w"}).status_code == 201
    assert unkind.slept == [0.4]
    assert len(unkind.listed(client, "/workspace", "workspaces")) == 2


def test_latency_adds_to_the_first_other_kind_that_fires(unkind: Unkind) -> None:
    client = unkind.client(
        {"route": "* /workspace", "kind": "throttle"},
        {"route": "POST *", "kind": "server-error"},
        {"route": "POST /work*", "kind": "latency", "seconds": 0.3},
    )
    assert client.request("POST", "/workspace", {"name": "w"}).status_code == 429
    assert unkind.slept == [0.3]
    assert client.request("POST", "/repo", {}).status_code == 500
    assert client.get("/repo").status_code == 200
    assert unkind.slept == [0.3]


def test_a_slow_body_takes_its_time_and_is_whole(unkind: Unkind) -> None:
    client = unkind.seen("slow-body", "GET /workspace", seconds=5)
    assert [one["name"] for one in unkind.listed(client, "/workspace", "workspaces")] == ["default"]
    assert len(unkind.slept) > 5 and sum(unkind.slept) == pytest.approx(5)


def test_access_tokens_live_as_long_as_they_are_made_for(unkind: Unkind) -> None:
    time = Leaping()
    client = unkind.client(sessions=Sessions([], {"a@b.c": "p"}, 1.5, time.now, time.wall))
    token = client.request("POST", "/user/login", {"email": "a@b.c", "password": "p"}).json()["accessToken"]
    time.leap(1.4)
    assert client.request("GET", "/workspace", token=token).status_code == 200
    time.leap(0.2)
    assert client.request("GET", "/workspace", token=token).status_code == 401


def test_the_server_fills_in_what_was_left_out(unkind: Unkind) -> None:
    client = unkind.seen("filled-defaults")
    bucket = unkind.one(client, "/bucket", "buckets")
    assert (bucket["region"], bucket["endpoint"]) == ("us-east-1", "https://s3.us-east-1.amazonaws.com")
    assert unkind.one(client, "/ai/llm", "aiLlms")["endpoint"] == "https://api.openai.com/v1"
    repository = unkind.one(client, "/repo", "repos")
    assert repository["buckets"][0]["master"] is repository["units"][0]["master"] is True
    assert repository["buckets"][0]["bucket"]["region"] == "us-east-1"
    assert unkind.platform.list("bucket")[0].get("region") is None


@pytest.mark.parametrize(
    ("path", "field"),
    [("/workspace", "workspaces"), ("/bucket", "buckets"), ("/ai/llm", "aiLlms"), ("/repo", "repos"), ("/apikeys", "apiKeys")],
)  # fmt: skip
def test_lists_hold_a_deleted_twin_of_each_object(unkind: Unkind, path: str, field: str) -> None:
    deleted, live = unkind.listed(unkind.seen("soft-deleted"), path, field)
    assert deleted["deletedAt"] and not live.get("deletedAt")
    assert deleted["id"] != live["id"]
    assert {**deleted, "id": live["id"], "deletedAt": None} == {**live, "deletedAt": None}


def test_fields_and_lists_that_nobody_knows(unkind: Unkind) -> None:
    repository = unkind.one(unkind.seen("unknown-fields"), "/repo", "repos")
    assert repository["tier"] == repository["buckets"][0]["tier"] == repository["aiLlms"][0]["aiLlm"]["tier"]
    assert not any(isinstance(value, list) and "packet" in name for name, value in repository.items())
    assert unkind.one(unkind.seen("unknown-lists"), "/repo", "repos")["packets"]


def test_an_envelope_says_that_there_is_more(unkind: Unkind) -> None:
    answer = unkind.seen("more").get("/bucket").json()
    assert (answer["buckets"], answer["hasMore"], answer["total"]) == ([], True, 1)


def test_ids_are_left_out_beside_the_expanded_object(unkind: Unkind) -> None:
    repository = unkind.one(unkind.seen("optional-ids"), "/repo", "repos")
    (bucket,), (llm,) = repository["buckets"], repository["aiLlms"]
    assert ("bucketId" in bucket, bucket["bucket"]["id"]) == (False, unkind.bucket)
    assert ("aiLlmId" in llm, llm["aiLlm"]["id"]) == (False, unkind.llm)


def test_legacy_units_instead_of_buckets(unkind: Unkind) -> None:
    repository = unkind.one(unkind.seen("legacy-units"), "/repo", "repos")
    assert "buckets" not in repository
    (unit,) = repository["units"]
    assert (unit["unitId"], unit["folder"], unit["unit"]["name"]) == (unkind.bucket, "f", "logs")


def test_disabled_repositories_enums_in_lower_case_and_endpoints_without_a_scheme(unkind: Unkind) -> None:
    rules = [{"route": "*", "kind": kind} for kind in ("disabled", "lower-case", "filled-defaults", "no-scheme")]
    client = unkind.client(*rules)
    repository = unkind.one(client, "/repo", "repos")
    assert (repository["disabled"], repository["storageType"], repository["mode"]) == (True, "s3", "normal")
    organization = client.get(f"/organization/{unkind.platform.instance}").json()["data"]
    assert (organization["reposDisabled"], organization["id"]) == (True, unkind.platform.instance)
    assert unkind.one(client, "/bucket", "buckets")["endpoint"] == "s3.us-east-1.amazonaws.com"
    assert unkind.one(client, "/ai/llm", "aiLlms")["aiType"] == "openai"


def test_who_has_the_role_read_may_read_and_nothing_else(unkind: Unkind) -> None:
    client = unkind.seen("read-role")
    (member,) = unkind.one(client, "/workspace", "workspaces")["users"]
    profile = client.get("/user/profile").json()["data"]
    assert (member["role"], member["userId"]) == ("READ", profile["id"])
    assert client.get(f"/workspace/{unkind.workspace}").json()["workspace"]["users"] == [member]
    assert client.request("POST", "/workspace", {"name": "w"}).status_code == 403
    assert client.request("DELETE", f"/repo/{unkind.repository}").json()["error_message"]
    assert len(unkind.platform.list("workspace")) == len(unkind.platform.list("repo")) == 1


def test_a_put_that_replaces_drops_what_is_not_sent(unkind: Unkind) -> None:
    client = unkind.seen("replacing-put", "PUT /bucket*")
    assert client.request("PUT", f"/bucket/{unkind.bucket}", {"name": "renamed", "region": "eu"}).status_code == 200
    bucket = unkind.one(client, "/bucket", "buckets")
    assert (bucket["name"], bucket["bucket"], bucket["region"]) == ("renamed", "logs", "eu")
    assert (bucket.get("key"), bucket.get("apiKeyId")) == (None, None)
    echoed = {"key": "AK", "apiKeyUuid": unkind.api_key}
    assert client.request("PUT", f"/bucket/{unkind.bucket}", echoed).status_code == 200
    bucket = unkind.one(client, "/bucket", "buckets")
    assert (bucket["key"], bucket["apiKeyId"], bucket.get("region")) == ("AK", unkind.api_key, None)


@pytest.mark.parametrize("status", [403, 404, 500, 501])
def test_what_is_withheld_is_refused_with_its_status(unkind: Unkind, status: int) -> None:
    client = unkind.seen("withheld", "* /ai/llm*", status=status)
    assert (client.get("/ai/llm").status_code, client.get("/bucket").status_code) == (status, 200)


def test_what_is_withheld_may_look_like_a_success(unkind: Unkind) -> None:
    answer = unkind.seen("withheld", "GET /ai/llm", status=200).get("/ai/llm")
    assert (answer.status_code, answer.json()["success"], "aiLlms" in answer.json()) == (200, True, False)
    assert unkind.seen("withheld", "GET /apikeys").get("/apikeys").status_code == 403


def test_success_beside_an_error_code_did_nothing(unkind: Unkind) -> None:
    answer = unkind.seen("success-with-error", "POST *").request("POST", "/workspace", {"name": "w"}).json()
    assert (answer["success"], answer["error_code"]) == (True, "QUOTA_EXCEEDED")
    assert len(unkind.platform.list("workspace")) == 1


def test_lists_lag_and_writes_do_not(unkind: Unkind) -> None:
    late = unkind.seen("lag", "GET *", seconds=3600)
    body = {
        "name": "more",
        "bucket": "more",
        "storageType": "S3",
        "key": "k",
        "secret": "s",
        "workspaceId": unkind.workspace,
    }
    assert late.request("POST", "/bucket", body).status_code == 200
    assert late.request("DELETE", f"/repo/{unkind.repository}").status_code == 200
    key = {"key": "k2", "secret": "s", "provider": "AWS", "workspaceId": unkind.workspace}
    assert late.request("POST", "/apikeys", key).status_code == 200
    assert [one["name"] for one in unkind.listed(late, "/bucket", "buckets")] == ["logs"]
    assert len(unkind.listed(late, f"/bucket?workspaceId={unkind.workspace}", "buckets")) == 1
    assert len(unkind.listed(late, f"/apikeys?workspaceId={unkind.workspace}", "apiKeys")) == 1
    assert unkind.one(late, f"/repo?repoId={unkind.repository}", "repos")["name"] == "orders"
    assert (len(unkind.platform.list("bucket")), len(unkind.platform.list("repo"))) == (2, 0)


def test_a_list_that_lags_is_that_of_the_moment_before(unkind: Unkind) -> None:
    now = [0.0]
    history = History(unkind.platform, 10, lambda: now[0])
    for at in (5, 8, 30):
        now[0] = at
        unkind.platform.create("workspace", {"name": f"at-{at}"})
        history.note()
    now[0] = 32
    names = [[one["name"] for one in history.before(s).list("workspace")] for s in (0, 2, 3, 10)]
    assert names[0] == names[1] == ["default", "at-5", "at-8", "at-30"]
    assert names[2] == names[3] == ["default", "at-5", "at-8"]


def test_a_platform_that_reads_lower_case_takes_it_too_whatever_else_it_does(unkind: Unkind) -> None:
    client = unkind.client({"route": "*", "kind": "lower-case"}, {"route": "PUT *", "kind": "replacing-put"})
    sent = {"storageType": "s3", "region": "eu"}
    assert client.request("PUT", f"/bucket/{unkind.bucket}", sent).status_code == 200
    bucket = unkind.one(client, "/bucket", "buckets")
    assert (bucket["storageType"], bucket["region"], bucket.get("key")) == ("s3", "eu", None)
    made = client.request("POST", "/ai/llm", {"name": "l", "aiType": "other", "workspaceId": unkind.workspace})
    assert made.status_code == 200
    assert [one["aiType"] for one in unkind.platform.list("ai/llm")] == ["OPENAI", "OTHER"]
