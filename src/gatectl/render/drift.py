"""Drift for people: what differs, and who changed it; as text, as markdown and as a page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from gatectl.documents.drift import WHOSE, Difference, Drift, Whose
from gatectl.model import FieldValue
from gatectl.page import page
from gatectl.quote import quote
from gatectl.render.listing import platform_words
from gatectl.render.markdown import code

FORMATS: Final = ("text", "json", "markdown", "html")
_WORDS: Final[Mapping[Whose, str]] = {
    "ours": "changed in the manifests", "theirs": "changed on the platform", "both": "changed here and there", "unknown": "differs",
}  # fmt: skip
_FORGOTTEN: Final = "How the objects were applied is not remembered: what differs is unknown, and counts as theirs."


def render(drift: Drift, format_name: str) -> str:
    """The drift in one of the formats for people."""
    return {"text": text, "markdown": markdown, "html": html}[format_name](drift)


def text(drift: Drift) -> str:
    lines = [f"Target: {quote(platform_words(drift['target']))}"]
    lines += [_FORGOTTEN] if _forgotten(drift) else []
    lines += [f"{each['whose']:8}{_line(each)}" for each in drift["differences"]]
    return "\n".join([*lines, _summary(drift)])


def markdown(drift: Drift) -> str:
    lines = ["## Drift", f"**{_summary(drift)}**"]
    lines += [_FORGOTTEN] if _forgotten(drift) else []
    rows = [f"- {each['whose']}: {code(_line(each))}" for each in drift["differences"]]
    return "\n\n".join([*lines, *(["\n".join(rows)] if rows else [])])


def html(drift: Drift) -> str:
    """The page: a difference a paragraph, each with whose it is."""
    note = f'<p class="note">{_FORGOTTEN}</p>' if _forgotten(drift) else ""
    theirs = sum(number for whose, number in drift["summary"].items() if whose != "ours")
    verdict, kind = (f"{theirs:,} not ours", "busy") if theirs else ("as applied", "calm")
    target, source = drift["target"], drift["source"]
    facts = [("Target", platform_words(target)), ("Workspaces", ", ".join(target["workspaces"]))]
    facts += [("Commit", source["commit"])] if source["commit"] else []
    shown = "".join(f"<div><dt>{name}</dt><dd>{escape(quote(value))}</dd></div>" for name, value in facts if value)
    rows = "".join(
        f'<article class="op"><p><span class="tag whose {each["whose"]}">{each["whose"]}</span> {escape(_line(each))}</p></article>'
        for each in drift["differences"]
    )
    head = f'<header><h1>Drift <span class="verdict {kind}">{verdict}</span></h1><dl>{shown}</dl></header>'
    body = f"<main>{head}<p>{escape(_summary(drift))}</p>{note}<section>{rows}</section></main>"
    return page("Drift", body, ("page.css", "plan.css", "history.css"), ())


def _forgotten(drift: Drift) -> bool:
    return bool(drift["differences"]) and any(each["whose"] == "unknown" for each in drift["differences"])


def _line(each: Difference) -> str:
    where = f"{quote(each['workspace'])}/" if each["workspace"] is not None else ""
    name = f"{quote(each['kind'])} {where}{quote(each['name'])}"
    since = f" since {quote(each['at'])} (run {quote(each['run'])})" if each["at"] and each["run"] else ""
    if not each["path"]:
        words = (
            "is gone"
            if each["gone"]
            else "is not on the platform yet"
            if each["live"] is None
            else "is declared no more"
        )
        return f"{name} {words}{since if each['gone'] else ''}"
    values = ", ".join(f"{word} {_shown(value)}" for word, value in _values(each).items())
    return f"{name} {quote(each['path'])}: {_WORDS[each['whose']]}{since}: {values}"


def _values(each: Difference) -> Mapping[str, FieldValue]:
    known = {"declared": each["declared"], "live": each["live"]}
    return known if each["whose"] == "unknown" else {**known, "applied": each["applied"]}


def _shown(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{quote(value)}'" if value else "nothing"


def _summary(drift: Drift) -> str:
    if not drift["differences"]:
        return "No drift: the platform is as declared."
    return (
        "Drift: "
        + ", ".join(f"{drift['summary'][whose]:,} {whose}" for whose in WHOSE if drift["summary"][whose])
        + "."
    )
