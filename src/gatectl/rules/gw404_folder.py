"""GW404: (bucket, folder) already used by another Normal repository (NORMAL_UNIT_FOLDER_ALREADY_USED)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import STORAGE, Identity, folder_key
from gatectl.rules.interface import Namespace, RepositoryView, Rule, collision, same_object, shown, told_apart


def across(namespace: Namespace) -> Iterator[Finding]:
    first: dict[tuple[str | None, Identity, str], tuple[RepositoryView, Entry]] = {}
    more: dict[tuple[str | None, Identity, str], list[tuple[RepositoryView, Entry]]] = {}
    for view in namespace.repositories:
        if view.mode != "Normal":
            continue
        for entry in view.entries:
            if entry.type not in STORAGE:
                continue
            key = (view.workspace, entry.key, folder_key(entry.folder))
            earlier = first.setdefault(key, (view, entry))
            if earlier[1] is entry:
                continue
            others = more.setdefault(key, [earlier])
            same = next(((v, e) for v, e in others if not same_object(v, view) and not told_apart(e, entry)), None)
            others.append((view, entry))
            if same is not None:
                yield _clash(view, entry, *same)


def _clash(view: RepositoryView, entry: Entry, other: RepositoryView, its: Entry) -> Finding:
    folder = folder_key(entry.folder)
    what = f"folder '{folder}' of {shown(entry)}" if folder else f"the whole of {shown(entry)} (no folder)"
    return collision(
        "GW404", f"{what} is used by {other.shown()} already",
        "two Normal repositories cannot share a folder of a bucket: give this one a folder of its own",
        "error", (view, entry),
        (other, its), f"used by {other.shown()} here",
    )  # fmt: skip


RULE = Rule(
    "GW404",
    "A folder of a bucket already used by another Normal repository",
    "The platform refuses a (bucket, folder) that another Normal repository uses (NORMAL_UNIT_FOLDER_ALREADY_USED). No folder"
    " counts as a folder; folders are compared after resolving `.`, `..` and slashes that say nothing.",
    final=True,
    across=across,
    bad="""\
kind: Repository
metadata: {name: ingest}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: raw}]}
---
kind: Repository
metadata: {name: replay}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: /raw/}]}
""",
    good="""\
kind: Repository
metadata: {name: ingest}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: raw}]}
---
kind: Repository
metadata: {name: replay}
spec: {endpointType: S3, resources: [{type: S3, bucket: acme-orders, folder: replay}]}
""",
)
