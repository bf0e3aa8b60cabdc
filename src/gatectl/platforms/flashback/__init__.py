"""The real platform over its HTTP API (platform-contract.md), and `gatectl serve`, which speaks the same.

This module maps collections to paths; `transport` sends, `answers` understands, `session` knows who we are. httpx comes in
when a reader or a writer is opened. The reader sends GET requests and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard
from urllib.parse import quote

from gatectl.errors import (
    Forbidden,
    IncompleteList,
    NoList,
    NotAuthenticated,
    PlatformError,
    PlatformRefused,
    PreconditionFailed,
    Uncertain,
    Unsupported,
)
from gatectl.network import addresses
from gatectl.network.addresses import http_address
from gatectl.platforms import fencing
from gatectl.platforms.interface import KEY, Collection, Connection, Fences, Heeded, Identification, Traits, Wire
from gatectl.platforms.wire import is_deleted, read_list

if TYPE_CHECKING:
    from gatectl.platforms.flashback.transport import Transport

PARALLEL: Final = 16


class Route(NamedTuple):
    """Where a collection lives: its path, the field of its list, and where a created object's id is found.

    `one` is the parameter by which one object is asked for (None: there is no such way). `conditional`: writes may carry
    If-Match, which is an offer for repositories (product.md, section 4); elsewhere a platform may not expect it.
    """

    path: str
    listed: str
    created: tuple[str, ...]
    one: str | None = None
    conditional: bool = False


ROUTES: Final[Mapping[str, Route]] = {
    "workspace": Route("/workspace", "workspaces", ("workspace", "id")),
    "bucket": Route("/bucket", "buckets", ("bucketId",)),
    "ai/llm": Route("/ai/llm", "aiLlms", ("aiLlmId",)),
    "repo": Route("/repo", "repos", ("repoId",), one="repoId", conditional=True),
    "apikeys": Route("/apikeys", "apiKeys", ("apiKeyId",)),
}
"""platform-contract.md, sections 3.2 to 3.4, 3.7 and 3.8."""

FENCES: Final = "/gatectl/fences"
"""What only `gatectl serve` has: whose leases count."""


def admit(connection: Connection) -> bool:
    """Whether the platform may be sent credentials. Raises UntrustedHost where it may not even be spoken to."""
    return _admission(connection).credentials


def _admission(connection: Connection) -> addresses.Admission:
    return addresses.admit(http_address(connection.target), named=connection.named, trusted=connection.trusted)


def open_reader(connection: Connection) -> Reader:
    """A reader. Raises NotAuthenticated without a token, UntrustedHost, UsageError for an address that may not be used."""
    return Reader(connection, _transport(connection), own=connection.shared is None)


def open_writer(connection: Connection) -> Writer:
    """A writer; it shares the reader's connections and login, where the connection is a shared one."""
    return Writer(_transport(connection), own=connection.shared is None, tell=connection.tell)


def open_heeding(connection: Connection) -> Heeding:
    """What `gatectl serve` goes by, of the numbers of leases. Raises as `open_reader`."""
    return Heeding(_transport(connection), own=connection.shared is None)


def _transport(connection: Connection) -> Transport:
    """One pool of connections, and one login, for all who share them."""
    if connection.shared is None:
        return _open(connection)
    # All that a transport is made of, but for what is one's own for the whole run: variables and the clock.
    admitted = (connection.target, connection.credentials, connection.named, connection.trusted)
    key = ("flashback", *admitted, connection.parallel, connection.ends)
    found: Transport = connection.shared.of(key, lambda: _open(connection))
    return found


def _open(connection: Connection) -> Transport:
    from gatectl.platforms.flashback.transport import Transport

    admission = _admission(connection)
    if connection.credentials is None and admission.credentials and admission.address.scheme == "https":
        raise NotAuthenticated(
            f"there is no token for {admission.address}",
            "set GATECTL_TOKEN, or token: {env: NAME} in the environment, or GATECTL_EMAIL and GATECTL_PASSWORD",
        )
    parallel = connection.parallel or PARALLEL
    return Transport(
        admission, connection.credentials, parallel=parallel, ends=connection.ends, environ=connection.environ,
        clock=connection.clock, heard=connection.heard("platform"), allowed=connection.allowed,
    )  # fmt: skip


