"""A saved plan is for one platform, project and environment; plans of format 1.0 still apply where they say enough."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gatectl.documents import plans
from gatectl.planning.old_plans import downgraded, downgraded_fingerprint

from .conftest import BUCKET, REPOSITORY, Shell, project

Json = dict[str, Any]
TWO = """apiVersion: gatectl.io/v1
kind: Project
metadata: {name: %s}
spec:
  %smanifests: [manifests]
  environments:
    default: {platform: "sqlite:///platform.db"}
    other: {platform: "sqlite:///platform.db"}
"""


def manifests(shell: Shell) -> None:
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}")


def test_a_plan_of_another_environment_or_project_of_the_same_platform_is_stale(shell: Shell) -> None:
    manifests(shell)
    shell.write("gatectl.yaml", TWO % ("one", "uid: u-1\n  "))
    assert shell("plan", "--out", "p.json").code == 0
    found = shell("apply", "--yes", "--plan", "p.json", "-e", "other")
    assert found.code == 6 and "the plan is of environment default, this is other" in found.err
    for name, uid in (("two", "uid: u-1\n  "), ("one", "uid: u-2\n  "), ("one", "")):
        shell.write("gatectl.yaml", TWO % (name, uid))
        found = shell("apply", "--yes", "--plan", "p.json")
        assert found.code == 6 and "the plan is of project name one, uid u-1, this is name" in found.err
    assert not (shell.folder / "platform.db").exists()
    shell.write("gatectl.yaml", TWO % ("one", "uid: u-1\n  "))
    assert shell("apply", "--yes", "--plan", "p.json").code == 0


@pytest.mark.parametrize("existing", [True, False])
def test_a_plan_made_before_its_store_existed_fits_no_store_of_another_folder(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    manifests(shell)
    assert shell("plan", "--out", "p.json").code == 0
    plan = json.loads((shell.folder / "p.json").read_text())
    assert plan["target"]["instance"] is None and str(shell.folder) not in json.dumps(plan["target"])
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(shell.folder, other, dirs_exist_ok=True)
    with monkeypatch.context() as there:
        there.chdir(other)
        if existing:
            assert shell("apply", "--yes").code == 0
        found = shell("apply", "--yes", "--plan", "p.json")
        assert found.code == 6 and "in another folder" in found.err
    assert (other / ".gatectl/platform.db").exists() == existing
    assert shell("apply", "--yes", "--plan", "p.json").code == 0  # the place that it was made in


def test_an_endpoint_that_would_be_written_otherwise_makes_a_plan_stale(shell: Shell) -> None:
    manifests(shell)
    assert shell("plan", "--out", "p.json").code == 0
    plan = json.loads((shell.folder / "p.json").read_text())
    before = plan["fingerprint"]
    plan["target"]["wire"] = {"OpenAI": "S3"}
    assert plans.fingerprint(plan) != before
    plan |= {"fingerprint": plans.fingerprint(plan)}
    (shell.folder / "p.json").write_text(json.dumps(plan | {"digest": plans.digest(plan)}))
    found = shell("apply", "--yes", "--plan", "p.json")
    assert found.code == 6 and "the plan is for wire values OpenAI S3, this is OpenAI OPENAI" in found.err
    assert not (shell.folder / ".gatectl").exists()


# Format 1.0


def old(shell: Shell, *arguments: str) -> Json:
    """A plan as earlier versions saved it, in old.json."""
    assert shell("plan", "--out", "p.json", *arguments).code == 0
    plan = json.loads((shell.folder / "p.json").read_text())
    made = {
        "formatVersion": "1.0",
        "target": {name: plan["target"][name] for name in ("driver", "url", "instance", "workspaces")},
        **{name: plan[name] for name in ("source", "adopts", "kept", "unmanaged", "diagnostics")},
        "summary": {name: count for name, count in plan["summary"].items() if name != "adopt"},
        "operations": [downgraded(op) | {"source": op["source"]} for op in plan["operations"]],
    }
    made["summary"]["detach"] = sum(len(op["detach"]) for op in made["operations"])
    made["fingerprint"] = plans.fingerprint(made)
    assert made["fingerprint"] == downgraded_fingerprint(plan)
    (shell.folder / "old.json").write_text(json.dumps(made | {"digest": plans.digest(made)}))
    return made


def changed(shell: Shell) -> None:
    """An applied project, and manifests that change and attach."""
    manifests(shell)
    assert shell("apply", "--yes").code == 0
    more = REPOSITORY.replace("name: data", "name: more").replace("raw-events}", "raw-events, folder: x}")
    region = BUCKET.replace("type: S3", "type: S3\n  region: eu-west-1")
    shell.write(
        "manifests/all.yaml",
        f"{region}---\n{REPOSITORY.replace('raw-events}', 'raw-events, master: true}')}---\n{more}",
    )


def test_a_plan_of_format_1_0_is_shown_and_applied_where_it_deletes_and_detaches_nothing(shell: Shell) -> None:
    changed(shell)
    made = old(shell)
    shown = shell("show", "old.json")
    assert shown.code == 0 and "~ resources/S3:raw-events:raw-aws/master: false → true" in shown.out
    for form in ("html", "markdown", "github", "sarif", "gitlab", "json"):
        assert shell("show", "old.json", "--format", form).code == 0
    done = shell("apply", "--yes", "--plan", "old.json", "--expect", made["fingerprint"])
    assert done.code == 0, done.err
    assert shell("plan", "--detailed-exitcode").code == 0


def test_a_fingerprint_of_another_format_says_so(shell: Shell) -> None:
    changed(shell)
    made = old(shell)
    found = shell("apply", "--yes", "--expect", made["fingerprint"])
    assert found.code == 6 and "is that of a plan of format 1.0, this plan is of format 1.1" in found.err


def test_a_plan_of_format_1_0_that_says_too_little_is_planned_again(shell: Shell) -> None:
    manifests(shell)
    shell.write("gatectl.yaml", project())
    old(shell)
    found = shell("apply", "--yes", "--plan", "old.json")
    assert found.code == 6 and "is of format 1.0 and does not say which platform it is for" in found.err
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY.partition('  resources')[0]}  resources: []\n")
    old(shell)
    found = shell("apply", "--yes", "--plan", "old.json")
    assert found.code == 6 and "is of format 1.0 and deletes or detaches" in found.err
    shell.write("manifests/all.yaml", BUCKET)
    old(shell, "--prune")
    found = shell("apply", "--yes", "--plan", "old.json")
    assert found.code == 6 and "plan again: gatectl plan --out FILE" in found.err


# Packed


def test_a_packed_plan_is_the_plan(shell: Shell) -> None:
    manifests(shell)
    for name in ("p.json", "p.json.gz", "again.json.gz"):
        assert shell("plan", "--out", name).code == 0
    packed = (shell.folder / "p.json.gz").read_bytes()
    assert gzip.decompress(packed) == (shell.folder / "p.json").read_bytes()
    assert packed == (shell.folder / "again.json.gz").read_bytes()
    assert shell("show", "p.json.gz").out == shell("show", "p.json").out
    assert shell("apply", "--yes", "--plan", "p.json.gz").code == 0


def test_what_is_packed_badly_or_without_end_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests(shell)
    assert shell("plan", "--out", "p.json.gz").code == 0
    packed = (shell.folder / "p.json.gz").read_bytes()
    monkeypatch.setattr("gatectl.files.packing.unpacked.__defaults__", (1024,))
    for name, content in (("short", packed[:-9]), ("more", packed + b"x"), ("bomb", gzip.compress(bytes(10_000_000)))):
        (Path(shell.folder) / f"{name}.json.gz").write_bytes(content)
        found = shell("show", f"{name}.json.gz")
        assert found.code == 1 and "cannot be unpacked" in found.err, name
