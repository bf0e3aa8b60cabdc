"""Plans that are saved, asked about, applied, interrupted and raced: what is written is what was shown, and told as it was."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
from typing import Any

import pytest

from gatectl.documents import plans

from .conftest import BUCKET, GOOD, REPOSITORY, Shell, project

CREDENTIALS = "credentials: {key: {env: KEY}, secret: {env: SECRET}}"


def buckets(count: int) -> str:
    return "---\n".join(
        BUCKET.replace("raw-aws", f"raw-aws-{i}").replace("raw-events", f"raw-events-{i}") for i in range(count)
    )


def on_terminal(shell: Shell, *arguments: str, answer: str) -> tuple[int, str]:
    """Run on a terminal and answer its question; the exit code and all that the terminal showed."""
    mine, its = pty.openpty()
    running = subprocess.Popen(
        shell.command(*arguments), cwd=shell.folder, stdin=its, stdout=its, stderr=its, close_fds=True
    )
    os.close(its)
    shown, answered = b"", False
    while select.select([mine], [], [], 60)[0]:
        try:
            piece = os.read(mine, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if not answered and b"is a yes: " in shown:
            os.write(mine, answer.encode())
            answered = True
    os.close(mine)
    return running.wait(60), shown.decode()


# --- asking ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["no\n", "\n", "y\n", "YES\n", "yes please\n", "\x04"])
def test_anything_but_yes_is_a_no_and_writes_nothing(shell: Shell, answer: str) -> None:
    shell.good()
    code, shown = on_terminal(shell, "apply", answer=answer)
    assert code == 1, shown
    assert (
        "Apply these 2 operations to embedded (.gatectl/platform.db), workspace default? Only 'yes' is a yes:" in shown
    )
    assert "declined; nothing was written" in shown
    assert not (shell.folder / ".gatectl").exists()


def test_yes_applies_what_was_shown(shell: Shell) -> None:
    shell.good()
    code, shown = on_terminal(shell, "apply", answer="yes\n")
    assert code == 0, shown
    assert shown.index("create") < shown.index("Only 'yes'") < shown.index("Applied")
    assert shell("plan", "--detailed-exitcode").code == 0


def test_nothing_to_do_asks_nothing(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    code, shown = on_terminal(shell, "apply", answer="no\n")
    assert code == 0
    assert "is a yes" not in shown


def test_asking_leaves_standard_output_to_the_receipt(shell: Shell) -> None:
    shell.good()
    out = shell.folder / "out.json"
    mine, its = pty.openpty()
    with out.open("wb") as stream:
        running = subprocess.Popen(
            shell.command("apply", "--format", "json"), cwd=shell.folder, stdin=its, stdout=stream, stderr=its
        )
    os.close(its)
    os.write(mine, b"yes\n")
    assert running.wait(60) == 0
    os.close(mine)
    assert json.loads(out.read_text())["converged"] is True


# --- saved plans -------------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_for_its_owner_alone_and_is_what_was_printed(shell: Shell) -> None:
    shell.good()
    found = shell("plan", "--format", "json", "--out", "p.json")
    path = shell.folder / "p.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == found.json
    assert "plan saved: gatectl apply --plan p.json" in found.err
    assert shell("show", "p.json", "--format", "json").json == found.json
    assert shell("show", "p.json").out == shell("plan").out
    assert [p.name for p in shell.folder.iterdir() if p.name.startswith(".gatectl-")] == [], "nothing is left over"


def test_saving_goes_through_links_and_leaves_devices_alone(shell: Shell) -> None:
    shell.good().write("real.json", "")
    (shell.folder / "link.json").symlink_to("real.json")
    assert shell("plan", "--out", "link.json").code == 0
    assert (shell.folder / "link.json").is_symlink()
    assert json.loads((shell.folder / "real.json").read_text())["summary"]["create"] == 2
    os.mkfifo(shell.folder / "pipe")
    reading = subprocess.Popen(["cat", "pipe"], cwd=shell.folder, stdout=subprocess.PIPE, text=True)
    assert shell("plan", "--out", "pipe").code == 0
    assert json.loads(reading.communicate(timeout=60)[0])["summary"]["create"] == 2
    assert stat.S_ISFIFO((shell.folder / "pipe").stat().st_mode)


def _digest(plan: dict[str, Any]) -> dict[str, Any]:
    return {**plan, "digest": plans.digest(plan)}


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("tampered", lambda text: text.replace("raw-events", "evil-events")),
        ("truncated", lambda text: text[: len(text) // 2]),
        ("empty", lambda text: ""), ("no JSON", lambda text: "{]"), ("a list", lambda text: "[]"), ("a number", lambda text: "1"),
        ("deep", lambda text: "[" * 100_000), ("not UTF-8", lambda text: "\udcff" + text),
        ("a huge number", lambda text: text.replace('"create": 2', '"create": ' + "9" * 5_000)),
        ("a large number", lambda text: text.replace('"create": 2', '"create": ' + "9" * 400)),
        ("not a number", lambda text: text.replace('"create": 2', '"create": NaN')),
        ("half a character", lambda text: text.replace("raw-events", "\\ud800")),
        ("another version", lambda text: text.replace('"formatVersion": "1.1"', '"formatVersion": "2.0"')),
        ("no operations", lambda text: json.dumps({"formatVersion": "1.1", "operations": []})),
        ("an unknown kind", lambda text: json.dumps(_digest(json.loads(text.replace('"kind": "Bucket"', '"kind": "Nonsense"'))))),
        ("another fingerprint", lambda text: json.dumps(_digest({**json.loads(text), "fingerprint": "sha256:" + "0" * 64}))),
        ("one operation less", lambda text: json.dumps(_digest({**json.loads(text), "operations": json.loads(text)["operations"][:1]}))),
        ("one field more", lambda text: json.dumps(_digest({**json.loads(text), "more": 1}))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_plan_that_is_not_as_it_was_written_is_refused(shell: Shell, fits: Any, what: str, change: Any) -> None:
    shell.good()
    assert shell("plan", "--out", "p.json").code == 0
    path = shell.folder / "p.json"
    path.write_text(change(path.read_text()), encoding="utf-8", errors="surrogateescape")
    for line in ("apply --plan p.json --yes", "show p.json"):
        found = shell(*line.split(), "--format", "json")
        assert found.code == 1, (what, found)
        fits(found.json, "plan")
        assert found.json["error"]["code"] == "input"
        assert "internal error" not in found.err
    assert not (shell.folder / ".gatectl").exists()


def test_a_plan_for_another_instance_or_another_place_is_stale(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    assert shell("plan", "--out", "p.json").code == 0
    shutil.rmtree(shell.folder / ".gatectl")
    assert shell("apply", "--yes").code == 0
    found = shell("apply", "--plan", "p.json", "--yes")
    assert found.code == 6
    assert "of embedded, this is instance" in found.err
    found = shell("apply", "--plan", "p.json", "--yes", "--platform", "sqlite:///x.db", "--format", "json")
    assert (found.code, found.json["error"]["code"]) == (6, "stale_plan")
    assert not (shell.folder / "x.db").exists()


def test_a_plan_applied_again_is_already_done(shell: Shell, fits: Any) -> None:
    shell.good()
    assert shell("plan", "--out", "p.json").code == 0
    first = shell("apply", "--plan", "p.json", "--yes", "--format", "json")
    again = shell("apply", "--plan", "p.json", "--yes", "--format", "json")
    assert (first.code, again.code) == (0, 0)
    assert [o["status"] for o in first.json["outcomes"]] == ["done", "done"]
    assert [o["status"] for o in again.json["outcomes"]] == ["already", "already"]
    assert again.json["converged"] is True
    assert (
        again.json["fingerprint"]
        == first.json["fingerprint"]
        == json.loads((shell.folder / "p.json").read_text())["fingerprint"]
    )
    fits(again.json, "receipt")


def test_a_stale_plan_says_field_by_field_what_changed(shell: Shell) -> None:
    region = "bucket: raw-events\n  region: %s\n"
    shell.good()
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", region % "eu"))
    assert shell("plan", "--out", "p.json").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", region % "us"))
    assert shell("apply", "--yes").code == 0
    found = shell("apply", "--plan", "p.json", "--yes", "--format", "json")
    assert found.code == 6
    (outcome,) = found.json["outcomes"]
    assert outcome["status"] == "conflict"
    for word in ("/spec/region", "'us'", "'eu'"):
        assert word in outcome["error"]["message"]
    assert (
        "! Bucket default/raw-aws (manifests/all.yaml:1): conflict: changed since"
        in shell("apply", "--plan", "p.json", "--yes").out
    )


def test_unrelated_changes_do_not_make_a_plan_stale(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu\n"))
    assert shell("plan", "--out", "p.json").code == 0
    shell.write("manifests/all.yaml", GOOD + "---\n" + BUCKET.replace("raw-aws", "x").replace("raw-events", "more"))
    assert shell("apply", "--yes").code == 0
    assert shell("apply", "--plan", "p.json", "--yes").code == 0


# --- refusals ----------------------------------------------------------------------------------------------------------


def test_every_missing_credential_is_named_and_nothing_is_written(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    shell.good().write(
        "manifests/all.yaml",
        BUCKET.replace("env: KEY", "env: NO_KEY").replace("env: SECRET", "file: nowhere/secret") + "---\n"
        + BUCKET.replace("raw-aws", "two").replace("raw-events", "two").replace("env: SECRET", "env: EMPTY"),
    )  # fmt: skip
    found = shell("apply", "--yes", "--format", "json")
    assert (found.code, found.json["error"]["code"]) == (1, "missing_credential")
    message = found.json["error"]["message"]
    assert "NO_KEY is not set" in message
    assert "manifests/nowhere/secret cannot be read" in message
    assert "EMPTY is empty" in message
    assert not (shell.folder / ".gatectl").exists()


def test_a_credential_from_a_file_is_relative_to_its_manifest_and_never_shown(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", GOOD.replace("env: SECRET", "file: ../secret"))
    shell.write("secret", "  the-real-secret\n")
    for line in (
        "plan -v",
        "apply --yes -v --receipt r.json",
        "apply --yes -v --format json",
        "plan --format json --renew-credentials Bucket/raw-aws",
    ):
        found = shell(*line.split())
        assert found.code == 0, found
        assert "the-real-secret" not in found.out + found.err
        assert "AKIAEXAMPLE" not in found.out + found.err
    kept = b"".join(p.read_bytes() for p in shell.folder.rglob("*") if p.is_file() and p.name != "secret")
    assert b"the-real-secret" not in kept
    assert b"hush-hush-hush" not in kept


def test_guardrails_refuse_before_anything_is_written(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    shell.write(
        "gatectl.yaml", project(default={"platform": "embedded", "guardrails": {"maxDetaches": 0, "maxDeletes": 0}})
    )
    assert shell("apply", "--yes", "--allow", "project", "--reason", "seen").code == 0
    shell.write(
        "manifests/all.yaml",
        BUCKET + "---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []"),
    )
    found = shell("apply", "--yes")
    assert found.code == 5
    assert "would detach 1 attachment, and environment 'default' allows 0" in found.err
    assert shell("plan", "--detailed-exitcode").code == 3, "a plan always shows all"
    shell.write("manifests/all.yaml", BUCKET)
    found = shell("apply", "--yes", "--prune")
    assert found.code == 5
    assert "would delete 1 object, and environment 'default' allows 0" in found.err


# --- receipts ----------------------------------------------------------------------------------------------------------


def test_a_receipt_is_saved_shown_and_fits_its_schema(shell: Shell, fits: Any) -> None:
    shell.good()
    found = shell("apply", "--yes", "--format", "json", "--receipt", "r.json")
    receipt = json.loads((shell.folder / "r.json").read_text())
    assert receipt == found.json
    assert stat.S_IMODE((shell.folder / "r.json").stat().st_mode) == 0o600
    fits(receipt, "receipt")
    assert receipt["summary"]["done"] == 2
    assert shell("show", "r.json").out == "Applied: 2 done; all reads back as wanted.\n"
    nothing = shell("apply", "--yes", "--format", "json").json
    assert (nothing["outcomes"], nothing["converged"]) == ([], True)


# --- interrupted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_apply_is_130_tells_what_was_done_and_converges_when_repeated(
    shell: Shell, fits: Any, number: int
) -> None:
    count = 3_000
    shell.good().write("manifests/all.yaml", buckets(count))
    running = subprocess.Popen(
        shell.command("apply", "--yes", "--format", "json", "--receipt", "r.json", "-v"),
        cwd=shell.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stderr is not None
    for _ in range(20):
        running.stderr.readline()
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err[-2000:]
    assert "stopping: what is under way is finished" in err
    receipt = json.loads(out)
    fits(receipt, "receipt")
    assert receipt == json.loads((shell.folder / "r.json").read_text())
    assert receipt["converged"] is False
    assert len(receipt["outcomes"]) == count
    summary = receipt["summary"]
    assert 0 < summary["done"] < count
    assert summary["done"] + summary["not-started"] == count
    assert shell("plan", "--format", "json").json["summary"]["create"] == summary["not-started"], (
        "the receipt tells the truth"
    )
    assert shell("apply", "--yes").code == 0
    assert shell("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_before_anything_is_written_is_130_too(shell: Shell, number: int) -> None:
    running = subprocess.Popen(
        shell.command("plan", "-", "--format", "json"), cwd=shell.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdin is not None
    running.stdin.write("#" * 1_000_000)  # more than a pipe holds: written once it reads
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert "Traceback" not in err


def apply_thrice(shell: Shell) -> list[int]:
    """Three applies at once; each prints one JSON document, and the database survives. Their exit codes."""
    command = shell.command("apply", "--yes", "--format", "json")
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, cwd=shell.folder, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    codes = []
    for process in running:
        out, err = process.communicate(timeout=90)
        json.loads(out)
        assert "Traceback" not in err
        codes.append(process.returncode)
    database = sqlite3.connect(shell.folder / ".gatectl/platform.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    return codes


def test_applies_at_once_corrupt_nothing_and_a_rerun_converges(shell: Shell) -> None:
    bare = REPOSITORY.partition("  attachmentPolicy")[0]
    shell.good().write(
        "manifests/all.yaml", "---\n".join(bare.replace("name: data", f"name: data-{i}") for i in range(300))
    )
    assert set(apply_thrice(shell)) <= {0, 6, 7, 8}
    assert shell("apply", "--yes").code == 0
    assert shell("plan", "--detailed-exitcode").code == 0


def test_applies_at_once_create_every_bucket_once(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", buckets(300))
    assert set(apply_thrice(shell)) <= {0, 6, 7, 8}
    assert shell("apply", "--yes").code == 0
    assert shell("plan", "--format", "json").json["summary"]["unchanged"] == 300


def test_a_receipt_that_cannot_be_saved_is_found_out_before_anything_is_written(shell: Shell) -> None:
    shell.good()
    (shell.folder / "taken").mkdir()
    refused = shell("apply", "--yes", "--receipt", "taken")
    assert refused.code == 64
    assert shell("plan", "--detailed-exitcode").code == 2


def test_a_file_that_standard_input_names_is_relative_to_the_working_directory(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good().write("deep/secret", "hush")
    monkeypatch.chdir(shell.folder / "deep")
    text = BUCKET.replace("env: SECRET", "file: secret")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    (operation,) = shell("plan", "-", "--format", "json").json["operations"]
    assert '{"file": "deep/secret"}' in json.dumps(operation["fields"])
