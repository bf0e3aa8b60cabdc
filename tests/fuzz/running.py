"""Run the commands of an input in this process, and judge what they print."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import inputs
import seeds

from gatectl import signals
from gatectl.cli import exits
from gatectl.documents import plans
from gatectl.platforms import driver_for, snapshot
from gatectl.platforms.interface import Connection
from leaping import Leaping

CODES: Final = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 64, 130))
LONGEST: Final = 120
"""Seconds after which a command counts as one that never ends."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_COMMAND: Final = re.compile(r"^\s*::|##\[|##vso\[|##teamcity\[", re.MULTILINE)


class Hung(BaseException):
    """A command did not end."""


class Runner:
    """A working directory, the environment of a user, and a platform on loopback that answers as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.platform = Answering()
        (folder / "home").mkdir(parents=True, exist_ok=True)
        self.codes: list[int] = []
        """What the commands of the last input ended with."""
        self._place: str | None = None
        self._since_collected = 0

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Runner]:
        """The process is in the folder, with nothing but our variables; afterwards as before."""
        variables, where = dict(os.environ), os.getcwd()
        alarm = signal.signal(signal.SIGALRM, _hung)
        home = str(self.folder / "home")
        os.environ.clear()
        # No git on the path: what is read here are files, and a process for each would take most of the time.
        os.environ.update(seeds.VARIABLES, HOME=home, PATH=home, GATECTL_TOKEN="t", LANG="C.UTF-8",
                          GATECTL_TRUSTED_HOSTS=f"127.0.0.1:{self.platform.port}")  # fmt: skip
        try:
            yield self
        finally:
            signal.signal(signal.SIGALRM, alarm)
            os.environ.clear()
            os.environ.update(variables)
            os.chdir(where)
            gc.enable()
            self.platform.close()

    def judge(self, given: inputs.Input) -> list[str]:
        """What is wrong with how gatectl bears an input."""
        work = self._lay_out(given)
        self.platform.answers = given.answers
        self.codes.clear()
        found: list[str] = []
        for command in given.commands:
            line = [one.replace(inputs.PLATFORM, self.platform.url) for one in command]
            found += [f"gatectl {' '.join(command)}: {one}" for one in self._judged(line)]
        os.chdir(self.folder)
        shutil.rmtree(work)
        self._since_collected += 1
        if self._since_collected >= 20:  # a command never collects
            self._since_collected = 0
            gc.collect()
        return found

    def _lay_out(self, given: inputs.Input) -> Path:
        work = self.folder / "work"
        work.mkdir()
        seeds.lay_out(work)
        if self._place is None:
            reader = driver_for("embedded").open_reader(Connection("embedded", work))
            self._place = reader.identification.place
            reader.close()
        for name, content in given.files.items():
            path = work / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self._sealed(content) if name == given.sealed else content)
            path.chmod(0o600)
        os.chdir(work)
        return work

    def _sealed(self, content: bytes) -> bytes:
        """A document with the digests that it should have, if it is one that can have any."""
        try:
            document = json.loads(content)
            if "target" in document and "outcomes" not in document and document["target"].get("place"):
                document["target"]["place"] = self._place
            if isinstance(document, dict) and "takenAt" in document:
                document["digest"] = snapshot.digest(document)
            else:
                inner = document.get("plan", document)
                inner["fingerprint"] = plans.fingerprint(inner)
                inner["digest"] = plans.digest(inner)
            return json.dumps(document).encode()
        except Exception:  # it is to be anything
            return content

    def _judged(self, line: Sequence[str]) -> Iterator[str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict") for _ in range(2)]
        try:
            code = _run(line, *streams)
        except Hung as error:
            yield f"has not ended after {LONGEST} s: {''.join(traceback.format_exception(error)[-4:])}"
            return
        except BaseException as error:
            yield "".join(traceback.format_exception(error))
            return
        out, err = (stream.buffer.getvalue().decode("utf-8", "replace") for stream in streams)  # type: ignore[attr-defined]
        self.codes.append(code)
        if code not in CODES:
            yield f"ends with {code}"
        for text in (out, err):
            at = max(text.find("Traceback"), text.find("internal error"), text.find('"internal"'))
            if at >= 0:
                yield f"says: {text[max(at - 200, 0) : at + 500]}"
                yield from self._trace(line)
        yield from _unclean("standard error", err)
        if "json" in line:
            yield from _no_json(out)
        elif not {"github", "gitlab", "sarif", "junit"} & set(line):
            yield from _unclean("standard output", out)

    def _trace(self, line: Sequence[str]) -> Iterator[str]:
        """The command again, with the trace of what went wrong inside."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="replace")
        with contextlib.suppress(BaseException):
            _run(["-v", *line], io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), stream)
        yield stream.buffer.getvalue().decode("utf-8", "replace")[-1500:]  # type: ignore[attr-defined]


def _hung(number: int, frame: Any) -> None:
    raise Hung


def _run(line: Sequence[str], out: io.TextIOWrapper, err: io.TextIOWrapper) -> int:
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), out, err
    signal.alarm(LONGEST)
    try:
        # A watch that was never begun leaves SIGALRM to us; and nobody waits for what is answered badly.
        return exits.run(line, signals.Watch(), Leaping().clock)
    finally:
        signal.alarm(0)
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in (out, err):
            stream.flush()


def _unclean(where: str, text: str) -> Iterator[str]:
    if (hit := _CONTROL.search(text)) is not None:
        yield f"{where} has {hit[0]!r}: {text[max(hit.start() - 100, 0) : hit.end() + 50]!r}"
    if (hit := _COMMAND.search(text)) is not None:
        yield f"{where} has a command for a runner: {text[max(hit.start() - 100, 0) : hit.end() + 50]!r}"


def _no_json(out: str) -> Iterator[str]:
    def constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        json.loads(out, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        yield f"prints no JSON document: {error}: {out[:300]!r}"
    if "##[" in out:
        yield "prints a command for a runner"


class Answering:
    """A server on loopback that answers each request with what `answers` has for it, else as a platform should."""

    def __init__(self) -> None:
        self.answers: Mapping[str, bytes] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            while first := stream.readline():
                method, target, _ = first.decode("latin-1").split(" ", 2)
                length = 0
                while (header := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                stream.read(length)
                status, body = self._answer(method, target.partition("?")[0])
                head = (
                    f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                connection.sendall(head.encode() + body)

    def _answer(self, method: str, path: str) -> tuple[int, bytes]:
        for name in (f"{method} {path}", method):
            if name in self.answers:
                return 200, self.answers[name]
            if name in inputs.ANSWERS:
                return 200, json.dumps(inputs.ANSWERS[name]).encode()
        return (404, b'{"success": false, "message": "Not Found"}') if method == "GET" else (200, b'{"success": true}')
