"""What a manifest has to say to mean a state: what of it is to be different, or what a new one says. Pure.

A manifest that needs no change means the state; so what is changed is asked again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.applying.leading_back import Already, References
from gatectl.documents.operations import credentials_of, key_of
from gatectl.documents.plans import Operation
from gatectl.documents.states import read_state
from gatectl.kinds import KINDS
from gatectl.manifests.editing import Changes, Value
from gatectl.manifests.validate import API_VERSION
from gatectl.manifests.writing import flow, scalar
from gatectl.manifests.written_out import path_of
from gatectl.model import Attachment, CredentialReferences, Entry, Manifest, ObjectKey, Pointer, State
from gatectl.quote import safe
from gatectl.resources import fields_of, folded, folder_key, is_exposed, is_placed, registrar_of

_NAME: Final[Pointer] = ("metadata", "name")
_ID: Final[Pointer] = ("metadata", "id")
_FORMER: Final[Pointer] = ("metadata", "renamedFrom")
_LIST: Final[Pointer] = ("spec", "resources")


class Wanted(NamedTuple):
    """An object as manifests are to say it.

    `key` is what it is called then, `called` what manifests may call it now, `id` its own (None: it is to be created). `state` None:
    it is not to be there. `new`: a manifest is written where none declares it.
    """

    key: ObjectKey
    called: frozenset[str]
    id: str | None
    state: State | None
    credentials: CredentialReferences | None = None
    new: bool = False


def wanted_of(
    operations: Iterable[Operation], already: Iterable[Already], references: References
) -> list[Wanted]:  # fmt: skip
    """What manifests are to say after the operations of an undo, and of what is as it was before already."""
    return [*map(_of_operation, operations), *(_of_live(each, references) for each in already)]


def _of_operation(op: Operation) -> Wanted:
    after, before = op.get("after"), op.get("before")
    key = key_of(op)
    called = {key.name, *([before["spec"]["name"]] if before is not None else ())}
    return Wanted(
        key, frozenset(called), op["platformId"], read_state(after) if after is not None else None,
        credentials_of(op), op["action"] == "create",
    )  # fmt: skip


def _of_live(each: Already, references: References) -> Wanted:
    if each.live is None:
        return Wanted(each.key, frozenset((each.key.name,)), None, None)
    key, live = each.live.key, each.live
    found = references(key, live.id) if KINDS[key.kind].credentials else None
    return Wanted(key, frozenset((key.name, each.key.name)), live.id, live.state, found, each.deleted)


# A manifest that is there


def changes_of(manifest: Manifest, wanted: Wanted) -> Changes | None:
    """What of a valid manifest is to be different so that it means a state; None where that cannot be told."""
    assert wanted.state is not None
    fields: dict[Pointer, Value] = {}
    dropped: set[Pointer] = set()
    if manifest.name != wanted.key.name:
        fields[_NAME] = wanted.key.name
    if manifest.renamed_from is not None and (_NAME in fields or manifest.renamed_from == wanted.key.name):
        dropped.add(_FORMER)
    if manifest.id is not None and manifest.id != wanted.id:
        dropped.add(_ID)
    for pointer, value in _fields(manifest, wanted):
        if value:
            fields[pointer] = value
        else:
            dropped.add(pointer)
    if manifest.entries is None:
        return Changes(fields, frozenset(dropped))
    return _with_entries(Changes(fields, frozenset(dropped)), manifest, manifest.entries, wanted)


def _fields(manifest: Manifest, wanted: Wanted) -> Iterator[tuple[Pointer, str]]:
    """The fields that a manifest declares and that are otherwise in a state, with their values there."""
    assert wanted.state is not None
    kind, spec = KINDS[manifest.kind], wanted.state.spec
    filled = kind.filled_in({**kind.declared(manifest), "name": wanted.key.name}, spec)
    one, other = kind.comparable(filled), kind.comparable(spec)
    for field, path in kind.paths.items():
        if field == "name" or (one.get(field) or "") == (other.get(field) or ""):
            continue
        pointer, value = tuple(path.split("/")[1:]), spec.get(field) or ""
        if value or value_at(manifest.document.data, pointer) is not None:
            yield pointer, value


def _with_entries(changes: Changes, manifest: Manifest, entries: Sequence[Entry], wanted: Wanted) -> Changes | None:
    """The same, with what is to be different of what is listed."""
    assert wanted.state is not None
    state, meant = wanted.state, _meant(entries, wanted.state.attachments)
    if meant is None:
        return None
    fields, dropped = dict(changes.fields), set(changes.dropped)
    for at, value in _differing_in(entries, meant, state.attachments):
        if value is None:
            dropped.add(at)
        else:
            fields[at] = value
    gone = frozenset(entry.position or 0 for entry in entries if entry.position not in meant)
    new = tuple(_missing(manifest, state, meant.values()))
    return Changes(fields, frozenset(dropped), {_LIST: (gone, new)} if gone or new else {})


def _missing(manifest: Manifest, state: State, listed: Iterable[Attachment]) -> Iterator[Mapping[str, Value]]:
    """What is attached in a state and has to be listed; of a policy that detaches nothing, nothing has to."""
    if manifest.policy == "Exact":
        known = set(map(id, listed))
        yield from (_entry(item, state.attachments) for item in _listable(state) if id(item) not in known)


def _listable(state: State) -> Iterator[Attachment]:
    """What of a state is listed: what its endpoint does not expose is kept, and no manifest's to say."""
    return (item for item in state.attachments if is_exposed(item.type, state.spec.get("endpointType", "")))


