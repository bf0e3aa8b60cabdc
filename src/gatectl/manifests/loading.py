"""Paths and bytes → documents → manifests: all that can be said without the platform, and every offline finding.

The one file that knows the order in which manifests are read, parsed, held against their schema and given to the rules.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatectl import rules
from gatectl.credentials import references
from gatectl.manifests import desired, parse, schemas, sources, validate
from gatectl.manifests.committed import Committed, InMemory
from gatectl.model import Desired, Document, Finding, Manifest, SourceFile
from gatectl.project import Environment, Project
from gatectl.quote import quote


class Examined(NamedTuple):
    """What one file holds by itself: its documents, each with its kind (None: none of ours) and what is wrong with its
    shape, and what is wrong with the file."""

    file: SourceFile
    documents: list[tuple[Document, str | None, list[Finding]]]
    findings: list[Finding]


Known = dict[str, Examined]
"""What was examined already, by its path."""


class Loaded(NamedTuple):
    """All that can be said without the platform: the manifests, and what is wrong with them (not yet located).

    `documents_in` says how many documents each file holds; `said` is what of the findings no rule found.
    """

    files: list[SourceFile]
    documents_in: Mapping[str, int]
    desired: Desired
    findings: list[Finding]
    said: list[Finding]

    @property
    def documents(self) -> int:
        return sum(self.documents_in.values())

    @property
    def invalid(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def manifest_paths(project: Project, environment: Environment, paths: Sequence[str]) -> list[str | Path]:
    """The paths to read: those given, else the environment's, else the project's."""
    if paths:
        return list(paths)
    named = environment.manifests if environment.manifests is not None else project.manifests
    return [Path(os.path.normpath(project.folder / name)) for name in named]


def load(project: Project, paths: Sequence[str | Path], default_workspace: str | None) -> Loaded:
    """Bytes → documents → manifests, and every offline finding. `default_workspace`: of manifests that name none."""
    return load_read(project, read(project, paths), default_workspace)


def read(project: Project, paths: Sequence[str | Path]) -> sources.Read:
    """The files of a project at some paths: from disk, or of those that a program handed in."""
    if project.given is None:
        return sources.read_manifests(paths, project.folder, project.file, project.exclude)
    tree = InMemory(str(project.folder), project.given)
    return Committed(tree, paths, project.folder, project.file, project.exclude).read("")


def load_read(
    project: Project, files: sources.Read, default_workspace: str | None, known: Known | None = None
) -> Loaded:
    """The same of files that were read already, from wherever. What is `known` is not examined again, and what is examined
    becomes known."""
    findings = [*files.findings, *_adjusted(project, project.remarks)]
    checker, manifests = schemas.checker(), []
    counts = {}
    for file in files.files:
        examined = _examined(file, checker, known)
        if examined.documents:
            counts[file.path] = len(examined.documents)
        findings.extend(examined.findings)
        for document, kind, wrong in examined.documents:
            if kind is not None:
                manifest, wrong = _manifest(project, document, kind, wrong, default_workspace)
                manifests.append(manifest)
            findings.extend(wrong)
    wanted = Desired(tuple(manifests))
    findings.extend(_empty_paths(files, counts.keys(), findings))
    findings.extend(references.check(manifests, references.borders(project.folder, project.tokens, project.environ)))
    return Loaded(files.files, counts, wanted, [*findings, *of_rules(project, wanted, findings)], findings)


def _manifest(
    project: Project, document: Document, kind: str, wrong: list[Finding], default_workspace: str | None
) -> tuple[Manifest, list[Finding]]:
    """A document of a known kind as a manifest, and what is wrong with it, as the project adjusts it."""
    if not wrong:
        return desired.read_manifest(document, kind, True, default_workspace), wrong
    wrong = _adjusted(project, wrong)
    valid = not any(f.severity == "error" for f in wrong)
    manifest = desired.read_manifest(document, kind, valid, default_workspace)
    return manifest, [f._replace(subject=manifest.subject) for f in wrong]


def _examined(file: SourceFile, checker: validate.Checker, known: Known | None) -> Examined:
    """What was examined before, or is now."""
    examined = known.get(file.path) if known is not None else None
    if examined is not None and examined.file is file:
        return examined
    examined = _examine(file, checker)
    if known is not None:
        known[file.path] = examined
    return examined


def _adjusted(project: Project, findings: Sequence[Finding]) -> list[Finding]:
    """The findings of a document: its warnings are matters of taste, as those of the rules are; its errors are the format's."""
    errors = [f for f in findings if f.severity == "error"]
    return [*errors, *rules.adjust((f for f in findings if f.severity != "error"), project.rules)]


