"""Manifests as a tree of files has them, a commit's or one in memory: the files that `sources` would read if it lay on disk.
Reads no working file.

They go by the names that they have, or would have, in the checkout, and what is skipped there is skipped here: hidden
names, what `exclude` names, other projects, links that lead out of the project. Submodules are not looked into.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from gatectl.errors import UsageError
from gatectl.manifests import sources
from gatectl.manifests.commits import TreeFile
from gatectl.manifests.exclusion import exclusion
from gatectl.manifests.nodes import MAX_BYTES
from gatectl.model import Finding, SourceFile
from gatectl.project import Patterns
from gatectl.quote import quote

_LINK: Final = "120000"
_LONGEST_CHAIN: Final = 8


class Scope(NamedTuple):
    """A path to read: as findings name it, and as a commit has it (relative to the top; "" is the top itself)."""

    shown: str
    inside: str


class Trees(Protocol):
    """Where files come from: the real path of the top, the files of a tree, and the contents of some of them by oid."""

    @property
    def top(self) -> str: ...

    def files(self, tree: str) -> Iterable[TreeFile]: ...

    def contents(self, oids: Collection[str]) -> Mapping[str, bytes]: ...


class InMemory:
    """Files that a program hands in, by their path relative to `top`, which is nowhere."""

    def __init__(self, top: str, files: Mapping[str, bytes]) -> None:
        self.top = top
        self._files = files

    def files(self, tree: str) -> Sequence[TreeFile]:
        return [TreeFile("100644", path, len(content), path) for path, content in sorted(self._files.items())]

    def contents(self, oids: Collection[str]) -> Mapping[str, bytes]:
        return {oid: self._files[oid] for oid in oids}


class Committed:
    """Reads the manifests under some paths out of any tree. Raises UsageError for paths beyond it."""

    def __init__(
        self, history: Trees, paths: Sequence[str | Path], folder: Path, project_file: Path | None = None,
        exclude: Sequence[Patterns] = (),
    ) -> None:  # fmt: skip
        self._history = history
        self._excluded = exclusion([e._replace(folder=Path("/", self._inside(str(e.folder)) or "")) for e in exclude])
        self.scopes = [self._scope(str(path)) for path in paths]
        self._fence = self._inside(str(folder)) or ""
        own = self._inside(str(project_file)) if project_file is not None else None
        self._skipped = frozenset(() if own is None else (own,))

    def _scope(self, path: str) -> Scope:
        if path == sources.STANDARD_INPUT:
            raise UsageError("standard input is in no commit", "name files or folders of the checkout")
        inside = self._inside(path)
        if inside is None:
            raise UsageError(
                f"{quote(path)} is not in the git checkout {quote(self._history.top)}", "name a path inside it"
            )
        return Scope(os.path.abspath(path), inside)

    def _inside(self, path: str) -> str | None:
        real, top = os.path.realpath(path), self._history.top
        if real == top:
            return ""
        prefix = top.rstrip(os.sep) + os.sep
        return real[len(prefix) :].replace(os.sep, "/") if real.startswith(prefix) else None

    def shown(self, path: str) -> str | None:
        """What a path of a commit is called; None for one that is no manifest of these."""
        for scope in self.scopes:
            if path == scope.inside:
                return scope.shown
            rest = _below(scope, path)
            if rest is not None and path not in self._skipped and _is_manifest(rest) and not self._left_out(path):
                return _join(scope.shown, rest)
        return None

    def read(self, tree: str, without: Collection[str] = ()) -> sources.Read:
        """The manifests of a commit or tree, but for the paths that it is to be read `without`."""
        files = {file.path: file for file in self._history.files(tree)}
        read = sources.Read([], [], {}, [])
        projects = self._projects(files)
        seen = {*self._skipped, *without, *projects}
        picked: list[tuple[str, TreeFile]] = []
        for scope in self.scopes:
            led = read.found.setdefault(scope.shown, [])
            for shown, file in sorted(self._find(scope, files, read.findings), key=lambda f: os.fsencode(f[0])):
                led.append(shown)
                if file.path not in seen and not _in_another(file.path, scope, projects):
                    seen.add(file.path)
                    picked.append((shown, file))
        contents = self._history.contents([file.oid for _, file in picked if file.size <= MAX_BYTES])
        for shown, file in picked:
            if file.size <= MAX_BYTES:
                read.files.append(SourceFile(shown, contents[file.oid]))
            else:
                message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
                read.findings.append(_finding("GW105", shown, message, "split it into several files"))
        return read

    def _find(
        self, scope: Scope, files: Mapping[str, TreeFile], findings: list[Finding]
    ) -> Iterator[tuple[str, TreeFile]]:
        if scope.inside in files:
            yield from self._named(scope, files)
        else:
            yield from self._within_folder(scope, files, findings)

    def _named(self, scope: Scope, files: Mapping[str, TreeFile]) -> Iterator[tuple[str, TreeFile]]:
        target = self._follow(scope.inside, files)
        if target is not None and target in files:
            yield scope.shown, files[target]

    def _within_folder(
        self, scope: Scope, files: Mapping[str, TreeFile], findings: list[Finding]
    ) -> Iterator[tuple[str, TreeFile]]:
        below = [(rest, file) for path, file in files.items() if (rest := _below(scope, path)) is not None]
        if not below:
            findings.append(_finding("GW106", scope.shown, sources.NOT_THERE, "check the path"))
        seen = [(rest, file) for rest, file in below if not self._is_hidden(rest, file)]
        direct = {file.path: rest for rest, file in seen if file.mode != _LINK and _is_manifest(rest)}
        yield from ((_join(scope.shown, rest), files[path]) for path, rest in direct.items())
        yield from self._through(scope, [rest for rest, file in seen if file.mode == _LINK], direct, files, findings)

    def _through(
        self, scope: Scope, links: Iterable[str], direct: Collection[str], files: Mapping[str, TreeFile],
        findings: list[Finding],
    ) -> Iterator[tuple[str, TreeFile]]:  # fmt: skip
        """What is reached through symbolic links, but for what also is where it is reached (`direct`): a file that is reached in
        two ways through folders has one name, its own."""
        for rest in sorted(links, key=os.fsencode):
            for shown, file in self._linked(scope, rest, files, findings):
                if file.path not in direct or shown == _join(scope.shown, rest):
                    yield shown, file

    def _is_hidden(self, rest: str, file: TreeFile) -> bool:
        return any(part.startswith(".") for part in rest.split("/")) or self._left_out(file.path)

    def _projects(self, files: Mapping[str, TreeFile]) -> frozenset[str]:
        """The files of other projects."""
        named = [f for path, f in files.items() if posixpath.basename(path) == sources.PROJECT_FILE and f.mode != _LINK]
        named = [file for file in named if file.path not in self._skipped and file.size <= MAX_BYTES]
        contents = self._history.contents([file.oid for file in named])
        return frozenset(file.path for file in named if sources.says_project(contents[file.oid]))

    def _left_out(self, path: str) -> bool:
        return self._excluded is not None and self._excluded("/" + path, False)

    def _linked(
        self, scope: Scope, rest: str, files: Mapping[str, TreeFile], findings: list[Finding]
    ) -> Iterator[tuple[str, TreeFile]]:
        """What a symbolic link leads to: a manifest, or a folder of some; what else it may lead to is passed over."""
        shown = _join(scope.shown, rest)
        target = self._follow(posixpath.join(scope.inside, rest), files)
        below = [path for path in files if target is not None and path.startswith(f"{target}/")]
        if not below and not _is_manifest(rest):
            return
        if target is None or not _within(target, self._fence):
            message, hint = "a symbolic link leads out of the project", "copy the file, or move it into the project"
            findings.append(_finding("GW101", shown, message, hint))
        elif target in files:
            yield shown, files[target]
        elif below:
            yield from (
                (_join(shown, path[len(target) + 1 :]), files[path]) for path in below if _reads(files, target, path)
            )
        else:
            findings.append(_finding("GW101", shown, "cannot be read: No such file or directory",
                                     "the symbolic link leads nowhere"))  # fmt: skip

    def _follow(self, path: str, files: Mapping[str, TreeFile]) -> str | None:
        """Where a path leads in the end, relative to the top; None: out of the checkout, or in a circle."""
        for _ in range(_LONGEST_CHAIN):
            file = files.get(path)
            if file is None or file.mode != _LINK:
                return path
            link = os.fsdecode(self._history.contents([file.oid])[file.oid])
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
            if path.startswith(("/", "../")) or path == "..":
                return None
        return None


def _below(scope: Scope, path: str) -> str | None:
    """A path relative to the folder of a scope; None for one that is not below it."""
    if not scope.inside:
        return path
    prefix = f"{scope.inside}/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def _in_another(path: str, scope: Scope, projects: Collection[str]) -> bool:
    """Whether a file lies in a folder below the scope that is another project."""
    folders = (posixpath.dirname(project) for project in projects)
    return any(folder != scope.inside and _within(path, folder) for folder in folders if folder)


def _reads(files: Mapping[str, TreeFile], folder: str, path: str) -> bool:
    """Whether a file below a folder that a link leads to is a manifest; links behind links are not followed."""
    return files[path].mode != _LINK and _is_manifest(path[len(folder) + 1 :])


def _within(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _is_manifest(rest: str) -> bool:
    parts = rest.split("/")
    return sources.is_manifest_name(parts[-1]) and not any(p.startswith(".") for p in parts)


def _join(shown: str, rest: str) -> str:
    return os.path.join(shown, *rest.split("/"))


def _finding(rule: str, path: str, message: str, hint: str) -> Finding:
    return Finding(rule, message, hint, place=sources.first_place(path))
