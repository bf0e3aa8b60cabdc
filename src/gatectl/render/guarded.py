"""What every view says of what holds an apply back: guardrails, and a project file that was changed. Pure.

None of it is a finding: a plan shows all, and an apply waits for an operator's word. Where a format has findings alone, it stands
among them as a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from gatectl.quote import quote, safe
from gatectl.render.listing import plural

if TYPE_CHECKING:
    from gatectl.documents.findings import Finding, Findings
    from gatectl.documents.limits import Limited, LimitName, ProjectChanges
    from gatectl.documents.plans import Plan

PROJECT_CHANGED: Final = "project-changed"
EXCEEDED: Final = "guardrail-exceeded"
OLDER: Final = "older-commit"
NEW_PLACE: Final = "new-place"
NOTICES: Final = {
    PROJECT_CHANGED: "The project file was changed in what decides about an apply.",
    NEW_PLACE: "The project was not applied from here before.",
    OLDER: "The plan deletes or detaches, and does not come after the commit that was applied last.",
    EXCEEDED: "The plan does more than a guardrail allows.",
}
"""What stands in the place of a rule: no rule is broken."""

_WORDS: Final[dict[LimitName, tuple[str, str]]] = {
    "maxDeletes": ("deletes", "object"),
    "maxDetaches": ("detaches", "attachment"),
    "maxChanges": ("changes", "object"),
}
"""What is limited, as --allow calls it, and what a percentage is of."""


def guardrail_words(document: Plan) -> str | None:
    """The guardrails of a plan, on one line; None where it has none."""
    if (found := document.get("guardrails")) is None:
        return None
    parts = [_limit(each) for each in found["limits"]]
    for texts in found["windows"]:
        parts.append(f"applies run {' or '.join(map(quote, texts))}")
    if found["protect"]:
        parts.append(f"protected: {', '.join(map(quote, found['protect']))}")
    return "; ".join(parts)


def _limit(each: Limited) -> str:
    """How many there are, at most how many, and of how many that is a percentage."""
    word, counted = _WORDS[each["guardrail"]]
    share = f", {safe(each['limit'])} of {plural(each['of'], counted)}" if "of" in each else ""
    return f"{word} {each['count']:,} (at most {each['allows']:,}{share})"


def exceeded(document: Plan) -> list[tuple[str, str]]:
    """The limits that a plan exceeds: what it does of what is allowed, and the word that allows it."""
    found = document.get("guardrails")
    limits = [each for each in found["limits"] if each["count"] > each["allows"]] if found is not None else []
    return [(_limit(each), f"{_WORDS[each['guardrail']][0]}={each['count']}") for each in limits]


def older_words(document: Plan) -> str | None:
    """That a plan which destroys something does not come after what was applied last; None where it does."""
    if (told := document.get("older")) is None:
        return None
    found = "is not" if told["known"] else "cannot be found"
    return f"commit {safe(told['commit'][:12])}, applied last (run {safe(told['run'])}), {found} in the history of the checkout"


def place_words(document: Plan) -> str | None:
    """That a plan is made from a place that its project was not applied from before, and what follows; None where it was."""
    if (told := document.get("newPlace")) is None:
        return None
    others = ", ".join(map(quote, told["noted"]))
    if told["takesOver"]:
        return (
            f"{quote(told['place'])}; an apply notes that the project is applied from here, and not from {others} alone"
        )
    return f"{quote(told['place'])}; the project was applied from {others}, and what it owns is left as it is here"


def since_words(changed: ProjectChanges) -> str:
    """What the project file is compared with: a commit, or where nobody knows one, a run."""
    return safe(changed["since"] if changed["since"].startswith("run ") else f"commit {changed['since']}")


def held_back(document: Plan, code: Callable[[str, int], str]) -> Iterator[str]:
    """All of that for a comment. `code` gives a code span of a value that takes one of so many parts of what there is room for."""
    if (changed := document.get("projectChanges")) is not None:
        fields = ", ".join(code(field, len(changed["fields"])) for field in changed["fields"])
        yield f"⚠️ **The project file changed** since {code(changed['since'], 1)}: {fields}. An apply wants `--allow project`."
    if (words := place_words(document)) is not None:
        yield f"⚠️ **A new place:** {code(words, 1)}."
    if (words := older_words(document)) is not None:
        yield f"⚠️ **Older:** {code(words, 1)}. An apply wants `--allow older`."
    if over := exceeded(document):
        told = code("; ".join(words for words, _ in over), 1)
        allow = " ".join(f"--allow {word}" for _, word in over)
        yield f"⚠️ **More than a guardrail allows:** {told}. An apply wants {code(allow, 1)}."


def notices(document: Findings | Plan, home: str) -> list[Finding]:
    """All of that like findings of a lower kind; `home` is the project file."""
    return list(_notices(document, home)) if "operations" in document else []


def _notices(document: Plan, home: str) -> Iterator[Finding]:
    if (changed := document.get("projectChanges")) is not None:
        lines = changed.get("lines", {})
        hint = f"it is not as {since_words(changed)} has it; an apply wants --allow project"
        for field in changed["fields"]:
            message = f"the project file was changed in what decides about an apply: {field}"
            yield _notice(PROJECT_CHANGED, message, hint, home, lines.get(field, 1))
    if (place := place_words(document)) is not None:
        hint = "if it is applied from here from now on: --take-over all, once"
        yield _notice(NEW_PLACE, f"the plan is made from a new place, {place}", hint, home)
    if (older := older_words(document)) is not None:
        yield _notice(OLDER, f"the plan deletes or detaches, and {older}", "an apply wants --allow older", home)
    for words, allow in exceeded(document):
        yield _notice(EXCEEDED, f"a guardrail is exceeded: {words}", f"an apply wants --allow {allow}", home)


def _notice(name: str, message: str, hint: str, home: str, line: int = 1) -> Finding:
    return {
        "rule": name,
        "severity": "notice",
        "message": message,
        "hint": hint,
        "file": home,
        "line": line,
        "column": None,
        "endLine": None,
        "endColumn": None,
        "path": None,
        "manifest": None,
        "related": [],
    }


def sarif_rules(items: list[Finding]) -> list[dict[str, Any]]:
    """The rules that stand for these notices."""
    return [
        {
            "id": name,
            "name": "".join(part.capitalize() for part in name.split("-")),
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": "note"},
        }
        for name, text in NOTICES.items()
        if any(item["rule"] == name for item in items)
    ]