def of_rules(project: Project, wanted: Desired, known: Sequence[Finding]) -> list[Finding]:
    """What the rules find; not that a name is none, where it was told already that it is a placeholder or in odd quotes."""
    found = rules.adjust(rules.check(desired.offline_namespace(wanted)), project.rules)
    told = {_spot(f) for f in known if f.rule in ("GW205", "GW207") and f.spot is not None}
    return [f for f in found if f.rule != "GW205" or _spot(f) not in told] if told else found


def _spot(finding: Finding) -> tuple[Any, ...] | None:
    spot = finding.spot
    return spot and (spot.document.file.path, spot.document.number, spot.pointer)


def _examine(file: SourceFile, checker: validate.Checker) -> Examined:
    parsed = parse.parse(file)
    return Examined(file, [(d, *validate.check(d, checker)) for d in parsed.documents], parsed.findings)


def _empty_paths(read: sources.Read, full: Collection[str], findings: Sequence[Finding]) -> list[Finding]:
    """GW106 for every path that yields no manifest, unless something else was said of what lies there."""
    told = {f.place.file for f in findings if f.place is not None and f.rule != "GW108"}
    return [_empty_path(read, path) for path, found in read.found.items() if _is_empty(path, found, full, told)]


def _is_empty(path: str, found: Sequence[str], full: Collection[str], told: Collection[str]) -> bool:
    """Whether a path yields no manifest, and nothing was said of it or of what lies below it."""
    if path in told or any(name in full or name in told for name in found):
        return False
    return not any(name.startswith(path + os.sep) for name in told)


def _empty_path(read: sources.Read, path: str) -> Finding:
    hint = "name the folder that holds the manifests; where no object is to be left, keep one of kind: Workspace"
    below = [name for name in read.projects if name.startswith(path.rstrip(os.sep) + os.sep)]
    if below:
        more = f" (and {len(below) - 1} more)" if len(below) > 1 else ""
        hint = f"{quote(below[0])} is a project of its own{more}: --project {quote(below[0])}"
    return Finding("GW106", _EMPTY, hint, place=sources.first_place(path))


_EMPTY: Final = "no manifest here: no document in any file *.yaml or *.yml"


def to_prune(loaded: Loaded, *, allow_empty: bool) -> Loaded:
    """The same where what is declared no more is to be deleted: that no path yields a manifest is no mistake where that is allowed,
    and else what it would come to is said."""
    if loaded.desired.manifests:
        return loaded
    return loaded._replace(
        findings=[_emptied(f, allow_empty=allow_empty) for f in loaded.findings],
        said=[_emptied(f, allow_empty=allow_empty) for f in loaded.said],
    )


def _emptied(finding: Finding, *, allow_empty: bool) -> Finding:
    if finding.rule != "GW106" or finding.message not in (_EMPTY, sources.NOT_THERE):
        return finding
    if allow_empty:
        return finding._replace(
            message=f"{finding.message}; that is allowed: all that this project applied is declared no more",
            hint="look at what is deleted: it does not come back", severity="warning",
        )  # fmt: skip
    hint = "all that this project applied would be declared no more; if it is to be deleted: --prune --allow-empty"
    return finding._replace(hint=f"{finding.hint}; {hint}")
