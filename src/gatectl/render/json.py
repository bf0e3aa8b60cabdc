"""JSON: one document and nothing else, in ASCII, so that no terminal, pipe or log can mistake it."""

from __future__ import annotations

from gatectl.documents.findings import Failure
from gatectl.documents.shown import Document
from gatectl.quote import json_text
from gatectl.render.interface import Look, Renderer


def dump(document: Document | Failure, look: Look) -> str:
    return json_text(document)


RENDERER = Renderer(findings=dump, plan=dump, receipt=dump, machine=True, failure=dump)
