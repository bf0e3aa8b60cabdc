"""The options that every command takes, before or after its name, and what they lead to: project, environment, platform.

The nearer one wins: after the command, before it, then the environment variable (GATECTL_PLATFORM and so on).
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from gatectl import clock, signals
from gatectl.cli.blanks import Strict
from gatectl.cli.console import Console
from gatectl.errors import UntrustedHost, UsageError
from gatectl.files import fences
from gatectl.manifests import sources
from gatectl.model import Finding
from gatectl.network import trust
from gatectl.network.addresses import Pattern, StoreAddress
from gatectl.opening import InvalidProject, choose, credentials_of, make_checked_project, way_to
from gatectl.platforms import default_workspace_of, driver_for
from gatectl.platforms.interface import Connection, Shared
from gatectl.project import Environment, Project, bare_project
from gatectl.quote import quote, safe

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COLORS = click.Choice(["auto", "always", "never"])
_LOGS = click.Choice(["text", "json"])

Function = TypeVar("Function", bound=Callable[..., Any])
Offer = Callable[[str, click.Context, str], "list[CompletionItem[str]]"]
_OFFER: ContextVar[Offer | None] = ContextVar("offer", default=None)


class Globals(NamedTuple):
    """What the global options say (None: nothing)."""

    project: str | None = None
    env: str | None = None
    platform: str | None = None
    workspace: str | None = None
    records: str | None = None
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False
    log_format: str = "text"

    def console(self, format_name: str = "text") -> Console:
        return Console(format_name, self.color, -1 if self.quiet else int(self.verbose), self.log_format)


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    assert parameter.name is not None
    given = context.get_parameter_source(parameter.name) is not click.core.ParameterSource.DEFAULT
    known = context.ensure_object(dict)
    if given or parameter.name not in known:
        known[parameter.name] = value


def offers(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]:
    """What completes a value at the prompt: what `offer_by` was told, when a shell asks, knows under this word."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        offer = _OFFER.get()
        return offer(what, context, incomplete) if offer else []

    return complete


def offer_by(offer: Offer) -> None:
    """From now on values are completed by this."""
    _OFFER.set(offer)


def global_options(function: Function) -> Function:
    """The options, on the group: these have environment variables."""
    return _decorate(function, with_variables=True)


