"""What every view says of an undo: which run, what of it is not undone or does not come back, what the manifests still say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Literal

from gatectl.quote import quote, safe

if TYPE_CHECKING:
    from gatectl.documents.plans import Plan, Undoes, Undone

_WORDS: Final[tuple[tuple[Literal["left", "stays", "lost"], str], ...]] = (
    ("left", "is not undone:"), ("stays", "stays:"), ("lost", "does not get back"),
)  # fmt: skip

_MOST: Final = 3


def undo_lines(undoes: Undoes) -> Iterator[str]:
    """An object a line, with what is to be known of its undoing; then the manifests. Safe to show."""
    for name, words in _WORDS:
        for item in undoes.get(name, ()):
            yield f"{_called(item)} {words} {safe(item['what'])}"
    if undoes["files"]:
        yield f"the manifests still say what the run did: {safe(', '.join(undoes['files']))}"


def undo_remarks(undoes: Undoes, code: Callable[[str], str]) -> Iterator[str]:
    """The same for a comment, whose heading has room for a few."""
    lines = list(undo_lines(undoes))
    yield f"↩️ **Undo** of run {code(undoes['run'])}."
    yield from map(code, lines[:_MOST])
    if len(lines) > _MOST:
        yield f"and {len(lines) - _MOST:,} more, in the full plan"


def _called(item: Undone) -> str:
    where = f"{quote(item['workspace'])}/" if item["workspace"] is not None else ""
    return f"{quote(item['kind'])} {where}{quote(item['name'])}"


def wish(document: Plan) -> str:
    """What the platform is like where nothing is to be done: "as …"."""
    if "undoes" in document:
        return "before that run"
    chosen = document.get("selection", {"partial": False})["partial"] or "partial" in document
    return "the chosen manifests say" if chosen else "the manifests say"
