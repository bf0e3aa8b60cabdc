"""The manifests' change that belongs to an undo: which texts say what is wanted, and what cannot be said in them. Pure: files are
handed in as they were read, and read again by who asks.

Nothing is believed of an edit: the new text is parsed, each document has to hold exactly what it is to hold, what is changed has
to need no further change, and no mistake may be new. Where that is not so, the object is left out, and told.
"""

from __future__ import annotations

import copy
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from gatectl.applying.saying import Renamed, Wanted, by_hand, changes_of, data_of, renamed_in, value_at, with_names
from gatectl.documents.findings import NameFile
from gatectl.manifests.desired import read_manifest
from gatectl.manifests.editing import (
    Changes,
    Edit,
    Page,
    changed,
    edited,
    open_page,
    with_document,
    without_documents,
)
from gatectl.manifests.parse import parse
from gatectl.manifests.writing import manifest_text
from gatectl.model import Desired, Document, Finding, Manifest, ObjectKey, SourceFile

_UNEDITABLE: Final = "its text is written in a way that cannot be edited"
_NO_CHANGE: Final = Changes({})


class Read(NamedTuple):
    """Manifests as they are read: the files, what they declare (each in its workspace), and what is wrong with them."""

    files: Sequence[SourceFile]
    desired: Desired
    findings: Sequence[Finding]


class Untold(NamedTuple):
    """An object whose manifest is not changed: where that is, why, and what to do by hand."""

    key: ObjectKey
    file: str | None
    line: int | None
    why: str
    by_hand: str


class Rewritten(NamedTuple):
    """The files that change, by their path, with what they hold then (None: they are to go); and what is left out."""

    files: Mapping[str, bytes | None]
    untold: Sequence[Untold]


class _Step(NamedTuple):
    """What one object needs in one file: another content of a document, none, or a new document (`text`)."""

    key: ObjectKey
    path: str
    document: Document | None
    changes: Changes = _NO_CHANGE
    text: str | None = None
    wanted: Wanted | None = None

    @property
    def gone(self) -> bool:
        return self.document is not None and not self.changes


Home = Callable[[ObjectKey], str]
"""The path of the file that an object's manifest is put into, where none declares it."""
Again = Callable[[Mapping[str, bytes | None]], Read]
"""Reads the manifests with some files changed."""


def rewrite(read: Read, wanted: Sequence[Wanted], home: Home, again: Again, name_file: NameFile) -> Rewritten:
    """The files in which manifests mean what is wanted, as far as that can be written and was read again."""
    untold: dict[ObjectKey, Untold] = {}
    sheets: dict[str, _Sheet] = {}
    while True:
        # Worked out anew each time: what keeps its name is named by it elsewhere, too.
        steps, failed = _steps(read, [each for each in wanted if each.key not in untold], home, name_file)
        steps = [step for step in steps if step.key not in untold]
        files: Mapping[str, bytes | None] = {}
        if not failed:
            files, failed = _texts(read, steps, sheets)
        if not failed and files:
            failed = list(_mistaken(steps, _worse(read, again(files))))
        if not failed:
            return Rewritten(files, tuple(untold.values()))
        untold.update((each.key, each) for each in failed)


def _steps(
    read: Read, wanted: Sequence[Wanted], home: Home, name_file: NameFile
) -> tuple[list[_Step], list[Untold]]:  # fmt: skip
    names = renamed_in(wanted)
    steps: list[_Step] = []
    untold: list[Untold] = []
    seen: set[tuple[str, int]] = set()
    declared = _Declared(read.desired)
    for each in wanted:
        found = declared.of(each)
        if not found:
            if each.new:
                path = home(each.key)
                text = manifest_text(data_of(each, posixpath.dirname(name_file(path))))
                steps.append(_Step(each.key, path, None, text=text, wanted=each))
            continue
        seen.update(map(_where, found))
        step = _step(each, found, names)
        if isinstance(step, Untold):
            untold.append(step)
        elif step is not None:
            steps.append(step)
    return [*steps, *_naming(read, names, seen)], untold


def _naming(read: Read, names: Renamed, seen: Collection[tuple[str, int]]) -> Iterator[_Step]:
    """What is done to manifests that only name what is called otherwise by then."""
    for manifest in read.desired.manifests if names else ():
        fields = with_names(manifest, names)[1] if manifest.valid else {}
        if fields and _where(manifest) not in seen:
            key = ObjectKey(manifest.kind, manifest.workspace, manifest.name or "")
            yield _Step(key, manifest.document.file.path, manifest.document, Changes(fields))


