"""Planted secrets: tokens, passwords, credentials, keys. None reaches any output, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatectl.credentials.redaction import redact
from serving import EMAIL, PASSWORD, Rehearsal, Server, everywhere

SECRET, KEY, TOKEN = "canary-secret-5f2c", "CANARYKEY7731", "canary-token-90ab"
PLANTED = (SECRET, TOKEN, PASSWORD)
MANIFESTS = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: logs-aws}
spec:
  type: S3
  bucket: logs
  credentials: {key: {env: CANARY_KEY}, secret: {file: secret.txt}}
---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {name: assistant}
spec: {provider: OpenAI, endpoint: "https://api.example.com", credentials: {secret: {env: CANARY_SECRET}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data}
spec: {endpointType: S3, resources: [{type: S3, bucket: logs}]}
"""


@pytest.fixture
def planted(rehearsal: Rehearsal) -> Rehearsal:
    (rehearsal.folder / "manifests.yaml").write_text(MANIFESTS)
    (rehearsal.folder / "secret.txt").write_text(SECRET + "\n")
    rehearsal.variables |= {"CANARY_KEY": KEY, "CANARY_SECRET": SECRET}
    return rehearsal


def everything(folder: Path, *results: Any) -> str:
    """All that was printed, and all that lies in the folder, but for the file that the secret is kept in."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("secret.txt", "users.json")]
    contents = [path.read_bytes().decode("utf-8", "replace") for path in files]
    return "\n".join([*contents, *(f"{result.out}\n{result.err}" for result in results)])


def assert_clean(text: str, *, key: bool = True) -> None:
    secrets = (*PLANTED, *([KEY] if key else []))
    for secret in secrets:
        assert secret not in text
    assert redact(text, secrets) == text, "in another spelling: Base64, hexadecimal, an address, other cases"


def commands(rehearsal: Rehearsal) -> list[Any]:
    run = rehearsal.gatectl
    return [
        run("plan", "-v", "--log-format", "json"),
        run("plan", "--format", "json", "--out", "plan.json"),
        run("show", "plan.json"),
        run("apply", "--plan", "plan.json", "--yes", "-v", "--receipt", "receipt.json"),
        run("apply", "--yes", "--format", "json", "-v"),
        run("plan", "--renew-credentials", "Bucket/logs-aws", "--format", "json"),
        run("apply", "--renew-credentials", "Bucket/logs-aws", "--yes", "-v"),
        run("show", "receipt.json", "--format", "json"),
        run("show", "receipt.json", "--format", "markdown"),
        *(run("plan", "--format", form) for form in ("markdown", "html", "sarif", "junit", "github", "gitlab")),
        *(run("show", "plan.json", "--format", form) for form in ("json", "markdown", "html")),
        run("snapshot", "--out", "snapshot.json"),
        run("graph", "--live", "--format", "html"),
        run("export"),
    ]


def test_no_secret_reaches_an_output_a_plan_a_receipt_or_the_servers_log_and_database(
    planted: Rehearsal, tmp_path: Path
) -> None:
    with Server(tmp_path / "served") as served:
        planted.aim(served.url, ".")
        results = commands(planted)
        assert [result.code for result in results] == [0] * len(results)
        read_back = str(served.objects("bucket")) + str(served.objects("ai/llm"))
    assert_clean(everything(planted.folder, *results))
    assert_clean(everything(tmp_path / "served"), key=False)  # the key is kept, the secret only as a keyed hash
    assert_clean(read_back, key=False)


@pytest.mark.parametrize(
    "kind", ["server-error", "not-json", "drop-after", "truncate", "refuse", "quota", "expire-token"]
)
def test_no_secret_reaches_an_output_when_everything_fails(planted: Rehearsal, tmp_path: Path, kind: str) -> None:
    rules = [rule | {"route": rule["route"].replace("* ", "POST ")} for rule in everywhere(kind, 1.0, times=3)]
    with Server(tmp_path / "served", {"seed": 1, "rules": rules}) as served:
        planted.aim(served.url, ".")
        results = commands(planted)
    assert_clean(everything(planted.folder, *results))


def test_a_token_that_is_refused_is_not_shown(planted: Rehearsal, tmp_path: Path) -> None:
    with Server(tmp_path / "served") as served:
        planted.aim(served.url, ".")
        planted.variables |= {"GATECTL_TOKEN": TOKEN}
        results = [planted.gatectl("plan", "-v", "--format", form) for form in ("text", "json")]
    assert [result.code for result in results] == [9, 9]
    assert_clean(everything(planted.folder, *results))


def test_a_token_from_the_project_file_is_used_and_a_wrong_password_is_not_shown(
    planted: Rehearsal, tmp_path: Path
) -> None:
    with Server(tmp_path / "served") as served:
        (planted.folder / "token.txt").write_text(SECRET)
        planted.aim(served.url, ".", token={"file": "token.txt"})
        refused = planted.gatectl("plan", "-v")
        (planted.folder / "token.txt").unlink()
        planted.aim(served.url, ".")
        planted.variables |= {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": "canary-wrong"}
        wrong = planted.gatectl("plan", "-v")
    assert (refused.code, wrong.code) == (9, 9)
    assert_clean(everything(planted.folder, refused, wrong))
    assert "canary-wrong" not in wrong.out + wrong.err


def test_a_password_in_the_address_is_refused_and_not_shown(planted: Rehearsal) -> None:
    refused = planted.gatectl("plan", "--platform", f"https://user:{SECRET}@platform.example.com", "-v")
    assert refused.code == 64
    assert SECRET not in refused.out + refused.err
