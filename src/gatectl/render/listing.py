"""What the formats for findings share: the findings of a document, what identifies one, and its words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gatectl.quote import safe
from gatectl.render.interface import Json


def listed(document: Json) -> Sequence[Json]:
    """The findings of what validate prints, or the diagnostics of a plan."""
    found: Sequence[Json] = document["findings"] if "findings" in document else document["diagnostics"]
    return found


def plural(number: int, word: str) -> str:
    """A number of things: "1 error", "2 entries"."""
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number:,} {word if number == 1 else many}"


def totals(items: Sequence[Json]) -> tuple[int, int]:
    """How many errors, and how many warnings."""
    errors = sum(item["severity"] == "error" for item in items)
    return errors, len(items) - errors


def verdict(items: Sequence[Json]) -> str:
    """How many of each there are, in words."""
    errors, warnings = totals(items)
    words = [plural(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(words) or "no findings"


def fingerprints(items: Sequence[Json]) -> Iterator[str]:
    """One identity for each finding, the same when lines move: rule, manifest and message, and which of several equal ones.

    The file counts only where no manifest is known, so that a manifest can move to another one.
    """
    seen: dict[str, int] = {}
    for item in items:
        manifest = item["manifest"]
        known = manifest is not None and manifest["name"] is not None
        subject: Any = list(manifest.values()) if known else [item["file"]]
        text = json.dumps([item["rule"], subject, item["message"]])
        seen[text] = seen.get(text, 0) + 1
        yield hashlib.sha256(f"{text}:{seen[text]}".encode()).hexdigest()


def where(item: Json) -> str:
    """A place in words: file:line:column, as far as it is known."""
    if item["file"] is None:
        return ""
    return ":".join(safe(item[part]) for part in ("file", "line", "column") if item[part] is not None)


def words(item: Json, *, related: bool = True) -> list[str]:
    """The lines that say all of a finding but its place: message, related places, hint."""
    lines = [safe(item["message"])]
    for other in item["related"] if related else ():
        there = where(other)
        lines.append(f"{there + ': ' if there else ''}{safe(other['message'])}")
    if item["hint"]:
        lines.append(f"hint: {safe(item['hint'])}")
    return lines


_EVERYTHING: Final[Json] = {"paths": [], "selector": None, "targets": [], "since": None, "partial": False}


def selection_of(document: Json) -> Json:
    """What a plan is of. A plan of format 1.0 tells it of a change only, and what is no plan is of everything."""
    if "partial" in document:
        old = document["partial"]
        since = {"ref": old["since"], **{name: old[name] for name in ("commit", "touched", "of", "removed")}}
        return {**_EVERYTHING, "since": since, "partial": True}
    found: Json = document.get("selection", _EVERYTHING)
    return found


def limits(document: Json) -> list[tuple[str, str]]:
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


def partial_words(document: Json) -> str | None:
    """That a plan is partial, on one line; None for one of everything, and for findings."""
    only = "; ".join(f"{word} {safe(value)}" for word, value in limits(document))
    return f"partial plan, only of {only}; nothing else was compared" if only else None


PROJECT_CHANGED: Final = "project-changed"
"""What stands in the place of a rule for what of the project file was changed: it is no finding, and no rule is broken."""


def project_changes(document: Json, home: str) -> list[Json]:
    """What of the project file was changed and decides about an apply, like findings of a lower kind; `home` is that file."""
    changed = document.get("projectChanges")
    if changed is None:
        return []
    hint = f"it is not as commit {changed['since']} has it; an apply wants --allow project"
    nowhere: Json = {"column": None, "endLine": None, "endColumn": None, "related": [], "manifest": None}
    return [
        {
            "rule": PROJECT_CHANGED,
            "severity": "notice",
            "message": f"the project file was changed in what decides about an apply: {field}",
            "hint": hint,
            "file": home,
            "line": changed.get("lines", {}).get(field, 1),
            **nowhere,
        }
        for field in changed["fields"]
    ]


def doomed(operation: Json) -> str | None:
    """What dies with what an operation deletes, besides its attachments."""
    keys = (operation.get("before") or {}).get("apiKeys", 0) if operation["action"] == "delete" else 0
    return (f"its {keys:,} API keys die" if keys > 1 else "its API key dies") + " with it" if keys else None


def failure_words(document: Json) -> list[str]:
    """The lines of why a command failed."""
    error = document["error"]
    lines = [safe(line) for line in error["message"].split("\n")]
    return [*lines, f"hint: {safe(error['hint'])}"] if error["hint"] else lines
