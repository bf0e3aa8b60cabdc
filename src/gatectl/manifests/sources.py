"""Paths become bytes; schemas become dicts. The only module that reads manifests from the file system.

Files are found in the order of their path's bytes. Symbolic links are followed once, and never out of the project.
What cannot be read is a finding (GW101, GW105, GW106), and what is ours and is not read is one too (GW108), so that the
rest is still checked.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatectl.errors import InputError
from gatectl.files import fences
from gatectl.manifests.exclusion import Excluded, exclusion
from gatectl.manifests.nodes import MAX_BYTES
from gatectl.model import Finding, Place, SourceFile
from gatectl.project import Patterns
from gatectl.quote import quote

PROJECT_FILE: Final = fences.PROJECT_FILE
STANDARD_INPUT: Final = "-"
SUFFIXES: Final = (".yaml", ".yml")
"""What the names of manifest files end with, in any case."""

_CHUNK: Final = 1 << 20
_GLANCE: Final = 1 << 16
_NEAR: Final = re.compile(r"\.(?:ya?ml(?:[.~_-].*|~)|ymal|yalm|yam|ylm|ymll|yamll|json|jsonc|json5)\Z", re.IGNORECASE)
"""Suffixes that somebody may take for ours: a copy put aside, a slip of the finger, JSON."""

_OURS: Final = re.compile(
    rb"""^[\s{]*["']?apiVersion["']?[ \t]*:[ \t]*["']?gatectl\.io/|"apiVersion"\s*:\s*"gatectl\.io/""", re.MULTILINE
)
_PROJECT, _FLEET = (
    re.compile(
        rb"""^(?:\{.*?)?["']?kind["']?[ \t]*:[ \t]*["']?%b\b|^[ \t]*"kind"[ \t]*:[ \t]*"%b\"""" % (kind, kind),
        re.MULTILINE,
    )
    for kind in (b"Project", b"Fleet")
)


NOT_THERE: Final = "no such file or folder"
"""What is said of a path that leads nowhere."""


class Read(NamedTuple):
    """What the paths hold: the files that could be read, in order, and what is wrong with the others.

    `found` says which files each path led to, so that a path without a manifest can be told (GW106); `projects` are the
    folders that were passed over because they hold a project file of their own.
    """

    files: list[SourceFile]
    findings: list[Finding]
    found: dict[str, list[str]]
    projects: list[str]


class _Bounds(NamedTuple):
    """What a search does not go beyond: links out of the fence, what is excluded, other projects (found, and listed)."""

    fence: str
    excluded: Excluded | None
    own: Path | None
    projects: list[str]


def read_manifests(
    paths: Sequence[str | Path], root: Path, project_file: Path | None = None, exclude: Sequence[Patterns] = ()
) -> Read:
    """The bytes of every manifest file under the paths, each file once.

    `root` is the folder that links may not lead out of (a path given from outside it may not be left either);
    `project_file` is skipped, and so is every folder below the paths that holds another project's, and what each of `exclude`
    names; a path that is named is read whatever they say. A path that does not exist, or is a project file, is GW106.
    """
    read = Read([], [], {}, [])
    seen = _identities(project_file)
    fence = os.path.realpath(root)
    bounds = _Bounds(
        fence,
        exclusion([e._replace(folder=Path(os.path.abspath(e.folder))) for e in exclude]),
        project_file,
        read.projects,
    )
    for path in map(str, paths):
        if path == STANDARD_INPUT:
            if path not in read.found:
                read.files.append(SourceFile(path, sys.stdin.buffer.read(MAX_BYTES + 1), os.getcwd()))
            read.found[path] = [path]
            continue
        absolute = os.path.abspath(path)
        found = read.found.setdefault(absolute, [])
        if is_project_file(absolute, project_file):
            read.findings.append(
                _finding("GW106", absolute, "this is a project file: it holds no manifest",
                         "leave it out, and the project's manifests are read; --project FILE chooses a project")
            )  # fmt: skip
            continue
        for name in _find(absolute, bounds, read.findings):
            found.append(name)
            _read_once(name, seen, read.files, read.findings)
    return read


def is_manifest_name(name: str) -> bool:
    """Whether a file of this name is read when its folder is."""
    return name.endswith(SUFFIXES) or name.lower().endswith(SUFFIXES)


def is_project_file(path: str, own: Path | None = None) -> bool:
    """Whether a path is the project's `own` file, or any other project's: called as they are, and saying that it is one."""
    if own is not None and path == os.path.abspath(own):
        return True
    return os.path.basename(path) == PROJECT_FILE and says_project(beginning(path))


def says_project(content: bytes) -> bool:
    """Whether a file says that it is a project's, however broken it is; a manifest may bear that file's name too."""
    return _PROJECT.search(content) is not None


def says_fleet(content: bytes) -> bool:
    """Whether a file says that it is a fleet's, however broken it is."""
    return _FLEET.search(content) is not None