def _meant(entries: Sequence[Entry], items: Sequence[Attachment]) -> dict[int | None, Attachment] | None:
    """Which attachment each entry means, by its position; an entry that means none is not there. None where one may mean several."""
    found: dict[int | None, Attachment] = {}
    free = list(items)
    for entry in sorted(entries, key=lambda each: (each.id is None, each.label is None)):
        alike = _candidates(entry, free)
        if len(alike) > 1:
            return None
        if alike:
            found[entry.position] = alike[0]
            free.remove(alike[0])
    return found


def _candidates(entry: Entry, items: Iterable[Attachment]) -> list[Attachment]:
    alike = [item for item in items if folded(item.identity) == folded(entry.identity)]
    if entry.id is not None:  # what was deleted has another id by then
        return [item for item in alike if item.id == entry.id] or [item for item in alike if item.id is None]
    return alike if entry.label is None else [item for item in alike if item.label == entry.label]


def _differing_in(
    entries: Iterable[Entry], meant: Mapping[int | None, Attachment], items: Sequence[Attachment]
) -> Iterator[tuple[Pointer, Value | None]]:
    """The fields of entries that are otherwise in what they mean, by their place (None: the field is to go)."""
    for entry in entries:
        item = meant.get(entry.position)
        if item is not None:
            found = (*_placed(entry, item), *_told_apart(entry, item, shared=_is_shared(item, items)))
            yield from (((*_LIST, entry.position or 0, field), value) for field, value in found)


def _placed(entry: Entry, item: Attachment) -> Iterator[tuple[str, Value | None]]:
    if entry.folder is not None and folder_key(entry.folder) != folder_key(item.folder):
        yield "folder", item.folder or None
    if entry.master is not None and entry.master != bool(item.master):
        yield "master", bool(item.master)


def _told_apart(entry: Entry, item: Attachment, *, shared: bool) -> Iterator[tuple[str, Value | None]]:
    known = entry.id is not None and entry.id == item.id
    if entry.id is not None and not known:
        yield "id", None
    if shared and not known and entry.label is None and item.label:
        yield "label", item.label


def _is_shared(item: Attachment, items: Sequence[Attachment]) -> bool:
    return is_placed(item.type) and sum(folded(each.identity) == folded(item.identity) for each in items) > 1


def _entry(item: Attachment, items: Sequence[Attachment]) -> dict[str, Value]:
    """An attachment as it is listed."""
    entry: dict[str, Value] = {"type": item.type, **dict(zip(fields_of(item.type), item.identity[1:], strict=False))}
    if _is_shared(item, items) and item.label:
        entry["label"] = item.label
    if item.folder:
        entry["folder"] = item.folder
    if item.master:
        entry["master"] = True
    return entry


