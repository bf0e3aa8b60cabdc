"""Runs one entry of the corpus and records everything that comes out of it, as bytes that are the same anywhere.

An entry is a list of steps in an empty folder: files are written, the platform is changed behind gatectl's back, command
lines are run in this process. Of each command line everything is recorded: its exit code, what it printed, and every file
that it made or changed.

This is the one place that decides what is the same:

- `settled` gives ids instead of chance. They are part of fingerprints, so they cannot be taken out of what was recorded.
  They are counted anew in each step: one id more in a step does not change those of the next.
- Nothing waits for a disk: what is written does not have to outlast the test.
- `_plain` and `_settle` take out what differs from run to run: the folder, moments, the ids of runs and of new projects,
  digests of what holds one of these, the address of a server, and the version of gatectl.
- `_surroundings` is all that a command sees of the machine: its environment, its user and its host.
"""

from __future__ import annotations

import gc
import gzip
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
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import chain, count
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


class Within(NamedTuple):
    """Do the steps that follow within a context, such as a server that runs. It gives variables for their command lines; what
    it gives as `SERVER` is the address of a server, which is another one each time."""

    open: Callable[[Path], AbstractContextManager[Mapping[str, str]]]


Step = Files | Act | Run | Within

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
    here, collecting = os.getcwd(), gc.isenabled()
    gc.disable()  # as gatectl does with the process that it has for itself
    found: Artefacts = {}
    given: dict[str, str] = {}
    try:
        with ExitStack() as contexts:
            for number, step in enumerate(steps):
                with settled(number), _surroundings(folder, top / "home"):
                    if isinstance(step, Within):
                        given.update(contexts.enter_context(step.open(folder)))
                        continue
                    for name, text in _take(step, folder, given).items():
                        found[_unused(_plain(name, top), found)] = _plain(text, top, given.get("SERVER"))
    finally:
        if collecting:
            gc.enable()
        os.chdir(here)
        shutil.rmtree(top, ignore_errors=True)
    return _settle(found)


def _unused(name: str, found: Artefacts) -> str:
    """The name itself, or where a step of this name was before, the name with a number."""
    others = (f"{name} ({number})" for number in count(2))
    return next(each for each in chain((name,), others) if each not in found)


def _take(step: Files | Act | Run, folder: Path, given: Mapping[str, str]) -> Artefacts:
    if isinstance(step, Files):
        _write(step, folder)
        return {}
    if isinstance(step, Act):
        return {step.name: _act(step, folder)}
    if step.needs is not None and not (folder / step.needs).exists():
        return {}
    before = _files(folder)
    printed = _run(step, folder, given)
    after = _files(folder)
    made = {name: (folder / name).read_bytes() for name, state in after.items() if before.get(name) != state}
    gone = [f"gone: {name}\n" for name in sorted(before.keys() - after.keys())]
    written = {f"{step.name}/{name}": _text(content) for name, content in made.items()}
    return {step.name: printed + "".join(gone), **written}


def _act(step: Act, folder: Path) -> str:
    """What an act returns; where an earlier step did not leave what it needs, that."""
    try:
        return step.function(folder)
    except (OSError, ValueError, LookupError, StopIteration) as error:
        return f"cannot be done: {type(error).__name__}\n"


def _text(content: bytes) -> str:
    """The text of a file, unpacked where it is packed: how small something is packed depends on the library that packs."""
    return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode(
        "utf-8", "backslashreplace"
    )


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


def _run(step: Run, folder: Path, given: Mapping[str, str]) -> str:
    """Run a command line; its words, its exit code, and what it printed."""
    streams = sys.stdin, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    os.chdir(folder / step.inside)
    os.environ.update({**given, **step.variables})
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
def settled(step: int) -> Iterator[None]:
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
    before, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    kept = {name: before[name] for name in ("PATH", "TMPDIR", "SYSTEMROOT") if name in before}
    os.environ.clear()
    os.environ.update(
        kept
        | SECRETS
        | {"HOME": str(home), "LOGNAME": "ann", "COLUMNS": "100", "LINES": "40", "GIT_CONFIG_NOSYSTEM": "1"}
    )
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


_VARIES: Final = (
    (re.compile(r"\b\d{8}T\d{9}Z-[0-9a-f]{8}\b"), "<run>"),
    (re.compile(r"\bsince 20\d\d-\d\d-\d\d \(run "), "since <day> (run "),
    (re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)"), "<moment>"),
    (re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),  # of a project that is new
    (re.compile(r'("place": ?")sha256:[0-9a-f]{64}'), r"\1<place>"),  # of the folder's path
    (re.compile(rf"(?<![\d.]){re.escape(__version__)}(?![\d.])"), "<version>"),
)
_DIGEST: Final = re.compile(r'("digest": ?")sha256:[0-9a-f]{64}')
_FINGERPRINT: Final = re.compile("sha256:[0-9a-f]{64}")
_ID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_STORE_BY_PATH: Final = "sqlite:///<top>"
_SERVER: Final = "<server>"


def _plain(text: str, top: Path, server: str | None = None) -> str:
    """A text without what differs from run to run."""
    text = text.replace(str(top), "<top>").replace(quote(str(top)), "<top>")
    if server is not None:
        text = text.replace(server, _SERVER)
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    if (
        "<place>" in text or '"takenAt"' in text or " in <run>" in text or "(run <run>)" in text
    ):  # a digest of a document is one of these, too
        text = _DIGEST.sub(r"\1<digest>", text)
    return text


def _settle(found: Artefacts) -> Artefacts:
    """What was recorded, where it is of a store that is called by its path, or of a server: that is in the fingerprint of
    each of its plans. A server makes its ids itself; they are numbered as they come."""
    whole = "".join(found.values())
    if _STORE_BY_PATH not in whole and _SERVER not in whole:
        return found
    found = {name: _FINGERPRINT.sub("<fingerprint>", text) for name, text in found.items()}
    if _SERVER in whole:
        numbers = {each: f"<id {number}>" for number, each in enumerate(dict.fromkeys(_ID.findall(whole)), 1)}
        found = {name: _ID.sub(lambda match: numbers[match[0]], text) for name, text in found.items()}
    return found
