"""What a secret is cleaned of, and which ones cannot be: said before the first write, with where it comes from, and never a value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.credentials import secrets
from gatectl.credentials.pasted import Unusable, decoded, token, usable
from gatectl.errors import MissingCredential
from sites import Site, bucket, llm

S3, GCS, AZURE = ("S3", "logs"), ("GCS", "logs"), ("AzureBlob", "acct", "logs")
BODY = "TUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0NCS2N3Z2dTakFnRUFBb0lCQVFD"
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n{BODY}\n-----END PRIVATE KEY-----"
ACCOUNT = {"type": "service_account", "client_email": "a@b.iam.gserviceaccount.com", "private_key": PEM + "\n"}
CONNECTION = "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=aHVzaA==;EndpointSuffix=core.windows.net"


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", " {} ", "\ufeff{}", "\ufeff{}\r\n", "\n\ufeff {}\t"])
def test_a_byte_order_mark_and_the_space_around_a_secret_are_no_part_of_it(around: str) -> None:
    assert usable(around.format("hush hush"[:4])) == "hush"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_is_read_as_its_byte_order_mark_says(encoding: str) -> None:
    assert usable(decoded("hush\r\n".encode(encoding))) == "hush"


@pytest.mark.parametrize("content", [b"\xff", b"hu\x80sh", b"\xff\xfeh"])
def test_a_file_that_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(Unusable, match="not UTF-8 text"):
        decoded(content)


IMPOSSIBLE = {
    "blank": (None, "  \t", "is empty"),
    "a byte order mark alone": (None, "\ufeff\r\n", "is empty"),
    "double quotes": (None, '"canary"', "quotes"),
    "single quotes": (None, "'canary'", "quotes"),
    "curly quotes": (None, "“canary”", "quotes"),
    "a curly quote at one end": (None, "canary”", "quotes"),
    "a variable that was never filled in": (None, "${CANARY}", "placeholder"),
    "a variable of Azure Pipelines": (None, "$(canary)", "placeholder"),
    "a template": (None, "{{ canary }}", "placeholder"),
    "stars of a log": (None, "***", "placeholder"),
    "a control character": (None, "canary\x00", "control characters"),
    "an escape": (None, "can\x1b[31mary", "control characters"),
    "two words for S3": ("S3", "canary canary", "spaces or line breaks"),
    "two lines for S3": ("S3", "canary\ncanary", "spaces or line breaks"),
    "a connection string for S3": ("S3", CONNECTION, "connection string"),
    "a connection string for Azure": ("AzureBlob", CONNECTION, "connection string"),
    "a signature for Azure": ("AzureBlob", "?sv=2022-11-02&sig=canary%3D", "shared access signature"),
    "no Base64 for Azure": ("AzureBlob", "canary-canary", "not Base64"),
    "a key of Azure that is cut off": ("AzureBlob", "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ", "not Base64"),
    "a sentence for OpenAI": ("OpenAI", "canary of mine", "spaces or line breaks"),
    "a header for OpenAI": ("OpenAI", "Bearer canary", "Bearer"),
    "an umlaut for Anthropic": ("Anthropic", "canarÿ", "characters"),
    "a key of GCS that is cut off": ("GCS", PEM[:-10], "not a whole private key"),
    "a key of GCS without its line breaks": ("GCS", PEM.replace("\n", " "), "not a whole private key"),
    "a key of GCS with other characters": ("GCS", PEM.replace("TUl", "…Ul"), "characters that none has"),
    "a service account that is cut off": ("GCS", json.dumps(ACCOUNT)[:-5], "begins like JSON"),
    "a service account without a whole key": ("GCS", json.dumps(ACCOUNT | {"private_key": "-----BEGIN X"}), "whole private key"),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_a_secret_is_refused_without_a_part_of_it(name: str) -> None:
    provider, text, problem = IMPOSSIBLE[name]
    with pytest.raises(Unusable, match=problem) as raised:
        usable(text, provider)
    said = f"{raised.value.problem} {raised.value.hint}"
    assert "canar" not in said.lower() and BODY[:8] not in said


POSSIBLE = {
    "of AWS": ("S3", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "a role": ("S3", "arn:aws:iam::123456789012:role/gatectl"),
    "of a service like S3": ("S3", "p4ss'w\"ord!=Ünïcode"),
    "with a quote at one end": ("S3", "'tis"),
    "of Azure": ("AzureBlob", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="),
    "an HMAC key of GCS": ("GCS", "GOOG1EXAMPLE"),
    "a private key": ("GCS", PEM),
    "a service account": ("GCS", json.dumps(ACCOUNT, indent=2)),
    "of OpenAI": ("OpenAI", "sk-proj-abc_DEF-123"),
    "of Google's models": ("Google", json.dumps(ACCOUNT)),
    "of something unknown": ("Other", "two words"),
}  # fmt: skip


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_can_be_a_secret_stays_as_it_is(name: str) -> None:
    provider, text = POSSIBLE[name]
    assert usable(text, provider) == text


@pytest.mark.parametrize(
    "text", [PEM.replace("\n", "\\n"), PEM.replace("\n", "\\r\\n"), PEM.replace("\n", "\r\n") + "\\n"]
)
def test_line_breaks_in_two_characters_become_line_breaks(text: str) -> None:
    assert usable(text, "GCS") == PEM


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ACCOUNT).replace("\\n", "\n"),  # a shell's echo made line breaks of them
        json.dumps(ACCOUNT).replace("\\n", "\\\\n"),  # escaped once too often
        json.dumps(ACCOUNT, indent=2).replace("\n", "\\n"),  # a whole file on one line
    ],
)
def test_a_service_account_whose_line_breaks_were_changed_is_put_right(text: str) -> None:
    assert json.loads(usable(text, "GCS")) == ACCOUNT


@given(st.sampled_from([None, "S3", "GCS", "AzureBlob", "OpenAI", "Google", "Other"]), st.text())
def test_a_secret_that_is_usable_stays_the_same_when_it_is_looked_at_again(provider: str | None, text: str) -> None:
    try:
        first = usable(text, provider)
    except Unusable:
        return
    assert usable(first, provider) == first


@pytest.mark.parametrize("text", ["a b", "tökén", "“a”", "Bearer a", "a\nb", "a\x7f"])
def test_a_token_is_one_word_of_ascii(text: str) -> None:
    with pytest.raises(Unusable):
        token(text)
    assert token("eyJ.a-b_c\r\n") == "eyJ.a-b_c"


# Where it is said.


@pytest.mark.parametrize(
    ("manifest", "value", "problem"),
    [
        (bucket("b", S3), "canary canary", "SECRET has spaces or line breaks"),
        (bucket("b", AZURE), "AccountKey=canary", "SECRET holds a connection string"),
        (bucket("b", GCS), "-----BEGIN canary", "SECRET is not a whole private key"),
        (llm("l"), "“canary”", "SECRET has quotes"),
    ],
)
def test_a_secret_that_cannot_be_is_told_with_its_variable_and_its_object(
    tmp_path: Path, manifest: Any, value: str, problem: str
) -> None:
    site = Site(tmp_path).manifests(manifest)
    with pytest.raises(MissingCredential) as raised:
        secrets.resolve_plan(site.plan(), site.folder, {"KEY": "AKIA", "SECRET": value})
    said = f"{raised.value.message} {raised.value.hint}"
    name = manifest["metadata"]["name"]
    assert problem in said and f"{manifest['kind']} default/{name}: secret" in said
    assert "canary" not in said


def test_a_file_whose_secret_cannot_be_is_named(tmp_path: Path) -> None:
    site = Site(tmp_path).manifests(bucket("b", AZURE, {"secret": {"file": "key.txt"}}))
    (tmp_path / "manifests" / "key.txt").write_bytes("canary canary\r\n".encode("utf-16"))
    with pytest.raises(MissingCredential, match=r"file .*key.txt has spaces") as raised:
        secrets.resolve_plan(site.plan(), site.folder, {})
    assert "canary" not in raised.value.message
