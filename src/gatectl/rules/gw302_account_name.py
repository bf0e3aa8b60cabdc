"""GW302: an Azure storage account named like an S3 or GCS bucket of the repository.

The source document: "Azure storage account names must not collide with S3/GCS bucket names in the same repository."
"""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding
from gatectl.rules.interface import RepositoryView, Rule, clashes, collision, shown


def each(view: RepositoryView) -> Iterator[Finding]:
    for clash in clashes(view, 1):
        if not clash.told:  # several containers of one account are one name
            yield collision(
                "GW302",
                f"storage account '{clash.container.identity[1]}' is named like {shown(clash.bucket)} of the same repository",
                "Azure account names must not collide with S3 and GCS bucket names: put one of the two into another repository",
                "error", (view, clash.later), (view, clash.earlier), f"{shown(clash.earlier)} here",
            )  # fmt: skip


RULE = Rule(
    "GW302",
    "An Azure storage account named like an S3 or GCS bucket of the repository",
    "A repository exposes accounts and buckets in one namespace. Several containers of one account are fine.",
    names=True,
    final=True,
    each=each,
    bad="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acmeorders}
    - {type: AzureBlob, account: acmeorders, container: tiles}
""",
    good="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acmeorders}
    - {type: AzureBlob, account: acmetiles, container: tiles}
""",
)
