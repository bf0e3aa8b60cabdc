"""What an output format shows: findings, a plan or a receipt, told apart by what is in it. Pure."""

from __future__ import annotations

from typing import Literal

from gatectl.documents.findings import Findings, NameFile, renamed
from gatectl.documents.plans import Plan
from gatectl.documents.receipts import Receipt

Document = Findings | Plan | Receipt
Kind = Literal["findings", "plan", "receipt"]


def kind_of(document: Document) -> Kind:
    if "findings" in document:
        return "findings"
    return "plan" if "operations" in document else "receipt"


def with_files(document: Document, name_file: NameFile) -> Document:
    """A document, the files of its findings named otherwise."""
    if "findings" in document:
        return {**document, "findings": renamed(document["findings"], name_file)}
    if "operations" in document:
        return {**document, "diagnostics": renamed(document["diagnostics"], name_file)}
    return {**document, "diagnostics": renamed(document["diagnostics"], name_file)}
