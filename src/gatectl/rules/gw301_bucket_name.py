"""GW301: one bucket name for two S3 or GCS resources of a repository.

The source document: "Bucket names must be unique across providers inside the same repository."
"""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import BUCKETS
from gatectl.rules.interface import RepositoryView, Rule, collision, shown, told_apart


def each(view: RepositoryView) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in view.entries:
        if entry.type not in BUCKETS:
            continue
        earlier = first.setdefault(entry.key[1], entry)
        if earlier is entry or (earlier.key == entry.key and not told_apart(earlier, entry)):
            continue  # the same resource twice is GW303
        yield collision(
            "GW301",
            f"bucket name '{entry.identity[1]}' is used by {shown(entry)} and by {shown(earlier)} of one repository",
            "bucket names are unique across providers inside a repository: put one of the two into another repository",
            "error", (view, entry), (view, earlier), f"{shown(earlier)} here",
        )  # fmt: skip


RULE = Rule(
    "GW301",
    "A bucket name used by more than one S3 or GCS resource of the repository",
    "A repository exposes its buckets under their names, so an S3 and a GCS bucket of one name, or two S3-compatible"
    " providers' buckets of one name (told apart by label or id), cannot be told apart by applications. Names are compared"
    " lower-cased.",
    names=True,
    final=True,
    each=each,
    bad="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acme-orders}
    - {type: GCS, bucket: acme-orders}
""",
    good="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acme-orders}
    - {type: GCS, bucket: acme-orders-archive}
""",
)
