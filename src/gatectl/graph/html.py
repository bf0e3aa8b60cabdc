"""The graph as a page: the SVG with a search box, zoom and pan, and the neighbours of what is clicked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from gatectl.graph.svg import inline
from gatectl.graph.values import Graph, Node
from gatectl.page import page
from gatectl.quote import safe


def render(graph: Graph, title: str = "gatectl", findings: Iterable[str] = ()) -> str:
    """A whole HTML document."""
    found = list(findings) or list(dict.fromkeys(problem for node in graph.nodes.values() for problem in node.problems))
    body = "\n".join([*_head(graph, title), section(graph, title), *_findings(found)])
    return page(safe(title), f'<main class="wide">\n{body}\n</main>', ("page.css", "graph.css"), ("graph.js",))


def _head(graph: Graph, title: str) -> Iterator[str]:
    repositories = len(graph.repositories)
    yield f"<header><h1>{escape(safe(title))}</h1>"
    yield (
        f'<p class="soft">{repositories:,} repositories, {len(graph.nodes) - repositories:,} resources, '
        f"{len(graph.edges):,} attachments</p></header>"
    )


def _findings(found: list[str]) -> Iterator[str]:
    if found:
        yield f"<section><h2>Findings <small>{len(found):,}</small></h2><ul>"
        yield from (f"<li>⚠ {escape(safe(text))}</li>" for text in found)
        yield "</ul></section>"


def section(graph: Graph, title: str) -> str:
    """The part of a page that shows a graph; the page brings graph.css and graph.js."""
    return "\n".join(
        [
            '<div class="graph-view" data-graph>',
            '<div class="graph-bar" hidden><input type="search" placeholder="Find in the graph" aria-label="Find in the graph">'
            '<span class="hits soft" aria-live="polite"></span><button type="button" data-zoom="in" title="Zoom in">+</button>'
            '<button type="button" data-zoom="out" title="Zoom out">−</button>'
            '<button type="button" data-zoom="fit">Fit</button>'
            '<span class="soft hint">Drag to move, Ctrl and wheel to zoom, click for neighbours</span></div>',
            f'<div class="graph-pane">{inline(graph, title)}</div>',
            '<div class="graph-told" hidden aria-live="polite"></div>',
            _legend(graph),
            "</div>",
        ]
    )


_LEGEND = (
    ("added", "+ added"), ("removed", "− removed"), ("changed", "~ updated"), ("kept", "= kept, not in the manifests"),
    ("same", "unchanged"), ("problem", "⚠ in a finding"),
)  # fmt: skip


def _legend(graph: Graph) -> str:
    """What the lines mean, of those that are there; each shown as it is drawn."""
    used = {edge.mark for edge in graph.edges} | {node.mark for node in graph.nodes.values()}
    known: set[str] = {"problem"} if any(map(_wrong, graph.nodes.values())) else set()
    shown = [(name, words) for name, words in _LEGEND if name in known or name in used]
    if [name for name, _ in shown] == ["same"]:
        return ""
    items = "".join(
        f'<li><svg class="graph" width="34" height="12" viewBox="0 0 34 12" aria-hidden="true">'
        f'<path class="edge {name}" d="M1 6h32"/></svg>{words}</li>'
        for name, words in shown
    )
    return f'<ul class="legend">{items}</ul>'


def _wrong(node: Node) -> bool:
    return bool(node.problems)
