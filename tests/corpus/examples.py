"""The examples of this repository, as entries of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from corpus.estates import Chance
from corpus.recording import Files, Run, Step
from corpus.steps import REPORTS, apply, into_files, plan, show, snapshot

FOLDER: Final = Path(__file__).resolve().parents[2] / "examples"
_KINDS: Final = ("*.yaml", "*.bak", "*.env", "demo-credentials/*")


def files_of(name: str) -> dict[str, bytes]:
    """The files of an example, without what running it left there."""
    top = FOLDER / name
    found = {path for kind in _KINDS for path in top.rglob(kind) if path.is_file() and ".gatectl" not in path.parts}
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in sorted(found)}


def _variables(files: Mapping[str, bytes]) -> dict[str, str]:
    lines = files.get("demo.env", b"").decode().splitlines()
    exported = (line.removeprefix("export ").partition("=") for line in lines if line.startswith("export "))
    return {name: value.partition(" ")[0] for name, _, value in exported}


def _whole(name: str) -> list[Step]:
    """An example from validation to an export that plans to nothing."""
    files = files_of(name)
    graphs = [Run(f"graph-{each}", ["graph", "--format", each]) for each in ("dot", "mermaid", "svg", "html")]
    some = Chance(name).some([f for f in files if "/" in f and f.endswith(".yaml")], 2, 2)
    steps: list[Step] = [
        Files(files), Run("validate", ["validate", *into_files("validate", REPORTS)]), plan(), show(), *graphs,
        Run("some", ["plan", *some]), Run("team", ["plan", "-l", "team", "--format", "markdown"]),
        Run("by-tier", ["graph", "--group-by", "tier", "--format", "mermaid"]), *apply(),
        Run("graph-live", ["graph", "--live", "--format", "html"]), Run("export", ["export"]), *snapshot(),
        Run("files", ["export", "--out", "exported"]), Run("exported", ["plan", "exported", "--detailed-exitcode"]),
        Run("prod", ["-e", "prod", "plan"]), Files({}, without=[some[0]]), plan("--prune", formats=("markdown",)),
        Run("prune", ["apply", "--plan", "saved.json", "--yes"], needs="saved.json"),
    ]  # fmt: skip
    variables = _variables(files)
    return [step._replace(variables=variables) if isinstance(step, Run) else step for step in steps]


def _broken() -> list[Step]:
    """Each broken example by itself, and all of them."""
    files = files_of("broken")
    steps: list[Step] = [Files(files), Run("all", ["validate", *into_files("all", REPORTS)])]
    for name in files:
        steps += [Run(name, ["plan", name]), Run(f"explain {name}", ["explain", name.partition(".")[0]])]
    return steps


EXAMPLES: Final[Mapping[str, Callable[[], list[Step]]]] = {
    "acme": partial(_whole, "acme"), "quickstart": partial(_whole, "quickstart"), "broken": _broken,
}  # fmt: skip
