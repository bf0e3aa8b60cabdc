"""Runs one entry of the corpus and records everything that comes out of it, as bytes that are the same anywhere.

An entry is a list of steps in an empty folder: files are written, the platform is changed behind gatectl's back, command
lines are run in this process. Of each command line everything is recorded: its exit code, what it printed, and every file
that it made or changed.

This is the one place that decides what is the same:

- `_settled` gives ids instead of chance. They are part of fingerprints, so they cannot be taken out of what was recorded.
  They are counted anew in each step: one id more in a step does not change those of the next.
- Nothing waits for a disk: what is written does not have to outlast the test.
- `_plain` takes out what differs from run to run: the folder, moments, the ids of runs, and the version of gatectl.
- `_surroundings` is all that a command sees of the machine: its environment, its user and its host.
"""

from __future__ import annotations

import gc
import hashlib
import io
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gatectl import __version__
from gatectl.cli.exits import run

Content = str | bytes
Artefacts = dict[str, str]
"""What was recorded, by name: `plan` is what the step of that name printed, `plan/plan.md` a file that it wrote."""


class Files(NamedTuple):
    """Write these files; first remove what `without` names."""

    files: Mapping[str, Content]
    without: Sequence[str] = ()


class Act(NamedTuple):
    """Do something to the folder, such as changing its platform; what the function returns is recorded."""

    name: str
    function: Callable[[Path], str]


class Run(NamedTuple):
    """Run a command line in the folder `inside`; only where the file `needs` is there."""

    name: str
    words: Sequence[str]
    variables: Mapping[str, str] = {}
    stdin: str = ""
    inside: str = "."
    needs: str | None = None


Step = Files | Act | Run

SECRETS: Final = {
    "KEY": "AKIAEXAMPLE",
    "SECRET": "aHVzaC1odXNo",
    "OTHER_KEY": "AKIAOTHER",
    "OTHER_SECRET": "cXVpZXQtcXVpZXQ=",
}
"""The variables that manifests of the corpus refer to; the secrets have the form of an Azure key."""

_HIDDEN: Final = re.compile(r"\.gatectl/(platform\.db|claim|.*\.lock|\.gitignore)|.*\.db(-\w+)?\Z|\.git/")
"""Files that are not recorded: the platform's own, and git's."""

_FIRST: Final = 1_769_850_930_000
"""The moment of the first id, in milliseconds: 2026-01-31."""


def record(steps: Sequence[Step]) -> Artefacts:
    """Run the steps in a new folder; what came out of each."""
    top = Path(os.path.realpath(tempfile.mkdtemp(prefix="corpus-")))
    if any((folder / ".git").exists() for folder in top.parents):
        raise RuntimeError(f"{top} lies in a git checkout, which plans would name: set TMPDIR to another place")
    folder = top / "project"
    folder.mkdir()
    here = os.getcwd()
    found: Artefacts = {}
    try:
        for number, step in enumerate(steps):
            with _settled(number), _surroundings(folder, top / "home"):
                found.update({_plain(name, top): _plain(text, top) for name, text in _take(step, folder).items()})
    finally:
        os.chdir(here)
        shutil.rmtree(top, ignore_errors=True)
    return found


def _take(step: Step, folder: Path) -> Artefacts:
    if isinstance(step, Files):
        _write(step, folder)
        return {}
    if isinstance(step, Act):
        return {step.name: step.function(folder)}
    if step.needs is not None and not (folder / step.needs).exists():
        return {}
    before = _files(folder)
    printed = _run(step, folder)
    after = _files(folder)
    made = {name: (folder / name).read_bytes() for name, state in after.items() if before.get(name) != state}
    gone = [f"gone: {name}\n" for name in sorted(before.keys() - after.keys())]
    written = {f"{step.name}/{name}": content.decode("utf-8", "backslashreplace") for name, content in made.items()}
    return {step.name: printed + "".join(gone), **written}


def _write(step: Files, folder: Path) -> None:
    for name in step.without:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name, content in step.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _files(folder: Path) -> dict[str, tuple[int, ...]]:
    """The files that a command may have made, by name, each with what tells whether it was written since."""
    found = {}
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            relative = os.path.relpath(os.path.join(where, name), folder)
            if not _HIDDEN.match(relative):
                state = os.lstat(os.path.join(where, name))
                found[relative] = (state.st_ino, state.st_size, state.st_mtime_ns)
    return found


def _run(step: Run, folder: Path) -> str:
    """Run a command line; its words, its exit code, and what it printed."""
    streams = sys.stdin, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    os.chdir(folder / step.inside)
    os.environ.update(step.variables)
    try:
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(step.stdin), out, err
        code = run(step.words)
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
    said = [f"$ {' '.join(['gatectl', *step.words])}\nexit code {code}\n"]
    for title, stream in (("standard output", out), ("standard error", err)):
        stream.flush()
        text = stream.buffer.getvalue().decode("utf-8", "backslashreplace")  # type: ignore[attr-defined]
        said.append(f"--- {title}\n{text}" if text else "")
    return "".join(said)


# What is the same anywhere


@contextmanager
def _settled(step: int) -> Iterator[None]:
    """Ids that are counted: what the ids of the embedded platform are made of (the time, ten bytes of chance) is handed out
    here. Whoever asks for another number of bytes gets what it asks for."""
    chance, clock, sync = os.urandom, time.time_ns, os.fsync
    made = 0

    def urandom(size: int, /) -> bytes:
        nonlocal made
        if size != 10:
            return chance(size)
        made += 1
        return hashlib.sha256(f"{step}/{made}".encode()).digest()[:10]

    os.urandom = urandom
    os.fsync = lambda _: None
    time.time_ns = lambda: (_FIRST + step * 10_000 + made) * 1_000_000
    try:
        yield
    finally:
        os.urandom, time.time_ns, os.fsync = chance, clock, sync


@contextmanager
def _surroundings(folder: Path, home: Path) -> Iterator[None]:
    """An environment, a user and a host that are the same on every machine; and the process as it was, afterwards."""
    before, handler, collecting = dict(os.environ), signal.getsignal(signal.SIGTERM), gc.isenabled()
    kept = {name: before[name] for name in ("PATH", "TMPDIR", "SYSTEMROOT") if name in before}
    os.environ.clear()
    os.environ.update(kept | SECRETS | {"HOME": str(home), "LOGNAME": "ann", "COLUMNS": "100", "LINES": "40"})
    uname: Any = getattr(os, "uname", None)
    if uname is not None:
        told = list(uname())
        os.uname = lambda: os.uname_result((told[0], "desk", *told[2:]))
    os.chdir(folder)
    try:
        yield
    finally:
        if uname is not None:
            os.uname = uname
        os.environ.clear()
        os.environ.update(before)
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)
        if collecting:
            gc.enable()


_VARIES: Final = (
    (re.compile(r"\b\d{8}T\d{9}Z-[0-9a-f]{8}\b"), "<run>"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)"), "<moment>"),
    (re.compile(r'("place": ?")sha256:[0-9a-f]{64}'), r"\1<place>"),  # of the folder's path
    (re.compile(r'("digest": ?")sha256:[0-9a-f]{64}'), r"\1<digest>"),  # of a snapshot, moment included
    (re.compile(rf"(?<![\d.]){re.escape(__version__)}(?![\d.])"), "<version>"),
)


def _plain(text: str, top: Path) -> str:
    """A text without what differs from run to run."""
    text = text.replace(str(top), "<top>").replace(quote(str(top)), "<top>")
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return text
