"""Where to comment, as the variables of a CI say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatectl.errors import NotAuthenticated, UsageError
from gatectl.review.settings import find_place

GITHUB = {"GITHUB_REPOSITORY": "acme/gateway", "GITHUB_REF": "refs/pull/12/merge", "GITHUB_TOKEN": "ghs_x"}
GITLAB = {
    "CI_API_V4_URL": "https://gitlab.example/api/v4/", "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7", "GITLAB_TOKEN": "glpat_x",
}  # fmt: skip


def without(variables: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in names}


def test_a_run_of_github_knows_its_place() -> None:
    place = find_place(GITHUB, None, None)
    assert (place.provider, place.api, place.project, place.number) == (
        "github",
        "https://api.github.com",
        "acme/gateway",
        12,
    )
    assert (place.header, place.token) == ("Authorization", "Bearer ghs_x")


def test_a_job_of_gitlab_knows_its_place() -> None:
    place = find_place(GITLAB, None, None)
    assert (place.provider, place.api, place.project, place.number) == (
        "gitlab",
        "https://gitlab.example/api/v4",
        "42",
        7,
    )
    assert (place.header, place.token) == ("PRIVATE-TOKEN", "glpat_x")
    job = find_place(without(GITLAB, "GITLAB_TOKEN") | {"CI_JOB_TOKEN": "job"}, None, None)
    assert (job.header, job.token) == ("JOB-TOKEN", "job")


def test_what_is_said_wins_over_what_the_run_is() -> None:
    assert find_place(GITHUB | GITLAB, None, None).provider == "github"
    assert find_place(GITHUB | GITLAB, "gitlab", 3).number == 3
    assert find_place(GITHUB, None, 9).number == 9


@pytest.mark.parametrize(
    ("event", "number"),
    [({"pull_request": {"number": 31}}, 31), ({"issue": {"number": 32}}, 32), ({"pull_request": {"number": "x"}}, 12), ([], 12), ({}, 12)],
)  # fmt: skip
def test_the_event_names_the_pull_request_and_else_the_ref_does(tmp_path: Path, event: Any, number: int) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    assert find_place(GITHUB | {"GITHUB_EVENT_PATH": str(path)}, None, None).number == number


def test_an_event_that_cannot_be_read_names_none(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"\xff{")
    for name in ("broken", "missing"):
        assert find_place(GITHUB | {"GITHUB_EVENT_PATH": str(tmp_path / name)}, None, None).number == 12


@pytest.mark.parametrize(
    ("variables", "match"),
    [
        ({}, "not a run of GitHub Actions or GitLab CI"),
        (GITHUB | {"GITHUB_REF": "refs/heads/main"}, "does not belong to a pull request"),
        (GITHUB | {"GITHUB_REF": "refs/pull/0/merge"}, "does not belong to a pull request"),
        (GITHUB | {"GITHUB_REPOSITORY": "acme"}, "not OWNER/NAME"),
        (GITHUB | {"GITHUB_REPOSITORY": "../gateway"}, "not OWNER/NAME"),
        (GITHUB | {"GITHUB_API_URL": "http://api.github.com"}, "in clear"),
        (GITHUB | {"GITHUB_API_URL": "ftp://127.0.0.1"}, "cannot be read"),
        (GITHUB | {"GITHUB_API_URL": "https://["}, "cannot be read"),
        (GITHUB | {"GITHUB_API_URL": "https://a b"}, "cannot be read"),
        (GITHUB | {"GITHUB_API_URL": "https://me:secret@ghe.example"}, "user name or password"),
        (GITHUB | {"GITHUB_API_URL": "https://ghe.example/?x"}, "query or fragment"),
        (without(GITLAB, "CI_MERGE_REQUEST_IID"), "does not belong to a merge request"),
        (without(GITLAB, "CI_PROJECT_ID"), "CI_PROJECT_ID is not set"),
    ],
)
def test_a_place_that_is_not_known_is_wrong_usage(variables: dict[str, str], match: str) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        find_place(variables, None, None)
    assert caught.value.hint and "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1/x/", "http://127.0.0.1:9", "http://[::1]:9"])
def test_plain_http_is_for_loopback(url: str) -> None:
    assert find_place(GITHUB | {"GITHUB_API_URL": url}, None, None).api == url.rstrip("/")


@pytest.mark.parametrize(
    ("variables", "named"),
    [(GITHUB | {"GITHUB_TOKEN": ""}, "GITHUB_TOKEN"), (GITLAB | {"GITLAB_TOKEN": " "}, "GITLAB_TOKEN"),
     (GITHUB | {"GITHUB_TOKEN": "canary\nX: y"}, "GITHUB_TOKEN"), (GITLAB | {"GITLAB_TOKEN": "canary\x00"}, "GITLAB_TOKEN"),
     (GITLAB | {"GITLAB_TOKEN": "canaré"}, "GITLAB_TOKEN")],
)  # fmt: skip
def test_no_token_or_a_broken_one_is_not_authenticated(variables: dict[str, str], named: str) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        find_place(variables, None, None)
    assert named in f"{caught.value.message} {caught.value.hint}"
    assert "canar" not in f"{caught.value.message} {caught.value.hint}"


def test_a_place_does_not_show_its_token() -> None:
    assert "ghs_x" not in repr(find_place(GITHUB, None, None))
    assert "ghs_x" not in str(find_place(GITHUB, None, None))
