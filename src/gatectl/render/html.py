"""A plan as a page: one self-contained file, for a review in the browser and on paper.

All of it is HTML that is there without script; the script only filters, and moves the graph. Everything that is not ours
is escaped text. The plan itself is in the page too, as JSON that nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from gatectl.documents.findings import Finding, Where
from gatectl.documents.operations import ListName
from gatectl.documents.plans import (
    Counted,
    Field,
    Kept,
    Location,
    Named,
    Operation,
    Plan,
    Resource,
    Summary,
    is_refused,
)
from gatectl.documents.receipts import Receipt
from gatectl.graph.html import section
from gatectl.graph.planned import from_plan, size
from gatectl.kinds import REPOSITORY
from gatectl.page import data, page
from gatectl.quote import safe
from gatectl.render import receipt_page
from gatectl.render.excerpt import Excerpts
from gatectl.render.guarded import exceeded, guardrail_words, older_words, place_words
from gatectl.render.interface import Look, Renderer
from gatectl.render.listing import (
    doomed,
    held_lines,
    left_out_lines,
    limits,
    moved_lines,
    plural,
    protected_lines,
    records_words,
    resource_words,
    selection_of,
    taken_lines,
    waiting_words,
    where,
)
from gatectl.render.undone import undo_lines

_SIGNS: Final = {"create": "+", "update": "~", "delete": "−"}
_LISTS: Final[Sequence[tuple[ListName, str, str]]] = (
    ("detach", "−", "detached"),
    ("attach", "+", "attached"),
    ("keep", "=", "kept, not in the manifests"),
)
_GRAPH_LIMIT: Final = 1_500
"""Repositories and attachments that the graph of one page may have; more is no picture any more."""

_MANY: Final = 500
"""From how many operations on the browser lays out only those that are in sight."""

_LISTED: Final = 40
"""How many destructive operations are listed at the top, and how many names of a list are shown before it is folded."""


def plan(document: Plan, look: Look) -> str:
    invalid = is_refused(document)
    parts = [
        *_header(document, look, invalid=invalid),
        *_notes(document),
        *([] if invalid else _tiles(document["summary"])),
        *_findings(document["diagnostics"], look),
        *_destructive(document["operations"]),
        *_graph(document, look),
        *_operations(document, invalid=invalid),
        *_rest(document),
        data("plan", document),
    ]
    body = "<main>\n" + "\n".join(parts) + "\n</main>"
    return page(f"Plan {_target(document)}", body, ("page.css", "plan.css", "graph.css"), ("graph.js", "plan.js"))


def receipt(document: Receipt, look: Look) -> str:
    parts = [*receipt_page.parts(document, look), *_findings(document["diagnostics"], look)]
    if "plan" in document:
        applied = document["plan"]
        parts += [
            *_destructive(applied["operations"]),
            *_operations(applied, invalid=False),
            *_rest(applied),
        ]
    body = "<main>\n" + "\n".join([*parts, data("receipt", document)]) + "\n</main>"
    return page(receipt_page.title(document), body, ("page.css", "plan.css"), ("plan.js",))


def _text(value: object) -> str:
    return escape(safe(value))


def _target(document: Plan) -> str:
    target = document["target"]
    return safe(", ".join([target["url"], *target["workspaces"]]))


def _header(document: Plan, look: Look, *, invalid: bool) -> Iterator[str]:
    source, target = document["source"], document["target"]
    if invalid:
        verdict, kind = "No plan: the manifests have errors", "bad"
    elif document["operations"]:
        verdict, kind = plural(len(document["operations"]), "change") + " pending", "busy"
    elif (waiting := waiting_words(document)) is not None:
        verdict, kind = f"Nothing to do but what is {waiting}", "busy"
    else:
        verdict, kind = "Nothing to do", "calm"
    named = f" <small>{_text(look.environment)}</small>" if look.environment else ""
    yield f'<header><h1>Plan{named} <span class="verdict {kind}">{verdict}</span></h1><dl>'
    yield _pair("Target", f"<code>{_text(target['url'])}</code>")
    if target["workspaces"]:
        label = "Workspaces" if len(target["workspaces"]) > 1 else "Workspace"
        yield _pair(label, _text(", ".join(target["workspaces"])))
    if (records := records_words(target)) is not None:
        yield _pair("Records", _text(records))
    if source["commit"]:
        changed = " <em>and uncommitted changes</em>" if source["dirty"] else ""
        yield _pair("Commit", f"<code>{_text(source['commit'])}</code>{changed}")
    if (guardrails := guardrail_words(document)) is not None:
        yield _pair("Guardrails", _text(guardrails))
    yield _pair("Fingerprint", f"<code>{_text(document['fingerprint'])}</code>")
    yield "</dl></header>"


def _pair(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}</dd></div>"


def _notes(document: Plan) -> Iterator[str]:
    yield from _held_back(document)
    if only := limits(document):
        told = "; ".join(f"{word} {_text(value)}" for word, value in only)
        since = selection_of(document)["since"]
        counted = f", {since['touched']:,} of {plural(since['of'], 'object')}" if since is not None else ""
        yield f'<p class="note">Partial plan: only of {told}{counted}; nothing else was compared.</p>'
        for item in since["removed"] if since is not None else ():
            yield f'<p class="note">{_named(item)} is declared no more; a partial plan deletes nothing.</p>'
    if closed := document.get("readOnly"):
        yield f'<p class="note">Read only: the role in {_text(", ".join(closed))} is READ; an apply is refused there.</p>'
    yield from _waiting(document)
    if (undoes := document.get("undoes")) is not None:
        yield f'<p class="note">Undo of run {_text(undoes["run"])}.</p>'
        yield from (f'<p class="note">{_text(line)}</p>' for line in undo_lines(undoes))
    if (snapshot := document.get("snapshot")) is not None:
        yield f'<p class="note">From a snapshot: the platform as it was at {_text(snapshot["takenAt"])}, not as it is.</p>'


def _held_back(document: Plan) -> Iterator[str]:
    """What holds an apply back."""
    if (changed := document.get("projectChanges")) is not None:
        fields = _text(", ".join(changed["fields"]))
        yield (
            f'<p class="note">The project file changed since {_text(changed["since"])}: {fields}. '
            "An apply wants --allow project.</p>"
        )
    if (place := place_words(document)) is not None:
        yield f'<p class="note">A new place: {_text(place)}.</p>'
    if (older := older_words(document)) is not None:
        yield f'<p class="note">Older: {_text(older)}. An apply wants --allow older.</p>'
    for told, allow in exceeded(document):
        yield f'<p class="note">More than a guardrail allows: {_text(told)}. An apply wants --allow {_text(allow)}.</p>'


def _waiting(document: Plan) -> Iterator[str]:
    """What waits for its findings."""
    if held := document.get("held"):
        told = f"{plural(len(held), 'object')}, which findings stop; an apply of the rest wants --keep-going"
        yield f'<p class="note">Held: {told}.</p>'
        yield from (f'<p class="note">{escape(line)}</p>' for line in held_lines(held))
    if left := document.get("leftOut"):
        told = f"{plural(len(left), 'workspace')}, which errors stop; an apply of the others wants --keep-going"
        yield f'<p class="note">Left out: {told}.</p>'
        yield from (f'<p class="note">{escape(line)}</p>' for line in left_out_lines(left))


_TILES: Final[Sequence[tuple[Counted, str, str]]] = (
    ("create", "to create", "add"), ("update", "to update", "change"), ("delete", "to delete", "remove"),
    ("attach", "to attach", "add"), ("detach", "to detach", "remove"), ("unchanged", "unchanged", ""),
    ("unmanaged", "unmanaged", ""),
)  # fmt: skip


def _tiles(summary: Summary) -> Iterator[str]:
    yield '<ul class="tiles">'
    for name, words, kind in _TILES:
        number = summary[name]
        yield f'<li class="{kind if number else "none"}"><b>{number:,}</b> {words}</li>'
    yield "</ul>"


# Findings


def _findings(items: Sequence[Finding], look: Look) -> Iterator[str]:
    if not items:
        return
    excerpts = Excerpts(items, look.files.lines, 160)
    yield f'<section id="findings"><h2>Findings <small>{len(items):,}</small></h2>'
    for item in items:
        yield f'<article class="finding {_text(item["severity"])}">'
        yield f'<h3><span class="tag">{_text(item["severity"])}</span> {_text(item["rule"])} {_place(item)}</h3>'
        yield f"<p>{_text(item['message'])}</p>"
        yield _excerpt(excerpts.of(item))
        for other in item["related"]:
            yield f'<p class="related">{_place(other)} {_text(other["message"])}</p>{_excerpt(excerpts.beside(other))}'
        if item["hint"]:
            yield f'<p class="hint"><b>Hint</b> {_text(item["hint"])}</p>'
        yield "</article>"
    yield "</section>"


def _place(item: Where) -> str:
    place = where(item)
    return f'<span class="place">{escape(place)}</span>' if place else ""


def _excerpt(lines: Iterator[tuple[str, str]]) -> str:
    shown = "\n".join(f'<span class="margin">{escape(margin)}</span>{_text(text)}' for margin, text in lines)
    return f"<pre>{shown}</pre>" if shown else ""


# Operations


def _destructive(operations: Sequence[Operation]) -> Iterator[str]:
    found = [(number, item) for number, item in enumerate(operations) if item["risk"] == "destructive"]
    if not found:
        return
    yield f'<section class="warn"><h2>Destructive <small>{len(found):,}</small></h2><ul>'
    for number, item in found[:_LISTED]:
        yield f'<li><a href="#op{number}">{_SIGNS[item["action"]]} {_text(item["action"])} {_named(item)}</a>{_lost(item)}</li>'
    if len(found) > _LISTED:
        yield f"<li>… and {len(found) - _LISTED:,} more, below</li>"
    yield "</ul></section>"


def _lost(operation: Operation) -> str:
    lost = ", ".join(_text(resource_words(item)) for item in operation["detach"][:3])
    more = f" and {len(operation['detach']) - 3:,} more" if len(operation["detach"]) > 3 else ""
    dies = doomed(operation)
    return (f": detaches {lost}{more}" if lost else "") + (f"; {dies}" if dies else "")


def _operations(document: Plan, *, invalid: bool) -> Iterator[str]:
    operations = document["operations"]
    if not operations:
        if not invalid:
            said = "before that run" if "undoes" in document else "the manifests say"
            yield f'<section><h2>Operations</h2><p class="soft">The platform is as {said}.</p></section>'
        return
    yield f'<section id="operations"><h2>Operations <small id="shown">{len(operations):,}</small></h2>'
    yield from _filters(operations)
    yield f'<div id="list"{" class=many" if len(operations) > _MANY else ""}>'
    for number, operation in enumerate(operations):
        yield operation_article(number, operation)
    yield '</div><p id="none" class="soft" hidden>No operation is like that.</p></section>'


def _filters(operations: Sequence[Operation]) -> Iterator[str]:
    yield '<form id="filters" hidden><input type="search" id="text" placeholder="Search names, values, files" aria-label="Search">'
    yield _choice("action", "all actions", {item["action"] for item in operations})
    yield _choice("kind", "all kinds", {item["kind"] for item in operations})
    yield _choice("workspace", "all workspaces", {item["workspace"] for item in operations if item["workspace"]})
    yield '<label><input type="checkbox" id="risky"> destructive only</label>'
    yield '<button type="reset">Clear</button></form>'


def _choice(name: str, everything: str, values: set[str]) -> str:
    options = "".join(f'<option value="{_text(value)}">{_text(value)}</option>' for value in sorted(values))
    return f'<select id="{name}" aria-label="{name}"><option value="">{everything}</option>{options}</select>'


def operation_article(number: int, operation: Operation) -> str:
    """An operation; `number` tells it from all others of a page."""
    action, risk = operation["action"], operation["risk"]
    parts = [
        f'<article class="op {_text(action)}" id="op{number}" data-action="{_text(action)}" data-kind="{_text(operation["kind"])}" '
        f'data-workspace="{_text(operation["workspace"] or "")}" data-risk="{_text(risk)}">',
        f'<h3><span class="do">{_SIGNS[action]} {_text(action)}</span> {_named(operation)}',
    ]
    if risk == "destructive":
        parts.append(' <span class="tag">destructive</span>')
    parts.append(f"{_source(operation['source'])}</h3>")
    if action != "create":
        parts.append(f'<p class="soft">{_text(operation["reason"])}</p>')
    if risk == "widens":
        parts.append('<p class="widens">! Its existing API keys will reach what is attached.</p>')
    if (dies := doomed(operation)) is not None:
        parts.append(f'<p class="attachment detach"><span class="sign">−</span> {dies}</p>')
    parts.append(_fields(operation))
    for name, sign, words in _LISTS:
        parts += [_attachment(item, name, sign, words) for item in operation[name]]
    return "".join([*parts, "</article>"])


def _source(source: Location | None) -> str:
    if source is None:
        return ""
    line = f":{source['line']}" if source["line"] is not None else ""
    return f' <span class="place">{_text(source["file"])}{line}</span>'


def _fields(operation: Operation) -> str:
    new = operation["action"] == "create"
    rows = [field for field in operation["fields"] if not (new and field["path"] == "/metadata/name")]
    if not rows:
        return ""
    head = "<th>field</th><th>value</th>" if new else "<th>field</th><th>before</th><th>after</th>"
    cells = "".join(_field(field, new=new or field["path"] == "/spec/credentials", wide=not new) for field in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"


def _field(field: Field, *, new: bool, wide: bool) -> str:
    path = field["path"].removeprefix("/spec/").removeprefix("/metadata/").replace("~1", "/").replace("~0", "~")
    before = "" if new and not wide else f'<td class="before">{"" if new else _value(field["before"])}</td>'
    return f'<tr><th scope="row">{_text(path)}</th>{before}<td class="after">{_value(field["after"])}</td></tr>'


def _value(value: object) -> str:
    if value is None or value == "":
        return '<span class="soft">none</span>'
    return f"<code>{_text(_plain(value))}</code>"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name}: {_plain(part)}" for name, part in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return str(value)


def _attachment(item: Resource, name: str, sign: str, words: str) -> str:
    note = f' <span class="soft">{words}</span>' if name == "keep" else ""
    return f'<p class="attachment {name}"><span class="sign" title="{words}">{sign}</span> {_text(resource_words(item))}{note}</p>'


def _named(item: Named) -> str:
    space = f"{_text(item['workspace'])}/" if item["workspace"] is not None else ""
    return f'{_text(item["kind"])} <span class="name">{space}<b>{_text(item["name"])}</b></span>'


# What else there is


def _graph(document: Plan, look: Look) -> Iterator[str]:
    number = size(document)
    if not number and not document["diagnostics"]:
        return
    fits = number <= _GRAPH_LIMIT
    declared = look.declared() if fits and look.declared is not None else None
    graph = from_plan(document, declared) if fits else None
    if graph is not None and not graph.repositories:
        return
    yield '<section id="graph"><h2>What is attached to what</h2>'
    if graph is None or len(graph.edges) + len(graph.repositories) > _GRAPH_LIMIT * 2:
        yield (
            f'<p class="soft">The plan touches too much for a picture ({number:,} repositories and attachments). '
            "<code>gatectl graph --format html</code> draws the whole namespace.</p></section>"
        )
        return
    if declared is None:
        yield '<p class="soft">What the plan names. Attachments that stay as they are, and other users, are not in a saved plan.</p>'
    else:
        yield '<p class="soft">What the plan touches, and what else uses the same resources (×2: by two repositories).</p>'
    yield section(graph, "What the plan touches")
    yield "</section>"


def _rest(document: Plan) -> Iterator[str]:
    kept = [
        f'{_named(_repository(item))} <span class="attachment">= {_text(resource_words(resource))}</span>'
        for item in document["kept"]
        for resource in item["attachments"]
    ]
    yield from _list("Kept", "attached on the platform and not in the manifests", kept)
    adopted = [_named(item) for item in document["adopts"]]
    yield from _list(
        "Adopted", "live objects that match their manifest and were never applied by this project", adopted
    )
    taken = [escape(line) for line in taken_lines(document.get("takeOver", ()))]
    moved = [escape(line) for line in moved_lines(document.get("moves", ()))]
    yield from _list(
        "Moved", "this project's under a former name, and under the present one when this is applied", moved
    )
    protects = [escape(line) for line in protected_lines(document.get("protects", ()))]
    yield from _list("Protected", "what may be deleted or detached from once this is applied, or not", protects)
    yield from _list("Taken over", "live objects that belong to somebody else so far", taken)
    yield from _list("Not managed", "live and in no manifest", [_named(item) for item in document["unmanaged"]])


def _repository(item: Kept) -> Named:
    return {"kind": REPOSITORY.name, "workspace": item["workspace"], "name": item["name"]}


def _list(title: str, words: str, items: Sequence[str]) -> Iterator[str]:
    if not items:
        return
    opened = " open" if len(items) <= _LISTED else ""
    yield f"<section><details{opened}><summary><h2>{title} <small>{len(items):,}, {words}</small></h2></summary><ul>"
    yield from (f"<li>{item}</li>" for item in items)
    yield "</ul></details></section>"


RENDERER = Renderer(findings=None, plan=plan, receipt=receipt, machine=False)
