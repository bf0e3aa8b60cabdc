"""References become secrets, at the last moment: only an apply that is about to write calls this.

A reference is `{env: NAME}` or `{file: path}`. What comes out lives in memory until the request is made, and is never
printed, logged, hashed into a plan or stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatectl.errors import MissingCredential
from gatectl.model import Plan

_LONGEST = 1 << 20


def resolve_reference(reference: Mapping[str, str], folder: Path, environment: Mapping[str, str]) -> str:
    """The secret that a reference leads to. `folder` is what a file is relative to.

    Raises MissingCredential, which names the variable or the file, and never a value.
    """
    if "env" in reference:
        name = reference["env"]
        value = environment.get(name)
        if not value:
            state = "is not set" if value is None else "is empty"
            raise MissingCredential(f"environment variable {name} {state}", f"set it: export {name}=…")
        return value
    path = folder / reference["file"]
    try:
        with open(path, "rb") as stream:
            content = stream.read(_LONGEST + 1)
        value = content.decode("utf-8").strip()
    except OSError as error:
        raise MissingCredential(
            f"file {path} cannot be read: {error.strerror}", "create it, or correct the path"
        ) from error
    except ValueError as error:  # or its name is none that a file can have
        raise MissingCredential(
            f"file {path} is not UTF-8 text", "it should hold the secret and nothing else"
        ) from error
    if not value or len(content) > _LONGEST:
        raise MissingCredential(
            f"file {path} is {'too large' if value else 'empty'}", "it should hold the secret alone"
        )
    return value


def resolve_plan(plan: Plan, project_folder: Path, environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """All credentials that a plan's operations send, by operation id. Raises MissingCredential naming all that miss."""
    secrets: dict[str, dict[str, str]] = {}
    missing: dict[str, list[str]] = {}
    hints: dict[str, str | None] = {}
    for operation in plan["operations"]:
        for field in operation["fields"]:
            if field["path"] == "/spec/credentials" and field["after"]:
                found, lost = _resolve(operation, field["after"], project_folder, environment)
                secrets[operation["id"]] = found
                for what, error in lost:
                    missing.setdefault(error.message, []).append(what)
                    hints[error.message] = error.hint
    if len(missing) == 1:
        ((message, users),) = missing.items()
        raise MissingCredential(f"{_of(users)}: {message}", hints[message])
    if missing:
        listed = "\n".join(f"  {message} ({_of(users)})" for message, users in missing.items())
        raise MissingCredential(f"{len(missing)} credentials are missing:\n{listed}", "nothing was written")
    return secrets


def _of(users: list[str]) -> str:
    """Who lacks a credential, in a few words however many they are."""
    return users[0] if len(users) == 1 else f"{users[0]} and {len(users) - 1} more"


def _resolve(
    operation: Mapping[str, Any], reference: Mapping[str, Any], project_folder: Path, environment: Mapping[str, str]
) -> tuple[dict[str, str], list[tuple[str, MissingCredential]]]:
    """The secrets of one operation, and those of them that are not there, each with what it is for. A plan's files are
    relative to the project folder."""
    found: dict[str, str] = {}
    missing: list[tuple[str, MissingCredential]] = []
    for name, value in reference.items() if "apiKey" not in reference else ():
        try:
            found[name] = resolve_reference(value, project_folder, environment)
        except MissingCredential as error:
            missing.append((f"{operation['kind']} {operation['workspace']}/{operation['name']}: {name}", error))
    return found, missing
