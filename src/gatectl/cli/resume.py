"""`gatectl resume TARGET`: a target that was paused goes on."""

from __future__ import annotations

import click

from gatectl.cli.fleets import Where, controller_of, where_options
from gatectl.cli.options import Globals, command
from gatectl.errors import DONE
from gatectl.render.fleets import done


@command("resume")
@click.argument("target", metavar="TARGET")
@where_options
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def COMMAND(options: Globals, where: Where, target: str, format_name: str) -> int:  # noqa: N802 - the table's word
    """Have a controller go on with a target that was paused: it is looked at at once."""
    console = options.console(format_name)
    with controller_of(where) as controller:
        act = controller.resume(target)
    console.result_json(act) if format_name == "json" else console.result(done(act))
    return DONE
