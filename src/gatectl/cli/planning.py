"""What `plan` and `apply` share: the options that select, and the way from options to a plan."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from gatectl import clock, reconcile
from gatectl.applying.allowance import NOTHING, Allowance
from gatectl.cli.guarding import guardrails_option, hold_to
from gatectl.cli.options import Globals, deadline_option, environment_of, load_project, offers
from gatectl.clock import Deadline
from gatectl.documents.findings import relative_to
from gatectl.documents.plans import Plan
from gatectl.errors import InputError, UsageError
from gatectl.manifests import loading
from gatectl.manifests.selection import ALL, check_words
from gatectl.platforms import default_workspace_of
from gatectl.quote import quote

if TYPE_CHECKING:
    from gatectl.graph.values import Graph

_OBJECTS: Any = {"multiple": True, "metavar": "KIND/[WORKSPACE/]NAME", "shell_complete": offers("objects")}
_TAKEN: Any = {**_OBJECTS, "metavar": "KIND/[WORKSPACE/]NAME|all"}
_HELD: Any = {"multiple": True, "metavar": "KIND/[WORKSPACE/]NAME"}

_SIGNS_IN: Final = ("GATECTL_TOKEN", "GATECTL_EMAIL", "GATECTL_PASSWORD")


class Selection(NamedTuple):
    """What is to be planned, as the options say it."""

    paths: tuple[str, ...]
    selector: str | None
    targets: tuple[str, ...]
    prune: bool
    renew: tuple[str, ...]
    take_over: tuple[str, ...]
    force_put: bool
    deadline: float
    guardrails_from: str | None
    accept: tuple[str, ...] = ()
    allow_empty: bool = False

    @property
    def given(self) -> bool:
        """Whether anything was asked for that shapes a plan."""
        chosen = self.paths or self.selector or self.targets
        return bool(chosen or self.prune or self.accept or self.allow_empty or self.renew or self.take_over)


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
            click.option("--target", "targets", **_OBJECTS, help="Only this object, and what it needs (repeatable)."),
            click.option("--prune", is_flag=True, help="Delete what this project applied before and no manifest declares."),
            click.option("--accept", **_HELD, help="With --prune: delete it, though it was changed since it was applied (repeatable)."),
            click.option("--allow-empty", is_flag=True, help="With --prune: also where there is no manifest at all."),
            click.option("--renew-credentials", "renew", **_OBJECTS, help="Send its credentials again (repeatable)."),
            click.option("--take-over", "take_over", **_TAKEN, help="Make it this project's, whoever owns it (repeatable)."),
            click.option("--force-put", is_flag=True, help="Write repositories that hold what gatectl does not know."),
            deadline_option,
        )
    ):  # fmt: skip
        handed = option(handed)
    return guardrails_option(handed)


def make_request(options: Globals, selection: Selection, allowed: Allowance = NOTHING) -> reconcile.Request:
    """The request that the options mean. Raises UsageError, InvalidProject."""
    named = [text for text in selection.take_over if text != ALL]
    check_words(
        selection.selector,
        {
            "--target": selection.targets,
            "--renew-credentials": selection.renew,
            "--take-over": named,
            "--accept": selection.accept,
        },
    )
    for path in selection.paths:
        if is_saved(path):
            raise UsageError(f"{quote(path)} is a saved plan or a receipt, not manifests",
                             f"gatectl apply --plan {quote(path)} applies a plan; gatectl show {quote(path)} shows either")  # fmt: skip
    project = load_project(options)
    ends = clock.current().now() + selection.deadline
    environment, changed = environment_of(project, options), None
    if selection.guardrails_from is not None:
        project, environment, changed = hold_to(
            project, environment, selection.guardrails_from, Deadline(ends, clock.current()), allowed
        )
    return reconcile.Request(
        project,
        environment,
        selection.paths,
        selection.selector,
        selection.targets,
        selection.prune,
        selection.renew,
        selection.force_put,
        ends=ends,
        changed=changed,
        allowed=allowed,
        clock=clock.current(),
        take_over=selection.take_over,
        accept=selection.accept,
        allow_empty=selection.allow_empty,
    )


def is_saved(path: str) -> bool:
    """Whether a path leads to what `--out` or `--receipt` wrote, as far as its first bytes tell."""
    if path == "-" or not os.path.isfile(path):
        return False
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        head = stream.read(200)
        return head.startswith(b"\x1f\x8b") or (head.lstrip().startswith(b"{") and b'"formatVersion"' in head)
    return False


def refuse_unnamed(request: reconcile.Request) -> None:
    """A token for a platform that nobody names: the embedded one is not meant. Raises UsageError."""
    given = next((name for name in _SIGNS_IN if os.environ.get(name)), None)
    if given is not None and not request.environment.named and not request.project.environments:
        raise UsageError(
            f"{quote(given)} is set, and nothing names the platform that it is for",
            "say --platform https://…, or GATECTL_PLATFORM, or --platform embedded",
        )


def narrow(
    request: reconcile.Request, options: Globals, changed_since: str | None, against: str | None
) -> reconcile.Request:
    """The request of a plan of a change, or of a plan against a snapshot. Raises UsageError, InputError."""
    environment = request.environment
    if against is not None:
        if options.platform is not None:
            raise UsageError("--platform and --against say two things", "leave out one of them")
        request = request.against(against)
    if changed_since is not None:
        if request.prune:
            raise UsageError("--prune deletes what no manifest declares, so it goes with all manifests",
                             "leave out --changed-since")  # fmt: skip
        from gatectl.manifests import merging

        paths = loading.manifest_paths(request.project, environment, request.paths)
        workspace = default_workspace_of(environment)
        try:
            since = merging.read_since(
                request.project, paths, workspace, changed_since, Deadline(request.ends, request.clock)
            )
        except InputError:
            if request.keep_going or not loading.load(request.project, paths, workspace).invalid:
                raise
            return request  # what is wrong with the manifests comes first, and refuses any plan
        request = request._replace(since=since)
    return request


def declared_graph(request: reconcile.Request, plan: Plan) -> Graph | None:
    """The graph of the manifests that a plan was made of, read again; None where they are not the same."""
    from gatectl.graph.reading import by_label, from_manifests
    from gatectl.manifests import sources

    if "-" in request.paths:
        return None
    project, environment = request.project, request.environment
    workspaces = [*plan["target"]["workspaces"], *(item["workspace"] for item in plan.get("leftOut", ()))]
    workspace = default_workspace_of(environment) or (workspaces[0] if len(workspaces) == 1 else None)
    loaded = loading.load(project, loading.manifest_paths(project, environment, request.paths), workspace)
    name_file = relative_to(str(project.folder))
    read = {name_file(path): digest for path, digest in sources.inputs(loaded.files)}
    if any(read.get(item["path"]) != item["sha256"] for item in plan["source"]["inputs"]):
        return None
    return from_manifests(loaded.desired, (), by_label("team"))
