"""The one place that turns everything into exit codes (product.md, section 2). No user ever sees a traceback.

A failure is words on standard error, and in a format for programs a document of that format on standard output.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click

from gatectl import errors, signals
from gatectl.cli.console import Console, command_of, console_from, let_go
from gatectl.clock import CLOCK, Clock, use
from gatectl.quote import quote
from gatectl.version import __version__


def run(arguments: Sequence[str], watch: signals.Watch | None = None, clock: Clock = CLOCK) -> int:
    """Run one command line; its exit code. `watch` hears the signals already; without one, they are heard for as long as this lasts.
    Deadlines and waits go by `clock`."""
    use(clock)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever called us (`gatectl plan >&-`)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
    if watch is not None:
        return _run(arguments, watch)
    watch = signals.Watch()
    watch.begin()
    try:
        return _run(arguments, watch)
    finally:
        watch.end()


def _run(arguments: Sequence[str], watch: signals.Watch) -> int:
    signals.use(watch)
    try:
        code = _guarded(arguments, watch)
        watch.close()
    except KeyboardInterrupt:
        code = interrupted(arguments)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            let_go(stream)  # what could not be written was told, or there is nobody to tell
    return code


def interrupted(arguments: Sequence[str]) -> int:
    """Say that a signal came before anything was written."""
    return _fail(console_from(arguments, os.environ), errors.Interrupted("interrupted; nothing was written"))


def _guarded(arguments: Sequence[str], watch: signals.Watch) -> int:
    # A command lives for seconds and its data until the end, so there is nothing for the collector to find.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        _bear_everything(stream)
    if "_GATECTL_COMPLETE" in os.environ:
        return _complete()
    console = console_from(arguments, os.environ)
    try:
        return _command(arguments)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return errors.USAGE
    except click.UsageError as error:
        hint = _hint(error, arguments)
        return _fail(console, errors.UsageError(error.format_message(), hint))
    except errors.GatectlError as error:
        return _fail(console, error)
    except (KeyboardInterrupt, click.Abort):
        return interrupted(arguments)
    except OSError as error:
        return _of_system(console, error, arguments)
    except (Exception, RecursionError, MemoryError) as error:
        return _internal(console, error, arguments)


def _of_system(console: Console, error: OSError, arguments: Sequence[str]) -> int:
    if signals.current().stopping():  # click has a word to say of it, to somebody who may be gone
        return interrupted(arguments)
    if isinstance(error, BrokenPipeError):
        # Whoever reads our help has seen enough; what is written elsewhere was asked for.
        if set(arguments) & {"-h", "--help", "--version"}:
            return errors.DONE
        return _fail(console, errors.InputError("a pipe that was to be written to was closed"))
    return _fail(console, errors.InputError(f"{quote(error.filename or 'input/output')}: {error.strerror or error}"))


def _hint(error: click.UsageError, arguments: Sequence[str]) -> str | None:
    """What to type instead: what a habit of another program is called here, else where it is written."""
    refused = error.option_name if isinstance(error, click.NoSuchOption) else None
    if isinstance(error, (click.NoSuchOption, click.BadOptionUsage)):
        from gatectl.cli.habits import option_hint

        if (meant := option_hint(arguments, command_of(arguments), refused)) is not None:
            return meant
    return f"see: {error.ctx.command_path} --help" if error.ctx is not None else None


def _command(arguments: Sequence[str]) -> int:
    from gatectl.cli import gatectl

    try:
        code = gatectl.main(list(arguments), prog_name="gatectl", standalone_mode=False)
    except SystemExit as error:  # what click makes of a closed pipe
        raise BrokenPipeError from error
    sys.stdout.flush()
    return code if isinstance(code, int) else errors.DONE


def _complete() -> int:
    """Answer a shell that completes a command line. A user who types is never shown an error."""
    from gatectl.cli import gatectl
    from gatectl.cli.completion import answer

    return answer(gatectl)


def _bear_everything(stream: TextIO) -> None:
    """A terminal that cannot show a character gets an escape, not an exception."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _fail(console: Console, error: errors.GatectlError) -> int:
    signals.current().close()
    console.failure(error.code, error.message, error.hint)
    console.error(error.code, error.message, error.hint)
    return error.exit_code


def _internal(console: Console, error: BaseException, arguments: Sequence[str]) -> int:
    what = (
        f"{type(error).__name__}: {error}".splitlines()[0][:300]
        if not isinstance(error, MemoryError)
        else "out of memory"
    )
    message = f"internal error, which is a fault of gatectl and not yours: {what}"
    command = command_of(arguments)
    hint = f"please report it with this line, the command ({command}), and: gatectl {__version__}, Python {sys.version.split()[0]}"
    console.failure("internal", message, hint)
    console.error("internal", message, hint if console.verbosity > 0 else f"{hint}; -v shows the trace")
    if console.verbosity > 0:
        console.trace("".join(traceback.format_exception(error)))
    return errors.FAILED
