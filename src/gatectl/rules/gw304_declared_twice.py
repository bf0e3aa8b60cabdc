"""GW304: two manifests for the same object (kind, workspace, name; case ignored: U1)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding, Manifest, Related, Spot
from gatectl.quote import quote
from gatectl.rules.interface import Namespace, Rule


def across(namespace: Namespace) -> Iterator[Finding]:
    first: dict[tuple[str, str | None, str], Manifest] = {}
    for manifest in namespace.manifests:
        if manifest.name is None:
            continue
        workspace = manifest.workspace.lower() if manifest.workspace is not None else None
        earlier = first.setdefault((manifest.kind, workspace, manifest.name.lower()), manifest)
        if earlier is not manifest:
            where = f" in workspace '{quote(manifest.workspace)}'" if manifest.workspace is not None else ""
            case = "" if earlier.name == manifest.name else f", as '{quote(earlier.name)}'"
            yield Finding(
                "GW304", f"{manifest.kind} '{quote(manifest.name)}'{where} is declared twice{case}",
                "keep one of the two manifests, or rename one",
                spot=Spot(manifest.document, ("metadata", "name")), subject=manifest.subject,
                related=(Related(Spot(earlier.document, ("metadata", "name")), "first declared here"),),
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
