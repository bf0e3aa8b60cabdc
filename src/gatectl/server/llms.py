"""The endpoints of AI LLM configurations (platform-contract.md, section 3.7). There is no GET of one."""

from __future__ import annotations

from typing import Final

from gatectl.server.buckets import WORKSPACE
from gatectl.server.endpoint import Answer, Call, Endpoint


def _list(call: Call) -> Answer:
    return Answer({"success": True, "aiLlms": call.platform.list("ai/llm", call.query.get("workspaceId"))})


def _available(call: Call) -> Answer:
    return Answer({"success": True, "aiLlms": call.platform.list("ai/llm")[::-1]})


def _create(call: Call) -> Answer:
    made = call.create("ai/llm")
    return Answer({"success": True, "aiLlmId": made.id, "message": "created"}, etag=made.etag)


def _update(call: Call) -> Answer:
    llm_id = call.path["aiLlmId"]
    tag = call.platform.update("ai/llm", llm_id, call.body, call.if_match)
    return Answer({"success": True, "aiLlmId": llm_id, "message": "updated"}, etag=tag)


def _delete(call: Call) -> Answer:
    call.platform.delete("ai/llm", call.path["aiLlmId"], call.if_match)
    return Answer({"success": True, "message": "deleted"})


def _validate(call: Call) -> Answer:
    complaint = call.platform.llm_complaint(call.path["aiLlmId"])
    return Answer({"success": complaint is None, "message": complaint or "no provider was called"})


ENDPOINTS: Final = (
    Endpoint("GET", "/ai/llm", _list, "All AI LLM configurations.", "Llms", query=(WORKSPACE,)),
    Endpoint(
        "POST", "/ai/llm", _create, "Configure an AI LLM. No provider is called.", "LlmWritten",
        body="LlmWrite", refusals=(404,), etag=True, once=True,
    ),
    Endpoint("GET", "/ai/llm/available", _available, "All AI LLM configurations, newest first.", "Llms"),
    Endpoint(
        "PUT", "/ai/llm/{aiLlmId}", _update, "Change the fields given.", "LlmWritten",
        body="LlmUpdate", refusals=(404,), conditional=True, etag=True,
    ),
    Endpoint(
        "DELETE", "/ai/llm/{aiLlmId}", _delete,
        "Delete an AI LLM for good. Refused (403) while a repository uses it.", "DoneMessage",
        refusals=(404,), conditional=True,
    ),
    Endpoint(
        "POST", "/ai/llm/{aiLlmId}/validate", _validate,
        "Check an AI LLM. 200 with `success` false when it is not valid. No provider is called.", "LlmValidated",
        body="Anything", body_required=False, refusals=(404,),
    ),
)  # fmt: skip
