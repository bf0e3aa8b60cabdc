"""gatectl in processes of their own that need not start Python and load the program first: each is forked from one that has.

A fork has its own working directory, variables and streams, and is ended by signals, as any process. What happens while Python starts
is not tried so: tests of that start one.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TextIO

_TESTS: Final = str(Path(__file__).parent)
_AT_ONCE: Final = 0.0
_STATUS: Final = struct.Struct("i")
_ONE_AT_A_TIME: Final = threading.Lock()


class Ended(NamedTuple):
    """How a process ended, and what it printed."""

    code: int
    out: str
    err: str


class Forked:
    """A process that was forked."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._status = status
        self._code: int | None = None

    def wait(self, timeout: float = 600) -> int:
        """Its exit code, or the signal that ended it, below zero. Raises TimeoutError."""
        if self._code is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise TimeoutError(f"{self.pid} goes on")
            (self._code,) = _STATUS.unpack(os.read(self._status, _STATUS.size))
            os.close(self._status)
        return self._code

    def terminate(self) -> None:
        """Ask it to end, if it has not."""
        if self._code is None and not select.select([self._status], [], [], _AT_ONCE)[0]:
            os.kill(self.pid, signal.SIGTERM)


def start(
    arguments: Sequence[str], folder: Path, variables: Mapping[str, str], out: int, err: int, *, waits: bool = True
) -> Forked:
    """Begin a command with an empty standard input. `out` and `err` are open files; `waits`: it goes by the real clock."""
    asked = {"arguments": list(arguments), "folder": str(folder), "variables": dict(variables), "waits": waits}
    data = json.dumps(asked).encode("utf-8", "surrogatepass")
    read, write = os.pipe()
    try:
        with _ONE_AT_A_TIME:
            _, way = _nursery()
            socket.send_fds(way, [struct.pack("I", len(data))], [out, err, write])
            way.sendall(data)
            (pid,) = _STATUS.unpack(_received(way, _STATUS.size))
    finally:
        os.close(write)
    return Forked(pid, read)


def run(arguments: Sequence[str], folder: Path, variables: Mapping[str, str], *, waits: bool = True) -> Ended:
    """A command, to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = start(arguments, folder, variables, out.fileno(), err.fileno(), waits=waits).wait()
        return Ended(code, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


@cache
def _nursery() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process that is forked, one for each that runs tests, and the way to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; sys.path.insert(0, sys.argv[1]); import forking; forking.serve()",
                _TESTS,
            ],
            stdin=theirs.fileno(),
        )
    atexit.register(ours.close)
    return process, ours


def _received(way: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = way.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def serve() -> None:
    """Load gatectl, and fork for whoever asks, until nobody does."""
    _load()
    way = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([way, told], [], [])
        if told in ready:
            os.read(told, 4096)
            _reap(running)
        if way in ready:
            try:
                head, files, _, _ = socket.recv_fds(way, 4, 3)
                asked: dict[str, Any] = json.loads(_received(way, struct.unpack("I", head)[0]))
            except (EOFError, struct.error):
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for each in (way.fileno(), told, tell, *running.values()):
                    os.close(each)
                _become(asked, *files)
            for each in files[:2]:
                os.close(each)
            running[pid] = files[2]
            way.sendall(_STATUS.pack(pid))


def _reap(running: dict[int, int]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            told = running.pop(pid)
            os.write(told, _STATUS.pack(os.waitstatus_to_exitcode(status)))
            os.close(told)


def _load() -> None:
    """What commands load when they run, all of it."""
    import importlib
    import pkgutil

    import gatectl

    for module in pkgutil.walk_packages(gatectl.__path__, "gatectl."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ImportError:
                continue  # of an extra that is not installed


def _streams() -> tuple[TextIO, TextIO, TextIO]:
    """The standard streams, as Python makes them when it starts."""
    return (
        os.fdopen(0, encoding="utf-8", closefd=False),
        os.fdopen(1, "w", encoding="utf-8", closefd=False),
        os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1),
    )


def _become(asked: dict[str, Any], out: int, err: int, status: int) -> None:
    """The command, in the child; comes back never."""
    code = 70
    try:
        os.close(status)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        sys.stdin, sys.stdout, sys.stderr = _streams()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(asked["variables"])
        os.chdir(asked["folder"])
        from gatectl.cli.exits import run
        from gatectl.clock import CLOCK
        from leaping import Leaping

        code = run(asked["arguments"], clock=CLOCK if asked["waits"] else Leaping().clock)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
