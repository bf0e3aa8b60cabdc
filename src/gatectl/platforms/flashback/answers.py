"""What an answer of the platform means. Pure: status, headers and body in, a value or an exception out.

The platform's error bodies have seven shapes, and 200 can carry a failure (platform-contract.md, section 4), so success is
decided here and only here: 2xx, and `success` is not false, and on POST an id (U16).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from gatectl.credentials.redaction import Redaction
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
from gatectl.platforms import fencing
from gatectl.quote import safe


class Throttled(PlatformError):
    """429 that asks to come back later, after `seconds` (None: it does not say)."""

    code = "throttled"

    def __init__(self, seconds: float | None) -> None:
        super().__init__("the platform asks to slow down (429)", "try again later, or with a smaller --parallelism")
        self.seconds = seconds


class Answer(NamedTuple):
    """A response as it came. `body` is None where it is not JSON; `at` is when it came, in seconds since 1970. `fenced`: the request
    named leases, so it may be refused because of them."""

    method: str
    path: str
    status: int
    retry_after: str | None
    location: str | None
    body: Any
    at: float = 0.0
    fenced: bool = False


_HINTS: Final = {
    "NAME_ALREADY_USED": "the name may belong to a repository that you cannot see, in this or another workspace",
    "QUOTA_EXCEEDED": "a limit of the subscription is reached: remove something, or raise the limit",
    "NORMAL_UNIT_FOLDER_CANNOT_DELETE": "the platform refuses to detach it: empty the folder, or keep the attachment",
    "NORMAL_UNIT_CANNOT_DELETE": "the platform refuses to detach it: empty the folder, or keep the attachment",
    "NORMAL_UNIT_FOLDER_ALREADY_USED": "another repository, maybe one that you cannot see, uses this folder",
    "MIRROR_UNIT_ALREADY_IN_OTHER_REPO": "another repository, maybe one that you cannot see, attaches this bucket",
    "IN_USE": "detach it from the repositories that use it first",
}
"""What to do about the platform's own codes (platform-contract.md, section 2.7)."""


def parse_body(content: bytes, content_type: str) -> Any:
    """The JSON of a body; None where there is none."""
    if not content or "json" not in content_type:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def judge(answer: Answer) -> Any:
    """The body of a success. Raises the PlatformError that the answer means."""
    if 200 <= answer.status < 300:
        return _success(answer)
    if answer.status == 401:
        raise NotAuthenticated(
            _message(answer, "the platform does not know this token"), "get a new token: see GATECTL_TOKEN"
        )
    if answer.status == 403:
        raise _forbidden(answer)
    if answer.status == 412:
        raise PreconditionFailed(_message(answer, "it changed since it was read"))
    if answer.status == 429:
        raise _too_many(answer)
    if answer.status >= 500 and answer.status != 501:
        raise Uncertain(_message(answer, "the platform failed"), settled=_own_failure(answer))
    if 300 <= answer.status < 400:
        raise PlatformError(
            f"{answer.method} {answer.path}: the platform redirects to {safe(answer.location)}",
            "use that address",
        )
    if answer.status in (404, 405, 501) and answer.method == "GET":
        raise Unsupported(_message(answer, "the platform does not offer this"))
    raise _fenced_off(answer) or _refused(answer)


def _fenced_off(answer: Answer) -> PlatformError | None:
    """What a refusal because of the leases means: nothing was written, and nothing will be. None: it is another one."""
    code = _code(answer.body) if answer.status == 409 and answer.fenced else ""
    if code == fencing.STALE:
        return LeaseLost(
            _message(answer, "the lease of this run lapsed, and somebody else has had it since"),
            "look at the platform (gatectl plan), then apply again",
        )
    return OtherStore(_message(answer, "the leases of another store count there")) if code == fencing.ANOTHER else None


def _own_failure(answer: Answer) -> bool:
    """Whether the platform itself said that it failed; a gateway does not know what became of the request behind it."""
    return answer.status in (500, 503) and isinstance(answer.body, Mapping) and answer.body.get("success") is False


