"""Several applies of the same manifests at once, over HTTP: no name twice, or settled by the runs themselves.

`GATECTL_TRIALS=200 pytest tests/flashback/test_at_once.py` is the long run; by default every shape gets one trial.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from serving import Rehearsal, Server

TRIALS = int(os.environ.get("GATECTL_TRIALS", "0")) or 1
SLOWLY = {
    "rules": [
        {"route": "POST /bucket", "kind": "latency", "seconds": 0.2},
        {"route": "POST /workspace", "kind": "latency", "seconds": 0.2},
    ]
}
"""Creations take a moment, so that all find nothing there before anybody has created anything."""


def estate(folder: Path, space: str | None) -> None:
    head = {"apiVersion": "gatectl.io/v1"}
    place = {"workspace": space} if space is not None else {}
    credentials = {"key": {"env": "KEY"}, "secret": {"env": "SECRET"}}
    documents = [
        {"kind": "Bucket", "metadata": {"name": name, **place}, "spec": {"type": "S3", "bucket": name, "credentials": credentials}}
        for name in ("logs", "media")
    ] + [
        {"kind": "Repository", "metadata": {"name": name, **place},
         "spec": {"endpointType": "S3", "resources": [{"type": "S3", "bucket": bucket, "folder": name} for bucket in ("logs", "media")]}}
        for name in ("orders", "returns")
    ]  # fmt: skip
    if space is not None:
        documents.append({"kind": "Workspace", "metadata": {"name": space}})
    (folder / "manifests.yaml").write_text("\n---\n".join(json.dumps(head | document) for document in documents))


@pytest.mark.parametrize("trial", range(TRIALS))
@pytest.mark.parametrize("fresh", [False, True], ids=["existing workspace", "new workspace"])
@pytest.mark.parametrize("count", [2, 4])
def test_applies_at_once_leave_every_name_once_and_nothing_to_do(
    rehearsal: Rehearsal, tmp_path: Path, count: int, trial: int, *, fresh: bool
) -> None:
    variables = {**rehearsal.variables, "KEY": "AKIDEXAMPLE", "SECRET": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"}
    with Server(tmp_path / "served", SLOWLY) as server:
        rehearsal.aim(server.url, "manifests.yaml", consistency="5s")
        estate(rehearsal.folder, "lab" if fresh else None)
        command = [sys.executable, "-m", "gatectl", "apply", "--yes", "--format", "json"]
        environment = {**os.environ, **rehearsal.trusted, **variables}
        runs = [
            subprocess.Popen(
                command, cwd=rehearsal.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
            )
            for _ in range(count)
        ]  # fmt: skip
        told = [(run.communicate(timeout=120), run.returncode) for run in runs]
        codes = [code for _, code in told]
        # Who plans while twins are there is told so (4); who loses a race for a repository may end partly (7) or with 6.
        assert set(codes) <= {0, 4, 6, 7} and 0 in codes, told
        names = {collection: server.names(collection) for collection in ("workspace", "bucket", "repo")}  # type: ignore[arg-type]
        assert all(number == 1 for counted in names.values() for number in Counter(counted).values()), (names, told)
        assert rehearsal.gatectl("plan", "--detailed-exitcode", variables=variables).code == 0, told
