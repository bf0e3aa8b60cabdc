"""From a project file's bytes to a project, and from a project to the way to its platform.

Nothing is found here and nobody is asked: the command line and programs hand in where the project lies, what may be read of
the environment, and whom the operator trusts (product.md, sections 1, 7 and 10).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gatectl.clock import CLOCK, Clock
from gatectl.credentials import pasted, references
from gatectl.errors import INVALID, GatectlError, MissingCredential, UsageError
from gatectl.files import fences
from gatectl.manifests import sources
from gatectl.manifests.exclusion import broken
from gatectl.manifests.guarding import check_guardrails
from gatectl.manifests.parse import parse
from gatectl.manifests.places import locate
from gatectl.manifests.validate import check_project
from gatectl.model import Document, Finding, Pointer, SourceFile, Spot
from gatectl.network.addresses import Pattern, StoreAddress
from gatectl.platforms import driver_for
from gatectl.platforms.flashback import check_url
from gatectl.platforms.interface import Connection, Credentials, RecordsChoice, Secret, Shared
from gatectl.project import Environment, Project, choose_environment, make_project
from gatectl.quote import quote
from gatectl.records.chosen import check_store


class InvalidProject(GatectlError):
    """The project file has findings; they are the user's mistakes, and end the command as invalid manifests do."""

    code = "invalid_project"
    exit_code = INVALID

    def __init__(self, findings: list[Finding], file: str) -> None:
        first = findings[0]
        place = f"{first.place.file}:{first.place.line}:{first.place.column}: " if first.place else ""
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{place}{first.rule}: {first.message}{more}", first.hint)
        self.findings = findings
        self.file = file


