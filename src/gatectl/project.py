"""The project file's values, believed after `validate.check_project` found nothing wrong (product.md, section 1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from gatectl.documents.limits import LIMITS, NO_GUARDRAILS, Guardrails, Limit
from gatectl.documents.ownership import UNNAMED
from gatectl.errors import UsageError
from gatectl.model import Document, Finding, SecretReference
from gatectl.network.addresses import same_target, without_secrets
from gatectl.quote import quote

RuleSetting = Literal["error", "warning", "off"]


_FILE: Final = "sqlite:///"


class Environment(NamedTuple):
    """One platform, and what is particular to it. `token` is a reference; secrets are never here.

    `named` says that the platform is the operator's word (`--platform`, GATECTL_PLATFORM) and not only the project file's.

    `records` names the store in which it is remembered what was applied (None: as the platform's driver has it), and
    `records_named` says that this is the operator's word (`--records`, GATECTL_RECORDS).

    `renamed_from` is what it was called before: what that environment owned is this one's.

    `known` names fields of repositories that may be dropped (U31). `consistency` is how long lists may lag, in seconds (None:
    as the platform's driver has it). `elsewhere`: it is defined for another platform than the one that was named for this run.
    """

    name: str
    platform: str
    workspace: str | None = None
    manifests: tuple[str, ...] | None = None
    token: SecretReference | None = None
    openai: str | None = None
    guardrails: Guardrails = NO_GUARDRAILS
    known: tuple[str, ...] = ()
    consistency: float | None = None
    named: bool = False
    records: str | None = None
    records_named: bool = False
    renamed_from: str | None = None
    elsewhere: bool = False


class Patterns(NamedTuple):
    """gitignore patterns, and the folder that they are relative to."""

    folder: Path
    patterns: tuple[str, ...]


class Exported(NamedTuple):
    """A commit whose files were written out: there is no git around them that could be asked, so what it would say is here.

    `top` is the folder that its files lie in, `place` where the project is applied from, whatever that folder is called. `follows`
    says whether a commit is this one or one before it. `left_out` are its submodules, relative to the top.
    """

    commit: str
    top: Path
    place: str
    follows: Callable[[str], bool]
    left_out: tuple[str, ...] = ()


class Project(NamedTuple):
    """Where the project lies and what its file says; without a file, the working directory and nothing.

    What is excluded is what each of `exclude` names: with its own there may be those of another commit. `spec` is the file's,
    as written: to compare it with another's. `document` is all of the file, to tell where something is in it.
    """

    folder: Path
    file: Path | None
    name: str
    manifests: tuple[str, ...]
    rules: Mapping[str, RuleSetting]
    environments: Mapping[str, Environment]
    exclude: tuple[Patterns, ...] = ()
    spec: Mapping[str, Any] = {}
    uid: str | None = None
    """What tells this project from others of its name."""
    environ: Mapping[str, str] = os.environ
    """The variables that may be read for it: of whoever runs us, or what a program hands in."""
    given: Mapping[str, bytes] | None = None
    """The files that a program hands in, by their path below `folder`, which is nowhere then; None: they are read from there."""
    exported: Exported | None = None
    """The commit that its files were written out of; None: git is asked, where they lie in a checkout."""
    document: Document | None = None
    remarks: tuple[Finding, ...] = ()
    """The warnings about the file, with their places; its `rules` are not applied to them yet."""

    @property
    def tokens(self) -> tuple[SecretReference, ...]:
        """The references that its environments sign in with."""
        return tuple(e.token for e in self.environments.values() if e.token is not None)


def bare_project(folder: Path) -> Project:
    """The project of a folder that has no project file."""
    return Project(folder, None, UNNAMED, (".",), {}, {})


def make_project(file: Path, data: Mapping[str, Any]) -> Project:
    spec = data.get("spec") or {}
    environments = {name: _environment(name, value) for name, value in (spec.get("environments") or {}).items()}
    return Project(
        folder=file.parent,
        file=file,
        name=data["metadata"]["name"],
        manifests=tuple(spec.get("manifests") or (".",)),
        rules=spec.get("rules") or {},
        environments=environments,
        exclude=(Patterns(file.parent, tuple(spec["exclude"])),) if spec.get("exclude") else (),
        spec=spec,
        uid=spec.get("uid"),
    )


def _environment(name: str, value: Mapping[str, Any]) -> Environment:
    manifests = value.get("manifests")
    return Environment(
        name=name,
        platform=value["platform"],
        workspace=value.get("workspace"),
        manifests=tuple(manifests) if manifests is not None else None,
        token=value.get("token"),
        openai=(value.get("wire") or {}).get("OpenAI"),
        guardrails=_guardrails(value.get("guardrails") or {}),
        known=tuple(value.get("known") or ()),
        consistency=_seconds(value["consistency"]) if "consistency" in value else None,
        records=value.get("records"),
        renamed_from=value.get("renamedFrom"),
    )


def _guardrails(value: Mapping[str, Any]) -> Guardrails:
    """The guardrails that an environment says."""
    return Guardrails(
        tuple((name, _limit(value[name])) for name in LIMITS if name in value),
        (tuple(value["windows"]),) if value.get("windows") else (),
        tuple(value.get("protect") or ()),
    )


def _limit(value: Any) -> Limit:
    return value if isinstance(value, str) else int(value)  # 1.0 is a whole number too


OF_PROJECT: Final = ("uid", "manifests", "exclude", "rules", "policies")
OF_ENVIRONMENT: Final = ("platform", "workspace", "records", "manifests", "known", "guardrails", "policies")
"""The fields of a project file that decide about an apply: of the project, and of an environment."""


def decisive(project: Project, environment: Environment) -> Mapping[str, object]:
    """What a project file says of what decides about an apply in an environment: what is kept with a run. Of the environments those
    of its name or its platform; no password is in it."""
    said = project.spec.get("environments") or {}
    platform = without_secrets(environment.platform)
    chosen = {
        name: {field: told(field, value[field]) for field in OF_ENVIRONMENT if field in value}
        for name, value in said.items()
        if name == environment.name or told("platform", value["platform"]) == platform
    }
    return {field: project.spec[field] for field in OF_PROJECT if field in project.spec} | {"environments": chosen}


def told(field: str, value: object) -> object:
    """The value of a decisive field as it is kept and compared: of an address without what is secret."""
    return without_secrets(value) if field in ("platform", "records") and isinstance(value, str) else value


def _seconds(duration: str) -> float:
    """A duration as the schema has it (10s, 1m)."""
    return float(duration[:-1]) * (60 if duration.endswith("m") else 1)


def choose_environment(
    project: Project, name: str | None, platform: str | None = None, workspace: str | None = None,
    records: str | None = None,
) -> Environment:  # fmt: skip
    """The environment that the options mean. Raises UsageError for one that does not exist or was not chosen.

    `--platform` drops the environment's token, workspace and records unless it names the same platform; the
    guardrails of every environment that names it hold too (product.md, section 1).
    """
    environment = _named(project, name)
    if platform is not None:
        for other in project.environments.values():
            if _is_same(project, platform, other.platform):
                environment = environment._replace(guardrails=environment.guardrails.together(other.guardrails))
        if not _is_same(project, platform, environment.platform):
            environment = environment._replace(
                token=None, workspace=None, records=None,
                elsewhere=environment.name in project.environments,
            )  # fmt: skip
        environment = environment._replace(platform=platform, named=True)
    if workspace is not None:
        environment = environment._replace(workspace=workspace)
    if records is not None:
        environment = environment._replace(records=records, records_named=True)
    return environment


def _is_same(project: Project, platform: str, other: str) -> bool:
    """Whether two targets name the same platform; files are relative to the project."""
    return same_target(_located(project, platform), _located(project, other))


def _located(project: Project, target: str) -> str:
    name = target.removeprefix(_FILE)
    return target if name == target else f"{_FILE}{os.path.normpath(project.folder / name)}"


def _named(project: Project, name: str | None) -> Environment:
    known = project.environments
    if name is not None and name != "default" and name not in known:
        listed = ", ".join(known) or "none"
        raise UsageError(
            f"no environment is called '{quote(name)}'",
            f"defined in {quote(project.file or 'no project file')}: {listed}",
        )
    chosen = name or "default"
    if chosen in known:
        return known[chosen]
    if known:
        raise UsageError("environments are defined, and none is called 'default'", f"say which: -e {' | '.join(known)}")
    return Environment("default", "embedded")