def _where(manifest: Manifest) -> tuple[str, int]:
    return manifest.document.file.path, manifest.document.number


class _Declared:
    """The manifests by kind, workspace and each name that they may mean their object by."""

    def __init__(self, desired: Desired) -> None:
        self._by_name: dict[tuple[str, str | None, str | None], list[Manifest]] = {}
        self._by_id: dict[tuple[str, str | None], list[Manifest]] = {}
        for manifest in desired.manifests:
            for name in {manifest.name, manifest.renamed_from} - {None}:
                self._by_name.setdefault((manifest.kind, manifest.workspace, name), []).append(manifest)
            if manifest.id is not None:
                self._by_id.setdefault((manifest.kind, manifest.id), []).append(manifest)

    def of(self, wanted: Wanted) -> list[Manifest]:
        """The manifests of an object."""
        key = wanted.key
        named = [m for name in sorted(wanted.called) for m in self._by_name.get((key.kind, key.workspace, name), ())]
        if wanted.id is not None:
            named += self._by_id.get((key.kind, wanted.id), ())
        return list({_where(m): m for m in named}.values())


def _step(wanted: Wanted, found: Sequence[Manifest], names: Renamed) -> _Step | Untold | None:
    """What is done to the manifest of an object; None: it means what is wanted already."""
    manifest, document = found[0], found[0].document
    here = _Step(wanted.key, document.file.path, document, wanted=wanted)
    if len(found) > 1:
        return _untold(here, f"{len(found)} documents speak of it", "let one do so, and ask again")
    if wanted.state is None:
        return here
    if not manifest.valid:
        return _untold(here, "its manifest has mistakes", "put them right, and ask again")
    called, fields = with_names(manifest, names)
    changes = changes_of(called, wanted)
    if changes is None:
        return _untold(here, "an entry of it may mean several resources", "write a label to each, and ask again")
    changes = changes._replace(fields={**fields, **changes.fields})
    return here._replace(changes=changes) if changes else None


def _untold(step: _Step, why: str, words: str | None = None) -> Untold:
    document = step.document
    file, line = (document.file.path, document.line) if document is not None else (step.path, None)
    if words is None and step.gone:
        words = "take its document out"
    elif words is None and step.text is not None:
        words = "write its manifest there, as gatectl export has it"
    return Untold(step.key, file, line, why, words or by_hand(step.changes))


# Texts


class _Sheet(NamedTuple):
    """A file, to be edited, with what it holds now and how many mistakes."""

    page: Page
    documents: Sequence[Document]
    mistakes: int


def _open(file: SourceFile) -> _Sheet:
    parsed = parse(file)
    return _Sheet(open_page(file), parsed.documents, len(parsed.findings))


def _texts(
    read: Read, steps: Sequence[_Step], sheets: dict[str, _Sheet]
) -> tuple[dict[str, bytes | None], list[Untold]]:  # fmt: skip
    """The files with what all steps make of them, and what cannot be written in a text."""
    known = {file.path: file for file in read.files}
    by_path: dict[str, list[_Step]] = {}
    for step in steps:
        by_path.setdefault(step.path, []).append(step)
    files: dict[str, bytes | None] = {}
    failed: list[Untold] = []
    for path, mine in by_path.items():
        if path not in sheets:
            sheets[path] = _open(known.get(path, SourceFile(path, b"")))
        taken = _takeable(sheets[path], [], mine)
        out = {id(step) for step in taken}
        failed += [_untold(step, _UNEDITABLE) for step in mine if id(step) not in out]
        if taken:
            files[path] = _content(sheets[path], taken)
    return files, failed


def _takeable(sheet: _Sheet, before: Sequence[_Step], steps: Sequence[_Step]) -> Sequence[_Step]:
    """The steps that can be taken together with those before: all of them, or those halves of them that can."""
    if _holds(sheet, [*before, *steps]):
        return steps
    if len(steps) == 1:
        return ()
    middle = len(steps) // 2
    taken = _takeable(sheet, before, steps[:middle])
    return [*taken, *_takeable(sheet, [*before, *taken], steps[middle:])]


