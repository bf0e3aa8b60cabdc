"""`gatectl lock status`, `release [WORKSPACE]` and `adopt [WORKSPACE]`: who is at work, what is done about one who is not any more, and
whose leases count."""

from __future__ import annotations

import sys
from typing import NamedTuple

import click

from gatectl.api import Estate
from gatectl.cli.console import Console
from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.documents.locks import find, narrowed
from gatectl.errors import DONE, UsageError
from gatectl.render.locks import adopted, adopting, in_words, released, table


@command("lock")
@click.argument("action", type=click.Choice(["status", "release", "adopt"]), metavar="status|release|adopt")
@click.argument("named", required=False, metavar="[WORKSPACE]")
@click.option("--of-platform", is_flag=True, help="With release or adopt: the lease of what belongs to no workspace.")
@click.option("--yes", is_flag=True, allow_from_autoenv=False, help="With release or adopt: do not ask.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, action: str, named: str | None, of_platform: bool, yes: bool, format_name: str, deadline: float
) -> int:
    """Show who applies to the platform now (status), take a lease from whoever has it (release), or let the leases of this environment's
    store count (adopt).

    An apply holds the lease of every workspace that it touches. One that is gone is waited for no longer than its lease lasts, so
    there is seldom a reason for release. WORKSPACE is a name or an id, and may be left out where only one is held. Whoever had the lease
    writes nothing more, as soon as they notice.

    A platform that is a database, or that gatectl serves, goes in each workspace by the leases of one store of records, and refuses an
    apply that has its own in another (8). After adopt it goes by this environment's store: in WORKSPACE, or wherever another one
    counted; then the others are refused.
    """
    console = options.console(format_name)
    asked = _Asked(named, of_platform, yes, format_name, deadline)
    _check(action, asked)
    project = load_project(options)
    environment = environment_of(project, options)
    work = {"status": _status, "release": _release, "adopt": _adopt}[action]
    work(console, estate_of(project, environment), environment.platform, asked)
    return DONE


class _Asked(NamedTuple):
    """What stands in the command line."""

    named: str | None
    of_platform: bool
    yes: bool
    format_name: str
    deadline: float


def _status(console: Console, estate: Estate, platform: str, asked: _Asked) -> None:
    with console.waiting(platform):
        locks = estate.leases(deadline=asked.deadline)
    _tell(console, asked, locks, table(locks))


def _release(console: Console, estate: Estate, platform: str, asked: _Asked) -> None:
    with console.waiting(platform):
        locks = estate.leases(deadline=asked.deadline)
    lock = find(locks, asked.named, of_platform=asked.of_platform)
    if not asked.yes:
        console.refuse_without_yes(f"Release {in_words(lock)}", "the lease is as it was")
    done = estate.release_lease(lock, deadline=asked.deadline)
    _tell(console, asked, done, released(done))


def _adopt(console: Console, estate: Estate, platform: str, asked: _Asked) -> None:
    with console.waiting(platform):
        found = estate.adoptable(deadline=asked.deadline)
    wanted = narrowed(found, asked.named, of_platform=asked.of_platform)
    if wanted["workspaces"] and not asked.yes:
        console.refuse_without_yes(adopting(wanted), "the same leases count as before")
    with console.waiting(platform):
        done = estate.adopt_leases(wanted, deadline=asked.deadline)
    _tell(console, asked, done, adopted(done))


def _tell(console: Console, asked: _Asked, document: object, words: str) -> None:
    console.result_json(document) if asked.format_name == "json" else console.result(words)


def _check(action: str, asked: _Asked) -> None:
    """Raises UsageError for what an action does not take, for two leases at once, and where nobody can be asked."""
    if action == "status":
        if asked.named is not None or asked.of_platform or asked.yes:
            raise UsageError("lock status lists all leases", "leave out WORKSPACE, --of-platform and --yes")
        return
    if asked.named is not None and asked.of_platform:
        raise UsageError("WORKSPACE and --of-platform are two leases", f"{action} one after the other")
    if not asked.yes and not sys.stdin.isatty():
        look = "look with gatectl lock status, then say" if action == "release" else "if it is meant, say"
        raise UsageError("there is no terminal to ask on", f"{look} --yes")
