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

_EVENTS = """\
on:
  pull_request:
  push:
    branches: [main]
  schedule:
    - cron: "17 5 * * *"
  workflow_dispatch:
"""

_WORKFLOW_HEAD = """\
# Pull requests are validated, without any secret. For the rest, when the project file has an environment 'prod', say:
# the repository's variable GATECTL_ENVIRONMENT (prod), its environment of the same name with the reviewers that an apply
# waits for, and the secrets GATECTL_TOKEN (the platform's token) and GATECTL_CREDENTIALS (a JSON object of the
# environment variables that manifests refer to). Then:
"""

_PIPELINE_HEAD = """\
# Merge requests are validated, without any secret. For the rest, when the project file has an environment 'prod', say:
# the variables GATECTL_ENVIRONMENT (prod), GATECTL_TOKEN (the platform's token, masked), GITLAB_TOKEN (for the comment)
# and those that manifests refer to. Then:
"""

_IGNORE = """\
# The embedded platform: local, and not part of the manifests.
.gatectl/
"""


def starter_files(name: str, schemas: str, pipeline: Mapping[str, str]) -> Mapping[str, str]:
    """The files of a starter project by path. `schemas` is where its editor finds the schemas, relative to the project;

    `pipeline` is what the chosen CI reads.
    """
    return {
        "gatectl.yaml": _PROJECT.format(name=json.dumps(name, ensure_ascii=False), schemas=schemas),
        "manifests/example.yaml": _MANIFEST.replace("{schemas}", f"../{schemas}"),
        **pipeline,
        ".gitignore": _IGNORE,
    }


def github_workflow(reusable: str, version: str) -> Mapping[str, str]:
    """The reusable workflow as one that stands by itself: its inputs are the repository's variables and secrets."""
    head, _, rest = reusable.partition("on:\n")
    told = "".join(line for line in head.splitlines(keepends=True)[1:] if line.startswith("#"))
    jobs = rest[rest.index("permissions: {}\n") :]
    for old, new in (
        ("inputs.environment", "vars.GATECTL_ENVIRONMENT"),
        ("  GATECTL_PROJECT: ${{ inputs.project }}\n", ""),
        ("${{ inputs.gatectl }}", f"gatectl=={version}"),
        ("secrets.token", "secrets.GATECTL_TOKEN"),
        ("secrets.credentials", "secrets.GATECTL_CREDENTIALS"),
    ):
        jobs = jobs.replace(old, new)
    return {".github/workflows/gatectl.yml": f"{_WORKFLOW_HEAD}{told}name: gatectl\n{_EVENTS}{jobs}"}


def gitlab_pipeline(component: str, version: str) -> Mapping[str, str]:
    """The component as a pipeline that stands by itself: its inputs are the project's variables."""
    head, _, jobs = component.partition("---\n")
    told = "".join(line for line in head.splitlines(keepends=True)[1:] if line.startswith("#"))
    for old, new in (
        ('"$[[ inputs.environment ]]" == ""', '($GATECTL_ENVIRONMENT == null || $GATECTL_ENVIRONMENT == "")'),
        ('"$[[ inputs.environment ]]" != ""', "$GATECTL_ENVIRONMENT"),
        ("$[[ inputs.environment ]]", "$GATECTL_ENVIRONMENT"),
        ("$[[ inputs.image ]]", "python:3.13"),
        ("$[[ inputs.gatectl ]]", f"gatectl=={version}"),
    ):
        jobs = jobs.replace(old, new)
    return {".gitlab-ci.yml": f"{_PIPELINE_HEAD}{told}{jobs}"}
