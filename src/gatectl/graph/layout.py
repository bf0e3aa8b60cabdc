"""Where everything stands: a graph becomes a picture of boxes and curves. Deterministic, and linear but for sorting.

A group's repositories stand in a column, what they attach in a second one beside it. What belongs together (a connected
part) stays together; a part that is taller than a piece may be is cut, and what several pieces attach is drawn in each of
them with the number of its users. So no line ever leaves its piece, and five hundred repositories stay readable. The
pieces flow into columns as newspapers do, a group's name above each stretch of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Final, NamedTuple

from gatectl.graph.text import fit, text_width
from gatectl.graph.values import Edge, Graph, Key, Node
from gatectl.quote import safe

ROW: Final = 30
BOX: Final = 24
_HEAD: Final = 24
_PAD: Final = 14
_ROOM: Final = 10
_GAP: Final = 120
_PIECE: Final = 16
"""How many repositories a piece may have; and half as many resources again."""
_TITLE: Final = 34
_BETWEEN: Final = 28
_LARGE: Final = 22
"""The size of a group's name from which on its counts go to a line of their own."""
_SHAPE: Final = 1.5
"""Width to height, as near as columns allow."""


class Box(NamedTuple):
    """A node as it is drawn: one of possibly several copies. `users` counts all repositories that attach it."""

    node: Node
    text: str
    x: int
    y: int
    width: int
    users: int


class Frame(NamedTuple):
    """A titled rectangle: a stretch of a group, or an Azure account."""

    title: str
    note: str
    x: int
    y: int
    width: int
    height: int


class Curve(NamedTuple):
    """An attachment, from the right side of one box to the left side of another."""

    edge: Edge
    x1: int
    y1: int
    x2: int
    y2: int


class Picture(NamedTuple):
    """Everything that is drawn. `ids` numbers the nodes, so that the copies of one are known as one."""

    width: int
    height: int
    groups: list[Frame]
    accounts: list[Frame]
    curves: list[Curve]
    boxes: list[Box]
    ids: Mapping[Key, int]
    title_size: int = 15

    @property
    def large(self) -> bool:
        """Whether a group's counts stand below its name."""
        return self.title_size > _LARGE


class _Unit(NamedTuple):
    """What stays together in the second column: a resource, or the containers of one account."""

    account: str
    nodes: list[Node]

    @property
    def height(self) -> int:
        return len(self.nodes) * ROW + (_HEAD + _ROOM if self.account else 0)


class _Piece(NamedTuple):
    repositories: list[tuple[Node, int]]
    units: list[tuple[_Unit, int]]
    edges: list[Edge]
    height: int


class _Sizes(NamedTuple):
    left: int
    right: int

    @property
    def width(self) -> int:
        return self.left + _GAP + self.right + 2 * _PAD


def lay_out(graph: Graph) -> Picture:
    """The picture of a graph."""
    edges: dict[Key, list[Edge]] = {}
    for edge in graph.edges:
        edges.setdefault(edge.repository, []).append(edge)
    groups = [(name, _pieces(nodes, loose, edges, graph.nodes)) for name, nodes, loose in _groups(graph)]
    sizes = _sizes(graph.nodes.values())
    picture = Picture(0, 0, [], [], [], [], {key: number for number, key in enumerate(graph.nodes)})
    users = {key: len(found) for key, found in graph.users().items()}
    width, height, size = _flow(groups, sizes, users, picture)
    return picture._replace(width=width, height=height, title_size=size)


def group_title(group: tuple[str, ...]) -> str:
    return " / ".join(part for part in group if part) or "no workspace"


def _groups(graph: Graph) -> Iterator[tuple[tuple[str, ...], list[Node], list[Node]]]:
    """Each group in the order of its name, with its repositories and what is attached nowhere."""
    attached = {edge.resource for edge in graph.edges}
    groups: dict[tuple[str, ...], tuple[list[Node], list[Node]]] = {}
    for node in graph.nodes.values():
        if node.is_repository:
            groups.setdefault(node.group, ([], []))[0].append(node)
        elif node.key not in attached:
            groups.setdefault(node.group, ([], []))[1].append(node)
    for group in sorted(groups):
        nodes, loose = groups[group]
        yield group, sorted(nodes, key=_order), sorted(loose, key=_order)


