"""`gatectl why KIND/NAME [FIELD]`: what is declared, was applied last and is live of an object, what decided, and what it waits for.
`gatectl why TARGET --fleet FILE`: the state of a target of a fleet, and what to do about it."""

from __future__ import annotations

import click

from gatectl.cli.console import Console
from gatectl.cli.estates import estate_of
from gatectl.cli.fleets import Where, controller_of, where_options
from gatectl.cli.options import Globals, command, offers
from gatectl.cli.planning import Selection, make_request, refuse_unnamed
from gatectl.errors import DONE, INVALID, UsageError
from gatectl.render.why import text

_NOTHING = Selection(
    paths=(), selector=None, targets=(), prune=False, renew=(), take_over=(), force_put=False, deadline=0.0,
    guardrails_from=None,
)  # fmt: skip


@command("why")
@click.argument("name", metavar="KIND/[WORKSPACE/]NAME|TARGET", shell_complete=offers("objects"))
@click.argument("field", required=False, metavar="[FIELD]")
@where_options
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def COMMAND(options: Globals, where: Where, name: str, field: str | None, format_name: str) -> int:  # noqa: N802 - the table's word
    """Explain an object, or one FIELD of it: what is declared and where, what was applied last and by whom, what is live.

    Of each field it says what decides: the manifest's line, a default, the platform, the attachment policy or a rule; of the object,
    what a change of it waits for: findings, guardrails, an apply under way. Manifests with errors end with 4.

    With --fleet or --url it explains a TARGET of that controller: its state, all that holds of it, since when, what to do, its last runs.
    """
    console = options.console(format_name)
    if where.fleet is not None or where.url is not None:
        return _target(console, where, name, field)
    if where.database is not None:
        raise UsageError("--database is for a TARGET, with --fleet", "leave it out to explain an object")
    request = make_request(options, _NOTHING._replace(deadline=where.deadline))
    request = request._replace(tell=console.debug, warn=console.warning)
    refuse_unnamed(request)
    with console.waiting(request.environment.platform):
        found = estate_of(request.project, request.environment).explain(request, name, field)
    if format_name == "json":
        console.result_json(found)
    else:
        console.result(text(found, console.look()))
    return DONE if found["read"] else INVALID


def _target(console: Console, where: Where, name: str, field: str | None) -> int:
    """Explain a target of a fleet."""
    from gatectl.render.fleets import story

    if field is not None:
        raise UsageError("a TARGET has no FIELD", "leave it out, or leave out --fleet and --url to explain an object")
    with controller_of(where) as controller, console.waiting(where.url or "the controller's database"):
        told = controller.story(name)
    if console.format == "json":
        console.result_json(told)
    else:
        console.result(story(told, console.look(), lambda words: f"gatectl {words} {where.words}"))
    return DONE
