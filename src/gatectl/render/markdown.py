"""Markdown for a review: a plan or a receipt as a comment that is read, within a budget of bytes.

The summary and everything that detaches or deletes comes first and whole; the rest is folded, then one line an operation,
then counted. Whatever is not ours stands where no markup is read: in a fenced block on a line that begins with our sign, in
a code span whose fence is longer than any in it, or escaped in a block of HTML. So no name can become a heading, a link, a
mention or a tag.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from gatectl.documents.findings import Finding
from gatectl.documents.operations import ListName
from gatectl.documents.plans import Counted, Operation, Plan, is_refused
from gatectl.documents.receipts import Outcome, Receipt
from gatectl.kinds import KINDS
from gatectl.quote import safe
from gatectl.render import outcomes as words
from gatectl.render.guarded import guardrail_words, held_back
from gatectl.render.interface import Look, Renderer
from gatectl.render.listing import (
    held_lines,
    left_out_lines,
    limits,
    moved_lines,
    platform_words,
    plural,
    protected_lines,
    records_words,
    selection_of,
    taken_lines,
    waiting_words,
    where,
)
from gatectl.render.text import operation_lines
from gatectl.render.undone import undo_remarks, wish

MINIMUM: Final = 1_000
"""The smallest budget that the summary always fits into."""

_SIGNS: Final = {"+": "+", "-": "-", "~": "!", "!": "!", "=": "#"}
_MOVES: Final[tuple[ListName, ...]] = ("detach", "attach")
_ACTIONS: Final[tuple[Counted, ...]] = ("create", "update", "delete", "attach", "detach", "unchanged", "unmanaged")
_FULL: Final = "see the full plan"
_OPEN: Final = 10
"""Up to so many operations are shown unfolded."""

_VALUE: Final = 48
"""Bytes that a value in the heading may take where the budget is tiny."""

_NOTE: Final = 110
"""Bytes that are kept for the line that counts what is not listed."""


def size(text: str) -> int:
    """How many bytes a text takes in UTF-8."""
    return len(text.encode("utf-8"))


def code(value: object, limit: int | None = None) -> str:
    """A value as a code span, which no character in it can end. `limit`: bytes that it may take; "…" ends what was cut."""
    text = safe(value)
    span = _span(text)
    while limit is not None and size(span) > limit:
        text = text[: -max(2, (size(span) - limit) // 4)]
        span = _span(f"{text}…")
    return span


def _span(text: str) -> str:
    if not text:
        return "(none)"
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _html(value: object) -> str:
    """A value inside a block of HTML: escaped, and in <code>, where mentions and references mean nothing."""
    return f"<code>{html.escape(safe(value))}</code>"


class _Page:
    """Blocks of text that together stay within a budget, the newline at the end included."""

    def __init__(self, budget: int) -> None:
        self.left = budget - 1
        self._blocks: list[str] = []

    def add(self, block: str) -> None:
        """Add a block, an empty line before it."""
        self.left -= size(block) + 2
        self._blocks.append(block)

    def fits(self, block: str, kept: int = 0) -> bool:
        """Whether there is room for a block and for `kept` bytes more."""
        return size(block) + 2 + kept <= self.left

    def text(self) -> str:
        return "\n\n".join(self._blocks)


def _fence(lines: Iterable[str]) -> str:
    """Lines as a block of a difference. Each begins with a sign of ours, so none can close it."""
    return "\n".join(["```diff", *lines, "```"])


def _whole(operation: Operation) -> list[str]:
    """All of an operation, with the signs that a difference is coloured by."""
    first, *rest = operation_lines(operation)
    lines = [_SIGNS[first[0]] + first[1:]]
    for line in rest:
        line = line.removeprefix("    ")
        signed = line[1:2] == " " and line[0] in _SIGNS
        lines.append(f"{_SIGNS[line[0]]}     {line[2:]}" if signed else f"#     {line}")
    return list(map(safe, lines))


def folded(title: str, operations: Sequence[Operation], more: Sequence[str] = ()) -> str:
    """Operations below a title of ours, folded; `more` are lines of ours that follow."""
    lines = [line for operation in operations for line in _whole(operation)]
    return f"<details><summary>{html.escape(safe(title))}</summary>\n\n{_fence([*lines, *more])}\n\n</details>"


def _destroys(operation: Operation) -> bool:
    """Whether an operation deletes or detaches, whatever a file that was handed to us says of its risk."""
    return operation["risk"] == "destructive" or operation["action"] == "delete" or bool(operation["detach"])


def _line(operation: Operation) -> str:
    """An operation on one line: what it does to what, and how much it attaches and detaches."""
    first = operation_lines(operation)[0]
    sign = "-" if _destroys(operation) else _SIGNS[first[0]]
    moved = [f"{verb} {len(operation[verb])}" for verb in _MOVES if operation[verb]]
    return safe(f"{sign}{first[1:]}{'  ' + ', '.join(moved) if moved else ''}")


def plan(document: Plan, look: Look) -> str:
    """A plan, most dangerous first, in at most `look.budget` bytes."""
    page = _Page(max(look.budget, MINIMUM))
    for block in _head(document, look):
        page.add(block)
    dangerous = [op for op in document["operations"] if _destroys(op)]
    dangerous.sort(key=lambda op: op["action"] != "delete")
    if dangerous:
        _dangerous(page, dangerous)
    if document["diagnostics"]:
        _findings(page, document["diagnostics"])
    _listed(page, left_out_lines(document.get("leftOut", ())), "! ", "left out", _FULL)
    _listed(page, taken_lines(document.get("takeOver", ())), "! ", "taken over", _FULL)
    _listed(page, held_lines(document.get("held", ())), "! ", "held", _FULL)
    rest = [op for op in document["operations"] if not _destroys(op)]
    if rest:
        _others(page, rest)
    return page.text()


def _head(document: Plan, look: Look) -> Iterator[str]:
    """What is always there: what the plan is for, and its numbers. Each value is cut where the budget is tiny."""
    limit = max(_VALUE, look.budget // 64)
    yield f"## Plan for {code(look.environment, limit)}" if look.environment else "## Plan"
    yield f"**{_verdict(document)}**"
    remarks = list(_remarks(document, limit))
    if remarks:
        yield "\n\n".join(remarks)
    target, source = document["target"], document["source"]
    url = platform_words(target)
    spaces = target["workspaces"]
    listed = code(", ".join(spaces), limit) if spaces else "none"
    lines = [f"- Target: {code(url, limit)}, {plural(len(spaces), 'workspace')}: {listed}"]
    if (records := records_words(target)) is not None:
        lines.append(f"- Records: {code(records, limit)}")
    if source["commit"]:
        changed = " and uncommitted changes" if source["dirty"] else ""
        lines.append(f"- Commit: {code(source['commit'][:12])}{changed}")
    if (guardrails := guardrail_words(document)) is not None:
        lines.append(f"- Guardrails: {code(guardrails, limit)}")
    lines.append(f"- Fingerprint: {code(document['fingerprint'])}")
    yield "\n".join(lines)
    numbers = [document["summary"][name] for name in _ACTIONS]
    rows = (_ACTIONS, ["--:"] * len(_ACTIONS), [f"{number:,}" for number in numbers])
    yield "\n".join(f"|{'|'.join(row)}|" for row in rows)
    left = _left(document)
    if left:
        yield left


def _verdict(document: Plan) -> str:
    if is_refused(document):
        errors = sum(item["severity"] == "error" for item in document["diagnostics"])
        return f"No plan: {plural(errors, 'error')}."
    summary = document["summary"]
    if not document["operations"] and (waiting := waiting_words(document)) is not None:
        return f"Nothing to do but what is {waiting}."
    if not document["operations"]:
        return f"Nothing to do: the platform is as {wish(document)}."
    done = []
    if summary["delete"]:
        done.append(f"deletes {plural(summary['delete'], 'object')}")
    if summary["detach"]:
        done.append(f"detaches {plural(summary['detach'], 'attachment')}")
    what = plural(len(document["operations"]), "operation")
    return f"⚠️ {what}: {' and '.join(done)}." if done else f"{what}, nothing is deleted or detached."


def _remarks(document: Plan, limit: int) -> Iterator[str]:
    """What limits a plan: what holds its apply back, that it is of a part, or not of the platform itself."""
    yield from held_back(document, lambda value, parts: code(value, limit // parts))
    if only := limits(document):
        told = "; ".join(f"{word} {code(value, limit // len(only))}" for word, value in only)
        since = selection_of(document)["since"]
        counted = f", {since['touched']:,} of {plural(since['of'], 'object')}" if since is not None else ""
        removed = len(since["removed"]) if since is not None else 0
        yield (
            f"⚠️ **Partial:** only of {told}{counted}"
            f"{f'; {removed:,} declared no more, and not deleted' if removed else ''}."
        )
    if closed := document.get("readOnly"):
        yield f"⚠️ **Read only:** the role in {', '.join(code(name, limit // len(closed)) for name in closed)} is READ; an apply is refused."
    yield from _waiting(document, limit)
    if (undoes := document.get("undoes")) is not None:
        yield from undo_remarks(undoes, lambda line: code(line, limit))
    if (snapshot := document.get("snapshot")) is not None:
        yield f"⚠️ **From a snapshot:** the platform as it was at {code(snapshot['takenAt'], limit)}."


def _waiting(document: Plan, limit: int) -> Iterator[str]:
    """What is somebody else's so far, and what waits for its findings."""
    if taken := document.get("takeOver"):
        yield f"⚠️ **Takes over** {plural(len(taken), 'live object')} of another project or environment."
    if moved := document.get("moves"):
        yield f"**Moves** what is this project's under a former name: {code(', '.join(moved_lines(moved)), limit)}."
    if protects := document.get("protects"):
        on, off = (sum(each["protect"] is said for each in protects) for said in (True, False))
        told = [f"protects {plural(on, 'object')}"] if on else []
        told += [f"**protects {plural(off, 'object')} no more**"] if off else []
        yield f"{' and '.join(told)[0].upper()}{' and '.join(told)[1:]}: {code(', '.join(protected_lines(protects)), limit)}."
    if held := document.get("held"):
        yield f"⚠️ **Held:** {plural(len(held), 'object')}, which findings stop; an apply of the rest wants `--keep-going`."
    if left := document.get("leftOut"):
        named = code(", ".join(item["workspace"] for item in left), limit)
        yield f"⚠️ **Left out:** {plural(len(left), 'workspace')}, which errors stop: {named}; an apply of the others wants `--keep-going`."


