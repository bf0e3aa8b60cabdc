"""The output formats, as a table. A new format is one module and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final, Literal

from gatectl.quote import neutral
from gatectl.render.interface import Json, Look, Render, Renderer

Kind = Literal["findings", "plan", "receipt"]

RENDERERS: Final[Mapping[str, str]] = {
    "text": "gatectl.render.text",
    "json": "gatectl.render.json",
    "sarif": "gatectl.render.sarif",
    "junit": "gatectl.render.junit",
    "github": "gatectl.render.github",
    "gitlab": "gatectl.render.gitlab",
    "markdown": "gatectl.render.markdown",
    "html": "gatectl.render.html",
}

FORMATS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "findings": ("text", "json", "sarif", "junit", "github", "gitlab"),
    "plan": ("text", "json", "sarif", "junit", "github", "gitlab", "markdown", "html"),
    "receipt": ("text", "json", "markdown", "html"),
}
"""Which formats show which document, so that a command can offer its choices without importing a renderer. A test holds
this against the renderers themselves."""


def renderer(format_name: str) -> Renderer:
    """The renderer of a format of the table, imported when it is used."""
    found: Renderer = import_module(RENDERERS[format_name]).RENDERER
    return found


def render(kind: Kind, document: Json, format_name: str, look: Look) -> str:
    """A document as text, without a newline at its end."""
    chosen = renderer(format_name)
    function: Render | None = getattr(chosen, kind)
    assert function is not None, f"{format_name} does not show a {kind}"
    text = function(document, look)
    return text if chosen.machine or chosen.commands else neutral(text)
