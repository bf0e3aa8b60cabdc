"""Text of others in lines of ours: one line, nothing that moves a cursor, nothing that a runner of a CI obeys, not too much."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.page import data
from gatectl.quote import LONGEST, json_text, neutral, quote, safe
from gatectl.render.excerpt import window

COMMANDS = ["::error::", "::set-env name=A::b", "##[error]", "##[add-mask]a", "##vso[task.setvariable variable=a]b",
            "##teamcity[message text='a']", "##VSO[a]", "  ::warning::", "\t::debug::"]  # fmt: skip
FORBIDDEN = re.compile(r"^\s*::|##\[|##vso\[|##teamcity\[|\x1b", re.IGNORECASE)
"""What a runner obeys: "::" at the start of a line, the others anywhere in it."""

hostile = st.text(
    st.one_of(st.characters(), st.sampled_from("::##[]\x1b\r\n\t \u2028\u202e\u200b\x85\x9b\ud800\ufeff")), max_size=400
) | st.lists(st.sampled_from([*COMMANDS, ":", "#", "[", " ", "a", "vso[", "\n", "\x1b]0;a\x07"])).map("".join)


@given(hostile)
def test_text_of_others_is_one_line_of_printable_characters_and_no_command(text: str) -> None:
    shown = quote(text)
    assert shown.isprintable()
    assert shown.splitlines() in ([shown], [])
    assert not FORBIDDEN.search(shown)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown)
    shown.encode("utf-8")


@given(hostile)
def test_text_of_others_is_cut(text: str) -> None:
    assert len(quote(text)) <= LONGEST
    assert len(quote(text * 100)) <= LONGEST


@given(hostile)
def test_what_is_quoted_twice_is_as_if_it_were_quoted_once(text: str) -> None:
    assert quote(quote(text)) == quote(text)


@given(hostile, hostile)
def test_values_that_stand_side_by_side_make_no_command_together(one: str, other: str) -> None:
    for message in (f"{quote(one)}[{quote(other)}]", f"{quote(one)}: {quote(other)}", f"  {quote(one)}:1:2: error"):
        assert not FORBIDDEN.search(message)


@given(st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=LONGEST))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert quote(text) == safe(text) == text


@pytest.mark.parametrize(
    "text", ["größe", "データ", "a::b", "fe80::1", "C#", "# a", "❤️", "https://example.com:443/a#b"]
)
def test_text_that_does_no_harm_stays_as_it_is(text: str) -> None:
    assert quote(text) == text


def test_a_long_value_says_how_long_it_is() -> None:
    assert quote("a" * 2**20).endswith("aaa… (1,048,576 characters)")


@pytest.mark.parametrize("text", ["\u200b", "\ufe00", "\U000e0101", "\u3164", "\u2800", "\xa0", "\udc80"])
def test_what_cannot_be_seen_is_shown_as_an_escape(text: str) -> None:
    assert quote(f"a{text}b") == "a" + text.encode("unicode_escape").decode() + "b"


@given(st.lists(hostile))
def test_lines_of_ours_hold_no_command_whatever_got_into_them(lines: list[str]) -> None:
    shown = neutral("\n".join(lines))
    assert not [
        line for line in shown.split("\n") if re.search(r"^\s*::|##\[|##vso\[|##teamcity\[", line, re.IGNORECASE)
    ]


@given(st.lists(hostile | st.dictionaries(hostile, hostile)))
def test_json_keeps_every_value_and_holds_no_command(values: list[object]) -> None:
    text = json_text(values)
    assert json.loads(text) == values
    assert text.isascii()
    assert not [line for line in text.split("\n") if FORBIDDEN.search(line)]


@pytest.mark.parametrize("text", COMMANDS)
def test_an_excerpt_of_somebodys_file_holds_no_command(text: str) -> None:
    line = f'  name: "{text}"'
    for start in range(len(line)):
        shown, _, _ = window(line, start, start + 1, 60)
        assert not FORBIDDEN.search(f"1 | {shown}")


@pytest.mark.parametrize("text", COMMANDS)
def test_the_data_of_a_page_holds_no_command_and_every_value(text: str) -> None:
    element = data("x", [text])
    assert not FORBIDDEN.search(element)
    assert json.loads(element.partition(">")[2].removesuffix("</script>")) == [text]
