"""The comment: which one is ours, what it holds, and what is left of it on a bad day of the code host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codehost import OTHER, TOKEN, CodeHost, Fault
from gatectl.errors import Forbidden, NotAuthenticated, PlatformError, PlatformRefused, Unreachable
from gatectl.review import sticky
from gatectl.review.hosts import Host
from gatectl.review.settings import Place
from leaping import Leaping

MARK = sticky.marker("acme", "prod")


def plan(letter: str, more: str = "") -> str:
    return f"## Plan\n\n- Fingerprint: `sha256:{letter * 64}`\n\nplan {letter}{more}"


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest) -> Iterator[CodeHost]:
    with CodeHost(request.param) as host:
        yield host


def place(host: CodeHost, token: str = TOKEN, **more: object) -> Place:
    project = {"github": "acme/gateway", "gitlab": "42"}[host.provider]
    token = f"Bearer {token}" if host.provider == "github" else token
    return Place(host.provider, host.url, project, 5, host.header, token)._replace(**more)  # type: ignore[arg-type]


def post(
    host: CodeHost,
    text: str,
    *,
    create: bool = True,
    budget: int = 65_536,
    token: str = TOKEN,
    **more: object,
) -> sticky.Posted:
    client = Host(place(host, token, **more), clock=Leaping().clock)
    try:
        return sticky.post(client, MARK, text, budget, create=create)
    finally:
        client.close()


# --- one comment -------------------------------------------------------------------------------------------------------


def test_the_first_plan_writes_a_comment_and_the_next_updates_it_with_the_one_before_folded(host: CodeHost) -> None:
    host.add("looks good", OTHER)
    assert post(host, plan("a")).done == "created"
    assert host.bodies[1] == f"{MARK}\n{plan('a')}"
    assert post(host, plan("b")).done == "updated"
    assert len(host.bodies) == 2
    assert host.bodies[1].startswith(f"{MARK}\n{plan('b')}\n")
    assert f"<details><summary>Previous plan</summary>\n\n{plan('a')}\n\n</details>" in host.bodies[1]


def test_only_the_one_previous_plan_is_kept(host: CodeHost) -> None:
    for letter in "abc":
        post(host, plan(letter))
    (body,) = host.bodies
    assert "plan c" in body and "plan b" in body and "plan a" not in body
    assert body.count("Previous plan") == 1


def test_the_same_plan_again_changes_nothing(host: CodeHost) -> None:
    post(host, plan("a"))
    post(host, plan("b"))
    before = host.bodies
    assert post(host, plan("b")).done == "unchanged"
    assert host.bodies == before
    assert not [line for line in host.requests[-2:] if line.startswith(("POST", "PATCH", "PUT"))]


def test_the_same_plan_of_another_commit_keeps_the_previous_one(host: CodeHost) -> None:
    post(host, plan("a"))
    post(host, plan("b"))
    assert post(host, plan("b", " at another commit")).done == "updated"
    assert "another commit" in host.bodies[0] and "plan a" in host.bodies[0]


def test_a_comment_that_was_saved_with_other_line_ends_is_still_ours(host: CodeHost) -> None:
    post(host, plan("a"))
    host.comments[0]["body"] = host.comments[0]["body"].replace("\n", "\r\n")
    assert post(host, plan("a")).done == "unchanged"


def test_each_environment_has_its_own_comment_and_a_word_in_the_middle_is_no_marker(host: CodeHost) -> None:
    host.add(f"{sticky.marker('acme', 'staging')}\n{plan('a')}")
    host.add(f"> {MARK}\n{plan('a')}")
    host.add(f"{MARK} quoted")
    assert post(host, plan("b")).done == "created"
    assert len(host.bodies) == 4


def test_a_comment_of_somebody_else_with_our_marker_is_left_alone(host: CodeHost) -> None:
    host.add(f"{MARK}\nApproved, nothing to see here", OTHER)
    assert post(host, plan("a")).done == "created"
    assert host.bodies[0].endswith("nothing to see here")


def test_another_pull_request_is_another_place(host: CodeHost) -> None:
    host.add(f"{MARK}\n{plan('a')}", number=6)
    assert post(host, plan("b")).done == "created"
    assert host.comments[-1]["number"] == 5


def test_our_comment_is_found_on_the_last_page() -> None:
    for provider in ("github", "gitlab"):
        with CodeHost(provider, page=2) as host:
            for number in range(6):
                host.add(f"comment {number}", OTHER)
            host.add(f"{MARK}\n{plan('a')}")
            assert post(host, plan("b")).done == "updated"
            assert len(host.bodies) == 7
            assert sum("comments" in line or "notes" in line for line in host.requests) == 5


def test_where_the_tokens_user_is_not_known_a_comment_with_the_marker_counts_unless_a_person_wrote_it() -> None:
    with CodeHost("github", knows_me=False) as host:
        host.add(f"{MARK}\nby a person", OTHER)
        host.add(f"{MARK}\n{plan('a')}", 99)
        assert post(host, plan("b")).done == "updated"
        assert host.bodies[0].endswith("by a person") and "plan b" in host.bodies[1]


def test_a_job_token_of_gitlab_is_not_asked_for_its_user() -> None:
    with CodeHost("gitlab", header="JOB-TOKEN") as host:
        host.add(f"{MARK}\n{plan('a')}", 99)
        assert post(host, plan("b")).done == "updated"
        assert "GET /api/user" not in host.requests


def test_gitlabs_notes_about_events_are_no_comments() -> None:
    with CodeHost("gitlab") as host:
        host.add(f"{MARK}\nchanged the description", system=True)
        assert post(host, plan("a")).done == "created"


def test_a_project_may_be_named_by_its_path_on_gitlab() -> None:
    with CodeHost("gitlab") as host:
        assert post(host, plan("a"), project="acme/gateway").done == "created"


def test_nothing_to_do_updates_a_comment_and_writes_none(host: CodeHost) -> None:
    assert post(host, plan("a"), create=False).done == "skipped"
    assert host.bodies == []
    post(host, plan("b"))
    assert post(host, plan("c"), create=False).done == "updated"


# --- what it holds -----------------------------------------------------------------------------------------------------


def test_a_previous_plan_that_does_not_fit_is_named() -> None:
    long = sticky.compose(MARK, plan("a", "x" * 900), None, 2_000)
    body = sticky.compose(MARK, plan("b", "y" * 900), long, 1_500)
    assert len(body.encode()) <= 1_500
    assert f"Its fingerprint was `sha256:{'a' * 64}`" in body and "xxx" not in body
    assert sticky.compose(MARK, plan("c"), body, 65_536).count("yyy") > 0


def test_without_room_for_that_there_is_the_plan_alone() -> None:
    text = plan("b", "y" * 900)
    tight = len(text) + len(MARK) + 1
    assert sticky.compose(MARK, text, f"{MARK}\n{plan('a')}", tight) == f"{MARK}\n{text}"


@pytest.mark.parametrize("name", ["--><script>", "a/b", "a--b", "é", "`", "\n", " "])
def test_a_marker_is_one_hidden_line_whatever_things_are_called(name: str) -> None:
    mark = sticky.marker(name, name)
    assert mark.startswith("<!-- gatectl:") and mark.endswith(" -->") and "\n" not in mark
    inner = mark.removeprefix("<!-- ").removesuffix(" -->")
    assert "--" not in inner and ">" not in inner and inner.count("/") == 1
    assert sticky.MINIMUM == 1_500
    assert sticky.room(sticky.marker("é" * 128, "😀" * 128), sticky.MINIMUM) >= 1_000
    assert sticky.marker("é" * 128, "a") != sticky.marker("é" * 127 + "a", "a")
    assert sticky.marker(f"{name}/x", "y") != sticky.marker(name, "x/y")


# --- bad days ----------------------------------------------------------------------------------------------------------


def test_what_fails_once_is_tried_again(host: CodeHost) -> None:
    replace = {"github": "PATCH", "gitlab": "PUT"}[host.provider]
    host.faults = [Fault("GET", 502), Fault("GET"), Fault("POST", 503)]
    assert post(host, plan("a")).done == "created"
    host.faults = [Fault(replace, 500), Fault(replace), Fault(replace, after=True)]
    assert post(host, plan("b")).done == "updated"
    assert len(host.bodies) == 1 and host.faults == []


@pytest.mark.parametrize("fault", [Fault("POST", after=True), Fault("POST", 502, after=True)])
def test_a_comment_that_was_written_without_an_answer_is_not_written_twice(host: CodeHost, fault: Fault) -> None:
    host.faults = [fault]
    assert post(host, plan("a")).done == "unchanged"
    assert len(host.bodies) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", 429, (("Retry-After", "0"),)),
        Fault("GET", 403, (("Retry-After", "0"),)),
        Fault("GET", 403, (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1"))),
        Fault("POST", 429, (("Retry-After", "0"),)),
        Fault("POST", 403, (("Retry-After", "0"),)),
    ],
)
def test_a_rate_limit_is_waited_for(host: CodeHost, fault: Fault) -> None:
    host.faults = [fault]
    assert post(host, plan("a")).done == "created"
    assert len(host.bodies) == 1


@pytest.mark.parametrize(
    "headers", [(("Retry-After", "3600"),), (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "99999999999"))]
)
def test_a_rate_limit_that_lasts_is_not(host: CodeHost, headers: tuple[tuple[str, str], ...]) -> None:
    host.faults = [Fault("GET", 429, headers)]
    with pytest.raises(Unreachable, match="rate limit asks to wait"):
        post(host, plan("a"))


@pytest.mark.parametrize("fault", [Fault("GET", 500), Fault("GET"), Fault("POST", 500), Fault("POST")])
def test_a_host_that_does_not_come_back_is_unreachable(host: CodeHost, fault: Fault) -> None:
    host.faults = [fault] * 200
    with pytest.raises(Unreachable, match="tried for"):
        post(host, plan("a"))
    assert host.bodies == []


def test_a_host_that_is_not_there_is_unreachable() -> None:
    with CodeHost("github") as host:
        pass
    with pytest.raises(Unreachable, match="cannot be reached"):
        post(host, plan("a"))


def test_a_refused_token_is_said_without_showing_it(host: CodeHost) -> None:
    with pytest.raises(NotAuthenticated, match="401") as caught:
        post(host, plan("a"), token="Wrong-Canary")
    assert "Wrong-Canary" not in f"{caught.value.message}{caught.value.hint}{caught.value!r}"
    assert "(redacted)" in caught.value.message


def test_a_token_that_may_not_write_is_told_what_it_needs(host: CodeHost) -> None:
    host.faults = [Fault("POST", 403, body='{"message": "Resource not accessible by integration"}')]
    with pytest.raises(Forbidden, match="not accessible by integration") as caught:
        post(host, plan("a"))
    assert "pull-requests: write" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("fault", "match"),
    [(Fault("POST", 404, body=""), "no such thing"), (Fault("POST", 301, (("Location", "http://127.0.0.1:1/"),), body=""), "moved"),
     (Fault("POST", 422, body='{"message": "too long"}'), "refused it .422.: too long"), (Fault("POST", 422, body="[]"), "422")],
)  # fmt: skip
def test_any_other_refusal_is_said(host: CodeHost, fault: Fault, match: str) -> None:
    host.faults = [fault]
    with pytest.raises(PlatformRefused, match=match):
        post(host, plan("a"))


@pytest.mark.parametrize("body", ["<html>", "{}", '"x"'])
def test_an_answer_that_is_no_list_is_no_empty_list(host: CodeHost, body: str) -> None:
    host.faults = [Fault("GET", 200, body="{}"), Fault("GET", 200, body=body)]
    with pytest.raises(PlatformError, match=r"not JSON|not a list"):
        post(host, plan("a"))
    assert host.bodies == []


@pytest.mark.parametrize(
    "elsewhere", ["http://127.0.0.1:1/api", "https://evil.example/x", "http://[", "//evil.example/"]
)
def test_the_token_goes_to_no_other_host(host: CodeHost, elsewhere: str) -> None:
    host.page, host.link = 1, lambda url: elsewhere
    host.add("one", OTHER)
    host.add("two", OTHER)
    with pytest.raises(PlatformError, match=r"another host|cannot be read"):
        post(host, plan("a"))
