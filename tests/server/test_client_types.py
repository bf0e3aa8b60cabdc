"""What is read has the types of the official client (platform-contract.md, sections 1, 3 and 8.2.4): more fields than those are
nobody's harm, a null or a missing one where a type has none is."""

from __future__ import annotations

from typing import Any

import pytest

TEXT, NUMBER, BOOL, NULL = str, int, bool, type(None)
MAYBE = (TEXT, NULL)

# (required, optional): the type of each field, or of the one object in a list of those.
Shape = tuple[dict[str, Any], dict[str, Any]]
USE: Shape = ({"id": TEXT, "name": TEXT, "storageType": TEXT, "createdAt": TEXT}, {})
BUCKET: Shape = (
    {"id": TEXT, "name": TEXT, "bucket": TEXT, "storageType": TEXT, "workspaceId": TEXT, "createdAt": TEXT},
    {"key": TEXT, "endpoint": TEXT, "region": TEXT, "apiKeyId": TEXT, "projectId": TEXT, "status": TEXT,
     "walletAddress": TEXT, "repos": [USE]},
)  # fmt: skip
LLM: Shape = (
    {"id": TEXT, "name": TEXT, "aiType": TEXT, "endpoint": TEXT, "key": MAYBE, "workspaceId": TEXT, "orgId": TEXT,
     "userId": TEXT, "createdAt": TEXT},
    {"apiKeyId": TEXT, "repos": [({"id": TEXT, "name": TEXT, "createdAt": TEXT}, {})]},
)  # fmt: skip
STORAGE_KEY: Shape = ({"id": TEXT, "name": TEXT, "key": TEXT, "accessType": TEXT, "createdAt": TEXT}, {})
AI_KEY: Shape = (
    {"id": TEXT, "name": TEXT, "repoId": TEXT, "key": MAYBE, "aiType": TEXT, "createdAt": TEXT, "deletedAt": MAYBE},
    {},
)
REPOSITORY: Shape = (
    {"id": TEXT, "name": TEXT, "storageType": TEXT, "mode": TEXT, "workspaceId": TEXT, "createdAt": TEXT,
     "buckets": [({"folder": TEXT, "master": BOOL}, {"bucketId": TEXT, "bucket": BUCKET})]},
    {"aiLlms": [({}, {"aiLlmId": TEXT, "aiLlm": LLM})], "apiKeys": [STORAGE_KEY], "aiApiKeys": [AI_KEY],
     "disabled": BOOL, "walletAddress": TEXT},
)  # fmt: skip
PROVIDER_KEY: Shape = (
    {"id": TEXT, "key": TEXT, "provider": TEXT, "createdAt": TEXT},
    {"endpoint": TEXT, "region": TEXT, "tenantId": TEXT, "subscriptionId": TEXT, "description": TEXT,
     "bucket_count": NUMBER, "aillm_count": NUMBER},
)  # fmt: skip
MEMBER: Shape = ({"userId": TEXT, "role": TEXT}, {})
WORKSPACE: Shape = (
    {"id": TEXT, "name": TEXT, "orgId": TEXT, "users": [MEMBER]},
    {"default": BOOL, "deletedAt": MAYBE},
)
PROFILE: Shape = (
    {"id": TEXT, "email": TEXT, "name": TEXT, "lastName": TEXT, "orgId": MAYBE, "orgRole": (NUMBER, NULL),
     "orgRoleDescription": TEXT, "orgRoles": list, "isBusiness": BOOL, "validated": BOOL, "mfaRequired": BOOL},
    {},
)  # fmt: skip
ORGANIZATION: Shape = (
    {"id": TEXT, "name": TEXT, "domain": TEXT, "reposDisabled": BOOL, "is_business": BOOL, "mfaEnforced": BOOL},
    dict.fromkeys(
        ("address1", "address2", "city", "zipcode", "phone", "state", "country", "website", "deletedAt"), MAYBE
    ),
)
ANSWERS: dict[str, Shape] = {
    "/workspace": ({"workspaces": [WORKSPACE]}, {}),
    "/bucket": ({"buckets": [BUCKET]}, {}),
    "/ai/llm": ({"aiLlms": [LLM]}, {}),
    "/ai/llm/available": ({"aiLlms": [LLM]}, {}),
    "/repo": ({"repos": [REPOSITORY]}, {}),
    "/apikeys": ({"apiKeys": [PROVIDER_KEY]}, {}),
    "/repo/{repo}/apikey": ({"keys": [STORAGE_KEY]}, {}),
    "/repo/{repo}/ai/apikey": ({"apiKeys": [AI_KEY]}, {}),
    "/user/profile": ({"data": PROFILE}, {}),
    "/organization/{organization}": ({"data": ORGANIZATION}, {}),
}


