"""Manifests changed in their text: a value replaced in its style, a field, an entry or a document added or taken out. Pure.

All else stays as it is, to the byte. Whether the text then says what is wanted is not known here: where a document is written in
a way that nobody thought of, an edit may be missing or wrong, so whoever asks for edits reads the result again.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatectl.manifests import nodes
from gatectl.manifests.nodes import Beginning
from gatectl.manifests.writing import double_quoted, flow, is_word, scalar
from gatectl.model import Pointer, SourceFile

_BREAK: Final = re.compile(r"\r\n|\n|\r")
_COLON: Final = re.compile(r"[ \t]*:")
_COMMA: Final = re.compile(r"\s*,")
_MODELINE: Final = "# yaml-language-server:"
_PLAIN_VALUE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*/?\Z")
"""What may stand without quotes where other values do: URLs too."""

Value = str | bool


class Changes(NamedTuple):
    """What is to be different in one document: fields by their place, with their values; fields that are to go; and of lists the
    entries that are to go, by their number, and those that come to their end."""

    fields: Mapping[Pointer, Value]
    dropped: frozenset[Pointer] = frozenset()
    lists: Mapping[Pointer, tuple[frozenset[int], Sequence[Mapping[str, Value]]]] = {}

    def __bool__(self) -> bool:
        return bool(self.fields or self.dropped or self.lists)


class Edit(NamedTuple):
    """Some characters of a page that others take the place of."""

    start: int
    end: int
    text: str


class Page(NamedTuple):
    """The text of a file, and where its lines, documents and nodes are."""

    file: SourceFile
    text: str
    starts: Sequence[int]
    ending: str
    documents: Sequence[Beginning]
    roots: Mapping[int, Any]

    def offset(self, line: int, column: int = 0) -> int:
        """Where a place of YAML's is in the text; libyaml ends a file without a last line end on a line of its own."""
        return min(self.starts[line] + column, len(self.text)) if line < len(self.starts) else len(self.text)

    def line_of(self, offset: int) -> int:
        """Where the line begins that something is in."""
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def line_end(self, offset: int) -> int:
        """Where the line ends that something is in, without its line end."""
        found = _BREAK.search(self.text, offset)
        return found.start() if found is not None else len(self.text)

    def next_line(self, offset: int) -> int:
        """Where the line after begins."""
        found = _BREAK.search(self.text, offset)
        return found.end() if found is not None else len(self.text)


def open_page(file: SourceFile) -> Page:
    """A file that was read without a mistake, to be edited."""
    text = file.content.decode("utf-8-sig")
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]
    first = _BREAK.search(text)
    ending = first[0] if first is not None else "\n"
    return Page(file, text, starts, ending, nodes.beginnings(file), nodes.roots(file))


def edited(page: Page, edits: Iterable[Edit]) -> bytes | None:
    """The bytes of the file with all edits; None where two of them meet."""
    parts, at = [], 0
    for start, end, text in sorted(edits, key=lambda edit: edit[:2]):
        if start < at:
            return None
        parts += [page.text[at:start], text]
        at = end
    mark = codecs.BOM_UTF8 if page.file.content.startswith(codecs.BOM_UTF8) else b""
    return mark + "".join((*parts, page.text[at:])).encode()


def changed(page: Page, number: int, changes: Changes) -> Iterator[Edit]:
    """The edits for what is to be different in a document."""
    added: dict[Pointer, dict[str, Value]] = {}
    for pointer, value in changes.fields.items():
        found = _find(page, number, pointer)
        if found is None:
            added.setdefault(pointer[:-1], {})[str(pointer[-1])] = value
        elif type(found.node) is nodes.Scalar:
            start, end = _extent(page, found.node)
            yield Edit(start, end, _styled(page, value, found))
    parents = {*added, *(pointer[:-1] for pointer in changes.dropped), *changes.lists}
    for parent in sorted(
        parents, key=lambda pointer: (-len(pointer), str(pointer))
    ):  # what ends with another ends before it
        found = _find(page, number, parent)
        if parent in changes.lists:
            yield from _list(page, found, *changes.lists[parent])
        else:
            gone = {pointer[-1] for pointer in changes.dropped if pointer[:-1] == parent}
            yield from _fields(page, found, gone, added.get(parent, {}))


