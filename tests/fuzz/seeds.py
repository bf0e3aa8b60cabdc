"""What the mutations begin with: manifests, project files, and in `seeds/` what gatectl made of them once.

    python tests/fuzz/seeds.py

makes the files of `seeds/` again, which is due when the format of plans, receipts, snapshots or databases is another. They are
kept, and not made for each run, because every one of them has a time or an id in it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
MADE: Final = Path(__file__).resolve().parent / "seeds"

CREDENTIALS: Final = "{key: {env: KEY}, secret: {env: SECRET}}"
BUCKETS: Final = f"""\
apiVersion: gatectl.io/v1
kind: Workspace
metadata: {{name: data}}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: raw-aws, labels: {{team: data}}}}
spec:
  type: S3
  bucket: raw-events
  region: eu-west-1
  credentials: {CREDENTIALS}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: curated-gcs}}
spec: {{type: GCS, bucket: curated, credentials: {CREDENTIALS}}}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: store-logs}}
spec: {{type: AzureBlob, account: prodstore, container: logs, credentials: {{secret: {{env: SECRET}}}}}}
---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {{name: assistant}}
spec: {{provider: OpenAI, endpoint: "https://api.openai.com/v1", credentials: {{secret: {{env: SECRET}}}}}}
"""
FIRST: Final = f"""{BUCKETS}---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: events, labels: {{team: data}}}}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources:
    - {{type: S3, bucket: raw-events, folder: in}}
    - {{type: GCS, bucket: curated}}
    - {{type: AzureBlob, account: prodstore, container: logs}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: chat}}
spec: {{endpointType: OpenAI, resources: [{{type: LLM, name: assistant}}]}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: unused}}
spec: {{endpointType: GCS, resources: []}}
"""
SECOND: Final = f"""{BUCKETS.replace("eu-west-1", "eu-central-1")}---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: events}}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources:
    - {{type: S3, bucket: raw-events, folder: in}}
    - {{type: S3, bucket: more}}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: more-aws}}
spec: {{type: S3, bucket: more, credentials: {CREDENTIALS}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: chat}}
spec: {{endpointType: OpenAI, resources: [{{type: LLM, name: assistant}}]}}
"""
"""What changes, detaches and (with --prune) deletes where FIRST was applied."""

PROJECT: Final = """\
apiVersion: gatectl.io/v1
kind: Project
metadata: {name: fuzz}
spec:
  manifests: [manifests]
  exclude: ["*.tmp.yaml"]
  rules: {GW307: error}
  environments:
    default:
      platform: embedded
      wire: {OpenAI: OPENAI}
      consistency: 1s
      guardrails: {maxDeletes: 5, maxDetaches: 10}
    prod:
      platform: https://gateway.example
      token: {env: TOKEN}
      wire: {OpenAI: OPENAI}
      workspace: data
      consistency: 5s
"""
VARIABLES: Final = {"KEY": "AKIA", "SECRET": "aHVzaA==", "TOKEN": "t"}


def manifests() -> list[bytes]:
    """All manifests of the examples, right and wrong, and those above."""
    files = [*TOP.glob("examples/*/manifests/**/*.yaml"), *TOP.glob("examples/broken/*.y*")]
    return [FIRST.encode(), SECOND.encode(), *(path.read_bytes() for path in sorted(files))]


def projects() -> list[bytes]:
    return [PROJECT.encode(), *(path.read_bytes() for path in sorted(TOP.glob("examples/*/gatectl.yaml")))]


def made(name: str) -> bytes:
    return (MADE / name).read_bytes()


def lay_out(folder: Path, manifest: str = FIRST) -> None:
    """A project in an empty folder."""
    (folder / "manifests").mkdir()
    (folder / "manifests" / "all.yaml").write_text(manifest, encoding="utf-8")
    (folder / "gatectl.yaml").write_text(PROJECT, encoding="utf-8")


def main() -> None:
    shutil.rmtree(MADE, ignore_errors=True)
    MADE.mkdir()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder)

        def gatectl(*arguments: str) -> None:
            command = [sys.executable, "-m", "gatectl", *arguments]
            subprocess.run(command, cwd=folder, check=True, env={**os.environ, **VARIABLES}, stdout=subprocess.DEVNULL)

        gatectl("plan", "--out", str(MADE / "plan-creates.json"))
        gatectl("apply", "--yes", "--receipt", str(MADE / "receipt.json"))
        gatectl("snapshot", "--out", str(MADE / "snapshot.json"))
        (folder / "manifests" / "all.yaml").write_text(SECOND, encoding="utf-8")
        gatectl("plan", "--prune", "--out", str(MADE / "plan-changes.json"))
        with closing(sqlite3.connect(folder / ".gatectl" / "platform.db")) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
        shutil.copy(folder / ".gatectl" / "platform.db", MADE / "platform.db")
    receipt = json.loads(made("receipt.json"))
    receipt["actor"].update(user="ann", host="desk")
    (MADE / "receipt.json").write_text(json.dumps(receipt, indent=2), encoding="utf-8")
    for path in MADE.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
