"""What a starter project holds: paths and texts. Pure; `cli.init` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

_PROJECT = """\
# yaml-language-server: $schema={schemas}/project.schema.json
apiVersion: gatectl.io/v1
kind: Project
metadata: {{name: {name}}}
spec:
  uid: {uid}      # what this project is known by: keep it when the name changes, give a copy another
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
# yaml-language-server: $schema={schemas}/manifest.schema.json
# The bucket that the repository attaches, registered in the same workspace. (Editors want the line above in each document.)
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: example-raw-events-aws}
spec:
  type: S3
  bucket: example-raw-events
  region: eu-west-1
  credentials: # references only: secrets never go into a manifest. For a real bucket: {env: AWS_ACCESS_KEY_ID}
    key: {file: ../demo-credentials/key}
    secret: {file: ../demo-credentials/secret}
"""

_DEMO = {
    "demo-credentials/key": "demo-key\n",
    "demo-credentials/secret": "demo-secret\n",
}

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
# Pull requests are validated, and no step has a secret. For the rest, when the project file has an environment 'prod':
#   variables of the repository   GATECTL_ENVIRONMENT: prod. GATECTL_PLATFORM: the platform, which no pull request then chooses
#   secret of the repository      GATECTL_PLAN_TOKEN: a token of the platform that can only read. Whoever may push a branch
#                                 can read it, as any secret of the repository
#   environment 'prod'            the reviewers that an apply waits for, the default branch as its only branch, and as
#                                 secrets GATECTL_TOKEN, which can write, and each variable that manifests refer to (they
#                                 are named in the step that applies). Only that job is handed them
"""

_PIPELINE_HEAD = """\
# Merge requests are validated. For the rest, when the project file has an environment 'prod', say these variables. GitLab
# hands every job all of them that are not protected and not of another environment, so how each is kept is what matters:
#   GATECTL_ENVIRONMENT: prod. GATECTL_PLATFORM: the platform, which the manifests then do not choose
#   GATECTL_PLAN_TOKEN, masked: a token of the platform that can only read. Whoever may push a branch can read it
#   GITLAB_TOKEN, masked: what the comment is written with; whoever may push a branch can read it too
#   GATECTL_TOKEN, masked, protected, of the environment prod: the one that applies
#   each variable that manifests refer to, masked, protected, of the environment prod; GitLab masks no value of several
#     lines, so write the JSON of a service account in one
"""

_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""What the example manifest refers to."""

NOWHERE: Final = ("OWNER/gatectl", "0" * 40)
"""What stands in a pipeline for the place and the commit of gatectl while nobody said them: no such commit exists."""

_IGNORE = """\
# The embedded platform: local, and not part of the manifests.
.gatectl/
"""


def starter_files(name: str, uid: str, schemas: str, pipeline: Mapping[str, str]) -> Mapping[str, str]:
    """The files of a starter project by path. `uid` is one that no other project has; `schemas` is where its editor finds the
    schemas, relative to the project; `pipeline` is what the chosen CI reads.
    """
    return {
        "gatectl.yaml": _PROJECT.format(name=json.dumps(name, ensure_ascii=False), uid=uid, schemas=schemas),
        "manifests/example.yaml": _MANIFEST.replace("{schemas}", f"../{schemas}"),
        **_DEMO,
        **pipeline,
        ".gitignore": _IGNORE,
    }


def github_workflow(reusable: str, place: str, commit: str) -> Mapping[str, str]:
    """The reusable workflow as one that stands by itself: its inputs are the repository's variables and secrets.

    `place` is the repository of gatectl, as OWNER/NAME, `commit` what of it runs, in 40 digits.
    """
    head, _, rest = reusable.partition("on:\n")
    told = "".join(line for line in head.splitlines(keepends=True)[1:] if line.startswith("#"))
    jobs = rest[rest.index("permissions: {}\n") :]
    credentials = "".join(f"          {name}: ${{{{ secrets.{name} }}}}\n" for name in _CREDENTIALS)
    for old, new in (
        (r"inputs\.environment", "vars.GATECTL_ENVIRONMENT"),
        (r"inputs\.platform", "vars.GATECTL_PLATFORM"),
        (r" +(project|credentials): \$\{\{ inputs\.\w+ \}\}\n", ""),
        (r"( +CREDENTIAL_\d: .*\n)+", credentials),
        (r"uses: \$/(\S+)", rf"uses: {place}/\1@{commit}"),
    ):
        jobs = re.sub(old, new, jobs)
    return {".github/workflows/gatectl.yml": f"{_WORKFLOW_HEAD}{told}name: gatectl\n{_EVENTS}{jobs}"}


def gitlab_pipeline(component: str, place: str, commit: str) -> Mapping[str, str]:
    """The component as a pipeline that stands by itself: its inputs are the project's variables.

    `place` is the git repository of gatectl, as an https address, `commit` what of it runs, in 40 digits.
    """
    head, _, jobs = component.partition("---\n")
    told = "".join(line for line in head.splitlines(keepends=True)[1:] if line.startswith("#"))
    for old, new in (
        ('"$[[ inputs.environment ]]" == ""', '($GATECTL_ENVIRONMENT == null || $GATECTL_ENVIRONMENT == "")'),
        ('"$[[ inputs.environment ]]" != ""', "$GATECTL_ENVIRONMENT"),
        ("$[[ inputs.environment ]]", "$GATECTL_ENVIRONMENT"),
        ("$[[ inputs.image ]]", "python:3.13"),
        ("$[[ inputs.source ]]", place if "://" in place else f"https://gitlab.com/{place}.git"),
        ("$[[ inputs.commit ]]", json.dumps(commit)),
    ):
        jobs = jobs.replace(old, new)
    return {".gitlab-ci.yml": f"{_PIPELINE_HEAD}{told}{jobs}"}
