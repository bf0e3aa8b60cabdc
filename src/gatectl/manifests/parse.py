"""Bytes become documents. It never touches the file system, and knows YAML through `nodes` only.

What is wrong is a finding with a place, and reading goes on: GW101 to GW106. Scalars follow the YAML 1.2 core schema
(product.md, section 1; `construction`), so `no`, `on` and `2024-01-01` are strings.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from gatectl.manifests import syntax
from gatectl.manifests.construction import Construction
from gatectl.manifests.nodes import MAX_BYTES, MAX_DEPTH, MAX_VALUES, Composer, byte_place, too_much, yaml
from gatectl.model import Document, Finding, Place, SourceFile
from gatectl.quote import quote

_CALM: Final = 500
"""A file with fewer structure characters than this cannot nest deeper than libyaml's recursive composer can bear."""

_ODD_BREAKS: Final = re.compile("\x85|\u2028|\u2029".encode())
_ESCAPE_HINT: Final = "remove it, or write it as an escape in a double-quoted string"


class Parsed(NamedTuple):
    """What a file holds: its documents, as far as they could be read, and what is wrong with it."""

    documents: list[Document]
    findings: list[Finding]


def parse(file: SourceFile) -> Parsed:
    """The documents of a file, in order; empty ones are skipped. Never raises for what is in the file."""
    refused = _too_large(file) or _undecodable(file) or _odd_break(file) or _excess(file)
    if refused is not None:
        return Parsed([], [refused])
    findings: list[Finding] = []
    documents: list[Document] = []
    try:
        _compose(file, documents, findings)
    except yaml.YAMLError as error:
        wrong = _syntax(file, error)
        if isinstance(error, yaml.reader.ReaderError) and (before := _before(file, error.position)) is not None:
            documents, findings = parse(before)
        findings.append(wrong)
    return Parsed(documents, findings)


def _compose(file: SourceFile, documents: list[Document], findings: list[Finding]) -> None:
    """Document after document, as far as the file can be read: what was found before an error holds."""
    anchored = b"&" in file.content
    composer = Composer(file.content)
    number = 0
    while composer.check_node():
        node: Any = composer.get_node()
        construct = Construction(file, findings, anchored=anchored)
        data = construct.value(node, 0)
        if data is not None and not construct.broken:
            mark = node.start_mark
            documents.append(Document(file, number, mark.line + 1, mark.column + 1, data))
        number += 1


def _before(file: SourceFile, position: int) -> SourceFile | None:
    """The documents before a character that libyaml cannot bear: it reads ahead, and stumbles before it gives them."""
    end = file.content.rfind(b"\n---", 0, position)
    return file._replace(content=file.content[: end + 1]) if end >= 0 else None


def _too_large(file: SourceFile) -> Finding | None:
    if len(file.content) <= MAX_BYTES:
        return None
    message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
    return _whole(file, "GW105", message, "split it into several files")


def _whole(file: SourceFile, rule: str, message: str, hint: str | None) -> Finding:
    return Finding(rule, message, hint, place=Place(file.path, 1, 1, 1, 1))


