"""What a platform is to gatectl: something to read, and something else to write.

Reading and writing are two types on purpose. Planning is handed a `Reader`, which has no way to change anything; only
`applying` ever opens a `Writer`. Both speak the platform's own JSON shapes (platform-contract.md, section 1), called *wire*
here; translating between wire and manifests is the business of `kinds`. Who applied what is no platform's business: see
`records`.

A new platform is one module (or folder) beside this one with `open_reader` and `open_writer`, and one line in the table
of `platforms/__init__.py`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, NamedTuple, Protocol

from gatectl.clock import CLOCK, Clock
from gatectl.documents.proofs import Effect, Whom
from gatectl.network.addresses import Pattern, StoreAddress

Wire = Mapping[str, Any]

Collection = Literal["workspace", "bucket", "ai/llm", "repo", "apikeys"]
"""The platform's lists, named by their path (platform-contract.md, sections 3.2 to 3.4, 3.7, 3.8)."""


KEY: Final = "Idempotency-Key"
"""The header of a creation's key."""
HONOURS: Final = "Gatectl-Honours"
"""The header of answers that names headers of requests which the platform heeds."""


class Identification(NamedTuple):
    """Which platform this is: what a saved plan is bound to.

    `instance` is the store's own id, None where there is no store yet (an embedded platform that nobody has written to)
    or where the platform has none. `place` tells stores of one `url` apart that lie in different folders of this machine.
    """

    driver: str
    url: str
    instance: str | None
    place: str | None = None

    @property
    def key(self) -> str:
        """What its leases are kept under."""
        return self.instance or self.url


class Traits(NamedTuple):
    """What differs between platforms and matters to planning.

    `default_workspace`: the workspace meant when nobody names one (None: the only visible one).
    `packets`: whether packets exist there (GW405, U30).
    `openai`: the wire value of an OpenAI endpoint (None: not known, so none can be created; GW506, U4).
    `parallel`: how many writes may be under way at once by default.
    `once`: it makes one object of all creations of one key (`Writer.create`), and so none late that was made again meanwhile.
    """

    default_workspace: str | None
    packets: bool
    openai: str | None
    parallel: int
    once: bool = False


class Secret:
    """A secret on its way: no print, log, comparison or dump shows it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class Credentials(NamedTuple):
    """How to authenticate to a platform: a token, or e-mail and password."""

    token: Secret | None = None
    email: str | None = None
    password: Secret | None = None


class Shared:
    """What the readers and writers of one run share (connections, a login), closed together. Several threads may use it. `lasting` is
    what outlives the run, in a process that has many of them, and is closed by whoever made it."""

    def __init__(self, lasting: Shared | None = None) -> None:
        self.lasting = lasting
        self._turn = Lock()
        self._held: dict[Hashable, Any] = {}

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is shared under a key; made where there is none yet. It has `close`."""
        with self._turn:
            if key not in self._held:
                self._held[key] = make()
            return self._held[key]

    def close(self) -> None:
        """Close all of it; what is asked for later is made anew."""
        with self._turn:
            held, self._held = self._held, {}
        for each in held.values():
            each.close()


Told = Callable[[Whom, Effect, str, str], None]
"""Is told of a request when it is sent: to whom, what it can do, its method, and its path or tables. From whatever thread."""


Heard = Callable[[Effect, str, str], None]
"""The same of one of the two."""


def unheard(whom: Whom, effect: Effect, method: str, path: str) -> None:
    """Nobody wants to know what is sent."""


class RecordsChoice(NamedTuple):
    """The store of records that is meant: `target` as an environment names it (None: as the platform has it). `named` says that
    it is the operator's own word, `trusted` which buckets and databases the operator trusts with records, `ambient` that who asks
    may be whom the machine says (a role, a workload's identity), where no variable does."""

    target: str | None = None
    named: bool = False
    trusted: tuple[StoreAddress, ...] = ()
    ambient: bool = False


