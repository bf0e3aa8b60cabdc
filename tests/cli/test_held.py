"""What cannot be managed now holds itself and what needs it, and nothing else: the rest is planned, and applied with --keep-going."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import gatectl
from gatectl.documents.plans import digest
from proxying import Answer, Asked, Proxy, of_json
from serving import EMAIL, PASSWORD, Server
from sites import bucket, entry, repository

from .conftest import Shell, project


class Hiding(Proxy):
    """Lists without the buckets of these labels, which repositories attach all the same."""

    hidden: frozenset[str] = frozenset()

    def answer(self, asked: Asked) -> Answer | None:
        answer = self.forward(asked)
        if asked.what != "GET /bucket":
            return answer
        shown = [one for one in answer.json["buckets"] if one["name"] not in self.hidden]
        return of_json({"success": True, "buckets": shown})


class World:
    """Two repositories with a bucket each; what the manifests say next is more of everything."""

    def __init__(self, shell: Shell, server: Server, proxy: Hiding) -> None:
        self.shell, self.server, self.proxy = shell, server, proxy

    def declare(self, *documents: Mapping[str, Any]) -> None:
        self.shell.write("manifests/all.yaml", "\n---\n".join(map(json.dumps, documents)))

    def found(self) -> Mapping[str, Any]:
        """What is on the platform, as far as the manifests of this test say."""
        return {
            **{wire["name"]: wire["region"] for wire in self.server.objects("bucket")},
            **{wire["name"]: {a["bucket"]["name"] for a in wire["buckets"]} for wire in self.server.objects("repo")},
        }


LOGS, MEDIA, NEW = (bucket(name, ("S3", name)) for name in ("logs", "media", "new"))
BEFORE = {"logs": None, "media": None, "orders": {"logs"}, "returns": {"media"}}


@pytest.fixture
def world(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with Server(tmp_path / "server") as server, Hiding(server.url) as proxy:
        for name, value in {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", proxy.url.partition("://")[2])
        shell.write("gatectl.yaml", project(default={"platform": proxy.url, "consistency": "0s"}))
        made = World(shell, server, proxy)
        made.declare(
            LOGS,
            MEDIA,
            repository("orders", [entry("S3", "logs", folder="o")]),
            repository("returns", [entry("S3", "media", folder="r")]),
        )
        assert shell("apply", "--yes").code == 0
        assert made.found() == BEFORE
        made.declare(
            LOGS, bucket("media", ("S3", "media"), region="eu"), NEW,
            repository("orders", [entry("S3", "logs", folder="o"), entry("S3", "media", folder="o")]),
            repository("returns", [entry("S3", "media", folder="r")]),
            repository("fresh", [entry("S3", "new", folder="f")]),
        )  # fmt: skip
        proxy.hidden = frozenset(["logs"])
        yield made


HELD = {
    ("create", "Bucket", "logs"): "GW509",
    ("create", "Bucket", "new"): "GW509",
    ("create", "Repository", "fresh"): "it needs Bucket default/new",
    (
        "update",
        "Repository",
        "orders",
    ): "GW509",
}


def test_the_plan_shows_the_rest_and_what_is_held_in_every_view_and_exits_with_4(world: World, fits: Any) -> None:
    planned = world.shell("plan", "--format", "json")
    assert planned.code == 4
    fits(planned.json, "plan")
    assert [op["id"] for op in planned.json["operations"]] == ["bucket/default/media"]
    held = {(one["action"], one["kind"], one["name"]): one["reason"] for one in planned.json["held"]}
    assert held == HELD
    assert {d["rule"] for d in planned.json["diagnostics"]} == {"GW509"}
    for format_name in ("text", "markdown", "html"):
        shown = world.shell("plan", "--format", format_name)
        assert shown.code == 4
        assert "Repository default/fresh (create): it needs Bucket default/new" in shown.out, format_name
        assert "update" in shown.out and "--keep-going" in shown.out and "No plan" not in shown.out
    assert (
        "Plan: 0 to create, 1 to update, 0 to delete, 0 to attach, 0 to detach; 4 objects held"
        in world.shell("plan").out
    )
    assert world.shell("plan", "--detailed-exitcode").code == 4


@pytest.mark.parametrize("saved", [False, True], ids=["direct", "saved"])
def test_an_apply_writes_nothing_until_it_is_told_to_keep_going_and_then_does_the_rest(
    world: World, fits: Any, saved: bool
) -> None:
    assert world.shell("plan", "--out", "p.json").code == 4
    line = ["apply", "--yes", *(["--plan", "p.json"] if saved else [])]
    refused = world.shell(*line)
    assert refused.code == 4 and "--keep-going" in refused.err
    assert world.found() == BEFORE
    done = world.shell(*line, "--keep-going", "--format", "json")
    assert done.code == 7, done
    fits(done.json, "receipt")
    assert {o["id"]: o["status"] for o in done.json["outcomes"]} == {"bucket/default/media": "done"}
    assert not done.json["converged"]
    assert {"name": "keep-going", "value": None, "reason": None} in done.json["overrides"]
    assert world.found() == {**BEFORE, "media": "eu"}
    nothing_else = world.shell("apply", "--yes", "--keep-going")
    assert nothing_else.code == 4 and "4 held; nothing was written" in nothing_else.out
    world.proxy.hidden = frozenset()
    assert world.shell("apply", "--yes").code == 0
    assert world.found() == {
        "logs": None, "media": "eu", "new": None, "orders": {"logs", "media"}, "returns": {"media"}, "fresh": {"new"}
    }  # fmt: skip
    assert world.shell("plan", "--detailed-exitcode").code == 0


def test_of_what_is_held_nothing_else_is_said(world: World) -> None:
    """The bucket is registered by somebody else: that no list shows it is one finding, not another that it is not registered."""
    world.declare(
        bucket("media", ("S3", "media"), region="eu"), repository("orders", [entry("S3", "logs", folder="elsewhere")])
    )
    planned = world.shell("plan", "--format", "json").json
    assert [(d["rule"], d["manifest"]["name"]) for d in planned["diagnostics"]] == [("GW509", "orders")]
    assert [op["id"] for op in planned["operations"]] == ["bucket/default/media"]
    assert [one["name"] for one in planned["held"]] == ["orders"]


def test_an_error_of_another_kind_refuses_the_whole_plan(world: World) -> None:
    world.declare(LOGS, repository("orders", [entry("S3", "logs")]), repository("other", [entry("S3", "nowhere")]))
    planned = world.shell("plan", "--format", "json")
    assert planned.code == 4 and planned.json["operations"] == [] and "held" not in planned.json
    assert {d["rule"] for d in planned.json["diagnostics"]} >= {"GW501"}
    assert world.shell("apply", "--yes", "--keep-going").code == 4
    assert world.found() == BEFORE


def test_a_selection_that_needs_nothing_held_holds_nothing(world: World) -> None:
    planned = world.shell("plan", "--target", "Bucket/media", "--format", "json")
    assert planned.code == 0 and "held" not in planned.json
    assert [op["id"] for op in planned.json["operations"]] == ["bucket/default/media"]


def test_programs_are_told_what_is_held_and_may_keep_going(world: World) -> None:
    with gatectl.open(world.shell.folder, environ={"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD},
                      trusted_hosts=[world.proxy.url.partition("://")[2]]) as estate:  # fmt: skip
        plan = estate.plan()
        assert not plan.valid and len(plan.held) == 4
        with pytest.raises(gatectl.errors.Invalid):
            estate.apply(plan)
        receipt = estate.apply(plan, keep_going=True)
    assert receipt.exit_code == 7
    assert world.found() == {**BEFORE, "media": "eu"}


def test_a_saved_plan_that_no_longer_says_what_it_holds_is_refused(world: World) -> None:
    assert world.shell("plan", "--out", "p.json").code == 4
    plan = json.loads((world.shell.folder / "p.json").read_text())
    del plan["held"]
    plan["digest"] = digest(plan)
    world.shell.write("p.json", json.dumps(plan))
    for line in (["apply", "--plan", "p.json", "--yes"], ["apply", "--plan", "p.json", "--yes", "--keep-going"]):
        assert world.shell(*line).code == 4
    assert world.found() == BEFORE
