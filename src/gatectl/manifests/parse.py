"""Bytes become documents. Rule 1: this is the only module that knows YAML. Rule 2: it never touches the file system.

Scalars follow the YAML 1.2 core schema (product.md, section 1), so `no`, `on` and `2024-01-01` are strings. What is wrong
is a finding with a place, and reading goes on: GW101 to GW106.

libyaml composes each document into nodes; turning nodes into values is ours, because PyYAML keeps the last of two equal
keys in silence, expands aliases without a bound, and knows YAML 1.1 only. Nodes know their place but are heavy, so they
are dropped at once; `locate` composes a file again when, and only when, a finding in it needs a place.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from gatectl.errors import GatectlError
from gatectl.manifests import syntax
from gatectl.model import Document, Finding, Place, Related, SourceFile, Spot
from gatectl.quote import quote

try:
    import yaml
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError as error:  # pragma: no cover - depends on how PyYAML was built
    raise GatectlError(
        "PyYAML was installed without its C loader (libyaml)",
        "install PyYAML from a wheel for this platform, which has it",
    ) from error

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_VALUES: Final = 200_000
MAX_ALIASED: Final = 10_000
_MAX_DIGITS: Final = 1_000

_CALM: Final = 500
"""A file with fewer structure characters than this cannot nest deeper than libyaml's recursive composer can bear."""

_INT: Final = re.compile(r"[-+]?[0-9]+\Z")
_OCT: Final = re.compile(r"0o[0-7]+\Z")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
"""The plain scalars that are words and not text: null, booleans, infinities."""

_ODD_BREAKS: Final = re.compile("\x85|\u2028|\u2029".encode())
_ESCAPE_HINT: Final = "remove it, or write it as an escape in a double-quoted string"

_NUMERIC: Final = frozenset("0123456789+-.")
_OUR_WORDS: Final = frozenset(
    ("apiVersion", "kind", "metadata", "name", "workspace", "labels", "id", "spec", "endpointType", "mode", "resources",
     "attachmentPolicy", "type", "bucket", "account", "container", "folder", "master", "label", "region", "endpoint",
     "credentials", "key", "secret", "env", "file", "apiKey", "provider", "allowDuplicate")
)  # fmt: skip
"""Keys of our own format: text, whatever YAML version one asks."""

_CORE: Final = "tag:yaml.org,2002:"


class Parsed(NamedTuple):
    """What a file holds: its documents, as far as they could be read, and what is wrong with it."""

    documents: list[Document]
    findings: list[Finding]