def beginning(path: str) -> bytes:
    """The first bytes of a regular file; none of anything else, or of what cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with open(path, "rb") as stream:
            return stream.read(_GLANCE)
    except OSError:
        return b""


def find_projects(folder: str) -> list[str]:
    """The project files below a folder (its own included), in order. Hidden names and links are not looked into."""
    found, folders = [], [folder]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue  # whoever reads it reports it
        for entry in entries:
            if _is_project(entry):
                found.append(entry.path)
            elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return sorted(found, key=os.fsencode)


def _identities(project_file: Path | None) -> set[tuple[int, int]]:
    """What is read already, by device and inode: the project file, however a path leads to it."""
    try:
        status = os.stat(project_file) if project_file is not None else None
    except OSError:
        status = None
    return set() if status is None else {(status.st_dev, status.st_ino)}


def first_place(path: str) -> Place:
    """The place of what concerns a file as a whole."""
    return Place(path, 1, 1, 1, 1)


def _finding(rule: str, path: str, message: str, hint: str | None) -> Finding:
    return Finding(rule, message, hint, place=first_place(path))


def _leads_out(path: str) -> Finding:
    hint = "copy the file, or move it into the project"
    return _finding("GW101", path, "a symbolic link leads out of the project", hint)


def _find(path: str, bounds: _Bounds, findings: list[Finding]) -> Iterator[str]:
    """The files of one path given on the command line: itself, or all manifests below it.

    A path in the project is fenced like what is found there; one that lies elsewhere is the operator's word.
    """
    try:
        if fences.leaving(path, bounds.fence) is not None:
            findings.append(_leads_out(path))
            return
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR) and not os.path.islink(path):
            findings.append(_finding("GW106", path, NOT_THERE, "check the path, or the working directory"))
        else:
            findings.append(_unreadable(path, error))
        return
    if not stat.S_ISDIR(mode):
        yield path
        return
    real = os.path.realpath(path)
    fence = bounds.fence
    if real != fence and not real.startswith(fence + os.sep):
        bounds = bounds._replace(fence=real)
    yield from sorted(_walk(path, bounds, real, findings), key=os.fsencode)


def _walk(top: str, bounds: _Bounds, real_top: str, findings: list[Finding]) -> Iterator[str]:
    """All manifests below a folder. Links to folders are followed last and in order, so that a folder that is reached in
    two ways has one name, its own, whatever order the file system lists things in. The real path of what is no link is that of
    its folder and its name: asking for it anew, at every depth for all that is above, takes minutes in deep trees."""
    visited = {real_top}
    folders, links = [(top, real_top)], list[str]()
    while folders or links:
        if folders:
            folder, real = folders.pop()
        else:
            links.sort(key=os.fsencode, reverse=True)
            folder = links.pop()
            real = os.path.realpath(folder)
            if real in visited:
                continue
            visited.add(real)
        for entry in _entries(folder, top, bounds, findings):
            if not _is_folder(entry):
                if _is_manifest(entry, findings):
                    yield entry.path
            elif entry.is_symlink():
                links.append(entry.path)
            elif (below := os.path.join(real, entry.name)) not in visited:
                visited.add(below)
                folders.append((entry.path, below))


def _entries(folder: str, top: str, bounds: _Bounds, findings: list[Finding]) -> list[os.DirEntry[str]]:
    """What a folder holds, as far as it may be read; of another project's, nothing."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        findings.append(_unreadable(folder, error))
        return []
    if _is_other_project(folder, entries, top, bounds):
        return []
    return [entry for entry in entries if _may_be_read(entry, bounds, findings)]


def _may_be_read(entry: os.DirEntry[str], bounds: _Bounds, findings: list[Finding]) -> bool:
    if entry.name.startswith("."):
        return False
    if bounds.excluded is not None and bounds.excluded(entry.path, _is_folder(entry)):
        return False
    return not entry.is_symlink() or _link_allowed(entry, bounds.fence, findings)


def _is_manifest(entry: os.DirEntry[str], findings: list[Finding]) -> bool:
    """Whether a file that a search came to is to be read; one that seems to be ours and is not, is told."""
    if is_manifest_name(entry.name):
        return entry.name != PROJECT_FILE or not _is_project(entry)
    if _NEAR.search(entry.name) and not entry.is_symlink():
        findings.extend(_not_read(entry))
    return False


