"""A controller that is asked over HTTP: what `acts` does at its database, by the controller's own word and under its key.

The address is the operator's own word, so its host is sent the token. An answer is held against its schema before it is believed. What
surely had no effect is tried again, for as long as any server is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import quote as percent_encoded

from gatectl import errors
from gatectl.clock import CLOCK, Clock
from gatectl.credentials import pasted
from gatectl.credentials.redaction import Redaction
from gatectl.documents.fleets import Act, FleetStatus, TargetStory
from gatectl.errors import Forbidden, GatectlError, NotAuthenticated, PlatformError, Uncertain, Unreachable
from gatectl.manifests.sources import read_schema
from gatectl.network import http
from gatectl.network.addresses import admit, http_address
from gatectl.network.http import LATER, TRIED_SECONDS, backoff
from gatectl.quote import quote

TOKEN: Final = "GATECTL_CONTROLLER_TOKEN"  # noqa: S105 - the name of a variable
_LARGEST: Final = 64 * 1024 * 1024
_NO_API: Final = "is that the address of a controller? gatectl controller says where it listens"
_SAID: Final[Mapping[str | None, type[GatectlError]]] = {
    each.code: each for each in (errors.UsageError, errors.StalePlan, errors.InputError, errors.MissingCredential)
}
"""What a controller says that went wrong, by its word."""


class Remote:
    """The controller at an address, until it is closed. By `ends` (of `clock`) everything is over.

    All of it raises NotAuthenticated where the token is refused, Unreachable where the controller is away, PlatformError for answers that
    no controller gives, and what `acts` raises. Raises UsageError for what is no address, and for a token that none is.
    """

    def __init__(
        self, url: str, *, ends: float | None = None, environ: Mapping[str, str] = os.environ, clock: Clock = CLOCK
    ) -> None:
        token = token_of(environ)
        self._clock = clock
        self._redacted = Redaction([token] if token else [])
        admission = admit(http_address(url, "the controller's address", f"set {TOKEN} instead"), named=True, trusted=())
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = http.Client(admission, headers=headers, parallel=1, ends=ends, environ=environ, clock=clock)

    def close(self) -> None:
        self._client.close()

    def status(self) -> FleetStatus:
        """What is known of all targets."""
        return cast("FleetStatus", self._ask("GET", "/api/status", None, None))

    def story(self, target: str) -> TargetStory:
        """What is known of a target, with its last runs."""
        return cast("TargetStory", self._ask("GET", _path(target), None, "story"))

    def approve(self, target: str, fingerprint: str, allow: Sequence[str], reason: str | None) -> Act:
        """Say yes to the plan of this fingerprint."""
        return self._act(target, "approve", {"fingerprint": fingerprint, "allow": list(allow), "reason": reason})

    def accept(self, target: str, commit: str) -> Act:
        """Say that a commit counts which was pushed by force."""
        return self._act(target, "approve", {"commit": commit})

    def pause(self, target: str, reason: str | None) -> Act:
        return self._act(target, "pause", {"reason": reason})

    def resume(self, target: str) -> Act:
        return self._act(target, "resume", {})

    def _act(self, target: str, what: str, body: Mapping[str, object]) -> Act:
        return cast("Act", self._ask("POST", f"{_path(target)}/{what}", body, "act"))

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None, part: str | None) -> object:
        """The document that is answered; `part` of the schema says which it is."""
        what = f"{method} {quote(path)}"
        response = self._patient(
            http.Request(method, self._client.at(path), what, _LARGEST, body=body, changes=method == "POST")
        )
        document = _json(response.content)
        if not http.succeeded(response.status):
            raise self._refusal(what, response.status, document)
        if not _fits(document, part):
            raise PlatformError(f"{what}: that is no answer of a controller", _NO_API)
        return document

    def _patient(self, request: http.Request) -> http.Response:
        """The answer to a request, which is sent again where that does no harm."""
        began, attempt = self._clock.now(), 0
        while True:
            try:
                response = self._client.exchange(request)
                if response.status not in (429, 502, 503, 504) or request.changes:
                    return response
                error = Unreachable(f"{request.what}: the controller answered {response.status}", LATER)
            except Unreachable as failed:
                if request.changes and isinstance(failed, Uncertain):
                    raise
                error = failed
            if self._clock.now() - began >= TRIED_SECONDS:
                raise Unreachable(f"{error.message}; tried for {TRIED_SECONDS:.0f} s", error.hint) from None
            self._client.pause(backoff(attempt), lambda: None, after=error)
            attempt += 1

    def _refusal(self, what: str, status: int, document: object) -> GatectlError:
        """What an answer that is no success means: first who asks, then the controller's own word, then the status."""
        said = document.get("error") if isinstance(document, dict) else None
        code, message, hint = (self._text(said, name) for name in ("code", "message", "hint"))
        if status == 401:
            return NotAuthenticated(f"{what}: the controller does not know this token (401)", f"set {TOKEN}")
        if status == 403:
            return Forbidden(f"{what}: {message or 'that is not permitted'} (403)", f"set {TOKEN}")
        if code == "not_found" and "/targets/" in what:
            code = errors.UsageError.code
        if code in _SAID:
            return _SAID[code](message or what, hint)
        return _by_status(f"{what}: the answer is {status}{f', {message}' if message else ''}", status, hint)

    def _text(self, said: object, name: str) -> str | None:
        value = said.get(name) if isinstance(said, dict) else None
        return quote(self._redacted(value), 1_000) if isinstance(value, str) else None


def _by_status(message: str, status: int, hint: str | None) -> PlatformError:
    if status >= 500 or status == 429:
        return Unreachable(message, hint or LATER)
    return PlatformError(message, hint or _NO_API)


def token_of(environ: Mapping[str, str], variable: str = TOKEN) -> str | None:
    """The token of a variable, on either side; None where it is not set, or empty. Raises UsageError for what is none."""
    text = environ.get(variable, "")
    if not text.strip():
        return None
    try:
        return pasted.token(text)
    except pasted.Unusable as error:
        raise errors.UsageError(f"{variable} {error.problem}", error.hint) from None


def _path(target: str) -> str:
    return f"/api/targets/{percent_encoded(target, safe='/')}"


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _fits(document: object, part: str | None) -> bool:
    import jsonschema_rs

    schema = dict(read_schema("status"))
    if part is not None:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{part}"}
    try:
        return bool(jsonschema_rs.Draft202012Validator(schema).is_valid(document))
    except (ValueError, TypeError, OverflowError):
        return False  # it holds what no answer does: half a character, say
