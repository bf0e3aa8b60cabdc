"""`gatectl status [TARGET…]`: what a controller knows of the targets of its fleet. Reads, and only reads."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterator
from typing import Final

import click

from gatectl import clock
from gatectl.cli.console import Console
from gatectl.cli.fleets import Controller, Where, controller_of, where_options
from gatectl.cli.options import Globals, command
from gatectl.documents.fleets import FleetStatus, TargetStatus, code, narrowed
from gatectl.errors import DONE, NotAuthenticated, PlatformError
from gatectl.render.fleets import change, table
from gatectl.render.interface import Look
from gatectl.render.wrap import wrap

_AGAIN: Final = 2.0
"""Seconds between two looks of --watch."""
_ENDLESS: Final = 100_000
_TOP: Final = "\x1b[H"
_REST: Final = "\x1b[J"
_LINE: Final = "\x1b[K"
_WHOLE: Final = "\x1b[2J"


@command("status")
@click.argument("names", nargs=-1, metavar="[TARGET]…")
@where_options
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C; without a terminal, print what changes.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="2 where something differs or waits, 3 where it failed or is invalid."
)
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, where: Where, names: tuple[str, ...], watch: bool, format_name: str, detailed_exitcode: bool
) -> int:
    """Show what a controller knows of the targets of its fleet: the state of each, since when and why.

    TARGET is a target, or a source for all of its targets. The states, the first that holds: paused, invalid, failed, applying,
    waiting, pending, drifted, in-sync. Of many targets those in sync are counted, unless they are named, or with -v. With --watch and
    --format json each line is a document with the targets that changed.
    """
    console = options.console(format_name)
    with controller_of(where._replace(deadline=math.inf) if watch else where) as controller:
        with console.waiting(where.url or "the controller's database"):
            status = narrowed(controller.status(), names)
        if watch:
            status = _watch(console, controller, status, names)
        elif format_name == "json":
            console.result_json(status)
        else:
            console.result(table(status, _look(console), every=bool(names)))
    return code(status) if detailed_exitcode else DONE


def _look(console: Console) -> Look:
    """How a list is to look: in a pipe its lines stay whole, however long they are."""
    look = console.look()
    return look if sys.stdout.isatty() else look._replace(width=_ENDLESS)


def _watch(console: Console, controller: Controller, status: FleetStatus, names: tuple[str, ...]) -> FleetStatus:
    """Show what is known again and again, until somebody ends that; the last of it."""
    screen = console.format == "text" and sys.stdout.isatty()
    known: dict[str, TargetStatus] = {}
    try:
        if screen:
            console.paint(_WHOLE)
        while True:
            if screen:
                console.paint(_screen(console, status, named=bool(names)))
            else:
                _changes(console, status, known)
            known = {each["name"]: each for each in status["targets"]}
            status = _later(console, controller, status, names)
    except KeyboardInterrupt:
        return status


def _later(console: Console, controller: Controller, before: FleetStatus, names: tuple[str, ...]) -> FleetStatus:
    """What is known after a moment. That nothing can be read for a while is said, and tried again."""
    away = False
    while True:
        clock.current().sleep(_AGAIN)
        try:
            found = controller.status()
        except NotAuthenticated:
            raise
        except PlatformError as error:
            if not away:
                console.warning(f"{error.message}; tried again")
            away = True
            continue
        mine = [each for each in found["targets"] if not names or {each["name"], each["source"]} & set(names)]
        return {**found, "targets": mine}


def _changes(console: Console, status: FleetStatus, known: dict[str, TargetStatus]) -> None:
    """What is not as it was, a line a target; as JSON, a line with all of them."""
    changed = [each for each in status["targets"] if _told(each) != _told(known.get(each["name"]))]
    if not changed:
        return
    if console.format == "json":
        console.result(json.dumps({**status, "targets": changed}, separators=(",", ":")))
    else:
        console.result("\n".join(change(each, status["at"], console.look()) for each in changed))


def _told(target: TargetStatus | None) -> object:
    """What of a target is worth a line: not when it was looked at."""
    return None if target is None else {**target, "looked": None, "due": None, "worker": None, "failures": None}


def _screen(console: Console, status: FleetStatus, *, named: bool) -> str:
    """All of it for a terminal, as much as there is room for."""
    width, height = shutil.get_terminal_size((100, 24))
    lines = wrap(table(status, console.look(), every=named), width).split("\n")
    return _TOP + "\n".join(f"{line}{_LINE}" for line in _fitting(lines, max(height - 1, 3))) + "\n" + _REST


def _fitting(lines: list[str], room: int) -> Iterator[str]:
    """The first lines and the last, which sums up."""
    if len(lines) <= room:
        yield from lines
        return
    yield from lines[: room - 2]
    yield f"… {len(lines) - room + 1:,} more lines"
    yield lines[-1]