def _order(node: Node) -> tuple[str, ...]:
    return (node.kind, node.account, node.name, *node.key)


def _pieces(
    nodes: Sequence[Node], loose: Sequence[Node], edges: Mapping[Key, list[Edge]], known: Mapping[Key, Node]
) -> list[_Piece]:
    """A group's parts, the connected ones first; then what is attached nowhere."""
    pieces = []
    for part in _parts(nodes, edges):
        for some in _cut(part, edges):
            pieces.append(_piece(some, edges, known))
    for start in range(0, len(loose), _PIECE):
        units, height = _stack(_units(loose[start : start + _PIECE]))
        pieces.append(_Piece([], units, [], height))
    return pieces


def _parts(nodes: Sequence[Node], edges: Mapping[Key, list[Edge]]) -> Iterator[list[Node]]:
    """Repositories that share something, directly or through others, nearest first; those that share nothing one by one."""
    users: dict[Key, list[Node]] = {}
    for node in nodes:
        for edge in edges.get(node.key, ()):
            users.setdefault(edge.resource, []).append(node)
    seen: set[Key] = set()
    for first in nodes:
        if first.key in seen:
            continue
        seen.add(first.key)
        part = [first]
        for node in part:  # grows while it is walked
            for edge in edges.get(node.key, ()):
                for other in users.pop(edge.resource, ()):
                    if other.key not in seen:
                        seen.add(other.key)
                        part.append(other)
        yield part


