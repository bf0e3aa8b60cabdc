"""Steps that many entries have: all that is done with a project in all the formats that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from corpus.recording import Run, Step

REPORTS: Final = ("json", "sarif", "junit", "github", "gitlab")
"""The formats of findings, beside text."""
PAGES: Final = ("markdown", "html")


def into_files(name: str, formats: Sequence[str]) -> tuple[str, ...]:
    """The options that write each of these formats to a file of its own."""
    return tuple(f"--format={each}={name}.{each}" for each in formats)


def plan(*words: str, formats: Sequence[str] = (*REPORTS, *PAGES)) -> Run:
    """Plan, in text and in these formats, and save the plan."""
    return Run("plan", ["plan", *words, "--out", "saved.json", "--detailed-exitcode", *into_files("plan", formats)])


def show(formats: Sequence[str] = (*REPORTS, *PAGES)) -> Run:
    """Show the saved plan."""
    return Run("show", ["show", "saved.json", *into_files("show", formats)], needs="saved.json")


def apply() -> list[Step]:
    """Apply the saved plan, show the receipt, and see what is left to do."""
    words = ["apply", "--plan", "saved.json", "--yes", "--receipt", "receipt.json", "--format", "json"]
    return [
        Run("apply", words, needs="saved.json"),
        Run("receipt", ["show", "receipt.json", *into_files("receipt", PAGES)], needs="receipt.json"),
        Run("after", ["plan", "--detailed-exitcode"]),
    ]


def snapshot() -> list[Step]:
    """Take a snapshot, and plan against it."""
    return [
        Run("snapshot", ["snapshot", "--out", "snapshot.json"]),
        Run("against", ["plan", "--against", "snapshot.json", "--format", "json"], needs="snapshot.json"),
    ]
