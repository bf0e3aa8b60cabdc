"""`import gatectl`: what the commands do, for programs; nothing behind one's back, nothing for the whole process."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import gatectl
from gatectl import errors
from gatectl.api.estate import Estate
from gatectl.api.ways import GivenWay
from gatectl.model import Outcome
from gatectl.opening import choose
from gatectl.platforms.interface import Connection, Shared
from gatectl.project import bare_project
from gatectl.reconcile.request import Request

BUCKET = """
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: logs}
spec: {type: S3, bucket: logs, credentials: {key: {env: KEY}, secret: {env: SECRET}}}
"""
REPOSITORY = """
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: orders}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources: [{type: S3, bucket: logs}]
"""
FILES = {"manifests/logs.yaml": BUCKET, "manifests/orders.yaml": REPOSITORY}
SECRETS = {"KEY": "AKIAABCDEFGHIJKLMNOP", "SECRET": "x" * 40}
PROJECT = """
apiVersion: gatectl.io/v1
kind: Project
metadata: {name: estate}
spec:
  manifests: [manifests]
  environments:
    default: {platform: "PLATFORM", guardrails: {maxDeletes: 0, maxDetaches: 0}}
"""


def on_disk(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def applied(estate: gatectl.Estate) -> gatectl.Receipt:
    return estate.apply(estate.plan(), secrets=SECRETS)


def open_sockets() -> int:
    """Of this process, the server's among them."""
    gc.collect()
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    return found


def closed_again(before: int) -> bool:
    """Whether no more sockets are open than before, once the server has seen its ends closed."""
    ends = time.monotonic() + 30
    while open_sockets() > before and time.monotonic() < ends:
        time.sleep(0.05)
    return open_sockets() <= before


def test_an_estate_in_memory_is_planned_applied_and_empty_afterwards_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told: list[Outcome] = []
    with gatectl.open(FILES) as estate:
        assert list(estate.validate()) == []
        plan = estate.plan()
        assert [op["id"] for op in plan.operations] == ["bucket/default/logs", "repository/default/orders"]
        assert (plan.valid, plan.changes, plan.summary["create"]) == (True, True, 2)
        receipt = estate.apply(plan, expect=plan.fingerprint, secrets=SECRETS, on_event=told.append)
        assert (receipt.converged, receipt.exit_code, receipt.saved) == (True, 0, ())
        assert [outcome.status for outcome in told] == ["done", "done"]
        assert [outcome["status"] for outcome in receipt.outcomes] == ["done", "done"]
        after = estate.plan()
        assert (after.valid, after.changes) == (True, False)
        again = gatectl.open(estate.export())
        assert [item["rule"] for item in again.validate().errors] == []
    assert list(tmp_path.iterdir()) == []


def test_of_two_estates_in_memory_each_has_its_own_platform() -> None:
    with gatectl.open(FILES) as one, gatectl.open(FILES) as other:
        assert applied(one).converged
        assert other.plan().changes


def test_files_of_a_mapping_are_found_as_on_disk() -> None:
    hidden = {".hidden/x.yaml": BUCKET, "other/gatectl.yaml": PROJECT, "other/y.yaml": BUCKET, "notes.txt": "no"}
    with gatectl.open({**FILES, **hidden}) as estate:
        assert [op["id"] for op in estate.plan().operations] == ["bucket/default/logs", "repository/default/orders"]
    for name in ("/etc/x.yaml", "../x.yaml", "a/../../x.yaml"):
        with pytest.raises(errors.UsageError):
            gatectl.open({name: BUCKET})


def test_findings_name_the_files_of_the_mapping_and_refuse_an_apply() -> None:
    with gatectl.open({"a/b.yaml": BUCKET.replace("type: S3", "type: S4")}) as estate:
        found = estate.validate()
        assert not found.ok
        assert {item["file"] for item in found} == {"a/b.yaml"}
        plan = estate.plan()
        assert not plan.valid
        assert [item["rule"] for item in plan.findings.errors] == [item["rule"] for item in found.errors]
        with pytest.raises(errors.Invalid) as raised:
            estate.apply(plan)
        assert raised.value.exit_code == 4


