"""The corpus: what gatectl says and writes of many projects, held against what it said and wrote before.

    python tests/corpus/run.py                     run all, and say what differs from `digests.json`
    python tests/corpus/run.py --write             take what comes out now as right
    python tests/corpus/run.py --show ENTRY        what an entry comes to (`estate-017`, or `estate-017/plan`)
    python tests/corpus/run.py --against CHECKOUT  run another checkout (a folder, or a commit) too, and show what differs

`--only WORD` (repeatable) takes the entries whose names begin so. Other checkouts run with this Python and their own corpus.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "src")]

from corpus.entries import entries  # noqa: E402 - found by the line above
from corpus.recording import Artefacts, record  # noqa: E402

DIGESTS: Final = Path(__file__).with_name("digests.json")
Digests = Mapping[str, Mapping[str, str]]
"""The digest of each artefact of each entry."""


def digest(text: str) -> str:
    """Ten digits are enough to tell a change, and short enough for nine thousand of them."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:10]


def digests_of(artefacts: Artefacts) -> dict[str, str]:
    return {name: digest(text) for name, text in artefacts.items()}


def read_digests() -> Digests:
    found: Digests = json.loads(DIGESTS.read_text(encoding="utf-8"))
    return found


def write_digests(digests: Digests) -> None:
    """One line an entry."""
    lines = [f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}" for name, found in digests.items()]
    DIGESTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def chosen(only: Sequence[str]) -> list[str]:
    return [name for name in entries() if not only or name.startswith(tuple(only))]


def differing(name: str, wanted: Mapping[str, str]) -> list[str]:
    """The artefacts of an entry that are not what `wanted` says, in the order in which they are made."""
    found = digests_of(record(entries()[name]()))
    return [
        f"{name}/{each}" for each in [*found, *(wanted.keys() - found.keys())] if found.get(each) != wanted.get(each)
    ]


def split(text: str) -> tuple[str, str]:
    """ENTRY/ARTEFACT or ENTRY."""
    entry, _, artefact = text.partition("/")
    return entry, artefact


def show(text: str) -> str:
    entry, wanted = split(text)
    found = record(entries()[entry]())
    return "".join(f"=== {entry}/{name}\n{text}\n" for name, text in found.items() if not wanted or name == wanted)


def dump(names: Iterable[str], folder: Path) -> None:
    """Write every artefact to a file of its own."""
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(record(entries()[name]())), encoding="utf-8")


def compare(other: str, names: Sequence[str], only: Sequence[str]) -> int:
    """Print the differences of two checkouts; how many artefacts differ."""
    with tempfile.TemporaryDirectory() as scratch:
        checkout = _checkout(other, Path(scratch))
        script = checkout / "tests/corpus/run.py"
        if not script.exists():
            raise SystemExit(f"{other} has no corpus: {script.relative_to(checkout)} is not there")
        theirs = Path(scratch, "theirs")
        theirs.mkdir()
        command = [sys.executable, str(script), "--dump", str(theirs), *(f"--only={word}" for word in only)]
        under_way = subprocess.Popen(command)
        mine = {name: record(entries()[name]()) for name in names}
        if under_way.wait():
            raise SystemExit(f"the corpus of {other} does not run")
        before = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(theirs.iterdir())}
    count = 0
    for name in [*mine, *(before.keys() - mine.keys())]:
        for text in _differences(name, before.get(name, {}), mine.get(name, {})):
            count += 1
            sys.stdout.write(text)
    return count


def _checkout(other: str, scratch: Path) -> Path:
    """A folder that holds the other checkout: the one that is named, or a copy of a commit."""
    if Path(other).is_dir():
        return Path(other).resolve()
    folder = scratch / "checkout"
    folder.mkdir()
    packed = subprocess.run(["git", "-C", str(TOP), "archive", other], capture_output=True, check=False)
    if packed.returncode:
        raise SystemExit(f"{other} is neither a folder nor a commit: {packed.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def _differences(entry: str, before: Artefacts, after: Artefacts) -> Iterator[str]:
    for name in [*after, *(before.keys() - after.keys())]:
        old, new = before.get(name, ""), after.get(name, "")
        if old != new or (name in before) != (name in after):
            lines = (text.splitlines(keepends=True) for text in (old, new))
            made = difflib.unified_diff(*lines, f"before/{entry}/{name}", f"after/{entry}/{name}")
            yield "".join(line if line.endswith("\n") else f"{line}\n" for line in made)


def check(names: Sequence[str]) -> int:
    """Say what differs from `digests.json`; how many artefacts do."""
    wanted, count = read_digests(), 0
    for name in names:
        for artefact in differing(name, wanted.get(name, {})):
            sys.stdout.write(f"{artefact}\n")
            count += 1
    return count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--show", metavar="ENTRY[/ARTEFACT]")
    parser.add_argument("--against", metavar="CHECKOUT")
    parser.add_argument("--dump", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = chosen(options.only)
    if options.show is not None:
        sys.stdout.write(show(options.show))
        return 0
    if options.dump is not None:
        dump(names, options.dump)
        return 0
    if options.against is not None:
        count = compare(options.against, names, options.only)
    elif options.write:
        known = read_digests() if options.only and DIGESTS.exists() else {}
        made = {name: digests_of(record(entries()[name]())) for name in names}
        write_digests({name: found for name in entries() if (found := made.get(name, known.get(name))) is not None})
        return 0
    else:
        count = check(names)
    sys.stdout.write(f"{count} artefacts of {len(names)} entries differ\n")
    return 1 if count else 0


if __name__ == "__main__":
    raise SystemExit(main())
