"""Write a project of N repositories, one manifest a file: what the benchmark measures.

    python generate.py 1000 FOLDER

Each repository attaches an S3 bucket, a GCS bucket and an Azure container, each in a folder of its own (so that GW404
holds). They come from a pool that grows with N and is declared by Bucket manifests: N/50 of each family. Everything is
derived from the number, so that the same N gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

PER_BUCKET = 50
"""How many repositories share a bucket."""

PROJECT = """\
apiVersion: gatectl.io/v1
kind: Project
metadata: {name: benchmark}
spec:
  manifests: [manifests]
  environments:
    default: {platform: embedded}
"""

REPOSITORY = """\
apiVersion: gatectl.io/v1
kind: Repository
metadata:
  name: repository-{number:05}
  labels: {{team: team-{team:03}, tier: prod}}
spec:
  endpointType: S3
  mode: Normal
  resources:
    - {{type: S3, bucket: events-{pool:04}-aws, folder: repository-{number:05}}}
    - {{type: GCS, bucket: curated-{pool:04}-gcs, folder: repository-{number:05}}}
    - {{type: AzureBlob, account: store{pool:04}, container: archive-{pool:04}, folder: repository-{number:05}}}
"""

BUCKETS = {
    "aws": """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: events-{pool:04}}}
spec:
  type: S3
  bucket: events-{pool:04}-aws
  region: eu-west-1
  credentials:
    key: {{env: AWS_ACCESS_KEY_ID}}
    secret: {{env: AWS_SECRET_ACCESS_KEY}}
""",
    "gcs": """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: curated-{pool:04}}}
spec:
  type: GCS
  bucket: curated-{pool:04}-gcs
  region: europe-west1
  credentials:
    key: {{env: GCS_CLIENT_EMAIL}}
    secret: {{env: GCS_PRIVATE_KEY}}
""",
    "azure": """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: archive-{pool:04}}}
spec:
  type: AzureBlob
  account: store{pool:04}
  container: archive-{pool:04}
  region: westeurope
  credentials:
    secret: {{env: AZURE_ACCOUNT_KEY}}
""",
}

CREDENTIALS = dict.fromkeys(
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GCS_CLIENT_EMAIL", "GCS_PRIVATE_KEY", "AZURE_ACCOUNT_KEY"),
    "cGxhY2Vob2xkZXI=",
)
"""What the references of the manifests lead to, for `apply` on an embedded platform; in Base64, as a key of Azure is."""


def generate(count: int, folder: Path) -> None:
    """Write the project. The folder is created; files of an earlier, larger project are not removed."""
    repositories, buckets = folder / "manifests" / "repositories", folder / "manifests" / "buckets"
    repositories.mkdir(parents=True, exist_ok=True)
    buckets.mkdir(exist_ok=True)
    (folder / "gatectl.yaml").write_text(PROJECT, encoding="utf-8")
    pools = max(1, count // PER_BUCKET)
    for pool in range(pools):
        for family, template in BUCKETS.items():
            (buckets / f"{family}-{pool:04}.yaml").write_text(template.format(pool=pool), encoding="utf-8")
    for number in range(count):
        text = REPOSITORY.format(number=number, team=number % 100, pool=number % pools)
        (repositories / f"repository-{number:05}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit("usage: python generate.py N FOLDER")
    generate(int(sys.argv[1]), Path(sys.argv[2]))
