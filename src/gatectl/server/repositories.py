"""The endpoints of repositories (platform-contract.md, section 3.3), and our offer on top of it: ETag and If-Match.

Law: `repoBuckets` is written and `buckets` read, and the legacy unit names are taken and offered beside them (section
1.3). There is no GET /repo/{id}; `GET /repo?repoId=…` gives a list with one element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.platforms.embedded.fields import objects, optional_text
from gatectl.platforms.interface import Wire
from gatectl.server.buckets import WALLET, WORKSPACE
from gatectl.server.endpoint import Answer, Call, Endpoint, Parameter


def _list(call: Call) -> Answer:
    workspace_id, repository_id = call.query.get("workspaceId"), call.query.get("repoId")
    if repository_id is None:
        found = call.platform.list("repo", workspace_id)
        return Answer({"success": True, "repos": [_read_shape(one) for one in found]})
    repository = call.platform.repository(repository_id)
    if repository is None or workspace_id not in (None, repository["workspaceId"]):
        return Answer({"success": True, "repos": []})
    return Answer({"success": True, "repos": [_read_shape(repository)]}, etag=repository["etag"])


def _create(call: Call) -> Answer:
    made = call.create("repo", _write_shape(call.body))
    return Answer({"success": True, "repoId": made.id}, etag=made.etag)


def _update(call: Call) -> Answer:
    repository_id = call.path["repoId"]
    tag = call.platform.update("repo", repository_id, _write_shape(call.body), call.if_match)
    return Answer({"success": True, "repoId": repository_id}, etag=tag)


def _delete(call: Call) -> Answer:
    call.platform.delete("repo", call.path["repoId"], call.if_match)
    return Answer({"success": True})


def _validate_any(call: Call) -> Answer:
    return _validated(call, optional_text(call.body, "repoId") or "")


def _validate_one(call: Call) -> Answer:
    return _validated(call, call.path["repoId"])


def _validated(call: Call, repository_id: str) -> Answer:
    call.platform.check_repository(repository_id, _write_shape(call.body))
    return Answer({"success": True, "error_code": "SUCCESS"})


def _read_shape(repository: Wire) -> dict[str, Any]:
    units = [
        {"unitId": item["bucketId"], "folder": item["folder"], "master": item["master"]}
        for item in repository["buckets"]
    ]
    return {**repository, "units": units}


def _write_shape(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body with bucket names, whatever names it came with."""
    name = "repoUnits" if body.get("repoBuckets") is None and "repoUnits" in body else "repoBuckets"
    items = objects(body, name)
    if items is None:
        return body
    return {**body, "repoBuckets": [_attachment(item) for item in items]}


def _attachment(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item if "bucketId" in item or "unitId" not in item else {**item, "bucketId": item["unitId"]}


ENDPOINTS: Final = (
    Endpoint(
        "GET", "/repo", _list,
        "All repositories, whole. With `repoId`, a list with the one (and its ETag), or an empty list.",
        "Repositories", query=(WORKSPACE, Parameter("repoId", "Only this repository."), WALLET), etag=True,
    ),
    Endpoint(
        "POST", "/repo", _create, "Create a repository with its attachments.", "RepositoryWritten", "repo",
        body="RepositoryWrite", refusals=(404,), etag=True, once=True,
    ),
    Endpoint(
        "POST", "/repo/validate", _validate_any,
        "Whether a repository could have this mode and these buckets; an id that none has stands for a new one.",
        "RepositoryValidated", "repo", body="RepositoryCheck", refusals=(404,),
    ),
    Endpoint(
        "PUT", "/repo/{repoId}", _update,
        "Replace a repository whole. A list that is left out stays as it is.", "RepositoryWritten", "repo",
        body="RepositoryReplace", refusals=(404,), conditional=True, etag=True,
    ),
    Endpoint(
        "DELETE", "/repo/{repoId}", _delete, "Delete a repository (softly); its keys die.", "Done", "repo-delete",
        refusals=(404,), conditional=True,
    ),
    Endpoint(
        "POST", "/repo/{repoId}/validate", _validate_one,
        "Whether a repository could have this mode and these buckets.", "RepositoryValidated", "repo",
        body="RepositoryCheck", refusals=(404,),
    ),
)  # fmt: skip
