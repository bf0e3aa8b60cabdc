"""`gatectl why KIND/NAME [FIELD]`: what is declared, was applied last and is live of an object, what decided, and what it waits for."""

from __future__ import annotations

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, offers
from gatectl.cli.planning import Selection, make_request, refuse_unnamed
from gatectl.errors import DONE, INVALID
from gatectl.render.why import text

_NOTHING = Selection(
    paths=(), selector=None, targets=(), prune=False, renew=(), take_over=(), force_put=False, deadline=0.0,
    guardrails_from=None,
)  # fmt: skip


@command("why")
@click.argument("name", metavar="KIND/[WORKSPACE/]NAME", shell_complete=offers("objects"))
@click.argument("field", required=False, metavar="[FIELD]")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@deadline_option
def COMMAND(options: Globals, name: str, field: str | None, format_name: str, deadline: float) -> int:  # noqa: N802 - the table's word
    """Explain an object, or one FIELD of it: what is declared and where, what was applied last and by whom, what is live.

    Of each field it says what decides: the manifest's line, a default, the platform, the attachment policy or a rule; of the object,
    what a change of it waits for: findings, guardrails, an apply under way. Manifests with errors end with 4.
    """
    console = options.console(format_name)
    request = make_request(options, _NOTHING._replace(deadline=deadline))
    request = request._replace(tell=console.debug, warn=console.warning)
    refuse_unnamed(request)
    with console.waiting(request.environment.platform):
        found = estate_of(request.project, request.environment).explain(request, name, field)
    if format_name == "json":
        console.result_json(found)
    else:
        console.result(text(found, console.look()))
    return DONE if found["read"] else INVALID