class Connection(NamedTuple):
    """What is needed to reach a platform, and the records of what is done there.

    `target` is as an environment names it, `folder` what paths in it are relative to. `openai` is the wire value of OpenAI
    endpoints where the environment says it. `parallel` is the most requests under way at once (None: the platform's own
    number), `ends` the moment (of `clock`) by which the whole run has to be over (None: no limit).

    `named` says that the target is the operator's own word (`--platform`, a variable, an argument), and `trusted` which hosts
    the operator trusts. By default neither is so: then the target is a checkout's, no credential is sent to this machine,
    and no connection is opened to any other that is not the platform's own (product.md, section 7).

    `environ` are the variables that may be read on the way there: proxies, certificates, a database's. `shared` is what
    readers and writers have in common (None: each has its own, and closes it). `tell` is given what is done there beside what was
    asked for, in words for a person. `sent` is told of each request to the platform or the records. `allowed` is asked before each
    request over HTTP to the platform: 0.0, or how many seconds to wait before asking again (None: nobody counts).
    """

    target: str
    folder: Path
    openai: str | None = None
    credentials: Credentials | None = None
    parallel: int | None = None
    ends: float | None = None
    named: bool = False
    trusted: tuple[Pattern, ...] = ()
    environ: Mapping[str, str] = os.environ
    shared: Shared | None = None
    clock: Clock = CLOCK
    tell: Callable[[str], None] = lambda text: None
    records: RecordsChoice = RecordsChoice()
    sent: Told = unheard
    allowed: Callable[[], float] | None = None

    def heard(self, whom: Whom) -> Heard | None:
        """Who is told of what is sent there; None: nobody wants to know."""
        return None if self.sent is unheard else functools.partial(self.sent, whom)


class Fences(NamedTuple):
    """The numbers of the leases that a run holds, by workspace id ("": the platform's own), and the store that they are of."""

    store: str
    numbers: Mapping[str, int]


class Heeded(NamedTuple):
    """Whose numbers count in a workspace, by their store's id, and the highest that came."""

    store: str
    number: int


class Heeding(Protocol):
    """What a platform goes by, of the numbers of leases: to look at, and to change."""

    def heeded(self) -> Mapping[str, Heeded]:
        """By workspace id, as in `Fences`. Raises Unsupported where the platform goes by none, PlatformError."""

    def adopt(self, fences: Fences) -> None:
        """From now on the numbers of this store count in its workspaces, instead of whichever did. Raises LeaseLost for numbers
        that are not higher than this store's own before, PlatformError."""

    def close(self) -> None: ...


class Reader(Protocol):
    """Reads a platform; cannot change it."""

    @property
    def identification(self) -> Identification: ...

    @property
    def traits(self) -> Traits: ...

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """All live objects of a collection, of one workspace (None for the workspaces themselves).

        Raises PlatformError: a list that could not be read whole is never an empty or a short one.
        """

    def glance(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """The same for a list that nobody needs: asked for once, whatever goes wrong. Raises PlatformError."""

    def latest(self, collection: Collection, object_id: str) -> Wire | None:
        """One object as it is now; None where the platform has conditional writes, so that nobody needs to look first."""

    def close(self) -> None: ...


class Writer(Protocol):
    """Changes a platform. Raises PlatformError for whatever was not done."""

    def stop(self) -> None:
        """Start nothing more, and wait for nothing: what was not sent yet raises PlatformError with the code "stopped"."""

    def hold_to(self, fences: Fences) -> None:
        """From now on nothing is written where somebody else has a higher number: such a write raises LeaseLost.

        A platform that knows of none is not told by them; where it goes by another store's, this, a read or a write raises
        OtherStore.
        """

    def create(self, collection: Collection, body: Wire, key: str | None = None) -> str:
        """Create an object from its write shape; the new object's id.

        A platform that knows idempotency keys makes one object of all creations of one `key`, and answers each with its id.
        """

    def update(self, collection: Collection, object_id: str, body: Wire, etag: str | None = None) -> None:
        """Replace an object by the write shape given, if it still has `etag` (where one is given)."""

    def delete(self, collection: Collection, object_id: str, etag: str | None = None) -> None: ...

    def close(self) -> None: ...
