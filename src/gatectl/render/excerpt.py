"""The line that a finding is about, with the spot marked; and what of a line must not be shown.

A line may hold a secret that somebody wrote into a manifest, whatever the finding is about. So a line is shown up to the
first thing that may be one: what follows a word like `secret` or `credentials` (and what is nested below it), what follows
a key that is not one of our format (a misspelt `secret`), a comment. A line with a well-known kind of secret, and any that
a GW601 covers, is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from unicodedata import combining, east_asian_width

from gatectl.documents.findings import Finding, Where
from gatectl.kinds import KINDS
from gatectl.manifests.written_out import looks_secret
from gatectl.quote import commands, safe
from gatectl.render.interface import Lines

Marked = tuple[str, str]
"""A line of an excerpt: its margin, with the number, and the text beside it."""

_WORDS: Final = re.compile(
    r"(?:credential|secret|token|passw|passphrase|pwd|private|connection|\bsas\b|\bauth|(?<![a-z])keys?\b"
    r"|(?:api|access|account|shared|storage)[_-]?keys?)[\w.-]{0,64}[\"']?[ \t]{0,8}:",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"""(?<![\w.$/-])([\w.$/-]+)(?:["'][ \t]{0,8}:|[ \t]{0,8}:(?=[\s"'\[{]|$))""")
_OURS: Final = frozenset(
    ("apiVersion", "kind", "metadata", "name", "workspace", "labels", "id", "spec", "endpointType", "mode", "resources",
     "attachmentPolicy", "type", "bucket", "account", "container", "folder", "master", "label", "region", "endpoint",
     "provider", "allowDuplicate", "manifests", "rules", "environments", "default", "platform", "wire", "guardrails",
     "maxDeletes", "maxDetaches", "maxChanges", "windows", "protect", "OpenAI")
)  # fmt: skip
"""Keys whose values are no secrets. Those of credentials are not among them."""


def _is_ours(name: str) -> bool:
    """Whether a key is one of ours, whose value is no secret: a field of a kind, or of the format beside them."""
    return name in _OURS or any(name in kind.field_names for kind in KINDS.values())


_ON_KEYS: Final = frozenset(("GW103", "GW202", "GW206"))
"""Rules whose findings stand on a key: its value is not one of ours."""

_WHOLE: Final = frozenset(("GW101", "GW105", "GW106", "GW601"))
"""Rules about a file or a document as a whole, or about what must not be shown."""

_LONGEST: Final = 10_000
_TAB: Final = 4
_LEAST: Final = 20
_MORE: Final = "…"
_CLEAR: Final = 1 << 30
"""The first column that is hidden where nothing is."""


def guard(lines: Sequence[str]) -> list[int]:
    """For each line the first column (from 1) that may belong to a secret; 1 hides it all."""
    known = _Reading()
    return [known.limit(line) for line in lines]


class _Reading:
    """How far a file was read: whether the next line may continue what must not be shown."""

    def __init__(self) -> None:
        self.block = -1  # the indentation of a word for secrets: all that is deeper belongs to it
        self.depth = 0  # the brackets that its value has left open
        self.waiting = False  # there was nothing beside it
        self.strange = -1  # the indentation of a key that is not ours: what is deeper and has no key belongs to it

    def limit(self, line: str) -> int:
        indent = len(line) - len(line.lstrip(" "))
        text = line[indent:]
        if not text:
            return _CLEAR
        if len(line) > _LONGEST:
            return 1
        keys = list(_KEY.finditer(line))
        outside = text.startswith(("---", "...")) and indent == 0
        self._leave(indent, item=text.startswith("-"), key=bool(keys), outside=outside)
        if self.block >= 0:
            self.depth = max(0, self.depth + _balance(line))
            self.waiting = False
            return 1
        if self.strange >= 0 and not keys and not outside:
            return 1
        limit = self._enter(line, indent, keys)
        return 1 if "\\" in line or "@" in line or looks_secret(line) else limit

    def _leave(self, indent: int, *, item: bool, key: bool, outside: bool) -> None:
        if outside:
            self.block = self.strange = -1
            self.depth = 0
        above = self.block
        if above >= 0 and not self.depth and not self.waiting and (indent < above or (indent == above and not item)):
            self.block = -1
        if key and indent <= self.strange:
            self.strange = -1

    def _enter(self, line: str, indent: int, keys: Sequence[re.Match[str]]) -> int:
        """Where the shown part of a line ends, and what its next lines may belong to."""
        comment = line.find(" #")
        limits = [comment + 1] if comment >= 0 else []
        secret = _WORDS.search(line)
        if secret is not None:
            rest = line[secret.end() :]
            self.block, self.depth = indent, max(0, _balance(rest))
            self.waiting = not rest.strip(" \t'\"{[|>-+")
            limits.append(secret.end() + 1)
        strange = next((key for key in keys if not _is_ours(key[1])), None)
        if strange is not None:
            self.strange = indent
            limits.append(strange.end() + 1)
        return min(limits, default=_CLEAR)


def _balance(text: str) -> int:
    return text.count("{") + text.count("[") - text.count("}") - text.count("]")


class Excerpts:
    """The excerpts of the findings of one document. Without the lines of the files there are none."""

    def __init__(self, items: Sequence[Finding], lines: Lines | None, width: int) -> None:
        self._lines = lines
        self._width = width
        self._files: dict[str, tuple[Sequence[str], list[int]] | None] = {}
        self._covered: dict[str, set[tuple[int, int]]] = {}
        self._cut: dict[tuple[str, int], int] = {}
        for item in items if lines is not None else ():
            file, first = item["file"], item["line"]
            if file is None or first is None:
                continue
            if item["rule"] == "GW601":
                self._covered.setdefault(file, set()).add((first, item["endLine"] or first))
            elif item["rule"] in _ON_KEYS:
                end = item["endColumn"] if item["endLine"] == first else _CLEAR
                self._cut[file, first] = min(end or _CLEAR, self._cut.get((file, first), _CLEAR))

    def of(self, item: Finding) -> Iterator[Marked]:
        """The line of a finding and the marks below its spot."""
        if item["rule"] in _WHOLE:
            return
        one = item["endLine"] in (None, item["line"])
        yield from self._excerpt(item, item["endColumn"] if one else None, marks=True)

    def beside(self, other: Where) -> Iterator[Marked]:
        """The line of a related place."""
        yield from self._excerpt(other, None, marks=False)

    def shown(self, file: str, number: int) -> str | None:
        """What may be shown of a line, "…" for what may not; None where there is nothing to show."""
        known = self._file(file)
        if known is None or not 1 <= number <= len(known[0]):
            return None
        line = known[0][number - 1]
        limit = min(known[1][number - 1], self._cut.get((file, number), _CLEAR))
        if limit > len(line):
            return line
        if limit == 1:
            return None
        if line[limit - 1] == ":":
            limit += 1
        return line[: limit - 1] + (f" {_MORE}" if line[limit - 1 : limit] == " " else _MORE)

    def _file(self, name: str) -> tuple[Sequence[str], list[int]] | None:
        if name not in self._files:
            lines = self._lines(name) if self._lines is not None else None
            self._files[name] = None if lines is None else (lines, self._limits(name, lines))
        return self._files[name]

    def _limits(self, name: str, lines: Sequence[str]) -> list[int]:
        limits = guard(lines)
        for first, last in self._covered.get(name, ()):
            stop = min(last, len(limits))
            limits[first - 1 : stop] = [1] * max(0, stop - first + 1)
        return limits

    def _excerpt(self, item: Where, end: int | None, *, marks: bool) -> Iterator[Marked]:
        file, number, column = item["file"], item["line"], item["column"]
        if self._lines is None or file is None or number is None or column is None:
            return
        line = self.shown(file, number)
        if line is None or not line.strip() or (line.endswith(_MORE) and column >= len(line)):
            return
        start = column - 1
        stop = max(len(line.rstrip()) if end is None else min(end - 1, len(line)), start + 1)
        text, before, width = window(line, start, stop, max(self._width - len(str(number)) - 7, _LEAST))
        yield f"{number} | ", text
        if marks:
            yield f"{' ' * len(str(number))} | ", " " * before + "^" * width


def _cell(character: str) -> tuple[str, int]:
    """A character as it is shown, and how many columns it takes."""
    if character == "\t":
        return " " * _TAB, _TAB
    if character.isascii() and character.isprintable():
        return character, 1
    if not character.isprintable():
        return safe(character), len(safe(character))
    if combining(character):
        return character, 0
    return character, 2 if east_asian_width(character) in "WF" else 1


_HASH: Final = (r"\x23", 4)
"""A number sign as it is shown where a runner would read a command."""


def _first(cells: Sequence[tuple[str, int]], start: int, width: int) -> int:
    """Where a part begins: a quarter of the width before the spot."""
    room = (width if start >= len(cells) else width // 4) - 1
    first = min(start, len(cells))
    taken = 0
    while first > 0 and taken + cells[first - 1][1] <= room:
        first -= 1
        taken += cells[first][1]
    return first


def _last(cells: Sequence[tuple[str, int]], first: int, width: int) -> int:
    """Where a part ends: behind as much as fits."""
    used, last = 1 if first else 0, first
    while last < len(cells) and used + cells[last][1] <= width:
        used += cells[last][1]
        last += 1
    return last


def window(line: str, start: int, stop: int, width: int) -> tuple[str, int, int]:
    """The part of a line around [start, stop) that fits a width; the columns before its marks, and how many marks."""
    line = line.rstrip()
    cells = [_cell(character) for character in line[: max(stop, start) + width]]
    for place in commands(line[: max(stop, start) + width]):
        cells[place] = _HASH
    cut = len(cells) < len(line)
    first, last = 0, len(cells)
    if sum(size for _, size in cells) > width or cut:
        first = _first(cells, start, width)
        last = _last(cells, first, width - 1)
    head, tail = _MORE if first else "", _MORE if cut or last < len(cells) else ""
    before = len(head) + sum(size for _, size in cells[first : min(start, last)])
    marks = sum(size for _, size in cells[min(start, last) : min(stop, last)])
    return head + "".join(text for text, _ in cells[first:last]) + tail, before, max(marks, 1)