def test_a_folder_is_planned_as_the_command_plans_it(tmp_path: Path) -> None:
    folder = on_disk(tmp_path, FILES | {"gatectl.yaml": PROJECT.replace("PLATFORM", "embedded")})
    with gatectl.open(folder) as estate:
        plan = estate.plan()
    command = [sys.executable, "-m", "gatectl", "plan", "--format", "json"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert f'"fingerprint": "{plan.fingerprint}"' in said.stdout
    with gatectl.open(folder / "gatectl.yaml") as estate:
        receipt = applied(estate)
    assert receipt.converged
    assert [Path(path).parent for path in receipt.saved] == [folder / ".gatectl" / "receipts"]


def test_guardrails_hold_a_program_of_three_lines(tmp_path: Path) -> None:
    """A caller of the core once deleted past `maxDetaches: 0`; what protects the platform lies below whoever asks."""
    folder = on_disk(tmp_path, FILES | {"gatectl.yaml": PROJECT.replace("PLATFORM", "embedded")})
    with gatectl.open(folder) as estate:
        assert applied(estate).converged
    on_disk(folder, {"manifests/orders.yaml": REPOSITORY.replace("[{type: S3, bucket: logs}]", "[]")})
    with gatectl.open(folder) as estate:
        plan = estate.plan()
        assert plan.summary["detach"] == 1
        with pytest.raises(errors.GuardrailRefused) as raised:
            estate.apply(plan)
        assert raised.value.exit_code == 5
        with pytest.raises(errors.UsageError):
            estate.apply(plan, allow=["detaches=1"])
        receipt = estate.apply(plan, allow=["detaches=1"], reason="retired")
        assert receipt.converged
        assert [item["reason"] for item in receipt.document["overrides"]] == ["retired"]


def test_another_plan_than_the_approved_one_is_not_applied() -> None:
    with gatectl.open(FILES) as estate:
        plan = estate.plan()
        with pytest.raises(errors.StalePlan):
            estate.apply(plan, expect="sha256:" + "0" * 64, secrets=SECRETS)
        assert applied(estate).converged
        assert estate.apply(plan, secrets=SECRETS).outcomes[0]["status"] == "already"


def test_a_plan_of_another_platform_is_refused() -> None:
    with gatectl.open(FILES) as one, gatectl.open(FILES) as other:
        applied(one)
        plan = one.plan()
        with pytest.raises(errors.StalePlan):
            other.apply(plan, secrets=SECRETS)


def test_no_variable_and_no_file_of_the_user_is_read_unless_one_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", "gateway.example")
    with gatectl.open(FILES) as estate, pytest.raises(errors.MissingCredential):
        estate.apply()
    with gatectl.open(FILES, environ=SECRETS) as estate:
        assert estate.apply().converged
    with gatectl.open(FILES, trust_env=True) as estate:
        assert estate.apply().converged
    folder = on_disk(tmp_path, FILES | {"gatectl.yaml": PROJECT.replace("PLATFORM", "https://gateway.example")})
    with gatectl.open(folder) as estate, pytest.raises(errors.UntrustedHost):
        estate.plan()


def test_the_core_reads_variables_only_where_nobody_hands_them_in() -> None:
    """`os.environ` stands in the command line, and elsewhere as the default of a parameter."""
    source = Path(gatectl.__file__).parent
    found = []
    for path in source.rglob("*.py"):
        name = str(path.relative_to(source))
        if not name.startswith("cli/"):
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [(name, line.strip()) for line in lines if "os.environ" in line and "= os.environ" not in line]
    allowed = {"files/fences.py", "api/__init__.py"}  # who ran sudo; where `trust_env` says so
    assert [(name, line) for name, line in found if name not in allowed and not line.startswith('"""')] == []


def test_secrets_are_looked_up_by_a_function() -> None:
    asked: list[Mapping[str, str]] = []

    def look_up(reference: Mapping[str, str]) -> str | None:
        asked.append(dict(reference))
        return SECRETS.get(reference.get("env", ""))

    with gatectl.open(FILES) as estate:
        assert estate.apply(secrets=look_up).converged
    assert asked == [{"env": "KEY"}, {"env": "SECRET"}]
    with gatectl.open(FILES) as estate, pytest.raises(errors.MissingCredential, match="env KEY is not there"):
        estate.apply(secrets=lambda reference: None)


def test_a_program_stops_an_apply_between_two_writes() -> None:
    stop = threading.Event()
    with gatectl.open(FILES) as estate:
        receipt = estate.apply(secrets=SECRETS, on_event=lambda outcome: stop.set(), stop=stop)
        assert [outcome["status"] for outcome in receipt.outcomes] == ["done", "not-started"]
        assert receipt.exit_code == 130
        assert estate.apply(secrets=SECRETS).converged


def test_threads_may_share_an_estate() -> None:
    with gatectl.open(FILES) as estate, ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda _: estate.apply(secrets=SECRETS), range(12)))
        assert all(receipt.converged for receipt in receipts)
        done = [outcome for receipt in receipts for outcome in receipt.outcomes if outcome["status"] == "done"]
        assert len(done) == 2, "each is made once, by whoever came first"
        assert not estate.plan().changes


def test_over_http_nothing_stays_open_and_the_fingerprints_are_those_of_the_command(
    tmp_path: Path, served: Any
) -> None:

    server = served()
    before = open_sockets()
    folder = on_disk(tmp_path, FILES)
    for _ in range(20):
        with gatectl.open(folder, platform=server.url, workspace="default", token=server.token) as estate:
            plan = estate.plan()
    assert closed_again(before)
    command = [
        sys.executable,
        "-m",
        "gatectl",
        "--platform",
        server.url,
        "--workspace",
        "default",
        "plan",
        "--format",
        "json",
    ]
    said = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GATECTL_TOKEN": server.token},
    )
    assert f'"fingerprint": "{plan.fingerprint}"' in said.stdout
    with gatectl.open(folder, platform=server.url, workspace="default", token=server.token) as estate:
        assert applied(estate).converged
        assert not estate.plan().changes


