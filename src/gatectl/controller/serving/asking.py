"""A request as it came, and an answer as it goes: values between the wire (`application`) and whoever answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

LARGEST: Final = 1024 * 1024
"""Bytes of a body."""

_FIELDS: Final = 100
_FORM: Final = "application/x-www-form-urlencoded"


class Asked(NamedTuple):
    """A request. `headers` has each header by its name in lower case, as often as it came; `peer` is the address at the other end of the
    connection."""

    method: str
    path: str
    query: str
    headers: Mapping[str, Sequence[str]]
    peer: str
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """A header, if it came once: what came twice could be read in two ways."""
        found = self.headers.get(name, ())
        return found[0] if len(found) == 1 else None

    def parameters(self) -> Mapping[str, str]:
        """What the query says; of what it says twice, the last."""
        return _pairs(self.query)

    def form(self) -> Mapping[str, str]:
        """The fields of a form that was sent; none of anything else."""
        if (self.header("content-type") or "").partition(";")[0].strip().lower() != _FORM:
            return {}
        return _pairs(self.body.decode("utf-8", "replace"))

    def cookie(self, name: str) -> str | None:
        """A cookie, if there is one of this name alone."""
        pairs = [pair.strip().partition("=") for line in self.headers.get("cookie", ()) for pair in line.split(";")]
        found = [value for key, _, value in pairs if key == name]
        return found[0] if len(found) == 1 else None


class Reply(NamedTuple):
    """An answer."""

    status: int
    content: bytes
    type: str = "application/json"
    headers: Mapping[str, str] = {}


def json_reply(status: int, document: object, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer for programs."""
    return Reply(status, json.dumps(document, separators=(",", ":")).encode(), headers=headers or {})


def refused(status: int, code: str, message: str, hint: str | None = None, **headers: str) -> Reply:
    """Why something is not answered, or not done; for programs."""
    said = {"error": {"code": code, "message": message, "hint": hint}}
    return json_reply(status, said, {name.replace("_", "-"): value for name, value in headers.items()})


def redirect(to: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Go and GET something of ours."""
    return Reply(303, b"", "text/plain", {"Location": to, **(headers or {})})


def nowhere() -> Reply:
    """There is no such thing, or nobody says whether there is."""
    return refused(404, "not_found", "there is no such thing here")


def _pairs(text: str) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        return {}
