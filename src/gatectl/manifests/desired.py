"""Documents become manifests: read as far as they can be, whatever is wrong with them, so that every rule sees them.

The namespace rules look at every entry whose identity is readable (product.md, section 3), so nothing here insists on a
valid document; and nothing here reports: what is wrong was said by `validate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.kinds import KINDS
from gatectl.model import Desired, Document, Entry, Manifest, Spec
from gatectl.resources import FAMILIES
from gatectl.rules.interface import Namespace, RepositoryView

_NOTHING: Final[Mapping[str, Any]] = {}


def read_manifest(document: Document, kind: str, valid: bool, default_workspace: str | None) -> Manifest:
    """What can be read of a document of a known kind. `default_workspace` is for manifests that name none."""
    data = document.data
    metadata = _mapping(data.get("metadata"))
    spec = _mapping(data.get("spec"))
    name = metadata.get("name")
    workspace = metadata.get("workspace")
    protect = metadata.get("protect")
    if not KINDS[kind].scoped:
        workspace = None
    elif "workspace" not in metadata:
        workspace = default_workspace
    return Manifest(
        kind,
        workspace if type(workspace) is str else None,
        name if type(name) is str and name else None,
        _said(metadata, "id"),
        _mapping(metadata.get("labels")),
        spec,
        _entries(spec) if KINDS[kind].attaches else None,
        valid,
        document,
        _said(metadata, "renamedFrom") or None,
        protect if type(protect) is bool else None,
    )


def _said(metadata: Spec, field: str) -> str | None:
    return _text(metadata.get(field))


def _mapping(value: Any) -> Spec:
    return value if type(value) is dict else _NOTHING


def _entries(spec: Spec) -> tuple[Entry, ...] | None:
    resources = spec.get("resources")
    if type(resources) is not list:
        return None
    entries = []
    for index, resource in enumerate(resources):
        entry = _entry(index, resource) if type(resource) is dict else None
        if entry is not None:
            entries.append(entry)
    return tuple(entries)


def _entry(index: int, resource: Mapping[str, Any]) -> Entry | None:
    get = resource.get
    kind = get("type")
    family = FAMILIES.get(kind) if type(kind) is str else None
    if family is None:
        return None
    names = [name for field in family.fields if type(name := get(field)) is str and name]
    if len(names) < len(family.fields):
        return None
    identity = (family.type, *names)
    key = identity if not family.storage or all(map(_is_low, names)) else (family.type, *[n.lower() for n in names])
    master = get("master")
    return Entry(
        index,
        identity,
        key,
        _text(get("label")),
        _text(get("id")),
        _text(get("folder")),
        master if type(master) is bool else None,
    )


def _is_low(name: str) -> bool:
    """Whether it is as it would be with case ignored; most are, and need no copy."""
    return name == name.lower()


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def offline_namespace(desired: Desired) -> Namespace:
    """What the manifests alone say, as the rules look at it."""
    return Namespace([_view(m) for m in desired.manifests if KINDS[m.kind].attaches], desired.manifests)


def _view(manifest: Manifest) -> RepositoryView:
    endpoint_type = manifest.spec.get("endpointType")
    mode = manifest.spec.get("mode", "Normal")
    if mode == "Mirror" and manifest.entries is None:
        mode = None  # its attachments are not managed, so whether one is the master is only known on the platform
    return RepositoryView(
        manifest.kind,
        manifest.workspace,
        manifest.name,
        endpoint_type if type(endpoint_type) is str else None,
        mode if type(mode) is str else None,
        manifest.entries or (),
        manifest,
    )
