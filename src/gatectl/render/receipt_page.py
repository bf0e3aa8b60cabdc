"""A receipt as a page: who applied what, when, and what became of it. The plan that was applied follows, as its own page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from gatectl.documents.receipts import Outcome, Receipt, user_at_host
from gatectl.quote import safe
from gatectl.render import outcomes
from gatectl.render.interface import Look

_CLASSES: Final = {"done": "create", "already": "create", "conflict": "delete", "failed": "delete"}


def title(document: Receipt) -> str:
    return f"Apply {safe(document.get('run', document['fingerprint']))}"


def parts(document: Receipt, look: Look) -> Iterator[str]:
    """The header, the counts, and every outcome, those that did not go well first."""
    yield from _header(document, look)
    yield '<ul class="tiles">'
    for name, number in document["summary"].items():
        kind = "none" if not number else "add" if name in outcomes.FINE else "change"
        yield f'<li class="{kind}"><b>{number:,}</b> {escape(name)}</li>'
    yield "</ul>"
    if (step := outcomes.next_step(document)) is not None:
        yield f'<p class="note">Next: {escape(step)}.</p>'
    yield from (f'<p class="note">{escape(twin)}.</p>' for twin in outcomes.settled(document))
    names = outcomes.names(document.get("plan"))
    bad, good = outcomes.apart(document)
    if bad:
        yield f"<section><h2>Not as wanted <small>{len(bad):,}</small></h2>"
        yield from (_outcome(item, names) for item in bad)
        yield "</section>"
    if good:
        yield f"<section><details><summary><h2>As wanted <small>{len(good):,}</small></h2></summary>"
        yield from (_outcome(item, names) for item in good)
        yield "</details></section>"


def _header(document: Receipt, look: Look) -> Iterator[str]:
    if document["converged"]:
        verdict, kind = ("Applied" if document["outcomes"] else "Nothing to do"), "calm"
    else:
        verdict, kind = "Not converged", "bad"
        if not outcomes.was_sent(document):
            verdict += ", nothing was written"
    named = f" <small>{_text(look.environment)}</small>" if look.environment else ""
    yield f'<header><h1>Apply{named} <span class="verdict {kind}">{verdict}</span></h1><dl>'
    yield from (f"<div><dt>{name}</dt><dd><code>{_text(value)}</code></dd></div>" for name, value in _facts(document))
    yield "</dl></header>"


def _facts(document: Receipt) -> Sequence[tuple[str, object]]:
    if "run" not in document:  # format 1.0
        return [("Fingerprint", document["fingerprint"])]
    actor, target = document["actor"], document["target"]
    who = user_at_host(actor["user"], actor["host"])
    commit = document["source"]["commit"]
    facts = [
        ("Run", document["run"]),
        ("Target", ", ".join([target["url"], *target["workspaces"]])),
        ("Began", document["startedAt"]),
        ("Ended", document["endedAt"]),
        ("By", who),
        ("In", actor["url"]),
        ("Commit", commit and commit + (" and uncommitted changes" if document["source"]["dirty"] else "")),
        ("Allowed", outcomes.allowed(document["overrides"])),
        ("Fingerprint", document["fingerprint"]),
    ]
    return [(name, value) for name, value in facts if value]


def _outcome(item: Outcome, names: Mapping[str, str]) -> str:
    name = names.get(item["id"], safe(item["id"]))
    where = outcomes.place(item)
    place = f' <span class="place">{escape(where)}</span>' if where else ""
    return (
        f'<article class="op {_CLASSES.get(item["status"], "update")}"><h3>{escape(name)}{place}</h3>'
        f"<p>{escape(outcomes.words(item))}</p></article>"
    )


def _text(value: object) -> str:
    return escape(safe(value))
