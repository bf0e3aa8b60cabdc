"""The JSON Schemas of what is written and read (platform-contract.md, section 1), for the description.

Law: data. What a field means is said once, here; a test holds the server's answers against these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.platforms.embedded import buckets, llms, repositories, repository_keys
from gatectl.platforms.embedded.fields import LONGEST_FOLDER, LONGEST_NAME

Shape = Mapping[str, Any]


def _object(
    required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None, *, closed: bool = True
) -> Shape:
    shape: dict[str, Any] = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        shape["required"] = list(required)
    return {**shape, "additionalProperties": False} if closed else shape


def _written(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """What is written may hold more; it is ignored."""
    return _object(required, optional, closed=False)


def _list(item: Shape) -> Shape:
    return {"type": "array", "items": item}


def _one_of(words: Any) -> Shape:
    return {"type": "string", "enum": list(words)}


def _ref(name: str) -> Shape:
    return {"$ref": f"#/components/schemas/{name}"}


def _nullable(shape: Shape) -> Shape:
    return {**shape, "type": [shape["type"], "null"]}


_ANY: Final[Shape] = {}
_STRING: Final[Shape] = {"type": "string"}
_TEXT: Final[Shape] = {"type": "string", "minLength": 1}
_NAME: Final[Shape] = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
_OPTIONAL: Final[Shape] = {"type": ["string", "null"]}
_SECRET: Final[Shape] = {"type": ["string", "null"], "writeOnly": True, "description": "Never read back."}
_BOOL: Final[Shape] = {"type": "boolean"}
_INT: Final[Shape] = {"type": "integer"}
_TRUE: Final[Shape] = {"const": True}
_FALSE: Final[Shape] = {"const": False}
_MOMENT: Final[Shape] = {"type": "string", "format": "date-time"}
_URL: Final[Shape] = {
    "type": ["string", "null"],
    "format": "uri",
    "pattern": "^https?://[A-Za-z0-9.-]+(:[0-9]{1,4})?(/[!-~]*)?$|^$",
}
_ETAG: Final[Shape] = {"type": "string", "description": "gatectl's own offer: what If-Match takes."}
_AI_TYPE: Final = _one_of(llms.AI_TYPES)
_ACCESS: Final = _one_of(repository_keys.ACCESS_TYPES)
_MODE: Final[Shape] = _one_of(repositories.MODES)
_BUCKET_TYPE: Final = {**_one_of(buckets.STORAGE_TYPES), "description": "AZURE is read back as BLOB."}
_ENDPOINT_TYPE: Final = {**_one_of(repositories.STORAGE_TYPES), "description": "AZURE is read back as BLOB."}

_BUCKET_FIELDS: Final[Mapping[str, Shape]] = {
    "name": _NAME,
    "bucket": {**_TEXT, "description": "The remote bucket, or the container."},
    "storageType": _BUCKET_TYPE,
}
_BUCKET_OPTIONAL: Final[Mapping[str, Shape]] = {
    "key": {**_OPTIONAL, "description": "The access key's id, or the Azure account."},
    "secret": _SECRET,
    "apiKeyUuid": {**_OPTIONAL, "description": "A provider API key, instead of a secret; read back as apiKeyId."},
    "endpoint": _OPTIONAL,
    "region": _OPTIONAL,
}
_LLM_FIELDS: Final[Mapping[str, Shape]] = {"name": _NAME, "aiType": _AI_TYPE}
_LLM_OPTIONAL: Final[Mapping[str, Shape]] = {
    "endpoint": _URL,
    "key": _OPTIONAL,
    "secret": _SECRET,
    "apiKeyUuid": _OPTIONAL,
}
_KEY_FIELDS: Final[Mapping[str, Shape]] = {"key": _TEXT, "secret": {**_TEXT, "writeOnly": True}, "provider": _TEXT}
_KEY_OPTIONAL: Final[Mapping[str, Shape]] = dict.fromkeys(
    ("endpoint", "region", "tenantId", "subscriptionId", "description"), _OPTIONAL
)
_ATTACHMENT: Final[Mapping[str, Shape]] = {
    "folder": {"type": ["string", "null"], "maxLength": LONGEST_FOLDER, "description": "Left out: as it is, or empty."},
    "master": {"type": ["boolean", "null"], "description": "Left out: as it is, or false."},
}
_LISTS: Final[Mapping[str, Shape]] = {
    "repoBuckets": _nullable(_list(_ref("AttachmentWrite"))),
    "repoAiLlms": _nullable(_list(_ref("LlmAttachmentWrite"))),
    "repoUnits": {
        **_nullable(_list(_ref("UnitWrite"))),
        "deprecated": True,
        "description": "repoBuckets, as it was called.",
    },
}

_USES: Final = {"id": _STRING, "name": _STRING, "createdAt": _MOMENT}
_READ_BUCKET: Final = {
    "id": _STRING,
    "name": _STRING,
    "bucket": _STRING,
    "storageType": _STRING,
    "workspaceId": _STRING,
    "status": _STRING,
    "createdAt": _MOMENT,
}
_READ_BUCKET_OPTIONAL: Final = dict.fromkeys(("key", "endpoint", "region", "apiKeyId"), _STRING)
_READ_LLM: Final = {
    "id": _STRING,
    "name": _STRING,
    "aiType": _AI_TYPE,
    "endpoint": {**_STRING, "description": "Empty where none was given."},
    "key": {"type": "null"},
    "workspaceId": _STRING,
    "orgId": _STRING,
    "userId": {**_STRING, "description": "Empty: who made it is not kept."},
    "createdAt": _MOMENT,
}
_READ_LLM_OPTIONAL: Final = {"apiKeyId": _STRING}
_READ_KEY: Final = {"id": _STRING, "name": _STRING, "createdAt": _MOMENT}
_USER: Final = {"id": _STRING, "email": _STRING, "name": _STRING, "orgId": _STRING, "orgRole": _INT}
_TOKENS: Final = {
    "success": _TRUE,
    "accessToken": {**_STRING, "description": "A JWT with iat and exp."},
    "refreshToken": _STRING,
    "tokenId": _STRING,
    "expiresAt": {**_INT, "description": "Milliseconds since 1970."},
}

WRITTEN: Final[Mapping[str, Shape]] = {
    "Login": _written({"email": _TEXT, "password": _TEXT}, {"deviceInfo": _ANY}),
    "RefreshToken": {
        **_written({}, {"refresh_token": _TEXT, "refreshToken": _TEXT}),
        "anyOf": [{"required": ["refresh_token"]}, {"required": ["refreshToken"]}],
    },
    "WorkspaceWrite": _written({"name": _NAME}),
    "WorkspaceUpdate": _written({}, {"name": _NAME}),
    "BucketWrite": _written({**_BUCKET_FIELDS, "workspaceId": _TEXT}, {**_BUCKET_OPTIONAL, "walletAddress": _OPTIONAL}),
    "BucketUpdate": _written({}, {**_BUCKET_FIELDS, **_BUCKET_OPTIONAL, "workspaceId": _OPTIONAL}),
    "BucketCheck": _written({}, {**_BUCKET_OPTIONAL, "bucket": _OPTIONAL}),
    "AttachmentWrite": _written({"bucketId": _TEXT}, _ATTACHMENT),
    "UnitWrite": _written({"unitId": _TEXT}, _ATTACHMENT),
    "LlmAttachmentWrite": _written({"aiLlmId": _TEXT}),
    "RepositoryWrite": _written(
        {"name": _NAME, "storageType": _ENDPOINT_TYPE, "mode": _MODE, "workspaceId": _TEXT},
        {**_LISTS, "walletAddress": _OPTIONAL},
    ),
    "RepositoryReplace": _written(
        {"name": _NAME, "storageType": _ENDPOINT_TYPE, "mode": _MODE},
        {**_LISTS, "workspaceId": _OPTIONAL, "walletAddress": _OPTIONAL},
    ),
    "RepositoryCheck": _written(
        {"mode": _MODE},
        {"repoId": _OPTIONAL, "repoBuckets": _LISTS["repoBuckets"], "repoUnits": _LISTS["repoUnits"]},
    ),
    "StorageKeyWrite": _written({"name": _NAME, "accessType": _ACCESS}, {"repoId": _ANY}),
    "AiKeyWrite": _written({"name": _NAME, "aiType": _AI_TYPE}, {"repoId": _ANY}),
    "AiKeyUpdate": _written({}, {"name": _NAME}),
    "LlmWrite": _written({**_LLM_FIELDS, "workspaceId": _TEXT}, _LLM_OPTIONAL),
    "LlmUpdate": _written({}, {**_LLM_FIELDS, **_LLM_OPTIONAL, "workspaceId": _OPTIONAL}),
    "ProviderKeyWrite": _written({**_KEY_FIELDS, "workspaceId": _TEXT}, _KEY_OPTIONAL),
    "ProviderKeyUpdate": _written({}, {**_KEY_FIELDS, **_KEY_OPTIONAL}),
    "Anything": _written({}),
}

READ: Final[Mapping[str, Shape]] = {
    "User": _object(_USER),
    "Workspace": _object(
        {
            "id": _STRING,
            "name": _STRING,
            "orgId": _STRING,
            "users": _list({"type": "object"}),
            "default": _BOOL,
            "etag": _ETAG,
        }
    ),
    "AttachedBucket": _object(_READ_BUCKET, _READ_BUCKET_OPTIONAL),
    "Bucket": _object(
        {**_READ_BUCKET, "repos": _list(_object({**_USES, "storageType": _STRING})), "etag": _ETAG},
        _READ_BUCKET_OPTIONAL,
    ),
    "AttachedLlm": _object(_READ_LLM, _READ_LLM_OPTIONAL),
    "Llm": _object({**_READ_LLM, "repos": _list(_object(_USES)), "etag": _ETAG}, _READ_LLM_OPTIONAL),
    "StorageKey": _object({**_READ_KEY, "key": _STRING, "accessType": _ACCESS}),
    "AiKey": _object(
        {**_READ_KEY, "key": _OPTIONAL, "aiType": _AI_TYPE, "repoId": _STRING, "deletedAt": {"type": "null"}}
    ),
    "Attachment": _object({"bucketId": _STRING, "folder": _STRING, "master": _BOOL, "bucket": _ref("AttachedBucket")}),
    "LlmAttachment": _object({"aiLlmId": _STRING, "aiLlm": _ref("AttachedLlm")}),
    "Repository": _object(
        {
            "id": _STRING,
            "name": _STRING,
            "storageType": _STRING,
            "mode": _STRING,
            "workspaceId": _STRING,
            "buckets": _list(_ref("Attachment")),
            "units": {
                **_list(_object({"unitId": _STRING, "folder": _STRING, "master": _BOOL})),
                "deprecated": True,
                "description": "buckets, as it was called.",
            },
            "aiLlms": _list(_ref("LlmAttachment")),
            "apiKeys": _list(_ref("StorageKey")),
            "aiApiKeys": _list(_ref("AiKey")),
            "createdAt": _MOMENT,
            "disabled": _BOOL,
            "etag": _ETAG,
        }
    ),
    "ProviderKey": _object(
        {
            "id": _STRING,
            "key": _STRING,
            "provider": _STRING,
            "createdAt": _MOMENT,
            "bucket_count": _INT,
            "aillm_count": _INT,
            "etag": _ETAG,
        },
        dict.fromkeys(_KEY_OPTIONAL, _STRING),
    ),
}

ANSWERS: Final[Mapping[str, Shape]] = {
    "Done": _object({"success": _TRUE}),
    "DoneMessage": _object({"success": _TRUE, "message": _STRING}),
    "Session": _object(_TOKENS, {"token": _STRING, "user": _ref("User")}),
    "Profile": _object(
        {
            "success": _TRUE,
            "data": _object(
                {
                    **_USER,
                    "lastName": _STRING,
                    "orgRoleDescription": _STRING,
                    "orgRoles": _list(_INT),
                    "isBusiness": _BOOL,
                    "validated": _BOOL,
                    "mfaRequired": _BOOL,
                }
            ),
        },
    ),
    "Organization": _object(
        {
            "success": _TRUE,
            "data": _object(
                {
                    "id": _STRING,
                    "name": _STRING,
                    "domain": _STRING,
                    "reposDisabled": {
                        **_BOOL,
                        "description": "Whether no repository of the organization serves anybody.",
                    },
                    "is_business": _BOOL,
                    "mfaEnforced": _BOOL,
                }
            ),
        }
    ),
    "Tokens": _object({"success": _TRUE, "tokens": _list(_object({"id": _STRING, "createdAt": _MOMENT}))}),
    "Workspaces": _object({"success": _TRUE, "workspaces": _list(_ref("Workspace"))}),
    "OneWorkspace": _object({"success": _TRUE, "workspace": _ref("Workspace")}),
    "Buckets": _object({"success": _TRUE, "buckets": _list(_ref("Bucket"))}),
    "AvailableBuckets": _list(_ref("Bucket")),
    "BucketCreated": _object({"success": _TRUE, "bucketId": _STRING}),
    "BucketUpdated": _object({"success": _TRUE, "bucketId": _STRING, "status": _STRING, "latency_ms": _INT}),
    "BucketValidated": _object({"success": _BOOL, "message": _STRING, "latency_ms": _INT, "status": _STRING}),
    "BucketStatus": _object({"bucketId": _STRING, "nodeStatus": _list({"type": "object"})}),
    "Repositories": _object({"success": _TRUE, "repos": _list(_ref("Repository"))}),
    "RepositoryWritten": _object({"success": _TRUE, "repoId": _STRING}),
    "RepositoryValidated": _object({"success": _TRUE, "error_code": {"const": "SUCCESS"}}),
    "StorageKeys": _object({"success": _TRUE, "keys": _list(_ref("StorageKey"))}),
    "AiKeys": _object({"success": _TRUE, "apiKeys": _list(_ref("AiKey"))}),
    "KeyCreated": _object({"success": _TRUE, "id": _STRING, "key": _STRING, "secret": _STRING}),
    "Llms": _object({"success": _TRUE, "aiLlms": _list(_ref("Llm"))}),
    "LlmWritten": _object({"success": _TRUE, "aiLlmId": _STRING, "message": _STRING}),
    "LlmValidated": _object({"success": _BOOL, "message": _STRING}),
    "ProviderKeys": _object({"success": _TRUE, "apiKeys": _list(_ref("ProviderKey"))}),
    "Fences": _object(
        {"success": _TRUE, "fences": _list(_object({"workspaceId": _STRING, "store": _STRING, "fence": _INT}))}
    ),
    "ProviderKeyCreated": _object({"success": _TRUE, "message": _STRING, "apiKeyId": _STRING}),
}

REFUSALS: Final[Mapping[str, Shape]] = {
    "general": _object({"success": _FALSE, "message": _STRING}, {"error_code": _STRING}),
    "auth": _object({"success": _FALSE, "error_code": _STRING, "message": _STRING}),
    "organization": _object({"success": _FALSE, "data": {"type": "null"}, "message": _STRING}, {"error_code": _STRING}),
    "repo": _object({"success": _FALSE, "error_code": _STRING, "error_message": _STRING}),
    "repo-delete": _object({"success": _FALSE, "error_code": _STRING, "error_message": _STRING, "message": _STRING}),
}
"""The error body of each family of endpoints (section 4)."""

SHAPES: Final[Mapping[str, Shape]] = {
    **WRITTEN,
    **READ,
    **ANSWERS,
    **{f"Refusal.{family}": shape for family, shape in REFUSALS.items()},
}
