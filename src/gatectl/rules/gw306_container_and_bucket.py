"""GW306: an Azure container named like an S3 or GCS bucket of the repository (U14)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import BUCKETS, CONTAINERS
from gatectl.rules.interface import RepositoryView, Rule, collision, severity_behind, shown


def each(view: RepositoryView) -> Iterator[Finding]:
    buckets: dict[str, Entry] = {}
    containers: dict[str, Entry] = {}
    for entry in view.entries:
        if entry.type in CONTAINERS:
            name = entry.key[2]
            if name in buckets:
                yield _clash(view, entry, buckets[name])
            containers.setdefault(name, entry)
        elif entry.type in BUCKETS:
            name = entry.key[1]
            if name in containers:
                yield _clash(view, entry, containers[name])
            buckets.setdefault(name, entry)


def _clash(view: RepositoryView, later: Entry, earlier: Entry) -> Finding:
    container, bucket = (later, earlier) if later.type in CONTAINERS else (earlier, later)
    return collision(
        "GW306", f"{shown(container)} is named like {shown(bucket)} of the same repository",
        "S3 and GCS clients address both by that name: put one of the two into another repository",
        severity_behind(view), (view, later), (view, earlier), f"{shown(earlier)} here",
    )  # fmt: skip


RULE = Rule(
    "GW306",
    "An Azure container named like an S3 or GCS bucket",
    "Behind an S3 or GCS endpoint both are addressed by that name (error); Azure clients name the account too (warning).",
    adjustable=True,
    names=True,
    final=True,
    each=each,
    bad="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: audit}
    - {type: AzureBlob, account: acmeweu, container: audit}
""",
    good="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: audit}
    - {type: AzureBlob, account: acmeweu, container: audit-weu}
""",
)
