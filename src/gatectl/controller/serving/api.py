"""The controller for programs: its status, and what may be done to a target, as JSON (`documents.fleets`).

    GET  /api/status                      the fleet
    GET  /api/targets/NAME                a target, its last runs, and its plan (`plan` null: nothing is to be done)
    POST /api/targets/NAME/approve        {"fingerprint": …, "allow": […], "reason": …}, or {"commit": …} for one that was pushed by force
    POST /api/targets/NAME/pause          {"reason": …}
    POST /api/targets/NAME/resume
    POST /api/targets/NAME/reconcile

A name stands there with its slashes. What is not done is answered by {"error": {"code", "message", "hint"}}: 400 for what cannot be meant,
401 and 403 for who may not, 404 for a target that there is not, 409 where what was approved does not wait any more, 503 while the
database is away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict, cast

from gatectl.controller import acts
from gatectl.controller.acts import Desk
from gatectl.controller.approving import How
from gatectl.controller.serving.asking import Asked, Reply, json_reply, nowhere, refused
from gatectl.controller.serving.entering import Caller
from gatectl.controller.store import Store
from gatectl.documents.fleets import Act
from gatectl.errors import GatectlError, InputError, StalePlan, UsageError
from gatectl.quote import quote

_TARGETS: Final = "/api/targets/"
_LONGEST: Final = 1_000
"""Characters of a reason."""


class Wish(NamedTuple):
    """What somebody wants done to a target, as they said it."""

    fingerprint: str | None = None
    commit: str | None = None
    allow: Sequence[str] = ()
    reason: str | None = None


def answer(desk: Desk, asked: Asked, caller: Caller, woken: Callable[[], None]) -> Reply:
    """What is answered to somebody who may ask. Raises PlatformError."""
    if asked.path == "/api/status" and asked.method != "POST":
        return json_reply(200, acts.status(desk))
    if not asked.path.startswith(_TARGETS):
        return nowhere()
    name = asked.path.removeprefix(_TARGETS)
    try:
        if asked.method != "POST":
            return json_reply(200, {**acts.story(desk, name), "plan": plan_of(desk, name)})
        name, _, what = name.rpartition("/")
        if what not in DEEDS:
            return nowhere()
        return json_reply(200, act(desk, name, what, _wish(asked), caller, "command", woken))
    except GatectlError as error:
        return failed(desk, name, error)


def act(
    desk: Desk, name: str, what: str, wish: Wish, caller: Caller, how: How, woken: Callable[[], None]
) -> Act:  # fmt: skip
    """Somebody does something to a target, which is recorded. Raises GatectlError."""
    done = DEEDS[what](desk, name, wish, caller.who, how)
    woken()
    return done


def failed(desk: Desk, name: str, error: GatectlError) -> Reply:
    """Why something was not done. Raises PlatformError again, which is the same for all paths."""
    if isinstance(error, UsageError):
        known = any(each["name"] == name for each in acts.status(desk)["targets"])
        return refused(400 if known else 404, "usage" if known else "not_found", error.message, error.hint)
    if isinstance(error, (StalePlan, InputError)):
        return refused(409, error.code, error.message, error.hint)
    raise error


def plan_of(desk: Desk, name: str) -> Mapping[str, object] | None:
    """The plan of a target that was worked out last, as it was saved; None: there is none that can be read."""
    text = Store(desk.database).plan_of(name)
    try:
        found = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _approve(desk: Desk, name: str, wish: Wish, who: str, how: How) -> Act:
    if (wish.fingerprint is None) == (wish.commit is None):
        raise UsageError("what is approved is a fingerprint or a commit", "one of the two")
    if wish.commit is not None:
        return acts.accept(desk, name, wish.commit, who)
    return acts.approve(desk, name, wish.fingerprint or "", who, how, wish.allow, wish.reason)


def _pause(desk: Desk, name: str, wish: Wish, who: str, how: How) -> Act:
    return acts.pause(desk, name, who, wish.reason)


def _resume(desk: Desk, name: str, wish: Wish, who: str, how: How) -> Act:
    return acts.resume(desk, name, who)


def _reconcile(desk: Desk, name: str, wish: Wish, who: str, how: How) -> Act:
    return acts.reconcile_now(desk, name, who)


DEEDS: Final[Mapping[str, Callable[[Desk, str, Wish, str, How], Act]]] = {
    "approve": _approve,
    "pause": _pause,
    "resume": _resume,
    "reconcile": _reconcile,
}
"""What can be done to a target, by the last part of the path."""


class Body(TypedDict, total=False):
    """What a body may hold; of which types is looked at where it is read."""

    fingerprint: object
    commit: object
    allow: object
    reason: object


def _wish(asked: Asked) -> Wish:
    """What a body says. Raises UsageError."""
    said = _object(asked.body)
    allow = said.get("allow") or []
    if not isinstance(allow, list) or not all(isinstance(each, str) for each in allow):
        raise UsageError("allow is a list of texts", '["deletes=3"]')
    fingerprint, commit, reason = (
        _text(value) for value in (said.get("fingerprint"), said.get("commit"), said.get("reason"))
    )
    return checked(Wish(fingerprint, commit, tuple(allow), reason or None))


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise UsageError("fingerprint, commit and reason are texts")


def _object(body: bytes) -> Body:
    """The JSON object of a body, with fields that something is meant by; an empty one where nothing was sent. Raises UsageError."""
    try:
        said = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise UsageError("the body is not JSON") from None
    if not isinstance(said, dict):
        raise UsageError("the body is not a JSON object")
    unknown = sorted(map(str, said.keys() - set(Wish._fields)))
    if unknown:
        raise UsageError(
            f"the body has a field that nothing is meant by: {quote(unknown[0])}", f"one of {', '.join(Wish._fields)}"
        )
    return cast("Body", said)


def checked(wish: Wish) -> Wish:
    """A wish that can be recorded. Raises UsageError."""
    for text in (wish.reason, *wish.allow):
        if text is not None and (len(text) > _LONGEST or not text.isprintable()):
            raise UsageError(
                f"a reason is one line of at most {_LONGEST:,} characters, and so is what is allowed", "say it in less"
            )
    return wish
