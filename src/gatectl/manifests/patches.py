"""Files before and after → a patch, as `git diff` writes one and `git apply` and `patch -p1` take it. Pure."""

from __future__ import annotations

import bisect
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

_CONTEXT: Final = 3
_MOST_COMPARED: Final = 4_000_000
"""Lines on one side times lines on the other: where more is between two anchors, all of it is said to be changed."""

_TO_QUOTE: Final = re.compile(r'["\\\x00-\x1f\x7f]')
_NO_END: Final = b"\n\\ No newline at end of file\n"


class Changed(NamedTuple):
    """A file by its path from the top of the checkout, what it holds before and after (None: it is not there), and whether it is
    a program."""

    path: str
    before: bytes | None
    after: bytes | None
    executable: bool = False


def patch_text(files: Iterable[Changed]) -> bytes:
    """The patch of all files that differ, in the order of their paths."""
    parts = [b"".join(_file(each)) for each in sorted(files) if each.before != each.after]
    return b"".join(parts)


def _file(each: Changed) -> Iterator[bytes]:
    old, new = (_name(prefix, each.path) for prefix in ("a/", "b/"))
    mode = b"100755" if each.executable else b"100644"
    yield b"diff --git %s %s\n" % (old, new)
    if each.before is None:
        yield b"new file mode %s\n" % mode
    elif each.after is None:
        yield b"deleted file mode %s\n" % mode
    if not each.before and not each.after:
        return
    # A name with a space is told from what may follow it by a tab, as git does.
    tab = b"\t" if " " in each.path else b""
    yield b"--- %s\n" % (old + tab if each.before is not None else b"/dev/null")
    yield b"+++ %s\n" % (new + tab if each.after is not None else b"/dev/null")
    yield from _hunks(_lines(each.before or b""), _lines(each.after or b""))


def _name(prefix: str, path: str) -> bytes:
    """A path as git writes it: quoted where it holds what ends a line, or a quote."""
    text = prefix + path
    if _TO_QUOTE.search(text) is None:
        return text.encode("utf-8", "surrogateescape")
    escaped = _TO_QUOTE.sub(lambda found: f"\\{found[0]}" if found[0] in '"\\' else f"\\{ord(found[0]):03o}", text)
    return f'"{escaped}"'.encode("utf-8", "surrogateescape")


def _lines(content: bytes) -> list[bytes]:
    """The lines as git counts them, each with its end."""
    return content.splitlines(keepends=True) if b"\r" not in content else re.findall(rb"[^\n]*\n|[^\n]+\Z", content)


class _Change(NamedTuple):
    """Lines of the file before, and those of the file after that take their place: where they begin and end."""

    start: int
    end: int
    new_start: int
    new_end: int


def _hunks(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[bytes]:
    """What differs, with a few lines around: less of them only where the file begins or ends, which is how `git apply` takes it."""
    for hunk in _together(_changes(before, after)):
        first, last = hunk[0], hunk[-1]
        above, below = min(first.start, _CONTEXT), min(len(before) - last.end, _CONTEXT)
        at, end = first.start - above, last.end + below
        new = first.new_start - above
        yield f"@@ -{_range(at, end - at)} +{_range(new, last.new_end + below - new)} @@\n".encode()
        for each in hunk:
            yield from (_line(b" ", line) for line in before[at : each.start])
            yield from (_line(b"-", line) for line in before[each.start : each.end])
            yield from (_line(b"+", line) for line in after[each.new_start : each.new_end])
            at = each.end
        yield from (_line(b" ", line) for line in before[at:end])


def _changes(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[_Change]:
    """What differs: looked for only between lines that each side has once, so that a long file takes no longer than it must."""
    at, new_at = 0, 0
    for end, new_end in (*_anchors(before, after), (len(before), len(after))):
        yield from _between(before[at:end], after[new_at:new_end], at, new_at)
        at, new_at = end + 1, new_end + 1


def _between(before: Sequence[bytes], after: Sequence[bytes], at: int, new_at: int) -> Iterator[_Change]:
    if len(before) * len(after) > _MOST_COMPARED:
        yield _Change(at, at + len(before), new_at, new_at + len(after))
        return
    for word, start, end, new_start, new_end in difflib.SequenceMatcher(None, before, after, False).get_opcodes():
        if word != "equal":
            yield _Change(at + start, at + end, new_at + new_start, new_at + new_end)


def _anchors(before: Sequence[bytes], after: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where lines are that both sides have once, as many as come in the same order: the longest row that only rises."""
    once, new_once = _once(before), _once(after)
    pairs = [(at, new_once[line]) for line, at in once.items() if line in new_once]
    ends: list[int] = []  # of rows of each length the one that ends lowest
    rows: list[int] = []
    previous: list[int] = []
    for number, (_, new_at) in enumerate(pairs):
        length = bisect.bisect_left(ends, new_at)
        previous.append(rows[length - 1] if length else -1)
        ends[length : length + 1], rows[length : length + 1] = [new_at], [number]
    found = []
    number = rows[-1] if rows else -1
    while number >= 0:
        found.append(pairs[number])
        number = previous[number]
    return found[::-1]


def _once(lines: Sequence[bytes]) -> Mapping[bytes, int]:
    """The lines that are there once, in their order, each with its place."""
    counted = Counter(lines)
    return {line: at for at, line in enumerate(lines) if counted[line] == 1}


def _together(changes: Iterable[_Change]) -> Iterator[list[_Change]]:
    """The changes in hunks: those whose lines around would meet are one."""
    hunk: list[_Change] = []
    for each in changes:
        if hunk and each.start - hunk[-1].end > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(each)
    if hunk:
        yield hunk


def _range(start: int, length: int) -> str:
    """Where a hunk is, as both programs count: from 1, and of no line the one before."""
    begins = start + 1 if length else start
    return f"{begins}" if length == 1 else f"{begins},{length}"


def _line(mark: bytes, line: bytes) -> bytes:
    return mark + (line if line.endswith(b"\n") else line + _NO_END)
