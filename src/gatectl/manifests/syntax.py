"""Where a mistake in YAML began, which is not where a parser stumbles over it: a quote or bracket that was never closed,
a line that is indented otherwise than its neighbours, a template that nobody rendered. Pure; `parse` hands it tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_BEHIND_A_QUOTE: Final = re.compile(r"\s*(?:$|[,\]}:#])")
_TEMPLATE: Final = re.compile(r"\{\{|\{%")
_COMPLETE: Final = re.compile(r"\s*(?:- +)*[^\s#\"'{\[][^:]*:\s+[^\s#|>&]")


class Token(NamedTuple):
    """A token that matters here: `kind` is "open" and "close" of a flow collection, "quoted" scalar, "unclosed" quote or "document" start.
    Lines and columns start at 0, and the end is behind it."""

    kind: str
    line: int
    column: int
    end_line: int
    end_column: int


class Error(NamedTuple):
    """What the parser said, and where: lines and columns from 0. `whole`: the scanner read on to the end of the file."""

    problem: str
    context: str | None
    line: int
    column: int
    whole: bool


class Told(NamedTuple):
    """How to tell it: the words, a hint, and where it began (None: where the parser stumbled)."""

    message: str | None
    hint: str | None
    place: tuple[int, int] | None


def explain(error: Error, tokens: Sequence[Token], text: str) -> Told:
    """Where a mistake began, as far as that can be told."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    noticed = f"noticed in line {error.line + 1}"
    if (quote := _open_quote(tokens, lines)) is not None:
        return Told(f"a quote is opened here and not closed ({noticed})", "close the quote", quote)
    if (bracket := _open_bracket(error, tokens, lines)) is not None:
        shown = lines[bracket[0]][bracket[1] : bracket[1] + 1]
        hint = f"close it with {']' if shown == '[' else '}'}"
        return Told(f"'{shown}' is opened here and not closed ({noticed})", hint, bracket)
    return Told(None, _template(lines) or _tabs(error, text) or _indentation(error, lines), None)


def _open_quote(tokens: Sequence[Token], lines: Sequence[str]) -> tuple[int, int] | None:
    """The quote that was never closed: it ends at the next one, in another line, before what belongs to no value."""
    for token in tokens:
        if token.kind == "quoted" and token.line < token.end_line < len(lines):
            behind = lines[token.end_line][token.end_column :]
            if not _BEHIND_A_QUOTE.match(behind):
                return token.line, token.column
    for token in tokens:
        if token.kind == "unclosed":
            return token.line, token.column
    return None


def _open_bracket(error: Error, tokens: Sequence[Token], lines: Sequence[str]) -> tuple[int, int] | None:
    """The innermost bracket that is open where a document ends."""
    stack: list[Token] = []
    for token in tokens:
        if token.kind == "open":
            stack.append(token)
        elif token.kind == "close" and stack:
            stack.pop()
        elif token.kind == "document" and stack:
            return stack[-1].line, stack[-1].column
    if not stack:
        return None
    if not error.whole and _closed_later(error, lines, len(stack)):
        return None
    return stack[-1].line, stack[-1].column


def _closed_later(error: Error, lines: Sequence[str], depth: int) -> bool:
    """Whether as many brackets are closed behind an error as are open there; the scanner does not read on."""
    rest = "\n".join([lines[error.line][error.column :], *lines[error.line + 1 :]]) if error.line < len(lines) else ""
    for character in rest:
        depth += (character in "[{") - (character in "]}")
        if depth == 0:
            return True
    return False


def _template(lines: Sequence[str]) -> str | None:
    if any(_TEMPLATE.search(line) for line in lines):
        return "this looks like a template: render it before it is read, or name it in `exclude` of the project file"
    return None


def _tabs(error: Error, text: str) -> str | None:
    if ("cannot start any token" in error.problem and "\t" in text) or "tab character" in error.problem:
        return "indent with spaces: YAML does not allow tabs"
    return None


def _indentation(error: Error, lines: Sequence[str]) -> str | None:
    if error.line >= len(lines):
        return None
    above = [n for n in range(error.line) if lines[n].strip() and not lines[n].lstrip().startswith("#")]
    if "mapping values are not allowed" in error.problem:
        return _indented_further(error, lines, above) or "quote a value that contains ': '"
    if "did not find expected key" in error.problem or "did not find expected '-'" in error.problem:
        width = _indent(lines[error.line])
        if lines[error.line].strip() and width not in {_indent(lines[n]) for n in above}:
            return f"wrong indentation? No line above is indented by {width} as line {error.line + 1} is"
        return "is the line indented as its neighbours are?"
    return None


def _indented_further(error: Error, lines: Sequence[str], above: Sequence[int]) -> str | None:
    if not above:
        return None
    line = lines[above[-1]]
    if _indent(lines[error.line]) > _indent(line) and _COMPLETE.match(line):
        return f"wrong indentation? Line {error.line + 1} is indented further than line {above[-1] + 1}, which has its value"
    return None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
