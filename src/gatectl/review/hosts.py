"""The endpoints of GitHub and GitLab that a comment needs, as one interface: who am I, list, create, update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gatectl.clock import CLOCK, Clock
from gatectl.errors import Forbidden, PlatformError, PlatformRefused
from gatectl.review.settings import Place
from gatectl.review.transport import Patience, Transport


class Comment(NamedTuple):
    """A comment as far as it matters: `author` is the id of who wrote it, `person` whether that is known to be a human."""

    id: int
    body: str
    author: int | None
    person: bool
    url: str


class Endpoints(NamedTuple):
    """One code host: the path of a pull request's comments, that of one of them, and how it is replaced."""

    comments: str
    comment: str
    replace: str
    accept: str


ENDPOINTS: Final[Mapping[str, Endpoints]] = {
    "github": Endpoints(
        "/repos/{project}/issues/{number}/comments", "/repos/{project}/issues/comments/{id}", "PATCH",
        "application/vnd.github+json",
    ),
    "gitlab": Endpoints(
        "/projects/{project}/merge_requests/{number}/notes", "/projects/{project}/merge_requests/{number}/notes/{id}",
        "PUT", "application/json",
    ),
}  # fmt: skip


class Host:
    """The comments of one pull request. `ends` is the moment (of `clock`) by which all is over."""

    def __init__(
        self, place: Place, patience: Patience | None = None, ends: float | None = None, clock: Clock = CLOCK
    ) -> None:
        self._endpoints = ENDPOINTS[place.provider]
        project = place.project if place.provider == "github" else quote(place.project, safe="")
        self._values = {"project": project, "number": str(place.number)}
        self._anonymous = place.header == "JOB-TOKEN"  # of a job, which GitLab does not let ask
        headers = {place.header: place.token, "Accept": self._endpoints.accept}
        secret = place.token.removeprefix("Bearer ")
        self._transport = Transport(place.api, headers, secret, patience or Patience(), ends, clock)
        self.clock = clock

    def close(self) -> None:
        self._transport.close()

    def myself(self) -> int | None:
        """The id of the token's own user; None where the token may not ask (that of a GitHub app or of a GitLab job)."""
        if self._anonymous:
            return None
        try:
            found = self._transport.request("GET", "/user")
        except (Forbidden, PlatformRefused):
            return None
        return _integer(found.get("id")) if isinstance(found, dict) else None

    def comments(self) -> Iterator[Comment]:
        """All comments, the oldest first. Raises PlatformError."""
        path = self._endpoints.comments.format_map(self._values)
        for page in self._transport.pages(f"{path}?per_page=100&sort=asc"):
            if not isinstance(page, list):
                raise PlatformError("the list of comments is not a list", "check the API's address")
            yield from filter(None, map(_comment, page))

    def create(self, body: str) -> str:
        """Write a new comment; its address, or "". Raises Uncertain where it may be there all the same."""
        return _address(
            self._transport.request("POST", self._endpoints.comments.format_map(self._values), {"body": body})
        )

    def update(self, comment: Comment, body: str) -> str:
        """Replace a comment's text; its address, or ""."""
        path = self._endpoints.comment.format_map({**self._values, "id": str(comment.id)})
        return _address(self._transport.request(self._endpoints.replace, path, {"body": body})) or comment.url


def _comment(item: Any) -> Comment | None:
    """A comment off the wire; None for what is none (GitLab lists its own notes about events too)."""
    if not isinstance(item, dict) or item.get("system") is True or _integer(item.get("id")) is None:
        return None
    author = item.get("user") or item.get("author") or {}
    author = author if isinstance(author, dict) else {}
    body = str(item.get("body") or "").replace("\r\n", "\n")
    return Comment(item["id"], body, _integer(author.get("id")), author.get("type") == "User", _address(item))


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _address(item: Any) -> str:
    return str(item.get("html_url") or item.get("web_url") or "") if isinstance(item, dict) else ""
