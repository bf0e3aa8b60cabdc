"""An undo leads back to before a run, of what still is as the run left it; what cannot come back is said (product.md, section 6)."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import Phase, assume, event, given, settings
from hypothesis import strategies as st

import gatectl
from cli.conftest import Shell, shell
from gatectl.kinds.states import state_hash
from gatectl.model import ObjectKey
from sites import VARIABLES, Site, bucket, entry, llm, repository
from strategies import Case, cases

__all__ = ["shell"]  # pytest finds the fixture here

PROJECT = {
    "apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "site"},
    "spec": {"uid": "undo", "manifests": ["manifests"], "environments": {"default": {"platform": "embedded"}}},
}  # fmt: skip


def live(estate: gatectl.Estate) -> Mapping[ObjectKey, str]:
    """What there is, by the hash of its normal form, in which there are no ids. A workspace stays renamed."""
    _, current = estate.live()
    keys = {found.id: found.key._replace(workspace=(found.key.workspace or "").lower()) for found in current.lives()}
    return {keys[found.id]: state_hash(keys[found.id], found.state) for found in current.lives()}


@given(cases(), st.data())
@settings(max_examples=10, phases=(Phase.explicit, Phase.generate))
def test_after_an_undo_the_platform_is_as_it_was_before_the_run(case: Case, data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp(prefix="gatectl-property-"))
    try:
        site = case.fill(Site(folder))
        (folder / "gatectl.yaml").write_text(json.dumps(PROJECT))
        with gatectl.open(folder) as estate:
            prune = data.draw(st.booleans())
            if prune:  # what was applied once is deleted by the run that is undone
                first = estate.plan()
                assume(first.valid and estate.apply(first, secrets=VARIABLES).converged)
                site.manifests(*data.draw(st.lists(st.sampled_from(case.manifests), min_size=1, unique_by=repr)))
            plan = estate.plan(prune=prune)
            assume(plan.valid and plan.operations)
            before = live(estate)
            run = estate.apply(plan, secrets=VARIABLES).document["run"]
            undo = estate.undo(run)
            left = undo.document["undoes"].get("left", ())
            event(f"{min(len(undo.operations), 5)} operations, {min(len(left), 1)} left")
            # Nobody knows the credentials of what was adopted without any, and what broke a rule before is not broken again.
            assert not left or "credentials are not known" in str(left) or "GW504" in str(left), left
            assert estate.apply(undo, secrets=VARIABLES, keep_going=bool(left)).converged
            after, missed = (
                live(estate),
                {ObjectKey(i["kind"], (i["workspace"] or "").lower(), i["name"]) for i in left},
            )
            assert {key for key in {*before, *after} if before.get(key) != after.get(key)} <= missed
            assert not estate.undo(run).operations
    finally:
        shutil.rmtree(folder)


def runs(shell: Shell) -> list[str]:
    return [entry["run"] for entry in shell("history", "--format", "json").json["runs"]]


def manifests(shell: Shell, *documents: dict[str, Any]) -> None:
    shell.write("manifests/all.yaml", "\n---\n".join(map(json.dumps, documents)))


LOGS = bucket("logs", ("S3", "logs"))
ORDERS = repository("orders", [entry("S3", "logs")], policy="Exact")
GPT = llm("gpt")


def test_what_a_run_deleted_comes_back_and_what_does_not_is_said(shell: Shell) -> None:
    shell.good()
    manifests(shell, LOGS, ORDERS, GPT)
    assert shell("apply", "--yes").code == 0
    manifests(shell, GPT)
    assert shell("apply", "--prune", "--yes").code == 0
    newest = runs(shell)[0]
    assert f"UNDO of run {newest}" in shell("undo", "last").out
    shown = shell("undo", newest, "--out", "undo.json", "--detailed-exitcode")
    assert shown.code == 2, shown.err
    assert f"UNDO of run {newest}" in shown.out
    assert "Bucket default/logs does not get back its id, its credentials as they were" in shown.out
    plan = json.loads((shell.folder / "undo.json").read_text())
    created = {op["name"]: op for op in plan["operations"]}
    assert {op["action"] for op in created.values()} == {"create"} and created.keys() == {"logs", "orders"}
    assert created["orders"]["dependsOn"] == [created["logs"]["id"]]
    assert shell("apply", "--plan", "undo.json", "--yes").code == 0
    manifests(shell, LOGS, ORDERS, GPT)
    assert shell("plan", "--detailed-exitcode").code == 0
    for name in ("markdown", "html"):
        assert newest in shell("undo", newest, "--format", name).out


def test_what_was_changed_since_is_a_conflict_and_the_rest_can_be_undone(shell: Shell) -> None:
    shell.good()
    manifests(shell, LOGS, GPT)
    assert shell("apply", "--yes").code == 0
    manifests(shell, LOGS, llm("gpt", endpoint="https://new.example.com"), ORDERS)
    assert shell("apply", "--yes").code == 0
    (run, _) = runs(shell)
    manifests(shell, LOGS, llm("gpt", endpoint="https://newer.example.com"), ORDERS)
    assert shell("apply", "--yes").code == 0
    shown = shell("undo", run)
    assert shown.code == 0
    assert (
        "LLM default/gpt is not undone: changed since: /spec/endpoint was left 'https://new.example.com'" in shown.out
    )
    refused = shell("undo", run, "--yes")
    assert (refused.code, "not all of run" in refused.err) == (6, True)
    assert len(runs(shell)) == 3
    done = shell("undo", run, "--yes", "--keep-going", "--format", "json")
    assert done.code == 0, done.err
    assert [(op["action"], op["name"]) for op in done.json["plan"]["operations"]] == [("delete", "orders")]
    assert {o["name"] for o in done.json["overrides"]} == {"keep-going"}


def test_a_run_that_changed_nothing_or_that_nobody_knows_is_not_undone(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    assert shell("apply", "--yes").code == 0
    assert shell("undo", runs(shell)[0]).code == 64
    unknown = shell("undo", "20260131T101530123Z-00000000")
    assert (unknown.code, "there is no run" in unknown.err) == (1, True)


def test_an_undo_is_held_by_the_same_guardrails(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    text = json.loads((shell.folder / "gatectl.yaml").read_text())
    text["spec"]["environments"]["default"]["guardrails"] = {"maxDeletes": 0}
    shell.write("gatectl.yaml", json.dumps(text))
    seen = ("--allow", "project", "--reason", "a mistake")
    assert shell("undo", runs(shell)[0], "--yes", "--allow", "deletes=2", "--reason", "a mistake").code == 5
    assert shell("undo", runs(shell)[0], "--yes", *seen).code == 5
    allowed = shell("undo", runs(shell)[0], "--yes", "--allow", "deletes=2", *seen)
    assert allowed.code == 0, allowed.err
