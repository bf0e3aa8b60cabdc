"""One operation becomes one request, and what its answer means. The only module that changes a platform."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gatectl.applying.conditions import creation_key, live_hash, with_masters
from gatectl.documents.operations import values_of
from gatectl.documents.plans import Operation
from gatectl.documents.states import read_attachment
from gatectl.errors import (
    DeadlinePassed,
    PlatformError,
    PlatformLocked,
    PlatformRefused,
    PreconditionFailed,
    Uncertain,
    Unreachable,
)
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Context, Kind, Order
from gatectl.model import Attachment, Live, Outcome, Status
from gatectl.planning.current import Current, WorkspaceState
from gatectl.planning.lists import read_live
from gatectl.platforms.interface import Reader, Writer
from gatectl.quote import quote
from gatectl.resources import comparable

Secrets = Mapping[str, Mapping[str, str]]
"""Credentials in clear, by operation id; they exist from the moment apply resolves them, and only in memory."""


class Means(NamedTuple):
    """What writes are made with. `force_put` writes repositories that hold what gatectl does not know (U31), `known` names
    what of that may be lost."""

    reader: Reader
    writer: Writer
    secrets: Secrets
    force_put: bool
    known: frozenset[str]


class Answer(NamedTuple):
    """What became of a write: its outcome, whether it may be made again should it have had no effect, and the error it met."""

    outcome: Outcome
    again: bool = False
    error: PlatformError | None = None


class Stopped(PlatformError):
    """A write that is not sent any more."""

    code = "stopped"


def unsent(error: PlatformError) -> bool:
    """Whether an error says that the write it is about never left: nobody answered at all, or it had to wait for too long."""
    never = isinstance(error, (DeadlinePassed, PlatformLocked)) or error.code == "stopped"
    return never or (isinstance(error, Unreachable) and not isinstance(error, Uncertain))


def write(op: Operation, live: Live | None, current: Current, means: Means, sending: Callable[[], None]) -> Answer:
    """One write over a live object (None: there is none), and what became of it. `sending` is told right before it is sent."""
    try:
        return Answer(Outcome(op["id"], "done", _send(op, live, current, means, sending)))
    except PreconditionFailed as error:
        # Not necessarily a conflict: what changed may be nothing that a plan is about (a key, say). Reading tells.
        return _answer(op, "unknown", error, again=True)
    except PlatformRefused as error:
        return _answer(op, "failed", error, error.platform_code)
    except Uncertain as error:
        code = error.platform_code or ("uncertain" if error.settled else "timeout")
        # Not created a second time, whatever a list does not show (yet), unless the platform would refuse that.
        again = not error.platform_code and (op["action"] != "create" or KINDS[op["kind"]].unique)
        return _answer(op, "unknown", error, code, again=again)
    except Unreachable as error:
        return _answer(op, "unknown", error)
    except PlatformError as error:
        return _answer(op, "failed", error)
    except Exception as error:
        # A fault of ours, or an answer that nobody foresaw. Whether it had an effect, reading tells.
        return _answer(op, "unknown", PlatformError(f"unforeseen: {type(error).__name__}"), "internal")


def _answer(
    op: Operation, status: Status, error: PlatformError, code: str | None = None, *, again: bool = False
) -> Answer:
    return Answer(Outcome(op["id"], status, op["platformId"], 0, (code or error.code, error.message)), again, error)


def _send(op: Operation, live: Live | None, current: Current, means: Means, sending: Callable[[], None]) -> str:
    """Send one operation's request; the id of its object."""
    kind = KINDS[op["kind"]]
    etag = _etag(live) if live is not None else None
    if op["action"] == "delete":
        assert live is not None
        sending()
        means.writer.delete(kind.collection, live.id, etag)
        return live.id
    state = current.states.get(op["workspace"] or "")
    context = current.around(op["workspace"])
    if live is not None and etag is None:
        live = _latest(op, live, context, means.reader)
    order = Order(op["name"], values_of(op), _complete(op, live, state), means.secrets.get(op["id"], {}))
    body = kind.body(order, live.wire if live is not None else None, context)
    if live is None:
        sending()
        instance = means.reader.identification.instance
        return means.writer.create(kind.collection, body, creation_key(op, instance, context.workspace_id))
    _refuse_losses(kind, live, means)
    sending()
    means.writer.update(kind.collection, live.id, body, etag)
    return live.id


def _refuse_losses(kind: Kind, live: Live, means: Means) -> None:
    """Raises PlatformRefused where an object holds what a write would drop, and nobody said that it may."""
    lost = [name for name in kind.lost(live.wire) if name not in means.known]
    if lost and not means.force_put:
        raise PlatformRefused(
            f"it holds what gatectl does not know, and replacing it whole could drop that: {', '.join(map(quote, lost))}",
            platform_code="UNKNOWN_FIELDS", hint="look at it in the platform; --force-put writes it all the same",
        )  # fmt: skip


def _latest(op: Operation, live: Live, context: Context, reader: Reader) -> Live:
    """The object as it is at this moment, where the platform has no conditional writes: then the time in which somebody
    else's change can be lost is one read and one write. Raises PreconditionFailed where it is not as it was planned."""
    kind = KINDS[op["kind"]]
    wire = reader.latest(kind.collection, live.id)
    if wire is None:
        return live
    latest = read_live(kind, wire, context)
    swapped = {a.id for a in latest.attachments} != {a.id for a in live.attachments}
    if swapped or live_hash(latest, op) != op["pre"]["hash"]:
        raise PreconditionFailed("somebody changed it a moment ago")
    return latest


def _complete(op: Operation, live: Live | None, state: WorkspaceState | None) -> list[Attachment] | None:
    """The complete list of attachments of a repository in the end: what is there, without, with, and changed."""
    if not KINDS[op["kind"]].attaches:
        return None
    gone = {item["id"] for item in op["detach"]}
    kept = [item for item in live.attachments if item.id not in gone] if live is not None else []
    return with_masters(op, kept) + [_with_id(read_attachment(item), state) for item in op["attach"]]


def _with_id(item: Attachment, state: WorkspaceState | None) -> Attachment:
    """An attachment with the id of its resource; one that this run created is found by identity and label."""
    if item.id is not None:
        return item
    key = item.registered(None)
    named = state.indexes[key.kind].by_name.get(key.name, ()) if state is not None else ()
    found = [live.id for live in named if _is(live, item)]
    if len(found) != 1:
        what = "/".join(item.identity[1:])
        how = "is not there" if not found else f"is there {len(found)} times"
        raise PlatformRefused(
            f"{quote(item.identity[0])} {what} ({quote(item.label or item.identity[-1])}) {how}",
            platform_code="NOT_FOUND",
        )
    return item._replace(id=found[0])


def _is(live: Live, item: Attachment) -> bool:
    identity = KINDS[live.key.kind].identity
    return identity is not None and comparable(identity(live.spec)) == comparable(item.identity)


def _etag(live: Live) -> str | None:
    return live.wire.get("etag")


def withdraw(kind: Kind, live: Live, means: Means, sending: Callable[[], None]) -> None:
    """Remove a twin that this run made. Whether it is gone, reading tells."""
    with contextlib.suppress(PlatformError):
        sending()
        means.writer.delete(kind.collection, live.id, _etag(live))
