"""What a source may touch: its checkout is held to the fleet file, before anybody is spoken to and again before anything is
written (product.md, section 9).

A checkout may be anybody's. It names no other platform, records store or workspace than its source may, and no secret that the
operator did not name for it, whatever else it says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple
from unicodedata import normalize

from gatectl.credentials.references import FOLDERS
from gatectl.documents.operations import credentials_of
from gatectl.documents.plans import Plan
from gatectl.files import fences
from gatectl.fleet.targets import Target
from gatectl.fleet.values import Fleet, Source
from gatectl.kinds import KINDS
from gatectl.model import CredentialReferences, Finding, Manifest, Pointer, SecretReference, Spot
from gatectl.network.addresses import same_target
from gatectl.project import Environment, Project
from gatectl.quote import quote

_REACHING: Final = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""The controller's own variables by which it reaches other machines."""
_WORDS: Final = ("key", "secret")

_At = Callable[[str], Spot]
"""Where a field of an environment stands."""


class Bounds(NamedTuple):
    """What a target may touch. `folder` is what the fleet file's paths are relative to; `reserved` are the references that the
    fleet itself is signed in with, which no manifest names, whatever its source may name."""

    target: Target
    folder: Path
    reserved: tuple[SecretReference, ...]

    @property
    def source(self) -> Source:
        return self.target.source

    def may_touch(self, workspace: str) -> bool:
        """Whether a workspace is among its source's; names are compared after Unicode NFC."""
        return self.target.may_touch(normalize("NFC", workspace))

    def folders(self) -> list[str]:
        """The folders whose files its manifests may name."""
        return [os.path.realpath(self.folder / name) for name in self.source.secrets.files]

    def may_name(self, reference: SecretReference, folder: str | Path) -> bool:
        """Whether a manifest may name a secret. `folder` is what a file is relative to; where links lead is looked up."""
        if "env" in reference:
            name = reference["env"]
            allowed = any(fnmatchcase(name, pattern) for pattern in self.source.secrets.env)
            return allowed and not any(name == other.get("env") for other in self.reserved)
        path = _real(os.path.join(folder, reference["file"]))
        inside = any(fences.is_inside(path, allowed) for allowed in self.folders())
        own = (_real(os.path.join(self.folder, other["file"])) for other in self.reserved if "file" in other)
        return inside and path not in own


def bounds_of(fleet: Fleet, target: Target) -> Bounds:
    """What a target of a fleet may touch."""
    return Bounds(target, Path(fleet.file).parent, tuple(_own(fleet)))


def _own(fleet: Fleet) -> Iterator[SecretReference]:
    """The references that a fleet is signed in with, anywhere."""
    if fleet.database is not None and fleet.database.variable is not None:
        yield {"env": fleet.database.variable}
    found: list[SecretReference | None] = [each.secret for each in fleet.notify]
    for source in fleet.sources:
        found += [source.token, source.login and source.login.password, source.webhook and source.webhook.secret]
        found += [source.approve_by and source.approve_by.token]
        found += [{"file": source.git.credentials}] if source.git.credentials is not None else []
    yield from (each for each in found if each is not None)


