"""The endpoints of buckets (platform-contract.md, section 3.4). There is no GET of one bucket."""

from __future__ import annotations

from typing import Final

from gatectl.platforms.embedded.fields import optional_text
from gatectl.server.endpoint import Answer, Call, Endpoint, Parameter

WORKSPACE: Final = Parameter("workspaceId", "Only what is in this workspace.")
WALLET: Final = Parameter("walletAddress", "Ignored: there are no wallets here.")


def _list(call: Call) -> Answer:
    return Answer({"success": True, "buckets": call.platform.list("bucket", call.query.get("workspaceId"))})


def _available(call: Call) -> Answer:
    return Answer(call.platform.available_buckets(call.query.get("workspaceId")))


def _create(call: Call) -> Answer:
    made = call.create("bucket")
    return Answer({"success": True, "bucketId": made.id}, etag=made.etag)


def _update(call: Call) -> Answer:
    bucket_id = call.path["bucketId"]
    tag = call.platform.update("bucket", bucket_id, call.body, call.if_match)
    return Answer({"success": True, "bucketId": bucket_id, "status": "ONLINE", "latency_ms": 0}, etag=tag)


def _delete(call: Call) -> Answer:
    call.platform.delete("bucket", call.path["bucketId"], call.if_match)
    return Answer({"success": True})


def _validate(call: Call) -> Answer:
    for name in ("key", "secret", "endpoint", "bucket", "apiKeyUuid"):
        optional_text(call.body, name)
    call.platform.check_bucket(call.path["bucketId"])
    return Answer({"success": True, "message": "no storage was asked", "latency_ms": 0, "status": "ONLINE"})


def _status(call: Call) -> Answer:
    call.platform.check_bucket(call.path["bucketId"])
    return Answer({"bucketId": call.path["bucketId"], "nodeStatus": []})


ENDPOINTS: Final = (
    Endpoint("GET", "/bucket", _list, "All buckets.", "Buckets", query=(WORKSPACE, WALLET)),
    Endpoint(
        "POST", "/bucket", _create, "Register a bucket. No storage is asked for it.", "BucketCreated",
        body="BucketWrite", refusals=(404,), etag=True, once=True,
    ),
    Endpoint(
        "GET", "/bucket/available", _available,
        "The buckets that no MIRROR repository uses, as a bare list.", "AvailableBuckets",
        query=(WORKSPACE,), refusals=(404,),
    ),
    Endpoint(
        "PUT", "/bucket/{bucketId}", _update, "Change the fields given.", "BucketUpdated",
        body="BucketUpdate", refusals=(404,), conditional=True, etag=True,
    ),
    Endpoint(
        "DELETE", "/bucket/{bucketId}", _delete,
        "Delete a bucket (softly). Refused (403) while a repository uses it.", "Done",
        refusals=(404,), conditional=True,
    ),
    Endpoint(
        "POST", "/bucket/{bucketId}/validate", _validate, "Check a bucket. No storage is asked for it.",
        "BucketValidated", body="BucketCheck", body_required=False, refusals=(404,),
    ),
    Endpoint(
        "GET", "/bucket/{bucketId}/status", _status, "What the bridge nodes say of a bucket: there are none here.",
        "BucketStatus", refusals=(404,),
    ),
)  # fmt: skip
