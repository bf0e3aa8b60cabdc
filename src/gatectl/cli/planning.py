"""What `plan` and `apply` share: the options that select, and the way from options to a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gatectl import reconcile
from gatectl.cli.options import Globals, connection_of, default_workspace_of, environment_of, load_project
from gatectl.model import Plan
from gatectl.platforms import driver_for
from gatectl.selection import parse_selector

_OBJECT = "KIND/[WORKSPACE/]NAME"

Function = TypeVar("Function", bound=Callable[..., Any])


def selection_options(function: Function) -> Function:
    for option in reversed(
        (
            click.argument("paths", nargs=-1, metavar="[PATH]…"),
            click.option("-l", "--selector", metavar="SELECTOR", help="Only manifests with these labels: team=data,tier!=dev"),
            click.option("--target", "targets", multiple=True, metavar=_OBJECT, help="Only this object, and what it needs (repeatable)."),
            click.option("--prune", is_flag=True, help="Delete what this project applied before and no manifest declares."),
            click.option("--renew-credentials", "renew", multiple=True, metavar=_OBJECT, help="Send its credentials again (repeatable)."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def make_request(
    options: Globals,
    paths: tuple[str, ...],
    selector: str | None,
    targets: tuple[str, ...],
    *,
    prune: bool,
    renew: tuple[str, ...],
) -> reconcile.Request:
    """The request that the options mean. Raises UsageError, InvalidProject."""
    if selector is not None:
        parse_selector(selector)
    project = load_project(options)
    return reconcile.Request(project, environment_of(project, options), paths, selector, targets, prune, renew)


def work_out(request: reconcile.Request) -> Plan:
    """The plan of a request. Reads the platform, unless the manifests are invalid: then there is nothing to ask it."""
    project, environment = request.project, request.environment
    paths = reconcile.manifest_paths(project, environment, request.paths)
    git = reconcile.ask_git(request)
    loaded = reconcile.load(project, paths, default_workspace_of(environment))
    driver = driver_for(environment.platform)
    if loaded.invalid:
        return reconcile.refuse(request, loaded, git, (driver.name, environment.platform, None))
    reader = driver.open_reader(connection_of(project, environment))
    try:
        return reconcile.make_plan(request, loaded, git, reader)
    finally:
        reader.close()