def test_an_estate_that_lives_long_holds_nothing_between_two_calls(tmp_path: Path, served: Any) -> None:
    """Its token comes from the environment, and each call has a deadline of its own: no two calls share a connection."""
    server = served()
    environ = {"GATECTL_TOKEN": server.token, **SECRETS}
    with gatectl.open(FILES, platform=server.url, workspace="default", environ=environ) as estate:
        assert estate.apply(deadline=60).converged
        before = open_sockets()
        for seconds in range(60, 70):
            assert not estate.plan(deadline=seconds).changes
            assert estate.export()
        assert closed_again(before)


def test_a_call_reaches_the_platform_one_way_though_it_plans_and_applies(tmp_path: Path) -> None:
    """So it signs in once, and what it opens is shared."""

    class Counting(GivenWay):
        asked = 0

        def to(self, request: Request, shared: Shared) -> Connection:
            Counting.asked += 1
            return super().to(request, shared)

    project = bare_project(on_disk(tmp_path, FILES))._replace(environ=SECRETS)
    environment = choose(project, None, "embedded")
    way = Counting(project, environment, None, (), trust_env=False)
    with Estate(project, environment, way) as estate:
        assert estate.apply().converged
        assert Counting.asked == 1


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys; import gatectl; print([m for m in sys.modules if m.startswith('gatectl.')], 'typing' in sys.modules)"
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['gatectl.version'] False"


def test_a_word_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError):
        _ = gatectl.opne  # type: ignore[attr-defined]


# What is saved


def test_a_saved_plan_is_read_and_applied_as_the_command_does_it(tmp_path: Path) -> None:
    folder = on_disk(tmp_path / "estate", FILES)
    with gatectl.open(folder) as estate:
        (tmp_path / "plan.json").write_text(estate.plan().to_json())
        plan = gatectl.read_plan(tmp_path / "plan.json")
        receipt = estate.apply(plan, secrets=SECRETS)
        assert receipt.converged and receipt.document["fingerprint"] == plan.fingerprint
        again = estate.apply(plan, secrets=SECRETS)
        assert again.exit_code == 0 and {o["status"] for o in again.outcomes} == {"already"}
    text = (tmp_path / "plan.json").read_text()
    (tmp_path / "plan.json").write_text(text.replace('"orders"', '"invoices"'))
    with pytest.raises(errors.InputError, match="changed after it was written"):
        gatectl.read_plan(tmp_path / "plan.json")


def test_a_snapshot_is_what_a_plan_can_be_made_against(tmp_path: Path) -> None:
    with gatectl.open(on_disk(tmp_path / "estate", FILES)) as estate:
        assert applied(estate).converged
        (tmp_path / "taken.json").write_text(json.dumps(estate.snapshot()))
        assert not estate.plan(against=tmp_path / "taken.json").changes
        assert SECRETS["SECRET"] not in (tmp_path / "taken.json").read_text()
        with pytest.raises(errors.UsageError, match="no workspace"):
            estate.snapshot("nowhere")


def test_the_history_is_what_the_command_lists(tmp_path: Path) -> None:
    folder = on_disk(tmp_path, {**FILES, "gatectl.yaml": PROJECT.replace("PLATFORM", "embedded")})
    with gatectl.open(folder) as estate:
        assert estate.history()["runs"] == []
        first = applied(estate).document["run"]
        second = estate.apply().document["run"]
        assert [entry["run"] for entry in estate.history()["runs"]] == [second, first]
        assert [entry["run"] for entry in estate.history(limit=1)["runs"]] == [second]
        assert estate.history()["runs"][1]["changes"]["create"] == 2
    listed = subprocess.run(
        [sys.executable, "-m", "gatectl", "history", "--format", "json"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert [entry["run"] for entry in json.loads(listed.stdout)["runs"]] == [second, first]


def test_an_estate_in_memory_has_a_history_as_long_as_it_lasts() -> None:
    with gatectl.open(FILES) as estate:
        run = applied(estate).document["run"]
        assert [entry["run"] for entry in estate.history()["runs"]] == [run]


def test_a_history_beside_a_platform_elsewhere_asks_for_no_credential(tmp_path: Path) -> None:
    with gatectl.open(on_disk(tmp_path, FILES), platform="https://gateway.example") as estate:
        assert estate.history()["runs"] == []
    with (
        gatectl.open(tmp_path, platform="https://gateway.example", records="s3://acme", environ={}) as estate,
        pytest.raises(errors.MissingCredential),
    ):
        estate.history()
