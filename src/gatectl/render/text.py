"""Text for people: a plan that a reviewer reads in seconds, findings that say where, a receipt that says what was done.

Names come from manifests and from the platform, so everything that is not ours passes through `safe`: control characters
are shown as escapes and can neither move the cursor nor colour a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from gatectl.documents.operations import NAME, ListName
from gatectl.documents.plans import is_refused
from gatectl.quote import LONGEST, quote, safe
from gatectl.render import outcomes
from gatectl.render.excerpt import Excerpts
from gatectl.render.guarded import exceeded, guardrail_words, older_words, place_words
from gatectl.render.interface import Look, Renderer
from gatectl.render.listing import (
    doomed,
    held_lines,
    left_out_lines,
    limits,
    moved_lines,
    platform_words,
    protected_lines,
    records_words,
    resource_words,
    selection_of,
    taken_lines,
    waiting_counts,
    waiting_words,
)
from gatectl.render.listing import plural as plural
from gatectl.render.listing import where as _where
from gatectl.render.proof import proof_lines
from gatectl.render.undone import undo_lines, wish
from gatectl.resources import RESOURCE_NAMES

if TYPE_CHECKING:
    from gatectl.documents.findings import Finding, Findings
    from gatectl.documents.plans import Field, Named, Operation, Plan
    from gatectl.documents.receipts import Outcome, Receipt


_SIGNS: Final = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31")}
_LISTS: Final[Mapping[ListName, tuple[str, str]]] = {"detach": ("-", "31"), "attach": ("+", "32"), "keep": ("=", "2")}
_SEVERITIES: Final = {"error": "31;1", "warning": "33;1"}
_STATUSES: Final = {
    "done": ("✓", "32"), "already": ("=", "32"), "conflict": ("!", "31;1"), "failed": ("✗", "31;1"),
    "blocked": ("·", "33"), "not-started": ("·", "33"), "unknown": ("?", "31;1"),
}  # fmt: skip

_NAMES: Final = 3 * LONGEST
"""How many characters of several names side by side are shown."""


class _Paint:
    """Colours, or none."""

    def __init__(self, look: Look) -> None:
        self.on = look.color

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.on and text else text


def findings(document: Findings, look: Look) -> str:
    paint = _Paint(look)
    lines = list(_findings(document["findings"], paint, look))
    summary = document["summary"]
    what = f"{plural(summary['manifests'], 'manifest')} in {plural(summary['files'], 'file')}"
    errors, warnings = summary["errors"], summary["warnings"]
    if errors:
        verdict = paint(f"Invalid: {plural(errors, 'error')}", "31;1") + (
            f", {plural(warnings, 'warning')}" if warnings else ""
        )
        lines.append(f"{verdict}; {what}.")
    elif look.verbosity >= 0:
        verdict = paint("Valid", "32;1") + (f", with {plural(warnings, 'warning')}" if warnings else "")
        lines.append(f"{verdict}: {what}.")
    return "\n".join(lines)


def _findings(items: Sequence[Finding], paint: _Paint, look: Look) -> Iterator[str]:
    excerpts = Excerpts(items, look.files.lines, look.width)
    for item in items:
        where = _where(item)
        severity = paint(item["severity"], _SEVERITIES[item["severity"]])
        yield f"{paint(where + ':', '1') + ' ' if where else ''}{severity} {item['rule']}: {safe(item['message'])}"
        yield from (_colored(line, paint, item["severity"]) for line in excerpts.of(item))
        for other in item["related"]:
            there = _where(other)
            yield f"    {there + ': ' if there else ''}{safe(other['message'])}"
            if (other["file"], other["line"]) != (item["file"], item["line"]):
                yield from (_colored(line, paint, None) for line in excerpts.beside(other))
        if item["hint"]:
            yield f"    {paint('hint:', '36')} {safe(item['hint'])}"
        yield ""


def _colored(line: tuple[str, str], paint: _Paint, severity: str | None) -> str:
    """A line of an excerpt: its margin, and what is beside it (the marks have the colour of the finding)."""
    margin, text = line
    if severity is not None and text.lstrip(" ").startswith("^") and not margin.strip(" |"):
        text = paint(text, _SEVERITIES[severity])
    return f"    {paint(margin, '2')}{text}"


def target(plan: Plan) -> str:
    """The platform a plan is for, in words."""
    named = plan["target"]
    url = platform_words(named)
    spaces = ", ".join(map(quote, named["workspaces"]))
    return f"{quote(url)}" + (f", workspace{'s' if len(named['workspaces']) > 1 else ''} {spaces}" if spaces else "")


def plan(document: Plan, look: Look) -> str:
    paint = _Paint(look)
    lines = [
        *_project_changes(document, paint),
        *_new_place(document, paint),
        f"{paint('Target:', '1')} {target(document)}",
        *_records(document),
        *_source(document),
        *_guardrails(document, paint),
        *_remarks(document, paint),
        *_undoes(document, paint),
    ]
    if document["diagnostics"]:
        lines += ["", *_findings(document["diagnostics"], paint, look)]
        lines.pop()
    if is_refused(document):
        errors = sum(item["severity"] == "error" for item in document["diagnostics"])
        return "\n".join([*lines, "", paint(f"No plan: {plural(errors, 'error')}.", "31;1"), *_proof(document)])
    for operation in document["operations"] if look.verbosity >= 0 else ():
        lines += ["", *_operation(operation, paint, look)]
    if look.verbosity >= 0:
        lines += _unplanned(document, paint, look)
    return "\n".join([*lines, "", *_summary(document, paint), *_proof(document)])


def _proof(document: Plan) -> Iterator[str]:
    if (proof := document.get("proof")) is not None:
        yield ""
        yield from proof_lines(proof)


def _project_changes(document: Plan, paint: _Paint) -> Iterator[str]:
    if (changed := document.get("projectChanges")) is not None:
        fields = safe(", ".join(changed["fields"]))
        yield paint(
            f"THE PROJECT FILE CHANGED since {safe(changed['since'])}: {fields}. An apply wants --allow project.",
            "33;1",
        )


def _new_place(document: Plan, paint: _Paint) -> Iterator[str]:
    if (words := place_words(document)) is not None:
        yield paint(f"A NEW PLACE: {words}.", "33;1")


def _guardrails(document: Plan, paint: _Paint) -> Iterator[str]:
    if (words := guardrail_words(document)) is not None:
        yield f"Guardrails: {words}"
    if (older := older_words(document)) is not None:
        yield paint(f"OLDER: {older}. An apply wants --allow older.", "33;1")
    for told, allow in exceeded(document):
        yield paint(f"GUARDRAIL EXCEEDED: {told}. An apply wants --allow {allow}.", "33;1")


def _remarks(document: Plan, paint: _Paint) -> Iterator[str]:
    """What limits a plan, where everybody sees it: that it is of a part, or not of the platform itself."""
    if only := limits(document):
        told = "; ".join(f"{word} {quote(value)}" for word, value in only)
        since = selection_of(document)["since"]
        counted = f", {since['touched']:,} of {plural(since['of'], 'object')}" if since is not None else ""
        yield paint(f"PARTIAL PLAN: only of {told}{counted}; nothing else was compared.", "33;1")
        for item in since["removed"] if since is not None else ():
            yield f"    {_named(item)} is declared no more; a partial plan deletes nothing"
    if closed := document.get("readOnly"):
        yield paint(f"READ ONLY: your role in {safe(', '.join(closed))} is READ; an apply is refused there.", "33;1")
    if held := document.get("held"):
        yield paint(
            f"HELD: {plural(len(held), 'object')}, which findings stop; an apply of the rest wants --keep-going.",
            "33;1",
        )
    if left := document.get("leftOut"):
        told = f"{plural(len(left), 'workspace')}, which errors stop; an apply of the others wants --keep-going."
        yield paint(f"LEFT OUT: {told}", "33;1")
        yield from (f"    {line}" for line in left_out_lines(left))
    if (snapshot := document.get("snapshot")) is not None:
        yield paint(f"FROM A SNAPSHOT: the platform as it was at {quote(snapshot['takenAt'])}, not as it is.", "33;1")


def _undoes(document: Plan, paint: _Paint) -> Iterator[str]:
    if (undoes := document.get("undoes")) is not None:
        yield paint(f"UNDO of run {safe(undoes['run'])}.", "33;1")
        yield from (f"    {line}" for line in undo_lines(undoes))


def _records(document: Plan) -> Iterator[str]:
    if (words := records_words(document["target"])) is not None:
        yield f"Records: {words}"


def _source(document: Plan) -> Iterator[str]:
    source = document["source"]
    if source["commit"]:
        yield f"Commit: {quote(source['commit'][:12])}{' and uncommitted changes' if source['dirty'] else ''}"


def _operation(operation: Operation, paint: _Paint, look: Look) -> Iterator[str]:
    sign, color = _SIGNS[operation["action"]]
    where = f"{operation['workspace']}/" if operation["workspace"] is not None else ""
    name = paint(quote(f"{where}{operation['name']}", _NAMES), "1")
    source = operation["source"]
    at = paint(f"  # {quote(source['file'])}:{source['line']}", "2") if source is not None else ""
    head, fields = _head(operation)
    action = paint(f"{sign} {operation['action']}", color)
    yield f"{action} {operation['kind']} {name}{head}{at}"
    if operation["action"] != "create":
        yield f"    {paint(quote(operation['reason']), '2')}"
    if operation["risk"] == "widens":
        yield f"    {paint('! its existing API keys will reach what is attached', '33')}"
    if (lost := doomed(operation)) is not None:
        yield paint(f"    - {lost}", "31")
    for field in fields:
        yield f"    {_field(field, operation['action'], paint)}"
    for listed, (sign, color) in _LISTS.items():
        for item in operation[listed]:
            note = "  kept: not in the manifests" if listed == "keep" else ""
            yield paint(f"    {sign} {safe(resource_words(item))}{note}", color)


def operation_lines(operation: Operation) -> list[str]:
    """An operation as other formats build on it: its lines without colour, the first saying what is done to what."""
    return list(_operation(operation, _Paint(Look()), Look()))


def _head(operation: Operation) -> tuple[str, Sequence[Field]]:
    """What of a creation fits behind its name, and the fields that do not."""
    if operation["action"] != "create":
        return "", operation["fields"]
    values = {field["path"].rpartition("/")[2]: field for field in operation["fields"] if field["path"] != NAME}
    what, remote, where = (
        [str(values.pop(name)["after"]) for name in names if name in values] for names in (_WHAT, _REMOTE, _WHERE)
    )
    shown = ", ".join(filter(None, (" ".join(what), "/".join(remote), *where)))
    return (f" ({quote(shown, _NAMES)})" if shown else ""), list(values.values())


_WHAT: Final = ("endpointType", "mode", "type", "provider")
_REMOTE: Final = tuple(name for name in RESOURCE_NAMES if name != "name")
_WHERE: Final = ("region",)


def _field(field: Field, action: str, paint: _Paint) -> str:
    path = quote(field["path"].removeprefix("/spec/").removeprefix("/metadata/").replace("~1", "/").replace("~0", "~"))
    sign = paint(*_SIGNS["create" if action == "create" else "update"])
    if action == "create" or field["path"] == "/spec/credentials":
        return f"{sign} {path}: {_value(field['after'])}"
    return f"{sign} {path}: {_value(field['before'])} → {_value(field['after'])}"


def _value(value: object) -> str:
    if value is None or value == "":
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{quote(name)} {_reference(value[name])}" for name in value if name != "id")
    return quote(value)


def _reference(value: object) -> str:
    """What a credential is: {env: NAME}, {file: path}, or the name of an API key."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quote(name)}: {quote(inner)}" for name, inner in value.items()) + "}"
    return quote(value)


