"""The patch of the manifests that belongs to an undo: the manifests as they lie in the checkout, and what they are to say. Reads, and
only reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gatectl.applying.rewriting import Read, Rewritten, Untold, rewrite
from gatectl.applying.saying import wanted_of
from gatectl.documents.findings import relative_to
from gatectl.files import fences
from gatectl.manifests import loading, sources
from gatectl.manifests.patches import Changed, patch_text
from gatectl.manifests.writing import file_stem
from gatectl.model import ObjectKey, SourceFile
from gatectl.planning.match import decide_workspaces
from gatectl.platforms import default_workspace_of
from gatectl.project import Project
from gatectl.quote import quote
from gatectl.reconcile.request import Request
from gatectl.reconcile.undoing import Seen

Files = Callable[[ObjectKey], str | None]
"""The file, as plans name files, that an object which is gone was declared in; None where nobody knows it."""


class Patch(NamedTuple):
    """What manifests are to say after an undo, as a patch (empty: they say so) of the files in a folder, the top of the checkout; and
    what is not in it, a line each. `emptied`: no manifest is left by it."""

    content: bytes
    folder: str
    untold: tuple[str, ...]
    emptied: bool = False


def patch_of(request: Request, seen: Seen, files: Files) -> Patch:
    """The patch of the environment's manifests that belongs to the plan of an undo. `files` knows those of what was deleted."""
    project = request.project
    paths = loading.manifest_paths(project, request.environment, ())
    workspace = default_workspace_of(request.environment)
    found = loading.read(project, paths)
    name_file = relative_to(str(project.folder))

    def read(changed: Mapping[str, bytes | None]) -> Read:
        loaded = loading.load_read(project, _with(found, changed), workspace)
        desired, undecided = decide_workspaces(loaded.desired, seen.default, seen.workspaces)
        return Read(loaded.files, desired, [*loaded.findings, *undecided])

    def home(key: ObjectKey) -> str:
        return _home(project, paths, found.files, key, files(key))

    now = read({})
    wanted = wanted_of(seen.plan["operations"], seen.already, seen.references)
    top = _top(project)
    made = rewrite(now, wanted, home, read, name_file)
    inside, outside = _placed(project, top, made)
    names = {file.path: file.content for file in now.files}
    content = patch_text(
        Changed(name, names.get(path), after, _is_program(project, path)) for path, (name, after) in inside.items()
    )
    untold = (*(_line(each, name_file) for each in made.untold), *(_outside(path, name_file) for path in outside))
    left = {manifest.document.file.path for manifest in now.desired.manifests} - {
        path for path, after in made.files.items() if after is None
    }
    return Patch(content, top, untold, bool(content) and not left and not any(made.files.values()))


def _with(found: sources.Read, changed: Mapping[str, bytes | None]) -> sources.Read:
    """What was read, with some files changed, gone or new."""
    files = [
        file._replace(content=changed.get(file.path) or b"") if file.path in changed else file for file in found.files
    ]
    known = {file.path for file in files}
    new = [SourceFile(path, content) for path, content in changed.items() if path not in known and content is not None]
    kept = [file for file in files if file.path not in changed or changed[file.path] is not None]
    return found._replace(files=[*kept, *new])


def _home(
    project: Project, paths: Sequence[str | Path], files: Sequence[SourceFile], key: ObjectKey, before: str | None
) -> str:  # fmt: skip
    """The file that an object is declared in again: the one that it was declared in, else one of its own among the manifests."""
    there = {file.path for file in files}
    for path in _candidates(project, paths, key, before):
        if path in there or not _exists(project, path):
            return path
    raise AssertionError("one of any number of names is free")


def _candidates(project: Project, paths: Sequence[str | Path], key: ObjectKey, before: str | None) -> Iterator[str]:
    tops = [str(path) for path in paths]
    if before is not None:
        path = os.path.normpath(os.path.join(project.folder, before))
        if sources.is_manifest_name(path) and any(fences.is_inside(path, top) for top in tops):
            yield path
    folder = next((top for top in tops if not sources.is_manifest_name(top)), None)
    if folder is None:
        yield tops[0]
    stem = os.path.join(folder or os.path.dirname(tops[0]), *file_stem(key).split("/"))
    yield f"{stem}.yaml"
    number = 2
    while True:
        yield f"{stem}-{number}.yaml"
        number += 1


def _exists(project: Project, path: str) -> bool:
    if project.given is not None:
        return relative_to(str(project.folder))(path) in project.given
    return os.path.lexists(path)


def _top(project: Project) -> str:
    """The folder that the patch is for: the top of the checkout, else the project's own."""
    if project.given is not None:
        return str(project.folder)
    return fences.find_top(project.folder) or os.path.realpath(project.folder)


def _placed(
    project: Project, top: str, made: Rewritten
) -> tuple[Mapping[str, tuple[str, bytes | None]], Sequence[str]]:  # fmt: skip
    """The files by their path, each as the patch names it: by what a link leads to; and those that lie elsewhere."""
    inside: dict[str, tuple[str, bytes | None]] = {}
    outside = []
    for path, content in made.files.items():
        real = path if project.given is not None else os.path.realpath(path)
        if fences.is_inside(real, top):
            inside[path] = (os.path.relpath(real, top).replace(os.sep, "/"), content)
        else:
            outside.append(path)
    return inside, outside


def _is_program(project: Project, path: str) -> bool:
    with suppress(OSError):
        return project.given is None and bool(os.stat(path).st_mode & stat.S_IXUSR)
    return False


def _line(each: Untold, name_file: Callable[[str], str]) -> str:
    """What is not in the patch: where it is, why, and what to do."""
    where = f"{quote(name_file(each.file))}{f':{each.line}' if each.line is not None else ''}: " if each.file else ""
    return f"{where}{each.key} is not in the patch: {each.why}; by hand: {each.by_hand}"


def _outside(path: str, name_file: Callable[[str], str]) -> str:
    return f"{quote(name_file(path))} is not in the patch: it does not lie in the checkout"