def _left(document: Plan) -> str:
    """What the plan leaves as it is, counted."""
    kept = sum(len(item["attachments"]) for item in document["kept"])
    parts = [
        f"{plural(kept, 'attachment')} kept" if kept else "",
        f"{plural(len(document['adopts']), 'live object')} adopted" if document["adopts"] else "",
        f"{plural(len(document['unmanaged']), 'live object')} not managed" if document["unmanaged"] else "",
    ]
    return "; ".join(part for part in parts if part)


def _dangerous(page: _Page, operations: Sequence[Operation]) -> None:
    """What detaches or deletes: whole; else one line each; else as many as there is room for, and loudly how many are not."""
    title = "### Deletes and detaches\n\n"
    whole = [line for op in operations for line in _whole(op)]
    short = [_line(op) for op in operations]
    for shown in (whole, short):
        block = title + _fence(shown)
        if page.fits(block, _NOTE):
            page.add(block)
            return
    lines: list[str] = []
    room = page.left - 2 * _NOTE - size(title + _fence([""])) - 4
    for line in short:
        room -= size(line) + 1
        if room < 0:
            break
        lines.append(line)
    if lines:
        page.add(title + _fence(lines))
    missing = len(operations) - len(lines)
    page.add(f"⚠️ **{missing:,} of {len(operations):,} that delete or detach ARE NOT LISTED: no room; {_FULL} first.**")


