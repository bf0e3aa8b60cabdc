"""How an apply ends when it is interrupted, and when nobody can take its result: the receipt is there, it is true, and the
code says what happened to the platform.

`GATECTL_POINTS=all pytest tests/cli/test_ends.py -k any_request` is the long run: every signal, once, twice and often, at every
request of an apply; by default some of them are tried.
"""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pausing import Pausing
from serving import EMAIL, PASSWORD, Server

from .conftest import BUCKET, GOOD, Shell, project

ONCE, TWICE, OFTEN = 1, 2, 7
ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SOME = [
    (-1, False, signal.SIGTERM, TWICE),  # while the platform is read
    (0, True, signal.SIGHUP, ONCE), (1, True, signal.SIGINT, TWICE), (2, False, signal.SIGTERM, OFTEN),
    (4, True, signal.SIGHUP, TWICE), (5, False, signal.SIGINT, OFTEN), (6, True, signal.SIGTERM, ONCE),
    (8, True, signal.SIGINT, TWICE),
]  # fmt: skip
"""Where an apply is interrupted: at which request, counted from the first after planning; before the platform has it or after it has
answered; by which signal, and how often."""

POINTS = SOME if not os.environ.get("GATECTL_POINTS") else [
    (beyond, late, number, times)
    for beyond in range(-8, 24) for late in (False, True) for number in ALL for times in (ONCE, TWICE, OFTEN)
]  # fmt: skip


def manifests(count: int) -> str:
    """So many buckets, and a repository for each."""
    parts = []
    for i in range(count):
        parts.append(BUCKET.replace("raw-aws", f"b-{i}").replace("raw-events", f"events-{i}"))
        parts.append(
            f"apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {{name: r-{i}}}\n"
            f"spec: {{endpointType: S3, resources: [{{type: S3, bucket: events-{i}}}]}}\n"
        )
    return "---\n".join(parts)


def receipts(shell: Shell) -> list[dict[str, Any]]:
    """The receipts of the project, oldest first; nothing else lies there."""
    folder = shell.folder / ".gatectl/receipts"
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())] if folder.exists() else []


def until_saved(shell: Shell, running: subprocess.Popen[str]) -> None:
    """Until the receipt is in the project's folder."""
    found: list[Path] = []
    while not found:
        assert running.poll() is None, running.communicate()
        with suppress(FileNotFoundError):  # whether it can be written is tried without a trace
            found = list((shell.folder / ".gatectl/receipts").glob("2*.json"))


def check_truth(receipt: dict[str, Any], live: Sequence[str]) -> None:
    """What the receipt says was done is there, and what it says was not is not; of what is unknown both may be."""
    for outcome in receipt["outcomes"]:
        name = outcome["id"].rpartition("/")[2]
        if outcome["status"] in ("done", "already"):
            assert name in live, outcome
        elif outcome["status"] != "unknown":
            assert name not in live, outcome
        assert (outcome["attempts"] > 0) == (outcome["status"] in ("done", "unknown")), outcome


def live_names(server: Server) -> list[str]:
    return [wire["name"] for collection in ("bucket", "repo") for wire in server.objects(collection)]  # type: ignore[arg-type]


@pytest.fixture
def served(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Pausing]]:
    """A project whose platform is a server, with the proxy before it."""
    with Server(tmp_path / "server") as server, Pausing(server.url) as proxy:
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", proxy.url.partition("://")[2])
        shell.write("gatectl.yaml", project(default={"platform": proxy.url, "consistency": "1s"}))
        shell.write("manifests/all.yaml", manifests(2))
        yield server, proxy


