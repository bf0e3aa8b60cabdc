"""What the formats for findings share: the findings of a document, what identifies one, and its words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from gatectl.quote import quote, safe
from gatectl.resources import RESOURCE_NAMES

if TYPE_CHECKING:
    from gatectl.documents.findings import Failure, Finding, Findings, Where
    from gatectl.documents.plans import Held, LeftOut, Named, Operation, Plan, Resource, Selection, Since, Target
    from gatectl.documents.whose import Moved, OwnerJson, Protects, TakenOver


def listed(document: Findings | Plan) -> Sequence[Finding]:
    """The findings of what validate prints, or the diagnostics of a plan."""
    return document["findings"] if "findings" in document else document["diagnostics"]


def plural(number: int, word: str) -> str:
    """A number of things: "1 error", "2 entries"."""
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number:,} {word if number == 1 else many}"


def totals(items: Sequence[Finding]) -> tuple[int, int]:
    """How many errors, and how many warnings."""
    errors = sum(item["severity"] == "error" for item in items)
    return errors, len(items) - errors


def verdict(items: Sequence[Finding]) -> str:
    """How many of each there are, in words."""
    errors, warnings = totals(items)
    words = [plural(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(words) or "no findings"


def fingerprints(items: Sequence[Finding]) -> Iterator[str]:
    """One identity for each finding, the same when lines move: rule, manifest and message, and which of several equal ones.

    The file counts only where no manifest is known, so that a manifest can move to another one.
    """
    seen: dict[str, int] = {}
    for item in items:
        manifest = item["manifest"]
        subject = list(manifest.values()) if manifest is not None and manifest["name"] is not None else [item["file"]]
        text = json.dumps([item["rule"], subject, item["message"]])
        seen[text] = seen.get(text, 0) + 1
        yield hashlib.sha256(f"{text}:{seen[text]}".encode()).hexdigest()


def held_lines(items: Sequence[Held]) -> list[str]:
    """Each held object: what would be done to it, and why it is not. It begins with the object, since nothing is done."""
    return [
        safe(
            f"{item['kind']} {item['workspace'] + '/' if item['workspace'] is not None else ''}{item['name']}"
            f"{' (' + item['action'] + ')' if item['action'] is not None else ''}: {item['reason']}"
        )
        for item in items
    ]


def taken_lines(items: Sequence[TakenOver]) -> list[str]:
    """Each object that is taken over, and from whom."""
    return [safe(f"{_name(item)} from {_owner(item['from'])}") for item in items]


def moved_lines(items: Sequence[Moved]) -> list[str]:
    """Each owner that this one was before, and how much is noted as theirs."""
    return [safe(f"{plural(item['objects'], 'object')} of {_owner(item['from'])}") for item in items]


def protected_lines(items: Sequence[Protects]) -> list[str]:
    """Each object that is protected from then on, or not any more."""
    return [safe(f"{_name(item)}: {'protected' if item['protect'] else 'not protected any more'}") for item in items]


def _name(item: Named) -> str:
    return f"{item['kind']} {item['workspace'] + '/' if item['workspace'] is not None else ''}{item['name']}"


def _owner(owner: OwnerJson) -> str:
    named = f"{owner['project']}, environment {owner['environment']}" if owner["environment"] else owner["project"]
    return f"{named} ({owner['place']})" if owner["place"] is not None else named


def left_out_lines(items: Sequence[LeftOut]) -> list[str]:
    """Each workspace that is left out, and why."""
    return [safe(f"workspace {item['workspace']} is left out: {_why(item)}") for item in items]


def _why(item: LeftOut) -> str:
    return item["reason"] if item["reason"] is not None else plural(item["errors"], "error")


def waiting_words(document: Plan) -> str | None:
    """What waits for its findings, in words: "held", "left out", "held or left out"; None where nothing does."""
    words = [word for word, waits in (("held", document.get("held")), ("left out", document.get("leftOut"))) if waits]
    return " or ".join(words) or None


def waiting_counts(document: Plan) -> list[str]:
    """How much of that there is: "2 objects held", "1 workspace left out"."""
    held, left = len(document.get("held", ())), len(document.get("leftOut", ()))
    words = [f"{plural(held, 'object')} held"] if held else []
    return [*words, f"{plural(left, 'workspace')} left out"] if left else words


def where(item: Where) -> str:
    """A place in words: file:line:column, as far as it is known."""
    if item["file"] is None:
        return ""
    return ":".join(safe(part) for part in (item["file"], item["line"], item["column"]) if part is not None)


def words(item: Finding, *, related: bool = True) -> list[str]:
    """The lines that say all of a finding but its place: message, related places, hint."""
    lines = [safe(item["message"])]
    for other in item["related"] if related else ():
        there = where(other)
        lines.append(f"{there + ': ' if there else ''}{safe(other['message'])}")
    if item["hint"]:
        lines.append(f"hint: {safe(item['hint'])}")
    return lines


_EVERYTHING: Final[Selection] = {"paths": [], "selector": None, "targets": [], "since": None, "partial": False}


def selection_of(document: Plan) -> Selection:
    """What a plan is of. A plan of format 1.0 tells it of a change only."""
    old = document.get("partial")
    if old is None:
        return document.get("selection", _EVERYTHING)
    since: Since = {
        "ref": old["since"],
        "commit": old["commit"],
        "touched": old["touched"],
        "of": old["of"],
        "removed": old["removed"],
    }
    return {**_EVERYTHING, "since": since, "partial": True}


def limits(document: Plan) -> list[tuple[str, str]]:
    """What a plan that is not of everything is restricted to, as (word, value), not yet safe to show; else nothing.

    What changed since a commit comes last, without its counts.
    """
    selection = selection_of(document)
    if not selection["partial"]:
        return []
    since = selection["since"]
    parts = (
        ("manifests", ", ".join(selection["paths"])),
        ("labels", selection["selector"]),
        ("targets", ", ".join(selection["targets"])),
        ("changes since", f"{since['ref']} ({since['commit'][:12]})" if since is not None else None),
    )
    return [(word, value) for word, value in parts if value is not None and value != ""]


def partial_words(document: Findings | Plan) -> str | None:
    """That a plan is partial, on one line; None for one of everything, and for findings."""
    if "findings" in document:
        return None
    only = "; ".join(f"{word} {safe(value)}" for word, value in limits(document))
    parts = [f"only of {only}; nothing else was compared"] if only else []
    parts += left_out_lines(document.get("leftOut", ()))
    return f"partial plan, {'; '.join(parts)}" if parts else None


def doomed(operation: Operation) -> str | None:
    """What dies with what an operation deletes, besides its attachments."""
    before = operation.get("before")
    keys = before.get("apiKeys", 0) if before is not None and operation["action"] == "delete" else 0
    return (f"its {keys:,} API keys die" if keys > 1 else "its API key dies") + " with it" if keys else None


def failure_words(document: Failure) -> list[str]:
    """The lines of why a command failed."""
    error = document["error"]
    lines = [safe(line) for line in error["message"].split("\n")]
    return [*lines, f"hint: {safe(error['hint'])}"] if error["hint"] else lines


def platform_words(target: Target) -> str:
    """The platform that a plan's target names; of the embedded one also where it lies in the project."""
    return f"{target['url']} (.gatectl/platform.db)" if target["url"] == "embedded" else target["url"]


def records_words(target: Target) -> str | None:
    """The store that remembers a plan's apply, and what is to be known of it; None where that is the platform's own database."""
    if (records := target.get("records")) is None:
        return None
    if records["store"] == "none":
        return "none: nothing is remembered" + (", and no lease is held" if records.get("alone") else "")
    words = quote(records["store"])
    if records.get("new"):
        words += ", which is new: nothing is kept there yet"
    if records.get("thrownAway"):
        words += ", which is gone when this machine is: name a store that stays (records:)"
    return f"{words}; no lease beyond this machine" if records.get("alone") else words


def resource_words(item: Resource) -> str:
    """An attachment of a plan in words: S3 raw-events, folder raw  (raw-events-aws)."""
    names = "/".join(quote(item[name]) for name in RESOURCE_NAMES if item.get(name) is not None)
    text = f"{quote(item['type'])} {names}"
    if item["folder"]:
        text += f", folder {quote(item['folder'])}"
    if item["master"]:
        text += ", master"
    if item["label"] and quote(item["label"]) != names:
        text += f"  ({quote(item['label'])})"
    return text