def complaints(value: Any, shape: Any, where: str) -> list[str]:
    """Where a value is not of a shape."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [found for index, item in enumerate(value) for found in complaints(item, shape[0], f"{where}[{index}]")]
    if isinstance(shape, tuple) and isinstance(shape[0], dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        required, optional = shape
        missing = [f"{where}.{name} is missing" for name in required if name not in value]
        known = (required | optional).items()
        return missing + [c for n, s in known if n in value for c in complaints(value[n], s, f"{where}.{n}")]
    return [] if isinstance(value, shape) else [f"{where} is {value!r}"]


def test_a_complaint_is_made_where_a_type_is_not_met() -> None:
    wrong = {"workspaces": [{"id": "1", "name": None, "orgId": "o", "users": {}}]}
    assert complaints(wrong, ANSWERS["/workspace"], "") == [
        ".workspaces[0].name is None", ".workspaces[0].users is no list"
    ]  # fmt: skip
    assert complaints({}, ANSWERS["/workspace"], "") == [".workspaces is missing"]


@pytest.mark.parametrize("full", [False, True])
def test_every_answer_has_the_types_of_the_client(served: Any, full: bool) -> None:
    place = {"workspaceId": served.workspace}
    provider = {"key": "k", "secret": "s", "provider": "AWS"} | place
    words = ("endpoint", "region", "tenantId", "subscriptionId", "description")
    api_key = served.call("POST", "/apikeys", provider | (dict.fromkeys(words, "x") if full else {}))["apiKeyId"]
    more = (
        {"apiKeyUuid": api_key, "secret": None, "endpoint": "https://e.example", "region": "r"}
        if full
        else {"key": None}
    )
    bucket, llm = served.bucket(**more), served.llm(**({} if full else {"endpoint": None}))
    blob = served.repository(storageType="BLOB", repoAiLlms=[{"aiLlmId": llm}], repoBuckets=[{"bucketId": bucket}])
    repository = served.repository({"bucketId": bucket, "folder": "f"})
    for one in (blob, repository):
        served.call("POST", f"/repo/{one}/apikey", {"name": "k", "accessType": "READ"})
        served.call("POST", f"/repo/{one}/ai/apikey", {"name": "k", "aiType": "OTHER"})
    organization = served.call("GET", "/user/profile")["data"]["orgId"]
    for path, shape in ANSWERS.items():
        for one in (blob, repository):
            answer = served.call("GET", path.format(repo=one, organization=organization))
            assert answer["success"] is True
            assert complaints(answer, shape, path) == []
    assert ("region" in served.call("GET", "/bucket")["buckets"][0]) == full


@pytest.mark.parametrize("path", ["/repo/stats", "/bucket/stats", "/ai/llm/stats", "/unit/stats"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_statistics_are_not_offered_and_taken_for_no_id(served_once: Any, path: str, method: str) -> None:
    answer = served_once.call(method, f"{path}?repoId=a,b", {} if method == "PUT" else None, 404)
    assert answer == {"success": False, "message": "there is no such path"}


def test_provider_keys_are_chosen_by_what_their_providers_can_do(served: Any) -> None:
    for provider in ("AWS", "OPENAI", "Somebody"):
        body = {"key": "k", "secret": "s", "provider": provider, "workspaceId": served.workspace}
        served.call("POST", "/apikeys", body)

    def providers(query: str) -> list[str]:
        return [key["provider"] for key in served.call("GET", f"/apikeys?{query}")["apiKeys"]]

    everybody = ["AWS", "OPENAI", "Somebody"]
    for asked in ("", "capability=255", "capability=undefined", "capability=0", "capability=2", "capability=3"):
        assert providers(asked) == everybody, asked
    assert providers("capability=1") == providers("capability=4") == ["AWS", "Somebody"]
    assert providers("capability=1&provider=AWS") == ["AWS"]
    for wrong in ("-1", "256", "storage", "1.5", "9" * 5000):
        assert not served.call("GET", f"/apikeys?capability={wrong}", status=400)["success"]
