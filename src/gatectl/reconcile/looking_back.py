"""What is remembered of the last apply in an environment: what its project file said, and its commit. What followed from that file
holds on, and a checkout that is older than that commit is told.

Nothing is asked of git that the records know: the project file is kept with the run, so a shallow clone can be held to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final, NamedTuple

from gatectl.applying.stricter import changes, stricter
from gatectl.clock import Deadline
from gatectl.documents.history import Entry, was_applied
from gatectl.documents.limits import Older
from gatectl.documents.plans import Remarks
from gatectl.errors import InputError, PlatformError, UsageError
from gatectl.files.fences import PROJECT_FILE
from gatectl.manifests import commits, sources
from gatectl.manifests.parse import parse
from gatectl.manifests.validate import check_project
from gatectl.model import Change, SourceFile
from gatectl.project import Project, decisive, make_project
from gatectl.quote import quote
from gatectl.reconcile.request import Request
from gatectl.records.interface import HistoryReader, Scope

_LOOKED_AT: Final = 200
"""How many of the newest runs are looked at for one that applied something, and for one of a commit."""
_OID: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)


class Before(NamedTuple):
    """What is remembered of before: the newest run that applied something and kept what its project file said, and the newest of a
    commit. `file`: what that project file said (None: nothing is known, or nothing differs from it now)."""

    file: Mapping[str, object] | None = None
    since: str = ""
    commit: str | None = None
    run: str | None = None


NOTHING_BEFORE: Final = Before()


def look_back(request: Request, history: HistoryReader, place: Callable[[], str | None]) -> Before:
    """What a history remembers of the last apply of this project and environment. Raises PlatformError where it cannot be read."""
    if history.instance is None:
        return NOTHING_BEFORE
    project, environment = request.project, request.environment
    scope = Scope(project.name, project.uid, environment.name, place())
    found = NOTHING_BEFORE
    kept: Entry | None = None
    for entry in filter(was_applied, islice(history.runs(scope), _LOOKED_AT)):
        if kept is None and entry.get("projectFile") is not None:
            kept = entry
        if found.run is None and (commit := entry["source"]["commit"]) is not None:
            found = found._replace(commit=commit, run=entry["run"])
        if kept is not None and found.run is not None:
            break
    if kept is None or kept["projectFile"] == decisive(project, environment):
        return found
    commit = kept["source"]["commit"]
    return found._replace(file=kept["projectFile"], since=commit[:12] if commit else f"run {kept['run']}")


def held_to(request: Request, before: Before) -> Request:
    """The request with what the project file of the last apply holds too, the stricter of each guard.

    Raises PlatformError for one that is not as it was written.
    """
    if before.file is None:
        return request
    project, environment = request.project, request.environment
    base = _project_of(project, before)
    changed = request.changed or changes(project, [environment.name], base, before.since)
    project, environment = stricter(project, environment, base, request.allowed)
    return request._replace(project=project, environment=environment, changed=changed)


def _project_of(now: Project, before: Before) -> Project:
    """The project that a run was of, as the records have it. It lies where the project lies now."""
    data = {
        "apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "kept"}, "spec": before.file,
    }  # fmt: skip
    source = SourceFile(f"the project file of {before.since}", json.dumps(data).encode("utf-8", "backslashreplace"))
    parsed = parse(source)
    wrong = [*parsed.findings, *check_project(parsed.documents[0], sources.read_schema("project"))]
    if any(finding.severity == "error" for finding in wrong):
        raise PlatformError(
            f"what the project file said when it was applied last ({quote(before.since)}) is not as it was written,"
            f" or a newer gatectl wrote it: {quote(wrong[0].message)}",
            "use the gatectl that applied it, or restore the records",
        )
    return make_project(now.file or now.folder / PROJECT_FILE, parsed.documents[0].data)


def reads_otherwise(one: Request, other: Request) -> bool:
    """Whether two requests of one project may find other things in its manifests."""
    return (one.project.rules, one.project.exclude) != (other.project.rules, other.project.exclude)


def older(request: Request, commit: str | None, before: Before) -> Older | None:
    """What a plan that destroys something says of its commit (None: there is none) where the one that was applied last is not an
    ancestor of it, or nobody can tell; else None. Raises DeadlinePassed."""
    if before.commit is None or before.run is None or before.commit == commit or request.project.given is not None:
        return None
    found = _leads(request, before.commit, commit)
    if found:
        return None
    return {"commit": before.commit, "run": before.run, "known": found is not None}


def older_on(
    request: Request, arranged: Iterable[tuple[Change, tuple[str, ...]]], commit: str | None, before: Before
) -> Remarks:
    """The same as a remark of a plan of these changes."""
    destroys = any(change.detach or change.action == "delete" for change, _ in arranged)
    found = older(request, commit, before) if destroys else None
    return {} if found is None else {"older": found}


def _leads(request: Request, ancestor: str, commit: str | None) -> bool | None:
    """Whether a commit has another as an ancestor; None: that cannot be told here."""
    if commit is None or not (_OID.fullmatch(ancestor) and _OID.fullmatch(commit)):
        return None
    exported = request.project.exported
    if exported is not None:
        return exported.follows(ancestor) if commit == exported.commit else None
    until = Deadline(request.ends, request.clock)
    try:
        with commits.History(request.project.folder, until, request.project.environ) as history:
            return history.is_ancestor(ancestor, commit)
    except (UsageError, InputError):
        return None


def head_of(request: Request) -> str | None:
    """The commit that is checked out; None: there is none, or git cannot tell. Raises DeadlinePassed."""
    if request.project.exported is not None:
        return request.project.exported.commit
    until = Deadline(request.ends, request.clock)
    try:
        with commits.History(request.project.folder, until, request.project.environ) as history:
            return history.head().oid
    except (UsageError, InputError):
        return None
