"""What is validated by itself, and what is found in several of these at once (product.md, section 1, `-e`).

A *check* is a set of manifests that live side by side: those of one environment of one project. Environments that read the
same paths for the same workspace are one check. A mistake in a file that several checks read is told once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatectl.manifests import loading, places, sources
from gatectl.manifests.loading import Loaded
from gatectl.model import Finding, SourceFile
from gatectl.project import Environment, Project


class Check(NamedTuple):
    """What is read and held together; `environments` are the names of those that it is for."""

    project: Project
    environments: tuple[str, ...]
    paths: tuple[str | Path, ...]
    workspace: str | None


class Checked(NamedTuple):
    """A check and what came of it. `findings` have their places."""

    check: Check
    loaded: Loaded
    findings: Sequence[Finding]

    def reads(self, path: str) -> bool:
        return any(file.path == path for file in self.loaded.files)


def checks_of(
    project: Project, environments: Iterable[tuple[Environment, str | None]], paths: Sequence[str]
) -> list[Check]:
    """The checks of a project; each environment comes with the workspace of manifests that name none."""
    found: dict[tuple[Any, ...], Check] = {}
    for environment, workspace in environments:
        read = tuple(loading.manifest_paths(project, environment, paths))
        key = (read, workspace)
        before = found[key].environments if key in found else ()
        found[key] = Check(project, (*before, environment.name), read, workspace)
    return list(found.values())


def run(checks: Sequence[Check]) -> list[Checked]:
    """Validate each check by itself; what several read is read and parsed once."""
    reads: dict[tuple[Any, ...], sources.Read] = {}
    examined: loading.Known = {}
    results = []
    for check in checks:
        project, key = check.project, (check.project.folder, check.paths)
        if key not in reads:
            reads[key] = loading.read(project, check.paths)
        loaded = loading.load_read(project, reads[key], check.workspace, examined)
        results.append(Checked(check, loaded, places.locate(loaded.findings)))
    return results


def files_of(results: Iterable[Checked]) -> list[SourceFile]:
    """All that was read, each file once."""
    return list({file.path: file for result in results for file in result.loaded.files}.values())


def count_documents(results: Sequence[Checked]) -> int:
    """How many documents the files of the results hold, each file counted once."""
    counts: dict[str, int] = {}
    for result in results:
        counts.update(result.loaded.documents_in)
    return sum(counts.values())


def findings_of(results: Sequence[Checked]) -> list[Finding]:
    """What is wrong, told once: a finding that some have and others that read the same file have not says whose it is."""
    if len(results) == 1:
        return list(results[0].findings)
    found: dict[tuple[Any, ...], tuple[Finding, list[Checked]]] = {}
    for result in results:
        count: Counter[tuple[Any, ...]] = Counter()
        for finding in result.findings:
            same = _same(finding)
            count[same] += 1  # two fields may be missing at one place
            found.setdefault((*same, count[same]), (finding, []))[1].append(result)
    told = [_whose(finding, owners, results) for finding, owners in found.values()]
    return places.locate(told)


def _same(finding: Finding) -> tuple[Any, ...]:
    """What makes two findings one, whatever workspace their words name."""
    if finding.place is None:
        return (finding.rule, finding.message, finding.subject)
    pointer = finding.spot and (finding.spot.pointer, finding.spot.on)
    return (finding.rule, finding.severity, finding.place, pointer, tuple(related.place for related in finding.related))


def _whose(finding: Finding, owners: Sequence[Checked], results: Sequence[Checked]) -> Finding:
    if finding.place is None or len(owners) == len(results):
        return finding
    readers = [result for result in results if result.reads(finding.place.file)]
    if len(readers) <= len(owners):
        return finding
    names = list(dict.fromkeys(name for owner in owners for name in owner.check.environments))
    word = "environment" if len(names) == 1 else "environments"
    return finding._replace(message=f"{finding.message} (in {word} {', '.join(names)})")
