"""The graph as Mermaid, for Markdown that renders it. Every character that could mean something is an entity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gatectl.graph.layout import group_title
from gatectl.graph.values import SIGNS, Graph, Key, Mark, Node
from gatectl.quote import quote

# What stands between letters and digits is text; elsewhere Mermaid may read Markdown in it, a list or emphasis.
_SPECIAL: Final = re.compile(r"[^\w ,/@.-]|(?<![^\W_])[._-]|[._-](?![^\W_])")
_ARROWS: Final[dict[Mark, str]] = {"same": "---", "kept": "---", "changed": "---", "added": "===", "removed": "-.-"}
_CLASSES: Final = {
    "added": "stroke:#00705a,stroke-width:3px",
    "changed": "stroke:#b58900,stroke-width:3px",
    "removed": "stroke:#b3261e,stroke-width:3px,stroke-dasharray:6 4",
    "kept": "stroke-dasharray:2 3",
    "problem": "stroke:#8e2aa8,stroke-width:4px",
}


def render(graph: Graph, title: str = "") -> str:
    """A flowchart: a subgraph for each group, then what they attach, then the attachments."""
    return "\n".join(_lines(graph))


def quoted(text: str) -> str:
    """Text, cut where it is too long, as the inside of a quoted label."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", quote(text))


def _lines(graph: Graph) -> Iterator[str]:
    names = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    yield "flowchart LR"
    yield from _repositories(graph, names)
    yield from _resources(graph, names)
    for edge in graph.edges:
        label = "⚠ " if edge.problems else ""
        text = f'|"{quoted(label + edge.note)}"|' if label or edge.note else ""
        yield f"  {names[edge.repository]} {_ARROWS[edge.mark]}{text} {names[edge.resource]}"
    used = {_class(node) for node in graph.nodes.values()}
    yield from (f"  classDef {name} {style}" for name, style in _CLASSES.items() if name in used)


def _repositories(graph: Graph, names: Mapping[Key, str]) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[Node]] = {}
    for node in graph.repositories:
        groups.setdefault(node.group, []).append(node)
    for number, group in enumerate(sorted(groups)):
        yield from _subgraph(f"g{number}", group_title(group), groups[group], names)


def _resources(graph: Graph, names: Mapping[Key, str]) -> Iterator[str]:
    """What is in no account, then the accounts of Azure."""
    accounts: dict[Key, list[Node]] = {}
    for node in graph.nodes.values():
        if node.account:
            accounts.setdefault((node.key[0], node.account.lower()), []).append(node)
        elif not node.is_repository:
            yield f"  {_node(node, names)}"
    for number, nodes in enumerate(accounts.values()):
        yield from _subgraph(f"a{number}", f"Azure account {nodes[0].account}", nodes, names)


def _subgraph(name: str, title: str, nodes: Iterable[Node], names: Mapping[Key, str]) -> Iterator[str]:
    yield f'  subgraph {name}["{quoted(title)}"]'
    yield from (f"    {_node(node, names)}" for node in nodes)
    yield "  end"


def _class(node: Node) -> str:
    return "problem" if node.problems else node.mark


def _node(node: Node, names: Mapping[Key, str]) -> str:
    sign = "⚠" if node.problems else SIGNS[node.mark]
    family = "" if node.is_repository else f"{node.family} "
    label = quoted((f"{sign} " if sign else "") + family + node.name)
    shape = f'["{label}"]' if node.is_repository else f'(["{label}"])'
    kind = _class(node)
    return f"{names[node.key]}{shape}" + (f":::{kind}" if kind != "same" else "")