def _findings(page: _Page, findings: Sequence[Finding]) -> None:
    """Findings as a table, errors first; what does not fit is counted."""
    ordered = sorted(findings, key=lambda item: item["severity"] != "error")
    head, foot = "<table><tr><th>Finding</th><th>Where</th><th>What</th></tr>", "</table>"
    room = page.left - size(head + foot) - 4 - 2 * _NOTE
    rows = []
    for row in map(_row, ordered):
        room -= size(row) + 1
        if room < 0:
            break
        rows.append(row)
    if rows:
        page.add("\n".join([head, *rows, foot]))
    if len(rows) < len(ordered):
        more = "… and " if rows else ""
        page.add(f"{more}{plural(len(ordered) - len(rows), 'more finding' if rows else 'finding')}; {_FULL}")


def _row(item: Finding) -> str:
    place = where(item)
    what = _html(item["message"])
    for other in item["related"]:
        there = where(other)
        what += f"<br>{_html(there) + ' ' if there else ''}{_html(other['message'])}"
    if item["hint"]:
        what += f"<br>hint: {_html(item['hint'])}"
    return f"<tr><td>{item['severity']} {item['rule']}</td><td>{_html(place) if place else ''}</td><td>{what}</td></tr>"


class _Group:
    """The operations on one kind in one workspace, folded under one line."""

    def __init__(self, operations: Sequence[Operation], *, unfolded: bool) -> None:
        first = operations[0]
        counts = {action: sum(op["action"] == action for op in operations) for action in ("create", "update")}
        counted = ", ".join(f"{number:,} to {action}" for action, number in counts.items() if number)
        within = f" in {_html(first['workspace'])}" if first["workspace"] is not None else ""
        kind = first["kind"] if first["kind"] in KINDS else _html(first["kind"])
        self._head = f"<details{' open' if unfolded else ''}><summary>{kind}{within}: {counted}</summary>"
        self.operations = operations
        self.lines = [_line(op) for op in operations]

    def block(self, lines: Iterable[str]) -> str:
        """The lines, folded."""
        return f"{self._head}\n\n{_fence(lines)}\n\n</details>"

    def short(self) -> str:
        return self.block(self.lines)

    def whole(self) -> str:
        return self.block(line for op in self.operations for line in _whole(op))


