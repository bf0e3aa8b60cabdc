"""Current → manifests: what is live, in the format, so that it validates and plans to nothing (product.md, section 4). Pure but for
`export_live`, which reads.

What the format cannot express (unknown families and modes, ambiguous names) becomes a comment with id and reason. An
attachment that a rule forbids is left out with a comment; Additive keeps it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from gatectl import rules
from gatectl.documents.ownership import Owned
from gatectl.kinds import KINDS
from gatectl.manifests import schemas, validate, writing
from gatectl.manifests.desired import offline_namespace, read_manifest
from gatectl.model import Attachment, Desired, Document, Finding, Live, Manifest, ObjectKey, SourceFile, State
from gatectl.planning.current import Current, Index, WorkspaceState, read_visible
from gatectl.platforms.interface import Reader
from gatectl.quote import quote, safe
from gatectl.resources import FAMILIES, Identity, comparable, fields_of

_NOWHERE: Final = SourceFile("-", b"")
_SHOWN: Final = 20


class Exported(NamedTuple):
    """One object: its manifest's data (None: it cannot be expressed), and what has to be said beside it."""

    live: Live
    data: dict[str, Any] | None
    remarks: tuple[str, ...]


def export_live(reader: Reader, workspace: str | None, owned: Iterable[Owned] = ()) -> list[Exported]:
    """The objects of a platform, of one workspace or of all; `owned`: what is remembered of them. Raises UsageError for no such workspace,
    PlatformError."""
    protected = frozenset(each.id for each in owned if each.protected)
    return export(read_visible(reader, workspace, bear=True), schemas.checker(), protected)


def export(current: Current, checker: validate.Checker, protected: Container[str] = frozenset()) -> list[Exported]:
    """Every live object of the workspaces that were read, sorted by workspace, kind and name. `protected`: the ids of those whose
    manifests say so."""
    drafts: list[Exported] = []
    drafts += [_alone(live, index) for index in current.outside.values() for live in _sorted(index)]
    for name in sorted(current.states):
        drafts += [_alone(live, current.workspaces) for live in current.workspaces.by_name.get(name, ())]
        drafts += _content(current.states[name])
    drafts = [_protected(draft) if draft.live.id in protected else draft for draft in drafts]
    return _without_offences([_writable(draft) for draft in drafts], checker)


def _protected(item: Exported) -> Exported:
    """The object, whose manifest says that it is protected."""
    if item.data is None:
        return item
    return item._replace(data={**item.data, "metadata": {**item.data["metadata"], "protect": True}})


def _content(state: WorkspaceState) -> Iterator[Exported]:
    for item in state.spoiled:
        yield Exported(
            Live(ObjectKey(item.kind, state.context.workspace, item.name), item.id, State({}), {}),
            None,
            (item.problem,),
        )
    registered = list(_registered(state))
    identities, labels = Counter(identity for identity, _ in registered), Counter(registered)
    for name, index in state.indexes.items():
        for live in _sorted(index):
            if KINDS[name].attaches and _inexpressible(live, index) is None:
                yield _repository(live, identities, labels)
            else:
                yield _alone(live, index)


def _registered(state: WorkspaceState) -> Iterator[tuple[Identity, str]]:
    """The identities that several objects may register, each with the name of one that does."""
    for name, index in state.indexes.items():
        kind = KINDS[name]
        for live in index.by_id.values() if kind.doubles else ():
            if kind.identity is not None:
                yield comparable(kind.identity(live.spec)), live.key.name


def _inexpressible(live: Live, index: Index) -> str | None:
    alike = index.by_lower[live.key.name.lower()]
    if len(alike) > 1:
        return f"its name is shared, case ignored, with {_others(alike, live)}"
    return KINDS[live.key.kind].inexpressible(live.spec)


def _others(alike: Sequence[Live], live: Live) -> str:
    """The ids of the others, a few of very many: ten thousand of one name have ten thousand remarks."""
    ids = (other.id for other in alike if other.id != live.id)
    shown = sorted(islice(ids, _SHOWN if len(alike) > _SHOWN + 1 else None))
    rest = len(alike) - 1 - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def _sorted(index: Index) -> list[Live]:
    return sorted(index.by_id.values(), key=lambda each: (each.key.name, each.id))


def _alone(live: Live, index: Index) -> Exported:
    """An object that attaches nothing."""
    reason = _inexpressible(live, index)
    return Exported(live, None, (reason,)) if reason is not None else Exported(live, _document(live, _spec(live)), ())


