"""`gatectl pause TARGET`: a controller leaves a target alone until `gatectl resume TARGET`."""

from __future__ import annotations

import click

from gatectl.cli.fleets import Where, controller_of, where_options
from gatectl.cli.options import Globals, command
from gatectl.errors import DONE
from gatectl.render.fleets import done


@command("pause")
@click.argument("target", metavar="TARGET")
@where_options
@click.option("--reason", allow_from_autoenv=False, metavar="TEXT", help="Why; gatectl status shows it.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def COMMAND(options: Globals, where: Where, target: str, reason: str | None, format_name: str) -> int:  # noqa: N802 - the table's word
    """Have a controller leave a target alone: it is neither looked at nor applied until it is resumed. What has begun ends."""
    console = options.console(format_name)
    with controller_of(where) as controller:
        act = controller.pause(target, reason)
    console.result_json(act) if format_name == "json" else console.result(done(act))
    return DONE
