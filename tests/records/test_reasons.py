"""A plan's reasons say what is remembered: who changed what since it was applied, and what was undone and is still in the manifests."""

from __future__ import annotations

import pytest

from cli.conftest import BUCKET, REPOSITORY, Shell, shell
from records.test_why import change_live

__all__ = ["shell"]  # pytest finds the fixture here

REGION = BUCKET.replace("bucket: raw-events\n", "bucket: raw-events\n  region: REGION\n")


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """A project of a bucket and a repository, applied."""
    shell.good()
    write(shell, "a")
    assert shell("apply", "--yes").code == 0
    return shell


def write(shell: Shell, region: str) -> None:
    shell.write("manifests/all.yaml", f"{REGION.replace('REGION', region)}---\n{REPOSITORY}")


def reasons(shell: Shell, *words: str) -> dict[str, str]:
    found = shell("plan", "--format", "json", *words)
    assert found.code == 0, found.err
    return {op["name"]: op["reason"] for op in found.json["operations"]}


def last_run(shell: Shell) -> tuple[str, str]:
    """The newest run, and the day on which it was."""
    entry = shell("history", "--format", "json").json["runs"][0]
    return entry["run"], entry["startedAt"][:10]


def test_what_somebody_changed_on_the_platform_says_since_when(applied: Shell) -> None:
    run, day = last_run(applied)
    change_live(applied, "UPDATE buckets SET region = 'b'")
    assert reasons(applied) == {"raw-aws": f"changed on the platform since {day} (run {run})"}
    assert f"changed on the platform since {day} (run {run})" in applied("plan").out
    write(applied, "c")
    assert reasons(applied) == {"raw-aws": f"changed in the manifests, and on the platform since {day} (run {run})"}


def test_what_we_changed_alone_says_what_it_always_said(applied: Shell) -> None:
    write(applied, "b")
    assert reasons(applied) == {"raw-aws": "differs from its manifest"}


def test_what_is_gone_says_since_when(applied: Shell) -> None:
    run, day = last_run(applied)
    change_live(
        applied, "DELETE FROM repositories WHERE id NOT IN (SELECT repository_id FROM bucket_attachments WHERE 0)"
    )
    assert reasons(applied) == {"data": f"gone from the platform since {day} (run {run})"}


def test_a_reason_is_no_part_of_what_is_approved(applied: Shell) -> None:
    change_live(applied, "UPDATE buckets SET region = 'b'")
    told = applied("plan", "--format", "json").json
    change_live(
        applied, "UPDATE owned SET hash = NULL, state = NULL, run = NULL, applied_at = NULL WHERE kind = 'Bucket'"
    )
    plain = applied("plan", "--format", "json").json
    assert told["operations"][0]["reason"] != plain["operations"][0]["reason"]
    assert told["fingerprint"] == plain["fingerprint"]


def test_what_was_undone_says_so_until_the_manifests_say_the_same(applied: Shell) -> None:
    first, _ = last_run(applied)
    write(applied, "b")
    assert applied("apply", "--yes").code == 0
    assert applied("undo", "last", "--yes").code == 0
    undo, _ = last_run(applied)
    again = f"undone in {undo}, and its manifest says still what it did before"
    assert reasons(applied) == {"raw-aws": again}
    write(applied, "c")
    assert reasons(applied) == {"raw-aws": "differs from its manifest"}, "it says something new"
    write(applied, "a")
    assert reasons(applied) == {}
    write(applied, "b")
    assert applied("apply", "--yes").code == 0
    assert applied("undo", first, "--yes", "--keep-going").code in (0, 7)


def test_what_an_undo_deleted_says_so_and_an_apply_over_it_ends_that(applied: Shell) -> None:
    assert applied("undo", "last", "--yes").code == 0
    undo, _ = last_run(applied)
    again = f"undone in {undo}, and its manifest says still what it did before"
    assert reasons(applied) == {"raw-aws": again, "data": again}
    assert applied("apply", "--yes").code == 0
    change_live(applied, "UPDATE buckets SET region = 'z' WHERE deleted_at IS NULL")
    assert reasons(applied)["raw-aws"].startswith("changed on the platform since")


def test_a_plan_without_changes_does_not_look_into_the_history(applied: Shell) -> None:
    def asked() -> int:
        sent = applied("plan", "--format", "json", "--proof").json["proof"]["requests"]
        return sum(int(each["count"]) for each in sent if each["path"] == "runs")

    before = asked()
    write(applied, "b")
    assert asked() == before + 1
