"""`gatectl drift`: where declared, last applied and live differ, and who changed it. Reads, and only reads."""

from __future__ import annotations

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command
from gatectl.cli.planning import Selection, make_request, refuse_unnamed, selection_options
from gatectl.documents.drift import code
from gatectl.errors import DONE, UsageError
from gatectl.render.drift import FORMATS, render


@command("drift")
@selection_options
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="text", help="How to print it.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="2 where somebody changed something, 3 where it is detached or gone."
)
def COMMAND(options: Globals, selection: Selection, format_name: str, detailed_exitcode: bool) -> int:  # noqa: N802 - the table's word
    """Show what was changed on the platform since it was applied, and what in the manifests.

    Each difference is ours (we changed the manifest), theirs (somebody changed the platform), both, or unknown, where it is
    not remembered how it was applied; that counts as theirs.
    """
    if selection.prune or selection.renew or selection.take_over:
        raise UsageError("drift changes nothing", "leave out --prune, --renew-credentials and --take-over")
    console = options.console(format_name)
    request = make_request(options, selection)._replace(tell=console.debug, warn=console.warning)
    refuse_unnamed(request)
    with console.waiting(request.environment.platform):
        found = estate_of(request.project, request.environment).look(request)
    if format_name == "json":
        console.result_json(found)
    else:
        console.result(render(found, format_name))
    return code(found) if detailed_exitcode else DONE
