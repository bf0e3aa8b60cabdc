"""One suite for every way to reach a platform: what apply relies on holds in process and over HTTP alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conformance.conftest import Back
from gatectl import reconcile
from gatectl.applying import execute as executor
from gatectl.applying.leasing import Access
from gatectl.errors import PlatformRefused, PreconditionFailed
from gatectl.manifests import loading
from gatectl.platforms import driver_for
from gatectl.project import Environment, bare_project
from gatectl.records import open_records, read_records
from owning import head_of
from sites import assert_empty


def refusal(write: Any) -> tuple[str, int]:
    """The platform's code for a write that it refuses, and the status that goes with it."""
    with pytest.raises(PlatformRefused) as caught:
        write()
    return caught.value.platform_code, caught.value.status


def test_what_is_created_is_listed_in_its_workspace_and_nowhere_else(back: Back) -> None:
    bucket = back.bucket("logs")
    repository = back.repository("data", bucket)
    llm = back.create("ai/llm", name="gpt", aiType="OPENAI", endpoint="https://api.example.com", secret="hush")
    key = back.create("apikeys", key="AK", secret="hush", provider="AWS", description="shared")
    other = back.writer.create("workspace", {"name": f"{back.workspace}-other"})
    for collection, object_id in (("bucket", bucket), ("repo", repository), ("ai/llm", llm), ("apikeys", key)):
        assert object_id in back.list(collection)
        assert object_id not in {item["id"] for item in back.reader.list(collection, other)}
    assert {item["id"] for item in back.reader.list("workspace")} >= {back.workspace_id, other}


def test_a_repository_reads_back_as_it_was_written(back: Back) -> None:
    bucket = back.bucket("logs")
    llm = back.create("ai/llm", name="gpt", aiType="OPENAI", secret="hush")
    attached = [{"bucketId": bucket, "folder": "/raw/", "master": False}]
    repository = back.repository("data", repoBuckets=attached, repoAiLlms=[{"aiLlmId": llm}], storageType="OPENAI")
    read = back.list("repo")[repository]
    assert (read["name"], read["storageType"], read["mode"]) == ("data", "OPENAI", "NORMAL")
    assert [(b["bucketId"], b["folder"], b["master"]) for b in read["buckets"]] == [(bucket, "/raw/", False)]
    assert [item["aiLlmId"] for item in read["aiLlms"]] == [llm]
    assert read["buckets"][0]["bucket"]["name"] == "logs"


def test_secrets_do_not_come_back(back: Back) -> None:
    back.bucket("logs", secret="canary-one")
    back.create("ai/llm", name="gpt", aiType="OPENAI", key="canary-two", secret="canary-three")
    back.create("apikeys", key="AK", secret="canary-four", provider="AWS")
    assert "canary" not in str([back.list(collection) for collection in ("bucket", "ai/llm", "apikeys")])


def test_refusals_carry_the_platforms_codes(back: Back) -> None:
    one, two = back.bucket("one"), back.bucket("two")
    back.repository("data", one)
    assert refusal(lambda: back.repository("data"))[0] == "NAME_ALREADY_USED"
    assert refusal(lambda: back.repository("more", one))[0] == "NORMAL_UNIT_FOLDER_ALREADY_USED"
    assert refusal(lambda: back.repository("mirror", two, mode="MIRROR"))[0] == "MIRROR_MASTER_UNIT_COUNT_INVALID"
    master = [{"bucketId": one, "folder": "", "master": True}]
    assert refusal(lambda: back.repository("mirror", repoBuckets=master, mode="MIRROR"))[0] == (
        "MIRROR_UNIT_ALREADY_IN_OTHER_REPO"
    )
    assert refusal(lambda: back.repository("lost", "no-such-bucket")) == ("NOT_FOUND", 404)


def test_what_is_in_use_cannot_be_deleted(back: Back) -> None:
    bucket = back.bucket("logs")
    repository = back.repository("data", bucket)
    assert refusal(lambda: back.writer.delete("bucket", bucket))[1] == 403
    back.writer.delete("repo", repository)
    back.writer.delete("bucket", bucket)
    assert back.list("bucket") == {}
    assert back.repository("data")  # a deleted name is free again


