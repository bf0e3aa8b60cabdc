"""What lists for people share: rows whose columns stand below each other, and a moment in one of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gatectl.quote import safe
from gatectl.render.wrap import columns


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of as many cells each as lines, every column but the last as wide as its widest cell."""
    widths = [max(map(columns, cells)) for cells in list(zip(*rows, strict=True))[:-1]]
    return ["  ".join([*map(_wide, row, widths), row[-1]]) for row in rows]


def _wide(cell: str, width: int) -> str:
    return cell + " " * (width - columns(cell))


def moment(at: str) -> str:
    """A time of a document as people read it, to the second."""
    return safe(at[:19].replace("T", " "))
