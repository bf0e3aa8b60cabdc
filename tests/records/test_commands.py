"""What a person or a pipeline meets of records: the header of a plan, an apply, `history`, `show` and `trust`."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shell, project, shell
from platforms.postgresql_server import Server as Postgresql
from records.object_servers import Bucket, Google
from serving import EMAIL, PASSWORD, Server

__all__ = ["shell"]  # pytest finds the fixtures here


@pytest.fixture
def remote(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A project whose platform is elsewhere."""
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with Server(other) as server:
        monkeypatch.setenv("GATECTL_EMAIL", EMAIL)
        monkeypatch.setenv("GATECTL_PASSWORD", PASSWORD)
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", server.url.partition("://")[2])
        shell.good()
        aim(shell, platform=server.url)
        monkeypatch.setenv("THE_PLATFORM", server.url)
        yield shell


def aim(shell: Shell, **environment: Any) -> None:
    shell.write(
        "gatectl.yaml", project(default={"platform": os.environ.get("THE_PLATFORM", "embedded"), **environment})
    )


@pytest.fixture
def bucket(google: Google, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket with the credentials that there are for it in the environment, and nobody who trusts it."""
    found = google.bucket("acme-records")
    for name, value in found.variables.items():
        monkeypatch.setenv(name, value)
    return found


def runs(shell: Shell, *words: str) -> list[dict[str, Any]]:
    listed = shell("history", "--format", "json", *words)
    assert listed.code == 0, listed.err
    found: list[dict[str, Any]] = listed.json["runs"]
    return found


# History


def test_applies_are_listed_and_shown_when_the_receipts_are_gone(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    assert shell("apply", "--yes").code == 0
    newest, first = runs(shell)
    assert first["changes"]["create"] == 2 and first["summary"]["done"] == 2 and first["converged"]
    assert newest["changes"]["create"] == 0
    saved = (shell.folder / ".gatectl/receipts" / f"{first['run']}.json").read_bytes()
    shutil.rmtree(shell.folder / ".gatectl/receipts")
    assert shell("show", first["run"], "--format", "json").json == json.loads(saved)
    assert "2 done" in shell("show", first["run"]).out
    assert shell("show", newest["run"]).out.startswith("Nothing to do")
    lines = shell("history").out.splitlines()
    assert [line.split()[0] for line in lines] == ["RUN", newest["run"], first["run"]]


def test_the_history_is_a_page_and_markdown_with_what_each_run_changed(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    assert shell("undo", "last", "--yes").code == 0
    undo, first = runs(shell)
    assert undo["undoes"] == first["run"] and "undoes" not in first
    shutil.rmtree(shell.folder / ".gatectl/receipts")
    page, text = (shell("history", "--format", name).out for name in ("html", "markdown"))
    for told in (page, text):
        assert first["run"] in told and undo["run"] in told and "2 changes" in told
    assert page.startswith("<!doctype html>") and f'<a href="#run-{first["run"]}">' in page
    assert "\n+ create Bucket default/raw-aws (S3, raw-events)" in text and "undo of `" in text
    assert f"undo of {first['run']}: delete 2" in shell("history").out
    assert shell("history", "--format", "html", "--limit", "1").out.count('class="timeline"') == 1


def test_history_is_narrowed_by_what_runs_were(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.good()
    for user in ("ann", "bob"):
        monkeypatch.setenv("LOGNAME", user)
        assert shell("apply", "--yes").code == 0
    assert [run["actor"]["user"] for run in runs(shell)] == ["bob", "ann"]
    assert [run["actor"]["user"] for run in runs(shell, "--user", "ann")] == ["ann"]
    assert len(runs(shell, "--limit", "1")) == 1 and shell("history", "--limit", "1", "--format", "json").json["more"]
    assert runs(shell, "--commit", "abc") == [] == runs(shell, "--failed") == runs(shell, "--since", "2999-01-01")
    assert len(runs(shell, "--since", "2001-01-01")) == 2
    assert shell("history", "--since", "yesterday").code == 64


def test_two_projects_of_one_name_in_one_store_do_not_see_each_others_runs(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"sqlite:///{shell.folder}/records.db"
    for name in ("one", "two"):
        shell.write(f"{name}/gatectl.yaml", project(default={"platform": "embedded", "records": store}))
        shell.write(f"{name}/manifests/all.yaml", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: x}\n")
    made = {}
    for name in ("one", "two"):
        monkeypatch.chdir(shell.folder / name)
        assert shell("apply", "--yes").code == 0
        (only,) = runs(shell)
        made[name] = only["run"]
    assert shell("show", made["two"]).code == 0
    shutil.rmtree(shell.folder / "one/.gatectl/receipts")
    monkeypatch.chdir(shell.folder / "one")
    assert [each["run"] for each in runs(shell)] == [made["one"]]
    assert shell("show", made["one"]).code == 0 and shell("show", made["two"]).code == 1


def test_a_project_is_known_by_its_origin_in_whichever_folder_it_was_cloned_into(
    remote: Shell, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATECTL_RECORDS", bucket.url)
    git(remote.folder, "init", "-q")
    git(remote.folder, "remote", "add", "origin", "git@Git.Example:acme/estate.git")
    assert remote("apply", "--yes", "--new-records").code == 0
    (run,) = runs(remote)
    again = remote.folder / "clone"
    (again / "manifests").mkdir(parents=True)
    for name in ("gatectl.yaml", "manifests/all.yaml"):
        shutil.copy(remote.folder / name, again / name)
    git(again, "init", "-q")
    git(again, "remote", "add", "origin", "https://token@git.example:443/acme/estate")
    monkeypatch.chdir(again)
    assert runs(remote) == [run]
    assert remote("show", run["run"]).code == 0
    git(again, "remote", "set-url", "origin", "https://git.example/fork/estate")
    assert runs(remote) == []
    git(again, "remote", "remove", "origin")
    assert runs(remote) == []


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def test_a_run_that_is_not_there_is_said_and_no_platform_is_asked(remote: Shell) -> None:
    for name in ("GATECTL_EMAIL", "GATECTL_PASSWORD", "GATECTL_TRUSTED_HOSTS"):
        os.environ.pop(name)
    aim(remote, platform="https://nobody.example")
    shown = remote("show", "20260131T101530123Z-9f86d081")
    assert shown.code == 1 and "there is no run 20260131T101530123Z-9f86d081" in shown.err
    assert runs(remote) == []
    assert not (remote.folder / ".gatectl").exists()


def test_a_history_written_by_hand_is_an_error_that_names_the_run(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    run = runs(shell)[0]["run"]
    shutil.rmtree(shell.folder / ".gatectl/receipts")
    with sqlite3.connect(shell.folder / ".gatectl/platform.db") as database:
        database.execute("UPDATE run_receipts SET content = substr(content, 1, length(content) - 9)")
    shown = shell("show", run)
    assert shown.code == 1 and f"run {run} in " in shown.err and "not as it was written" in shown.err
    with sqlite3.connect(shell.folder / ".gatectl/platform.db") as database:
        database.execute("UPDATE runs SET entry = '{}'")
    listed = shell("history")
    assert listed.code == 1 and run in listed.err


# Beside a platform that is elsewhere


def test_beside_a_platform_elsewhere_runs_are_in_a_file_of_the_project_and_the_plan_says_so(remote: Shell) -> None:
    planned = remote("plan", "--format", "json").json
    assert planned["target"]["records"] == {"store": "sqlite:///.gatectl/records.db", "alone": True}
    assert "Records: sqlite:///.gatectl/records.db; no lease beyond this machine\n" in remote("plan").out
    assert not (remote.folder / ".gatectl/records.db").exists(), "a plan makes nothing"
    assert remote("apply", "--yes").code == 0
    assert [run["changes"]["create"] for run in runs(remote)] == [2]
    assert (remote.folder / ".gatectl/records.db").stat().st_mode & 0o777 == 0o600


def test_a_pipeline_is_told_that_its_file_goes_with_the_machine(remote: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert "which is gone when this machine is" in remote("plan").out
    assert remote("plan", "--format", "json").json["target"]["records"]["thrownAway"]
    monkeypatch.setenv("GATECTL_RECORDS_KEPT", "1")
    assert "gone" not in remote("plan").out


def test_the_store_is_no_part_of_what_is_approved(remote: Shell) -> None:
    here, nowhere = (
        remote("plan", "--format", "json").json,
        remote("--records", "none", "plan", "--format", "json").json,
    )
    assert here["fingerprint"] == nowhere["fingerprint"] and here["digest"] != nowhere["digest"]
    assert remote("--records", "none", "apply", "--yes", "--expect", here["fingerprint"]).code == 0
    assert runs(remote) == []


def test_a_file_that_nobody_asked_for_and_cannot_be_made_stops_no_apply(remote: Shell) -> None:
    remote.write(".gatectl", "a file where the folder would be")
    done = remote("apply", "--yes", "--receipt", "receipt.json")
    assert done.code == 0 and "will not be in the history" in done.err


def test_a_file_that_somebody_named_and_cannot_be_made_stops_it_before_the_first_write(remote: Shell) -> None:
    aim(remote, records="sqlite:///nowhere/records.db")
    assert remote("apply", "--yes").code == 1
    assert "+ create" in remote("plan").out


def test_a_store_that_does_not_take_the_run_is_said_with_seven_and_the_receipt_stays(remote: Shell) -> None:
    assert remote("apply", "--yes").code == 0
    with sqlite3.connect(remote.folder / ".gatectl/records.db") as database:
        database.execute("DROP TABLE run_receipts")
        database.execute("CREATE TABLE run_receipts (run, part, content CHECK (0))")
    remote.write("manifests/more.yaml", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: more}\n")
    done = remote("apply", "--yes")
    assert done.code == 7 and "could not be added to the records" in done.err
    assert len(list((remote.folder / ".gatectl/receipts").iterdir())) == 2
    again = remote("apply", "--yes", "--workspace", "default")
    assert again.code == 0 and "warning: the run could not be added" in again.err, "there was nothing to do"


def test_the_records_of_an_embedded_platform_may_be_elsewhere(shell: Shell) -> None:
    shell.good()
    shell.write("gatectl.yaml", project(default={"platform": "embedded", "records": "sqlite:///kept/runs.db"}))
    (shell.folder / "kept").mkdir()
    assert "Records: sqlite:///kept/runs.db" in shell("plan").out
    assert shell("apply", "--yes").code == 0
    assert len(runs(shell)) == 1 and runs(shell, "--records", "platform") == []


@pytest.mark.parametrize(
    "name",
    ["s4://bucket", "s3://", "s3://a/../b", "s3://bucket?key=hush", "postgresql://host", "records.db", "platform"],
)
def test_what_no_store_is_called_is_wrong_usage_and_shows_no_secret(remote: Shell, name: str) -> None:
    refused = remote("--records", name, "plan")
    assert refused.code == 64 and "hush" not in refused.err


PLAN = """
import sys
from gatectl.cli.exits import run
code = run(["plan"])
print(code, [name for name in ("sqlalchemy", "sqlite3", "obstore") if name in sys.modules])
"""


def test_a_plan_loads_no_library_for_a_store_that_is_not_there(remote: Shell) -> None:
    done = subprocess.run([sys.executable, "-c", PLAN], cwd=remote.folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_an_apply_that_writes_nothing_makes_no_store(shell: Shell, remote: Shell) -> None:
    remote.write("manifests/all.yaml", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: default}\n")
    assert remote("apply", "--yes").code == 0
    assert not list((remote.folder / ".gatectl").glob("records.db*"))


# Stores that are shared


def test_a_store_that_only_the_project_file_names_is_neither_read_nor_written(
    remote: Shell, bucket: Bucket, google: Google
) -> None:
    aim(remote, records=bucket.url)
    for words in (
        ("plan",),
        ("apply", "--yes", "--new-records"),
        ("history",),
        ("show", "20260131T101530123Z-9f86d081"),
    ):
        refused = remote(*words)
        assert refused.code == 9 and "gatectl trust gs://acme-records" in refused.err
    assert google.asked == []


def test_a_shared_store_that_is_new_wants_a_word_before_it_is_made(
    remote: Shell, bucket: Bucket, google: Google
) -> None:
    aim(remote, records=bucket.url)
    assert remote("trust", bucket.url).code == 0
    assert "which is new" in remote("plan").out and google.objects == {}
    refused = remote("apply", "--yes")
    assert refused.code == 64 and "--new-records" in refused.err and google.objects == {}
    assert remote("apply", "--yes", "--new-records").code == 0
    assert f"Records: {bucket.url}\n" in remote("plan").out
    assert remote("apply", "--yes").code == 0
    assert [run["changes"]["create"] for run in runs(remote)] == [0, 2]
    shutil.rmtree(remote.folder / ".gatectl")
    assert "2 done" in remote("show", runs(remote)[1]["run"]).out


def test_a_plan_that_destroys_nothing_reads_no_more_runs_however_many_there_are(
    remote: Shell, bucket: Bucket, google: Google
) -> None:
    """Of none a commit is known here: whoever looked for the last one would read them all."""
    aim(remote, records=bucket.url)
    assert remote("trust", bucket.url).code == 0
    assert remote("apply", "--yes", "--new-records").code == 0

    def read_by_a_plan() -> int:
        google.asked.clear()
        assert remote("plan").code == 0
        return sum("entry%2Ejson" in asked for asked in google.asked)

    once = read_by_a_plan()
    for _ in range(3):
        assert remote("apply", "--yes").code == 0
    assert read_by_a_plan() == once > 0


def test_another_store_than_before_is_not_made(remote: Shell, bucket: Bucket, google: Google) -> None:
    assert remote("apply", "--yes").code == 0
    refused = remote("--records", bucket.url, "apply", "--yes", "--new-records")
    assert refused.code == 64 and ".gatectl/records.db" in refused.err and google.objects == {}


def test_a_store_that_lets_nobody_in_stops_a_plan(remote: Shell, bucket: Bucket, google: Google) -> None:
    google.refuses = 403
    for words in (("plan",), ("apply", "--yes", "--new-records"), ("history",)):
        refused = remote("--records", bucket.url, *words)
        assert refused.code == 9 and "does not permit" in refused.err
        assert "hush" not in refused.err


def test_a_database_is_trusted_by_its_name_and_not_by_its_host(
    remote: Shell, postgresql_server: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, place = postgresql_server.new_database(), f"127.0.0.1:{postgresql_server.port}"
    url = f"postgresql://postgres@{place}/{database}"
    monkeypatch.setenv("PGPASSWORD", postgresql_server.password)
    aim(remote, records=url)
    for trusted in ((), (place,), (f"postgresql://{place}/other",)):
        assert not trusted or remote("trust", *trusted).code == 0
        assert remote("plan").code == 9
    assert remote("trust", f"postgresql://{place}/{database}").code == 0
    assert "which is new" in remote("plan").out
    assert remote("apply", "--yes", "--new-records").code == 0
    assert len(runs(remote)) == 1
    aim(remote, records=f"{url}?host=127.0.0.1")
    assert remote("plan").code == 64


def test_nothing_secret_is_in_a_store_after_a_full_run(remote: Shell, bucket: Bucket, google: Google) -> None:
    from gatectl.files.packing import unpacked

    os.environ["GATECTL_TOKEN"] = ""
    assert remote("--records", bucket.url, "apply", "--yes", "--new-records").code == 0
    kept = b"".join(unpacked(data) for data, _ in google.objects.values())
    assert b"raw-events" in kept, "it is what the run says"
    for secret in ("hush", "AKIAEXAMPLE", PASSWORD, EMAIL):
        assert secret.encode() not in kept