def _unplanned(document: Plan, paint: _Paint, look: Look) -> Iterator[str]:
    """What the plan leaves as it is, and a reviewer should know of."""
    if held := document.get("held"):
        yield ""
        yield f"Held, as long as findings stop {'it' if len(held) == 1 else 'them'}: {plural(len(held), 'object')}"
        yield from (paint(f"    ! {line}", "33") for line in held_lines(_some(held, look)))
        yield from _rest(held, look)
    if document["kept"]:
        yield ""
        yield "Kept, attached on the platform and not in the manifests:"
        for item in document["kept"]:
            for resource in item["attachments"]:
                yield paint(
                    f"    = {safe(item['workspace'])}/{safe(item['name'])}: {safe(resource_words(resource))}", "2"
                )
    if document["adopts"]:
        yield ""
        one = len(document["adopts"]) == 1
        yield f"Adopts {plural(len(document['adopts']), 'live object')} that {'matches its' if one else 'match their'} manifest:"
        yield from (paint(f"    = {_named(item)}", "2") for item in _some(document["adopts"], look))
        yield from _rest(document["adopts"], look)
    yield from _taken(document, paint, look)
    if document["unmanaged"]:
        yield ""
        yield f"Not managed, live and in no manifest: {plural(len(document['unmanaged']), 'object')}"
        yield from (paint(f"    · {_named(item)}", "2") for item in _some(document["unmanaged"], look))
        yield from _rest(document["unmanaged"], look)


