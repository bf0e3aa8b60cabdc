"""What fingers type after ten years with Terraform and kubectl is refused with what it is called here."""

from __future__ import annotations

import pytest

from cli.conftest import Shell


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("apply -auto-approve", "gatectl apply --yes"),
        ("apply --auto-approve", "gatectl apply --yes"),
        ("apply -y", "gatectl apply --yes"),
        ("plan -out=plan.json", "gatectl plan --out FILE"),
        ("plan -out plan.json", "gatectl plan --out FILE"),
        ("plan -o json", "gatectl plan --format json"),
        ("plan -json", "gatectl plan --format json"),
        ("validate --output=json", "gatectl validate --format json"),
        ("apply -f manifests/all.yaml", "gatectl apply PATH"),
        ("apply --filename=manifests/all.yaml", "gatectl apply PATH"),
        ("plan -var region=eu", "gatectl plan -e NAME"),
        ("plan -var-file=prod.tfvars", "gatectl plan -e NAME"),
        ("apply --dry-run", "gatectl plan reads, and only reads"),
        ("apply --dry-run=server", "gatectl plan reads, and only reads"),
        ("plan -destroy", "gatectl plan --prune"),
        ("plan -n analytics", "gatectl plan --workspace NAME"),
        ("plan -target=Repository/data", "gatectl plan --target KIND/[WORKSPACE/]NAME"),
        ("plan --target data", "for example --target Repository/data"),
        ("plan -no-color", "gatectl plan --color never"),
        ("plan -chdir=infra", "gatectl plan --project DIR/gatectl.yaml"),
        ("apply -input=false", "wants --yes"),
        ("plan -detailed-exitcode", "gatectl plan --detailed-exitcode"),
        ("plan --refresh-only", "gatectl plan"),
        ("destroy", "gatectl apply --prune"),
        ("delete repository data", "gatectl apply --prune"),
        ("get repositories", "gatectl export"),
        ("diff", "gatectl plan"),
        ("sync", "gatectl apply"),
        ("lint", "gatectl validate"),
        ("import", "gatectl export"),
        ("version", "gatectl --version"),
        ("validat", "did you mean 'validate'?"),
        ("plan --bogus", "gatectl plan --help"),
    ],
)
def test_a_habit_of_another_program_is_refused_with_what_it_is_called_here(shell: Shell, line: str, hint: str) -> None:
    done = shell.good()(*line.split())
    assert (done.code, done.out) == (64, "")
    assert hint in done.err
    assert not (shell.folder / ".gatectl").exists()


def test_a_saved_plan_that_is_given_as_a_path_is_told_to_be_one(shell: Shell) -> None:
    assert shell.good()("plan", "--out", "plan.json").code == 0
    for command in ("plan", "apply"):
        done = shell(command, "plan.json", *(["--yes"] if command == "apply" else []))
        assert done.code == 64
        assert "gatectl apply --plan plan.json" in done.err
    assert shell("apply", "--yes", "--receipt", "r.json").code == 0
    assert "gatectl show r.json" in shell("plan", "r.json").err


def test_json_that_is_a_manifest_is_read_where_it_is_named(shell: Shell) -> None:
    shell.write("w.json", '{"apiVersion": "gatectl.io/v1", "kind": "Workspace", "metadata": {"name": "default"}}')
    assert shell("plan", "w.json").code == 0


def test_a_path_that_is_not_there_is_told_the_same_by_all(shell: Shell) -> None:
    shell.good()
    for command in ("validate", "plan", "graph"):
        done = shell(command, "nosuch")
        assert done.code == 4
        assert "nosuch:1:1: error GW106: no such file or folder" in done.out + done.err


def test_an_object_is_called_the_same_in_plan_progress_receipt_and_errors(shell: Shell) -> None:
    shell.good()
    for arguments in (["plan"], ["apply", "--yes", "-v"]):
        done = shell(*arguments)
        assert "Repository default/data" in done.out
        assert "repository/default/data" not in done.out + done.err
    assert "done: Repository default/data" in done.err
    other = (shell.folder / "manifests/all.yaml").read_text().partition("---\n")[2].replace("name: data", "name: other")
    shell.write("manifests/other.yaml", other)
    assert "is used by Repository default/data already" in shell("validate").out
