"""Where in their files findings stand: a file is composed again when, and only when, a finding in it needs a place. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gatectl.manifests.nodes import Mapping, Scalar, Sequence, last_roots, node_place, roots
from gatectl.model import Finding, Place, Pointer, Spot


def text_at(spot: Spot) -> str | None:
    """The text of the scalar at a spot as it was written (without quotes); None if it is no scalar."""
    found = last_roots(spot.document.file)
    node = _walk(found.get(spot.document.number), spot)
    return str(node.value) if type(node) is Scalar else None


def locate(findings: Iterable[Finding]) -> list[Finding]:
    """The same findings, each with its place and its related places, in the order of their places."""
    cache: dict[str, dict[int, Any]] = {}

    def place(spot: Spot) -> Place:
        file = spot.document.file
        if file.path not in cache:
            if len(cache) > 64:
                cache.clear()
            cache[file.path] = roots(file)
        node = _walk(cache[file.path].get(spot.document.number), spot)
        if node is None:
            line, column = spot.document.line, spot.document.column
            return Place(file.path, line, column, line, column)
        return node_place(file, node)

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


def _walk(node: Any, spot: Spot) -> Any:
    """The node a spot points to, or the nearest one above it that exists."""
    steps: Pointer = spot.pointer
    for depth, step in enumerate(steps):
        key, child = _child(node, step)
        if child is None:
            return node
        node = key if spot.on == "key" and depth == len(steps) - 1 and key is not None else child
    return node


def _child(node: Any, step: str | int) -> tuple[Any, Any]:
    if isinstance(step, int):
        if type(node) is Sequence and step < len(node.value):
            return None, node.value[step]
    elif type(node) is Mapping:
        for key, value in node.value:
            if type(key) is Scalar and key.value == step:
                return key, value
    return None, None
