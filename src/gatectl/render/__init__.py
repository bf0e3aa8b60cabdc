"""The output formats, as a table. A new format is one module and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from gatectl.quote import neutral
from gatectl.render.interface import Look, Renderer

if TYPE_CHECKING:
    from gatectl.documents.shown import Document, Kind

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


def render(document: Document, format_name: str, look: Look) -> str:
    """A document as text, without a newline at its end. The format is one that shows such documents (`FORMATS`)."""
    chosen = renderer(format_name)
    text = _shown(chosen, document, look)
    assert text is not None, f"{format_name} does not show such a document"
    return text if chosen.machine or chosen.commands else neutral(text)


def _shown(chosen: Renderer, document: Document, look: Look) -> str | None:
    if "findings" in document:
        return chosen.findings(document, look) if chosen.findings is not None else None
    if "operations" in document:
        return chosen.plan(document, look) if chosen.plan is not None else None
    return chosen.receipt(document, look) if chosen.receipt is not None else None