class _Composer(CParser):
    """libyaml's composer without PyYAML's resolver: a node that has no tag of its own keeps None."""

    def __init__(self, content: bytes) -> None:
        CParser.__init__(self, content)

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str | None:
        # (True, False) is a plain scalar; anything else was quoted, or is a collection.
        return None if implicit == (True, False) else ""

    def descend_resolver(self, node: Any, index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


def parse(file: SourceFile) -> Parsed:
    """The documents of a file, in order; empty ones are skipped. Never raises for what is in the file."""
    content = file.content
    if len(content) > MAX_BYTES:
        return Parsed([], [_whole(file, "GW105", f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB",
                                  "split it into several files")])  # fmt: skip
    unreadable = _undecodable(file) or _odd_break(file)
    if unreadable is not None:
        return Parsed([], [unreadable])
    findings: list[Finding] = []
    documents: list[Document] = []
    structure = sum(map(content.count, (b"[", b"{", b"-", b":", b"?")))
    if structure > _CALM or (len(content) > MAX_VALUES and content.count(b",") * 2 > MAX_VALUES):
        excess = _excess(file)
        if excess is not None:
            return Parsed([], [excess])
    anchored = b"&" in content
    try:
        composer = _Composer(content)
        number = 0
        while composer.check_node():
            node: Any = composer.get_node()
            construct = _Construction(file, findings, anchored=anchored)
            data = construct.value(node, 0)
            if data is not None and not construct.broken:
                mark = node.start_mark
                documents.append(Document(file, number, mark.line + 1, mark.column + 1, data))
            number += 1
    except yaml.YAMLError as error:
        wrong = _syntax(file, error)
        if isinstance(error, yaml.reader.ReaderError) and (before := _before(file, error.position)) is not None:
            documents, findings = parse(before)
        findings.append(wrong)
    return Parsed(documents, findings)


def _before(file: SourceFile, position: int) -> SourceFile | None:
    """The documents before a character that libyaml cannot bear: it reads ahead, and stumbles before it gives them."""
    end = file.content.rfind(b"\n---", 0, position)
    return SourceFile(file.path, file.content[: end + 1]) if end >= 0 else None


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
        return Finding("GW101", message, "save it as UTF-8", place=_byte_place(file, error.start))
    return None


def _odd_break(file: SourceFile) -> Finding | None:
    """GW102 for characters that YAML 1.1 takes for the end of a line, YAML 1.2 for text, and editors for either."""
    if file.content.isascii() or (found := _ODD_BREAKS.search(file.content)) is None:
        return None
    message = f"not valid YAML: character U+{ord(found[0].decode()):04X} is not allowed"
    return Finding("GW102", message, _ESCAPE_HINT, place=_byte_place(file, found.start()))


def _byte_place(file: SourceFile, offset: int) -> Place:
    head = file.content[:offset].removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line = head.count(b"\n") + 1
    column = len(head[head.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Place(file.path, line, column, line, column + 1)


def _excess(file: SourceFile) -> Finding | None:
    """GW105 where a document is too deep or holds too much; found from events, which need no recursion."""
    depth = values = 0
    composer = _Composer(file.content)
    try:
        while (event := composer.get_event()) is not None:
            kind = type(event)
            if kind is yaml.ScalarEvent or kind is yaml.AliasEvent:
                values += 1
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                values += 1
                depth += 1
                if depth > MAX_DEPTH:
                    return _too_much(file, event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                depth -= 1
            elif kind is yaml.DocumentStartEvent:
                values = 0
            if values > MAX_VALUES:
                return _too_much(file, event.start_mark, f"more than {MAX_VALUES:,} values in one document")
    except yaml.YAMLError:
        pass  # the composer meets the same error at the same place, and reports it after the documents before it
    return None


def _too_much(file: SourceFile, mark: Any, message: str) -> Finding:
    place = Place(file.path, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    return Finding("GW105", message, "no manifest needs that; split the document", place=place)


def _syntax(file: SourceFile, error: Any) -> Finding:
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character or "\0")
        place = _byte_place(file, error.position)
        return Finding("GW102", f"not valid YAML: character U+{code:04X} is not allowed",
                       _ESCAPE_HINT, place=place)  # fmt: skip
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "the document cannot be read"
    context = getattr(error, "context", None)
    if "maximum nesting depth" in str(problem):  # libyaml's own limit, met while it looks ahead
        return _too_much(file, mark, f"nested deeper than {MAX_DEPTH} levels")
    if context and "duplicate anchor" in context:
        problem, context = "an anchor of this name is given before", None
    place = _byte_place(file, len(file.content))
    if mark is not None and (mark.line + 1, mark.column + 1) < place[1:3]:  # see _node_place
        place = Place(file.path, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    tokens, whole = _tokens(file)
    noticed = syntax.Error(str(problem), context, place.line - 1, place.column - 1, whole)
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
    composer = _Composer(file.content)
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


class _Construction:
    """One document's nodes become values; what is not allowed becomes findings.

    Ten thousand files pass through here, so the common case (no anchor in the file, keys that are our format's own words)
    takes the short way everywhere.
    """

    __slots__ = ("aliased", "anchored", "broken", "busy", "file", "findings", "seen")

    def __init__(self, file: SourceFile, findings: list[Finding], *, anchored: bool) -> None:
        self.file = file
        self.findings = findings
        self.anchored = anchored
        self.seen: dict[int, Any] = {}
        self.busy: set[int] = set()
        self.aliased = 0
        self.broken = False  # values are missing, so whatever else would be said of the document would mislead

    def find(self, rule: str, node: Any, message: str, hint: str | None = None) -> None:
        place = _node_place(self.file, node)
        self.findings.append(Finding(rule, message, hint, place=place))

    def value(self, node: Any, depth: int) -> Any:
        if type(node) is yaml.ScalarNode:
            return self.scalar(node)
        if depth >= MAX_DEPTH:
            if not self.broken:
                self.findings.append(_too_much(self.file, node.start_mark, f"nested deeper than {MAX_DEPTH} levels"))
            self.broken = True
            return None
        if self.anchored:
            return self.once(node, depth)
        return self.mapping(node, depth) if type(node) is yaml.MappingNode else self.sequence(node, depth)

    def once(self, node: Any, depth: int) -> Any:
        """A collection that an alias may name: built once, and counted every time it is named again."""
        identity = id(node)
        if identity in self.seen:
            self.aliased += _size(node, MAX_ALIASED - self.aliased + 1)
            if self.aliased > MAX_ALIASED:
                if not self.broken:
                    self.find(
                        "GW104", node, f"aliases expand to more than {MAX_ALIASED:,} values", "write the values out"
                    )
                self.broken = True
                return None
            return self.seen[identity]
        if identity in self.busy:
            self.broken = True
            self.find(
                "GW104", node, "an alias refers to the collection that contains it", "aliases must not be recursive"
            )
            return None
        self.busy.add(identity)
        result = self.mapping(node, depth) if type(node) is yaml.MappingNode else self.sequence(node, depth)
        self.busy.discard(identity)
        self.seen[identity] = result
        return result

    def sequence(self, node: Any, depth: int) -> list[Any]:
        if node.tag and node.tag != _CORE + "seq":
            self.tag(node)
        value = self.value
        return [value(item, depth + 1) for item in node.value]

    def mapping(self, node: Any, depth: int) -> dict[str, Any] | str:
        if len(node.value) == 1 and node.flow_style and (name := _template_name(node)) is not None:
            return f"{{{{ {name} }}}}"  # not a mapping but a placeholder, of which GW207 speaks
        if node.tag and node.tag != _CORE + "map":
            self.tag(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if type(key_node) is not yaml.ScalarNode or key not in _OUR_WORDS:
                key = self.key(key_node)
            if type(value_node) is yaml.ScalarNode:
                value = self.scalar(value_node)
            else:
                value = self.value(value_node, depth + 1)
            if key is None:
                continue
            if key in result:
                self.duplicate(node, key_node, key)
                continue
            result[key] = value
        return result

    def key(self, node: Any) -> str | None:
        """The key of a mapping; None (and a finding) for one that cannot be a field's name."""
        if type(node) is not yaml.ScalarNode:
            self.find("GW203", node, "a key is a collection, not a string", "remove the '?' or the brackets")
            return None
        key = self.scalar(node)
        if type(key) is str:
            if key == "<<" and node.tag is None:
                self.find(
                    "GW104", node, "merge keys (<<) are not allowed", "write the fields out, or alias the whole value"
                )
                return None
            return key
        what = f"key {quote(node.value)}" if node.value else "an empty key"
        self.find("GW203", node, f"{what} is {_article(key)}, not a string", f'write "{quote(node.value)}"')
        return None

    def duplicate(self, mapping: Any, node: Any, key: str) -> None:
        first = next(k for k, _ in mapping.value if type(k) is yaml.ScalarNode and k.value == node.value)
        related = Related(None, "first here", _node_place(self.file, first))
        self.findings.append(
            Finding(
                "GW103",
                f"key '{quote(key)}' is given twice in one mapping",
                "keep one of the two",
                place=_node_place(self.file, node),
                related=(related,),
            )
        )

    def tag(self, node: Any) -> None:
        tag = str(node.tag)
        shown = f"!!{tag[len(_CORE) :]}" if tag.startswith(_CORE) else tag
        self.find(
            "GW104", node, f"tag {quote(shown)} is not allowed here", "only the tags of the YAML core schema are known"
        )

    def scalar(self, node: Any) -> Any:
        text: str = node.value
        tag = node.tag
        if tag == "":
            return text
        if tag is None:
            return self.plain(node, text) if not text or text[0] in _NUMERIC else _WORDS.get(text, text)
        return self.tagged(node, text, tag)

    def plain(self, node: Any, text: str) -> Any:
        """The value of a plain scalar by the YAML 1.2 core schema."""
        if text in _WORDS:
            return _WORDS[text]
        if _INT.match(text):
            if len(text) > _MAX_DIGITS:
                self.find("GW105", node, f"a number of more than {_MAX_DIGITS:,} digits", "quote it if it is a name")
                return 0
            return int(text)
        if _FLOAT.match(text):
            return float(text)
        if _OCT.match(text) and len(text) < _MAX_DIGITS:
            return int(text, 0)
        if _HEX.match(text) and len(text) < _MAX_DIGITS:
            return int(text, 0)
        return text

    def tagged(self, node: Any, text: str, tag: str) -> Any:
        if tag == _CORE + "str":
            return text
        value = self.plain(node, text)
        wanted: dict[str, tuple[type, ...]] = {
            "null": (type(None),), "bool": (bool,), "int": (int,), "float": (float, int),
        }  # fmt: skip
        types = wanted.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
        if types is None or type(value) not in types:
            self.tag(node)
            return text
        return float(value) if tag == _CORE + "float" else value


def _template_name(node: Any) -> str | None:
    """The name in `{{ name }}`, which YAML takes for a mapping in a mapping; None for anything else."""
    if len(node.value) != 1 or type(node.value[0][0]) is not yaml.MappingNode:
        return None
    inner, empty = node.value[0]
    if type(empty) is not yaml.ScalarNode or empty.value or len(inner.value) != 1 or not inner.flow_style:
        return None
    name, nothing = inner.value[0]
    if type(name) is not yaml.ScalarNode or type(nothing) is not yaml.ScalarNode or nothing.value:
        return None
    return str(name.value)


def _size(node: Any, limit: int) -> int:
    """How many values a node holds, aliases expanded; counting stops at the limit."""
    count = 0
    stack = [node]
    while stack and count <= limit:
        node = stack.pop()
        count += 1
        if type(node) is yaml.MappingNode:
            stack.extend(part for pair in node.value for part in pair)
        elif type(node) is yaml.SequenceNode:
            stack.extend(node.value)
    return count


def _article(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", int: "a number", float: "a number"}.get(type(value), "not text")


def _node_place(file: SourceFile, node: Any) -> Place:
    start, end = node.start_mark, (node.end_mark.line + 1, node.end_mark.column + 1)
    if type(node) is not yaml.ScalarNode and not node.flow_style:
        end = _block_end(node)
    if end[0] > start.line + 1 and not file.content.endswith((b"\n", b"\r")):
        end = min(end, _file_end(file))  # libyaml ends such a file on a line of its own
    return Place(file.path, start.line + 1, start.column + 1, *end)


@lru_cache(maxsize=1)
def _file_end(file: SourceFile) -> tuple[int, int]:
    place = _byte_place(file, len(file.content))
    return place.line, place.column


def _block_end(node: Any) -> tuple[int, int]:
    """Where a block collection ends: libyaml's mark is at the next token, maybe many comments later; its last part's is not."""
    depth = 0
    while type(node) is not yaml.ScalarNode and not node.flow_style and node.value and depth < MAX_DEPTH:
        last = node.value[-1]
        node = last[1] if type(node) is yaml.MappingNode else last
        depth += 1  # a recursive alias has no last part
    return node.end_mark.line + 1, node.end_mark.column + 1


def text_at(spot: Spot) -> str | None:
    """The text of the scalar at a spot as it was written (without quotes); None if it is no scalar."""
    roots = _last_roots(spot.document.file)
    node = _walk(roots.get(spot.document.number), spot)
    return str(node.value) if type(node) is yaml.ScalarNode else None


def locate(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings, each with its place and its related places, in the order of their places."""
    cache: dict[str, dict[int, Any]] = {}

    def place(spot: Spot) -> Place:
        file = spot.document.file
        if file.path not in cache:
            if len(cache) > 64:
                cache.clear()
            cache[file.path] = _roots(file)
        node = _walk(cache[file.path].get(spot.document.number), spot)
        if node is None:
            line, column = spot.document.line, spot.document.column
            return Place(file.path, line, column, line, column)
        return _node_place(file, node)

    located = []
    for finding in findings:
        if finding.place is None and finding.spot is not None:
            finding = finding._replace(place=place(finding.spot))
        if any(r.place is None and r.spot is not None for r in finding.related):
            related = tuple(
                r._replace(place=place(r.spot)) if r.place is None and r.spot else r for r in finding.related
            )
            finding = finding._replace(related=related)
        located.append(finding)
    return sorted(located, key=_order)


def _order(finding: Finding) -> tuple[Any, ...]:
    place = finding.place
    where = (
        (1, b"", 0, 0)
        if place is None
        else (0, place.file.encode("utf-8", "surrogateescape"), place.line, place.column)
    )
    subject = tuple(part or "" for part in finding.subject or ())
    return (*where, finding.rule, finding.message, subject)


def _roots(file: SourceFile) -> dict[int, Any]:
    composer = _Composer(file.content)
    roots: dict[int, Any] = {}
    try:
        while composer.check_node():
            roots[len(roots)] = composer.get_node()
    except yaml.YAMLError:
        pass  # reported when the file was parsed; the documents before it have their places
    return roots


_last_roots: Final = lru_cache(maxsize=1)(_roots)
"""A file with one mistake often has many of its kind, and composing it is what costs."""


def _walk(node: Any, spot: Spot) -> Any:
    """The node a spot points to, or the nearest one above it that exists."""
    steps: Sequence[str | int] = spot.pointer
    for depth, step in enumerate(steps):
        key, child = _child(node, step)
        if child is None:
            return node
        node = key if spot.on == "key" and depth == len(steps) - 1 and key is not None else child
    return node


def _child(node: Any, step: str | int) -> tuple[Any, Any]:
    if isinstance(step, int):
        if type(node) is yaml.SequenceNode and step < len(node.value):
            return None, node.value[step]
    elif type(node) is yaml.MappingNode:
        for key, value in node.value:
            if type(key) is yaml.ScalarNode and key.value == step:
                return key, value
    return None, None
