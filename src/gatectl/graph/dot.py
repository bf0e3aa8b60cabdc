"""The graph as DOT, for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatectl.graph.layout import group_title
from gatectl.graph.values import SIGNS, Graph, Key, Mark, Node
from gatectl.quote import quote

_COLORS: Final[dict[Mark, str]] = {
    "same": "#6b7686", "added": "#00705a", "changed": "#8a6100", "removed": "#b3261e", "kept": "#6b7686",
}  # fmt: skip
_STYLES: Final[dict[Mark, str]] = {
    "same": "solid", "added": "bold", "changed": "bold", "removed": "dashed", "kept": "dotted",
}  # fmt: skip
_PROBLEM: Final = "#8e2aa8"


def render(graph: Graph, title: str = "gatectl") -> str:
    """A directed graph from left to right, a cluster for each group and each Azure account."""
    return "\n".join([f"digraph {quoted(title)} {{", *(f"  {line}" for line in _lines(graph)), "}"])


def quoted(text: str) -> str:
    """A string of DOT that shows the text: quotes and backslashes escaped, and `&`, which Graphviz reads as an entity's."""
    text = quote(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _lines(graph: Graph) -> Iterator[str]:
    names = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    yield "rankdir=LR; ranksep=1.6; nodesep=0.12; fontname=Helvetica;"
    yield "node [fontname=Helvetica, fontsize=11, height=0.3]; edge [arrowhead=none, fontname=Helvetica, fontsize=9];"
    groups: dict[tuple[str, ...], list[Node]] = {}
    accounts: dict[Key, list[Node]] = {}
    for node in graph.nodes.values():
        if node.is_repository:
            groups.setdefault(node.group, []).append(node)
        elif node.account:
            accounts.setdefault((node.key[0], node.account.lower()), []).append(node)
        else:
            yield _node(node, names)
    for number, group in enumerate(sorted(groups)):
        yield from _cluster(f"group_{number}", group_title(group), groups[group], names)
    for number, nodes in enumerate(accounts.values()):
        yield from _cluster(f"account_{number}", f"Azure account {nodes[0].account}", nodes, names)
    for edge in graph.edges:
        color = _PROBLEM if edge.problems else _COLORS[edge.mark]
        label = f", label={quoted(edge.note)}" if edge.note else ""
        yield f'{names[edge.repository]} -> {names[edge.resource]} [color="{color}", style={_STYLES[edge.mark]}{label}];'


def _cluster(name: str, title: str, nodes: list[Node], names: dict[Key, str]) -> Iterator[str]:
    yield f"subgraph cluster_{name} {{"
    yield f'  label={quoted(title)}; color="#aab3c0"; style=rounded;'
    yield from (f"  {_node(node, names)}" for node in nodes)
    yield "}"


def _node(node: Node, names: dict[Key, str]) -> str:
    sign = "⚠" if node.problems else SIGNS[node.mark]
    family = "" if node.is_repository else f"{node.family} "
    color = _PROBLEM if node.problems else _COLORS[node.mark]
    style = _STYLES[node.mark] if node.is_repository else f'"rounded,{_STYLES[node.mark]}"'
    label = quoted((f"{sign} " if sign else "") + family + node.name)
    return f'{names[node.key]} [shape=box, label={label}, color="{color}", style={style}];'
