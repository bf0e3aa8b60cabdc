"""`gatectl lock status` and `gatectl lock release [WORKSPACE]`: who is at work, and what is done about one who is not any more."""

from __future__ import annotations

import sys

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.documents.locks import find
from gatectl.errors import DONE, UsageError
from gatectl.render.locks import in_words, released, table


@command("lock")
@click.argument("action", type=click.Choice(["status", "release"]), metavar="status|release")
@click.argument("named", required=False, metavar="[WORKSPACE]")
@click.option("--of-platform", is_flag=True, help="With release: the lease of what belongs to no workspace.")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="With release: do not ask.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, action: str, named: str | None, of_platform: bool, yes: bool, format_name: str, deadline: float
) -> int:
    """Show who applies to the platform now (status), or take a lease from whoever has it (release).

    An apply holds the lease of every workspace that it touches. One that is gone is waited for no longer than its lease lasts, so
    there is seldom a reason for release. WORKSPACE is a name or an id, and may be left out where only one is held. Whoever had the lease
    writes nothing more, as soon as they notice.
    """
    console = options.console(format_name)
    if action == "status":
        if named is not None or of_platform or yes:
            raise UsageError("lock status lists all leases", "leave out WORKSPACE, --of-platform and --yes")
    else:
        _check_release(named, of_platform=of_platform, yes=yes)
    project = load_project(options)
    environment = environment_of(project, options)
    estate = estate_of(project, environment)
    with console.waiting(environment.platform):
        locks = estate.leases(deadline=deadline)
    if action == "status":
        console.result_json(locks) if format_name == "json" else console.result(table(locks))
        return DONE
    lock = find(locks, named, of_platform=of_platform)
    if not yes:
        console.refuse_without_yes(f"Release {in_words(lock)}", "the lease is as it was")
    done = estate.release_lease(lock, deadline=deadline)
    console.result_json(done) if format_name == "json" else console.result(released(done))
    return DONE


def _check_release(named: str | None, *, of_platform: bool, yes: bool) -> None:
    """Raises UsageError for two leases at once, and where nobody can be asked."""
    if named is not None and of_platform:
        raise UsageError("WORKSPACE and --of-platform are two leases", "release one after the other")
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", "look with gatectl lock status, then say --yes")
