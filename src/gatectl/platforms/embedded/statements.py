"""What a text of SQL does, as far as its words tell: for `plan --proof`, which counts what was sent. Pure.

What is not known to be harmless writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from gatectl.documents.proofs import Effect
from gatectl.platforms.interface import Heard


class Statement(NamedTuple):
    """A statement without its values: what it can do, its verb, and its tables."""

    effect: Effect
    verb: str
    tables: str


def statements(text: str) -> Iterator[Statement]:
    """The statements of a text."""
    for part in _HIDDEN.sub(_hidden, text).split(";"):
        if words := part.split():
            yield Statement(_effect(part), words[0].upper(), ", ".join(_tables(part)))


def telling(heard: Heard) -> Callable[[str], None]:
    """What tells of the statements of each text that it is given."""

    def tell(text: str) -> None:
        for each in statements(text):
            heard(*each)

    return tell


_HIDDEN: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""What is text to a database, or a remark, and not its language."""
_NAMED: Final = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE)\s+"?([A-Za-z_][\w.]*)"?', re.IGNORECASE)
_PRAGMA: Final = re.compile(r"\s*PRAGMA\s+(?:\w+\.)?(\w+)\s*(=)?", re.IGNORECASE)
_ALTERS: Final = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|FOR\s+UPDATE|CREATE|INTO)\b", re.IGNORECASE)
_READS: Final = ("SELECT", "WITH", "VALUES", "SHOW", "EXPLAIN")
_SESSION: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SET", "SAVEPOINT", "RELEASE", "DEALLOCATE")
_LASTING: Final = (
    "journal_mode",
    "user_version",
    "application_id",
    "auto_vacuum",
    "encoding",
    "page_size",
    "wal_checkpoint",
)
"""What of SQLite's settings is kept in the file."""


def _hidden(found: re.Match[str]) -> str:
    return "''" if found[0].startswith("'") else " "


def _effect(statement: str) -> Effect:
    verb = statement.split()[0].upper()
    if verb == "PRAGMA":
        return _of_pragma(statement)
    if verb in _READS:
        return "write" if _ALTERS.search(statement) else "read"
    if verb in _SESSION:
        return (
            "write"
            if verb == "BEGIN" and re.search(r"\b(?:IMMEDIATE|EXCLUSIVE)\b", statement, re.IGNORECASE)
            else "session"
        )
    return "write"


def _of_pragma(statement: str) -> Effect:
    found = _PRAGMA.match(statement)
    if found is None or (found[1].lower() in _LASTING and (found[2] or found[1].lower() == "wal_checkpoint")):
        return "write"
    return "session" if found[2] else "read"


def _tables(statement: str) -> list[str]:
    found = _PRAGMA.match(statement)
    return [found[1]] if found is not None else sorted({name for name in _NAMED.findall(statement)})
