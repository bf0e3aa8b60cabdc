"""What the README says, held against the program: its two commands and its tables. Its examples and links: `test_guides.py`.

`python tests/test_readme.py` writes the generated parts of the README and the guides again: what their commands print, and
the table of rules.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

import reference
from gatectl import errors
from gatectl.cli import COMMANDS, gatectl
from gatectl.kinds import KINDS
from pages import README, followed, page, rewritten, rows

TEXT = page(README).text
GLOBAL = {option for parameter in gatectl.params for option in parameter.opts} - {"--version"}


def section(title: str) -> str:
    return page(README).section(title)


# The two commands


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_each_of_the_two_commands_is_there_once_on_one_line(name: str) -> None:
    marked = [block.text for block in page(README).blocks if block.mark == f"command: {name}"]
    assert len(marked) == 1
    assert re.match(r"\.ci/install (--dev )?\.venv && ", marked[0])
    assert marked[0].count("\n") == 1


def test_no_other_command_is_marked() -> None:
    assert re.findall(r"<!-- command: (\w+) -->", TEXT) == ["quickstart", "tests"]


# Tables


def test_the_table_of_commands_has_every_command_and_no_other() -> None:
    named = [re.findall(r"`gatectl ([a-z]+)", row[0]) for row in rows(section("Commands").partition("### ")[0])]
    assert sorted(name for names in named for name in names) == sorted(COMMANDS)


def test_the_reference_is_what_the_program_says() -> None:
    assert reference.FILE.read_text(encoding="utf-8") == reference.reference(), (
        "write it again: python tests/reference.py"
    )


def test_the_reference_names_every_variable_that_is_read_and_no_other() -> None:
    assert reference.read_from_the_environment() == set(reference.VARIABLES)


def test_every_command_and_option_has_words_in_the_reference() -> None:
    text = reference.reference()
    for name in COMMANDS:
        assert f"\n## `gatectl {name} " in text
        for option in reference.own_options(name):
            assert option.help, (name, option.name)


def test_the_global_options_are_all_named() -> None:
    assert set(re.findall(r"`(--?[a-z-]+)`", section("Commands"))) >= GLOBAL - {"-h", "--help"}


def test_the_table_of_exit_codes_has_every_code_and_no_other() -> None:
    table = {int(row[0]) for row in rows(section("Exit codes"))}
    constants = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert table == constants


def test_the_table_of_kinds_is_the_programs_own() -> None:
    assert sorted(row[0] for row in rows(section("Kinds"))) == sorted(KINDS)


# Writing the generated parts again


def rewrite() -> None:
    for of in followed():
        with tempfile.TemporaryDirectory() as name:
            of.path.write_text(rewritten(of, Path(name)), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