def _cut(part: Sequence[Node], edges: Mapping[Key, list[Edge]]) -> Iterator[list[Node]]:
    """A part in stretches that a piece can hold."""
    some: list[Node] = []
    resources: set[Key] = set()
    for node in part:
        more = resources | {edge.resource for edge in edges.get(node.key, ())}
        if some and (len(some) == _PIECE or len(more) > _PIECE * 3 // 2):
            yield some
            some, more = [], {edge.resource for edge in edges.get(node.key, ())}
        some.append(node)
        resources = more
    if some:
        yield some


def _piece(nodes: Sequence[Node], edges: Mapping[Key, list[Edge]], known: Mapping[Key, Node]) -> _Piece:
    """A stretch, both columns in an order that crosses few lines: each is sorted by the middle of its neighbours, twice."""
    own = [edge for node in nodes for edge in edges.get(node.key, ())]
    near: dict[Key, list[Key]] = {}
    for edge in own:
        near.setdefault(edge.resource, []).append(edge.repository)
        near.setdefault(edge.repository, []).append(edge.resource)
    ordered = list(nodes)
    units = _units([known[key] for key in dict.fromkeys(edge.resource for edge in own)])
    for _ in range(2):
        _sort_units(units, ordered, near)
        _sort_repositories(ordered, units, near)
    return _placed(ordered, units, own, near)


def _sort_units(units: list[_Unit], repositories: Sequence[Node], near: Mapping[Key, list[Key]]) -> None:
    """Each unit, and what is in it, by the middle of the repositories that attach it."""
    rank = {node.key: float(index) for index, node in enumerate(repositories)}
    for unit in units:
        unit.nodes.sort(key=lambda node: (_middle(rank[k] for k in near[node.key]), _order(node)))
    units.sort(key=lambda u: (_middle(rank[k] for n in u.nodes for k in near[n.key]), _order(u.nodes[0])))


def _sort_repositories(repositories: list[Node], units: Sequence[_Unit], near: Mapping[Key, list[Key]]) -> None:
    """Each repository by the middle of what it attaches; one that attaches nothing stays where it is."""
    rank = {node.key: float(index) for index, node in enumerate(repositories)}
    rank |= {node.key: float(index) for index, node in enumerate(n for unit in units for n in unit.nodes)}
    middles = {node.key: _middle(rank[k] for k in near.get(node.key, (node.key,))) for node in repositories}
    repositories.sort(key=lambda node: middles[node.key])


def _placed(nodes: Sequence[Node], units: Sequence[_Unit], own: list[Edge], near: Mapping[Key, list[Key]]) -> _Piece:
    """Heights: the taller column stands closely, the other beside its neighbours."""
    stacked, right = _stack(units)
    left = len(nodes) * ROW
    if right >= left:
        at = {key: y for unit, top in stacked for key, y in _rows(unit, top)}
        wanted = [_middle(at[k] for k in near[node.key]) if node.key in near else 0.0 for node in nodes]
        tops = _spread(wanted, [ROW] * len(nodes), right)
        return _Piece(list(zip(nodes, tops, strict=True)), stacked, own, right)
    at = {node.key: index * ROW for index, node in enumerate(nodes)}
    tops = _spread([_beside_users(unit, at, near) for unit in units], [unit.height for unit in units], left)
    return _Piece([(node, at[node.key]) for node in nodes], list(zip(units, tops, strict=True)), own, left)


def _beside_users(unit: _Unit, at: Mapping[Key, int], near: Mapping[Key, list[Key]]) -> float:
    """The height at which a unit would stand in the middle of the repositories that attach it."""
    offset = sum(y for _, y in _rows(unit, 0)) / len(unit.nodes)
    return _middle(at[k] for node in unit.nodes for k in near[node.key]) - offset


def _middle(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return sum(found) / len(found)


def _spread(wanted: Sequence[float], heights: Sequence[int], room: int) -> list[int]:
    """Tops near the wanted ones, in this order, without overlaps, within the room (which is enough)."""
    tops: list[float] = []
    floor = 0.0
    for top, height in zip(wanted, heights, strict=True):
        tops.append(max(top, floor))
        floor = tops[-1] + height
    ceiling = float(room)
    for index in range(len(tops) - 1, -1, -1):
        tops[index] = min(tops[index], ceiling - heights[index])
        ceiling = tops[index]
    return [round(top) for top in tops]


def _units(nodes: Iterable[Node]) -> list[_Unit]:
    units: dict[tuple[str, ...], _Unit] = {}
    for node in nodes:
        name = (node.key[0], node.account.lower()) if node.account else node.key
        units.setdefault(name, _Unit(node.account, [])).nodes.append(node)
    return list(units.values())


def _stack(units: Iterable[_Unit]) -> tuple[list[tuple[_Unit, int]], int]:
    stacked, top = [], 0
    for unit in units:
        stacked.append((unit, top))
        top += unit.height
    return stacked, top


def _rows(unit: _Unit, top: int) -> Iterator[tuple[Key, int]]:
    for index, node in enumerate(unit.nodes):
        yield node.key, top + (_HEAD if unit.account else 0) + index * ROW


def _sizes(nodes: Iterable[Node]) -> _Sizes:
    """The widths of the columns: the longest name, within limits."""
    left, right = 130, 130
    for node in nodes:
        width = text_width(safe(node.name))
        if node.is_repository:
            left = max(left, width + _beside(node))
        else:
            right = max(right, width + 80 + (20 if node.account else 0))
    return _Sizes(min(left, 300), min(right, 330))


def _beside(node: Node) -> int:
    """What a repository's box needs beside its name: the sign and the note."""
    return 34 + (text_width(safe(node.note), 10) + 10 if node.note else 0)


# Columns


class _Stretch(NamedTuple):
    """Some pieces of one group, one below the other in a column."""

    group: int
    first: int
    pieces: list[_Piece]
    column: int
    top: int
    height: int


_Groups = Sequence[tuple[tuple[str, ...], list[_Piece]]]


def _flow(groups: _Groups, sizes: _Sizes, users: Mapping[Key, int], picture: Picture) -> tuple[int, int, int]:
    """Lets the pieces of all groups flow into columns; the size of the whole, and that of a group's name."""
    total = sum(_TITLE + _BETWEEN + _tall(pieces) for _, pieces in groups)
    count = max(1, round(sqrt(_SHAPE * total / (sizes.width + _BETWEEN))))
    size = _title_size(groups, count * (sizes.width + _BETWEEN) - _BETWEEN, sizes)
    title = _TITLE if size <= _LARGE else round(size * 1.8) + 8
    stretches = _columns(groups, title, total, count)
    for stretch in stretches:
        _draw_stretch(stretch, groups, title, sizes, users, picture)
    columns = stretches[-1].column + 1 if stretches else 1
    return columns * (sizes.width + _BETWEEN) - _BETWEEN, max((s.top + s.height for s in stretches), default=0), size


def _title_size(groups: _Groups, width: int, sizes: _Sizes) -> int:
    """The size of the groups' names: large in a large picture, as far as nine of ten fit their column."""
    letters = sorted(len(group_title(name)) + 1 for name, _ in groups)
    longest = letters[len(letters) * 9 // 10] if letters else 1
    return round(max(15, min(width / 130, (sizes.width - 2 * _PAD) / (0.6 * longest))))


def _columns(groups: _Groups, title: int, total: int, count: int) -> list[_Stretch]:
    """The groups in so many columns, each no taller than it has to be for that."""
    limit = max([total / count, *(p.height + title + _PAD for _, pieces in groups for p in pieces)]) if groups else 0
    stretches = list(_stretches(groups, title, limit))
    while stretches and stretches[-1].column >= count and limit < total + title * len(groups):
        limit *= 1.04
        stretches = list(_stretches(groups, title, limit))
    return stretches


def _draw_stretch(
    stretch: _Stretch, groups: _Groups, title: int, sizes: _Sizes, users: Mapping[Key, int], picture: Picture
) -> None:
    name, pieces = groups[stretch.group]
    x = stretch.column * (sizes.width + _BETWEEN)
    note = "" if stretch.first else _counted(pieces)
    shown = group_title(name) + (" …" if stretch.first else "")
    picture.groups.append(Frame(shown, note, x, stretch.top, sizes.width, stretch.height))
    y = stretch.top + title
    for piece in stretch.pieces:
        _draw(piece, x + _PAD, y, sizes, users, picture)
        y += piece.height + _PAD


def _tall(pieces: Sequence[_Piece]) -> int:
    return sum(piece.height + _PAD for piece in pieces)


def _stretches(groups: _Groups, title: int, limit: float) -> Iterator[_Stretch]:
    """Every group's pieces in columns that are no taller than the limit. A group is cut only where much room would be lost."""
    column, top = 0, 0
    for number, (_, pieces) in enumerate(groups):
        whole = title + _tall(pieces)
        if top and top + whole > limit and (whole <= limit and limit - top < limit * 0.4):
            column, top = column + 1, 0
        first = 0
        while first < len(pieces):
            last, height = _fitting(pieces, first, title, top, limit)
            if last > first:
                yield _Stretch(number, first, pieces[first:last], column, top, height)
                top += height + _BETWEEN
            if last < len(pieces):
                column, top = column + 1, 0
            first = last


def _fitting(pieces: Sequence[_Piece], first: int, title: int, top: int, limit: float) -> tuple[int, int]:
    """How many pieces fit below a title (one at least where the column holds nothing else), and how tall they are."""
    last, height = first, title
    while last < len(pieces) and (top + height + pieces[last].height + _PAD <= limit or (last == first and not top)):
        height += pieces[last].height + _PAD
        last += 1
    return last, height


def _counted(pieces: Sequence[_Piece]) -> str:
    repositories = sum(len(piece.repositories) for piece in pieces)
    resources = len({node.key for piece in pieces for unit, _ in piece.units for node in unit.nodes})
    return (
        f"{repositories:,} {'repository' if repositories == 1 else 'repositories'}, "
        f"{resources:,} {'resource' if resources == 1 else 'resources'}"
    )


def _draw(piece: _Piece, x: int, y: int, sizes: _Sizes, users: Mapping[Key, int], picture: Picture) -> None:
    at: dict[Key, int] = {}
    inset_of: dict[Key, int] = {}
    middle = BOX // 2
    for node, top in piece.repositories:
        text = fit(node.name, sizes.left - _beside(node))
        picture.boxes.append(Box(node, text, x, y + top, sizes.left, 0))
        at[node.key] = y + top + middle
    right = x + sizes.left + _GAP
    for unit, top in piece.units:
        inset = 10 if unit.account else 0
        if unit.account:
            title = fit(f"Azure account {unit.account}", sizes.right - 16, 11)
            height = unit.height - _ROOM + 2
            picture.accounts.append(Frame(title, unit.account, right, y + top, sizes.right, height))
        tops = dict(_rows(unit, top))
        for node in unit.nodes:
            count = users.get(node.key, 0)
            width = sizes.right - 2 * inset
            room = width - 54 - (26 if count > 1 else 0)
            picture.boxes.append(Box(node, fit(node.name, room), right + inset, y + tops[node.key], width, count))
            at[node.key] = y + tops[node.key] + middle
            inset_of[node.key] = inset
    for edge in piece.edges:
        ends = right + inset_of[edge.resource]
        picture.curves.append(Curve(edge, x + sizes.left, at[edge.repository], ends, at[edge.resource]))
