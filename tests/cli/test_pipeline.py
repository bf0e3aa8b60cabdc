"""What a step of a pipeline leaves: its summary, its outputs, a dotenv file; and applying only what was approved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.pipelines import step_values

from .conftest import GOOD, Shell, project


@pytest.fixture
def files(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The files of this step."""
    paths = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GATECTL_DOTENV")}
    for name, path in paths.items():
        monkeypatch.setenv(name, str(path))
    return paths


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_a_plan_leaves_its_summary_and_its_outputs(shell: Shell, files: dict[str, Path]) -> None:
    shell.good()
    files["GITHUB_OUTPUT"].write_text("before=1\n")
    done = shell("plan", "--format", "json")
    summary = files["GITHUB_STEP_SUMMARY"].read_text()
    assert summary.startswith("## Plan for `default`\n") and "+ create Bucket default/raw-aws" in summary
    assert values(files["GITHUB_OUTPUT"]) == {
        "before": "1", "changes": "2", "creates": "2", "updates": "0", "deletes": "0", "detaches": "0",
        "fingerprint": done.json["fingerprint"], "exitcode": "2",
    }  # fmt: skip
    dotenv = values(files["GATECTL_DOTENV"])
    assert dotenv["GATECTL_FINGERPRINT"] == done.json["fingerprint"] and dotenv["GATECTL_CHANGES"] == "2"


def test_an_apply_adds_its_receipt_and_no_outputs(shell: Shell, files: dict[str, Path]) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    summary = files["GITHUB_STEP_SUMMARY"].read_text()
    assert summary.startswith("## Apply to `default`\n\n**Applied: all reads back as wanted.**")
    assert not files["GITHUB_OUTPUT"].exists()
    assert shell("plan").code == 0
    summary = files["GITHUB_STEP_SUMMARY"].read_text()
    assert "## Apply" in summary and "## Plan" in summary
    assert values(files["GITHUB_OUTPUT"])["exitcode"] == "0"


def test_a_plan_that_is_invalid_says_so_in_both(shell: Shell, files: dict[str, Path]) -> None:
    shell.good().write("manifests/all.yaml", GOOD.replace("endpointType: S3", "endpointType: OpenAI"))
    assert shell("plan").code == 4
    assert "No plan: 1 error" in files["GITHUB_STEP_SUMMARY"].read_text()
    assert values(files["GITHUB_OUTPUT"])["exitcode"] == "4"
    assert shell("apply", "--yes").code == 4
    assert files["GITHUB_STEP_SUMMARY"].read_text().count("No plan: 1 error") == 2


def test_a_detach_is_told_apart(shell: Shell, files: dict[str, Path]) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.partition("  resources:")[0] + "  resources: []\n")
    assert shell("plan", "--detailed-exitcode").code == 3
    found = values(files["GITHUB_OUTPUT"])
    assert (found["detaches"], found["exitcode"]) == ("1", "3")


def test_a_file_that_cannot_be_written_is_a_warning_even_when_quiet(
    shell: Shell, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.good()
    for name in files:
        monkeypatch.setenv(name, str(shell.folder / "nowhere" / name))
    done = shell("-q", "plan", "--format", "json")
    assert done.code == 0 and done.json["summary"]["create"] == 2
    assert [f"warning: {name}: " in done.err for name in files] == [True] * 3
    done = shell("--log-format", "json", "apply", "--yes")
    assert done.code == 0 and json.loads(done.err.splitlines()[-1])["level"] == "warning"


def test_a_summary_that_is_nearly_full_gets_what_fits_and_a_full_one_a_warning(
    shell: Shell, files: dict[str, Path]
) -> None:
    shell.good()
    files["GITHUB_STEP_SUMMARY"].write_bytes(b"x" * (step_values.SUMMARY_BYTES - 1_100))
    assert shell("plan").code == 0
    size = files["GITHUB_STEP_SUMMARY"].stat().st_size
    assert step_values.SUMMARY_BYTES - 1_000 < size <= step_values.SUMMARY_BYTES
    done = shell("plan")
    assert done.code == 0 and "it is full" in done.err
    assert files["GITHUB_STEP_SUMMARY"].stat().st_size == size


def test_without_such_files_nothing_is_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    shell.good()
    before = set(shell.folder.rglob("*"))
    done = shell("plan")
    assert done.code == 0 and done.err == ""
    assert set(shell.folder.rglob("*")) == before


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text()))
def test_an_output_of_any_value_reads_back(given_: dict[str, str]) -> None:
    text = step_values.github_outputs(given_)
    read: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        name, heredoc, delimiter = line.partition("<<")
        if heredoc and "=" not in name:
            value = []
            while (line := next(lines)) != delimiter:
                value.append(line)
            read[name] = "\n".join(value)
        else:
            name, _, read[line.partition("=")[0]] = line.partition("=")
    assert read == given_


