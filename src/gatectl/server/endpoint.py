"""What an endpoint is: one row of data and one function; and how its family says no.

Law: values only; nothing of ASGI, nothing of the platform but its types. The error body is not uniform on the real
platform (platform-contract.md, section 4), so every endpoint names its family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from gatectl.errors import PlatformRefused
from gatectl.platforms.embedded.platform import Made, Platform
from gatectl.platforms.interface import Collection, Fences
from gatectl.server.sessions import Sessions

Family = Literal["general", "auth", "organization", "repo", "repo-delete"]


class Call(NamedTuple):
    """A request that was let in: the literal query values `undefined` and nothing at all are gone from `query`."""

    platform: Platform
    sessions: Sessions
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    if_match: str | None
    idempotency_key: str | None
    token: str
    peer: str = ""
    """The address that asks."""
    fences: Fences | None = None
    """The leases that whoever asks says to hold; `platform` is held to them already."""

    def create(self, collection: Collection, body: Mapping[str, Any] | None = None) -> Made:
        """Create an object from the body sent (or from that body as the platform wants it), once for each Idempotency-Key."""
        return self.platform.create_once(collection, self.body if body is None else body, self.idempotency_key)


class Answer(NamedTuple):
    body: Any
    status: int = 200
    etag: str | None = None


class Parameter(NamedTuple):
    """A query parameter: always optional, always a string."""

    name: str
    description: str


class Endpoint(NamedTuple):
    """A row of the table.

    `body` and `answer` name shapes (`shapes.SHAPES`). `refusals` are the statuses that are the endpoint's own; those that
    every endpoint shares are added in `statuses`. `free`: needs no token. `conditional`: If-Match is honoured; `once`: Idempotency-Key.
    """

    method: str
    path: str
    handle: Callable[[Call], Answer]
    description: str
    answer: str
    family: Family = "general"
    query: tuple[Parameter, ...] = ()
    body: str | None = None
    body_required: bool = True
    status: int = 200
    refusals: tuple[int, ...] = ()
    free: bool = False
    conditional: bool = False
    once: bool = False
    etag: bool = False

    @property
    def fenced(self) -> bool:
        """Whether Gatectl-Fence is heeded."""
        return self.family != "auth"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names between braces in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def statuses(self) -> dict[int, str]:
        """Every status that this endpoint can answer with, and what it means."""
        found = {self.status, *self.refusals, 400, 403, 500, 503}
        if not self.free or 401 in self.refusals:
            found.add(401)
        if self.body is not None:
            found.add(413)
        if self.conditional:
            found.add(412)
        if self.method != "GET" and self.family != "auth":
            found.add(504)
        if self.fenced:
            found.add(409)
        return {status: MEANINGS[status] for status in sorted(found)}


MEANINGS: Final[Mapping[int, str]] = {
    200: "Done; `success` may still be false where the description says so.",
    201: "Created.",
    400: "The request is not what it should be, or a rule of the platform forbids it.",
    401: "No token, a wrong one, or one that has expired.",
    403: "Not permitted: the object is in use, or the request came from a web page of another origin.",
    404: "There is no such object, or it is not visible.",
    409: "By Gatectl-Fence: somebody has had the lease since (STALE_FENCE), or the leases of another store count"
    " (FENCE_OF_ANOTHER_STORE). Nothing was written.",
    412: "The object has changed since it was read: If-Match does not hold.",
    413: "The body is larger than 1 MiB.",
    429: "A quota is exceeded, or requests come too fast (only in rehearsals), or too many logins failed.",
    500: "A fault of the server.",
    503: "The database cannot be reached or stayed locked; nothing was written.",
    504: "The database did not say whether it was written; read it again before repeating it.",
}

_DEFAULT_CODES: Final[Mapping[int, str]] = {
    400: "INVALID_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    413: "TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_ERROR",
    503: "UNAVAILABLE",
    504: "UNCERTAIN",
}
"""The `error_code` where the platform has no word of its own."""


def no(family: Family, status: int, message: str, code: str = "") -> Answer:
    """The body with which a family says no (platform-contract.md, section 4)."""
    word = code or _DEFAULT_CODES.get(status, "ERROR")
    bodies: Mapping[Family, dict[str, Any]] = {
        "general": {"success": False, "message": message},
        "auth": {"success": False, "error_code": word, "message": message},
        "organization": {"success": False, "data": None, "message": message},
        "repo": {"success": False, "error_code": word, "error_message": message},
        "repo-delete": {"success": False, "error_code": word, "error_message": message, "message": message},
    }
    return Answer(bodies[family], status)


def fenced_off(family: Family, code: str, message: str) -> Answer:
    """The same because of leases; there every family says the code, since whoever sent the header goes by it."""
    answer = no(family, 409, message, code)
    return answer._replace(body={**answer.body, "error_code": code})


def refusal(family: Family, error: PlatformRefused) -> Answer:
    return no(family, error.status, error.message, error.platform_code)
