"""`gatectl serve --faults`: every kind of trouble, as a client meets it, and what the server did meanwhile."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from gatectl.errors import InputError
from gatectl.manifests.sources import read_schema
from gatectl.server.faults import Kind, make_faults, read_faults


def names(served: Any) -> list[str]:
    return [one["name"] for one in served.call("GET", "/workspace")["workspaces"]]


def make(served: Any, name: str = "w") -> httpx.Response:
    response: httpx.Response = served.client.post("/workspace", json={"name": name})
    return response


def workspace_rule(kind: str, **fields: Any) -> dict[str, Any]:
    return {"route": "POST /workspace", "kind": kind, "times": 1} | fields


# Kinds


@pytest.mark.parametrize(("kind", "after"), [("throttle", "3"), ("throttle-without-retry-after", None)])
def test_throttling_is_429_and_nothing_is_done(serve: Any, kind: str, after: str | None) -> None:
    served = serve.with_faults(workspace_rule(kind, seconds=3))
    refused = make(served)
    assert (refused.status_code, refused.headers.get("retry-after")) == (429, after)
    assert refused.json()["success"] is False
    assert names(served) == ["default"]
    assert make(served).status_code == 201


def test_a_quota_has_the_shape_of_the_endpoint(serve: Any) -> None:
    served = serve.with_faults({"route": "POST *", "kind": "quota"})
    bucket = served.client.post("/bucket", json={})
    assert (bucket.status_code, bucket.json()) == (429, {"success": False, "bucketId": None})
    repository = served.client.post("/repo", json={})
    assert (repository.status_code, repository.json()["error_code"]) == (429, "QUOTA_EXCEEDED")
    assert repository.json()["error_message"]


def test_a_server_error_has_the_status_that_is_asked_for(serve: Any) -> None:
    served = serve.with_faults(workspace_rule("server-error", status=502), workspace_rule("server-error"))
    assert [make(served).status_code for _ in range(3)] == [502, 201, 201]  # the second rule stood behind the first
    assert len(names(served)) == 3


def test_a_refusal_is_200_without_success(serve: Any) -> None:
    code = "NORMAL_UNIT_FOLDER_CANNOT_DELETE"
    served = serve.with_faults({"route": "PUT /repo/*", "kind": "refuse", "code": code})
    repository = served.repository(name="r")
    refused = served.call("PUT", f"/repo/{repository}", served.repository_body(name="changed"))
    assert refused == {"success": False, "error_code": code, "error_message": refused["error_message"]}
    assert served.one(repository)["name"] == "r"


@pytest.mark.parametrize(("kind", "done"), [("drop-before", False), ("drop-after", True)])
def test_a_connection_is_dropped_before_or_after_the_write(serve: Any, kind: str, done: bool) -> None:
    served = serve.with_faults(workspace_rule(kind))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        make(served)
    assert ("w" in names(served)) == done
    assert make(served, "next").status_code == 201
    served.stop()
    assert f"POST /workspace dropped (rehearsal: {kind})" in served.log
    assert "Traceback" not in served.log


def test_a_truncated_body_is_shorter_than_it_says_and_the_connection_closes(serve: Any) -> None:
    served = serve.with_faults(workspace_rule("truncate"))
    with pytest.raises(httpx.RemoteProtocolError, match=r"received \d+ bytes, expected \d+"):
        make(served)
    with served.client.stream("POST", "/workspace", json={"name": "v"}) as response:
        assert response.status_code == 201
    assert names(served) == ["default", "w", "v"]


def test_a_body_that_is_not_json_follows_a_write_that_was_done(serve: Any) -> None:
    served = serve.with_faults(workspace_rule("not-json"), workspace_rule("not-json", status=502, skip=1))
    first, second = make(served, "a"), make(served, "b")
    assert (first.status_code, second.status_code) == (201, 502)
    for page in (first, second):
        assert page.headers["content-type"].startswith("text/html")
        assert page.text.startswith("<!DOCTYPE html>")
    assert names(served) == ["default", "a", "b"]


def test_a_slow_body_is_whole(serve: Any) -> None:
    served = serve.with_faults({"route": "GET /workspace", "kind": "slow-body", "seconds": 0.1, "times": 1})
    assert names(served) == ["default"]


def test_a_token_that_expires_stays_expired(serve: Any) -> None:
    users = serve.file("users.json", '{"a@b.c": "p"}')
    faults = serve.file(
        "faults.json", json.dumps({"rules": [{"route": "GET /repo", "kind": "expire-token", "times": 1}]})
    )
    served = serve("--users", users, "--faults", faults)
    login = {"email": "a@b.c", "password": "p"}
    session = served.call("POST", "/user/login", login)
    old = {"Authorization": f"Bearer {session['accessToken']}"}
    served.call("GET", "/workspace", headers=old)
    assert "expired" in served.call("GET", "/repo", status=401, headers=old)["message"]
    served.call("GET", "/workspace", status=401, headers=old)
    fresh = served.call("POST", "/user/refresh", {"refresh_token": session["refreshToken"]})["accessToken"]
    served.call("GET", "/repo", headers={"Authorization": f"Bearer {fresh}"})


def test_a_token_of_the_file_expires_for_one_request_only(serve: Any) -> None:
    tokens = serve.file("tokens", "static-token\n")
    faults = serve.file("faults.json", json.dumps({"rules": [{"route": "*", "kind": "expire-token", "times": 1}]}))
    served = serve("--token-file", tokens, "--faults", faults)
    allowed = {"Authorization": "Bearer static-token"}
    served.call("GET", "/workspace", status=401, headers=allowed)
    served.call("GET", "/workspace", headers=allowed)


def test_access_tokens_live_as_long_as_the_rehearsal_says(serve: Any) -> None:
    faults = serve.file("faults.yaml", "accessTokenSeconds: 90.5\nrules: []\n")
    served = serve("--users", serve.file("users.json", '{"a@b.c": "p"}'), "--faults", faults)
    token = served.call("POST", "/user/login", {"email": "a@b.c", "password": "p"})["accessToken"]
    payload = token.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert said["exp"] - said["iat"] in (90, 91)


def test_a_fault_does_not_open_the_door(serve: Any) -> None:
    rules = [{"route": "*", "kind": "latency", "seconds": 0}, {"route": "*", "kind": "slow-body", "seconds": 0}]
    faults = serve.file("faults.json", json.dumps({"rules": rules}))
    served = serve("--token-file", serve.file("tokens", "static-token\n"), "--faults", faults)
    served.call("POST", "/workspace", {"name": "w"}, 401)


# Which requests


@pytest.mark.parametrize(
    ("route", "request_line", "fires"),
    [
        ("POST /repo", "POST /repo", True),
        ("POST /repo", "POST /repo/validate", False),
        ("POST /repo*", "POST /repo/validate", True),
        ("* /repo/*/apikey", "GET /repo/1/apikey", True),
        ("* /repo/*", "PUT /repo/1/ai/apikey/2", True),
        ("GET *", "POST /repo", False),
        ("*", "DELETE /a\nb", True),
        ("GET /a.b[c]?", "GET /a.b[c]?", True),
        ("GET /a.b", "GET /axb", False),
    ],
)
def test_a_star_stands_for_anything(route: str, request_line: str, fires: bool) -> None:
    faults = make_faults({"rules": [{"route": route, "kind": "throttle"}]})
    assert bool(faults.strike(*request_line.split(" ", 1))) == fires


def test_the_same_seed_and_requests_give_the_same_faults() -> None:
    def fired(seed: int, noise: bool) -> list[bool]:
        rules = [{"route": "GET *", "kind": "latency", "probability": 0.5}] if noise else []
        rules.append({"route": "POST /repo", "kind": "throttle", "probability": 0.3})
        faults = make_faults({"seed": seed, "rules": rules[::-1]})
        result = []
        for _ in range(200):
            if noise:
                faults.strike("GET", "/repo")
            result.append(bool(faults.strike("POST", "/repo")))
        return result

    assert fired(7, False) == fired(7, False) == fired(7, True) != fired(8, False)
    assert 35 < sum(fired(7, False)) < 85


def test_a_rule_skips_and_then_fires_so_many_times() -> None:
    faults = make_faults({"rules": [{"route": "*", "kind": "throttle", "skip": 2, "times": 3}]})
    assert [bool(faults.strike("GET", "/")) for _ in range(7)] == [False, False, True, True, True, False, False]


# The file


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("seed: 3\nrules:\n  - {route: 'POST *', probability: 0.5, kind: quota}\n")
    (tmp_path / "f.json").write_text('{"seed": 3, "rules": [{"route": "POST *", "probability": 0.5, "kind": "quota"}]}')
    from_yaml, from_json = read_faults(tmp_path / "f.yaml"), read_faults(tmp_path / "f.json")
    for _ in range(50):
        assert from_yaml.strike("POST", "/repo") == from_json.strike("POST", "/repo")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("rules: [{route: '*', kind: throtle}]", "throttle"),
        ("rules: [{route: '*'}]", "kind"),
        ("rules: [{kind: quota}]", "route"),
        ("rules: [{route: '*', kind: quota, probability: 1.5}]", "probability"),
        ("rules: [{route: '*', kind: quota, probability: often}]", "probability"),
        ("rules: [{route: '*', kind: quota, secnds: 1}]", "seconds"),
        ("rules: {}", "rules"),
        ("seed: 1", "rules"),
        ("seed: -1\nrules: []", "seed"),
        ("- a", "mapping"),
        ("rules: [", ""),
        ("rules: []\n---\nrules: []", "one document"),
        ("", "one document"),
    ],
)
def test_a_file_that_is_wrong_says_what_and_where(tmp_path: Path, content: str, word: str) -> None:
    (tmp_path / "faults.yaml").write_text(content)
    with pytest.raises(InputError) as caught:
        read_faults(tmp_path / "faults.yaml")
    assert "faults.yaml" in caught.value.message
    assert word in f"{caught.value.message} {caught.value.hint}"


def test_a_wrong_file_keeps_the_server_from_starting(serve: Any) -> None:
    said = serve.refused("--faults", serve.file("faults.yaml", "rules:\n  - {route: '*', kind: throtle}\n"), code=1)
    assert re.search(r"faults\.yaml:2:\d+: .*throtle", said)
    serve.refused("--faults", "nowhere.yaml", code=1)


def test_schema_documentation_and_code_know_the_same_kinds() -> None:
    from gatectl.server import faults

    rule = read_schema("faults")["properties"]["rules"]["items"]["properties"]
    kinds = set(get_args(Kind))
    assert set(rule["kind"]["enum"]) == kinds
    assert set(re.findall(r"^\| `([a-z-]+)`", faults.__doc__ or "", re.MULTILINE)) == kinds
    assert all(f"`{kind}`:" in rule["kind"]["description"] for kind in kinds)
    assert set(rule) == set(faults.Rule._fields)
    example = re.search(r"\n\n((?:    .*\n)+)", faults.__doc__ or "")
    assert example and "seed: 7" in example[1]
