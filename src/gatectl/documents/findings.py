"""Findings as the JSON that everybody shows: product.md, section 3. Pure; the names of files are the caller's choice."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, TypedDict, final

from gatectl import model

Level = Literal["error", "warning", "notice"]
"""How bad it is. A notice is no finding of ours, but what some formats list beside them: see `render.guarded.notices`."""


class Where(TypedDict):
    """A place, as far as it is known."""

    file: str | None
    line: int | None
    column: int | None


@final
class RelatedPlace(Where):
    """The other side of a finding."""

    message: str


class Subject(TypedDict):
    """The manifest that a finding is about, as far as it can be read."""

    kind: str | None
    workspace: str | None
    name: str | None


@final
class Finding(Where):
    """One of the user's mistakes (product.md, section 3). `path` is a JSON pointer into the document."""

    rule: str
    severity: Level
    message: str
    hint: str | None
    endLine: int | None
    endColumn: int | None
    path: str | None
    manifest: Subject | None
    related: Sequence[RelatedPlace]


class Totals(TypedDict):
    """What `validate` counts."""

    files: int
    manifests: int
    errors: int
    warnings: int


@final
class Findings(TypedDict):
    """What `validate --format json` prints."""

    formatVersion: str
    summary: Totals
    findings: Sequence[Finding]


class Problem(TypedDict):
    """Why a command failed: the word of its class, what happened, and what to do."""

    code: str
    message: str
    hint: str | None


@final
class Failure(TypedDict):
    """What a JSON format prints when a command fails otherwise."""

    formatVersion: str
    error: Problem


_HALVES: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")

NameFile = Callable[[str], str]
"""How a document names a file."""


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
        # The bytes of a name that is no text came as halves; other halves are in no name, but may be in a saved document.
        return _HALVES.sub("\ufffd", path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    return name


def finding_json(finding: model.Finding, name_file: NameFile) -> Finding:
    place = finding.place
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
        "manifest": _subject(finding.subject) if finding.subject else None,
        "related": [_related(other, name_file) for other in finding.related],
    }


def _subject(subject: tuple[str | None, str | None, str | None]) -> Subject:
    kind, workspace, name = subject
    return {"kind": kind, "workspace": workspace, "name": name}


def _related(other: model.Related, name_file: NameFile) -> RelatedPlace:
    place = other.place
    return {
        "file": name_file(place.file) if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "message": other.message,
    }


def pointer_text(pointer: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def findings_json(findings: Iterable[model.Finding], files: int, manifests: int, name_file: NameFile) -> Findings:
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


def error_json(code: str, message: str, hint: str | None) -> Failure:
    """What a JSON format prints when a command fails otherwise."""
    return {"formatVersion": "1.0", "error": {"code": code, "message": message, "hint": hint}}


def renamed(found: Iterable[Finding], name_file: NameFile) -> list[Finding]:
    """The same findings, their files named otherwise."""
    return [
        {
            **item,
            "file": _named(item["file"], name_file),
            "related": [{**other, "file": _named(other["file"], name_file)} for other in item["related"]],
        }
        for item in found
    ]


def _named(file: str | None, name_file: NameFile) -> str | None:
    return name_file(file) if file is not None else None
