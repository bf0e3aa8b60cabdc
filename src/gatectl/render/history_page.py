"""The history of an environment as a page and as markdown: a time line of runs, with what each of them changed folded below it. Pure.

What a run planned is in its receipt, which may be missing, or of so many operations that only the first are shown: then `gatectl show`
tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from gatectl.documents.history import Entry, History
from gatectl.documents.plans import Operation
from gatectl.documents.receipts import Outcome, Receipt
from gatectl.page import data, page
from gatectl.quote import quote, safe
from gatectl.render import outcomes
from gatectl.render.history import WORDS, did, left_over, who
from gatectl.render.html import operation_article
from gatectl.render.listing import plural
from gatectl.render.markdown import code, folded
from gatectl.render.rows import moment

Receipts = Mapping[str, Receipt]
"""The receipts of the runs, as far as there are any, by run."""

_MOST: Final = 100
"""Operations of one run that are shown."""
_CLASSES: Final = {
    "create": "add", "adopt": "", "attach": "add", "update": "change", "delete": "remove", "detach": "remove",
}  # fmt: skip


def html(document: History, receipts: Receipts) -> str:
    """The page: all of it is there without script."""
    runs, parts = document["runs"], [*_header(document)]
    parts += ['<ol class="timeline">', *_runs(runs, receipts), "</ol>"] if runs else ['<p class="soft">No runs.</p>']
    if document["more"]:
        parts.append('<p class="soft">There are older runs: gatectl history --limit N.</p>')
    body = "<main>\n" + "\n".join([*parts, data("history", document)]) + "\n</main>"
    return page(f"History of {safe(document['environment'])}", body, ("page.css", "plan.css", "history.css"), ())


def _text(value: object) -> str:
    return escape(safe(value))


def _header(document: History) -> Iterator[str]:
    runs = document["runs"]
    bad = sum(not entry["converged"] for entry in runs)
    verdict, kind = (f"{bad:,} not converged", "bad") if bad else ("all converged", "calm")
    shown = f' <span class="verdict {kind}">{verdict}</span>' if runs else ""
    yield f"<header><h1>History <small>{_text(document['environment'])}</small>{shown}</h1><dl>"
    facts = [("Records", document["records"]), ("Runs", f"{len(runs):,}")]
    if (project := document.get("project")) is not None:
        facts.insert(0, ("Project", project["name"]))
    yield from (f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts)
    yield "</dl></header>"


def _runs(runs: Sequence[Entry], receipts: Receipts) -> Iterator[str]:
    shown = {entry["run"] for entry in runs}
    first = 0
    for entry in runs:
        receipt = receipts.get(entry["run"])
        yield f'<li class="{"calm" if entry["converged"] else "bad"}" id="run-{_text(entry["run"])}">'
        yield from _about(entry, shown)
        if receipt is not None and "plan" in receipt:
            yield from _changes(receipt, first)
            first += min(_MOST, len(receipt["plan"]["operations"]))
        yield "</li>"


def _about(entry: Entry, shown: set[str]) -> Iterator[str]:
    """When it was and what became of it, who it was, of which commit, and where; what it did, and what was allowed."""
    verdict, kind = _verdict(entry)
    began = entry["startedAt"]
    yield f'<h2><time datetime="{_text(began)}">{_text(moment(began))}</time> <span class="verdict {kind}">{verdict}</span></h2>'
    yield f'<p class="facts">{" · ".join(_facts(entry))}</p>'
    if undone := entry.get("undoes"):
        name = f"<code>{_text(undone)}</code>"
        yield f"<p>Undo of run {_anchor(undone, name) if undone in shown else name}.</p>"
    counts = [(name, number) for name, number in entry["changes"].items() if number]
    words = [
        f'<b class="{_CLASSES.get(name, "")}">{number:,}</b> {_text(WORDS.get(name, name))}' for name, number in counts
    ]
    if words:
        yield f'<p class="counts">{", ".join(words)}</p>'
    if left := left_over(entry):
        yield f'<p class="outcome">Not as wanted: {escape(left)}.</p>'
    for said in entry["overrides"]:
        value = f"={_text(said['value'])}" if said["value"] is not None else ""
        yield f'<p class="note">Allowed: {_text(said["name"])}{value}, because: {_text(said["reason"] or "no reason is kept")}</p>'


def _verdict(entry: Entry) -> tuple[str, str]:
    """What became of it, and how that looks."""
    if not entry["converged"]:
        verdict, kind = "Not converged", "bad"
    else:
        verdict, kind = "Applied" if any(entry["changes"].values()) else "Nothing to do", "calm"
    return (f"{verdict}, undo" if entry.get("undoes") else verdict), kind


def _facts(entry: Entry) -> Iterator[str]:
    source = entry["source"]
    changed = " and uncommitted changes" if source["dirty"] else ""
    yield f"by {_text(who(entry))}"
    yield f"commit <code>{_text(source['commit'][:12])}</code>{changed}" if source["commit"] else "no commit"
    yield f"run <code>{_text(entry['run'])}</code>"
    yield f"gatectl {_text(entry['version'])}"
    if link := _link(entry["actor"]["url"]):
        yield link


def _anchor(run: str, name: str) -> str:
    return f'<a href="#run-{_text(run)}">{name}</a>'


def _link(url: str | None) -> str:
    """The job of a pipeline, where what the run said of itself is an address of the web at all."""
    if url is None or not url.startswith(("https://", "http://")):
        return f"<code>{_text(url)}</code>" if url else ""
    return f'<a href="{escape(safe(url))}" rel="noreferrer noopener">pipeline</a>'


def _changes(receipt: Receipt, first: int) -> Iterator[str]:
    operations = receipt["plan"]["operations"]
    if not operations:
        return
    became = {outcome["id"]: outcome for outcome in receipt["outcomes"]}
    opened = " open" if any(not _fine(became.get(op["id"])) for op in operations) else ""
    yield f"<details{opened}><summary>{plural(len(operations), 'change')}</summary>"
    for number, operation in enumerate(operations[:_MOST]):
        yield operation_article(first + number, operation)
        outcome = became.get(operation["id"])
        if outcome is not None and not _fine(outcome):
            yield f'<p class="outcome">{escape(outcomes.words(outcome))}</p>'
    if len(operations) > _MOST:
        rest = len(operations) - _MOST
        yield f'<p class="soft">… and {rest:,} more: gatectl show {_text(receipt["run"])} --format html</p>'
    yield "</details>"


def _fine(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome["status"] in outcomes.FINE


# Markdown


def markdown(document: History, receipts: Receipts) -> str:
    """A table of the runs, and below it what each changed, folded."""
    runs = document["runs"]
    blocks = [f"## History of {code(document['environment'])}"]
    if not runs:
        return "\n\n".join([*blocks, f"No runs in {code(document['records'])}."])
    bad = sum(not entry["converged"] for entry in runs)
    blocks.append(f"**{plural(len(runs), 'run')}, {f'{bad:,} of them not converged' if bad else 'all converged'}.**")
    rows = [("run", "began", "by", "commit", "did"), ("---",) * 5, *(_cells(entry) for entry in runs)]
    blocks.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    for entry in runs:
        receipt = receipts.get(entry["run"])
        operations: Sequence[Operation] = (
            receipt["plan"]["operations"] if receipt is not None and "plan" in receipt else ()
        )
        if operations:
            rest = len(operations) - _MOST
            more = [f"# … and {rest:,} more: gatectl show {safe(entry['run'])}"] if rest > 0 else []
            title = f"{entry['run']}: {plural(len(operations), 'change')}"
            blocks.append(folded(title, operations[:_MOST], more))
    if document["more"]:
        blocks.append("There are older runs.")
    return "\n\n".join(blocks)


def _cells(entry: Entry) -> tuple[str, str, str, str, str]:
    source = entry["source"]
    commit = code(source["commit"][:12] + ("+" if source["dirty"] else "")) if source["commit"] else "none"
    undone = f"undo of {code(entry['undoes'])}: " if entry.get("undoes") else ""
    link = entry["actor"]["url"]
    by = code(who(entry)) + (f" {_cell(code(link))}" if link else "")
    return (
        code(entry["run"]),
        code(moment(entry["startedAt"])),
        _cell(by),
        commit,
        _cell(f"{undone}{code(quote(did(entry)))}"),
    )


def _cell(text: str) -> str:
    """A cell of a table: no bar in it ends it."""
    return text.replace("|", "\\|")