def check_url(target: str) -> str:
    """The address in its one spelling. Raises UsageError for plain http beyond loopback, or for what is not an address alone."""
    return str(http_address(target))


class Reader:
    """Reads the platform (`interface.Reader`). `own`: the transport is closed with it."""

    def __init__(self, connection: Connection, transport: Transport, *, own: bool) -> None:
        self._transport = transport
        self._own = own
        self._url = check_url(connection.target)
        self._openai = connection.openai
        self._parallel = connection.parallel or PARALLEL

    @property
    def identification(self) -> Identification:
        """`instance` is the organisation's id; None where the platform does not say. Raises PlatformError."""
        organisation = self._profile.get("orgId")
        return Identification("flashback", self._url, str(organisation) if organisation else None)

    @cached_property
    def _profile(self) -> Mapping[str, Any]:
        """Who asks (GET /user/profile); nothing where the platform does not say."""
        try:
            body = self._transport.get("/user/profile")
        except (Unsupported, Forbidden, PlatformRefused):
            return {}
        data = body.get("data") if isinstance(body, Mapping) else None
        return data if isinstance(data, Mapping) else {}

    @cached_property
    def _repositories_disabled(self) -> bool:
        """Whether the organization's repositories are switched off (GET /organization/{orgId}). Nobody needs to know to plan, so
        it is asked for once, and a platform that does not say is taken to mean no."""
        organisation = self._profile.get("orgId")
        if not isinstance(organisation, str) or organisation in ("", ".", ".."):
            return False
        try:
            body = self._transport.get_once(f"/organization/{quote(organisation, safe='')}")
        except PlatformError:
            return False
        data = body.get("data") if isinstance(body, Mapping) else None
        return isinstance(data, Mapping) and data.get("reposDisabled") is True

    @property
    def traits(self) -> Traits:
        once = KEY.lower() in self._transport.honours
        return Traits(default_workspace=None, packets=False, openai=self._openai, parallel=self._parallel, once=once)

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """All live objects of a collection (`wire.read_list`). Raises PlatformError: what could not be read whole is never
        "absent"."""
        found = self._list(collection, workspace_id, self._transport.get)
        return [self._seen_by_caller(wire) for wire in found] if collection == "workspace" else found

    def _seen_by_caller(self, workspace: Wire) -> Wire:
        """A workspace with the role that who asks has in it, as `callerRole` (platform-contract.md, section 1.2), and with the
        organization's `reposDisabled`, where that is so (section 1.1)."""
        if self._repositories_disabled:
            workspace = {**workspace, "reposDisabled": True}
        users = workspace.get("users")
        for user in users if isinstance(users, list) else ():
            if isinstance(user, Mapping) and user.get("userId") and user["userId"] == self._profile.get("id"):
                return {**workspace, "callerRole": str(user.get("role")).upper()}
        return workspace

    def glance(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """The same, asked for once. Raises PlatformError for whatever goes wrong."""
        return self._list(collection, workspace_id, self._transport.get_once)

    @staticmethod
    def _list(collection: Collection, workspace_id: str | None, get: Callable[..., Any]) -> Sequence[Wire]:
        route = ROUTES[collection]
        query = {"workspaceId": workspace_id} if workspace_id is not None else None
        body = get(route.path, query)
        items = read_list(body, route.listed, route.path)
        if workspace_id is None:
            return items
        # A platform that does not know the filter answers with everything; what is of another workspace is not asked for.
        return [
            item for item in items if item.get("workspaceId") is None or str(item["workspaceId"]) == str(workspace_id)
        ]

    def latest(self, collection: Collection, object_id: str) -> Wire | None:
        """One repository as it is now (GET /repo?repoId=…, platform-contract.md, section 3.3); None for anything else.

        Raises PreconditionFailed for one that is soft-deleted.
        """
        route = ROUTES[collection]
        if route.one is None:
            return None
        body = self._transport.get(route.path, {route.one: object_id})
        found = body.get(route.listed) if isinstance(body, Mapping) else None
        items = found if isinstance(found, list) else []
        latest = next(
            (item for item in items if isinstance(item, Mapping) and str(item.get("id")) == str(object_id)), None
        )
        if latest is not None and is_deleted(latest):
            raise PreconditionFailed("somebody deleted it a moment ago")
        return latest

    def close(self) -> None:
        """Give back what is its own; what is shared serves others."""
        if self._own:
            self._transport.close()


class Writer:
    """Changes the platform (`interface.Writer`). `own`: the transport is closed with it; `tell` is given what goes otherwise than
    somebody may think.

    Raises Uncertain for a write that may or may not have had an effect.
    """

    def __init__(self, transport: Transport, *, own: bool, tell: Callable[[str], None] = lambda text: None) -> None:
        self._transport = transport
        self._own = own
        self._tell = tell
        self._held: Mapping[str, str] = {}
        """What each write says of the leases that it is made under."""

    def stop(self) -> None:
        """Send no more writes, and wait for none to be sent; a signal handler may call this. Reads go on."""
        self._transport.stop()

    def hold_to(self, fences: Fences) -> None:
        """Each write carries the numbers (`fencing`), and so does each read from now on, until this is closed: what is served by
        gatectl notes them before anything is read for the last time, and refuses whoever had the leases before."""
        if fencing.fits(fences):
            self._held = {fencing.HEADER: fencing.written(fences)}
        else:
            self._held = {}
            self._tell(
                f"{len(fences.numbers):,} leases are held, and a request can name {fencing.MOST}: the platform is not told of any"
            )
        self._transport.told = self._held

    def create(self, collection: Collection, body: Wire, key: str | None = None) -> str:
        route = ROUTES[collection]
        headers = {**self._held, **({KEY: key} if key is not None else {})}
        answer: Any = self._transport.write("POST", route.path, body, headers)
        found: Any = answer
        for name in route.created:
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, str) or not found:
            raise Uncertain(f"POST {route.path}: the answer has no {'.'.join(route.created)}", settled=True)
        return found

    def update(self, collection: Collection, object_id: str, body: Wire, etag: str | None = None) -> None:
        self._transport.write("PUT", self._path(collection, object_id), body, self._headers(collection, etag))

    def delete(self, collection: Collection, object_id: str, etag: str | None = None) -> None:
        self._transport.write("DELETE", self._path(collection, object_id), None, self._headers(collection, etag))

    def close(self) -> None:
        """Give back what is its own; what is shared serves others, who hold no leases."""
        self._transport.told = {}
        if self._own:
            self._transport.close()

    @staticmethod
    def _path(collection: Collection, object_id: str) -> str:
        if object_id in ("", ".", ".."):
            raise PlatformError(f"'{object_id}' cannot be the id of an object")
        return f"{ROUTES[collection].path}/{quote(object_id, safe='')}"

    def _headers(self, collection: Collection, etag: str | None) -> dict[str, str]:
        condition = {"If-Match": etag} if ROUTES[collection].conditional and etag is not None else {}
        return {**self._held, **condition}


