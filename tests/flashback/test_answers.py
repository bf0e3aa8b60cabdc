"""What an answer of the platform means: platform-contract.md, sections 2.7 to 2.9 and 4."""

from __future__ import annotations

from typing import Any

import pytest

from gatectl.errors import (
    Forbidden,
    LeaseLost,
    NotAuthenticated,
    OtherStore,
    PlatformError,
    PlatformRefused,
    PreconditionFailed,
    Uncertain,
    Unsupported,
)
from gatectl.platforms.flashback.answers import Answer, Throttled, judge, parse_body, redact


def answer(status: int, body: Any, method: str = "POST", path: str = "/repo", retry_after: str | None = None) -> Answer:
    return Answer(method, path, status, retry_after, None, body)


def refused(status: int, body: Any, method: str = "POST", path: str = "/repo", retry_after: str | None = None) -> Any:
    with pytest.raises(PlatformError) as caught:
        judge(answer(status, body, method, path, retry_after))
    return caught.value


def test_a_refusal_because_of_leases_is_one_where_leases_were_named_and_else_like_any_other() -> None:
    for code, named in (("STALE_FENCE", LeaseLost), ("FENCE_OF_ANOTHER_STORE", OtherStore), ("OTHER", PlatformRefused)):
        body = {"success": False, "error_code": code, "message": "why"}
        assert type(refused(409, body)) is PlatformRefused
        with pytest.raises(PlatformError) as caught:
            judge(answer(409, body)._replace(fenced=True))
        assert type(caught.value) is named and "why (409, " in caught.value.message


def test_success_is_2xx_and_success_not_false() -> None:
    assert judge(answer(200, {"success": True, "repoId": "r"})) == {"success": True, "repoId": "r"}
    assert judge(answer(201, {"workspace": {"id": "w"}})) == {"workspace": {"id": "w"}}


def test_200_with_success_false_is_a_refusal_with_the_platforms_code() -> None:
    error = refused(200, {"success": False, "error_code": "NAME_ALREADY_USED", "error_message": "taken"})
    assert type(error) is PlatformRefused
    assert error.platform_code == "NAME_ALREADY_USED"
    assert "taken" in error.message
    assert "cannot see" in (error.hint or "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"success": False, "message": "no such thing"}, "no such thing"),
        ({"success": False, "error_code": "X", "message": "why"}, "why"),
        ({"success": False, "error_code": "X", "error_message": "why"}, "why"),
        ({"success": False, "error": "mfa"}, "mfa"),
        ({"success": False, "data": None, "message": "org"}, "org"),
        ({"errorCode": "E", "errorMessage": "node"}, "node"),
    ],
)
def test_every_shape_of_error_body_becomes_a_message(body: Any, words: str) -> None:
    error = refused(400, body)
    assert words in error.message
    assert "POST /repo" in error.message


def test_an_error_without_a_readable_body_still_has_a_message() -> None:
    assert "400" in refused(400, None).message


@pytest.mark.parametrize("body", [None, "text", 3])
def test_a_write_whose_answer_cannot_be_read_is_uncertain_and_over(body: Any) -> None:
    error = refused(200, None)
    assert isinstance(error, Uncertain)
    assert error.settled


def test_a_delete_needs_no_body() -> None:
    assert judge(answer(204, None, "DELETE")) == {}


def test_a_list_that_is_not_json_is_not_an_empty_list() -> None:
    assert isinstance(refused(200, None, "GET"), Uncertain)


def test_429_on_a_bucket_in_its_documented_shape_is_a_quota() -> None:
    error = refused(429, {"success": False, "bucketId": ""}, path="/bucket")
    assert type(error) is PlatformRefused
    assert error.platform_code == "QUOTA_EXCEEDED"


@pytest.mark.parametrize("body", [{"success": False}, {"message": "no more"}])
def test_429_on_creating_a_bucket_that_names_no_time_is_a_quota(body: Any) -> None:
    assert refused(429, body, path="/bucket").platform_code == "QUOTA_EXCEEDED"
    assert isinstance(refused(429, body, path="/bucket", retry_after="1"), Throttled)
    assert isinstance(refused(429, None, path="/bucket"), Throttled)
    assert isinstance(refused(429, body, "PUT", "/bucket/b"), Throttled)