def _success(answer: Answer) -> Any:
    body = answer.body
    if body is None:
        return _nothing_said(answer)
    if isinstance(body, Mapping) and body.get("success") is False:
        raise _refused(answer)
    if answer.method != "GET" and (code := _code(body)):
        # Success beside a reason why not: reading tells, and the reason is kept. Without an id nothing was created.
        if answer.method == "POST" and not _names_an_object(body):
            raise _refused(answer)
        raise Uncertain(_message(answer, "the platform says success, and why not"), settled=True, platform_code=code)
    return body


def _nothing_said(answer: Answer) -> Any:
    if answer.method == "DELETE":
        return {}
    why = "the answer is not JSON" if answer.method == "GET" else "the answer cannot be read"
    raise Uncertain(f"{answer.method} {answer.path}: {why}", settled=True)


def _names_an_object(body: Mapping[str, Any]) -> bool:
    return any(value for name, value in body.items() if name == "id" or name.endswith("Id"))


def _code(body: Any) -> str:
    if not isinstance(body, Mapping):
        return ""
    code = body.get("error_code") or body.get("errorCode") or ""
    return code if isinstance(code, str) and code != "SUCCESS" else ""


def _message(answer: Answer, otherwise: str) -> str:
    body = answer.body
    words = otherwise
    if isinstance(body, Mapping):
        for name in ("error_message", "message", "errorMessage", "error"):
            if isinstance(body.get(name), str) and body[name]:
                words = body[name]
                break
    code = _code(body)
    return f"{answer.method} {answer.path}: {words} ({', '.join(filter(None, (str(answer.status), code)))})"


def _refused(answer: Answer) -> PlatformError:
    code = _code(answer.body) or ("NOT_FOUND" if answer.status == 404 else "")
    message = _message(answer, "the platform refused")
    if code == "QUOTA_EXCEEDED":
        return PlatformRefused(message, platform_code=code, status=answer.status, hint=_HINTS[code])
    return PlatformRefused(message, platform_code=code, status=answer.status, hint=_HINTS.get(code))


def _forbidden(answer: Answer) -> PlatformError:
    """403 means not permitted, or in use (platform-contract.md, sections 2.9 and 4)."""
    message = _message(answer, "not permitted")
    in_use = "IN_USE" in _code(answer.body).upper() or any(
        phrase in message.lower() for phrase in ("in use", "used by", "still used", "being used", "is attached")
    )
    if answer.method == "DELETE" and in_use:
        return PlatformRefused(message, platform_code="IN_USE", status=403, hint=_HINTS["IN_USE"])
    return Forbidden(message, "ask for the permission in the workspace")


def _too_many(answer: Answer) -> PlatformError:
    """429 means quota, or throttling (U22): quota on POST /bucket and where the code says so, unless it says when to come back."""
    quota = _code(answer.body) == "QUOTA_EXCEEDED"
    creation = (answer.method, answer.path) == ("POST", "/bucket") and isinstance(answer.body, Mapping)
    if answer.retry_after is None and (quota or creation):
        message = _message(answer, "a limit of the subscription is reached")
        return PlatformRefused(message, platform_code="QUOTA_EXCEEDED", status=429, hint=_HINTS["QUOTA_EXCEEDED"])
    if quota:
        return _refused(answer)
    return Throttled(_seconds(answer.retry_after, answer.at))


def _seconds(retry_after: str | None, now: float) -> float | None:
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        return _until(retry_after, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(date: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
        return max(0.0, moment.timestamp() - now) if moment.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError):
        return None


_LONGEST: Final = 400
"""How much of the platform's words is shown."""


def redact(error: PlatformError, secrets: Iterable[str]) -> PlatformError:
    """The same error, short and without any of the secrets, in whatever spelling the platform may have echoed one."""
    without = Redaction(secrets)

    def clean(text: str) -> str:
        # What is cut or escaped first would be recognized no more. It is one line, and the status is at its end.
        text = safe(without(text))
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 100]} … {text[-80:]}"

    error.message = clean(error.message)
    error.args = (error.message,)
    error.hint = clean(error.hint) if error.hint is not None else None
    if isinstance(error, PlatformRefused):
        error.platform_code = clean(error.platform_code)
    return error
