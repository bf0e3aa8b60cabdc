"""What `plan` and `apply` share: the options that select, and the way from options to a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click

from gatectl import reconcile
from gatectl.cli.options import Globals, default_workspace_of, environment_of, load_project
from gatectl.model import Plan
from gatectl.platforms import driver_for, without_secrets
from gatectl.platforms.interface import Connection
from gatectl.selection import parse_selector

_OBJECT = "KIND/[WORKSPACE/]NAME"


class Selection(NamedTuple):
    """What is to be planned, as the options say it."""

    paths: tuple[str, ...]
    selector: str | None
    targets: tuple[str, ...]
    prune: bool
    renew: tuple[str, ...]
    force_put: bool
    deadline: float

    @property
    def given(self) -> bool:
        """Whether anything was asked for that shapes a plan."""
        return bool(self.paths or self.selector or self.targets or self.prune or self.renew)


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a Selection, which the function is handed after the global ones."""

    def call(options: Globals, **values: Any) -> Any:
        selection = Selection(**{name: values.pop(name) for name in Selection._fields})
        return function(options, selection, **values)

    call.__doc__ = function.__doc__
    call.__dict__["__click_params__"] = getattr(function, "__click_params__", [])
    handed: Callable[..., Any] = call
    for option in reversed(
        (
            click.argument("paths", nargs=-1, metavar="[PATH]…"),
            click.option("-l", "--selector", metavar="SELECTOR", help="Only manifests with these labels: team=data,tier!=dev"),
            click.option("--target", "targets", multiple=True, metavar=_OBJECT, help="Only this object, and what it needs (repeatable)."),
            click.option("--prune", is_flag=True, help="Delete what this project applied before and no manifest declares."),
            click.option("--renew-credentials", "renew", multiple=True, metavar=_OBJECT, help="Send its credentials again (repeatable)."),
            click.option("--force-put", is_flag=True, help="Write repositories that hold what gatectl does not know."),
            click.option("--deadline", type=click.FloatRange(min=1), default=1800.0, metavar="SECONDS", help="For the whole run (1800)."),
        )
    ):  # fmt: skip
        handed = option(handed)
    return handed


def make_request(options: Globals, selection: Selection) -> reconcile.Request:
    """The request that the options mean. Raises UsageError, InvalidProject."""
    if selection.selector is not None:
        parse_selector(selection.selector)
    project = load_project(options)
    return reconcile.Request(
        project,
        environment_of(project, options),
        selection.paths,
        selection.selector,
        selection.targets,
        selection.prune,
        selection.renew,
        selection.force_put,
    )


def work_out(request: reconcile.Request, connect: Callable[[], Connection]) -> Plan:
    """The plan of a request. Reads the platform, unless the manifests are invalid: then there is nothing to ask it.

    `connect` says how to reach the platform; asked only then, since a missing token is no reason to hide findings.
    """
    project, environment = request.project, request.environment
    paths = reconcile.manifest_paths(project, environment, request.paths)
    git = reconcile.ask_git(request)
    loaded = reconcile.load(project, paths, default_workspace_of(environment))
    driver = driver_for(environment.platform)
    if loaded.invalid:
        return reconcile.refuse(request, loaded, git, (driver.name, without_secrets(environment.platform), None))
    reader = driver.open_reader(connect())
    try:
        return reconcile.make_plan(request, loaded, git, reader)
    finally:
        reader.close()