def without_documents(page: Page, gone: Collection[int]) -> Iterator[Edit]:
    """The edits that take documents out, each with its `---` and its comments."""
    for number in sorted(gone):
        begins, dashes = page.documents[number]
        after = page.documents[number + 1] if number + 1 < len(page.documents) else None
        start = page.offset(begins) if dashes is not None or number else _below_header(page, begins, after)
        end = page.offset(after.line) if after is not None else len(page.text)
        leads = page.documents[0].dashes is None and all(before in gone for before in range(number))
        if leads and after is not None and number + 1 not in gone and _is_bare(page, after):
            end = page.next_line(end)  # what comes first needs no `---` either
        yield Edit(start, end, "")


def with_document(page: Page, text: str, *, first: bool) -> Edit:
    """The edit that puts a document at the end of the file; `first`: no other is left in it."""
    begun = "" if page.text.endswith(("\n", "\r")) or not page.text else page.ending
    lines = ("" if first else "---\n") + text
    return Edit(len(page.text), len(page.text), begun + lines.replace("\n", page.ending))


def _is_bare(page: Page, document: Beginning) -> bool:
    """Whether a document begins with a line that has nothing but `---`."""
    start = page.offset(document.line)
    return document.line == document.dashes and page.text[start : page.line_end(start)].rstrip() == "---"


def _below_header(page: Page, line: int, after: Beginning | None) -> int:
    """Where the first document begins with its comments: what stands apart above, or speaks of the file to an editor, is the file's;
    unless the document after it says that for itself."""
    own = after is not None and page.text.startswith(_MODELINE, page.next_line(page.offset(after.line)))
    start = 0
    for number in range(line):
        text = page.text[page.offset(number) : page.offset(number + 1)]
        if not text.strip() or (text.startswith(_MODELINE) and not own):
            start = page.offset(number + 1)
    return start


# Finding nodes


class _Found(NamedTuple):
    """A node, the node of its key (None: it has none), and whether it is inside of brackets."""

    node: Any
    key: Any
    inside: bool


def _find(page: Page, number: int, pointer: Pointer) -> _Found | None:
    found: _Found | None = _Found(page.roots.get(number), None, False)
    for step in pointer:
        found = _below(found, step) if found is not None else None
    return found if found is not None and found.node is not None else None


def _below(found: _Found, step: str | int) -> _Found | None:
    node = found.node
    if type(node) is nodes.Sequence and isinstance(step, int) and step < len(node.value):
        return _Found(node.value[step], None, found.inside or node.flow_style)
    if type(node) is nodes.Mapping:
        for key, value in node.value:
            if type(key) is nodes.Scalar and key.value == step:
                return _Found(value, key, found.inside or node.flow_style)
    return None


def _extent(page: Page, node: Any) -> tuple[int, int]:
    """Where a node begins and ends; of a block, where its last part does."""
    start, end = node.start_mark, node.end_mark
    last = node
    while type(last) is not nodes.Scalar and not last.flow_style and last.value:
        last = last.value[-1][1] if type(last) is nodes.Mapping else last.value[-1]
        end = last.end_mark
    return page.offset(start.line, start.column), page.offset(end.line, end.column)


# Values in their style


