"""`--guardrails-from REF`: the project file as a commit has it, so that a change cannot lift what holds it back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from gatectl.applying import stricter
from gatectl.applying.allowance import Allowance
from gatectl.clock import NEVER, Deadline
from gatectl.errors import InputError
from gatectl.manifests import sources
from gatectl.manifests.nodes import MAX_BYTES
from gatectl.model import SourceFile
from gatectl.opening import InvalidProject, make_checked_project
from gatectl.project import Environment, Project, bare_project


def guardrails_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option of every command that holds to the guards of another commit."""
    option = click.option(
        "--guardrails-from",
        metavar="REF",
        help="The guardrails, rules and exclude of this commit hold too, the stricter of each.",
    )
    return option(function)


def hold_to(
    project: Project, environment: Environment, ref: str, until: Deadline, allowed: Allowance
) -> tuple[Project, Environment, stricter.Changes]:  # fmt: skip
    """Both with the guards of a commit, and what its project file says otherwise. Raises as `read_base`."""
    base, since = read_base(project, ref, until)
    found = stricter.changes(project, [environment.name], base, since)
    return *stricter.stricter(project, environment, base, allowed), found


def read_base(project: Project, ref: str, until: Deadline = NEVER) -> tuple[Project, str]:
    """The project as a commit has it (without a file there, a bare one), and the commit's short id.

    Raises UsageError for what is no commit, or outside of a checkout; InputError where git fails or the file is not valid,
    DeadlinePassed.
    """
    from gatectl.manifests.commits import History

    with History(project.folder, until, project.environ) as history:
        commit = history.resolve(ref, "--guardrails-from")
        files = {file.path: file for file in history.files(commit.oid)}
        since, top = commit.oid[:12], history.top
        found = next((files[path] for path in _places(project, top) if path in files), None)
        if found is None:
            return bare_project(project.folder), since
        if found.size > MAX_BYTES:
            raise _unreadable(since, f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
        content = history.contents([found.oid])[found.oid]
    try:
        return make_checked_project(
            SourceFile(f"{found.path} of {since}", content), _now(project, top, found.path)
        ), since
    except InvalidProject as invalid:
        raise _unreadable(since, invalid.message) from invalid


def _unreadable(since: str, why: str) -> InputError:
    return InputError(
        f"the project file of commit {since} is not valid: {why}", "name a commit whose project file is valid"
    )


def _now(project: Project, top: str, path: str) -> Path:
    """Where a file of a commit would lie in the checkout, called as the project's own files are, links and all: what it
    excludes is relative to that."""
    real = os.path.join(top, path)
    if project.file is not None and os.path.realpath(project.file) == real:
        return project.file
    for folder in (project.folder, *project.folder.parents):
        if os.path.realpath(folder) == os.path.dirname(real):
            return folder / os.path.basename(path)
    return Path(real)


def _places(project: Project, top: str) -> Iterator[str]:
    """Where a commit may have the project file: where it lies now, else upwards, as it would be found."""
    if project.file is not None:
        yield os.path.relpath(os.path.realpath(project.file), top).replace(os.sep, "/")
    folder = os.path.relpath(os.path.realpath(project.folder), top).replace(os.sep, "/")
    parts = [] if folder == "." else folder.split("/")
    for length in range(len(parts), -1, -1):
        yield "/".join([*parts[:length], sources.PROJECT_FILE])
