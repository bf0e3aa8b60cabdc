"""What the guardrails of a project file say and cannot mean, where its schema has no words for it: GW204, GW205.

Of the machine only its time zone database is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from gatectl.documents.limits import split_pattern
from gatectl.kinds import KINDS
from gatectl.manifests.wording import nearest, suggestion
from gatectl.model import Document, Finding, Pointer, Spot
from gatectl.quote import quote
from gatectl.windows import UnknownZone, read_window, zone_of

_ZONE_HINT: Final = "a time zone of the IANA, as Europe/Berlin or UTC"


def check_guardrails(document: Document) -> Iterator[Finding]:
    """What is wrong with the guardrails of a project file of the right shape: windows that never open, time zones that there are
    not, kinds that there are not. A warning where a time zone cannot be looked up."""
    for name, environment in ((document.data.get("spec") or {}).get("environments") or {}).items():
        guardrails: Pointer = ("spec", "environments", name, "guardrails")
        said = environment.get("guardrails") or {}
        yield from check_windows(document, (*guardrails, "windows"), said.get("windows") or ())
        for index, pattern in enumerate(said.get("protect") or ()):
            yield from _check_pattern(pattern, Spot(document, (*guardrails, "protect", index)))


def check_windows(document: Document, at: Pointer, windows: Sequence[str]) -> Iterator[Finding]:
    """What is wrong with a list of windows of the right shape, which stands at a place of a document."""
    for index, text in enumerate(windows):
        yield from _check_window(text, Spot(document, (*at, index)))


def _check_window(text: str, spot: Spot) -> Iterator[Finding]:
    try:
        zone_of(read_window(text).zone)
    except UnknownZone as error:
        yield _no_zone(error, spot)
    except ValueError as error:
        hint = "00:00-24:00 is the whole day"
        yield Finding("GW205", f"window '{quote(text)}' never opens: {quote(error)}", hint, spot=spot)


def _no_zone(error: UnknownZone, spot: Spot) -> Finding:
    if error.nowhere:
        return Finding(
            "GW204", f"time zone '{quote(error.name)}' cannot be looked up: this machine has no time zone database",
            "install it (tzdata): without it an apply here is refused", "warning", spot=spot,
        )  # fmt: skip
    from zoneinfo import available_timezones

    near = nearest(error.name, sorted(available_timezones()))
    return Finding(
        "GW204", f"there is no time zone '{quote(error.name)}'", suggestion(near) if near else _ZONE_HINT, spot=spot
    )


def _check_pattern(pattern: str, spot: Spot) -> Iterator[Finding]:
    kind, _ = split_pattern(pattern)
    if kind is None or any(fnmatchcase(known.lower(), kind.lower()) for known in KINDS):
        return
    near = nearest(kind, list(KINDS))
    hint = suggestion(f"{quote(near)}/{split_pattern(pattern)[1]}") if near else f"KIND/NAME, of {', '.join(KINDS)}"
    yield Finding("GW204", f"'{quote(pattern)}' protects nothing: no kind is called '{quote(kind)}'", hint, spot=spot)
