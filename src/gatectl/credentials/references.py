"""What a reference to a secret may name (product.md, section 7): GW601 for what is not a manifest's to name.

A checkout may be a stranger's, and what a reference leads to is sent to a platform: so none names what gatectl itself, or the
pipeline that it runs in, signs in with, and none names a file that lies neither in the project nor where the operator said
(`GATECTL_SECRET_PATHS`). Offline for manifests, and again for each reference of a plan before it is followed. Files are not
opened here; where links lead is looked up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatectl.files import fences
from gatectl.model import Finding, Manifest, SecretReference, Spot
from gatectl.quote import quote

FOLDERS: Final = "GATECTL_SECRET_PATHS"
"""The variable that names folders for secrets outside of the project, as PATH names folders."""

_NEVER: Final = re.compile(
    r"GATECTL_.*|ACTIONS_.*|(?:GITHUB|GITLAB|GH)_(?:ENTERPRISE_)?TOKEN|CI_JOB_TOKEN|CI_JOB_JWT.*|CI_REPOSITORY_URL"
    r"|CI_(?:REGISTRY|DEPLOY|DEPENDENCY_PROXY)_PASSWORD|SYSTEM_ACCESSTOKEN|BITBUCKET_STEP_OIDC_TOKEN|CIRCLE_OIDC_TOKEN.*"
    r"|BUILDKITE_AGENT_ACCESS_TOKEN|PGPASSWORD|PGSSLPASSWORD",
    re.DOTALL,
)
"""What gatectl signs in with, and what a CI puts into the environment of every job that it runs."""

_OWN_TOKEN: Final = re.compile(r"GATECTL_(?:\w+_)?TOKEN(?:_\w+)?")
"""What a project file may name as an environment's token all the same."""

_NEVER_IN: Final = frozenset((".git", fences.OWN_FOLDER))
"""Folders of a project whose files no manifest names: a runner may keep a token in git's configuration."""

_ENV_HINT: Final = "give the secret a variable of its own"
_FILE_HINT: Final = f"keep it in the project, out of git, or name its folder in {FOLDERS}"


class Borders(NamedTuple):
    """What references may not cross: the project's real path, the operator's folders for secrets, and the references that
    the project's environments sign in with."""

    project: str
    folders: tuple[str, ...]
    tokens: tuple[SecretReference, ...]


class Refusal(NamedTuple):
    """Why a reference is not followed, and what to do."""

    message: str
    hint: str


def borders(project: Path, tokens: Iterable[SecretReference], variables: Mapping[str, str]) -> Borders:
    """`tokens` are the references of the project's environments, `variables` those of the process."""
    named = [folder for folder in variables.get(FOLDERS, "").split(os.pathsep) if folder]
    return Borders(os.path.realpath(project), tuple(map(os.path.realpath, named)), tuple(tokens))


def refusal(reference: SecretReference, folder: str | Path, bounds: Borders) -> Refusal | None:
    """Why a reference of a manifest is not followed; None: it may be. `folder` is what a file is relative to."""
    if "env" in reference:
        name = reference["env"]
        if _NEVER.fullmatch(name) or any(token.get("env") == name for token in bounds.tokens):
            return Refusal(
                f"{quote(name)} is what gatectl or its pipeline signs in with, and no manifest's to name", _ENV_HINT
            )
        return None
    path = _real(os.path.join(folder, reference["file"]))
    if any("file" in token and _real(os.path.join(bounds.project, token["file"])) == path for token in bounds.tokens):
        return Refusal(
            f"{quote(reference['file'])} is what gatectl signs in with, and no manifest's to name", _ENV_HINT
        )
    return _of_file(reference["file"], path, bounds)


def refusal_of_token(reference: SecretReference, bounds: Borders) -> Refusal | None:
    """Why the reference of an environment's `token` is not followed; None: it may be."""
    if "env" in reference:
        name = reference["env"]
        if _NEVER.fullmatch(name) and not _OWN_TOKEN.fullmatch(name):
            return Refusal(f"{quote(name)} is not a token of the platform, and no project file's to name", _ENV_HINT)
        return None
    return _of_file(reference["file"], _real(os.path.join(bounds.project, reference["file"])), bounds)


def _of_file(shown: str, path: str, bounds: Borders) -> Refusal | None:
    if any(fences.is_inside(path, folder) for folder in bounds.folders):
        return None
    if not fences.is_inside(path, bounds.project):
        return Refusal(f"the file {quote(shown)} does not lie in the project", _FILE_HINT)
    if _NEVER_IN & set(os.path.relpath(path, bounds.project).split(os.sep)):
        return Refusal(f"the file {quote(shown)} is git's or gatectl's own, and no manifest's to name", _FILE_HINT)
    return None


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # half a character, or a zero: no file has such a name, and whoever opens it says so
        return os.path.abspath(path)


def check(manifests: Iterable[Manifest], bounds: Borders) -> list[Finding]:
    """GW601 for each reference of manifests that is not followed."""
    findings = []
    for manifest in manifests:
        credentials = manifest.spec.get("credentials")
        for name, value in credentials.items() if type(credentials) is dict else ():
            kind = _kind(value)
            if kind is None:
                continue
            file = manifest.document.file.path
            refused = refusal(value, os.path.dirname(file) if file != "-" else os.getcwd(), bounds)
            if refused is not None:
                spot = Spot(manifest.document, ("spec", "credentials", name, kind))
                findings.append(Finding("GW601", *refused, spot=spot, subject=manifest.subject))
    return findings


def check_tokens(document: Any, environments: Any, bounds: Borders) -> list[Finding]:
    """GW601 for each token of a project file's environments that is not followed; `document` is the project file's."""
    findings = []
    for name, environment in environments.items():
        token = environment.get("token")
        kind = _kind(token)
        refused = refusal_of_token(token, bounds) if kind is not None else None
        if refused is not None:
            spot = Spot(document, ("spec", "environments", name, "token", kind or ""))
            findings.append(Finding("GW601", *refused, spot=spot))
    return findings


def _kind(reference: Any) -> str | None:
    """ "env" or "file", of what has the form of a reference; what has not is told by its schema."""
    if type(reference) is dict and len(reference) == 1:
        ((kind, value),) = reference.items()
        if kind in ("env", "file") and type(value) is str:
            return str(kind)
    return None
