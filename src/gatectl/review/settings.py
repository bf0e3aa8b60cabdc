"""Where to comment, read off the variables that GitHub Actions and GitLab CI set. Pure but for the event file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, cast

from gatectl.errors import NotAuthenticated, UsageError
from gatectl.network.addresses import http_address
from gatectl.quote import quote

Provider = Literal["github", "gitlab"]
PROVIDERS: Final[tuple[Provider, ...]] = ("github", "gitlab")
_LARGEST: Final = 64 * 1024 * 1024


class Place(NamedTuple):
    """Where to comment, and as whom: `header` carries the token. Never shown as a whole."""

    provider: Provider
    api: str
    project: str
    number: int
    header: str
    token: str

    def __repr__(self) -> str:
        return f"Place({self.provider}, {self.api}, {self.project}, {self.number})"


def find_place(variables: Mapping[str, str], provider: str | None, number: int | None) -> Place:
    """The pull request that this run belongs to, unless it is said. Raises UsageError, NotAuthenticated."""
    chosen = _provider(variables, provider)
    return _github(variables, number) if chosen == "github" else _gitlab(variables, number)


def _provider(variables: Mapping[str, str], provider: str | None) -> Provider:
    if provider is not None:
        return cast("Provider", provider)
    if variables.get("GITHUB_REPOSITORY"):
        return "github"
    if variables.get("CI_API_V4_URL"):
        return "gitlab"
    raise UsageError(
        "this is not a run of GitHub Actions or GitLab CI",
        "say where to comment: --provider github with GITHUB_REPOSITORY and --pull-request,"
        " or --provider gitlab with CI_API_V4_URL, CI_PROJECT_ID and --pull-request",
    )


def _github(variables: Mapping[str, str], number: int | None) -> Place:
    api = check_api(variables.get("GITHUB_API_URL") or "https://api.github.com", "GITHUB_API_URL")
    repository = _needed(variables, "GITHUB_REPOSITORY")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII) or {".", ".."} & set(repository.split("/")):
        raise UsageError("GITHUB_REPOSITORY is not OWNER/NAME", "for example: acme/gateway")
    number = number or _event_number(variables.get("GITHUB_EVENT_PATH")) or _ref_number(variables.get("GITHUB_REF"))
    if number is None:
        raise UsageError("this run does not belong to a pull request", "say which one: --pull-request NUMBER")
    token = variables.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise NotAuthenticated(
            "there is no token for GitHub",
            "set GITHUB_TOKEN: env: {GITHUB_TOKEN: ${{ github.token }}}, with permissions: {pull-requests: write}",
        )
    return Place("github", api, repository, number, "Authorization", f"Bearer {_sendable(token, 'GITHUB_TOKEN')}")


def _gitlab(variables: Mapping[str, str], number: int | None) -> Place:
    api = check_api(_needed(variables, "CI_API_V4_URL"), "CI_API_V4_URL")
    project = _needed(variables, "CI_PROJECT_ID")
    if number is None:
        number = _positive(variables.get("CI_MERGE_REQUEST_IID"))
    if number is None:
        raise UsageError(
            "this job does not belong to a merge request",
            "run it with rules: [if: $CI_PIPELINE_SOURCE == 'merge_request_event'], or say --pull-request NUMBER",
        )
    for name, header in (("GITLAB_TOKEN", "PRIVATE-TOKEN"), ("CI_JOB_TOKEN", "JOB-TOKEN")):
        token = variables.get(name, "").strip()
        if token:
            return Place("gitlab", api, project, number, header, _sendable(token, name))
    raise NotAuthenticated(
        "there is no token for GitLab",
        "set GITLAB_TOKEN to a project access token with the scope api, as a masked variable",
    )


def _sendable(token: str, name: str) -> str:
    """A token that fits into a header. The message names the variable and never the token."""
    if not token.isascii() or not token.isprintable() or " " in token:
        raise NotAuthenticated(
            f"{quote(name)} holds what no token holds (a space, or a character beyond ASCII)",
            f"set {quote(name)} again",
        )
    return token


def _needed(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise UsageError(f"{quote(name)} is not set", "it says where to comment; CI sets it")
    return value


def _positive(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[1-9][0-9]{0,17}", text) else None


def _ref_number(ref: str | None) -> int | None:
    found = re.fullmatch("refs/pull/([0-9]+)/(?:merge|head)", ref or "")
    return _positive(found[1]) if found else None


def _event_number(path: str | None) -> int | None:
    """The pull request that the event of this run names; None where it cannot be read or names none."""
    if not path:
        return None
    try:
        with open(path, "rb") as stream:
            event: Any = json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    for name in ("pull_request", "issue"):
        about = event.get(name) if isinstance(event, dict) else None
        if isinstance(about, dict) and isinstance(about.get("number"), int) and about["number"] > 0:
            return int(about["number"])
    return None


def check_api(url: str, name: str) -> str:
    """The address of an API in its one spelling. Raises UsageError, which names the variable `name`."""
    return str(http_address(url, name, "no user and no password belongs there"))