def _others(page: _Page, operations: Sequence[Operation]) -> None:
    """The other operations by kind and workspace: whole where there is room, else one line each, else counted."""
    key = _kind_and_workspace
    ordered = sorted(operations, key=key)
    groups = [_Group(list(items), unfolded=len(operations) <= _OPEN) for _, items in groupby(ordered, key)]
    shorts = [size(group.short()) + 2 for group in groups]
    spare = page.left - sum(shorts)
    if spare < 0:
        _some(page, groups, len(operations))
        return
    for group, short in zip(groups, shorts, strict=True):
        whole = group.whole()
        if size(whole) + 2 - short <= spare:
            spare -= size(whole) + 2 - short
            page.add(whole)
        else:
            page.add(group.short())


def _kind_and_workspace(operation: Operation) -> tuple[int, str, str]:
    kind = operation["kind"]
    place = next((place for place, name in enumerate(KINDS) if name == kind), len(KINDS))
    return (place, kind, operation["workspace"] or "")


def _some(page: _Page, groups: Sequence[_Group], count: int) -> None:
    """As many lines as there is room for, and how many operations are not among them."""
    shown = 0
    for group in groups:
        room = page.left - _NOTE - size(group.block([""])) - 4
        lines = []
        for line in group.lines:
            room -= size(line) + 1
            if room < 0:
                break
            lines.append(line)
        if lines:
            page.add(group.block(lines))
            shown += len(lines)
        if len(lines) < len(group.lines):
            break
    more = "… and " if shown else ""
    page.add(f"{more}{plural(count - shown, 'more operation' if shown else 'other operation')}; {_FULL}")


def receipt(document: Receipt, look: Look) -> str:
    """A receipt: the verdict, the counts, and every operation that did not go well, in at most `look.budget` bytes."""
    page = _Page(max(look.budget, MINIMUM))
    summary = document["summary"]
    name = f" to {code(look.environment, max(_VALUE, look.budget // 64))}" if look.environment else ""
    page.add(f"## Apply{name}")
    page.add(f"**{_ended(document)}**")
    allowed = words.allowed(document.get("overrides", ()))
    said = f"\n- Allowed this once: {code(allowed, max(_VALUE, look.budget // 64))}" if allowed is not None else ""
    page.add(f"- Fingerprint: {code(document['fingerprint'])}{said}")
    rows = (list(summary), ["--:"] * len(summary), [f"{number:,}" for number in summary.values()])
    page.add("\n".join(f"|{'|'.join(row)}|" for row in rows))
    if document["diagnostics"]:
        _findings(page, document["diagnostics"])
    names = words.names(document.get("plan"))
    bad, good = words.apart(document)
    if bad:
        _outcomes(page, bad, names, ("", ""))
    if good:
        folded = f"<details><summary>{len(good):,} as wanted</summary>\n\n", "\n\n</details>"
        _outcomes(page, good, names, folded)
    _listed(page, words.settled(document), "# ", "settled", "see the full receipt")
    step = words.next_step(document)
    if step is not None and page.left > size(step) + 64:
        page.add(f"Next: {step}.")
    return page.text()


def _ended(document: Receipt) -> str:
    if document["converged"]:
        return "Applied: all reads back as wanted." if document["outcomes"] else "Nothing to do."
    return "⚠️ Not converged." + ("" if words.was_sent(document) else " Nothing was written.")


def _listed(page: _Page, found: Sequence[str], sign: str, what: str, where_all: str) -> None:
    """Lines, as far as there is room, and how many more are so (`what`)."""
    room = page.left - 2 * _NOTE - size(_fence([""])) - 4
    lines: list[str] = []
    for line in found:
        room -= size(line) + size(sign) + 1
        if room < 0:
            break
        lines.append(f"{sign}{line}")
    if lines:
        page.add(_fence(lines))
    if len(lines) < len(found):
        page.add(f"… and {len(found) - len(lines):,} more {what}; {where_all}")


def _outcomes(page: _Page, outcomes: Sequence[Outcome], names: Mapping[str, str], around: tuple[str, str]) -> None:
    head, foot = around
    room = page.left - 2 * _NOTE - size(head + _fence([""]) + foot) - 4
    lines: list[str] = []
    for outcome in outcomes:
        sign = "-" if outcome["error"] is not None else "+" if outcome["status"] in ("done", "already") else "!"
        where = words.place(outcome)
        name = names.get(outcome["id"], safe(outcome["id"])) + (f" ({where})" if where else "")
        line = f"{sign} {name}: {words.words(outcome)}"
        room -= size(line) + 1
        if room < 0:
            break
        lines.append(line)
    if lines:
        page.add(f"{head}{_fence(lines)}{foot}")
    if len(lines) < len(outcomes):
        page.add(f"… and {plural(len(outcomes) - len(lines), 'more operation')}; see the full receipt")


RENDERER = Renderer(findings=None, plan=plan, receipt=receipt, machine=False)
