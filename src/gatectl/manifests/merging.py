"""Manifests as git would merge them: what is wrong with a merge although nothing is wrong with either side of it.

Every tree is checked as `validate` checks files. What is found in a merge and in none of its sides exists only because of
the merge; for each place that such a finding names, it is told which side brings what stands there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatectl.clock import NEVER, Deadline
from gatectl.manifests import loading, places, sources
from gatectl.manifests.commits import Commit, History
from gatectl.manifests.committed import Committed
from gatectl.manifests.loading import Loaded
from gatectl.manifests.selection import Since
from gatectl.model import Finding, Manifest, Place, Related, SourceFile, Spot
from gatectl.project import Project
from gatectl.quote import quote

Signature = tuple[Any, ...]


class Forecast(NamedTuple):
    """What merging would bring: findings with their places, besides those of the files as they are.

    `ours` is what was merged with, `included` says that it held uncommitted changes; `merged` are those that git can merge.
    `contents` are the files that the findings are about, as they were found (None: differently in two merges).
    """

    findings: list[Finding]
    ours: str
    included: bool
    merged: list[str]
    contents: Mapping[str, bytes | None]

    def shown(self, files: Sequence[SourceFile], findings: Sequence[Finding]) -> list[SourceFile]:
        """The files, as far as they show what findings are about: those of the merges, and `findings` of the files."""
        told = {place.file for finding in findings for place in _places(finding)}
        merged = [SourceFile(path, content) for path, content in self.contents.items() if content is not None]
        apart = {f.path for f in files if f.path in told and f.content != self.contents.get(f.path, f.content)}
        kept = [f for f in files if f.path not in self.contents]
        return [*kept, *(f for f in merged if f.path not in apart)]


def _places(finding: Finding) -> list[Place]:
    return [place for place in (finding.place, *(r.place for r in finding.related)) if place is not None]


def forecast(
    project: Project, paths: Sequence[str | Path], workspace: str | None, refs: Sequence[str], known: Iterable[Finding],
    until: Deadline = NEVER,
) -> Forecast:  # fmt: skip
    """What merging the checkout with each of these, and with all of them together, would bring.

    `known` are the located findings of the files as they are, `until` is the run's deadline. Raises UsageError,
    InputError (see `commits.History`).
    """
    with History(project.folder, until, project.environ) as history:
        head = history.head()
        theirs = [history.resolve(ref, "--against") for ref in dict.fromkeys(refs)]
        committed = Committed(history, paths, project.folder, project.file, project.exclude)
        inside = [scope.inside for scope in committed.scopes]
        ours = history.present(head, [path or history.top for path in inside], inside, sources.SUFFIXES)
        work = _Work(project, workspace, history, committed, known)
        work.add_ours(ours, [history.base(head, each) for each in theirs])
        clean = [each for each in theirs if work.merge(each)]
        if len(clean) > 1:
            work.merge_all(clean)
        return Forecast(
            sorted(work.findings, key=_order), head.words, ours.oid != head.oid, [c.words for c in clean], work.contents
        )


class _Checked(NamedTuple):
    """A tree and what is found in it, located."""

    loaded: Loaded
    findings: list[Finding]

    @property
    def signatures(self) -> Counter[Signature]:
        return Counter(map(_signature, self.findings))

    def content_of(self, path: str) -> bytes | None:
        return next((file.content for file in self.loaded.files if file.path == path), None)


class _Work:
    """The forecast under way."""

    def __init__(
        self, project: Project, workspace: str | None, history: History, committed: Committed, known: Iterable[Finding]
    ) -> None:
        self._project, self._workspace = project, workspace
        self._history, self._committed = history, committed
        self._known = Counter(map(_signature, known))
        self._trees: dict[tuple[str, frozenset[str]], _Checked] = {}
        self.contents: dict[str, bytes | None] = {}
        self.findings: list[Finding] = []

    def add_ours(self, ours: Commit, bases: Sequence[str]) -> None:
        self._ours, self._all_bases = ours, bases
        self._known |= self._check(ours.oid).signatures

    def merge(self, theirs: Commit) -> bool:
        """Merge one with ours; whether git can. What is wrong with it alone, or with the merge, is added."""
        alone = self._check(theirs.oid)
        self._add(alone, lambda finding: _already(finding, theirs))
        base = self._history.base(self._ours, theirs)
        return self._merge(self._ours, theirs, [(self._ours, [base]), (theirs, [base])]) is not None

    def merge_all(self, all_of: Sequence[Commit]) -> None:
        """Merge ours with all of these, one after the other, as far as git can."""
        sides = [(self._ours, [self._history.base(self._ours, each) for each in all_of])]
        merged = self._ours
        for theirs in all_of:
            sides.append((theirs, [self._history.base(self._ours, theirs)]))
            words = " and ".join((*merged.words.split(" and ")[1:], theirs.words))
            tree = self._merge(merged, theirs._replace(words=words), sides, theirs)
            if tree is not None:
                words = f"{merged.words} and {theirs.words}"
                merged = self._history.commit(tree, (merged, theirs), words)

    def _merge(
        self, one: Commit, other: Commit, sides: Sequence[tuple[Commit, Sequence[str]]], named: Commit | None = None
    ) -> str | None:
        """The tree of a merge, checked; None where manifests conflict, which is a finding (the others are checked)."""
        merge = self._history.merge(one, other)
        shown = {path: name for path in merge.conflicts if (name := self._committed.shown(path)) is not None}
        for name in shown.values():
            self.findings.append(_conflict(name, one.words, (named or other).words))
        checked = self._check(merge.tree, frozenset(shown))
        origin = _Origin(checked.loaded, [
            (commit.words, _Content(self._check(commit.oid).loaded), [_Content(self._check(b).loaded) for b in bases])
            for commit, bases in sides
        ])  # fmt: skip
        self._add(checked, lambda finding: origin.tell(finding, other.words))
        return None if shown else merge.tree

    def _add(self, checked: _Checked, tell: Callable[[Finding], Finding]) -> None:
        """The findings that nobody knew yet."""
        count: Counter[Signature] = Counter()
        for finding in checked.findings:
            signature = _signature(finding)
            count[signature] += 1
            if count[signature] > self._known[signature]:
                self.findings.append(tell(finding))
                for place in _places(finding):
                    content = checked.content_of(place.file)
                    same = self.contents.setdefault(place.file, content) == content
                    self.contents[place.file] = content if same else None
        self._known |= count

    def _check(self, tree: str, without: frozenset[str] = frozenset()) -> _Checked:
        """A tree as `validate` would find it."""
        if (tree, without) not in self._trees:
            read = self._committed.read(tree, without)
            if without:  # a path that holds nothing else is not empty
                read.found.clear()
            loaded = loading.load_read(self._project, read, self._workspace)
            self._trees[tree, without] = _Checked(loaded, places.locate(loaded.findings))
        return self._trees[tree, without]


def _signature(finding: Finding) -> Signature:
    """What makes two findings the same, wherever other lines have moved it to."""
    return (finding.rule, finding.message, finding.subject, finding.place.file if finding.place else None)


def _order(finding: Finding) -> tuple[Any, ...]:
    place = finding.place
    where = (place.file.encode("utf-8", "surrogateescape"), place.line, place.column) if place else (b"", 0, 0)
    return (*where, finding.rule, finding.message)


def _already(finding: Finding, theirs: Commit) -> Finding:
    return finding._replace(message=f"{finding.message} (so on {theirs.words} alone)")


def _conflict(path: str, ours: str, theirs: str) -> Finding:
    return Finding(
        "GW101", f"cannot be read as it would be merged: git finds a conflict between {quote(ours)} and {quote(theirs)}",
        "merge or rebase, and resolve it; what it holds was left out of the check", place=sources.first_place(path),
    )  # fmt: skip


class _Content:
    """What a tree holds, as the question who brought something asks for it."""

    def __init__(self, loaded: Loaded) -> None:
        self._manifests: dict[Signature, list[Manifest]] = {}
        for manifest in loaded.desired.manifests:
            self._manifests.setdefault(manifest.subject, []).append(manifest)
        self._files = {file.path: file.content for file in loaded.files}

    def has_file(self, manifest: Manifest) -> bool:
        return any(m.document.file.path == manifest.document.file.path for m in self._same(manifest))

    def has(self, manifest: Manifest) -> bool:
        return bool(self._same(manifest))

    def _same(self, manifest: Manifest) -> list[Manifest]:
        found = self._manifests.get(manifest.subject, ())
        return [m for m in found if m.document.data == manifest.document.data]

    def has_entry(self, manifest: Manifest, entry: Any) -> bool:
        return any(
            isinstance(m.spec.get("resources"), list) and entry in m.spec["resources"]
            for m in self._manifests.get(manifest.subject, ())
        )

    def has_value(self, manifest: Manifest, pointer: Sequence[str | int], value: Any) -> bool:
        return any(_value(m.document.data, pointer) == value for m in self._manifests.get(manifest.subject, ()))

    def has_line(self, path: str, line: bytes) -> bool:
        return line in self._files.get(path, b"").splitlines()


def _value(data: Any, pointer: Sequence[str | int]) -> Any:
    for step in pointer:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


class _Origin:
    """Which side of a merge brings what: each has its name, its content, and those of the commits that it came from."""

    def __init__(self, merged: Loaded, sides: Sequence[tuple[str, _Content, Sequence[_Content]]]) -> None:
        self._sides = sides
        self._manifests = {(m.document.file.path, m.document.number): m for m in merged.desired.manifests}
        self._files = {file.path: file.content for file in merged.files}

    def tell(self, finding: Finding, theirs: str) -> Finding:
        """The finding of a merge, with who brings what it is about, and each of its other places."""
        where = self._of(finding.spot, finding.place)
        related = tuple(self._related(each) for each in finding.related)
        are = "are" if " and " in theirs else "is"
        return finding._replace(message=f"{finding.message}, once {theirs} {are} merged ({where})", related=related)

    def _related(self, each: Related) -> Related:
        return each._replace(message=f"{each.message} ({self._of(each.spot, each.place)})")

    def _of(self, spot: Spot | None, place: Place | None) -> str:
        manifest = self._manifests.get((spot.document.file.path, spot.document.number)) if spot is not None else None
        tests: list[Callable[[_Content], bool]] = []
        if manifest is not None and spot is not None:
            whole, pointer = manifest, spot.pointer
            tests += [lambda content: content.has_file(whole), lambda content: content.has(whole)]
            if pointer[:2] == ("spec", "resources") and len(pointer) > 2:
                entry = _value(whole.document.data, pointer[:3])
                tests.append(lambda content: content.has_entry(whole, entry))
            else:
                value = _value(whole.document.data, pointer)
                tests.append(lambda content: content.has_value(whole, pointer, value))
        if place is not None and place.line <= len(lines := self._files.get(place.file, b"").splitlines()):
            line = lines[place.line - 1]
            tests.append(lambda content: content.has_line(place.file, line))
        for test in tests:
            if any(test(content) for _, content, _ in self._sides):
                return self._said(test)
        return "put together by the merge"

    def _said(self, test: Callable[[_Content], bool]) -> str:
        brought = [
            name for name, content, bases in self._sides if test(content) and not all(test(base) for base in bases)
        ]
        return f"on {' and on '.join(brought)}" if brought else "on all of them, unchanged"


def read_since(
    project: Project, paths: Sequence[str | Path], workspace: str | None, ref: str, until: Deadline = NEVER
) -> Since:
    """The manifests as they were where the checkout and a commit parted. Raises UsageError, InputError."""
    with History(project.folder, until, project.environ) as history:
        head = history.head()
        base = history.base(head, history.resolve(ref, "--changed-since"))
        committed = Committed(history, paths, project.folder, project.file, project.exclude)
        loaded = loading.load_read(project, committed.read(base), workspace)
        return Since(ref, base, loaded.desired)