def test_429_with_a_quota_code_is_a_quota_whatever_else_it_says() -> None:
    assert refused(429, {"error_code": "QUOTA_EXCEEDED"}, retry_after="3").platform_code == "QUOTA_EXCEEDED"


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("3", 3.0), (None, None), ("soon", None), ("-1", 0.0), ("inf", None), ("nan", None), ("1e400", None)],
)
def test_any_other_429_asks_to_slow_down(retry_after: str | None, seconds: float | None) -> None:
    error = refused(429, {"success": False, "message": "Too many requests"}, retry_after=retry_after)
    assert isinstance(error, Throttled)
    assert error.seconds == seconds


@pytest.mark.parametrize(("at", "seconds"), [(1445412420, 60.0), (1445412480, 0.0), (1e10, 0.0)])
def test_retry_after_may_be_a_date(at: float, seconds: float) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    with pytest.raises(Throttled) as caught:
        judge(answer(429, {}, retry_after=date)._replace(at=at))
    assert caught.value.seconds == seconds


def test_403_on_deleting_a_bucket_in_use_is_a_refusal_and_not_a_missing_permission() -> None:
    error = refused(403, {"success": False, "message": "The bucket is used by a repository"}, "DELETE", "/bucket/b")
    assert type(error) is PlatformRefused
    assert error.platform_code == "IN_USE"


def test_any_other_403_is_a_missing_permission() -> None:
    assert type(refused(403, {"success": False, "message": "Insufficient role"}, "DELETE", "/bucket/b")) is Forbidden


def test_401_is_not_authenticated() -> None:
    assert type(refused(401, {"success": False, "error_code": "NO_AUTH_USER"})) is NotAuthenticated


def test_412_is_a_failed_precondition() -> None:
    assert isinstance(refused(412, {"success": False}), PreconditionFailed)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [None, {"success": False, "message": "boom"}, {"message": "a gateway's"}])
def test_5xx_on_a_write_is_uncertain_and_over_only_where_the_platform_itself_says_so(status: int, body: Any) -> None:
    error = refused(status, body, "PUT")
    assert isinstance(error, Uncertain)
    assert error.settled == (status in (500, 503) and body is not None and "success" in body)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_list_that_the_platform_does_not_have_is_unsupported(status: int) -> None:
    assert isinstance(refused(status, None, "GET", "/ai/llm"), Unsupported)


def test_a_body_counts_only_as_json() -> None:
    assert parse_body(b'{"a": 1}', "application/json; charset=utf-8") == {"a": 1}
    assert parse_body(b'{"a": 1}', "text/html") is None
    assert parse_body(b'{"a": ', "application/json") is None
    assert parse_body(b"[" * 100_000, "application/json") is None


def test_a_secret_that_the_platform_echoes_does_not_reach_the_message() -> None:
    error = redact(PlatformError("bad secret hunter2-canary"), ["hunter2-canary"])
    assert "hunter2" not in error.message
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    "spelled", ['line one\nline "two"', 'line one\\nline \\"two\\"', "line%20one%0Aline%20%22two%22", "line one"]
)
def test_a_secret_is_recognized_in_every_spelling_and_in_all_that_is_shown(spelled: str) -> None:
    secret = 'line one\nline "two"'
    error = PlatformRefused(f"a {spelled} b", platform_code=spelled, hint=spelled)
    shown = redact(error, [secret])
    assert isinstance(shown, PlatformRefused)
    assert "one" not in f"{shown.message} {shown.hint} {shown.platform_code} {shown}"


def test_a_message_is_shortened_and_keeps_the_status() -> None:
    error = redact(refused(400, {"message": "x" * 5000}), [])
    assert len(error.message) <= 400
    assert error.message.endswith("(400)")


def test_success_beside_an_error_code_keeps_the_platforms_reason() -> None:
    body = {"success": True, "repoId": None, "error_code": "QUOTA_EXCEEDED", "error_message": "too many"}
    with pytest.raises(PlatformRefused, match="too many") as refused:
        judge(Answer("POST", "/repo", 200, None, None, body))
    assert refused.value.platform_code == "QUOTA_EXCEEDED"
    for method, known in (("POST", {"repoId": "r1"}), ("PUT", {})):
        with pytest.raises(Uncertain, match="too many") as uncertain:
            judge(Answer(method, "/repo/r1", 200, None, None, {**body, **known}))
        assert (uncertain.value.settled, uncertain.value.platform_code) == (True, "QUOTA_EXCEEDED")
    assert judge(Answer("PUT", "/repo/r1", 200, None, None, {"success": True, "error_code": "SUCCESS"}))
