"""The graph as SVG: one file without script, readable in light and dark, by colour and by the kind of line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from gatectl.graph.layout import BOX, Box, Curve, Frame, Picture, lay_out
from gatectl.graph.values import SIGNS, Graph
from gatectl.page import static
from gatectl.quote import quote, safe

_MARGIN: Final = 20


def render(graph: Graph, title: str = "gatectl") -> str:
    """A whole SVG document."""
    picture = lay_out(graph)
    size = round(picture.title_size * 1.15)
    head = round(size * 2.6)
    body = "\n".join([*_heading(graph, title, size), *shapes(picture)])
    width, height = max(picture.width, 620) + 2 * _MARGIN, picture.height + 2 * _MARGIN + head
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width}" height="{height}" '
        f'viewBox="{-_MARGIN} {-_MARGIN - head} {width} {height}" role="img">\n'
        f"<title>{_text(title)}</title>\n<style>{static('graph.css')}</style>\n"
        f'<rect class="paper" x="{-_MARGIN}" y="{-_MARGIN - head}" width="{width}" height="{height}"/>\n{body}\n</svg>'
    )


def inline(graph: Graph, title: str) -> str:
    """An SVG element for a page that brings graph.css itself."""
    picture = lay_out(graph)
    width, height = picture.width + 2 * _MARGIN, picture.height + 2 * _MARGIN
    return (
        f'<svg class="graph" width="{width}" height="{height}" viewBox="{-_MARGIN} {-_MARGIN} {width} {height}" '
        f'preserveAspectRatio="xMidYMin meet" role="img" aria-label="{_text(title)}">\n'
        + "\n".join(shapes(picture))
        + "\n</svg>"
    )


def _heading(graph: Graph, title: str, size: int) -> Iterator[str]:
    repositories = len(graph.repositories)
    counts = f"{repositories:,} repositories, {len(graph.nodes) - repositories:,} resources, {len(graph.edges):,} attachments"
    wrong = sum(bool(node.problems) for node in graph.repositories)
    if wrong:
        counts += f", {wrong:,} with findings ⚠"
    yield f'<text class="heading" x="0" y="{-round(size * 1.9)}" font-size="{size}">{_text(title)}</text>'
    yield f'<text class="counts" x="0" y="{-round(size * 0.7)}" font-size="{round(size * 0.75)}">{counts}</text>'


def shapes(picture: Picture) -> Iterator[str]:
    """All that is drawn, what lies below first."""
    for frame in picture.groups:
        yield _group(frame, picture)
    for frame in picture.accounts:
        yield _account(frame)
    for curve in picture.curves:
        yield _curve(curve, picture)
    for box in picture.boxes:
        yield _box(box, picture)


def _text(text: str) -> str:
    """A name that can stand anywhere in XML: what is not printable is an escape, what is markup an entity, what is too long cut."""
    return escape(quote(text))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(escape(safe(line)) for line in lines)


def _rectangle(frame: Frame) -> str:
    return f'<rect x="{frame.x}" y="{frame.y}" width="{frame.width}" height="{frame.height}" rx="6"/>'


def _group(frame: Frame, picture: Picture) -> str:
    size, left, right = picture.title_size, frame.x + 12, frame.x + frame.width - 12
    name = f'<text x="{left}" y="{frame.y + (size if picture.large else 22)}" font-size="{size}">{_text(frame.title)}</text>'
    note = ""
    if frame.note and picture.large:
        small = max(11, round(size * 0.36))
        note = f'<text class="note" x="{left}" y="{frame.y + round(size * 1.2) + small}" font-size="{small}">{_text(frame.note)}</text>'
    elif frame.note:
        note = f'<text class="note end" x="{right}" y="{frame.y + 22}" font-size="11">{_text(frame.note)}</text>'
    return f'<g class="group">{_rectangle(frame)}{name}{note}</g>'


def _account(frame: Frame) -> str:
    return f'<g class="account">{_rectangle(frame)}<text x="{frame.x + 12}" y="{frame.y + 16}">{_text(frame.title)}</text></g>'


def _curve(curve: Curve, picture: Picture) -> str:
    edge, bend = curve.edge, (curve.x2 - curve.x1) // 2
    classes = f"edge {edge.mark}" + (" problem" if edge.problems else "")
    source, target = picture.ids[edge.repository], picture.ids[edge.resource]
    told = [
        f"{quote(edge.repository[-1])} → {quote(edge.resource[-1])}",
        *filter(None, [quote(edge.note)]),
        *edge.problems,
    ]
    return (
        f'<path class="{classes}" data-a="{source}" data-b="{target}" d="M{curve.x1} {curve.y1}'
        f'c{bend} 0 {bend} {curve.y2 - curve.y1} {curve.x2 - curve.x1} {curve.y2 - curve.y1}">'
        f"<title>{_lines(told)}</title></path>"
    )


def _box(box: Box, picture: Picture) -> str:
    node = box.node
    what = "repository" if node.is_repository else f"resource {_text(node.family.lower())}"
    classes = f"node {what} {node.mark}" + (" problem" if node.problems else "")
    sign = "⚠" if node.problems else SIGNS[node.mark]
    parts = [
        f'<g class="{classes}" data-k="{picture.ids[node.key]}"><title>{_lines(node.told().splitlines())}</title>',
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{BOX}" rx="{5 if node.is_repository else 12}"/>',
    ]
    baseline = box.y + 16
    if node.is_repository:
        parts.append(f'<text class="sign" x="{box.x + 6}" y="{baseline}">{sign}</text>' if sign else "")
        parts.append(f'<text x="{box.x + (20 if sign else 10)}" y="{baseline}">{_text(box.text)}</text>')
        if node.note:
            note = f'<text class="note" x="{box.x + box.width - 8}" y="{baseline}">{_text(node.note)}</text>'
            parts.append(note)
    else:
        label = f"{sign} {node.family}" if sign else node.family
        parts.append(f'<text class="family" x="{box.x + 8}" y="{baseline}">{_text(label)}</text>')
        parts.append(f'<text x="{box.x + (56 if len(label) > 4 else 40)}" y="{baseline}">{_text(box.text)}</text>')
        if box.users > 1:
            parts.append(f'<text class="users" x="{box.x + box.width - 9}" y="{baseline}">×{box.users}</text>')
    return "".join([*parts, "</g>"])
