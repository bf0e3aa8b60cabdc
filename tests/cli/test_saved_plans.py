"""Saved plans that gatectl did not make, their digest recomputed: refused in words, never executed and never a traceback."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from gatectl.documents import plans

from .conftest import BUCKET, GOOD, Shell

LLM = """apiVersion: gatectl.io/v1
kind: LLM
metadata: {name: gpt}
spec: {provider: OpenAI, endpoint: https://api.example.com, credentials: {secret: {env: SECRET}}}
"""
Json = dict[str, Any]


def saved(shell: Shell, *arguments: str) -> Json:
    result = shell("plan", "--out", "p.json", *arguments)
    assert result.code == 0, result.err
    return json.loads((shell.folder / "p.json").read_text(encoding="utf-8"))


def forge(shell: Shell, plan: Json) -> None:
    """The plan as somebody leaves it who knows how its digest is made."""
    plan["fingerprint"] = plans.fingerprint(plan)
    plan["digest"] = plans.digest(plan)
    (shell.folder / "p.json").write_text(json.dumps(plan), encoding="utf-8")


def op(plan: Json, kind: str) -> Json:
    return next(o for o in plan["operations"] if o["kind"] == kind)


def field(plan: Json, kind: str, path: str, value: Any) -> None:
    next(f for f in op(plan, kind)["fields"] if f["path"] == path)["after"] = value


CREDENTIALS = "/spec/credentials"
FORGERIES: dict[str, Callable[[Json], Any]] = {
    "depends on nothing": lambda p: op(p, "Bucket").update(dependsOn=["nope"]),
    "depends on itself": lambda p: op(p, "Bucket").update(dependsOn=[op(p, "Bucket")["id"]]),
    "one id twice": lambda p: p["operations"].append(copy.deepcopy(p["operations"][0])),
    "another's id": lambda p: op(p, "Bucket").update(id="bucket/default/other"),
    "another name": lambda p: field(p, "Bucket", "/metadata/name", "other"),
    "no such kind": lambda p: op(p, "Bucket").update(kind="Nope"),
    "no workspace": lambda p: op(p, "Bucket").update(workspace=None, id="bucket/raw-aws"),
    "update of what is not there": lambda p: op(p, "Bucket").update(action="update"),
    "delete of what is not there": lambda p: op(p, "Bucket").update(action="delete", fields=[]),
    "create of what is there": lambda p: op(p, "Bucket").update(platformId="x"),
    "no fields": lambda p: op(p, "Bucket").update(fields=[]),
    "no mode": lambda p: op(p, "Repository")["fields"].pop(),
    "credentials as text": lambda p: field(p, "Bucket", CREDENTIALS, "x"),
    "credentials as number": lambda p: field(p, "Bucket", CREDENTIALS, {"key": 5}),
    "credentials that name nothing": lambda p: field(p, "Bucket", CREDENTIALS, {"key": {}}),
    "credentials as list": lambda p: field(p, "Bucket", CREDENTIALS, {"apiKey": ["x"]}),
    "no such type": lambda p: field(p, "Bucket", "/spec/type", "FTP"),
    "no such provider": lambda p: field(p, "LLM", "/spec/provider", "Me"),
    "no such endpoint": lambda p: field(p, "Repository", "/spec/endpointType", "FTP"),
    "no such path": lambda p: op(p, "Bucket")["fields"].append({"path": "/spec/x", "before": None, "after": 1}),
    "a bucket that attaches": lambda p: op(p, "Bucket").update(attach=op(p, "Repository")["attach"]),
    "a new repository that detaches": lambda p: op(p, "Repository").update(detach=op(p, "Repository")["attach"]),
    "a resource without identity": lambda p: op(p, "Repository")["attach"][0].pop("bucket"),
    "a resource of no type": lambda p: op(p, "Repository")["attach"][0].update(type="FTP"),
    "its summary lies": lambda p: p["summary"].update(create=0),
    "its summary hides": lambda p: p["summary"].update(attach=0),
    "its risk lies": lambda p: op(p, "Bucket").update(risk="destructive"),
    "half a character": lambda p: op(p, "Bucket").update(name="\ud800"),
    "half a character to send": lambda p: field(p, "LLM", "/spec/endpoint", "https://\ud800"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_plan_that_gatectl_never_made_is_refused_before_anything_is_read(shell: Shell, name: str) -> None:
    shell.good().write("manifests/llm.yaml", LLM)
    plan = saved(shell)
    FORGERIES[name](plan)
    forge(shell, plan)
    for command in (("apply", "--yes", "--plan"), ("show",)):
        result = shell(*command, "p.json")
        assert result.code == 1 and not result.out
        assert "make it again: gatectl plan --out FILE" in result.err
        assert "internal error" not in result.err
    assert not (shell.folder / ".gatectl").exists()


def test_changes_deletions_and_renewals_are_plans_that_gatectl_makes(shell: Shell) -> None:
    shell.good().write("manifests/llm.yaml", LLM)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events}", "bucket: raw-events, master: true}")
                .replace("type: S3\n", "type: S3\n  region: eu-west-1\n", 1))  # fmt: skip
    shell.write("manifests/llm.yaml", LLM.replace("api.example", "api2.example").replace("OpenAI", "Google"))
    plan = saved(shell, "--renew-credentials", "Bucket/default/raw-aws")
    assert {o["action"] for o in plan["operations"]} == {"update"}
    result = shell("apply", "--yes", "--plan", "p.json")
    assert result.code == 0, result.err
    shell.write("manifests/all.yaml", BUCKET)
    (shell.folder / "manifests/llm.yaml").unlink()
    plan = saved(shell, "--prune")
    assert {o["action"] for o in plan["operations"]} >= {"delete"}
    result = shell("apply", "--yes", "--plan", "p.json")
    assert result.code == 0, result.err


LEAVES: tuple[Any, ...] = (None, "", "x", 5, True, [], {}, ["x"], {"env": "KEY"}, {"key": {"env": "KEY"}}, "create",
                           "update", "delete", "Repository", "Bucket", "S3", "LLM", "sha256:" + "0" * 64)  # fmt: skip


def mutate(value: Any, chance: random.Random) -> Any:
    """One thing of it changed: a value replaced, or an entry of a list dropped or doubled."""
    spots: list[tuple[Any, Any]] = []
    queue = [value]
    while queue:
        each = queue.pop()
        for key in each if isinstance(each, dict) else range(len(each)):
            spots.append((each, key))
            if isinstance(each[key], (dict, list)):
                queue.append(each[key])
    holder, key = chance.choice(spots)
    if isinstance(holder, list) and chance.random() < 0.5:
        holder.insert(key, copy.deepcopy(holder[key])) if chance.random() < 0.5 else holder.pop(key)
    else:
        holder[key] = copy.deepcopy(chance.choice(LEAVES))
    return value


@pytest.mark.parametrize("seed", range(6))
def test_no_forged_plan_ends_in_an_internal_error(shell: Shell, seed: int) -> None:
    shell.good().write("manifests/llm.yaml", LLM)
    if seed % 2:
        assert shell("apply", "--yes").code == 0
        shell.write("manifests/all.yaml", BUCKET.replace("type: S3", "type: S3\n  region: eu"))
    plan = saved(shell, *(["--prune"] if seed % 2 else []))
    chance = random.Random(seed)
    for _ in range(40):
        forged = copy.deepcopy(plan)
        for _ in range(chance.choice((1, 1, 2, 4))):
            for part in chance.sample(("operations", "kept", "adopts", "summary"), k=1):
                forged[part] = mutate(forged[part], chance) if forged[part] else forged[part]
        if not all(isinstance(o, dict) for o in forged["operations"]):
            continue  # this has no fingerprint
        forge(shell, forged)
        result = shell("apply", "--yes", "--plan", "p.json")
        assert result.code in {0, 1, 4, 5, 6, 7, 9, 10, 64}, (result, forged)
        assert "internal error" not in result.err, (result, forged)


@pytest.mark.parametrize("target", [{}, {"url": "x"}, {"driver": "d", "url": "u", "instance": None, "workspaces": [1]}])
@pytest.mark.parametrize("format_name", ["text", "markdown", "html", "json"])
def test_a_receipt_with_another_target_than_a_plan_has_is_refused(
    shell: Shell, target: dict[str, object], format_name: str
) -> None:
    shell.good()("apply", "--yes", "--receipt", "receipt.json")
    receipt = json.loads((shell.folder / "receipt.json").read_text())
    shell.write("receipt.json", json.dumps(receipt | {"target": target}))
    refused = shell("show", "receipt.json", "--format", format_name)
    assert refused.code == 1
    assert "is not a receipt of this gatectl" in refused.err
