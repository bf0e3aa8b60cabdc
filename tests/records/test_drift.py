"""Drift is told from what is declared, was applied last and is live: whose change each difference is (product.md, section 6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.conftest import Shell, shell
from gatectl.applying.drifted import differences
from gatectl.documents.drift import code, counted
from gatectl.documents.ownership import Asking, Owned, Owner, holdings
from gatectl.documents.plans import Operation
from sites import Site, bucket, entry, llm, repository

__all__ = ["shell"]  # pytest finds the fixture here

OWNER = Owner("site", "uid", "default")
APPLIED, OURS, THEIRS = "https://a.example", "https://b.example", "https://c.example"


def told(operations: list[Operation], state: Any, platform_id: str, name: str, kind: str) -> dict[str, str]:
    """Whose each difference is, by its path, where the object was applied with this state."""
    owned = Owned(OWNER, kind, "default", None, name, platform_id, state, run="R", at="2026-11-20")
    return {each["path"]: each["whose"] for each in differences(operations, holdings(Asking(OWNER), [owned]))}


@pytest.mark.parametrize(
    ("applied", "whose"),
    [(THEIRS, "ours"), (OURS, "theirs"), (APPLIED, "both"), (None, "unknown")],
)
def test_a_field_was_changed_by_whoever_has_left_what_was_applied(site: Site, applied: str | None, whose: str) -> None:
    gpt = site.live_llm("gpt", endpoint=THEIRS)
    plan = site.manifests(llm("gpt", endpoint=OURS)).plan()
    state = {"spec": {"name": "gpt", "provider": "OpenAI", "endpoint": applied}} if applied else None
    assert told(list(plan["operations"]), state, gpt, "gpt", "LLM") == {"/spec/endpoint": whose}


def test_what_we_applied_and_is_detached_or_gone_is_theirs(site: Site) -> None:
    site.live_bucket("logs", ("S3", "logs"))
    orders = site.live_repository("orders")
    site.manifests(repository("orders", [entry("S3", "logs")]), bucket("old", ("S3", "old")))
    (old, attaching) = site.plan()["operations"]
    state = attaching["after"]
    found = differences(
        [old, attaching],
        holdings(
            Asking(OWNER),
            [
                Owned(OWNER, "Repository", "default", None, "orders", orders, state),
                Owned(OWNER, "Bucket", "default", None, "old", "gone"),
            ],
        ),
    )
    assert [(each["whose"], each["gone"]) for each in found] == [("theirs", True), ("theirs", True)]
    drift: Any = {"differences": found, "summary": counted(found)}
    assert code(drift) == 3


def test_the_command_says_it_in_every_format_and_as_an_exit_code(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    assert shell("drift", "--detailed-exitcode").code == 0
    documents = [llm("new"), bucket("logs", ("S3", "logs"))]
    shell.write("manifests/more.yaml", "\n---\n".join(map(json.dumps, documents)))
    found = shell("drift", "--format", "json", "--detailed-exitcode")
    assert (found.code, found.json["summary"]["ours"]) == (0, len(found.json["differences"]))
    for name in ("text", "markdown", "html"):
        assert "is not on the platform yet" in shell("drift", "--format", name).out
    shell.write("manifests/more.yaml", "kind: nonsense")
    assert shell("drift").code == 4