def environ_of(bounds: Bounds, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of a target, of the controller's: what its manifests may name, and how other machines are reached."""
    named = {name: value for name, value in variables.items() if bounds.may_name({"env": name}, "")}
    reaching = {name: value for name, value in variables.items() if name in _REACHING}
    return {**named, **reaching, FOLDERS: os.pathsep.join(bounds.folders())}


def check_project(bounds: Bounds, project: Project, records: str) -> list[Finding]:
    """What a project file says that its source may not: another platform, other records, a workspace that is not its own, and where
    it has no such environment. `records` is the store of the source."""
    source, document = bounds.source, project.document
    assert document is not None
    if not project.environments:
        return []
    at: Pointer = ("spec", "environments")
    environment = project.environments.get(source.environment)
    if environment is None:
        known = ", ".join(map(quote, project.environments))
        return [Finding("GW204", f"no environment is called '{quote(source.environment)}', and source '{quote(source.name)}' is for it",
                        f"defined here: {known}", spot=Spot(document, at))]  # fmt: skip
    at = (*at, source.environment)
    return list(_of_environment(bounds, environment, records, lambda field: Spot(document, (*at, field))))


def _of_environment(bounds: Bounds, environment: Environment, records: str, spot: _At) -> Iterator[Finding]:
    source = bounds.source
    if not same_target(environment.platform, source.platform):
        yield Finding("GW204", f"the platform is not the one of source '{quote(source.name)}'",
                      "a source is for one platform, the one that the fleet file names", spot=spot("platform"))  # fmt: skip
    if environment.records is not None and environment.records not in (source.records, records):
        yield Finding("GW204", f"the records are not those of source '{quote(source.name)}'",
                      "leave them out: a controller keeps records where the fleet file says", spot=spot("records"))  # fmt: skip
    if environment.workspace is not None and not bounds.may_touch(environment.workspace):
        yield _foreign(bounds, environment.workspace, spot("workspace"))


def check_manifests(bounds: Bounds, manifests: Sequence[Manifest]) -> list[Finding]:
    """What manifests say that their source may not: a workspace that is not its own, a secret that it may not name."""
    found: list[Finding] = []
    for manifest in manifests:
        holds = KINDS[manifest.kind].holds
        workspace = manifest.name if holds else manifest.workspace
        if workspace is not None and not bounds.may_touch(workspace):
            field = "name" if holds else "workspace"
            found.append(
                _foreign(bounds, workspace, Spot(manifest.document, ("metadata", field)))._replace(
                    subject=manifest.subject
                )
            )
        file = manifest.document.file.path
        for name, reference in _references(manifest.credentials):
            if not bounds.may_name(reference, os.path.dirname(file)):
                spot = Spot(manifest.document, ("spec", "credentials", name))
                found.append(Finding("GW601", *_unnamed(bounds, reference), spot=spot, subject=manifest.subject))
    return found


def _foreign(bounds: Bounds, workspace: str, spot: Spot) -> Finding:
    may = ", ".join(map(quote, bounds.target.workspaces or ())) or "none"
    return Finding("GW503", f"'{quote(bounds.target.name)}' may not touch workspace '{quote(workspace)}'",
                   f"the fleet file says which it may: {may}", spot=spot)  # fmt: skip


def _unnamed(bounds: Bounds, reference: SecretReference) -> tuple[str, str]:
    how, value = next(iter(reference.items()))
    return (
        f"'{quote(bounds.target.name)}' may not name the secret {{{how}: {quote(value)}}}",
        "the fleet file says which it may: secrets",
    )


def _references(credentials: object) -> Iterator[tuple[str, SecretReference]]:
    """The references among credentials as they are written, as far as they have the form of one."""
    for name, value in credentials.items() if isinstance(credentials, dict) else ():
        if isinstance(value, dict) and len(value) == 1:
            ((how, text),) = value.items()
            if how == "env" and isinstance(text, str):
                yield name, {"env": text}
            elif how == "file" and isinstance(text, str):
                yield name, {"file": text}


def refusal(bounds: Bounds, plan: Plan, project_folder: Path) -> str | None:
    """Why a plan may not be applied for a target, whoever made it or kept it; None: it may. Whatever it names is looked at: operations,
    what is adopted and taken over, the workspaces that it is of."""
    if plan.get("takeOver"):
        return "the plan takes over what somebody else owns"
    for workspace in _workspaces(plan):
        if workspace is None:
            if bounds.target.workspaces is not None:
                return "the plan touches what belongs to no workspace"
        elif not bounds.may_touch(workspace):
            return f"the plan touches workspace '{quote(workspace)}', which '{quote(bounds.target.name)}' may not"
    for operation in plan["operations"]:
        for _, reference in _of_operation(credentials_of(operation)):
            if not bounds.may_name(reference, project_folder):
                return _unnamed(bounds, reference)[0]
    return None


def _workspaces(plan: Plan) -> Iterator[str | None]:
    """The workspaces of all that a plan would write, on the platform or in the records."""
    yield from plan["target"]["workspaces"]
    named: Iterable[tuple[str, str | None, str]] = (
        *((op["kind"], op["workspace"], op["name"]) for op in plan["operations"]),
        *((each["kind"], each["workspace"], each["name"]) for each in plan["adopts"]),
    )
    for kind, workspace, name in named:
        yield name if kind in KINDS and KINDS[kind].holds else workspace


def _of_operation(credentials: CredentialReferences | None) -> Iterator[tuple[str, SecretReference]]:
    return _references({name: value for name, value in (credentials or {}).items() if name in _WORDS})


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # half a character, or a zero: no file has such a name
        return os.path.abspath(path)
