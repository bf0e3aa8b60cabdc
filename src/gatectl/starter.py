"""What a starter project holds: paths and texts. Pure; `cli.init` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping

_PROJECT = """\
# yaml-language-server: $schema={schemas}/project.schema.json
apiVersion: gatectl.io/v1
kind: Project
metadata: {{name: {name}}}
spec:
  manifests: [manifests]
  environments:
    default: {{platform: embedded}}      # a complete local platform in .gatectl/, nothing to start
    # prod:
    #   platform: https://backend.flashback.tech
    #   workspace: analytics
    #   token: {{env: FLASHBACK_TOKEN}}
    #   guardrails: {{maxDeletes: 0, maxDetaches: 10}}
"""

_MANIFEST = """\
# yaml-language-server: $schema={schemas}/manifest.schema.json
#
# One endpoint for applications, and the buckets behind it. Change the names, then:
#   gatectl validate    check it, offline
#   gatectl plan        see what would change
#   gatectl apply       make it so
apiVersion: gatectl.io/v1
kind: Repository
metadata:
  name: example-data
  labels: {team: example}
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: example-raw-events, folder: raw}
---
# The bucket that the repository attaches, registered in the same workspace.
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: example-raw-events-aws}
spec:
  type: S3
  bucket: example-raw-events
  region: eu-west-1
  credentials: # references only: secrets never go into a manifest
    key: {env: AWS_ACCESS_KEY_ID}
    secret: {env: AWS_SECRET_ACCESS_KEY}
"""

_WORKFLOW = """\
# Pull requests are validated offline, without secrets; the main branch is applied.
name: gatectl
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
concurrency:
  group: gatectl-${{ github.ref }}
jobs:
  validate:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - run: pipx run --spec 'gatectl==VERSION' gatectl validate
  # Enable it when the project file has an environment 'prod', and the secret FLASHBACK_TOKEN is set.
  # apply:
  #   if: github.event_name == 'push'
  #   needs: validate
  #   runs-on: ubuntu-24.04
  #   environment: prod
  #   steps:
  #     - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
  #       with:
  #         persist-credentials: false
  #     - run: pipx run --spec 'gatectl==VERSION' gatectl apply -e prod --yes
  #       env:
  #         FLASHBACK_TOKEN: ${{ secrets.FLASHBACK_TOKEN }}
"""

_IGNORE = """\
# The embedded platform: local, and not part of the manifests.
.gatectl/
"""


def starter_files(name: str, version: str, schemas: str) -> Mapping[str, str]:
    """The files of a starter project by path. `schemas` is where its editor finds the schemas, relative to the project."""
    return {
        "gatectl.yaml": _PROJECT.format(name=json.dumps(name, ensure_ascii=False), schemas=schemas),
        "manifests/example.yaml": _MANIFEST.replace("{schemas}", f"../{schemas}"),
        ".github/workflows/gatectl.yml": _WORKFLOW.replace("VERSION", version),
        ".gitignore": _IGNORE,
    }
