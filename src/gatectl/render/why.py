"""Why an object is as it is, for people: what is known of it, what it waits for, and a row for each field. Pure.

Where the rows fit beside each other they are a table; in a narrow window each field has a paragraph of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.documents.plans import Location
from gatectl.documents.receipts import user_at_host
from gatectl.documents.why import Applied, Decided, FieldWhy, Why, short
from gatectl.model import FieldValue
from gatectl.quote import quote, safe
from gatectl.render.interface import Look
from gatectl.render.rows import aligned, moment
from gatectl.render.wrap import columns


def text(why: Why, look: Look) -> str:
    """The whole of it."""
    lines = [*_head(why, look), *_waits(why, look), ""]
    rows = [_row(each, why) for each in why["fields"]]
    return "\n".join([*lines, *(_table(rows, look) if _fits(rows, look.width) else _paragraphs(rows, look))]).rstrip()


def _paint(words: str, style: str, look: Look) -> str:
    return f"\x1b[{style}m{words}\x1b[0m" if look.color and words else words


def _head(why: Why, look: Look) -> Iterator[str]:
    named = why["object"]
    where = f"{quote(named['workspace'])}/" if named["workspace"] is not None else ""
    yield _paint(f"{quote(named['kind'])} {where}{quote(named['name'])}", "1", look)
    yield f"  declared: {_declared(why)}"
    yield f"  applied:  {_applied(why['applied']) if why['applied'] is not None else _never(why)}"
    live = f"as {quote(why['platformId'])}" if why["platformId"] is not None else "not on the platform"
    yield f"  live:     {live if why['read'] else 'not asked for, while the manifests have errors'}"
    plan = why["plan"]
    does = f"{plan['action']}, {plan['reason']}" if plan["action"] is not None else plan["reason"]
    risk = f" ({plan['risk']})" if plan["risk"] not in (None, "none") else ""
    yield f"  plan:     {safe(does)}{risk}"


def _declared(why: Why) -> str:
    found = why["declared"]
    if found is None:
        return "by no manifest"
    changed = " and uncommitted changes" if found["dirty"] else ""
    return _place(found["source"]) + (f", at {quote(found['commit'][:12])}{changed}" if found["commit"] else "")


def _never(why: Why) -> str:
    return "never, as far as is remembered" if why["read"] else "not looked up"


def _applied(found: Applied) -> str:
    if found["at"] is None:
        return f"by {quote(found['project'])}; when and how is not remembered"
    actor = found["by"]
    who = user_at_host(actor["user"], actor["host"]) if actor is not None else ""
    parts = [moment(found["at"])]
    parts += [f"by {quote(who)}"] if who else []
    parts += [f"run {quote(found['run'])}"] if found["run"] else []
    parts += [f"commit {quote(found['commit'][:12])}"] if found["commit"] else []
    parts += ["adopted: made by somebody else first"] if found["adopted"] else []
    parts += ["protected"] if found["protected"] else []
    foreign = f"{found['project']}, environment {found['environment']}"
    parts += [] if found["ours"] else [f"by project {quote(foreign)}, which owns it"]
    return ", ".join(parts)


def _waits(why: Why, look: Look) -> Iterator[str]:
    for wait in why["waits"]:
        rule = f" {wait['rule']}" if "rule" in wait else ""
        place = f" ({_place(wait['source'])})" if "source" in wait else ""
        run = f", run {quote(wait['run'])}" if wait["on"] == "lease" and wait.get("run") else ""
        yield f"  {_paint('waits for', '33', look)} {wait['on']}{safe(rule)}: {safe(wait['message'])}{run}{place}"
        if hint := wait.get("hint"):
            yield f"      hint: {safe(hint)}"


class _Cells(NamedTuple):
    """A row: the field, its values by their titles, and what decides."""

    field: str
    values: Mapping[str, str]
    by: str


def _row(row: FieldWhy, why: Why) -> _Cells:
    """Nothing is said of how it was applied where that is not remembered, nor of what the platform knows nothing of."""
    whose = f" ({row['whose']})" if row["whose"] is not None else ""
    values = {"declared": _value(row["declared"])}
    if row["path"] not in _OURS_ALONE:
        if why["applied"] is not None and why["applied"]["remembered"]:
            values["applied"] = _value(row["applied"])
        if why["read"]:
            values["live"] = _value(row["live"])
    return _Cells(short(row["path"]), values, f"{_by(row['decided'])}{whose}")


_OURS_ALONE: Final = ("/spec/attachmentPolicy", "/spec/credentials")
"""What a platform does not keep, or does not show."""


def _by(decided: Decided) -> str:
    if decided["by"] == "manifest" and decided["source"] is not None:
        return _place(decided["source"])
    if decided["by"] == "rule":
        return f"rule {quote(decided['rule'])}"
    return {"default": "default of the format", "environment": "environment", "platform": "the platform",
            "policy": "attachmentPolicy", "nobody": "no manifest"}.get(decided["by"], safe(decided["words"]))  # fmt: skip


def _place(source: Location) -> str:
    line = f":{source['line']}" if source["line"] is not None else ""
    return f"{quote(source['file'])}{line}"


def _value(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "references"
    return quote(value) if value else "-"


def _parts(row: _Cells) -> list[str]:
    """Its values: one where all are the same, else each with whose it is."""
    told = {
        value: ", ".join(title for title, each in row.values.items() if each == value) for value in row.values.values()
    }
    return list(told) if len(told) == 1 else [f"{titles}: {value}" for value, titles in told.items()]


def _lines(rows: Sequence[_Cells]) -> list[tuple[str, str, str]]:
    """The rows of a table, below their titles."""
    return [("FIELD", "VALUE", "DECIDED BY"), *((row.field, "; ".join(_parts(row)), row.by) for row in rows)]


def _fits(rows: Sequence[_Cells], width: int) -> bool:
    return max(map(columns, aligned(_lines(rows)))) <= width


def _table(rows: Sequence[_Cells], look: Look) -> Iterator[str]:
    for number, line in enumerate(aligned(_lines(rows))):
        yield _paint(line, "2", look) if number == 0 else line


def _paragraphs(rows: Sequence[_Cells], look: Look) -> Iterator[str]:
    for row in rows:
        yield _paint(row.field, "1", look)
        yield from (f"    {part}" for part in _parts(row))
        yield f"    by {row.by}"
