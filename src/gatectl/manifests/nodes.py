"""Nodes of YAML, as libyaml composes them, and where they stand. The only module that imports YAML.

Nodes know their place but are heavy, so nobody keeps them for long.
"""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from gatectl.errors import GatectlError
from gatectl.model import Finding, Place, SourceFile

try:
    import yaml as yaml
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

Scalar, Mapping, Sequence = yaml.ScalarNode, yaml.MappingNode, yaml.SequenceNode


class Composer(CParser):
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


def byte_place(file: SourceFile, offset: int) -> Place:
    head = file.content[:offset].removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line = head.count(b"\n") + 1
    column = len(head[head.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Place(file.path, line, column, line, column + 1)


def too_much(file: SourceFile, mark: Any, message: str) -> Finding:
    place = Place(file.path, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    return Finding("GW105", message, "no manifest needs that; split the document", place=place)


def node_place(file: SourceFile, node: Any) -> Place:
    start, end = node.start_mark, (node.end_mark.line + 1, node.end_mark.column + 1)
    if type(node) is not Scalar and not node.flow_style:
        end = _block_end(node)
    if end[0] > start.line + 1 and not file.content.endswith((b"\n", b"\r")):
        end = min(end, _file_end(file))  # libyaml ends such a file on a line of its own
    return Place(file.path, start.line + 1, start.column + 1, *end)


@lru_cache(maxsize=1)
def _file_end(file: SourceFile) -> tuple[int, int]:
    place = byte_place(file, len(file.content))
    return place.line, place.column


def _block_end(node: Any) -> tuple[int, int]:
    """Where a block collection ends: libyaml's mark is at the next token, maybe many comments later; its last part's is not."""
    depth = 0
    while type(node) is not Scalar and not node.flow_style and node.value and depth < MAX_DEPTH:
        last = node.value[-1]
        node = last[1] if type(node) is Mapping else last
        depth += 1  # a recursive alias has no last part
    return node.end_mark.line + 1, node.end_mark.column + 1


def roots(file: SourceFile) -> dict[int, Any]:
    composer = Composer(file.content)
    roots: dict[int, Any] = {}
    try:
        while composer.check_node():
            roots[len(roots)] = composer.get_node()
    except yaml.YAMLError:
        pass  # reported when the file was parsed; the documents before it have their places
    return roots


class Beginning(NamedTuple):
    """Where a document begins: the line of its `---` or of the directives above, else of its content, and the line of the `---`
    (None: it has none). Lines count from 0."""

    line: int
    dashes: int | None


def beginnings(file: SourceFile) -> list[Beginning]:
    """Where the documents of a file begin, empty ones too, as far as it can be read."""
    composer = Composer(file.content)
    found = []
    try:
        while (event := composer.get_event()) is not None:
            if type(event) is yaml.DocumentStartEvent:
                start, end = cast("Any", event.start_mark), cast("Any", event.end_mark)
                found.append(Beginning(start.line, end.line if event.explicit else None))
    except yaml.YAMLError:
        pass  # as above
    return found


last_roots: Final = lru_cache(maxsize=1)(roots)
"""A file with one mistake often has many of its kind, and composing it is what costs."""
