"""What is written where: the result alone on standard output; prompts, progress and logs on standard error."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from gatectl.errors import Declined, InputError
from gatectl.network.addresses import without_secrets
from gatectl.quote import json_text, quote, safe
from gatectl.render import RENDERERS, renderer
from gatectl.render.interface import Look
from gatectl.render.wrap import wrap

if TYPE_CHECKING:
    from gatectl.graph.values import Graph

_MOMENT: Final = 1.0
"""Seconds that nobody needs a word for."""


class Console:
    """How this command speaks: its format, colours, and how much."""

    def __init__(
        self, format_name: str = "text", color: str = "auto", verbosity: int = 0, log_format: str = "text"
    ) -> None:
        self.format = format_name
        self.color = color
        self.verbosity = verbosity
        self.log_format = log_format
        self.budget = Look().budget
        self.environment = ""
        self.declared: Callable[[], Graph | None] | None = None

    @property
    def machine(self) -> bool:
        """Whether standard output is one document for programs."""
        return self.format in RENDERERS and renderer(self.format).machine

    def look(self, stream: TextIO | None = None) -> Look:
        stream = sys.stdout if stream is None else stream
        width = shutil.get_terminal_size((100, 24)).columns
        look = Look(self._colored(stream), width, self.verbosity, budget=self.budget, environment=self.environment)
        return look._replace(declared=self.declared)

    def _colored(self, stream: TextIO) -> bool:
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if any(os.environ.get(name, "0") not in ("", "0", "false") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
            return True
        return stream.isatty() and os.environ.get("TERM") != "dumb"

    def result(self, text: str) -> None:
        """Print the result. Raises InputError where standard output takes it not; whoever closed it has seen enough."""
        if text:
            if self.format == "text" and sys.stdout.isatty():
                text = wrap(text, shutil.get_terminal_size((100, 24)).columns)
            _print(text + "\n")

    def paint(self, text: str) -> None:
        """Print to a terminal as it is, what moves the cursor included. Raises InputError as `result`."""
        _print(text)

    def failure(self, code: str, message: str, hint: str | None) -> None:
        """Why the command failed, where the format has a form for it; the words go to standard error in any case."""
        show = renderer(self.format).failure if self.format in RENDERERS else None
        if show is not None:
            from gatectl.documents.findings import error_json

            with contextlib.suppress(InputError):  # the words are on standard error
                self.result(show(error_json(code, message, hint), self.look()))

    def result_json(self, document: object) -> None:
        self.result(json_text(document))

    def refuse_without_yes(self, question: str, otherwise: str) -> None:
        """Ask on the terminal. Raises Declined, with these words, for anything but a yes."""
        sys.stderr.write(f"{question}? Only 'yes' is a yes: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip() != "yes":
            raise Declined(f"declined; {otherwise}")

    def info(self, message: str) -> None:
        if self.verbosity >= 0:
            self._log("info", message)

    def debug(self, message: str) -> None:
        if self.verbosity > 0:
            self._log("debug", message)

    def warning(self, message: str) -> None:
        """What went wrong without changing the result; said however quiet one is."""
        self._log("warning", message if self.log_format == "json" else f"warning: {message}")

    def error(self, code: str, message: str, hint: str | None) -> None:
        if self.log_format == "json":
            self._log("error", message, code=code, hint=hint)
            return
        word = "\x1b[31;1merror:\x1b[0m" if self._colored(sys.stderr) else "error:"
        self._write(f"{word} {_safe_lines(message)}\n" + (f"    hint: {_safe_lines(hint)}\n" if hint else ""))

    def event(self, level: Literal["debug", "info", "warning"], what: str, fields: Mapping[str, object]) -> None:
        """What happened in a process that goes on: a word, and what belongs to it; of JSON a line each, with when."""
        if self.verbosity < {"debug": 1, "info": 0, "warning": -1}[level]:
            return
        if self.log_format == "json":
            from gatectl.clock import current, timestamp

            self._log(level, what, time=timestamp(current().moment()), **fields)
            return
        said = " ".join(
            f"{name}={quote(str(value))}" for name, value in fields.items() if value not in (None, "", False)
        )
        self._log(level, f"{what}: {said}" if said else what)

    @contextmanager
    def waiting(self, platform: str) -> Iterator[None]:
        """While this lasts, a person who looks on is told after a moment which platform is waited for, once."""
        if self.verbosity < 0 or self.log_format == "json" or not sys.stderr.isatty():
            yield
            return
        what = quote(without_secrets(platform))
        notice = threading.Timer(_MOMENT, lambda: self._log("info", f"waiting for {what} …"))
        notice.daemon = True
        notice.start()
        try:
            yield
        finally:
            notice.cancel()

    def trace(self, text: str) -> None:
        if self.log_format == "json":
            self._log("debug", text)
        else:
            self._write("\n".join(map(safe, text.split("\n"))))

    def _log(self, level: str, message: str, **fields: Any) -> None:
        if self.log_format == "json":
            self._write(json_text({"level": level, "message": message, **fields}, indent=None) + "\n")
        else:
            self._write(_safe_lines(message) + "\n")

    def _write(self, text: str) -> None:
        if self.log_format == "text" and sys.stderr.isatty():
            text = wrap(text, shutil.get_terminal_size((100, 24)).columns)
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass  # nobody listens; what matters is the result and the exit code


def _print(text: str) -> None:
    try:
        _write_all(sys.stdout, text)
    except KeyboardInterrupt:
        let_go(sys.stdout)  # half a document is not followed by another
        raise
    except BrokenPipeError:
        let_go(sys.stdout)
    except OSError as error:
        let_go(sys.stdout)
        raise InputError(f"standard output cannot be written: {error.strerror or error}") from error


def _write_all(stream: TextIO, text: str) -> None:
    """All of it, whatever signals come meanwhile: Python's own buffers lose what a signal leaves unwritten."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stream that is no file
        stream.write(text)
        stream.flush()
        return
    stream.flush()
    rest = memoryview(text.encode(stream.encoding or "utf-8", stream.errors or "backslashreplace"))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def let_go(stream: TextIO) -> None:
    """Write to nowhere from now on: what is left in the stream must not be tried again (Python would exit with 120)."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _safe_lines(text: str) -> str:
    return "\n".join(safe(line) for line in text.split("\n"))


_WITH_VALUES = frozenset(("--project", "-e", "--env", "--platform", "--workspace", "--color", "--log-format"))


def command_of(arguments: Sequence[str]) -> str:
    """The command that a command line means, "" for none: its first word that is neither an option nor one's value."""
    words = iter(arguments)
    for word in words:
        if word in _WITH_VALUES:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def console_from(arguments: Sequence[str], environment: Mapping[str, str]) -> Console:
    """How to speak when the command line itself may be what is wrong: read off the bare words."""
    words = list(arguments)
    variable = environment.get(f"GATECTL_{command_of(words).upper()}_FORMAT")
    format_name = _printed(_options(words, "--format") or (variable or "").split())
    quiet = _flag(words, "-q", "--quiet", environment.get("GATECTL_QUIET"))
    verbose = _flag(words, "-v", "--verbose", environment.get("GATECTL_VERBOSE"))
    color = _option(words, "--color") or environment.get("GATECTL_COLOR") or "auto"
    log_format = _option(words, "--log-format") or environment.get("GATECTL_LOG_FORMAT") or "text"
    return Console(format_name, color, -1 if quiet else int(verbose), log_format)


def _flag(words: Sequence[str], short: str, long: str, variable: str | None) -> bool:
    if variable is not None and variable.lower() in ("1", "true", "t", "yes", "y", "on"):
        return True
    return long in words or any(
        w[:1] == "-" != w[1:2] and short[1] in w[1:] and set(w[1:]) <= {"q", "v"} for w in words
    )


def _option(words: Sequence[str], name: str) -> str | None:
    """The value of an option, the last one where it is given again."""
    return next(reversed(_options(words, name)), None)


def _options(words: Sequence[str], name: str) -> list[str]:
    """All values of an option that is given again and again."""
    found = []
    for index, word in enumerate(words):
        if word == name and index + 1 < len(words):
            found.append(words[index + 1])
        elif word.startswith(f"{name}="):
            found.append(word.partition("=")[2])
    return found


def _printed(formats: Sequence[str]) -> str:
    """The format of standard output among those that are asked for; of several, which is a mistake, one for programs."""
    printed = [name for name, given, file in (text.partition("=") for text in formats) if not given or file == "-"]
    return next((name for name in printed if name != "text"), "text")