def start(shell: Shell, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    environ = {**os.environ, "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(shell.command(*arguments), cwd=shell.folder, env=environ, text=True, **{**pipes, **options})


def interrupted_at(
    shell: Shell, proxy: Pausing, at: int | str, *, late: bool, number: int, times: int, answered: bool
) -> tuple[int, Any]:
    """Apply, and send signals while request `at` is held (a number, or the first of a method and path); the exit code, and
    standard output as JSON."""
    running: list[subprocess.Popen[str]] = []

    def act() -> bool:
        for _ in range(times):
            running[0].send_signal(number)
        return answered

    if isinstance(at, int):
        proxy.pause(at, act, late=late)
    else:
        proxy.pause_at_first(at, act, late=late)
    running.append(start(shell, "apply", "--yes", "--format", "json", "--parallelism", "2"))
    out, err = running[0].communicate(timeout=60)
    assert "Traceback" not in err, err
    return running[0].returncode, json.loads(out)


def requests_of_an_apply(shell: Shell, proxy: Pausing) -> list[str]:
    """What a whole apply would ask for (a plan tells the reading, and so many writes follow), as a list of requests."""
    proxy.pause(None, lambda: True)
    running = start(shell, "plan")
    running.communicate(timeout=60)
    assert running.returncode == 0
    return list(proxy.requests)


@pytest.mark.parametrize(("beyond", "late", "number", "times"), POINTS)
def test_signals_at_any_request_are_130_with_a_true_receipt(
    shell: Shell, served: tuple[Server, Pausing], fits: Any, beyond: int, late: bool, number: int, times: int
) -> None:
    server, proxy = served
    reading = len(requests_of_an_apply(shell, proxy))
    if reading + beyond < 0:
        pytest.skip("before the first request")
    code, printed = interrupted_at(shell, proxy, reading + beyond, late=late, number=number, times=times, answered=True)
    if len(proxy.requests) <= reading + beyond:  # it was over by then
        assert code == 0 and printed["converged"]
        return
    assert code == 130
    kept = receipts(shell)
    if "error" in printed:
        assert printed["error"]["code"] == "interrupted" and not kept and live_names(server) == []
        return
    assert [printed] == kept
    fits(printed, "receipt")
    check_truth(printed, live_names(server))
    assert printed["converged"] is False or all(o["status"] == "done" for o in printed["outcomes"])


@pytest.mark.parametrize("late", [False, True], ids=["not yet sent on", "done and not answered"])
def test_a_request_that_hangs_holds_up_nobody_who_asked_twice(
    shell: Shell, served: tuple[Server, Pausing], fits: Any, late: bool
) -> None:
    server, proxy = served
    code, printed = interrupted_at(
        shell, proxy, "POST /bucket", late=late, number=signal.SIGINT, times=TWICE, answered=False
    )
    assert code == 130
    (kept,) = receipts(shell)
    assert printed == kept
    fits(kept, "receipt")
    unknown = [o for o in kept["outcomes"] if o["status"] == "unknown"]
    assert len(unknown) == 1
    assert unknown[0]["error"]["code"] == "interrupted" and unknown[0]["attempts"] == 1
    check_truth(kept, live_names(server))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("beyond", range(-8, 6) if os.environ.get("GATECTL_POINTS") else [-1])
def test_nor_does_one_that_reads(shell: Shell, served: tuple[Server, Pausing], beyond: int, late: bool) -> None:
    server, proxy = served
    at = len(requests_of_an_apply(shell, proxy)) + beyond
    assert at >= 0
    code, printed = interrupted_at(shell, proxy, at, late=late, number=signal.SIGINT, times=TWICE, answered=False)
    assert code == 130
    if "error" in printed:
        assert not receipts(shell) and live_names(server) == []
    else:
        assert [printed] == receipts(shell)
        check_truth(printed, live_names(server))


def test_who_looks_on_is_told_what_is_waited_for(shell: Shell, served: tuple[Server, Pausing]) -> None:
    _, proxy = served
    mine, its = pty.openpty()
    shown = b""

    def until_told() -> bool:
        nonlocal shown
        while b"waiting for http://127.0.0.1" not in shown:
            shown += os.read(mine, 4096)
        return True

    proxy.pause(0, until_told)
    running = start(shell, "plan", stderr=its)
    os.close(its)
    out, _ = running.communicate(timeout=60)
    os.close(mine)
    assert running.returncode == 0 and shown.count(b"waiting for") == 1
    assert "waiting" not in out


@pytest.mark.parametrize("number", ALL)
def test_a_signal_at_the_question_is_130_and_nothing_is_written(shell: Shell, number: int) -> None:
    shell.good()
    mine, its = pty.openpty()
    running = subprocess.Popen(
        shell.command("apply"), cwd=shell.folder, stdin=its, stdout=subprocess.PIPE, stderr=its, text=True
    )
    os.close(its)
    shown = b""
    while b"is a yes: " not in shown:
        shown += os.read(mine, 4096)
    running.send_signal(number)
    running.communicate(timeout=60)
    os.close(mine)
    assert running.returncode == 130
    assert not (shell.folder / ".gatectl").exists()


@pytest.mark.parametrize("number", ALL)
def test_no_signal_cuts_off_the_saving_of_a_receipt(shell: Shell, number: int) -> None:
    shell.good()
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    running = start(shell, "apply", "--yes", "--format", "json", "--receipt", "pipe")
    until_saved(shell, running)  # it is at the pipe next, where nobody reads yet
    for _ in range(OFTEN):
        running.send_signal(number)
    received = json.loads(pipe.read_text())
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert [received] == [json.loads(out)] == receipts(shell)
    assert received["summary"]["done"] == 2


def test_signals_while_the_result_is_printed_leave_it_whole(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", manifests(60))
    running = start(shell, "apply", "--yes", "--format", "json")
    until_saved(shell, running)
    assert running.stdout is not None
    first = os.read(running.stdout.fileno(), 1).decode()  # it prints, and more than a pipe holds
    for _ in range(OFTEN):
        running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert [json.loads(first + out)] == receipts(shell)


def test_a_signal_that_was_ignored_stays_so(shell: Shell) -> None:
    shell.good()
    line = f"trap '' HUP; echo ready; {shlex.join(shell.command('apply', '--yes', '-'))}"
    running = subprocess.Popen(
        ["bash", "-c", f"{line}"], cwd=shell.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None and running.stdout.readline() == "ready\n"
    os.killpg(running.pid, signal.SIGHUP)
    running.communicate((shell.folder / "manifests/all.yaml").read_text(), timeout=60)
    assert running.returncode == 0
    assert receipts(shell)[0]["converged"]


# --- standard output that cannot be written ----------------------------------------------------------------------------

FORMATS = ("text", "json", "markdown")
SINKS = {
    "full": "> /dev/full",
    "nobody reads": "| true",
    "one line": "| head -1",
    "closed": ">&-",
    "all closed": "<&- >&- 2>&-",
}


ENDS = [(sink, name) for sink in SINKS for name in FORMATS]
"""Every format into every sink; without GATECTL_POINTS each sink in one of the formats, and the full disk in all."""
if not os.environ.get("GATECTL_POINTS"):
    ENDS = [(sink, FORMATS[number % len(FORMATS)]) for number, sink in enumerate(SINKS)] + ENDS[1 : len(FORMATS)]


@pytest.mark.parametrize(("sink", "format_name"), ENDS)
def test_an_apply_that_cannot_show_its_result_says_by_its_code_what_was_done(
    shell: Shell, sink: str, format_name: str
) -> None:
    shell.good()
    code, err = redirected(shell, SINKS[sink], "apply", "--yes", "--format", format_name)
    assert code == 0
    assert "Traceback" not in err and "Exception ignored" not in err
    (receipt,) = receipts(shell)
    assert receipt["converged"] and receipt["summary"]["done"] == 2
    if sink == "full":
        assert "No space left on device" in err
    elif sink != "all closed":
        assert err.strip() == ""
    shell.write("manifests/all.yaml", manifests(1).replace("env: SECRET", "env: NOT_THERE"))
    assert redirected(shell, SINKS[sink], "apply", "--yes", "--format", format_name)[0] == 1, "nothing was written"
    assert len(receipts(shell)) == 1


READING = ("validate", "plan", "plan --detailed-exitcode", "show r.json", "export", "schema", "explain GW301", "graph", "snapshot",
           "completion bash", "--help", "plan --help", "--version")  # fmt: skip


@pytest.mark.parametrize("line", READING)
def test_what_only_reads_is_1_on_a_full_disk_and_quiet_where_nobody_reads(shell: Shell, line: str) -> None:
    shell.good()
    assert shell("apply", "--yes", "--receipt", "r.json").code == 0
    shell.write("manifests/more.yaml", manifests(1))
    own = shell.process(*line.split())
    code, err = redirected(shell, "> /dev/full", *line.split())
    assert code == 1 and "No space left on device" in err, (code, err)
    assert "Traceback" not in err and "Exception ignored" not in err
    for sink in ("| true", ">&-"):
        code, err = redirected(shell, sink, *line.split())
        assert (code, err) == (own.code, own.err), sink


@pytest.mark.parametrize(
    ("command", "format_name"),
    [*(("plan", each) for each in ("json", "sarif", "junit", "github", "gitlab", "html")), ("validate", "json"), ("validate", "sarif")],
)  # fmt: skip
def test_a_full_disk_is_told_in_words_whatever_the_format(shell: Shell, command: str, format_name: str) -> None:
    shell.good()
    code, err = redirected(shell, "> /dev/full", command, "--format", format_name)
    assert code == 1 and err.count("No space left on device") == 1
    assert "Traceback" not in err


def redirected(shell: Shell, sink: str, *arguments: str) -> tuple[int, str]:
    """Run with standard output going there; the exit code of gatectl itself, and what it said on standard error."""
    line = f"{shlex.join([sys.executable, '-m', 'gatectl', *arguments])} {sink}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=shell.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    return done.returncode, done.stderr


# --- where receipts are kept -------------------------------------------------------------------------------------------


def test_a_receipt_holds_the_plan_and_who_when_and_where(
    shell: Shell, fits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    for name, value in {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://code.example", "GITHUB_REPOSITORY": "acme/estate",
                        "GITHUB_RUN_ID": "7", "GITHUB_ACTOR": "ann"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert shell("plan", "--out", "p.json").code == 0
    printed = shell("apply", "--plan", "p.json", "--yes", "--format", "json").json
    fits(printed, "receipt")
    plan = json.loads((shell.folder / "p.json").read_text())
    assert printed["plan"] == plan
    assert printed["target"] == plan["target"] and printed["fingerprint"] == plan["fingerprint"]
    assert printed["actor"] | {"host": None} == {
        "user": "ann", "host": None, "ci": "github", "url": "https://code.example/acme/estate/actions/runs/7"
    }  # fmt: skip
    assert printed["startedAt"] <= printed["endedAt"]
    assert [o["source"]["file"] for o in printed["outcomes"]] == ["manifests/all.yaml"] * 2
    path = shell.folder / f".gatectl/receipts/{printed['run']}.json"
    assert json.loads(path.read_text()) == printed
    assert path.stat().st_mode & 0o777 == 0o600
    assert (shell.folder / ".gatectl/.gitignore").read_text() == "*\n"


def test_the_newest_hundred_receipts_are_kept_and_nothing_else_is_touched(shell: Shell) -> None:
    shell.good()
    folder = shell.folder / ".gatectl/receipts"
    folder.mkdir(parents=True)
    for number in range(120):
        (folder / f"20200101T000000{number:03d}Z-00000000.json").write_text("{}")
    (folder / "notes.json").write_text("mine")
    assert shell("apply", "--yes").code == 0
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 101 and "notes.json" in names
    assert names[0] == "20200101T000000021Z-00000000.json"


def test_a_place_that_takes_no_receipt_is_found_out_before_anything_is_written(shell: Shell) -> None:
    shell.good().write(".gatectl", "a file where the folder should be")
    database = shell.folder / "x.db"
    refused = shell("apply", "--yes", "--platform", "sqlite:///x.db")
    assert refused.code == 1 and "no receipt could be saved" in refused.err
    assert "--receipt FILE" in refused.err
    assert not database.exists()
    assert shell("apply", "--yes", "--platform", "sqlite:///x.db", "--receipt", "r.json").code == 0, "it alone suffices"
    assert json.loads((shell.folder / "r.json").read_text())["converged"]


@pytest.mark.parametrize("format_name", ["text", "json", "markdown", "html"])
def test_a_receipt_is_shown_in_every_format_that_fits(shell: Shell, format_name: str) -> None:
    shell.good()
    assert shell("apply", "--yes", "--receipt", "r.json").code == 0
    receipt = json.loads((shell.folder / "r.json").read_text())
    shown = shell("show", "r.json", "--format", format_name)
    assert shown.code == 0
    if format_name in ("json", "html"):
        assert receipt["run"] in shown.out
    old = {name: receipt[name] for name in ("fingerprint", "summary", "converged", "diagnostics")}
    old["outcomes"] = [{k: v for k, v in outcome.items() if k != "source"} for outcome in receipt["outcomes"]]
    shell.write("old.json", json.dumps({"formatVersion": "1.0", **old}))
    assert shell("show", "old.json", "--format", format_name).code == 0


def test_a_failed_apply_says_what_where_why_and_what_next(shell: Shell) -> None:
    region = "bucket: raw-events\n  region: %s\n"
    shell.good().write("manifests/all.yaml", GOOD.replace("bucket: raw-events\n", region % "eu"))
    assert shell("plan", "--out", "p.json").code == 0
    shell.write("manifests/all.yaml", BUCKET.replace("bucket: raw-events\n", region % "us"))
    assert shell("apply", "--yes").code == 0
    refused = shell("apply", "--plan", "p.json", "--yes")
    assert refused.code == 6
    for words in ("! Bucket default/raw-aws (manifests/all.yaml:1): conflict: changed since the plan was made",
                  "· Repository default/data (manifests/all.yaml:", "nothing was written.",
                  "Next: somebody else changed the platform"):  # fmt: skip
        assert words in refused.out, refused.out
    assert "conflict: conflict" not in refused.out