def test_a_dotenv_value_is_one_line() -> None:
    assert step_values.dotenv({"a": "x\ny"}) == "GATECTL_A=x y\n"


# --- markdown on the command line --------------------------------------------------------------------------------------


def test_plan_and_show_print_markdown_within_a_budget(shell: Shell) -> None:
    shell.good()
    printed = shell("plan", "--format", "markdown", "--out", "plan.json")
    assert printed.out.startswith("## Plan for `default`\n")
    assert shell("-e", "default", "show", "plan.json", "--format", "markdown").out == printed.out
    assert shell("show", "plan.json", "--format", "markdown").out.startswith("## Plan\n")
    small = shell("show", "plan.json", "--format", "markdown", "--budget", "1000").out
    assert len(small.encode()) <= 1_000
    assert shell("show", "plan.json", "--format", "markdown", "--budget", "999").code == 64
    assert shell("plan", "--format", "json", "--format", "markdown=plan.md", "--budget", "1000").json["operations"]
    written = (shell.folder / "plan.md").read_text()
    assert written.startswith("## Plan for `default`\n") and len(written.encode()) <= 1_000


def test_apply_prints_plan_and_receipt_as_one_page(shell: Shell) -> None:
    shell.good()
    done = shell("apply", "--yes", "--format", "markdown", "--receipt", "receipt.json")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if line.startswith("## ")] == [
        "## Plan for `default`",
        "## Apply to `default`",
    ]
    assert shell("show", "receipt.json", "--format", "markdown").out.startswith("## Apply\n")


# --- applying what was approved ----------------------------------------------------------------------------------------


def test_the_approved_plan_is_applied_saved_or_planned_again(shell: Shell) -> None:
    fingerprint = shell.good()("plan", "--format", "json", "--out", "plan.json").json["fingerprint"]
    assert shell("apply", "--plan", "plan.json", "--expect", fingerprint, "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.replace("spec:\n  type", "spec:\n  region: eu-west-1\n  type"))
    fingerprint = shell("plan", "--format", "json").json["fingerprint"]
    assert shell("apply", "--expect", fingerprint, "--yes").code == 0
    assert shell("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("saved", [True, False])
def test_another_plan_than_the_approved_one_is_stale_before_anything_else(shell: Shell, saved: bool) -> None:
    shell.good()
    shell.write(
        "gatectl.yaml", project(default={"platform": "embedded", "guardrails": {"maxDetaches": 0, "maxDeletes": 0}})
    )
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", GOOD.partition("  resources:")[0] + "  resources: []\n")
    found = shell("plan", "--format", "json", "--out", "plan.json").json["fingerprint"]
    approved = f"sha256:{'0' * 64}"
    done = shell("apply", *(("--plan", "plan.json") if saved else ()), "--expect", approved, "--yes")
    assert done.code == 6
    assert found in done.err and approved in done.err and "gatectl plan" in done.err
    assert shell("apply", "--expect", found, "--yes").code == 5


@pytest.mark.parametrize(
    "wrong", ["", "sha256:", "0" * 64, f"sha256:{'A' * 64}", f"sha256:{'0' * 63}", f"sha256:{'0' * 64}\n0"]
)
def test_what_is_no_fingerprint_is_wrong_usage(shell: Shell, wrong: str) -> None:
    assert shell.good()("apply", "--expect", wrong, "--yes").code == 64


def test_an_invalid_plan_is_invalid_whatever_is_expected(shell: Shell) -> None:
    shell.good().write("manifests/all.yaml", GOOD.replace("endpointType: S3", "endpointType: OpenAI"))
    assert shell("apply", "--expect", f"sha256:{'0' * 64}", "--yes").code == 4