def _is_project(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a project file; a link is what it is called, and makes no project of a folder."""
    return entry.name == PROJECT_FILE and not entry.is_symlink() and says_project(beginning(entry.path))


def _is_other_project(folder: str, entries: Sequence[os.DirEntry[str]], top: str, bounds: _Bounds) -> bool:
    """Whether a folder that a search came to is another project, which is noted; one that was asked for is none."""
    if folder == top:
        return False
    for entry in entries:
        if _is_project(entry):
            if bounds.own is not None and os.path.realpath(entry.path) == os.path.realpath(bounds.own):
                return False
            bounds.projects.append(folder)
            return True
    return False


def _not_read(entry: os.DirEntry[str]) -> Iterator[Finding]:
    """GW108 for a file that is ours by what it says, and is not read because of its name."""
    content = beginning(entry.path)
    if _OURS.search(content) is None:
        return
    if entry.name.lower().endswith(".json"):
        if not _is_json_manifest(entry.path):
            return
        hint = "call it *.yaml: JSON is YAML too"
    else:
        hint = "call it *.yaml or *.yml, or remove it"
    message = "this file is a manifest by what it says, and is not read: its name ends with neither .yaml nor .yml"
    place = first_place(entry.path)
    yield Finding("GW108", message, f"{hint}; `exclude` in the project file silences this", "warning", place=place)


def _is_json_manifest(path: str) -> bool:
    """Whether the top level of a JSON file has our apiVersion, and a kind of manifests."""
    import json

    try:
        with open(path, "rb") as stream:
            data = json.loads(stream.read(MAX_BYTES + 1))
    except (OSError, ValueError, RecursionError):
        return False
    if not isinstance(data, dict) or not str(data.get("apiVersion")).startswith("gatectl.io/"):
        return False
    return isinstance(data.get("kind"), str) and data["kind"] != "Project"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _link_allowed(entry: os.DirEntry[str], fence: str, findings: list[Finding]) -> bool:
    """Whether a symbolic link may be followed; links that are no manifest and no folder are passed over in silence."""
    if not is_manifest_name(entry.name) and not _is_folder(entry):
        return False
    target = os.path.realpath(entry.path)
    if target == fence or target.startswith(fence + os.sep):
        return True
    findings.append(_leads_out(entry.path))
    return False


def _read_once(path: str, seen: set[tuple[int, int]], files: list[SourceFile], findings: list[Finding]) -> None:
    try:
        # Not blocking, so that a FIFO without a writer is an error and not an endless wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        findings.append(_unreadable(path, error))
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            findings.append(
                _finding("GW101", path, f"not a regular file but {_sort(status.st_mode)}", "remove or rename it")
            )
            return
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return
        seen.add(identity)
        if status.st_size > MAX_BYTES:
            message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
            findings.append(_finding("GW105", path, message, "split it into several files"))
            return
        files.append(SourceFile(path, _read(descriptor, status.st_size)))
    except OSError as error:
        findings.append(_unreadable(path, error))
    finally:
        os.close(descriptor)


def _read(descriptor: int, size: int) -> bytes:
    content = os.read(descriptor, size + 1)
    if len(content) == size:
        return content
    chunks = [content]
    while chunks[-1] and sum(map(len, chunks)) <= MAX_BYTES:
        chunks.append(os.read(descriptor, _CHUNK))
    return b"".join(chunks)


def _sort(mode: int) -> str:
    names = {
        stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }  # fmt: skip
    return names.get(stat.S_IFMT(mode), "something else")


def _unreadable(path: str, error: OSError) -> Finding:
    reason = error.strerror or str(error)
    hints = {errno.EACCES: "give yourself permission to read it", errno.ELOOP: "remove the circle of symbolic links",
             errno.ENOENT: "the symbolic link leads nowhere"}  # fmt: skip
    return _finding("GW101", path, f"cannot be read: {reason}", hints.get(error.errno or 0))


def inputs(files: Iterable[SourceFile]) -> list[tuple[str, str]]:
    """The path and SHA-256 of each file, as a plan records them."""
    return [(file.path, hashlib.sha256(file.content).hexdigest()) for file in files]


def read_file(path: Path, limit: int = MAX_BYTES * 32) -> SourceFile:
    """One file that is not a manifest, whole, of at most `limit` bytes. Raises InputError with what to do."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise InputError(
            f"{quote(path)} cannot be read: {error.strerror}", "check the path, or the working directory"
        ) from error
    if len(content) > limit:
        raise InputError(f"{quote(path)} is larger than {limit // 1024 // 1024} MiB")
    return SourceFile(os.path.abspath(path), content)


def schema_folder() -> Path:
    """Where the schemas are: inside the installed package, or at the top of the checkout."""
    here = Path(__file__).resolve().parent.parent
    packaged = here / "_schemas"
    return packaged if packaged.is_dir() else here.parent.parent / "schemas"


def read_schema(name: str) -> Mapping[str, Any]:
    """The JSON Schema of that name: "repository", "plan", …"""
    import json

    try:
        schema = json.loads((schema_folder() / f"{quote(name)}.schema.json").read_bytes())
    except OSError as error:
        raise InputError(
            f"the schema {quote(name)} is missing from the installation", "install gatectl again"
        ) from error
    assert isinstance(schema, dict)
    return schema
