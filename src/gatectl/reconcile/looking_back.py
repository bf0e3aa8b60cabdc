"""What is remembered of the last apply in an environment: what its project file said, and its commit. What followed from that file
holds on, and a checkout that is older than that commit is told.

Nothing is asked of git that the records know: the project file is kept with the run, so a shallow clone can be held to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cache
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from gatectl.applying.stricter import changes, stricter
from gatectl.clock import Deadline
from gatectl.documents.history import Entry, was_applied
from gatectl.documents.limits import Older
from gatectl.documents.plans import Records, Remarks
from gatectl.errors import InputError, PlatformError, UsageError
from gatectl.files.fences import PROJECT_FILE
from gatectl.manifests import commits, sources
from gatectl.manifests.parse import parse
from gatectl.manifests.validate import check_project
from gatectl.model import Change, SourceFile
from gatectl.platforms.interface import Connection, Reader
from gatectl.project import Project, decisive, make_project
from gatectl.quote import quote
from gatectl.reconcile.request import Request
from gatectl.reconcile.scope import where_kept
from gatectl.records import read_history
from gatectl.records.interface import HistoryReader, Scope

_LOOKED_AT: Final = 200
"""How many of the newest runs are looked at for one that kept its project file, and for one of a commit."""
_OID: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)


class Commit(NamedTuple):
    """A commit that was applied, and by which run."""

    id: str
    run: str


def _no_commit() -> Commit | None:
    return None


class Before(NamedTuple):
    """What is remembered of before. `file`: what the project file said of the newest run that applied something and kept it (None:
    nothing is known, or nothing differs from it now). `last` tells the commit that was applied last; it is looked for when it is asked
    for, since that reads as many runs as had none."""

    file: Mapping[str, object] | None = None
    since: str = ""
    last: Callable[[], Commit | None] = _no_commit


NOTHING_BEFORE: Final = Before()


def look_back(
    request: Request, connection: Connection, place: Callable[[], str | None], reader: Reader | None = None
) -> tuple[Records | None, Before]:
    """The store of the runs, as a plan names it, and what it remembers of the last apply of this project and environment. A `reader`
    of the platform that is open already serves for what the platform itself remembers.

    Raises UntrustedStore, UsageError, PlatformError where it cannot be read.
    """
    with closing(read_history(connection, reader)) as history:
        return where_kept(connection, history), _before(request, connection, history, place)


def _before(
    request: Request, connection: Connection, history: HistoryReader, place: Callable[[], str | None]
) -> Before:  # fmt: skip
    if history.instance is None:
        return NOTHING_BEFORE
    project, environment = request.project, request.environment
    scope = Scope(project.name, project.uid, environment.name, place())

    @cache
    def last() -> Commit | None:
        with closing(read_history(connection)) as again:
            commits_of = ((entry["source"]["commit"], entry["run"]) for entry in _applied(again, scope))
            return next((Commit(commit, run) for commit, run in commits_of if commit is not None), None)

    kept = next((entry for entry in _applied(history, scope) if entry.get("projectFile") is not None), None)
    if kept is None or kept["projectFile"] == decisive(project, environment):
        return Before(last=last)
    commit = kept["source"]["commit"]
    return Before(kept["projectFile"], commit[:12] if commit else f"run {kept['run']}", last)


def _applied(history: HistoryReader, scope: Scope) -> Iterator[Entry]:
    """The newest runs, as far as they applied something."""
    return filter(was_applied, islice(history.runs(scope), _LOOKED_AT))


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
    ancestor of it, or nobody can tell; else None. Raises DeadlinePassed, PlatformError."""
    last = before.last() if request.project.given is None else None
    if last is None or last.id == commit:
        return None
    found = _leads(request, last.id, commit)
    return None if found else {"commit": last.id, "run": last.run, "known": found is not None}


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
    return _asked(request, lambda history: history.is_ancestor(ancestor, commit))


def head_of(request: Request) -> str | None:
    """The commit that is checked out; None: there is none, or git cannot tell. Raises DeadlinePassed."""
    if request.project.exported is not None:
        return request.project.exported.commit
    return _asked(request, lambda history: history.head().oid)


T = TypeVar("T")


def _asked(request: Request, ask: Callable[[commits.History], T]) -> T | None:
    """What git says of the checkout; None where there is none, or it cannot tell."""
    until = Deadline(request.ends, request.clock)
    try:
        with commits.History(request.project.folder, until, request.project.environ) as history:
            return ask(history)
    except (UsageError, InputError):
        return None
