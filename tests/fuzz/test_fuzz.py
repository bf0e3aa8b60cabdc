"""Mutated inputs of each kind: no traceback, no "internal error", a code of the contract, an end.

Two hundred and fifty of each; with GATECTL_FUZZ=1 in the environment a thousand. `run.py` runs as many as you like.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import inputs
import seeds
from running import Runner

SEED = 7
COUNT, SHARE = 1_000 if os.environ.get("GATECTL_FUZZ") else 250, 125

PLAIN = {
    "a plan": (["plan", "--format", "json"], {}, {0}),
    "a saved plan": (["show", "plan.json"], {"plan.json": "plan-creates.json"}, {0}),
    "a saved plan of changes": (["show", "plan.json"], {"plan.json": "plan-changes.json"}, {0}),
    "a saved plan of changes, applied": (
        ["apply", "--plan", "plan.json", "--yes"],
        {"plan.json": "plan-changes.json", ".gatectl/platform.db": "platform.db"},
        {0},
    ),
    "a receipt": (["show", "receipt.json"], {"receipt.json": "receipt.json"}, {0}),
    "a snapshot": (["plan", "--against", "snapshot.json"], {"snapshot.json": "snapshot.json"}, {0}),
    "a database": (["plan", "--detailed-exitcode"], {".gatectl/platform.db": "platform.db"}, {0}),
    "a platform": (["--platform", inputs.PLATFORM, "plan"], {}, {0}),
    "a platform, applied to": (["--platform", inputs.PLATFORM, "apply", "--yes", "--deadline", "5"], {}, {0, 7}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_the_mutations_begin_with_is_read_to_its_end(name: str, tmp_path: Path) -> None:
    """Else each mutation would be refused at the door, whatever lies behind it. Due then: `python tests/fuzz/seeds.py`."""
    command, files, codes = PLAIN[name]
    with Runner(tmp_path).at_work() as runner:
        given = inputs.Input({path: seeds.made(made) for path, made in files.items()}, [command])
        assert runner.judge(given) == []
        assert set(runner.codes) <= codes


@pytest.mark.parametrize("first", range(0, COUNT, SHARE))
@pytest.mark.parametrize("kind", inputs.KINDS)
def test_no_input_shows_a_traceback(kind: str, first: int, tmp_path: Path) -> None:
    with Runner(tmp_path).at_work() as runner:
        for number in range(first, first + SHARE):
            wrong = runner.judge(inputs.make(kind, SEED, number))
            assert not wrong, (
                f"python tests/fuzz/run.py --seed {SEED} --only {kind} --start {number} --manifests 1 --others 1\n{wrong}"
            )


def test_an_input_is_the_same_every_time() -> None:
    for kind in inputs.KINDS:
        assert inputs.make(kind, 3, 5) == inputs.make(kind, 3, 5)
        assert inputs.make(kind, 3, 5) != inputs.make(kind, 3, 6)


def test_what_a_page_lets_one_choose_is_escaped_as_what_it_chooses_from(tmp_path: Path) -> None:
    """The kind of an operation in a receipt is any text; it stands in an attribute too."""
    with Runner(tmp_path).at_work() as runner:
        receipt = seeds.made("receipt.json").replace(b'"kind": "Workspace"', b'"kind": "\\u0000"')
        given = inputs.Input({"receipt.json": receipt}, [["show", "receipt.json", "--format", "html"]], "receipt.json")
        assert runner.judge(given) == []
        assert runner.codes == [0]
