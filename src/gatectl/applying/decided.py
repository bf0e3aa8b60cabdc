"""What decided each field of an object: its manifest, a default, the platform, a policy or a rule; beside it what was applied last and
what is live, and who changed which (`drifted`). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.applying.drifted import attached_words, values_of
from gatectl.documents.drift import Difference
from gatectl.documents.findings import Finding as FindingJson
from gatectl.documents.findings import NameFile
from gatectl.documents.operations import CREDENTIALS
from gatectl.documents.plans import Location
from gatectl.documents.why import By, Decided, FieldWhy, short
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.kinds.states import attachment_token
from gatectl.manifests.places import locate
from gatectl.model import Attachment, FieldValue, Finding, Live, Manifest, ObjectKey, Pointer, Spot, State
from gatectl.planning.changes import Ending

WORKSPACE_PATH: Final = "/metadata/workspace"
POLICY: Final = "/spec/attachmentPolicy"


class About(NamedTuple):
    """What is known of an object: what declares it, how it ends, how it was applied last, how it is, and what differs and stops it."""

    key: ObjectKey
    manifest: Manifest | None
    ending: Ending | None
    applied: State | None
    live: Live | None
    differences: Sequence[Difference]
    findings: Sequence[FindingJson]
    workspace: str | None
    """The workspace of manifests that name none, where the environment or an option says it."""


class _Row(NamedTuple):
    """A field before it is placed: its path, what is declared, where in the manifest that stands, and what decides otherwise."""

    path: str
    declared: FieldValue
    pointer: Pointer | None
    by: By
    words: str


def fields_of(about: About, name_file: NameFile) -> list[FieldWhy]:
    """A row for each field and attachment: those of the manifest first, in the order of the kind's table."""
    kind = KINDS[about.key.kind]
    rows = [*_plain(about, kind), *_attachments(about)]
    places = _places(about.manifest, rows, name_file)
    applied = _values(about, about.applied)
    live = _values(about, about.live.state if about.live is not None else None)
    rows += _untold(rows, {**live, **applied})
    whose = {each["path"]: each["whose"] for each in about.differences}
    return [
        {
            "path": row.path,
            "declared": row.declared,
            "applied": applied.get(row.path) or None,
            "live": live.get(row.path) or None,
            "whose": whose.get(row.path, whose.get(f"{row.path}/master")),
            "decided": _decided(row, places.get(row.path), about),
        }
        for row in rows
    ]


def _values(about: About, state: State | None) -> Mapping[str, FieldValue]:
    """What is known of each field in a state, by path; of no state, nothing."""
    if state is None:
        return {}
    return {WORKSPACE_PATH: about.key.workspace, **values_of(KINDS[about.key.kind], state)}


def _untold(rows: Sequence[_Row], values: Mapping[str, FieldValue]) -> list[_Row]:
    """What has a value and no row: nobody declares it."""
    told = {row.path for row in rows}
    return [
        _Row(path, None, None, "nobody", "no manifest says anything of it")
        for path, value in values.items()
        if value and path not in told and not path.endswith("/master")
    ]


def _plain(about: About, kind: Kind) -> Iterator[_Row]:
    manifest = about.manifest
    if manifest is None:
        return
    if kind.scoped:
        yield _workspace(about, manifest)
    declared = kind.declared(manifest) if manifest.valid else {}
    for field, path in kind.paths.items():
        if field in declared:
            yield _stated(manifest, path, declared[field] or None)
        elif field in kind.left:
            yield _Row(path, None, None, "platform", "its manifest leaves it to the platform, which fills it in")
    if kind.attaches:
        yield _stated(manifest, POLICY, manifest.policy)
    if kind.credentials and manifest.credentials:
        words = "sent when it is made, or with --renew-credentials; nobody can read them back"
        yield _Row(CREDENTIALS, manifest.credentials, ("spec", "credentials"), "manifest", words)


