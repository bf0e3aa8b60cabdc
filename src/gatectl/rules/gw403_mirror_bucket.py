"""GW403: a bucket of a Mirror repository attached to another repository too (MIRROR_UNIT_ALREADY_IN_OTHER_REPO)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import STORAGE, Identity
from gatectl.rules.interface import Namespace, RepositoryView, Rule, collision, same_object, shown, told_apart


def across(namespace: Namespace) -> Iterator[Finding]:
    mirrored = {
        (view.workspace, entry.key)
        for view in namespace.repositories
        if view.mode == "Mirror"
        for entry in view.entries
        if entry.type in STORAGE
    }
    if not mirrored:
        return
    known: dict[tuple[str | None, Identity], list[tuple[RepositoryView, Entry]]] = {}
    for view in namespace.repositories:
        for entry in view.entries:
            if (view.workspace, entry.key) in mirrored:
                earlier = known.setdefault((view.workspace, entry.key), [])
                other = next((found for found in earlier if _collide((view, entry), found)), None)
                earlier.append((view, entry))
                if other is not None:
                    yield _clash(view, entry, *other)


def _collide(later: tuple[RepositoryView, Entry], earlier: tuple[RepositoryView, Entry]) -> bool:
    """Whether two repositories, one of them a Mirror, attach one registered resource."""
    (view, entry), (other, its) = later, earlier
    return "Mirror" in (view.mode, other.mode) and not told_apart(entry, its) and not same_object(other, view)


def _clash(view: RepositoryView, entry: Entry, other: RepositoryView, its: Entry) -> Finding:
    mirror = view if view.mode == "Mirror" else other
    return collision(
        "GW403",
        f"{shown(entry)} belongs to {mirror.shown()}, which is a Mirror, and is attached to"
        f" {(other if mirror is view else view).shown()} too",
        "a bucket of a Mirror repository can be attached nowhere else: remove one of the two",
        "error", (view, entry), (other, its), f"attached to {other.shown()} here",
    )  # fmt: skip


RULE = Rule(
    "GW403",
    "A bucket of a Mirror repository attached elsewhere too",
    "The platform refuses a bucket of a Mirror repository in any other repository (MIRROR_UNIT_ALREADY_IN_OTHER_REPO).",
    final=True,
    across=across,
    bad="""\
kind: Repository
metadata: {name: vault}
spec: {endpointType: S3, mode: Mirror, resources: [{type: S3, bucket: acme-vault, master: true}]}
---
kind: Repository
metadata: {name: reports}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-vault, folder: reports}]}
""",
    good="""\
kind: Repository
metadata: {name: vault}
spec: {endpointType: S3, mode: Mirror, resources: [{type: S3, bucket: acme-vault, master: true}]}
---
kind: Repository
metadata: {name: reports}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-reports}]}
""",
)
