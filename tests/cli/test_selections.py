"""What is chosen: a selection that matches nothing is wrong usage, and says what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import GOOD, REPOSITORY, Shell, project
from gatectl.errors import UsageError
from gatectl.records.nothing import NothingOwned
from sites import Site, bucket, entry, repository

WEB = REPOSITORY.replace("name: data", "name: web").replace("team: data", "team: web, tier: gold")
WEB = WEB.replace("bucket: raw-events}", "bucket: raw-events, folder: web}")


@pytest.fixture
def labelled(shell: Shell) -> Shell:
    shell.good().write("manifests/web.yaml", WEB)
    return shell


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("-l team=nope", "labels that there are: team=data (1), team=web (1), tier=gold (1)"),
        ("-l Team=data", "did you mean -l team=data?"),
        ("-l team=Data", "did you mean -l team=data?"),
        ("-l team:data", "did you mean -l team=data?"),
        ("-l size:big", "write -l size=big;"),
        ("-l manifests/all.yaml", "a file or folder is named without -l"),
        ("-l team=data,team=web", "labels that there are:"),
        ("--target Repository/dat", "did you mean Repository/data?"),
        ("--target Repository/Data", "did you mean Repository/data?"),
        ("--target Bucket/data", "did you mean Repository/default/data?"),
        ("--target Bucket/zzzzz", "declared are: Bucket/default/raw-aws"),
        ("--target Repository/other/data", "no manifest declares it"),
        ("--target LLM/zzzzz", "check the name, or the PATH that is read"),
        ("--target data", "for example --target Repository/data"),
        ("--target repo/data", "did you mean --target Repository/data?"),
        ("--target buckets/raw-aws", "did you mean --target Bucket/raw-aws?"),
        ("--renew-credentials Bucket/raw", "did you mean Bucket/raw-aws?"),
        ("-l team=web --target Repository/data", "-l and --target together choose nothing"),
    ],
)
def test_a_selection_that_matches_nothing_is_wrong_usage_and_says_what_there_is(
    labelled: Shell, arguments: str, words: str
) -> None:
    done = labelled("plan", *arguments.split())
    assert (done.code, done.out) == (64, "")
    assert words in done.err
    assert labelled("apply", "--yes", *arguments.split()).code == 64


def test_without_labels_that_is_said(shell: Shell) -> None:
    shell.write("gatectl.yaml", project())
    shell.write("manifests/a.yaml", GOOD.replace(", labels: {team: data}", ""))
    assert "no manifest has a label" in shell("plan", "-l", "team=data").err


def test_it_is_said_before_the_platform_is_asked(labelled: Shell) -> None:
    done = labelled("plan", "-l", "team=nope", "--platform", "https://gateway.invalid")
    assert done.code == 64
    assert labelled("plan", "--platform", "https://gateway.invalid").code == 9


def test_what_is_wrong_with_the_manifests_hides_what_a_selection_chooses(labelled: Shell) -> None:
    labelled.write("manifests/broken.yaml", "kind: [")
    assert labelled("plan", "-l", "team=nope").code == 4


def test_many_labels_are_cut(shell: Shell) -> None:
    shell.write("gatectl.yaml", project())
    labels = ", ".join(f"k{n}: v" for n in range(20))
    shell.write("manifests/a.yaml", GOOD.replace("team: data", labels))
    assert "and 8 more" in shell("plan", "-l", "team=nope").err


def test_what_the_options_choose_is_planned(labelled: Shell) -> None:
    for arguments in (["-l", "tier"], ["-l", "team!=data"], ["--target", "repository/web"]):
        operations = labelled("plan", "--format", "json", *arguments).json["operations"]
        assert "repository/default/web" in [op["id"] for op in operations]
        assert "repository/default/data" not in [op["id"] for op in operations]


# Hints that are true

REFUSED = {"default": {"platform": "embedded", "guardrails": {"maxDeletes": 0, "maxDetaches": 0}}}


def test_a_guardrail_on_deletes_does_not_propose_to_choose(labelled: Shell) -> None:
    assert labelled("apply", "--yes").code == 0
    labelled.write("gatectl.yaml", project(**REFUSED))
    (labelled.folder / "manifests/web.yaml").unlink()
    done = labelled("apply", "--prune", "--yes", "--allow", "project", "--reason", "seen")
    assert done.code == 5
    assert "--target" not in done.err and "raise guardrails.maxDeletes" in done.err


def test_a_guardrail_on_detaches_does(labelled: Shell) -> None:
    assert labelled("apply", "--yes").code == 0
    labelled.write("gatectl.yaml", project(**REFUSED))
    labelled.write("manifests/web.yaml", WEB.replace("- {type: S3, bucket: raw-events, folder: web}", "[]"))
    done = labelled("apply", "--yes", "--allow", "project", "--reason", "seen")
    assert done.code == 5
    assert "apply part of it (--target)" in done.err


def test_the_last_manifest_is_retired_by_one_of_kind_workspace(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    (shell.folder / "manifests/all.yaml").unlink()
    refused = shell("plan", "--prune")
    assert refused.code == 4 and "keep one of kind: Workspace" in refused.out
    shell.write("manifests/all.yaml", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: default}\n")
    assert shell("apply", "--prune", "--yes").code == 0
    assert "0 unmanaged" in shell("plan").out


def test_where_nothing_is_recorded_prune_is_not_promised_for_later(tmp_path: Path) -> None:
    site = Site(tmp_path).manifests(bucket("b", ("S3", "abc")), repository("r", [entry("S3", "abc")]))
    with pytest.raises(UsageError, match="keeps no record") as caught:
        site.plan(prune=True, wrap_records=lambda records: NothingOwned())
    assert "apply first" not in (caught.value.hint or "")