def _document(live: Live, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": live.key.name}
    if live.key.workspace is not None:
        metadata["workspace"] = live.key.workspace
    head = {"apiVersion": validate.API_VERSION, "kind": live.key.kind, "metadata": metadata}
    return {**head, "spec": dict(spec)} if spec else head


def _spec(live: Live) -> dict[str, Any]:
    """What a manifest says of an object: neither its name nor what goes without saying."""
    unsaid = KINDS[live.key.kind].defaults
    return {name: value for name, value in live.spec.items() if name != "name" and value not in ("", unsaid.get(name))}


def _repository(live: Live, identities: Counter[Identity], labels: Counter[tuple[Identity, str]]) -> Exported:
    spec = {**_spec(live), "resources": []}
    remarks = []
    for item in live.attachments:
        if item.type not in FAMILIES or "" in item.identity:
            remarks.append(f"left out: {quote(item.type)} {quote(item.id)} is not part of the format")
        else:
            spec["resources"].append(_entry(item, identities, labels))
    return Exported(live, _document(live, spec), tuple(remarks))


def _entry(item: Attachment, identities: Counter[Identity], labels: Counter[tuple[Identity, str]]) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": item.type}
    entry.update(zip(fields_of(item.type), item.identity[1:], strict=True))
    key = comparable(item.identity)
    if identities[key] > 1:
        if item.label is not None and labels[key, item.label] == 1:
            entry["label"] = item.label
        else:
            entry["id"] = item.id
    if item.folder:
        entry["folder"] = item.folder
    if item.master:
        entry["master"] = True
    return entry


def _writable(item: Exported) -> Exported:
    """The object, as far as it can be written down: JSON can hold half of a surrogate pair, and no file of text can."""
    if item.data is None or not any("\ud800" <= character <= "\udfff" for character in _texts(item.data)):
        return item
    return item._replace(data=None, remarks=(*item.remarks, "it holds half of a character (a lone surrogate)"))


def _texts(value: Any) -> str:
    """All texts in a value, one after the other."""
    if isinstance(value, Mapping):
        return "".join(map(_texts, (*value.keys(), *value.values())))
    if isinstance(value, (list, tuple)):
        return "".join(map(_texts, value))
    return str(value)


def _without_offences(drafts: Sequence[Exported], checker: validate.Checker) -> list[Exported]:
    """The same, without what the rules forbid: an entry where that is enough, else the whole object."""
    exported = list(drafts)
    while True:
        findings = _check(exported, checker)
        offences = {
            f.spot.document.number: f for f in reversed(findings) if f.severity == "error" and f.spot is not None
        }
        if not offences:
            return exported
        for number, finding in offences.items():
            exported[number] = _without(exported[number], finding)


def _check(exported: Sequence[Exported], checker: validate.Checker) -> list[Finding]:
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    for number, item in enumerate(exported):
        if item.data is None:
            continue
        document = Document(_NOWHERE, number, 1, 1, item.data)
        kind, wrong = validate.check(document, checker)
        findings += wrong
        if kind is not None:
            manifests.append(read_manifest(document, kind, not wrong, None))
    return findings + rules.check(offline_namespace(Desired(tuple(manifests))))


def _without(item: Exported, finding: Finding) -> Exported:
    assert item.data is not None
    assert finding.spot is not None
    pointer = finding.spot.pointer
    if pointer[:2] == ("spec", "resources") and len(pointer) > 2 and isinstance(pointer[2], int):
        spec = item.data["spec"]
        entry = spec["resources"][pointer[2]]
        rest = [each for index, each in enumerate(spec["resources"]) if index != pointer[2]]
        remark = f"left out, and kept on the platform: {writing.flow(entry)}: {finding.rule}: {finding.message}"
        return item._replace(data={**item.data, "spec": {**spec, "resources": rest}}, remarks=(*item.remarks, remark))
    return item._replace(data=None, remarks=(*item.remarks, f"{finding.rule}: {finding.message}"))


def manifest_text(item: Exported) -> str:
    """One object as YAML: its manifest, or a comment that says why there is none."""
    live = item.live
    if item.data is None:
        return f"# {safe(f'{live.key} ({live.id}) cannot be expressed: ')}{safe('; '.join(item.remarks))}\n"
    return writing.manifest_text(item.data, item.remarks)


def stream(exported: Iterable[Exported]) -> str:
    """All objects as one YAML stream."""
    return "---\n".join(manifest_text(item) for item in exported)


def file_names(exported: Sequence[Exported]) -> list[str]:
    """A path for each object: workspace/kind/name.yaml, of characters that every file system takes, each path once."""
    names: list[str] = []
    taken: set[str] = set()
    for item in exported:
        stem = writing.file_stem(item.live.key)
        name = stem if stem.lower() not in taken else f"{stem}-{writing.slug(item.live.id)}"
        taken.add(name.lower())
        names.append(f"{name}.yaml")
    return names