def _undecodable(file: SourceFile) -> Finding | None:
    content = file.content
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _whole(file, "GW101", "the file is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8: byte 0x{content[error.start]:02x} is not text"
        return Finding("GW101", message, "save it as UTF-8", place=byte_place(file, error.start))
    return None


def _odd_break(file: SourceFile) -> Finding | None:
    """GW102 for characters that YAML 1.1 takes for the end of a line, YAML 1.2 for text, and editors for either."""
    if file.content.isascii() or (found := _ODD_BREAKS.search(file.content)) is None:
        return None
    message = f"not valid YAML: character U+{ord(found[0].decode()):04X} is not allowed"
    return Finding("GW102", message, _ESCAPE_HINT, place=byte_place(file, found.start()))


def _may_exceed(content: bytes) -> bool:
    """Whether there is structure enough in a file that it is worth asking."""
    structure = sum(map(content.count, (b"[", b"{", b"-", b":", b"?")))
    return structure > _CALM or (len(content) > MAX_VALUES and content.count(b",") * 2 > MAX_VALUES)


def _excess(file: SourceFile) -> Finding | None:
    """GW105 where a document is too deep or holds too much; found from events, which need no recursion."""
    if not _may_exceed(file.content):
        return None
    depth = values = 0
    composer = Composer(file.content)
    try:
        while (event := composer.get_event()) is not None:
            step, count = _EVENTS.get(type(event), (0, 0))
            depth += step
            values = 0 if type(event) is yaml.DocumentStartEvent else values + count
            if depth > MAX_DEPTH:
                return too_much(file, event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
            if values > MAX_VALUES:
                return too_much(file, event.start_mark, f"more than {MAX_VALUES:,} values in one document")
    except yaml.YAMLError:
        pass  # the composer meets the same error at the same place, and reports it after the documents before it
    return None


_EVENTS: Final = {
    yaml.ScalarEvent: (0, 1), yaml.AliasEvent: (0, 1), yaml.MappingStartEvent: (1, 1), yaml.SequenceStartEvent: (1, 1),
    yaml.MappingEndEvent: (-1, 0), yaml.SequenceEndEvent: (-1, 0),
}  # fmt: skip
"""How much deeper an event leads, and how many values it is."""


def _syntax(file: SourceFile, error: Any) -> Finding:
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character or "\0")
        place = byte_place(file, error.position)
        return Finding("GW102", f"not valid YAML: character U+{code:04X} is not allowed",
                       _ESCAPE_HINT, place=place)  # fmt: skip
    stumble = _Stumble.of(error)
    if "maximum nesting depth" in stumble.problem:  # libyaml's own limit, met while it looks ahead
        return too_much(file, stumble.mark, f"nested deeper than {MAX_DEPTH} levels")
    place = byte_place(file, len(file.content))
    mark = stumble.mark
    if mark is not None and (mark.line + 1, mark.column + 1) < place[1:3]:  # see nodes.node_place
        place = Place(file.path, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    return _explained(file, stumble, place)


class _Stumble(NamedTuple):
    """Where libyaml stopped, and why."""

    mark: Any
    problem: str
    context: str | None

    @staticmethod
    def of(error: Any) -> _Stumble:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or "the document cannot be read"
        context = getattr(error, "context", None)
        if context and "duplicate anchor" in context:
            return _Stumble(mark, "an anchor of this name is given before", None)
        return _Stumble(mark, str(problem), context)


def _explained(file: SourceFile, stumble: _Stumble, place: Place) -> Finding:
    """What is probably meant, where that can be told; else libyaml's own words."""
    tokens, whole = _tokens(file)
    problem, context = stumble.problem, stumble.context
    noticed = syntax.Error(problem, context, place.line - 1, place.column - 1, whole)
    told = syntax.explain(noticed, tokens, file.content.decode("utf-8-sig", "replace"))
    message = told.message or (f"{quote(problem)} ({quote(context)})" if context else quote(problem))
    if told.place is not None:
        line, column = told.place
        place = Place(file.path, line + 1, column + 1, line + 1, column + 2)
    return Finding("GW102", f"not valid YAML: {message}", told.hint, place=place)


_TOKENS: Final = {
    yaml.FlowSequenceStartToken: "open", yaml.FlowMappingStartToken: "open", yaml.FlowSequenceEndToken: "close",
    yaml.FlowMappingEndToken: "close", yaml.DocumentStartToken: "document",
}  # fmt: skip


def _tokens(file: SourceFile) -> tuple[list[syntax.Token], bool]:
    """The tokens of a file that `syntax` asks for, and whether they could be read to its end."""
    composer = Composer(file.content)
    tokens = []
    try:
        while (token := composer.get_token()) is not None:
            kind = _TOKENS.get(type(token))
            if type(token) is yaml.ScalarToken and token.style in ("'", '"'):
                kind = "quoted"
            if kind is not None:
                start, end = token.start_mark, token.end_mark
                tokens.append(syntax.Token(kind, start.line, start.column, end.line, end.column))
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "context_mark", None), str(getattr(error, "problem", ""))
        quoted = "quoted scalar" in str(getattr(error, "context", ""))
        if mark is not None and quoted and ("end of stream" in problem or "document indicator" in problem):
            tokens.append(syntax.Token("unclosed", mark.line, mark.column, mark.line, mark.column))
        return tokens, False
    return tokens, True