# What is called otherwise


Renamed = Mapping[tuple[str, str | None, str], str]
"""The names that objects are to have, by kind, workspace and the name that manifests give them now."""


def renamed_in(wanted: Iterable[Wanted]) -> Renamed:
    """What is called otherwise by then."""
    return {
        (each.key.kind, each.key.workspace, name): each.key.name
        for each in wanted
        if each.state is not None
        for name in each.called - {each.key.name}
    }


def with_names(manifest: Manifest, names: Renamed) -> tuple[Manifest, Mapping[Pointer, Value]]:
    """A manifest that names what is called otherwise by then, as it names it by then, and the fields that are to be different."""
    fields = dict(_referring(manifest, names))
    if manifest.entries is None:
        return manifest, fields
    entries = []
    for entry in manifest.entries:
        placed = is_placed(entry.type)
        called = entry.label if placed else entry.identity[-1]
        new = names.get((registrar_of(entry.type), manifest.workspace, called or ""))
        if new is not None:
            fields[(*_LIST, entry.position or 0, "label" if placed else fields_of(entry.type)[-1])] = new
            entry = entry._replace(label=new) if placed else entry._replace(identity=(entry.type, new))
        entries.append(entry)
    return manifest._replace(entries=tuple(entries)), fields


def _referring(manifest: Manifest, names: Renamed) -> Iterator[tuple[Pointer, str]]:
    """The fields that name objects which are called otherwise by then."""
    kind = KINDS[manifest.kind]
    for field, other in kind.refers.items():
        pointer = tuple(kind.paths[field].split("/")[1:])
        old = value_at(manifest.document.data, pointer)
        new = names.get((other, manifest.workspace if KINDS[other].scoped else None, str(old)))
        if new is not None:
            yield pointer, new


def value_at(data: object, pointer: Pointer) -> object:
    """What stands at a place of a document; None where nothing does."""
    for step in pointer:
        if isinstance(step, str):
            data = data.get(step) if isinstance(data, dict) else None
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data


# A new manifest


def data_of(wanted: Wanted, folder: str) -> dict[str, object]:
    """The manifest of an object, for a file in a folder of the project (as the plan names folders)."""
    assert wanted.state is not None
    kind, state = KINDS[wanted.key.kind], wanted.state
    metadata = {"name": wanted.key.name}
    if wanted.key.workspace is not None:
        metadata["workspace"] = wanted.key.workspace
    spec: dict[str, object] = {
        path.rpartition("/")[2]: state.spec[field]
        for field, path in kind.paths.items()
        if path.startswith("/spec/") and state.spec.get(field) not in (None, "", kind.defaults.get(field))
    }
    if kind.attaches:
        spec["resources"] = [_entry(item, state.attachments) for item in _listable(state)]
    if wanted.credentials is not None:
        spec["credentials"] = _relative(wanted.credentials, folder)
    head: dict[str, object] = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": metadata}
    return {**head, "spec": spec} if spec else head


def _relative(references: CredentialReferences, folder: str) -> dict[str, object]:
    """References as a manifest has them: files relative to it, and an API key without the id that it had."""
    found: dict[str, object] = {name: value for name, value in references.items() if name != "id"}
    for name, value in found.items():
        if isinstance(value, dict) and "file" in value:
            found[name] = {"file": posixpath.relpath(value["file"], folder or ".")}
    return found


# What a person would have to write


def by_hand(changes: Changes) -> str:
    """What is to be different, for somebody who does it by hand."""
    words = [f"write {path_of(pointer)}: {safe(scalar(value))}" for pointer, value in changes.fields.items()]
    words += [f"take out {path_of(pointer)}" for pointer in sorted(changes.dropped, key=str)]
    for pointer, (gone, new) in changes.lists.items():
        words += [f"take out {path_of((*pointer, at))}" for at in sorted(gone)]
        words += [f"add {safe(flow(entry))} to {path_of(pointer)}" for entry in new]
    return "; ".join(words)
