"""What an output format is: a module with functions from JSON values to text.

`RENDERER` names the documents it can show: `findings` (what validate prints), `plan`, `receipt`, `error`; a function that
is None says that the format does not show such a document. Rendering is pure: no file, no terminal, no clock.

A new format is one module beside this one and one line in the table of `render/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Json = Mapping[str, Any]


class Look(NamedTuple):
    """How text is to look: with colours, for how many columns, and how much to say (-1 quiet, 0, 1 verbose)."""

    color: bool = False
    width: int = 100
    verbosity: int = 0


Render = Callable[[Json, Look], str]


def safe(value: Any) -> str:
    """Text with everything that is not printable shown as an escape."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class Renderer(NamedTuple):
    """One row of the table of formats. `machine` says that the text is one document for programs."""

    findings: Render | None
    plan: Render | None
    receipt: Render | None
    machine: bool
