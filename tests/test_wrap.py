"""Lines that are wider than the terminal."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gatectl.render.wrap import columns, wrap

WORDS = st.lists(st.text("abcdefgh.,:/é漢", min_size=1, max_size=18), max_size=30)


@given(WORDS, st.integers(0, 8), st.integers(40, 120))
def test_no_word_is_lost_and_no_line_is_too_wide_that_could_be_narrower(
    words: list[str], indent: int, width: int
) -> None:
    line = " " * indent + " ".join(words)
    wrapped = wrap(line, width)
    assert wrapped.split() == line.split()
    assert all(columns(part) <= width for part in wrapped.split("\n"))


def test_the_rest_of_a_line_hangs_under_it() -> None:
    assert wrap("    hint: one two three four", 20) == "    hint: one two\n      three four"


def test_a_short_line_a_source_line_and_a_colour_stay_as_they_are() -> None:
    for line in ("short", "", "    14 | " + "x" * 60, "\x1b[31m" + "x" * 20 + "\x1b[0m"):
        assert wrap(line, 20) == line


def test_colours_take_no_room_and_are_kept() -> None:
    line = " ".join(f"\x1b[31mword{n}\x1b[0m" for n in range(10))
    wrapped = wrap(line, 24)
    assert re.findall("word[0-9]", wrapped) == [f"word{n}" for n in range(10)]
    assert wrapped.count("\x1b[31m") == 10
    assert all(columns(part) <= 24 for part in wrapped.split("\n"))
