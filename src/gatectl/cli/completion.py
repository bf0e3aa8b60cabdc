"""`gatectl completion SHELL`, and the answers to what the shell asks then: commands, options, and names from the project.

Click's scripts and its walk over the words are underneath. A question that cannot be answered is met with silence.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    shell_complete,
)

from gatectl.cli.options import Globals, command, load_project, offer_by, offline_environment
from gatectl.errors import DONE, FAILED
from gatectl.explain import topics
from gatectl.kinds import KINDS
from gatectl.manifests import loading
from gatectl.manifests.schemas import explained
from gatectl.model import Manifest

VARIABLE: Final = "_GATECTL_COMPLETE"


class _Bash(BashComplete):
    """Click's, for values with a space or a star in them, and for --option=value."""

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)", 'COMPREPLY+=("$(printf \'%%q\' "$value")")'
    ).replace("local response", "local response completion type value")

    def get_completion_args(self) -> tuple[list[str], str]:
        # Bash breaks words at '='.
        words, incomplete = super().get_completion_args()
        return [word for word in words if word != "="], "" if incomplete == "=" else incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        return _or_files(super().get_completions(args, incomplete), incomplete)


class _Zsh(ZshComplete):
    """Click's, with file names where nothing else is known."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        return _or_files(super().get_completions(args, incomplete), incomplete)


class _Fish(FishComplete):
    """Click's, with file names where nothing else is known."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        return _or_files(super().get_completions(args, incomplete), incomplete)


SHELLS: Final[Mapping[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def _or_files(found: list[CompletionItem[str]], incomplete: str) -> list[CompletionItem[str]]:
    if found or incomplete.startswith("-"):
        return found
    return [CompletionItem(incomplete, type="file")]


@command("completion")
@click.argument("shell", type=click.Choice(list(SHELLS)))
def COMMAND(options: Globals, shell: str) -> int:  # noqa: N802 - the table's word
    """Print the completion script of a shell: bash, zsh or fish.

    bash: eval "$(gatectl completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc, after compinit;
    fish: gatectl completion fish > ~/.config/fish/completions/gatectl.fish
    """
    made = SHELLS[shell](click.Group(), {}, "gatectl", VARIABLE)
    options.console().result(ShellComplete.source(made).rstrip("\n"))
    return DONE


def answer(group: click.Group) -> int:
    """Answer what a completion script asks through the environment: words on standard output, or nothing at all."""
    for shell, kind in SHELLS.items():
        add_completion_class(kind, shell)
    offer_by(offer)
    with contextlib.suppress(Exception):
        return shell_complete(group, {}, "gatectl", VARIABLE, os.environ[VARIABLE])
    return FAILED


def offer(what: str, context: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """The values of a kind (see `_OFFERS`) that begin as the word does, whatever its case; nothing where none can be told."""
    found: list[CompletionItem[str]] = []
    with contextlib.suppress(Exception):
        start = incomplete.lower()
        globals_ = Globals(**(context.find_object(dict) or {}))
        values = dict.fromkeys(v for v in _OFFERS[what](globals_, incomplete) if v.lower().startswith(start))
        found = [CompletionItem(value) for value in values if value.isprintable()]
    return found or nothing()


def nothing() -> list[CompletionItem[str]]:
    """No value, not even a file name: scripts pass over a type that they do not know."""
    return [CompletionItem("", type="nothing")]


def _objects(options: Globals, _incomplete: str) -> Iterator[str]:
    for manifest in _manifests(options):
        if manifest.name:
            yield "/".join(filter(None, (manifest.kind, manifest.workspace, manifest.name)))
            yield f"{manifest.kind}/{manifest.name}"


def _workspaces(options: Globals, _incomplete: str) -> Iterator[str]:
    for manifest in _manifests(options._replace(workspace=None)):
        named = manifest.name if KINDS[manifest.kind].holds else manifest.workspace
        if named:
            yield named


def _manifests(options: Globals) -> Iterable[Manifest]:
    project = load_project(options)
    environment, workspace = offline_environment(project, options)
    return loading.load(project, loading.manifest_paths(project, environment, ()), workspace).desired.manifests


def _environments(options: Globals, _incomplete: str) -> Iterable[str]:
    return load_project(options).environments


def _topics(_options: Globals, incomplete: str) -> Iterable[str]:
    return (topic for topic in topics(explained()) if incomplete or "." not in topic)


def _schemas(_options: Globals, _incomplete: str) -> Iterable[str]:
    from gatectl.cli.schema import DOCUMENTS

    return [*(row.name.lower() for row in KINDS.values()), *DOCUMENTS]


_OFFERS: Final[Mapping[str, Callable[[Globals, str], Iterable[str]]]] = {
    "objects": _objects,
    "workspaces": _workspaces,
    "environments": _environments,
    "topics": _topics,
    "schemas": _schemas,
}
