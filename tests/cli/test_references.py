"""What references to secrets may name: offline as GW601, and again where a saved plan is applied."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gatectl import errors
from gatectl.documents import plans

CANARY = "canary-of-a-secret"
BUCKET = """apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: raw}}
spec:
  type: S3
  bucket: raw-events
  credentials: {{key: {{env: KEY}}, secret: {{{}: {}}}}}
"""
NEVER = [
    "GATECTL_TOKEN", "GATECTL_PASSWORD", "GATECTL_PROD_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN",
    "GITHUB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_JOB_JWT_V2", "PGPASSWORD", "ACME_TOKEN",
    "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD", "CI_REPOSITORY_URL", "SYSTEM_ACCESSTOKEN",
    "CIRCLE_OIDC_TOKEN_V2", "PGSSLPASSWORD",
]  # fmt: skip


def project(**token: str) -> str:
    environments = {"default": {"platform": "embedded"}}
    other: dict[str, Any] = {"platform": "https://backend.flashback.tech", "token": token or {"env": "ACME_TOKEN"}}
    spec = {"manifests": ["manifests"], "environments": {**environments, "prod": other}}
    return json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"}, "spec": spec})


@pytest.fixture
def site(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project, and beside it a folder with a secret; every variable that is never named holds a canary."""
    shell.write("gatectl.yaml", project())
    folder = shell.folder.parent / "secrets"
    folder.mkdir()
    (folder / "one").write_text(CANARY)
    for name in NEVER:
        if not name.startswith("GATECTL_"):
            monkeypatch.setenv(name, CANARY)
    return shell


def findings(site: Any, kind: str, value: str) -> list[tuple[str, str]]:
    site.write("manifests/raw.yaml", BUCKET.format(kind, value))
    result = site("validate", "--format", "json")
    assert CANARY not in result.out + result.err
    return [(f["rule"], f["path"]) for f in result.json["findings"]]


@pytest.mark.parametrize("name", NEVER)
def test_no_manifest_names_what_a_run_signs_in_with(site: Any, name: str) -> None:
    assert findings(site, "env", name) == [("GW601", "/spec/credentials/secret/env")]
    assert site("plan").code == errors.INVALID
    assert site("apply", "--yes").code == errors.INVALID


@pytest.mark.parametrize(
    "name", ["SECRET", "MY_GATECTL_TOKEN", "GITHUB_TOKEN_OF_ACME", "AWS_SECRET_ACCESS_KEY", "gatectl_token"]
)
def test_other_variables_are_a_manifests_to_name(site: Any, name: str) -> None:
    assert findings(site, "env", name) == []


@pytest.mark.parametrize(
    "name",
    [
        "../../secrets/one",
        "link",
        ".folder/one",
        "/etc/hostname",
        "/proc/self/environ",
        "../.git/config",
        "../.gatectl/platform.db",
        "../token",
    ],
)
def test_a_file_lies_in_the_project_or_where_the_operator_said(
    site: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (site.folder / "manifests").mkdir()
    site.write("gatectl.yaml", project(file="token"))
    (site.folder / "manifests" / "link").symlink_to(site.folder.parent / "secrets" / "one")
    (site.folder / "manifests" / ".folder").symlink_to(site.folder.parent / "secrets")
    assert findings(site, "file", name) == [("GW601", "/spec/credentials/secret/file")]
    monkeypatch.setenv("GATECTL_SECRET_PATHS", f"{site.folder}/nowhere{os.pathsep}{site.folder.parent}/secrets")
    assert findings(site, "file", name) == (
        [] if "one" in name or name == "link" else [("GW601", "/spec/credentials/secret/file")]
    )


def test_a_file_of_the_project_is_named_freely(site: Any) -> None:
    for name in ("../.secrets/one", "one", "a/b", "../../project/one"):
        assert findings(site, "file", name) == []


@pytest.mark.parametrize(
    ("token", "refused"),
    [({"env": "GITHUB_TOKEN"}, True), ({"env": "ACTIONS_RUNTIME_TOKEN"}, True), ({"env": "CI_JOB_TOKEN"}, True),
     ({"env": "GATECTL_PASSWORD"}, True), ({"file": "../secrets/one"}, True), ({"file": ".git/config"}, True),
     ({"env": "GATECTL_TOKEN"}, False), ({"env": "GATECTL_TOKEN_PROD"}, False), ({"env": "GATECTL_PROD_TOKEN"}, False),
     ({"env": "FLASHBACK_TOKEN"}, False), ({"file": "token"}, False)],
)  # fmt: skip
def test_a_token_is_one_of_the_platform(site: Any, token: dict[str, str], refused: bool) -> None:
    site.good()
    site.write("gatectl.yaml", project(**token))
    result = site("validate", "--format", "json")
    (kind,) = token
    wanted = [("GW601", f"/spec/environments/prod/token/{kind}")] if refused else []
    assert [(f["rule"], f["path"]) for f in result.json["findings"]] == wanted


@pytest.mark.parametrize(
    "reference", [{"env": "GITHUB_TOKEN"}, {"env": "ACME_TOKEN"}, {"file": "../secrets/one"}, {"file": ".git/config"}]
)
def test_a_saved_plan_names_no_more_than_a_manifest_may(site: Any, reference: dict[str, str]) -> None:
    site.write("manifests/raw.yaml", BUCKET.format("env", "SECRET"))
    site.write(".git/config", CANARY)
    assert site("plan", "--out", "plan.json").code == errors.DONE
    path: Path = site.folder / "plan.json"
    plan = json.loads(path.read_text().replace(json.dumps({"env": "SECRET"}), json.dumps(reference)))
    text = json.dumps(plan)
    for old in ('{"env": "SECRET"}',):
        text = text.replace(old, json.dumps(reference))
    plan = json.loads(text)
    plan["fingerprint"], plan["digest"] = plans.fingerprint(plan), ""
    plan["digest"] = plans.digest(plan)
    path.write_text(json.dumps(plan))
    result = site("apply", "--yes", "--plan", "plan.json")
    assert result.code == errors.FAILED
    assert "GW601" in result.err
    assert CANARY not in result.out + result.err
    assert site("export").out.count("kind: Bucket") == 0