def _taken(document: Plan, paint: _Paint, look: Look) -> Iterator[str]:
    if taken := document.get("takeOver"):
        yield ""
        yield f"Takes over {plural(len(taken), 'live object')} that {'belongs' if len(taken) == 1 else 'belong'} to somebody else:"
        yield from (paint(f"    ! {line}", "33") for line in taken_lines(_some(taken, look)))
        yield from _rest(taken, look)
    if moved := document.get("moves"):
        yield ""
        yield "Moves what is this project's under a former name:"
        yield from (paint(f"    = {line}", "2") for line in moved_lines(moved))
    if protects := document.get("protects"):
        yield ""
        yield "What an apply remembers of what may be deleted or detached from:"
        yield from (paint(f"    = {line}", "2") for line in protected_lines(_some(protects, look)))
        yield from _rest(protects, look)


_SOME: Final = 10
_Item = TypeVar("_Item")


def _some(items: Sequence[_Item], look: Look) -> Sequence[_Item]:
    return items if look.verbosity > 0 else items[:_SOME]


def _rest(items: Sequence[object], look: Look) -> Iterator[str]:
    if len(items) > _SOME and look.verbosity <= 0:
        yield f"    … and {len(items) - _SOME:,} more (-v shows all)"


def _named(item: Named) -> str:
    where = f"{item['workspace']}/" if item["workspace"] is not None else ""
    return quote(f"{item['kind']} {where}{item['name']}", _NAMES)