def _content(sheet: _Sheet, steps: Sequence[_Step]) -> bytes | None:
    """What a file holds then; None where nothing is left in it, and also where edits meet."""
    page = sheet.page
    gone = {step.document.number for step in steps if step.gone and step.document is not None}
    emptied = gone.issuperset(document.number for document in sheet.documents)
    texts = [step.text for step in steps if step.text is not None]
    if emptied and not texts:
        return None
    edits = [*without_documents(page, gone), *_changed(page, steps)]
    edits += [with_document(page, text, first=emptied and at == 0) for at, text in enumerate(texts)]
    return edited(page, edits)


def _changed(page: Page, steps: Iterable[_Step]) -> Iterator[Edit]:
    for step in steps:
        if step.document is not None and not step.gone:
            yield from changed(page, step.document.number, step.changes)


def _holds(sheet: _Sheet, steps: Sequence[_Step]) -> bool:
    """Whether the file reads as it should then: each document as it was, or as it is to be, and no mistake more."""
    content = _content(sheet, steps)
    expected = list(_expected(sheet.documents, steps))
    if content is None:
        return not expected
    found = parse(sheet.page.file._replace(content=content))
    if len(found.findings) > sheet.mistakes or len(found.documents) != len(expected):
        return False
    return all(
        repr(document.data) == repr(data) and (step is None or _means(step, document))
        for document, (data, step) in zip(found.documents, expected, strict=True)
    )


def _expected(documents: Iterable[Document], steps: Sequence[_Step]) -> Iterator[tuple[object, _Step | None]]:
    """What the documents of a file hold then, in their order, and the step that each comes from."""
    mine = {step.document.number: step for step in steps if step.document is not None}
    for document in documents:
        step = mine.get(document.number)
        if step is None:
            yield document.data, None
        elif not step.gone:
            yield _applied(document.data, step.changes), step
    for step in steps:
        if step.text is not None:
            yield from ((each.data, step) for each in parse(SourceFile("-", step.text.encode())).documents)


def _applied(data: object, changes: Changes) -> object:
    """What a document holds with its changes."""
    data = copy.deepcopy(data)
    for pointer, value in changes.fields.items():
        cast("dict[object, object]", value_at(data, pointer[:-1]))[pointer[-1]] = value
    for pointer in changes.dropped:
        del cast("dict[object, object]", value_at(data, pointer[:-1]))[pointer[-1]]
    for pointer, (gone, new) in changes.lists.items():
        items = cast("list[object]", value_at(data, pointer))
        items[:] = [*(item for at, item in enumerate(items) if at not in gone), *map(dict, new)]
    return data


def _means(step: _Step, document: Document) -> bool:
    """Whether a document means what is wanted: nothing more is to be different in it."""
    wanted = step.wanted
    if wanted is None or wanted.state is None:
        return True
    manifest = read_manifest(document, wanted.key.kind, True, wanted.key.workspace)
    return manifest.name == wanted.key.name and changes_of(manifest, wanted) == _NO_CHANGE


# Mistakes


def _worse(before: Read, after: Read) -> list[Finding]:
    """The mistakes that are new; that no manifest is left (GW106) is none of them, it is what was wanted."""
    known = Counter(map(_mistake, before.findings))
    new = []
    for finding in after.findings:
        if finding.severity != "error" or finding.rule == "GW106":
            continue
        known[_mistake(finding)] -= 1
        if known[_mistake(finding)] < 0:
            new.append(finding)
    return new


def _mistake(finding: Finding) -> tuple[str, object, str]:
    return finding.rule, finding.subject, finding.message


def _mistaken(steps: Sequence[_Step], findings: Sequence[Finding]) -> Iterator[Untold]:
    """What a mistake comes from; where it is about nothing that is changed, all of it. One at a time: others may be gone with it."""
    for finding in findings[:1]:
        why = f"it would be a mistake: {finding.message} ({finding.rule})"
        mine = [step for step in steps if _concerns(finding, step)]
        yield from (_untold(step, why) for step in mine or steps)


def _concerns(finding: Finding, step: _Step) -> bool:
    kind, workspace, name = finding.subject or (None, None, None)
    names = {step.key.name, *(step.wanted.called if step.wanted is not None else ())}
    return kind == step.key.kind and workspace in (None, step.key.workspace) and name in names
