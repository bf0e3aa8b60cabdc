"""Whether all manifests that there are were there to be read, or git has left some out of the checkout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from gatectl.clock import Deadline
from gatectl.errors import DeadlinePassed, InputError, UsageError
from gatectl.files import fences
from gatectl.manifests.exclusion import exclusion
from gatectl.manifests.git import NotInstalled, Repository, failed
from gatectl.manifests.sources import is_manifest_name
from gatectl.project import Exported, Project
from gatectl.quote import quote

_SUBMODULE: Final = b"160000"
_SKIPPED: Final = b"S"


def left_out(project: Project, paths: Sequence[str | Path], until: Deadline) -> str | None:
    """Why the files below some paths may not be all that there are: of a sparse checkout, or of a submodule that was not fetched.
    None where all are there, or there is no git that knows. Raises DeadlinePassed."""
    exported = project.exported
    return _asked(project, paths, until) if exported is None else _submodule(exported, paths)


def _asked(project: Project, paths: Sequence[str | Path], until: Deadline) -> str | None:
    try:
        repository = Repository(project.folder, until, project.environ)
    except (UsageError, NotInstalled):
        return None
    except DeadlinePassed:
        raise
    except InputError as error:
        return f"git does not tell whether they are all there: {error.message}"
    with closing(repository):
        inside = [name for path in paths if (name := repository.inside(path)) is not None]
        answer = repository.ask("ls-files", "-t", "-s", "-z", "--", *inside) if inside else None
        if answer is not None and answer.code != 0:
            return f"git does not tell whether they are all there: {failed('ls-files', answer).message}"
        listed = answer.output if answer is not None else b""
        missing = list(_not_passed_over(project, repository.top, _missing(listed, repository.top), inside))
    if not missing:
        return None
    more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
    return f"git has left out {quote(missing[0])}{more}"


def _submodule(exported: Exported, paths: Sequence[str | Path]) -> str | None:
    """The same of a commit that was written out, without its submodules."""
    for name in exported.left_out:
        below = os.path.join(os.path.realpath(exported.top), name)
        for path in map(os.path.realpath, paths):
            if fences.is_inside(below, path) or fences.is_inside(path, below):
                return f"git has left out {quote(name)}, a submodule"
    return None


def _not_passed_over(project: Project, top: str, names: Iterable[str], inside: Sequence[str]) -> Iterator[str]:
    """Those that would have been read: neither excluded nor in a folder that is not looked into."""
    excluded = exclusion(project.exclude)
    for name in names:
        if not _passed_over(name, inside) and not (excluded and excluded(os.path.join(top, name), False)):
            yield name


def _missing(listed: bytes, top: str) -> Iterator[str]:
    """The manifests, and the submodules, that are in git's index and not in the working tree, relative to the top."""
    for line in listed.split(b"\0"):
        about, _, name = line.partition(b"\t")
        tag, _, rest = about.partition(b" ")
        path = os.fsdecode(name)
        if rest.startswith(_SUBMODULE):
            if not os.path.lexists(os.path.join(top, path, ".git")):
                yield path
        elif tag == _SKIPPED and is_manifest_name(path) and not os.path.lexists(os.path.join(top, path)):
            yield path


def _passed_over(name: str, inside: Sequence[str]) -> bool:
    """Whether it lies in a folder that is not looked into, whichever of the paths it is reached by."""
    below = ["" if path == "." else f"{path}/" for path in inside]
    rests = [name.removeprefix(prefix) for prefix in below if name.startswith(prefix)]
    return bool(rests) and all(any(part.startswith(".") for part in rest.split("/")) for rest in rests)
