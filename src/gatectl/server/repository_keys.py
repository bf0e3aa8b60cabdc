"""The endpoints of repository keys (platform-contract.md, section 3.5).

Law: a secret is in the answer that creates the key, and in no other.
"""

from __future__ import annotations

from typing import Final

from gatectl.platforms.embedded.repository_keys import Family
from gatectl.server.endpoint import Answer, Call, Endpoint


def _list_storage(call: Call) -> Answer:
    return Answer({"success": True, "keys": call.platform.keys(call.path["repoId"], "storage")})


def _list_ai(call: Call) -> Answer:
    return Answer({"success": True, "apiKeys": call.platform.keys(call.path["repoId"], "ai")})


def _create_storage(call: Call) -> Answer:
    return _created(call, "storage")


def _create_ai(call: Call) -> Answer:
    return _created(call, "ai")


def _update_storage(call: Call) -> Answer:
    return _updated(call, "storage")


def _update_ai(call: Call) -> Answer:
    return _updated(call, "ai")


def _delete_storage(call: Call) -> Answer:
    return _deleted(call, "storage")


def _delete_ai(call: Call) -> Answer:
    return _deleted(call, "ai")


def _created(call: Call, family: Family) -> Answer:
    made = call.platform.create_key(call.path["repoId"], family, call.body)
    return Answer({"success": True, "id": made.id, "key": made.key, "secret": made.secret})


def _updated(call: Call, family: Family) -> Answer:
    call.platform.update_key(call.path["repoId"], family, call.path["apikeyId"], call.body)
    return Answer({"success": True, "message": "updated"})


def _deleted(call: Call, family: Family) -> Answer:
    call.platform.delete_key(call.path["repoId"], family, call.path["apikeyId"])
    return Answer({"success": True, "message": "deleted"})


ENDPOINTS: Final = (
    Endpoint("GET", "/repo/{repoId}/apikey", _list_storage, "The storage keys of a repository.", "StorageKeys", refusals=(404,)),
    Endpoint(
        "POST", "/repo/{repoId}/apikey", _create_storage,
        "Create a storage key. The secret is shown now and never again.", "KeyCreated",
        body="StorageKeyWrite", refusals=(404,),
    ),
    Endpoint(
        "PUT", "/repo/{repoId}/apikey/{apikeyId}", _update_storage, "Change name and access type; both are required.",
        "DoneMessage", body="StorageKeyWrite", refusals=(404,),
    ),
    Endpoint(
        "DELETE", "/repo/{repoId}/apikey/{apikeyId}", _delete_storage, "Revoke and delete a storage key.", "DoneMessage",
        refusals=(404,),
    ),
    Endpoint("GET", "/repo/{repoId}/ai/apikey", _list_ai, "The AI keys of a repository.", "AiKeys", refusals=(404,)),
    Endpoint(
        "POST", "/repo/{repoId}/ai/apikey", _create_ai,
        "Create an AI key. The secret is shown now and never again.", "KeyCreated",
        body="AiKeyWrite", refusals=(404,),
    ),
    Endpoint(
        "PUT", "/repo/{repoId}/ai/apikey/{apikeyId}", _update_ai, "Rename an AI key.", "DoneMessage",
        body="AiKeyUpdate", refusals=(404,),
    ),
    Endpoint(
        "DELETE", "/repo/{repoId}/ai/apikey/{apikeyId}", _delete_ai, "Delete an AI key (softly).", "DoneMessage",
        refusals=(404,),
    ),
)  # fmt: skip
