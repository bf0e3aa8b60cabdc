"""A secret that a server echoes is taken out, however it is spelled there."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatectl.credentials.redaction import HIDDEN, redact

SECRET = 'pä$$/word+"1\\'
SPELLINGS = {
    "as it is": SECRET,
    "in capitals": SECRET.upper(),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON that escapes slashes": json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    "in JSON with umlauts": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in Python": repr(SECRET)[1:-1],
    "in a path": quote(SECRET),
    "in a query": quote_plus(SECRET),
    "in an address with small hexadecimal digits": quote(SECRET, safe="").lower(),
    "in hexadecimal digits": SECRET.encode().hex(),
    "in capital hexadecimal digits": SECRET.encode().hex().upper(),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_taken_out_in_every_spelling(spelling: str) -> None:
    assert redact(f"wrong key <{spelling}>!", [SECRET]) == f"wrong key <{HIDDEN}>!"


@given(st.binary(max_size=8), st.text(st.characters(codec="utf-8"), min_size=10, max_size=40), st.binary(max_size=8))
def test_a_secret_is_taken_out_of_base64_wherever_it_begins_there(before: bytes, secret: str, after: bytes) -> None:
    assume(len(secret.strip()) >= 10)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + secret.encode() + after).decode()
        shown = redact(f"<{text}>", [secret])
        assert HIDDEN in shown
        # What is left of it are the characters that share bits with what stands beside it.
        assert len(shown) - len(HIDDEN) - 2 <= 4 * ((len(before) + 2) // 3 + (len(after) + 2) // 3 + 2)


def test_the_lines_of_a_secret_of_several_lines_are_secrets() -> None:
    secret = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"
    assert "MIIEvQ" not in redact("cannot parse 'MIIEvQIBADANBg'", [secret])


def test_the_longest_secret_is_taken_out_first() -> None:
    assert redact("token-1234", ["token", "token-1234"]) == HIDDEN


@pytest.mark.parametrize("secrets", [[], [""], ["  "], ["ab"]])
def test_what_is_too_short_to_be_a_secret_leaves_our_words_alone(secrets: list[str]) -> None:
    assert redact("a table of abbreviations", secrets) == "a table of abbreviations"
