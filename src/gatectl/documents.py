"""Findings as the JSON that everybody shows: product.md, section 3. Pure; the names of files are the caller's choice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gatectl.model import Finding

NameFile = Callable[[str], str]


def relative_to(folder: str) -> NameFile:
    """Names files relative to a folder, always with "/"; standard input is "-"."""
    prefix = folder.rstrip(os.sep) + os.sep

    def name(path: str) -> str:
        if path.startswith(prefix):
            path = path[len(prefix) :]
        elif path != "-":
            with contextlib.suppress(ValueError):  # another drive
                path = os.path.relpath(path, folder)
        path = path if os.sep == "/" else path.replace(os.sep, "/")
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    return name


def finding_json(finding: Finding, name_file: NameFile) -> dict[str, Any]:
    place = finding.place
    subject = finding.subject
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "hint": finding.hint,
        "file": name_file(place.file) if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "endLine": place.end_line if place else None,
        "endColumn": place.end_column if place else None,
        "path": pointer_text(finding.spot.pointer) if finding.spot else None,
        "manifest": dict(zip(("kind", "workspace", "name"), subject, strict=True)) if subject else None,
        "related": [
            {
                "file": name_file(r.place.file) if r.place else None,
                "line": r.place.line if r.place else None,
                "column": r.place.column if r.place else None,
                "message": r.message,
            }
            for r in finding.related
        ],
    }


def pointer_text(pointer: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def findings_json(findings: Iterable[Finding], files: int, manifests: int, name_file: NameFile) -> dict[str, Any]:
    """What `validate --format json` prints."""
    listed = [finding_json(finding, name_file) for finding in findings]
    return {
        "formatVersion": "1.0",
        "summary": {
            "files": files,
            "manifests": manifests,
            "errors": sum(f["severity"] == "error" for f in listed),
            "warnings": sum(f["severity"] == "warning" for f in listed),
        },
        "findings": listed,
    }


def error_json(code: str, message: str, hint: str | None) -> Mapping[str, Any]:
    """What a JSON format prints when a command fails otherwise."""
    return {"formatVersion": "1.0", "error": {"code": code, "message": message, "hint": hint}}


def renamed(document: Mapping[str, Any], name_file: NameFile) -> Mapping[str, Any]:
    """A document with findings (or a plan, with its diagnostics) whose files are named otherwise."""
    key = "findings" if "findings" in document else "diagnostics"

    def place(item: Mapping[str, Any]) -> dict[str, Any]:
        return {**item, "file": name_file(item["file"])} if item["file"] is not None else dict(item)

    found = [{**place(item), "related": [place(other) for other in item["related"]]} for item in document[key]]
    return {**document, key: found}