class Heeding:
    """What `gatectl serve` goes by, of the numbers of leases (`interface.Heeding`). `own`: the transport is closed with it."""

    def __init__(self, transport: Transport, *, own: bool) -> None:
        self._transport = transport
        self._own = own

    def heeded(self) -> Mapping[str, Heeded]:
        try:
            body = self._transport.get(FENCES)
        except Unsupported as error:
            raise Unsupported("the platform goes by no leases, so none can be adopted there", error.message) from None
        found = body.get("fences") if isinstance(body, Mapping) else None
        if not isinstance(found, list):
            raise NoList(f"GET {FENCES}: the answer holds no such list", "is this address served by gatectl?")
        return dict(map(_heeded, found))

    def adopt(self, fences: Fences) -> None:
        self._transport.write("POST", FENCES, None, {fencing.HEADER: fencing.written(fences)})

    def close(self) -> None:
        """Give back what is its own; what is shared serves others."""
        if self._own:
            self._transport.close()


def _heeded(item: object) -> tuple[str, Heeded]:
    """Raises IncompleteList for what is no element of such a list."""
    workspace, store, number = (
        item.get(name) if isinstance(item, Mapping) else None for name in ("workspaceId", "store", "fence")
    )
    if not isinstance(workspace, str) or not isinstance(store, str) or not _is_number(number):
        raise IncompleteList(f"GET {FENCES}: something in the list is not what it should be")
    return workspace, Heeded(store, number)


def _is_number(value: object) -> TypeGuard[int]:
    """Whether it is the number of a lease."""
    return type(value) is int and 0 <= value <= fencing.HIGHEST