def test_an_update_with_an_old_etag_changes_nothing(back: Back) -> None:
    repository = back.repository("data", back.bucket("logs"))
    old = back.list("repo")[repository]
    body = {"name": "data", "storageType": "S3", "mode": "NORMAL", "workspaceId": back.workspace_id, "repoAiLlms": []}
    back.writer.update("repo", repository, body | {"repoBuckets": []}, old["etag"])
    with pytest.raises(PreconditionFailed):
        back.writer.update("repo", repository, body | {"name": "renamed", "repoBuckets": []}, old["etag"])
    with pytest.raises(PreconditionFailed):
        back.writer.delete("repo", repository, old["etag"])
    assert (back.list("repo")[repository]["name"], back.list("repo")[repository]["buckets"]) == ("data", [])


def test_of_many_who_take_a_name_at_once_one_gets_it(back: Back) -> None:
    def attempt(number: int) -> str:
        writer = driver_for(back.connection.target).open_writer(back.connection)
        body = {"name": "wanted", "storageType": "S3", "mode": "NORMAL", "workspaceId": back.workspace_id}
        try:
            writer.create("repo", body)
        except PlatformRefused as error:
            return error.platform_code
        finally:
            writer.close()
        return "created"

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(attempt, range(16)))
    assert answers == ["NAME_ALREADY_USED"] * 15 + ["created"]


MANIFESTS = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: logs-aws, workspace: {space}}}
spec: {{type: S3, bucket: logs, region: {region}, credentials: {{key: {{env: K}}, secret: {{env: K}}}}}}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: audit, workspace: {space}}}
spec: {{type: AzureBlob, account: auditstore, container: audit, credentials: {{secret: {{env: K}}}}}}
---
apiVersion: gatectl.io/v1
kind: LLM
metadata: {{name: gpt, workspace: {space}}}
spec: {{provider: OpenAI, endpoint: "https://api.example.com/v1", credentials: {{secret: {{env: K}}}}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: data, workspace: {space}}}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources:
    - {{type: S3, bucket: logs, folder: raw}}
{more}---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: assistant, workspace: {space}}}
spec: {{endpointType: OpenAI, resources: [{{type: LLM, name: gpt}}]}}
"""


def reconciled(back: Back, folder: Any, **values: str) -> list[str]:
    """Plan and apply the manifests; the actions. What follows a successful apply must be an empty plan."""
    (folder / "all.yaml").write_text(MANIFESTS.format(space=back.workspace, **values))
    project, environment = bare_project(folder), Environment("default", back.connection.target, openai="OPENAI")
    request = reconcile.Request(project, environment, (str(folder / "all.yaml"),))

    def plan() -> Any:
        loaded = loading.load(project, request.paths, None)
        records = read_records(back.connection, back.reader)
        return reconcile.make_plan(request, loaded, reconcile.ask_git(request), back.reader, records)

    first = plan()
    assert first["diagnostics"] == []
    hush = {op["id"]: {"key": "k", "secret": "s"} for op in first["operations"]}
    driver = driver_for(back.connection.target)

    def access() -> Access:
        writer = driver.open_writer(back.connection)
        return Access(writer, open_records(back.connection, writer, back.reader))

    run = executor.Run(
        back.reader, access, hush, head_of(project.name), 4, lambda: False, lambda outcome: None,
        reconcile.guard(request, back.reader),
    )  # fmt: skip
    outcomes, converged = executor.apply_plan(first, run)
    assert converged, outcomes
    assert_empty(plan())
    return [f"{op['action']} {op['id'].replace(back.workspace, '')}" for op in first["operations"]]


def test_manifests_are_applied_changed_and_applied_again(back: Back, tmp_path: Any) -> None:
    azure = "    - {type: AzureBlob, account: auditstore, container: audit}\n"
    if back.connection.target == "embedded":
        tmp_path = back.connection.folder
    assert reconciled(back, tmp_path, region="eu-west-1", more=azure) == [
        "create bucket//audit", "create bucket//logs-aws", "create llm//gpt",
        "create repository//assistant", "create repository//data",
    ]  # fmt: skip
    assert reconciled(back, tmp_path, region="eu-west-1", more=azure) == []
    assert reconciled(back, tmp_path, region="eu-central-1", more="") == [
        "update bucket//logs-aws", "update repository//data"
    ]  # fmt: skip
    assert reconciled(back, tmp_path, region="eu-central-1", more=azure) == ["update repository//data"]
