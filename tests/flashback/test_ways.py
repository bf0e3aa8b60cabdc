"""Applies against a platform that is less kind than ours, in each way that its types leave open, alone and in pairs.

`GATECTL_PAIRS=all pytest tests/flashback/test_ways.py` is the long run, of every pair; by default those that
work come all together, and some of the others.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gatectl.server.faults import ADDED
from serving import Rehearsal, Server
from sites import VARIABLES, bucket, entry, llm, repository, workspace

Rule = dict[str, Any]

WAYS: dict[str, list[Rule]] = {
    **{kind: [{"route": "*", "kind": kind}] for kind in sorted(ADDED - {"latency", "lag"})},
    "lag": [{"route": "GET *", "kind": "lag", "seconds": 0.3}],
    "provider-keys-withheld": [{"route": "GET /apikeys", "kind": "withheld"}],
    "ai-forbidden": [{"route": "* /ai/*", "kind": "withheld"}],
    "ai-not-offered": [{"route": "* /ai/*", "kind": "withheld", "status": 404}],
    "ai-failing": [{"route": "* /ai/*", "kind": "withheld", "status": 500}],
    "ai-empty": [{"route": "GET /ai/*", "kind": "withheld", "status": 200}],
    "success-with-error": [{"route": "POST /repo", "kind": "success-with-error", "skip": 1, "times": 1}],
}
TROUBLES: dict[str, list[Rule]] = {
    "drop-after": [{"route": "POST *", "kind": "drop-after", "probability": 0.3}],
    "not-json": [{"route": "* /bucket*", "kind": "not-json", "probability": 0.3}],
    "server-error": [{"route": "PUT *", "kind": "server-error", "probability": 0.3}],
}
CONVERGING = {
    "filled-defaults", "soft-deleted", "unknown-fields", "lag", "optional-ids", "replacing-put", "legacy-units", "lower-case",
    "no-scheme",
}  # fmt: skip
"""The ways in which a platform can be and everything works."""
ALL = [(one,) for one in WAYS] + [*itertools.combinations(WAYS, 2), *itertools.product(WAYS, TROUBLES)]
SHORT = [
    ("filled-defaults", "soft-deleted", "unknown-fields", "optional-ids"), ("legacy-units", "lower-case", "replacing-put", "no-scheme"),
    ("lag", "drop-after"), ("more",), ("unknown-lists", "disabled", "not-json"), ("ai-forbidden", "provider-keys-withheld"),
]  # fmt: skip
"""Each way once, where a run of the suite can afford no more: what works together comes together."""
PAIRS = ALL if os.environ.get("GATECTL_PAIRS") == "all" else SHORT
CREATED_ONCE = ("workspace", "bucket", "ai/llm", "repo")
UNDERSTOOD = {0, 1, 4, 5, 6, 7, 8, 9, 10}


def estate(rehearsal: Rehearsal, region: str) -> None:
    """Manifests of a workspace with everything in it; another region is an update of a bucket, and more is attached."""
    place = {"workspace": "lab"}
    more = [entry("S3", "media", folder="returns")] if region != "eu-west-1" else []
    documents = [
        workspace("lab"),
        bucket("logs", ("S3", "logs"), region=region, metadata=place),
        bucket("media", ("S3", "media"), metadata=place),
        llm("gpt", metadata=place),
        repository("orders", [entry("S3", "logs", folder="orders")], **place),
        repository("returns", [entry("S3", "logs", folder="returns"), *more], **place),
        repository("assistant", [entry("LLM", "gpt")], endpoint="OpenAI", **place),
    ]
    folder = rehearsal.folder / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))


def run(rehearsal: Rehearsal, served: Server) -> int:
    """An apply; its code. What it says it did is so, and nothing is there twice."""
    applied = rehearsal.gatectl("apply", "--yes", "--format", "json")
    assert applied.code in UNDERSTOOD, applied
    assert "Traceback" not in applied.err
    for collection in CREATED_ONCE:
        assert max(served.names(collection).values(), default=0) <= 1, (collection, applied)  # type: ignore[arg-type]
    if applied.code in (0, 7):
        there = {one["id"] for collection in CREATED_ONCE for one in served.objects(collection)}  # type: ignore[arg-type]
        for outcome in applied.json["outcomes"]:
            if outcome["status"] in ("done", "already"):
                assert outcome["platformId"] in there, outcome
        assert applied.json["converged"] == (applied.code == 0)
    else:
        assert applied.err.strip() or applied.out.strip()
    return applied.code


@pytest.mark.parametrize("ways", PAIRS, ids="+".join)
def test_an_apply_ends_converged_or_says_why_and_makes_nothing_twice(
    rehearsal: Rehearsal, tmp_path: Path, ways: tuple[str, ...]
) -> None:
    rules = [rule for way in ways for rule in {**WAYS, **TROUBLES}[way]]
    with Server(tmp_path / "served", {"seed": 1, "rules": rules}) as served:
        rehearsal.aim(served.url, "manifests")
        rehearsal.variables |= VARIABLES
        codes = []
        for region in ("eu-west-1", "eu-west-3"):
            estate(rehearsal, region)
            codes.append(run(rehearsal, served))
        planned = rehearsal.gatectl("plan", "--detailed-exitcode")
        if set(ways) <= CONVERGING:
            assert codes == [0, 0]
            assert any(one.get("region") == "eu-west-3" for one in served.objects("bucket"))
        if codes[-1] == 0:
            assert planned.code == 0, planned
        else:
            assert planned.code in UNDERSTOOD | {2} and (planned.out + planned.err).strip()
