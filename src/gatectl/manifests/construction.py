"""One document's nodes become values, by the YAML 1.2 core schema: GW103, GW104, GW105 and GW203 for what is not allowed.

Turning nodes into values is ours, because PyYAML keeps the last of two equal keys in silence, expands aliases without a bound,
and knows YAML 1.1 only.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gatectl.manifests.nodes import MAX_ALIASED, MAX_DEPTH, Mapping, Scalar, Sequence, node_place, too_much
from gatectl.model import Finding, Related, SourceFile
from gatectl.quote import quote

_MAX_DIGITS: Final = 1_000

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

_NUMERIC: Final = frozenset("0123456789+-.")
_KEYS: Final = {
    word: word
    for word in (
        "apiVersion", "kind", "metadata", "name", "workspace", "labels", "id", "spec", "endpointType", "mode", "resources",
        "attachmentPolicy", "type", "bucket", "account", "container", "folder", "master", "label", "region", "endpoint",
        "credentials", "key", "secret", "env", "file", "apiKey", "provider", "allowDuplicate",
    )
}  # fmt: skip
"""Keys of our own format: text, whatever YAML version one asks, and one string for all documents."""

_PLAIN: Final[dict[str, Any]] = {
    **_KEYS,
    **{word: word for word in ("gatectl.io/v1", "Workspace", "Bucket", "LLM", "Repository", "S3", "GCS", "AzureBlob", "OpenAI",
                               "Normal", "Mirror", "Additive")},
    **_WORDS,
}  # fmt: skip
"""Plain scalars that are in every other document, one string for all of them: a hundred thousand documents hold no copies."""

_CORE: Final = "tag:yaml.org,2002:"


class Construction:
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
        place = node_place(self.file, node)
        self.findings.append(Finding(rule, message, hint, place=place))

    def value(self, node: Any, depth: int) -> Any:
        if type(node) is Scalar:
            return self.scalar(node)
        if depth >= MAX_DEPTH:
            if not self.broken:
                self.findings.append(too_much(self.file, node.start_mark, f"nested deeper than {MAX_DEPTH} levels"))
            self.broken = True
            return None
        if self.anchored:
            return self.once(node, depth)
        return self.mapping(node, depth) if type(node) is Mapping else self.sequence(node, depth)

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
        result = self.mapping(node, depth) if type(node) is Mapping else self.sequence(node, depth)
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
            key = _KEYS.get(key_node.value) if type(key_node) is Scalar else None
            if key is None:
                key = self.key(key_node)
            if type(value_node) is Scalar:
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
        if type(node) is not Scalar:
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
        first = next(k for k, _ in mapping.value if type(k) is Scalar and k.value == node.value)
        related = Related(None, "first here", node_place(self.file, first))
        self.findings.append(
            Finding(
                "GW103",
                f"key '{quote(key)}' is given twice in one mapping",
                "keep one of the two",
                place=node_place(self.file, node),
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
            return self.plain(node, text) if not text or text[0] in _NUMERIC else _PLAIN.get(text, text)
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
    if len(node.value) != 1 or type(node.value[0][0]) is not Mapping:
        return None
    inner, empty = node.value[0]
    if type(empty) is not Scalar or empty.value or len(inner.value) != 1 or not inner.flow_style:
        return None
    name, nothing = inner.value[0]
    if type(name) is not Scalar or type(nothing) is not Scalar or nothing.value:
        return None
    return str(name.value)


def _size(node: Any, limit: int) -> int:
    """How many values a node holds, aliases expanded; counting stops at the limit."""
    count = 0
    stack = [node]
    while stack and count <= limit:
        node = stack.pop()
        count += 1
        if type(node) is Mapping:
            stack.extend(part for pair in node.value for part in pair)
        elif type(node) is Sequence:
            stack.extend(node.value)
    return count


def _article(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", int: "a number", float: "a number"}.get(type(value), "not text")