def _stated(manifest: Manifest, path: str, value: FieldValue) -> _Row:
    """A field that a manifest says, or that is the format's default since it does not."""
    pointer = tuple(path.strip("/").split("/"))
    if _said(manifest, pointer):
        return _Row(path, value, pointer, "manifest", "its manifest says so")
    return _Row(path, value, None, "default", "the default of the format, since its manifest leaves it out")


def _workspace(about: About, manifest: Manifest) -> _Row:
    if _said(manifest, ("metadata", "workspace")):
        return _Row(WORKSPACE_PATH, about.key.workspace, ("metadata", "workspace"), "manifest", "its manifest says so")
    if about.workspace is not None:
        return _Row(
            WORKSPACE_PATH, about.key.workspace, None, "environment", "what the environment or --workspace says"
        )
    return _Row(
        WORKSPACE_PATH, about.key.workspace, None, "platform", "the workspace of the platform where nobody says one"
    )


def _said(manifest: Manifest, pointer: Pointer) -> bool:
    """Whether a manifest says something itself."""
    found: object = manifest.document.data
    for part in pointer:
        if not isinstance(found, Mapping) or part not in found:
            return False
        found = found[part]
    return True


def _attachments(about: About) -> Iterator[_Row]:
    """What its manifest lists, what it attaches beyond that, and what is live only."""
    ending, told = about.ending, set()
    for item, position in zip(ending.state.attachments, ending.listed, strict=True) if ending is not None else ():
        path = _path(item)
        told.add(path)
        if position is None:
            yield _Row(path, None, None, "policy", "attached on the platform and not in its manifest: kept")
        else:
            yield _Row(path, attached_words(item), ("spec", "resources", position), "manifest", "its manifest lists it")
    for item in about.live.attachments if about.live is not None and about.manifest is not None else ():
        if _path(item) not in told:
            words = "attached on the platform and not in its manifest, whose policy is Exact: detached"
            yield _Row(_path(item), None, None, "policy", words)


def _path(item: Attachment) -> str:
    return f"/spec/resources/{attachment_token(item).lower()}"


def _decided(row: _Row, source: Location | None, about: About) -> Decided:
    """What decides: a rule, where its finding is about this very field."""
    pointer = "/" + "/".join(map(str, row.pointer)) if row.pointer is not None else row.path
    for found in about.findings:
        if found["severity"] == "error" and found["path"] is not None and _is_below(found["path"], pointer):
            return {"by": "rule", "words": found["message"], "rule": found["rule"], "source": source}
    return {"by": row.by, "words": row.words, "rule": None, "source": source}


def _is_below(path: str, pointer: str) -> bool:
    return path == pointer or path.startswith(f"{pointer}/")


def _places(manifest: Manifest | None, rows: Sequence[_Row], name_file: NameFile) -> Mapping[str, Location]:
    """Where in the manifest's file each field stands that it says itself."""
    if manifest is None:
        return {}
    spots = [
        Finding(row.path, "", spot=Spot(manifest.document, row.pointer)) for row in rows if row.pointer is not None
    ]
    return {
        found.rule: {"file": name_file(found.place.file), "line": found.place.line, "column": found.place.column}
        for found in locate(spots)
        if found.place is not None
    }


def meant(text: str, paths: Sequence[str]) -> list[str]:
    """The paths that a field means, as a person writes it: `mode`, `spec.mode`, `/spec/mode`, `resources`, `S3:raw-events`."""
    wanted = text.strip("/").replace("/", ".").removeprefix("spec.").removeprefix("metadata.").lower()
    if wanted == "resources":
        return [path for path in paths if path.startswith("/spec/resources/")]
    shown = {path: short(path).lower() for path in paths}
    exact = [path for path, name in shown.items() if wanted == name]
    wanted = wanted.removeprefix("resources.")
    return exact or [path for path, name in shown.items() if f"{name}:".startswith((f"{wanted}:", f"{wanted}."))]