def _styled(page: Page, value: Value, found: _Found) -> str:
    """A value as the one was written whose place it takes."""
    if isinstance(value, bool):
        return scalar(value)
    style = found.node.style
    if style == '"':
        return double_quoted(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style in ("|", ">"):
        return double_quoted(value) + page.ending
    plain = style is None and not found.inside and _PLAIN_VALUE.match(value) is not None and not is_word(value)
    return value if plain else scalar(value)


def _quoted(node: Any) -> bool:
    """Whether the keys of a mapping are in double quotes, as in JSON."""
    keys = [key for key, _ in node.value] if type(node) is nodes.Mapping else []
    return bool(keys) and all(type(key) is nodes.Scalar and key.style == '"' for key in keys)


def _pair(name: str, value: Value, *, quoted: bool) -> str:
    if not quoted:
        return f"{name}: {scalar(value)}"
    return f'"{name}": {scalar(value) if isinstance(value, bool) else double_quoted(value)}'


# Fields


def _fields(page: Page, found: _Found | None, gone: Collection[object], new: Mapping[str, Value]) -> Iterator[Edit]:
    """The edits for fields of a mapping that go and come."""
    if found is None or type(found.node) is not nodes.Mapping or not found.node.value:
        return
    node = found.node
    spans = [(_extent(page, key)[0], _extent(page, value)[1]) for key, value in node.value]
    out = {at for at, (key, _) in enumerate(node.value) if type(key) is nodes.Scalar and key.value in gone}
    texts = [_pair(name, value, quoted=_quoted(node)) for name, value in new.items()]
    if node.flow_style:
        yield from _in_brackets(page, node, spans, out, texts)
    else:
        column = spans[0][0] - page.line_of(spans[0][0])
        yield from _in_lines(page, spans, out, [" " * column + text for text in texts])


# Lists


def _list(
    page: Page, found: _Found | None, gone: frozenset[int], new: Sequence[Mapping[str, Value]]
) -> Iterator[Edit]:  # fmt: skip
    """The edits for entries of a list that go and come."""
    if found is None or type(found.node) is not nodes.Sequence:
        return
    node = found.node
    spans = [_extent(page, item) for item in node.value]
    if not spans:
        yield from _into_empty(page, found, new)
    elif node.flow_style:
        yield from _in_brackets(page, node, spans, gone, [_entry(entry, node.value[0]) for entry in new])
    else:
        yield from _block_list(page, found, spans, gone, new)


def _entry(entry: Mapping[str, Value], like: Any) -> str:
    """An entry in brackets, like another one."""
    if not _quoted(like):
        return flow(entry)
    return "{" + ", ".join(_pair(name, value, quoted=True) for name, value in entry.items()) + "}"


def _into_empty(page: Page, found: _Found, new: Sequence[Mapping[str, Value]]) -> Iterator[Edit]:
    start, end = _extent(page, found.node)
    if not new:
        return
    colon = _COLON.match(page.text, _extent(page, found.key)[1]) if found.key is not None else None
    if found.inside or colon is None or found.key.style == '"':
        yield Edit(start, end, "[" + ", ".join(map(flow, new)) + "]")
        return
    indent = " " * (found.key.start_mark.column + 2)
    yield Edit(colon.end(), end, "".join(f"{page.ending}{indent}- {flow(entry)}" for entry in new))


def _block_list(
    page: Page, found: _Found, spans: Sequence[tuple[int, int]], gone: frozenset[int], new: Sequence[Mapping[str, Value]]
) -> Iterator[Edit]:  # fmt: skip
    """The same of a list that has a line for each entry, or several."""
    dashes = [dash for start, _ in spans if (dash := _dash(page, start)) is not None]
    if len(dashes) < len(spans):
        return
    indent, at = dashes[0] - page.line_of(dashes[0]), spans[0][0] - page.line_of(spans[0][0])
    lines = [line for entry in new for line in _entry_lines(entry, found.node.value[0], indent, at)]
    yield from _in_lines(page, [(dash, end) for dash, (_, end) in zip(dashes, spans, strict=True)], gone, lines)
    if len(gone) == len(spans) and not new and found.key is not None:
        colon = _COLON.match(page.text, _extent(page, found.key)[1])
        if colon is not None:
            yield Edit(colon.end(), colon.end(), " []")


def _entry_lines(entry: Mapping[str, Value], like: Any, indent: int, column: int) -> list[str]:
    """An entry with its dash, like another one: in brackets, or with a line for each field."""
    dash = f"{' ' * indent}-".ljust(column)
    if type(like) is not nodes.Mapping or like.flow_style:
        return [dash + _entry(entry, like)]
    first, *pairs = (_pair(name, value, quoted=_quoted(like)) for name, value in entry.items())
    return [dash + first, *(" " * column + pair for pair in pairs)]


def _dash(page: Page, start: int) -> int | None:
    """Where the dash of an entry is; None where it does not stand alone before it."""
    at = len(page.text[:start].rstrip(" \t\r\n")) - 1 if page.text[:start].strip() else -1
    return at if at >= 0 and page.text[at] == "-" and not page.text[page.line_of(at) : at].strip() else None


# What both have


def _in_brackets(
    page: Page, node: Any, spans: Sequence[tuple[int, int]], gone: Collection[int], new: Sequence[str]
) -> Iterator[Edit]:
    """The edits for parts of what is in brackets: each part that goes takes its comma along, and no remark of another."""
    kept = [at for at in range(len(spans)) if at not in gone]
    start, end = _extent(page, node)
    if not kept:
        yield Edit(start + 1, end - 1, ", ".join(new))  # with a comma behind the last, too
        return
    for at in sorted(gone):
        if at < kept[-1]:
            yield Edit(spans[at][0], spans[at + 1][0], "")
    last = spans[kept[-1]][1]
    if kept[-1] + 1 < len(spans):
        yield from _without_last(page, last, (spans[kept[-1] + 1][0], spans[-1][1]))
    if new:
        begins = page.line_of(spans[kept[-1]][0])
        indent = page.text[begins : spans[kept[-1]][0]]
        apart = "," + (page.ending + indent if begins > start and not indent.strip() else " ")
        yield Edit(last, last, "".join(apart + text for text in new))


def _without_last(page: Page, kept: int, gone: tuple[int, int]) -> Iterator[Edit]:
    """The edits that take out the last parts in brackets, behind where one ends that is kept."""
    start, end = gone
    between = page.text[kept:start]
    if "#" not in between:
        yield Edit(kept, end, "")
        return
    comma, trailing = _COMMA.match(between), _COMMA.match(page.text, end)
    if comma is not None and trailing is None:
        yield Edit(kept, kept + comma.end(), "")
    yield Edit(kept + len(between.rstrip()), trailing.end() if trailing is not None else end, "")


def _in_lines(
    page: Page, spans: Sequence[tuple[int, int]], gone: Collection[int], new: Sequence[str]
) -> Iterator[Edit]:  # fmt: skip
    """The edits for parts that have lines of their own: those that go take their lines along, those that come are put at the end."""
    for at in sorted(gone):
        start, end = spans[at]
        begins = page.line_of(start)
        if not page.text[begins:start].strip():
            yield Edit(begins, _after(page, end), "")
        elif at + 1 < len(spans):  # the first field of an entry, on the line of its dash
            yield Edit(start, spans[at + 1][0], "")
    if not new:
        return
    kept = [at for at in range(len(spans)) if at not in gone]
    if not kept:
        begins = page.line_of(spans[0][0])
        yield Edit(begins, begins, "".join(line + page.ending for line in new))
        return
    end = spans[kept[-1]][1]
    if page.line_of(end) == end:  # a text of several lines ends where the next line begins
        yield Edit(end, end, "".join(line + page.ending for line in new))
    else:
        end = page.line_end(end)
        yield Edit(end, end, "".join(page.ending + line for line in new))


def _after(page: Page, end: int) -> int:
    """Where the line after a part begins, which may be where the part ends."""
    return end if page.line_of(end) == end else page.next_line(end)
