"""The Python API: what the commands do, for programs and tests (product.md, section 10).

    import gatectl

    with gatectl.open("estate", environment="prod", token=token) as estate:
        plan = estate.plan()
        if plan.changes and plan.fingerprint == approved:
            receipt = estate.apply(plan, expect=approved, secrets=secrets)

Nothing is read behind one's back: no variable, no file of the user, unless `trust_env` says so. Nothing is printed, no signal
is caught, nothing is kept for the whole process; an estate may be used from several threads, and `close` gives back what it
holds. What goes wrong is raised as a `GatectlError`, which has `exit_code`, the code of the command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatectl import opening
from gatectl.api.estate import Estate
from gatectl.api.results import Findings, Plan, Receipt
from gatectl.api.ways import GivenWay
from gatectl.applying import saved
from gatectl.credentials import pasted
from gatectl.credentials.secrets import shaped
from gatectl.errors import InputError, MissingCredential, UsageError
from gatectl.files import fences
from gatectl.manifests import sources
from gatectl.model import SourceFile
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Credentials, Secret
from gatectl.project import Environment, Project, bare_project
from gatectl.quote import quote
from gatectl.reconcile.patching import Patch

_NOWHERE = os.path.join(os.sep, "in-memory")


def open(  # noqa: A001 - the word of the contract
    place: str | os.PathLike[str] | Mapping[str, bytes | str],
    *,
    environment: str | None = None,
    platform: str | None = None,
    workspace: str | None = None,
    records: str | None = None,
    token: str | None = None,
    environ: Mapping[str, str] | None = None,
    trusted_hosts: Sequence[str] = (),
    trust_env: bool = False,
    receipts: bool = True,
) -> Estate:
    """An estate: a folder, a project file, or a mapping of file names to their content.

    Of a mapping nothing is written to disk; its platform is a fresh one in memory, unless `platform` says another. `token` signs
    in. `environ` are the variables that may be read (references of credentials, proxies); with `trust_env` those of the process,
    and the file of the user's trusted hosts. `platform` is the caller's own word, so that credentials may go there; what a
    project file names has to be among `trusted_hosts`, a store of records too; `records` names one. `receipts`: the folder keeps
    those of applies, in `.gatectl/receipts`, and the runs on a platform elsewhere, as the command has it.
    Raises InvalidProject, UsageError, InputError.
    """
    variables = dict(environ or {})
    if trust_env:
        variables = {**os.environ, **variables}
    project = _in_memory(place, variables) if isinstance(place, Mapping) else _on_disk(place, variables)
    in_memory = project.given is not None
    if platform is None and in_memory:
        chosen = _without_platform(project, environment, workspace, records)
    else:
        chosen = opening.choose(project, environment, platform, workspace, records)
    kept = receipts and not in_memory
    if chosen.records is None and not kept and driver_for(chosen.platform).records != "platform":
        chosen = chosen._replace(records="none")
    login = None
    if token is not None:
        login = Credentials(token=Secret(shaped("the argument token", token, pasted.token)))
    return Estate(
        project,
        chosen,
        GivenWay(project, chosen, login, trusted_hosts, trust_env=trust_env),
        receipts=kept,
    )


def read_plan(place: str | os.PathLike[str]) -> Plan:
    """A plan that `plan --out` or `Plan.to_json` saved, to be applied as it is or not at all.

    Raises InputError for a file that is none, was changed since, or is one that gatectl never makes.
    """
    return Plan(saved.read_plan(os.fspath(place)))


def _on_disk(place: str | os.PathLike[str], environ: Mapping[str, str]) -> Project:
    path = Path(os.path.abspath(place))
    if path.is_dir():
        file = path / fences.PROJECT_FILE
        if not file.exists():
            return bare_project(path)._replace(environ=environ)
        path = file
    elif not path.exists():
        raise InputError(f"{quote(path)} does not exist", "name a folder or a project file")
    return opening.make_checked_project(sources.read_file(path), path, environ)


def _in_memory(files: Mapping[str, bytes | str], environ: Mapping[str, str]) -> Project:
    given = {
        _path(name): text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        for name, text in files.items()
    }
    folder = Path(_NOWHERE)
    content = given.get(fences.PROJECT_FILE)
    if content is None:
        return bare_project(folder)._replace(environ=environ, given=given)
    file = folder / fences.PROJECT_FILE
    project = opening.make_checked_project(SourceFile(str(file), content), file, environ)
    return project._replace(given=given)


def _path(name: str) -> str:
    """A file's name, relative and with slashes. Raises UsageError for one that leads elsewhere."""
    parts = name.replace(os.sep, "/").split("/")
    if name.startswith("/") or ".." in parts:
        raise UsageError(f"{quote(name)} is not the name of a file below the project")
    return "/".join(part for part in parts if part not in ("", "."))


def _without_platform(project: Project, name: str | None, workspace: str | None, records: str | None) -> Environment:
    """The environment of a project in memory: what its file says of it, and a platform in memory."""
    if name is None and "default" not in project.environments:
        return Environment("default", "memory", workspace, records=records, records_named=True)
    chosen = opening.choose(project, name, None, workspace)
    return chosen._replace(platform="memory", token=None, records=records, records_named=True)


__all__ = ["Estate", "Findings", "MissingCredential", "Patch", "Plan", "Receipt", "open", "read_plan"]
