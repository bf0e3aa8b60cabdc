"""Every command and outcome has its exit code, the same in every format, with one JSON document that fits its schema."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from gatectl.errors import PlatformError, PlatformLocked, Unreachable
from gatectl.platforms.embedded import claim
from leaping import Leaping

from .conftest import BUCKET, GOOD, REPOSITORY, Shell, project

BROKEN = REPOSITORY.replace("endpointType", "endpointTyp")
WARNING = REPOSITORY.replace("raw-events", "Raw_Events")


def nothing(shell: Shell) -> None:
    """An empty folder."""


def good(shell: Shell) -> None:
    shell.good()


def applied(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0


def detaching(shell: Shell) -> None:
    applied(shell)
    shell.write("manifests/all.yaml", GOOD.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []"))


def attaching(shell: Shell) -> None:
    detaching(shell)
    assert shell("apply", "--yes").code == 0
    shell.good()


def broken(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", BROKEN)


def warned(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", BUCKET.replace("credentials", "endpoint: https://s3.example\n  credentials").replace(
        "raw-events", "Raw_Events") + "---\n" + WARNING)  # fmt: skip


def unregistered(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", REPOSITORY)


def staging(shell: Shell) -> None:
    shell.good().write("gatectl.yaml", project(staging={"platform": "embedded"}))


def guarded(shell: Shell) -> None:
    detaching(shell)
    shell.write("gatectl.yaml", project(default={"platform": "embedded", "guardrails": {"maxDetaches": 0}}))


def penniless(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", GOOD.replace("env: SECRET", "env: NOT_THERE"))


def bad_project(shell: Shell) -> None:
    shell.good().write("gatectl.yaml", project(default={"platfrom": "embedded"}))


def corrupt(shell: Shell) -> None:
    shell.good().write(".gatectl/platform.db", "this is no database\n" * 100)


def saved(shell: Shell) -> None:
    shell.good()
    assert shell("plan", "--out", "p.json").code == 0


def saved_and_applied(shell: Shell) -> None:
    saved(shell)
    assert shell("apply", "--plan", "p.json", "--yes").code == 0


def stale(shell: Shell) -> None:
    saved_and_applied(shell)
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu-west-1\n"))
    assert shell("plan", "--out", "p.json").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: us-east-1\n"))
    assert shell("apply", "--yes").code == 0


def stale_guarded_and_penniless(shell: Shell) -> None:
    detaching(shell)
    assert shell("plan", "--out", "p.json", "--renew-credentials", "Bucket/raw-aws").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []") + "---\n"
                + BUCKET.replace("raw-aws", "more").replace("raw-events", "more-events"))  # fmt: skip
    text = REPOSITORY.replace("bucket: raw-events", "bucket: more-events").replace(
        "attachmentPolicy: Exact", "attachmentPolicy: Additive"
    )
    shell.write(
        "manifests/all.yaml",
        BUCKET + "---\n" + BUCKET.replace("raw-aws", "more").replace("raw-events", "more-events") + "---\n" + text,
    )
    assert shell("apply", "--yes").code == 0
    shell.write("gatectl.yaml", project(default={"platform": "embedded", "guardrails": {"maxDetaches": 0}}))


def other_target(shell: Shell) -> None:
    saved_and_applied(shell)
    assert shell("--platform", "sqlite:///other.db", "apply", "--yes").code == 0


def receipted(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes", "--receipt", "r.json").code == 0


TABLE: list[tuple[Callable[[Shell], None], str, int]] = [
    # validate
    (good, "validate", 0), (warned, "validate", 0), (broken, "validate", 4), (nothing, "validate", 4), (good, "validate nope.yaml", 4),
    (bad_project, "validate", 4), (good, "validate --project nope.yaml", 1), (good, "validate --bogus", 64), (staging, "validate", 0),
    (good, "validate -e nope", 64), (unregistered, "validate", 0), (good, "validate gatectl.yaml", 4),
    # plan
    (good, "plan", 0), (applied, "plan", 0), (broken, "plan", 4), (unregistered, "plan", 4), (nothing, "plan", 4), (warned, "plan", 0),
    (good, "plan --detailed-exitcode", 2), (applied, "plan --detailed-exitcode", 0), (detaching, "plan --detailed-exitcode", 3),
    (attaching, "plan --detailed-exitcode", 2), (broken, "plan --detailed-exitcode", 4), (bad_project, "plan", 4),
    (staging, "plan", 64), (staging, "plan -e default", 64), (staging, "plan -e staging", 0), (good, "plan -e nope", 64),
    (good, "plan --platform nonsense", 64), (good, "plan --platform http://example.com", 64), (good, "plan --out nowhere/p.json", 64),
    (good, "plan --out manifests", 64), (good, "plan --prune", 64), (applied, "plan --prune manifests", 64), (good, "plan -l =", 64),
    (good, "plan --target Repository/nope", 64), (good, "plan --target x", 64), (good, "plan --workspace nope", 4), (corrupt, "plan", 1),
    (good, "plan --renew-credentials Bucket/nope", 64), (good, "plan --platform https://gateway.invalid", 9),
    # apply
    (good, "apply", 64), (good, "apply --yes", 0), (applied, "apply --yes", 0), (broken, "apply --yes", 4), (unregistered,
     "apply --yes", 4),
    (guarded, "apply --yes", 5), (penniless, "apply --yes", 1), (bad_project, "apply --yes", 4), (staging, "apply --yes", 64),
    (good, "apply --yes --parallelism 0", 64), (good, "apply --yes --receipt nowhere/r.json", 64), (corrupt, "apply --yes", 1),
    (saved, "apply --plan p.json --yes", 0), (saved_and_applied, "apply --plan p.json --yes", 0), (saved, "apply --plan p.json", 64),
    (saved, "apply --plan p.json manifests --yes", 64), (saved, "apply --plan p.json -l team=data --yes", 64),
    (good, "apply --plan nope.json --yes", 1), (stale, "apply --plan p.json --yes", 6), (receipted, "apply --plan r.json --yes", 1),
    (stale_guarded_and_penniless, "apply --plan p.json --yes", 6), (other_target,
     "apply --plan p.json --yes --platform sqlite:///other.db", 6),
    # show
    (saved, "show p.json", 0), (receipted, "show r.json", 0), (good, "show nope.json", 1), (good, "show manifests/all.yaml", 1),
    (good, "show", 64), (good, "show manifests", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("prepare", "line", "code"), TABLE, ids=[f"{prepare.__name__}: {line}" for prepare, line, _ in TABLE]
)
def test_the_exit_code_is_the_same_in_text_and_json(
    shell: Shell, fits: Any, prepare: Callable[[Shell], None], line: str, code: int
) -> None:
    prepare(shell)
    words = line.split()
    database = shell.folder / ".gatectl/platform.db"
    before = database.read_bytes() if database.exists() else None
    if words[0] == "apply" and code == 0:
        assert shell(*words).code == 0
        prepare(shell)
    else:
        text = shell(*words)
        assert text.code == code, text
        assert code in (0, 2, 3) or text.out or text.err.startswith("error: "), text
    found = shell(*words, "--format", "json")
    assert found.code == code, found
    schema = {"validate": ["findings"], "plan": ["plan"], "apply": ["receipt"], "show": ["plan", "receipt"]}[words[0]]
    fits(found.json, *schema)
    if code not in (0, 2, 3):
        after = database.read_bytes() if database.exists() else None
        assert after == before, "what is refused writes nothing"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("schema", 0), ("schema Repository", 0), ("schema nope", 64), ("explain GW301", 0), ("explain GW399", 64), ("explain nope", 64),
        ("explain", 64), ("init", 0), ("init x", 0), ("paln", 64), ("", 64), ("--help", 0), ("plan --help", 0), ("--version", 0),
        ("export", 0), ("export --workspace nope", 64), ("--color red validate", 64), ("-e", 64), ("--yes", 64),
    ],
)  # fmt: skip
def test_the_other_commands(shell: Shell, line: str, code: int) -> None:
    assert shell(*line.split()).code == code


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (PlatformLocked("held"), 8, "locked"), (Unreachable("gone"), 10, "unreachable"), (PlatformError("odd"), 1, "platform"),
        (KeyboardInterrupt(), 130, "interrupted"), (PermissionError(13, "Permission denied", "x"), 1, "input"),
        (ValueError("oops"), 1, "internal"), (RecursionError(), 1, "internal"), (MemoryError(), 1, "internal"),
    ],
)  # fmt: skip
def test_what_goes_wrong_on_the_way_has_its_code_and_its_word(
    shell: Shell, fits: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, word: str
) -> None:
    def fail(*arguments: Any) -> Any:
        raise error

    shell.good()
    monkeypatch.setattr("gatectl.reconcile.work_out", fail)
    text, found = shell("plan"), shell("plan", "--format", "json")
    assert (text.code, text.out) == (code, "")
    assert text.err.lstrip().startswith("error: ")
    assert found.code == code
    fits(found.json, "plan")
    assert found.json["error"]["code"] == word


def test_a_locked_database_is_8_and_nothing_is_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(shell)
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu-west-1\n"))
    monkeypatch.setattr("gatectl.platforms.embedded.sqlite.BUSY_SECONDS", 0.2)
    holder = sqlite3.connect(shell.folder / ".gatectl/platform.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        found = shell("apply", "--yes", "--format", "json")
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert found.code == 8, found
    assert shell("apply", "--yes").code == 0


LOCKED_TOO = {
    "a saved plan that is stale": ("apply --plan p.json --yes", 6),
    "a guardrail that refuses": ("apply --yes", 5),
    "a credential that is missing": ("apply --yes manifests/more.yaml", 1),
    "nothing": ("apply --yes manifests/new.yaml", 0),
}


@pytest.mark.parametrize("case", LOCKED_TOO)
def test_a_held_lock_comes_before_what_refuses_an_apply_later(shell: Shell, case: str) -> None:
    """64, 4, 9, 10, 8, 6, 5, 1: the first that applies (product.md, section 2)."""
    line, code = LOCKED_TOO[case]
    shell.write("gatectl.yaml", project(default={"platform": "embedded", "guardrails": {"maxDetaches": 0}}))
    shell.write("manifests/all.yaml", GOOD)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu\n"))
    assert shell("plan", "--out", "p.json").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: us\n"))
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []"))
    shell.write(
        "manifests/more.yaml",
        BUCKET.replace("raw-aws", "more").replace("raw-events", "more-events").replace("KEY", "NOT_SET"),
    )
    shell.write("manifests/new.yaml", BUCKET.replace("raw-aws", "new").replace("raw-events", "new-events"))
    shell.clock = Leaping().clock
    release = claim.claim_file(shell.folder / ".gatectl/platform.db.applying", "here")
    held = shell(*line.split())
    release()
    assert (held.code, "another apply is writing" in held.err) == (8, True), held
    assert shell(*line.split()).code == code


def test_an_internal_error_says_so_and_shows_its_trace_when_asked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> Any:
        raise ValueError("two\nlines")

    shell.good()
    monkeypatch.setattr("gatectl.reconcile.work_out", fail)
    quiet, loud = shell("-e", "default", "plan"), shell("plan", "-v")
    assert "internal error, which is a fault of gatectl and not yours: ValueError: two" in quiet.err
    assert "the command (plan)" in quiet.err
    assert "-v shows the trace" in quiet.err
    assert "Traceback" in loud.err
    assert loud.code == quiet.code == 1


def test_the_codes_of_a_project_file_with_findings_come_with_the_findings(shell: Shell) -> None:
    bad_project(shell)
    found = shell("validate", "--format", "json").json
    assert [f["rule"] for f in found["findings"]] == ["GW202"]
    assert {f["file"] for f in found["findings"]} == {"gatectl.yaml"}
    failed = shell("plan", "--format", "json").json
    assert failed["error"]["code"] == "invalid_project"
    assert "gatectl.yaml" in failed["error"]["message"]


def test_a_plan_that_cannot_be_saved_prints_one_document_only(shell: Shell) -> None:
    shell.good()
    found = shell("plan", "--format", "json", "--out", "nowhere/p.json")
    assert json.loads(found.out)["error"]["code"] == "usage"
