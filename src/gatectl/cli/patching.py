"""`--patch FILE`: the manifests' change that belongs to an undo, saved or printed, and what is said of it."""

from __future__ import annotations

import os
import shlex
from typing import Final

from gatectl.api import Estate, Patch, Plan
from gatectl.cli.console import Console
from gatectl.cli.output import Outputs
from gatectl.documents.plans import Plan as Document
from gatectl.errors import UsageError
from gatectl.files import outputs as files
from gatectl.manifests.sources import STANDARD_INPUT
from gatectl.quote import safe
from gatectl.reconcile.request import Request

_PRINTED: Final = STANDARD_INPUT
_STANDARD_OUTPUT: Final = "/dev/stdout"
"""The descriptor of this process, whatever it is: a patch is bytes, and printed as they are."""


def check_patch(outputs: Outputs, file: str | None, out: str | None, *, yes: bool) -> None:
    """Find out before the work that the patch can be saved, or printed alone. Raises UsageError, InputError."""
    if file is None:
        return
    if file != _PRINTED:
        outputs.apart_from(file)
        if out is not None and files.same_file(file, out):
            raise UsageError("--out and --patch name one file", "name another one")
        files.check(file)
    elif yes:
        raise UsageError("with --yes the receipt is printed, so the patch cannot be", "name a file: --patch FILE")
    elif outputs.printed != "text":
        raise UsageError(
            "only one result fits on standard output, not the plan and the patch",
            f"give one of them a file: --format {outputs.printed}=FILE, or --patch FILE",
        )


def is_printed(file: str | None) -> bool:
    """Whether the patch is what goes to standard output."""
    return file == _PRINTED


class Led:
    """An undo as a command asks for it: its plan, and with a file its patch, which is saved as soon as it is known."""

    def __init__(self, console: Console, estate: Estate, file: str | None) -> None:
        self._console = console
        self._estate = estate
        self._file = file
        self._plan: Document | None = None
        self._patch: Patch | None = None

    def back(self, request: Request, run: str) -> Plan:
        """The plan. Raises InputError where the patch cannot be saved."""
        if self._file is None:
            made = self._estate.lead_back(request, run)
        else:
            made, self._patch = self._estate.lead_back_and_patch(request, run)
            if not is_printed(self._file):
                files.write(self._file, self._patch.content, private=True)
        self._plan = made.document
        return made

    def show(self) -> None:
        """Print the patch, where that is asked for."""
        if self._patch is not None and is_printed(self._file):
            files.write(_STANDARD_OUTPUT, self._patch.content, private=True)

    def tell(self) -> None:
        """What is to be done with the manifests."""
        if self._patch is None or self._file is None:
            if self._plan is not None and self._plan["operations"] and self._plan["undoes"]["files"]:
                self._console.info("the manifests are as they were: --patch FILE saves their change, for git apply")
            return
        for line in self._patch.untold:
            self._console.warning(line)
        self._console.info(_told(self._patch, self._file))
        if self._patch.emptied:
            self._console.warning(
                "no manifest is left by it, and a plan of none is refused (GW106): write one of the workspace"
            )


def _told(patch: Patch, file: str) -> str:
    if not patch.content:
        why = "what is to change is not in it" if patch.untold else "no manifest says what the run did"
        return f"the patch is empty: {why}"
    saved = "patch" if is_printed(file) else "patch saved"
    return f"{saved}: {_command(patch.folder, file)}; until that is applied, a plan of the manifests does the run's work again"


def _command(folder: str, file: str) -> str:
    """The command that applies the patch from here."""
    here = os.path.realpath(os.curdir) == os.path.realpath(folder)
    if os.path.exists(os.path.join(folder, ".git")):
        name = file if here or is_printed(file) else os.path.abspath(file)
        return f"git {'' if here else f'-C {_quoted(folder)} '}apply {_quoted(name)}"
    place = "" if here else f"-d {_quoted(folder)} "
    return f"patch {place}-p1" + ("" if is_printed(file) else f" < {_quoted(file)}")


def _quoted(text: str) -> str:
    return safe(shlex.quote(text))
