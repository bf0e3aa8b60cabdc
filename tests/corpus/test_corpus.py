"""What gatectl says and writes of the corpus is what it said and wrote before, to the byte."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from corpus.run import TOP, chosen, differing, read_digests

SCRIPT = Path(__file__).with_name("run.py")
NAMES = chosen(())
GROUPS = [NAMES[start : start + 25] for start in range(0, len(NAMES), 25)]
"""Several entries a test: a change of one message concerns many of them, and is one failure to read."""


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: f"{names[0]} to {names[-1]}")
def test_plans_receipts_findings_pages_and_messages_are_what_they_were(names: Sequence[str]) -> None:
    wanted = read_digests()
    found = [artefact for name in names for artefact in differing(name, wanted.get(name, {}))]
    if found:
        more = f" and {len(found) - 8} more" if len(found) > 8 else ""
        pytest.fail(
            f"{len(found)} artefacts of the corpus are not what they were: {', '.join(found[:8])}{more}\n"
            "see what changed:       python tests/corpus/run.py --against main (any commit or checkout)\n"
            f"see what is there now:  python tests/corpus/run.py --show {shlex.quote(found[0])}\n"
            "where it is meant:      python tests/corpus/run.py --write, and commit digests.json with the change",
            pytrace=False,
        )


def test_every_entry_has_its_digests_and_no_other_is_kept() -> None:
    assert list(read_digests()) == NAMES


def corpus(*words: str, folder: Path, script: Path = SCRIPT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *words], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip


def test_the_corpus_is_the_same_in_other_surroundings(tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    done = corpus(
        "--only=estate-01", folder=tmp_path, PYTHONHASHSEED="7", TZ="Asia/Kolkata", COLUMNS="40", LC_ALL="C", HOME="/nowhere",
        GATECTL_ENV="prod", NO_COLOR="1", FORCE_COLOR="1", TMPDIR=str(tmp_path / "a folder"),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0 artefacts of 10 entries differ\n"), done.stdout + done.stderr


def test_what_differs_from_another_checkout_is_shown_line_by_line(tmp_path: Path) -> None:
    before = tmp_path / "before"
    beside = [f"tests/{path.name}" for path in (TOP / "tests").glob("*.py") if not path.name.startswith("test_")]
    for name in ("src", "schemas", "examples", "tests/corpus", *beside):
        place = before / name
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy2
        copy(TOP / name, place)
    for module in (before / "src").rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        module.write_text(text.replace("differs from its manifest", "is not as its manifest"), encoding="utf-8")
    done = corpus("--only=estate-01", "--against", str(before), folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    changed = {line for line in done.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")}
    changed = {line for line in changed if not line[1:].lstrip().startswith('"digest"')}  # of a plan that says so
    assert changed
    words = {"-": "is not as its manifest", "+": "differs from its manifest"}
    assert all(words[line[0]] in line for line in changed), changed
    assert (
        corpus("--only=estate-010", "--against", str(TOP), folder=tmp_path).stdout
        == "0 artefacts of 1 entries differ\n"
    )
