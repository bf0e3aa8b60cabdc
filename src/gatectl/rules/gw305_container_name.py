"""GW305: the same container name under two Azure accounts of a repository (U14)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import CONTAINERS
from gatectl.rules.interface import RepositoryView, Rule, collision, severity_behind, shown


def each(view: RepositoryView) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in view.entries:
        if entry.type not in CONTAINERS:
            continue
        earlier = first.setdefault(entry.key[2], entry)
        if earlier.key[1] != entry.key[1]:
            yield collision(
                "GW305",
                f"container name '{entry.identity[2]}' is used under two storage accounts,"
                f" '{entry.identity[1]}' and '{earlier.identity[1]}'",
                "S3 and GCS clients address a container by its name alone: put one of the two into another repository",
                severity_behind(view), (view, entry), (view, earlier), f"{shown(earlier)} here",
            )  # fmt: skip


RULE = Rule(
    "GW305",
    "The same container name under two Azure accounts",
    "Behind an S3 or GCS endpoint a container is addressed by its name alone, so it must be unique there (error). Azure"
    " clients name the account too (warning).",
    adjustable=True,
    names=True,
    final=True,
    each=each,
    bad="""\
spec:
  endpointType: S3
  resources:
    - {type: AzureBlob, account: acmeweu, container: audit}
    - {type: AzureBlob, account: acmeneu, container: audit}
""",
    good="""\
spec:
  endpointType: S3
  resources:
    - {type: AzureBlob, account: acmeweu, container: audit}
    - {type: AzureBlob, account: acmeneu, container: audit-neu}
""",
)
