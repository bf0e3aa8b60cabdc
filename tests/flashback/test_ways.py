"""Applies against a platform that is less kind than ours, in each way that its types leave open, alone and in pairs.

`GATECTL_PAIRS=all pytest tests/flashback/test_ways.py` is the long run, of every pair; by default those that
work come all together, and some of the others. What each way may end with stands in `ENDS`.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gatectl.server.faults import ADDED
from serving import ELSEWHERE, Rehearsal, Server
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
ENDS: dict[str, tuple[set[int], set[int]]] = {
    # Everything works: how a platform may be, and what a patient client gets over. A write that is lost or unreadable is
    # looked for; where it cannot be told in time, that is partly applied.
    **dict.fromkeys(
        ("disabled", "filled-defaults", "lag", "legacy-units", "lower-case", "no-scheme", "optional-ids",
         "provider-keys-withheld", "replacing-put", "soft-deleted", "unknown-fields"),
        ({0}, {0}),
    ),
    **dict.fromkeys(("drop-after", "not-json", "server-error"), ({0, 7}, {0, 7})),
    # What an update would drop is the manifests' finding; nothing is updated at first.
    "unknown-lists": ({0}, {4}),
    # Lists that nobody can plan from.
    "more": ({10}, {10}),
    "ai-failing": ({10}, {10}),
    # Lists that the platform does not give, and that manifests need: GW405.
    **dict.fromkeys(("ai-forbidden", "ai-not-offered", "ai-empty"), ({4}, {4})),
    "read-role": ({9}, {9}),
    "success-with-error": ({7}, {0}),
}  # fmt: skip
"""The codes of two applies to a workspace that is there already, one after the other, for each way alone."""
BEFORE = {1, 4, 5, 6, 8, 9, 10, 64}
"""Codes that say that nothing was written."""
ALL = [(one,) for one in WAYS] + [*itertools.combinations(WAYS, 2), *itertools.product(WAYS, TROUBLES)]
SHORT = [
    ("filled-defaults", "soft-deleted", "unknown-fields", "optional-ids"), ("legacy-units", "lower-case", "replacing-put", "no-scheme"),
    ("lag", "drop-after"), ("more",), ("unknown-lists", "not-json"), ("ai-empty", "provider-keys-withheld"),
    ("read-role", "disabled"), ("success-with-error",),
]  # fmt: skip
"""Each way once, where a run of the suite can afford no more: what works together comes together."""
PAIRS = ALL if os.environ.get("GATECTL_PAIRS") == "all" else SHORT
CREATED_ONCE = ("workspace", "bucket", "ai/llm", "repo")


def allowed(ways: Sequence[str], turn: int) -> set[int]:
    """How an apply may end where a platform is so in all these ways: what keeps it from writing anything always does."""
    ends = [ENDS[way][turn] for way in ways]
    barred = [codes for codes in ends if codes <= BEFORE]
    every = set().union(*(barred or ends))
    return every if all(0 in codes for codes in ends) else every - {0}


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


def there(rehearsal: Rehearsal, folder: Path) -> None:
    """The workspace is there before the first apply, so that all that is wrong with its lists shows before anything is written."""
    with Server(folder) as kind:
        rehearsal.aim(kind.url, "manifests")
        (rehearsal.folder / "manifests").mkdir()
        (rehearsal.folder / "manifests/lab.yaml").write_text(json.dumps(workspace("lab")))
        assert rehearsal.gatectl("apply", "--yes").code == 0
        (rehearsal.folder / "manifests/lab.yaml").unlink()


def run(rehearsal: Rehearsal, served: Server) -> int:
    """An apply; its code. What it says it did is so, and nothing is there twice."""
    before = contents(served)
    applied = rehearsal.gatectl("apply", "--yes", "--format", "json", *ELSEWHERE)
    assert "Traceback" not in applied.err
    assert applied.err.strip() or applied.out.strip()
    for collection in CREATED_ONCE:
        assert max(served.names(collection).values(), default=0) <= 1, (collection, applied)  # type: ignore[arg-type]
    if applied.code in BEFORE:
        assert contents(served) == before, applied
        assert not any(outcome["attempts"] for outcome in applied.json.get("outcomes", ())), applied
        return applied.code
    live = {one["id"] for collection in CREATED_ONCE for one in served.objects(collection)}  # type: ignore[arg-type]
    for outcome in applied.json["outcomes"]:
        if outcome["status"] in ("done", "already"):
            assert outcome["platformId"] in live, outcome
        elif outcome["status"] not in ("unknown", "not-started", "blocked"):
            assert outcome["error"]["message"], outcome
    assert applied.json["converged"] == (applied.code == 0)
    return applied.code


def contents(served: Server) -> Any:
    return [served.objects(collection) for collection in CREATED_ONCE]  # type: ignore[arg-type]


@pytest.mark.parametrize("ways", PAIRS, ids="+".join)
def test_an_apply_ends_as_each_of_the_ways_allows_and_makes_nothing_twice(
    rehearsal: Rehearsal, tmp_path: Path, ways: tuple[str, ...]
) -> None:
    there(rehearsal, tmp_path / "served")
    rules = [rule for way in ways for rule in {**WAYS, **TROUBLES}[way]]
    with Server(tmp_path / "served", {"seed": 1, "rules": rules}) as served:
        rehearsal.aim(served.url, "manifests")
        rehearsal.variables |= VARIABLES
        codes = []
        for turn, region in enumerate(("eu-west-1", "eu-west-3")):
            estate(rehearsal, region)
            codes.append(run(rehearsal, served))
            assert codes[turn] in allowed(ways, turn), codes
            if codes[turn] in BEFORE:
                break  # it will not be another way by asking again
        planned = rehearsal.gatectl("plan", "--detailed-exitcode")
        if codes == [0, 0]:
            assert planned.code == 0, planned
            assert any(one.get("region") == "eu-west-3" for one in served.objects("bucket"))
        elif codes[-1] in (4, 10):
            assert planned.code == codes[-1], planned
        else:
            assert planned.code in (0, 2), planned
        assert (planned.out + planned.err).strip()


IN_A_NEW_WORKSPACE = {
    **{way: ENDS[way][0] for way in WAYS},
    **{way: {7} for way in ("read-role", "ai-forbidden", "ai-not-offered", "ai-empty", "ai-failing")},
}
"""The codes of a first apply that creates the workspace: nothing can be known of what it holds before that is written."""


@pytest.mark.parametrize("way", sorted(WAYS) if PAIRS is ALL else ["read-role", "ai-empty", "lag"])
def test_what_shows_only_in_a_workspace_that_the_apply_creates_is_told_by_the_receipt(
    rehearsal: Rehearsal, tmp_path: Path, way: str
) -> None:
    with Server(tmp_path / "served", {"seed": 1, "rules": WAYS[way]}) as served:
        rehearsal.aim(served.url, "manifests")
        rehearsal.variables |= VARIABLES
        estate(rehearsal, "eu-west-1")
        assert run(rehearsal, served) in IN_A_NEW_WORKSPACE[way]
