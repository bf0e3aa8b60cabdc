"""A repository as the platform sends it: what cannot be read is never empty, what is not known is never dropped."""

from __future__ import annotations

from typing import Any

import pytest

from gatectl.kinds import llm
from gatectl.kinds.interface import Context
from gatectl.kinds.repository import lost, read

CONTEXT = Context("ml", "w1", {}, {}, None)
HEAD = {"id": "r1", "name": "r", "storageType": "S3", "mode": "NORMAL", "workspaceId": "w1"}


def test_a_list_of_buckets_that_is_not_there_is_not_an_empty_one() -> None:
    with pytest.raises(KeyError):
        read(HEAD, CONTEXT)


def test_the_legacy_names_are_read() -> None:
    unit = {"name": "b", "bucket": "logs", "storageType": "S3", "id": "b1"}
    live = read({**HEAD, "units": [{"unitId": "b1", "folder": "f", "master": False, "unit": unit}]}, CONTEXT)
    assert [(a.identity, a.id, a.folder) for a in live.attachments] == [(("S3", "logs"), "b1", "f")]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"buckets": []}, []),
        ({"buckets": [], "packets": [{"id": "p"}]}, ["packets"]),
        (
            {
                "buckets": [],
                "status": "ACTIVE",
                "isDefault": True,
                "_count": {"buckets": 2, "apiKeys": 1},
                "size": "12",
            },
            [],
        ),
        ({"buckets": [], "packet": {"id": "p"}, "tags": ["a"]}, ["packet", "tags"]),
        ({"buckets": [{"bucketId": "b", "rules": [{"prefix": "p/"}], "status": "ONLINE"}]}, ["buckets[].rules"]),
        ({"buckets": [{"bucketId": "b", "readOnly": False, "bucket": {"name": "b"}}]}, []),
        ({"buckets": [], "aiLlms": [{"aiLlmId": "l", "priority": 5, "models": ["m"]}]}, ["aiLlms[].models"]),
    ],
)
def test_what_a_replacement_would_drop_is_named_in_attachments_too(more: dict[str, Any], names: list[str]) -> None:
    assert lost({**HEAD, **more}) == names


def test_words_of_the_platform_are_read_in_any_case() -> None:
    wire = {**HEAD, "storageType": "blob", "mode": "Mirror", "buckets": []}
    assert read(wire, CONTEXT).spec == {"name": "r", "endpointType": "AzureBlob", "mode": "Mirror"}
    gateway = {**HEAD, "storageType": "openai_v1", "mode": "normal", "buckets": []}
    assert read(gateway, CONTEXT._replace(openai="OPENAI_V1")).spec["endpointType"] == "OpenAI"
    assert llm.read({"id": "l", "name": "gpt", "aiType": "openai"}, CONTEXT).spec["provider"] == "OpenAI"