def _summary(document: Plan, paint: _Paint) -> Iterator[str]:
    summary = document["summary"]
    rest = f"{summary['unchanged']:,} unchanged, {summary['unmanaged']:,} unmanaged"
    rest = ", ".join([*waiting_counts(document), rest])
    if not document["operations"] and (waiting := waiting_words(document)) is not None:
        yield f"{paint(f'Nothing to do but what is {waiting}:', '33;1')} {rest}."
        return
    if not document["operations"]:
        since = selection_of(document)["since"]
        why = (
            f"the platform is as {wish(document)}"
            if since is None or since["touched"]
            else "nothing that the change touches"
        )
        yield f"{paint('Nothing to do:', '32;1')} {why}; {rest}."
        return
    parts = [
        paint(f"{summary[name]:,} to {name}", _SIGNS[name][1]) if summary[name] else f"0 to {name}"
        for name in ("create", "update", "delete")
    ]
    detached = f"{summary['detach']:,} to detach"
    parts += [f"{summary['attach']:,} to attach", paint(detached, "31") if summary["detach"] else detached]
    yield f"{paint('Plan:', '1')} {', '.join(parts)}; {rest}."
    yield paint(f"Fingerprint: {document['fingerprint']}", "2")


def _outcome(outcome: Outcome, names: Mapping[str, str], paint: _Paint) -> str:
    sign, color = _STATUSES[outcome["status"]]
    where = outcomes.place(outcome)
    name = names.get(outcome["id"], quote(outcome["id"], _NAMES)) + (f" ({where})" if where else "")
    return f"{paint(sign, color)} {name}: {outcomes.words(outcome)}"


def receipt(document: Receipt, look: Look) -> str:
    paint = _Paint(look)
    step = outcomes.next_step(document)
    following = [f"Next: {step}."] if step is not None else []
    twins = [f"{paint('=', '36')} {line}" for line in outcomes.settled(document)]
    words = outcomes.allowed(document.get("overrides", ()))
    said = [f"Allowed this once: {words}"] if words is not None else []
    return "\n".join([*_told(document, look, paint), *twins, *said, f"{_verdict(document, paint)}.", *following])


_UNTRIED: Final = ("blocked", "not-started")


def _told(document: Receipt, look: Look, paint: _Paint) -> list[str]:
    """The outcomes: what went wrong whole; of what was not even tried, some, and its number."""
    names = outcomes.names(document.get("plan"))
    lines: list[str] = []
    untried = Counter[str]()
    for outcome in document["outcomes"]:
        status = outcome["status"]
        untried[status] += 1
        surplus = status in _UNTRIED and untried[status] > _SOME
        if look.verbosity > 0 or not (surplus or (status in outcomes.FINE and outcome["error"] is None)):
            lines.append(_outcome(outcome, names, paint))
    for status in _UNTRIED if look.verbosity <= 0 else ():
        if untried[status] > _SOME:
            lines.append(f"  … and {untried[status] - _SOME:,} more {status} (-v shows all)")
    return lines


def _verdict(document: Receipt, paint: _Paint) -> str:
    if not document["outcomes"] and document["converged"]:
        return paint("Nothing to write" if outcomes.settled(document) else "Nothing to do", "32;1")
    counts = ", ".join(f"{number:,} {status}" for status, number in document["summary"].items() if number)
    if document["converged"]:
        return f"{paint('Applied', '32;1')}: {counts}; all reads back as wanted"
    if "plan" in document:
        counts = ", ".join(filter(None, (counts, *_waiting(document["plan"]))))
    nothing = "" if outcomes.was_sent(document) else "; nothing was written"
    return f"{paint('Not converged', '31;1')}: {counts}{nothing}"


def _waiting(document: Plan) -> Iterator[str]:
    if held := document.get("held"):
        yield f"{len(held):,} held"
    if left := document.get("leftOut"):
        yield f"{plural(len(left), 'workspace')} left out"


RENDERER = Renderer(findings=findings, plan=plan, receipt=receipt, machine=False)
