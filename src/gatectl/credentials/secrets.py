"""References become secrets, at the last moment: only an apply that is about to write calls this.

A reference is `{env: NAME}` or `{file: path}`. What comes out lives in memory until the request is made, and is never
printed, logged, hashed into a plan or stored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

from gatectl.credentials import pasted, references
from gatectl.documents.operations import credentials_of, values_of
from gatectl.documents.plans import Operation, Plan
from gatectl.errors import MissingCredential
from gatectl.files.reading import read_regular
from gatectl.model import CredentialReferences, SecretReference
from gatectl.quote import quote

_LONGEST = 1 << 20
SecretName = Literal["key", "secret"]
_SECRETS: Final[tuple[SecretName, ...]] = ("key", "secret")

LookUp = Callable[[SecretReference], "str | None"]
"""Gives what a reference leads to; None: there is nothing."""

Shape = Callable[[str], str]
"""What makes of a text the secret that is sent, or raises `credentials.Unusable`."""


def resolve_reference(
    reference: SecretReference, folder: Path, environment: Mapping[str, str], shape: Shape = pasted.usable
) -> str:
    """The secret that a reference leads to, as `shape` puts it right. `folder` is what a file is relative to.

    Raises MissingCredential, which names the variable or the file, and never a value.
    """
    if "env" in reference:
        name = reference["env"]
        return _shaped(f"environment variable {quote(name)}", lambda: _variable(name, environment), shape)
    path = folder / reference["file"]
    return _shaped(f"file {quote(path)}", lambda: _file(path), shape)


def shaped(what: str, text: str, shape: Shape) -> str:
    """A secret that is at hand, as `shape` puts it right; `what` names where it comes from. Raises MissingCredential."""
    return _shaped(what, lambda: text, shape)


def _shaped(what: str, read: Callable[[], str], shape: Shape) -> str:
    try:
        return shape(read())
    except pasted.Unusable as error:
        raise MissingCredential(f"{what} {error.problem}", error.hint) from None


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name)
    if value is None:
        raise pasted.Unusable("is not set", f"set it: export {quote(name)}=…")
    return value


def _file(path: Path) -> str:
    hint = "it should hold the secret and nothing else"
    try:
        content = read_regular(path, _LONGEST + 1)
    except OSError as error:
        raise pasted.Unusable(f"cannot be read: {error.strerror}", "create it, or correct the path") from None
    except ValueError:  # its name is none that a file can have
        raise pasted.Unusable("is none that there can be", "correct the path") from None
    if len(content) > _LONGEST:
        raise pasted.Unusable("is too large", hint)
    return pasted.decoded(content)


def resolve_plan(
    plan: Plan,
    project_folder: Path,
    environment: Mapping[str, str],
    tokens: Iterable[SecretReference] = (),
    look_up: LookUp | None = None,
) -> dict[str, dict[str, str]]:
    """All credentials that a plan's operations send, by operation id. `tokens` are what the project's environments sign in with.

    `look_up` gives what a reference leads to, instead of the environment and the files of the project.

    Raises MissingCredential naming all that miss, or that a plan may not name.
    """
    bounds = references.borders(project_folder, tokens, environment)
    secrets: dict[str, dict[str, str]] = {}
    missing: dict[str, list[str]] = {}
    hints: dict[str, str | None] = {}
    for operation in plan["operations"]:
        reference = credentials_of(operation)
        if not reference:
            continue
        found, lost = _resolve(operation, reference, project_folder, environment, bounds, look_up)
        secrets[operation["id"]] = found
        for what, error in lost:
            missing.setdefault(error.message, []).append(what)
            hints[error.message] = error.hint
    if len(missing) == 1:
        ((message, users),) = missing.items()
        raise MissingCredential(f"{_of(users)}: {message}", hints[message])
    if missing:
        listed = "\n".join(f"  {message} ({_of(users)})" for message, users in missing.items())
        what = "credentials are missing or cannot be used"
        raise MissingCredential(f"{len(missing)} {what}:\n{listed}", "nothing was written")
    return secrets


def _of(users: list[str]) -> str:
    """Who lacks a credential, in a few words however many they are."""
    return users[0] if len(users) == 1 else f"{users[0]} and {len(users) - 1} more"


def _resolve(
    operation: Operation,
    reference: CredentialReferences,
    project_folder: Path,
    environment: Mapping[str, str],
    bounds: references.Borders,
    look_up: LookUp | None,
) -> tuple[dict[str, str], list[tuple[str, MissingCredential]]]:
    """The secrets of one operation, and those of them that are not there, each with what it is for. A plan's files are
    relative to the project folder."""
    found: dict[str, str] = {}
    missing: list[tuple[str, MissingCredential]] = []
    for name in _said(reference):
        value = reference[name]
        try:
            refused = references.refusal(value, project_folder, bounds)
            if refused is not None:
                raise MissingCredential(f"{refused.message} (GW601)", refused.hint)
            shape = functools.partial(pasted.usable, provider=_provider(operation), field=name)
            if look_up is not None:
                found[name] = _looked_up(value, look_up, shape)
            else:
                found[name] = resolve_reference(value, project_folder, environment, shape)
        except MissingCredential as error:
            what = f"{operation['kind']} {quote(operation['workspace'])}/{quote(operation['name'])}: {name}"
            missing.append((what, error))
    return found, missing


def _said(reference: CredentialReferences) -> list[SecretName]:
    """Which secrets are named, in the order in which that was said."""
    if "apiKey" in reference:
        return []
    order = list(reference)
    return sorted((name for name in _SECRETS if name in reference), key=order.index)


def _looked_up(reference: SecretReference, look_up: LookUp, shape: Shape) -> str:
    what = " ".join(f"{how} {quote(value)}" for how, value in reference.items())
    secret = look_up(reference)
    if secret is None:
        raise MissingCredential(f"{what} is not there", "the function that looks up secrets has none for it")
    return _shaped(what, lambda: secret, shape)


def _provider(operation: Operation) -> str | None:
    """The type of the bucket or the provider of the LLM that an operation is about, as far as it says so."""
    said, state = values_of(operation), operation.get("after")
    for name in ("type", "provider"):
        value = said.get(f"/spec/{name}") or (state["spec"].get(name) if state is not None else None)
        if isinstance(value, str):
            return value
    return None
