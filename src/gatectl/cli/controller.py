"""`gatectl controller`: one process of a fleet's controller."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import click

from gatectl import clock
from gatectl.cli.console import Console
from gatectl.cli.options import Globals, command
from gatectl.errors import DONE, UsageError
from gatectl.quote import quote

_NEEDED = ("dbos", "starlette", "uvicorn")


@command("controller")
@click.option("--fleet", "fleet_file", required=True, metavar="FILE", help="The fleet file.")
@click.option(
    "--database",
    metavar="URL",
    help="sqlite:///path or postgresql://… (default: .gatectl/controller.db beside the fleet file).",
)
@click.option(
    "--state",
    metavar="FOLDER",
    help="Where mirrors of git repositories are kept (default: .gatectl beside the fleet file).",
)
@click.option(
    "--listen",
    default="127.0.0.1:8474",
    show_default=True,
    metavar="HOST:PORT",
    help="Where it answers; none: nowhere.",
)
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Targets looked at at once.")
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, fleet_file: str, database: str | None, state: str | None, listen: str, threads: int
) -> int:
    """Keep the workspaces of a fleet as their git repositories say, until it is ended.

    Any number of equal processes may share a PostgreSQL database. One that is ended or cut off is taken over within half a minute; one
    that could not say for twelve seconds that it is there ends by itself (exit code 70), and is to be started again.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"a controller needs {', '.join(missing)}", "install gatectl with its extra 'controller'")
    from gatectl.controller import approving, place
    from gatectl.controller.database import beside
    from gatectl.controller.measures import Measures
    from gatectl.controller.opening import Operator
    from gatectl.controller.process import Process, Settings, digest_of
    from gatectl.controller.running import end_at_once, run
    from gatectl.fleet.reading import load_fleet
    from gatectl.platforms.interface import Shared

    fleet = load_fleet(os.path.abspath(fleet_file))
    console = options.console()
    address = place.database_of(fleet, database, os.environ)
    key = approving.key_of(place.key_file_of(fleet, address, os.environ))
    operator = Operator(fleet, dict(os.environ), beside(address, "records"), Shared())
    folder = Path(os.path.abspath(state)) if state is not None else place.folder_of(fleet) / ".gatectl"
    settings = Settings(
        operator, address, beside(address, "engine"), folder, key, _teller(console), end_at_once, digest_of(fleet),
        Measures(), threads=threads, clock=clock.current(),
    )  # fmt: skip

    address_of = _address(listen)

    def answering(process: Process) -> Callable[[], None]:
        if address_of is None:
            return lambda: None
        from gatectl.controller.acts import Desk
        from gatectl.controller.serving import listening

        said = listening.Log(console.info, lambda text: console.error("controller", text, None))
        web = listening.serve(
            Desk(process.database, fleet, key), listening.Address(*address_of),
            listening.Settings(operator.environ, settings.measures, lambda: not process.alive.lapsed, process.woken.set, said),
        )  # fmt: skip
        return web.close

    run(settings, answering)
    return DONE


def _address(listen: str) -> tuple[str, int] | None:
    """Host and port; None: it does not listen. Raises UsageError."""
    if listen == "none":
        return None
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"'{quote(listen)}' is no address to listen at", "--listen HOST:PORT, or --listen none")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _teller(console: Console) -> Callable[[str, Mapping[str, object]], None]:
    """One line for each thing that happened; what is as it was is said to those alone who want to hear more."""

    def tell(what: str, fields: Mapping[str, object]) -> None:
        console.event("debug" if what == "unchanged" else "warning" if what in _WRONG else "info", what, fields)

    return tell


_WRONG = ("internal error", "database away")
