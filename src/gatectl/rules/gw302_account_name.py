"""GW302: an Azure storage account named like an S3 or GCS bucket of the repository.

The source document: "Azure storage account names must not collide with S3/GCS bucket names in the same repository."
"""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import BUCKETS, CONTAINERS
from gatectl.rules.interface import RepositoryView, Rule, collision, shown


def each(view: RepositoryView) -> Iterator[Finding]:
    buckets: dict[str, Entry] = {}
    accounts: dict[str, Entry] = {}
    for entry in view.entries:
        if entry.type in CONTAINERS:
            account = entry.key[1]
            if account not in accounts and account in buckets:
                yield _clash(view, entry, buckets[account])
            accounts.setdefault(account, entry)
        elif entry.type in BUCKETS:
            bucket = entry.key[1]
            if bucket not in buckets and bucket in accounts:
                yield _clash(view, entry, accounts[bucket])
            buckets.setdefault(bucket, entry)


def _clash(view: RepositoryView, later: Entry, earlier: Entry) -> Finding:
    account, bucket = (later, earlier) if later.type in CONTAINERS else (earlier, later)
    return collision(
        "GW302",
        f"storage account '{account.identity[1]}' is named like {shown(bucket)} of the same repository",
        "Azure account names must not collide with S3 and GCS bucket names: put one of the two into another repository",
        "error", (view, later), (view, earlier), f"{shown(earlier)} here",
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
