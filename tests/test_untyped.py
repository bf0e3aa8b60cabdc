"""How much is read from mappings of which nobody knows what they hold; `untyped` is the plugin of mypy that tells."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
MOST = 40
"""The limit of the house; 35 when this was written."""
READERS = (
    "platforms", "server", "review",  # the wire: the platform's, both of its sides, and a code host's
    "kinds", "export.py",  # a kind is what is read from both, and written
    "records",  # what lies in stores of records
    "manifests", "project.py", "opening.py", "explain.py", "fleet",  # YAML: manifests, project and fleet files, and their schemas
)  # fmt: skip
"""Who reads what others wrote, in JSON and in YAML: it becomes typed there, or is refused."""


class Read(NamedTuple):
    """A key that is read, by the file relative to the sources."""

    file: str
    key: str


def untyped_reads(folder: Path, *paths: Path) -> Sequence[Read]:
    """What the plugin tells of these files. What it is told is kept in `folder`, and is quick the next time."""
    settings = folder / "untyped.ini"
    folder.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        f"[mypy]\nplugins = {TOP}/tests/untyped.py\ncache_dir = {folder}\nshow_column_numbers = True\npretty = False\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(settings), *map(str, paths)],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    told = re.findall(r"^(.+?):\d+:\d+: error: '(.*)' is read in column .*\[untyped-key\]$", done.stdout, re.MULTILINE)
    return [Read(file.removeprefix("src/gatectl/"), key) for file, key in told]


def test_what_nobody_knows_to_be_there_is_hardly_read_where_it_is_not_read_in() -> None:
    found = untyped_reads(TOP / ".mypy_cache" / "untyped", TOP / "src" / "gatectl")
    outside = [read for read in found if read.file.partition("/")[0] not in READERS]
    assert len(found) > 200, "the plugin tells what there is"
    assert len(outside) <= MOST, outside


def test_a_key_of_a_mapping_without_types_is_told_and_one_of_a_typed_one_is_not(tmp_path: Path) -> None:
    text = """
from collections.abc import Mapping
from typing import Any, TypedDict
class Known(TypedDict):
    a: int
Wire = Mapping[str, Any]
def told(one: Wire, two: dict[str, object], three: Mapping[str, Wire], name: str) -> None:
    one["a"]; one.get("b"); two.pop("c", None); three["d"]["e"]; two["f"], two["f"]
def not_told(one: Known, two: dict[str, int], three: dict[str, object], name: str) -> None:
    one["a"]; two["b"]; three[name]; three["c"] = 1
"""
    file = tmp_path / "example.py"
    file.write_text(text)
    assert [read.key for read in untyped_reads(tmp_path / "cache", file)] == ["a", "b", "c", "e", "f", "f"]
