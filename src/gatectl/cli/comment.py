"""`gatectl comment FILE`: a saved plan as the one comment of its environment on the pull request."""

from __future__ import annotations

import os

import click

from gatectl import clock
from gatectl.applying.saved import read_plan
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.documents.plans import Plan, is_invalid
from gatectl.errors import DONE, UsageError
from gatectl.planning import plan as plans
from gatectl.platforms import driver_for
from gatectl.project import Environment
from gatectl.quote import quote, safe
from gatectl.render import render
from gatectl.render.interface import Look
from gatectl.review.settings import PROVIDERS, find_place

BUDGET = 65_536
"""Bytes of a comment: what GitHub takes; GitLab takes more, and nobody reads it."""


@command("comment")
@click.argument("file")
@click.option("--provider", type=click.Choice(PROVIDERS), help="The code host (default: the one whose CI this is).")
@click.option(
    "--pull-request",
    "number",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Of this one (default: the one that CI runs for).",
)
@click.option("--always", is_flag=True, help="Write a comment for a plan without operations too.")
@click.option(
    "--budget",
    type=click.IntRange(1_500, BUDGET),
    default=BUDGET,
    metavar="BYTES",
    help="The comment takes no more (65536).",
)
@deadline_option
def COMMAND(  # noqa: N802 - the table's word
    options: Globals, file: str, provider: str | None, number: int | None, always: bool, budget: int, deadline: float
) -> int:  # fmt: skip
    """Post a saved plan (plan --out FILE) on its pull request, or update the comment that is there.

    There is one comment for each project and environment (-e), on GitHub or GitLab; the plan before is folded in it. The
    token is GITHUB_TOKEN, GITLAB_TOKEN or CI_JOB_TOKEN.
    """
    ends = clock.current().now() + deadline
    console = options.console()
    place = find_place(os.environ, provider, number)
    project = load_project(options)
    environment = environment_of(project, options)
    plan = read_plan(file)
    _check_environment(plan, environment)
    from gatectl.review import sticky
    from gatectl.review.hosts import Host

    mark = sticky.marker(project.name, environment.name)
    text = render(plan, "markdown", Look(budget=sticky.room(mark, budget), environment=environment.name))
    host = Host(place, ends=ends, clock=clock.current())
    try:
        create = always or not plans.is_empty(plan) or is_invalid(plan)
        posted = sticky.post(host, mark, text, budget, create=create)
    finally:
        host.close()
    if posted.done == "skipped":
        console.info("nothing to do, and no comment that would say otherwise: none is written (--always writes one)")
    else:
        console.result(safe(f"comment {posted.done}{': ' if posted.url else ''}{quote(posted.url)}"))
    return DONE


def _check_environment(plan: Plan, environment: Environment) -> None:
    """A plan is not shown as that of an environment with another platform. Raises UsageError."""
    target, platform = plan["target"], environment.platform
    same = target["driver"] == driver_for(platform).name
    if same and platform.startswith(("https://", "http://")):
        same = target["url"].rstrip("/") == platform.rstrip("/")
    if not same:
        raise UsageError(
            f"the plan is for {quote(target['url'])}, and environment '{quote(environment.name)}' is {quote(platform)}",
            "choose the environment that it was made for: -e NAME",
        )
