"""GW402: a Mirror repository without exactly one master (platform-contract.md, section 2.4; MIRROR_MASTER_*)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding, Spot
from gatectl.rules.interface import RepositoryView, Rule, related, shown


def each(view: RepositoryView) -> Iterator[Finding]:
    if view.mode != "Mirror" or not _readable(view):
        return
    masters = [entry for entry in view.entries if entry.master]
    if len(masters) == 1 or (not masters and any(entry.master is None for entry in view.entries)):
        return  # what says nothing keeps the live master: whether there is one, the final state tells
    count = "no master" if not masters else f"{len(masters)} masters"
    yield Finding(
        "GW402", f"a Mirror repository has exactly one master, this one has {count}",
        "say master: true on exactly one of its buckets",
        spot=Spot(view.manifest.document, ("spec", "mode")) if view.manifest else None,
        subject=view.subject,
        related=tuple(related(view, entry, f"master: {shown(entry)}") for entry in masters),
        about=((view.workspace, view.name),),
    )  # fmt: skip


def _readable(view: RepositoryView) -> bool:
    """Whether all entries could be read: the master may be the one that could not."""
    resources = view.manifest.spec.get("resources") if view.manifest is not None else None
    return type(resources) is not list or len(resources) == sum(entry.position is not None for entry in view.entries)


RULE = Rule(
    "GW402",
    "Mirror mode without exactly one master",
    "In a Mirror repository every bucket holds the same data, and exactly one is the master: say master: true on it. Where no"
    " entry says anything, the live master is kept; a plan tells where there is none.",
    final=True,
    each=each,
    bad="""\
spec:
  endpointType: S3
  mode: Mirror
  resources:
    - {type: S3, bucket: acme-orders, master: true}
    - {type: GCS, bucket: acme-orders-copy, master: true}
""",
    good="""\
spec:
  endpointType: S3
  mode: Mirror
  resources:
    - {type: S3, bucket: acme-orders, master: true}
    - {type: GCS, bucket: acme-orders-copy}
""",
)
