"""`gatectl history`: the runs of an environment, as the records have them, the newest first."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.documents.history import Entry
from gatectl.errors import DONE, UsageError
from gatectl.quote import quote
from gatectl.render.history import table

FORMATS = ("text", "json", "markdown", "html")


@command("history")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, metavar="N", help="At most so many (20).")
@click.option(
    "--since", metavar="DATE", help="Only runs that began on or after this day, or moment: 2026-01-31T10:15Z."
)
@click.option("--commit", metavar="ID", help="Only runs of this commit, by the beginning of its id.")
@click.option("--user", metavar="NAME", help="Only runs of this user.")
@click.option("--failed", is_flag=True, help="Only runs that did not converge.")
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="text", help="How to print it.")
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, limit: int, since: str | None, commit: str | None, user: str | None, failed: bool,
    format_name: str, deadline: float,
) -> int:  # fmt: skip
    """List the runs of this project and environment, the newest first.

    Reads the store of records (`records:` in the environment) and nothing else: neither manifests nor the platform, unless the
    platform's own database is the store. `gatectl show RUN` shows one. As markdown or as a page it has what each run changed, too.
    """
    console = options.console(format_name)
    earliest = _moment(since) if since is not None else None
    project = load_project(options)
    environment = environment_of(project, options)

    def fits(entry: Entry) -> bool:
        return (
            (commit is None or (entry["source"]["commit"] or "").startswith(commit.lower()))
            and (user is None or entry["actor"]["user"] == user)
            and not (failed and entry["converged"])
        )

    whole = format_name in ("markdown", "html")
    document, receipts = estate_of(project, environment).past(
        limit, since=earliest, fits=fits, deadline=deadline, whole=whole
    )
    if format_name == "json":
        console.result_json(document)
    elif whole:
        from gatectl.render import history_page

        console.result({"markdown": history_page.markdown, "html": history_page.html}[format_name](document, receipts))
    else:
        console.result(table(document, console.look()))
    return DONE


def _moment(text: str) -> datetime:
    """A day or a moment; without a zone, of this machine's. Raises UsageError."""
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except ValueError:
        raise UsageError(f"--since: '{quote(text)}' is no date", "2026-01-31, or 2026-01-31T10:15Z") from None