def _decorate(function: Function, *, with_variables: bool) -> Function:
    common: dict[str, Any] = {"expose_value": False, "callback": _store, "allow_from_autoenv": with_variables}
    environments = common | {"shell_complete": offers("environments")}
    workspaces = common | {"shell_complete": offers("workspaces")}
    for option in reversed(
        (
            click.option("--project", metavar="FILE", help="The project file (default: gatectl.yaml, upwards from here).", **common),
            click.option("-e", "--env", metavar="NAME", help="The environment of the project file (default: default).", **environments),
            click.option("--platform", metavar="TARGET", help="embedded, sqlite:///path, postgresql://… or https://…", **common),
            click.option("--workspace", metavar="NAME", help="The workspace of manifests that name none.", **workspaces),
            click.option("--records", metavar="STORE", help="Where runs are remembered: sqlite:///path, postgresql://…, s3://…", **common),
            click.option("--color", type=_COLORS, default="auto", help="Colours (NO_COLOR and FORCE_COLOR are honoured).", **common),
            click.option("-q", "--quiet", is_flag=True, help="Say less.", **common),
            click.option("-v", "--verbose", is_flag=True, help="Say more.", **common),
            click.option("--log-format", type=_LOGS, default="text", help="Of what goes to standard error.", **common),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def _call(function: Callable[..., Any], **values: Any) -> Any:
    return function(Globals(**click.get_current_context().ensure_object(dict)), **values)


class _Command(Strict, click.Command):
    """A command whose help shows its own options first, and those that every command has below."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        shown = [(option, option.get_help_record(ctx)) for option in options]
        everywhere = set(Globals._fields)
        own = [record for option, record in shown if record is not None and option.name not in everywhere]
        rest = [record for option, record in shown if record is not None and option.name in everywhere]
        for title, records in (("Options", own), ("Options of every command", rest)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the global options; its function is handed a Globals first."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        handed: Any = functools.partial(_call, function)
        handed.__doc__ = function.__doc__
        handed.__click_params__ = getattr(function, "__click_params__", [])
        made = click.command(name, cls=_Command)(_decorate(handed, with_variables=False))
        for parameter in made.params:
            if isinstance(parameter, click.Option) and parameter.allow_from_autoenv:
                # By the option's own word: GATECTL_PLAN_FORMAT for plan --format, whatever our code calls it.
                word = next(option for option in parameter.opts if option.startswith("--"))
                parameter.envvar = f"GATECTL_{name}_{word[2:]}".upper().replace("-", "_")
                parameter.allow_from_autoenv = False
        return made

    return wrap


def budget_option(function: Function) -> Function:
    """The option of commands that can print markdown."""
    option = click.option(
        "--budget",
        type=click.IntRange(min=1_000),
        default=65_536,
        metavar="BYTES",
        help="Of markdown, at most (65536).",
    )
    return option(function)


def deadline_option(function: Function) -> Function:
    """The option of every command that asks git or a network: when it ends, whatever these do (product.md, section 7)."""
    option = click.option(
        "--deadline",
        type=click.FloatRange(min=1),
        default=1800.0,
        metavar="SECONDS",
        help="For the whole run (1800).",
    )
    return option(function)


def load_project(options: Globals) -> Project:
    """The project that the options and the working directory mean. Raises InvalidProject, InputError."""
    file = project_file_of(options)
    if file is None:
        return bare_project(Path.cwd())
    link = fences.leaving(str(file))
    if link is not None:
        message = f"the project file is not read: the symbolic link {quote(link)} leads out of the project"
        place = sources.first_place(str(file))
        raise InvalidProject([Finding("GW101", message, "copy the file into the project", place=place)], str(file))
    return make_checked_project(sources.read_file(file), file)


def project_file_of(options: Globals) -> Path | None:
    """The project file that the options name, or that lies in the working directory or above it; None: there is none.

    Raises UsageError for one of another user that nobody named: it would choose what is applied, and to which platform.
    """
    if options.project is not None:
        file = Path(os.path.abspath(options.project))
        return file / sources.PROJECT_FILE if file.is_dir() else file
    here = Path.cwd()
    found = fences.find_project_file(here)
    if found is not None and found.parent != here:
        owner = fences.other_owner(found)
        if owner is not None:
            raise UsageError(f"{quote(found)} belongs to another user ({_user(owner)}), and lies above the working directory",
                             f"if it is meant: --project {quote(found)}")  # fmt: skip
    return found


def _user(uid: int) -> str:
    try:
        import pwd

        return quote(pwd.getpwuid(uid).pw_name)
    except (ImportError, KeyError):
        return f"user {uid}"


def environment_of(project: Project, options: Globals) -> Environment:
    """The environment that the options choose. Raises UsageError."""
    platform, records = _from_here(options.platform), _from_here(options.records)
    return choose(project, options.env, platform, options.workspace, records)


def _from_here(target: str | None) -> str | None:
    """A target of the command line: there a path is relative to where it is typed, as everywhere in a shell."""
    if target is None or not target.startswith("sqlite:///"):
        return target
    return "sqlite:///" + os.path.abspath(target.removeprefix("sqlite:///"))


def connection_of(
    project: Project, environment: Environment, parallel: int | None = None, ends: float | None = None
) -> Connection:
    """What the platform is reached with. Raises MissingCredential for a token that is named and not there, UntrustedHost."""
    _warn_outside(project, environment.platform)
    _warn_outside(project, environment.records or "")
    trusted = trust.trusted_hosts(os.environ, project.folder)
    connection = way_to(
        project, environment, trusted, _shared(), parallel, ends, clock.current(), stores_of(project, environment)
    )
    connection = _ambient(connection)._replace(tell=_console().info)
    driver = driver_for(environment.platform)
    try:
        admitted = driver.admit(connection)
    except UntrustedHost as error:
        connection = connection._replace(trusted=(*trusted, _ask_to_trust(error, environment, project)))
        admitted = driver.admit(connection)
    remark = driver.remark(connection)
    if remark is not None:
        _console().warning(remark)
    # What is not to be sent is not even read.
    return connection._replace(credentials=credentials_of(project, environment)) if admitted else connection


def _shared() -> Shared:
    """What readers and writers of this command have in common, closed with it; not under a thread that was left behind."""
    shared = Shared()

    def close() -> None:
        if not signals.current().abandoned:
            shared.close()

    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(close)
    return shared


def _ask_to_trust(error: UntrustedHost, environment: Environment, project: Project) -> Pattern:
    """Ask on a terminal whether a host is to be trusted from now on. Raises UntrustedHost where nobody says yes."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise error
    where = f"environment '{quote(environment.name)}' of {quote(project.file or project.folder)}"
    question = (
        f"{where} names {error.place}. Connect to it, send it the credentials that are set, and trust it from now on?"
    )
    if not click.confirm(safe(question), default=False, err=True):
        raise error
    return trust.add(error.place, os.environ, project.folder)[0]


def records_way(project: Project, environment: Environment, ends: float | None) -> Connection:
    """The way to the records of an environment, and to its platform as far as that is a file or a database: no credential for
    any other is asked for."""
    if environment.platform.startswith("postgresql://"):
        return connection_of(project, environment, ends=ends)
    _warn_outside(project, environment.records or "")
    return _ambient(
        way_to(project, environment, (), _shared(), None, ends, clock.current(), stores_of(project, environment))
    )


def _ambient(connection: Connection) -> Connection:
    """A connection of the command, whose machine may say who asks."""
    return connection._replace(records=connection.records._replace(ambient=True))


def stores_of(project: Project, environment: Environment) -> tuple[StoreAddress, ...]:
    """The stores that the operator trusts with records; nobody is asked about one that the operator named."""
    if environment.records is None or environment.records_named:
        return ()
    return trust.trusted_stores(os.environ, project.folder)


def _warn_outside(project: Project, target: str) -> None:
    """Say of a database that a project file names by a relative path, and that lies elsewhere, where it lies."""
    name = target.removeprefix("sqlite:///")
    if name == target or os.path.isabs(name):
        return
    path = os.path.realpath(project.folder / name)
    if not fences.is_inside(path, os.path.realpath(project.folder)):
        _console().warning(f"the database {quote(path)} lies outside of the project")


def _console() -> Console:
    """That of the command that is running."""
    context = click.get_current_context(silent=True)
    return (Globals(**context.ensure_object(dict)) if context is not None else Globals()).console()


def offline_environment(project: Project, options: Globals) -> tuple[Environment, str | None]:
    """The environment for what a shell asks in passing, and its default workspace.

    Several environments and none chosen is no mistake there: the project's manifests are read.
    """
    if (
        options.env is None
        and project.environments
        and "default" not in project.environments
        and options.platform is None
    ):
        return Environment("", "", options.workspace), options.workspace
    environment = environment_of(project, options)
    return environment, default_workspace_of(environment)
