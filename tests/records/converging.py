"""An estate that is applied twice: what its two applies do, and what has to be there after whatever went wrong in one of them."""

from __future__ import annotations

import json
import os
from contextlib import closing

from cli.conftest import Shell, project
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, RecordsChoice, Secret
from gatectl.records import read_records
from serving import EMAIL, PASSWORD

VARIABLES = {"KEY": "k", "SECRET": "s", "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD, "LANG": "C"}
KEYS = "credentials: {key: {env: KEY}, secret: {env: SECRET}}"


def bucket_manifest(name: str, remote: str) -> str:
    return f"""---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: {name}, workspace: default}}
spec: {{type: S3, bucket: {remote}, {KEYS}}}
"""


def llm_manifest(endpoint: str) -> str:
    return f"""---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {{name: gpt, workspace: default}}
spec: {{provider: OpenAI, endpoint: "{endpoint}", credentials: {{secret: {{env: SECRET}}}}}}
"""


def repository_manifest(*remotes: str) -> str:
    attached = ", ".join(f"{{type: S3, bucket: {remote}}}" for remote in remotes)
    return f"""---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: data, workspace: default}}
spec: {{endpointType: S3, attachmentPolicy: Exact, resources: [{attached}]}}
"""


FIRST = (
    bucket_manifest("raw", "raw-events")
    + bucket_manifest("old", "old-events")
    + llm_manifest("https://api.example.com/v1")
    + repository_manifest("raw-events", "old-events")
)
"""Creations alone."""
SECOND = (
    bucket_manifest("raw", "raw-events")
    + bucket_manifest("new", "new-events")
    + llm_manifest("https://api.example.com/v2")
    + repository_manifest("raw-events", "new-events")
)
"""A creation, two updates, a detachment and a deletion, after FIRST."""
NAMES = {"first": {"raw", "old", "gpt", "data"}, "second": {"raw", "new", "gpt", "data"}}


def aimed(shell: Shell, target: str, records: str | None) -> tuple[Shell, Connection]:
    file = json.loads(project(default={"platform": target, "guardrails": {"maxDeletes": 5}}))
    file["spec"]["uid"] = "6f1f5d4e-0c5b-4a53-9d39-1f3f9c8d2b11"
    shell.write("gatectl.yaml", json.dumps(file))
    credentials = Credentials(email=EMAIL, password=Secret(PASSWORD)) if target.startswith("http") else None
    choice = RecordsChoice(records, named=True) if records is not None else RecordsChoice()
    environ = dict(os.environ)
    return shell, Connection(target, shell.folder, "OPENAI", credentials, named=True, environ=environ, records=choice)


def objects(connection: Connection) -> list[str]:
    """What is live, by its names, one of each object."""
    with closing(driver_for(connection.target).open_reader(connection)) as reader:
        homes = [each["id"] for each in reader.list("workspace") if each["name"] == "default"]
        lists = [reader.list(kind, home) for home in homes for kind in ("bucket", "ai/llm", "repo")]
    return sorted(each.get("name") or each["repoName"] for found in lists for each in found)


def owned(connection: Connection) -> dict[str, bool]:
    """What has an owner, by its name, and whether it was made by hand."""
    with (
        closing(driver_for(connection.target).open_reader(connection)) as reader,
        closing(read_records(connection, reader)) as records,
    ):
        assert list(records.open_runs()) == []
        return {each.name: each.adopted for each in records.owned() or ()}


def apply_of(which: str) -> tuple[str, ...]:
    return ("apply", "--yes", "--new-records", *prune_of(which))


def prune_of(which: str) -> tuple[str, ...]:
    """The second apply deletes too."""
    return ("--prune",) if which == "second" else ()


def declare(shell: Shell, which: str) -> None:
    """All is ready for an apply: the second comes after the first."""
    shell.write("manifests/all.yaml", FIRST)
    if which == "second":
        began = shell(*apply_of("first"))
        assert began.code == 0, began.err
        shell.write("manifests/all.yaml", SECOND)


def check_converges(shell: Shell, connection: Connection, which: str) -> None:
    """Applied again, all that is wanted is there once, and is this project's own; then nothing is to be done, and no run is open."""
    applied = shell(*apply_of(which))
    assert applied.code == 0, applied.err
    assert objects(connection) == sorted(NAMES[which])
    assert owned(connection) == dict.fromkeys(NAMES[which], False)
    again = shell("plan", "--detailed-exitcode", *prune_of(which))
    assert again.code == 0 and "has not ended" not in again.err
