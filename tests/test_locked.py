"""What is installed: what is locked covers what is asked for, and nothing is installed by a mere name.

That the locked releases install on each Python is `.ci/lock --check`, which CI runs: it needs an index.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TOP = Path(__file__).resolve().parent.parent
USED = TOP / "src" / "gatectl" / "pipelines" / "constraints.txt"
DEV = TOP / ".ci" / "dev.txt"
RELEASE = TOP / ".ci" / "release.txt"
PYTHONS = ("3.11", "3.12", "3.13")


def locked(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Each package with its version and hashes."""
    found = re.findall(r"^([a-z0-9-]+)==(\S+)[^\n]*((?:\n    --hash=\S+[^\n]*)*)", path.read_text(), re.MULTILINE)
    return {name: (version, re.findall(r"--hash=sha256:[0-9a-f]{64}\b", hashes)) for name, version, hashes in found}


def asked(extra: str) -> Iterator[Requirement]:
    settings = tomllib.loads((TOP / "pyproject.toml").read_text())
    project = settings["project"]
    everything = [
        *settings["build-system"]["requires"],
        *project["dependencies"],
        *project["optional-dependencies"][extra],
    ]
    return map(Requirement, everything)


@pytest.mark.parametrize(
    ("path", "extra"), [(USED, "server"), (USED, "socks"), (DEV, "dev"), (DEV, "socks"), (RELEASE, "release")]
)
def test_what_is_locked_fits_what_pyproject_asks_for(path: Path, extra: str) -> None:
    pins = locked(path)
    for requirement in asked(extra):
        name = requirement.name.lower().replace("_", "-")
        assert name in pins, f"{name} is asked for and not locked: run .ci/lock --keep"
        assert requirement.specifier.contains(pins[name][0], prereleases=True), f"{name}: run .ci/lock --keep"


@pytest.mark.parametrize("path", [USED, DEV, RELEASE])
def test_everything_that_is_locked_has_its_hashes_and_no_address(path: Path) -> None:
    pins = locked(path)
    assert len(pins) > 20
    assert all(hashes for _, hashes in pins.values())
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    others = [line for line in lines if not re.match(r"    --hash=sha256:[0-9a-f]{64}( \\)?$|[a-z0-9-]+==\S+ ", line)]
    assert others == []
    assert "://" not in path.read_text()


def test_a_developer_runs_the_releases_that_pipelines_run() -> None:
    used, dev = locked(USED), locked(DEV)
    assert {name: dev[name][0] for name in used if name in dev} == {n: used[n][0] for n in used if n in dev}


# Nothing is installed by a mere name


INSTALLS = re.compile(
    r"\b(?:pip3?|pipx|uv|uvx|npm|npx|pnpm|yarn|poetry|conda|gem|cargo|go|brew)\b[\"']?(?:\s+-\S+)*\s+"
    r"(?:pip\s+)?(?:install|add|i|run|exec|tool|sync|download|wheel|global|inject)\b[^\n;|&`)]*"
    r"|\b(?:uvx|npx|pipx run)\s+\S+"
    r"|\b(?:curl|wget)\b[^\n]*\|\s*(?:ba|z)?sh\b"
    r"|\"\$\{pip\[@\]\}\" install[^\n]*|\"\$uv\" pip install(?:[^\n]|\\\n)*"
)
HELD = re.compile(r"--require-hashes|--no-index")


def unpinned(text: str) -> list[str]:
    """The installs in a text that nothing holds to a hash or to this very commit."""
    whole = text.replace("\\\n", " ")
    return [found[0].strip() for found in INSTALLS.finditer(whole) if not HELD.search(found[0])]


def ours() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, capture_output=True, check=True, text=True,
    )  # fmt: skip
    paths = [TOP / name for name in listed.stdout.split("\0") if name and not name.startswith("tests/")]
    return [
        path
        for path in paths
        if path.is_file() and path not in (USED, DEV, RELEASE) and path.suffix not in (".png", ".ico")
    ]


def test_no_file_of_ours_installs_anything_that_is_not_pinned() -> None:
    files = ours()
    assert {TOP / ".ci" / "install", TOP / "README.md", TOP / ".gitlab" / "gatectl.yml"} <= set(files)
    found = {str(p.relative_to(TOP)): unpinned(p.read_text("utf-8", "replace")) for p in files}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "bad",
    ["pip install gatectl==0.1.0", 'pipx install "$REQUIREMENT"', "python3 -m pip install -q .", "uv pip install x",
     "uvx gatectl", "npx --yes ajv", "npm install -g ajv", "pip3 --quiet install -r requirements.txt",
     "curl https://x.example/i | sh", "uv tool install gatectl", '"${pip[@]}" install --no-deps x',
     "/bin/pip install \\\n  x", '"$T/bin/pip" install "$P"'],
)  # fmt: skip
def test_the_search_for_unpinned_installs_finds_each_form(bad: str) -> None:
    assert unpinned(f"      - run: {bad}\n") != []
    assert unpinned("pip install --require-hashes -r locked.txt\ngatectl plan\n") == []