def make_checked_project(source: SourceFile, file: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """The project that a file's bytes say; `file` is where it lies, `environ` what may be read for it. Raises InvalidProject."""
    parsed = parse(source)
    findings = list(parsed.findings)
    if len(parsed.documents) == 1:
        findings += check_project(parsed.documents[0], sources.read_schema("project"))
        findings += [] if _wrong(findings) else _crossing(parsed.documents[0], file, environ)
    elif not findings:
        message = f"a project file holds one document, not {len(parsed.documents)}"
        findings.append(Finding("GW106", message, "start from: gatectl init", place=sources.first_place(source.path)))
    if _wrong(findings):
        raise InvalidProject(locate(findings), source.path)
    project = make_project(file, parsed.documents[0].data)
    return project._replace(document=parsed.documents[0], environ=environ, remarks=tuple(locate(findings)))


def _wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _foreign_manifests(document: Document, file: Path) -> list[Finding]:
    """GW101 for manifests that lie elsewhere: a project file speaks for its own folder."""
    spec = document.data.get("spec") or {}
    fence = os.path.realpath(file.parent)
    places: list[tuple[Pointer, Any]] = [(("spec", "manifests"), spec.get("manifests"))]
    for name, environment in (spec.get("environments") or {}).items():
        places.append((("spec", "environments", name, "manifests"), environment.get("manifests")))
    return [
        Finding("GW101", f"{quote(name)} does not lie in the project, whose folder is {quote(file.parent)}",
                "name folders of the project, or give another PATH on the command line",
                spot=Spot(document, (*pointer, index)))
        for pointer, names in places for index, name in enumerate(names or ())
        if not fences.is_inside(os.path.realpath(file.parent / name), fence)
    ]  # fmt: skip


def _crossing(document: Document, file: Path, environ: Mapping[str, str]) -> list[Finding]:
    """What a project file of the right shape names and must not: patterns that are none, guardrails, manifests and tokens elsewhere."""
    bounds = references.borders(file.parent, (), environ)
    environments = (document.data.get("spec") or {}).get("environments") or {}
    tokens = references.check_tokens(document, environments, bounds)
    wrong = [*_broken_patterns(document), *check_guardrails(document), *_foreign_manifests(document, file)]
    return [*wrong, *tokens, *_renamed(document, environments)]


def _renamed(document: Document, environments: Mapping[str, Mapping[str, object]]) -> Iterator[Finding]:
    """GW205 for an environment that is called as another one is, or was, before."""
    first: dict[str, str] = {}
    for name, environment in environments.items():
        former = environment.get("renamedFrom")
        if not isinstance(former, str):
            continue
        other = former if former in environments else first.setdefault(former, name)
        if former in environments or other != name:
            what = "there is one of that name" if former in environments else f"so is '{quote(other)}'"
            yield Finding("GW205", f"environment '{quote(name)}' is renamed from '{quote(former)}', and {what}",
                          "what an environment owned goes to one other, and only where it is no more",
                          spot=Spot(document, ("spec", "environments", name, "renamedFrom")))  # fmt: skip


def _broken_patterns(document: Document) -> list[Finding]:
    """GW205 for what `exclude` holds and is no pattern."""
    patterns = (document.data.get("spec") or {}).get("exclude") or ()
    return [
        Finding("GW205", f"spec.exclude[{index}] '{quote(pattern)}' is no gitignore pattern", "see: git help gitignore",
                spot=Spot(document, ("spec", "exclude", index)))
        for index, pattern in enumerate(patterns) if broken(pattern)
    ]  # fmt: skip


def choose(
    project: Project, name: str | None, platform: str | None = None, workspace: str | None = None,
    records: str | None = None,
) -> Environment:  # fmt: skip
    """The environment of a project that is meant. Raises UsageError for one that does not exist, or whose platform or records
    cannot be."""
    environment = choose_environment(project, name, platform, workspace, records)
    if not driver_for(environment.platform).offered:
        raise UsageError(
            f"'{quote(environment.platform)}' is for programs", "embedded, sqlite:///path, postgresql://… or https://…"
        )
    if environment.platform.startswith(("https://", "http://")):
        check_url(environment.platform)
    check_store(environment.records)
    return environment


def way_to(
    project: Project, environment: Environment, trusted: tuple[Pattern, ...], shared: Shared,
    parallel: int | None = None, ends: float | None = None, clock: Clock = CLOCK, stores: tuple[StoreAddress, ...] = (),
) -> Connection:  # fmt: skip
    """The way to an environment's platform and records, without credentials. `stores`: those that are trusted with records."""
    records = RecordsChoice(environment.records, environment.records_named, stores)
    return Connection(
        environment.platform, project.folder, environment.openai, None, parallel, ends, environment.named, trusted,
        project.environ, shared, clock, records=records,
    )  # fmt: skip


def credentials_of(project: Project, environment: Environment) -> Credentials | None:
    """GATECTL_TOKEN, the environment's token, or GATECTL_EMAIL and GATECTL_PASSWORD; the first that is there.

    Raises MissingCredential for one that is named and not there, or is none.
    """
    environ = project.environ
    if not environment.platform.startswith(("https://", "http://")):
        return None
    from gatectl.credentials.secrets import resolve_reference, shaped

    given = pasted.stripped(environ.get("GATECTL_TOKEN", ""))
    if given:
        return Credentials(token=Secret(shaped("environment variable GATECTL_TOKEN", given, pasted.token)))
    if environment.token is not None:
        try:
            return Credentials(
                token=Secret(resolve_reference(environment.token, project.folder, environ, pasted.token))
            )
        except MissingCredential as error:
            raise MissingCredential(
                f"the token of environment '{quote(environment.name)}': {error.message}", error.hint
            ) from error
    email = pasted.stripped(environ.get("GATECTL_EMAIL", "")) or None
    # A password may be of any characters; the end of a line is of the file that it was read from.
    password = environ.get("GATECTL_PASSWORD", "").rstrip("\r\n")
    if email or password:
        return Credentials(email=email, password=Secret(password) if password else None)
    return None
