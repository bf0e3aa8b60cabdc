"""GitHub's workflow commands: findings become annotations on the lines of a pull request.

GitHub shows ten errors and ten warnings of a step and drops the rest in silence, so the rest are lines of the log, and the
last line says how many are where. A place of several lines has no columns: the runner would refuse them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatectl.documents.findings import Failure, Finding, Findings
from gatectl.documents.plans import Plan
from gatectl.quote import safe
from gatectl.render.guarded import notices
from gatectl.render.interface import Look, Renderer
from gatectl.render.listing import failure_words, listed, partial_words, verdict, where, words

LIMIT: Final = 10
"""How many annotations of each severity GitHub shows for one step."""


def report(document: Findings | Plan, look: Look) -> str:
    items = listed(document)
    partial = partial_words(document)
    told = notices(document, look.files.home)
    first = [_annotation(item) for item in told[: LIMIT - 1]]
    first += [line for item in told[LIMIT - 1 :] for line in _plain(item)]
    first += [_command("notice", {"title": "Partial plan"}, [partial])] if partial is not None else []
    if not items:
        return "\n".join([*first, "No findings."])
    errors = [item for item in items if item["severity"] == "error"]
    warnings = [item for item in items if item["severity"] != "error"]
    shown = [*errors[:LIMIT], *warnings[:LIMIT]]
    rest = [*errors[LIMIT:], *warnings[LIMIT:]]
    lines = [*first, *(_annotation(item) for item in shown)]
    for item in rest:
        lines += _plain(item)
    return "\n".join([*lines, _summary(items, len(shown), len(rest))])


def _summary(items: Sequence[Finding], shown: int, rest: int) -> str:
    found = verdict(items)
    if not rest:
        return f"Found {found}: each is an annotation."
    return (
        f"Found {found}: {shown} are annotations, and the other {rest:,} are lines above,"
        f" because GitHub shows {LIMIT} errors and {LIMIT} warnings of a step."
    )


def _annotation(item: Finding) -> str:
    properties: dict[str, str | int | None] = {}
    if item["file"] not in (None, "-"):
        properties["file"] = item["file"]
        if item["line"] is not None:
            end = item["endLine"] or item["line"]
            one = end == item["line"]
            properties |= {"line": item["line"], "col": item["column"] if one else None, "endLine": end}
            properties["endColumn"] = item["endColumn"] if one else None
    properties["title"] = item["rule"]
    return _command(item["severity"], properties, words(item))


def _command(name: str, properties: Mapping[str, str | int | None], message: Sequence[str]) -> str:
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value is not None)
    return f"::{name} {shown}::{_data(chr(10).join(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: object) -> str:
    return _data(safe(value)).replace(":", "%3A").replace(",", "%2C")


def _plain(item: Finding) -> list[str]:
    """A finding as lines of the log. They begin with a word of ours, so none is a command; "##[" is an old one's mark."""
    place = where(item)
    head, *more = words(item)
    lines = [f"{item['severity']} {item['rule']}{' ' + place if place else ''}: {head}"]
    return [line.replace("##[", "# #[") for line in (*lines, *(f"  | {line}" for line in more))]


def failure(document: Failure, look: Look) -> str:
    return _command("error", {"title": safe(document["error"]["code"])}, failure_words(document))


RENDERER = Renderer(
    findings=report, plan=report, receipt=None, machine=False, failure=failure, checkout=True, commands=True
)
