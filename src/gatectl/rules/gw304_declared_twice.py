"""GW304: two manifests for the same object (kind, workspace, name; case ignored: U1), also as it was called before."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding, Manifest, Related, Spot
from gatectl.quote import quote
from gatectl.rules.interface import Namespace, Rule


def across(namespace: Namespace) -> Iterator[Finding]:
    first: dict[_Key, Manifest] = {}
    for manifest in namespace.manifests:
        if manifest.name is None:
            continue
        earlier = first.setdefault(_key(manifest, manifest.name), manifest)
        if earlier is not manifest:
            where = f" in workspace '{quote(manifest.workspace)}'" if manifest.workspace is not None else ""
            case = "" if earlier.name == manifest.name else f", as '{quote(earlier.name)}'"
            yield Finding(
                "GW304", f"{manifest.kind} '{quote(manifest.name)}'{where} is declared twice{case}",
                "keep one of the two manifests, or rename one",
                spot=Spot(manifest.document, ("metadata", "name")), subject=manifest.subject,
                related=(Related(Spot(earlier.document, ("metadata", "name")), "first declared here"),),
            )  # fmt: skip

    yield from _renamed(namespace, first)


_Key = tuple[str, str | None, str]


def _key(manifest: Manifest, name: str) -> _Key:
    return manifest.kind, manifest.workspace.lower() if manifest.workspace is not None else None, name.lower()


def _renamed(namespace: Namespace, declared: dict[_Key, Manifest]) -> Iterator[Finding]:
    """Manifests whose object was called before as another one is, or was."""
    former: dict[_Key, Manifest] = {}
    for manifest in namespace.manifests:
        name = manifest.renamed_from
        if name is None or manifest.name is None or name.lower() == manifest.name.lower():
            continue
        key = _key(manifest, name)
        beside, field = declared.get(key), "name"
        if beside is None:
            beside, field = former.setdefault(key, manifest), "renamedFrom"
        if beside is not manifest:
            where = f" in workspace '{quote(manifest.workspace)}'" if manifest.workspace is not None else ""
            what = "declared too" if field == "name" else f"renamed to '{quote(beside.name)}' too"
            yield Finding(
                "GW304", f"{manifest.kind} '{quote(name)}'{where} is renamed to '{quote(manifest.name)}', and {what}",
                "keep one of the two manifests; where both are meant, leave out renamedFrom",
                spot=Spot(manifest.document, ("metadata", "renamedFrom")), subject=manifest.subject,
                related=(Related(Spot(beside.document, ("metadata", field)), f"{what.removesuffix(' too')} here"),),
            )  # fmt: skip


RULE = Rule(
    "GW304",
    "Two manifests for the same object",
    "An object is declared once: kind, workspace and name decide, case ignored.",
    final=True,
    across=across,
    bad="""\
kind: Workspace
metadata: {name: analytics}
---
kind: Workspace
metadata: {name: Analytics}
""",
    good="""\
kind: Workspace
metadata: {name: analytics}
---
kind: Workspace
metadata: {name: research}
""",
)
