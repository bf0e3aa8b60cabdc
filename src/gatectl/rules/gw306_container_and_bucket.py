"""GW306: an Azure container named like an S3 or GCS bucket of the repository (U14)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding
from gatectl.rules.interface import RepositoryView, Rule, clashes, collision, severity_behind, shown


def each(view: RepositoryView) -> Iterator[Finding]:
    for clash in clashes(view, 2):
        yield collision(
            "GW306", f"{shown(clash.container)} is named like {shown(clash.bucket)} of the same repository",
            "S3 and GCS clients address both by that name: put one of the two into another repository",
            severity_behind(view), (view, clash.later), (view, clash.earlier), f"{shown(clash.earlier)} here",
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
