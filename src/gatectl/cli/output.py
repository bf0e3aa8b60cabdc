"""Where a result goes, and in which formats: `--format FORMAT[=FILE]`, repeated as often as wanted.

At most one format goes to standard output (text, where all have a file), the others to their files, each whole or not at
all. Formats for a forge name files relative to the top of the git checkout; text shows the lines that findings are about.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from gatectl.cli.console import Console
from gatectl.documents.findings import NameFile, relative_to
from gatectl.errors import UsageError
from gatectl.files import fences
from gatectl.files import outputs as places
from gatectl.files.reading import read_regular
from gatectl.manifests.sources import PROJECT_FILE, STANDARD_INPUT
from gatectl.model import Finding, SourceFile
from gatectl.quote import quote
from gatectl.render import FORMATS, RENDERERS, render, renderer
from gatectl.render.interface import Files, Look

if TYPE_CHECKING:
    from gatectl.documents.plans import Plan
    from gatectl.documents.shown import Document, Kind
    from gatectl.rules.interface import Rule


Function = TypeVar("Function", bound=Callable[..., Any])


class Output(NamedTuple):
    """One result that is asked for: its format, and its file (None: standard output)."""

    format: str
    file: str | None = None


def read_output(text: str) -> Output:
    """FORMAT or FORMAT=FILE; the file "-" is standard output."""
    name, given, file = text.partition("=")
    return Output(name, file if given and file != STANDARD_INPUT else None)


class Outputs(NamedTuple):
    """All results that are asked for: one for standard output, and those with a file."""

    printed: str
    written: tuple[Output, ...] = ()

    @property
    def formats(self) -> list[str]:
        return [self.printed, *(output.format for output in self.written)]

    def apart_from(self, *files: str | None) -> None:
        """Raises UsageError where a result would overwrite another file that the command writes."""
        for output in self.written:
            if any(file is not None and places.same_file(file, output.file or "") for file in files):
                raise UsageError(
                    f"--format {quote(output.format)}={quote(output.file)}: the file is written twice",
                    "name another one",
                )

    def try_places(self, *others: str | None) -> None:
        """Find out before the work that these files can be written later. Raises UsageError, InputError."""
        for file in (*others, *(output.file for output in self.written)):
            if file is not None:
                places.check(file)


def format_option(kind: Kind | None) -> Callable[[Function], Function]:
    """The option of a command that shows such a document (None: any); its function is handed Outputs."""
    choices = list(RENDERERS) if kind is None else FORMATS[kind]

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in choices if name.startswith(incomplete)]

    def choose(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> Outputs:
        outputs = [read_output(text) for text in given]
        for output in outputs:
            if output.format not in choices:
                shown = ", ".join(map(repr, choices))
                raise click.BadParameter(f"'{quote(output.format)}' is not one of {shown}.", context, parameter)
            if output.file == "":
                raise click.BadParameter(f"'{quote(output.format)}=' names no file.", context, parameter)
        return choose_outputs(outputs)

    return click.option(
        "--format", "outputs", multiple=True, metavar="FORMAT[=FILE]", callback=choose, shell_complete=complete,
        help=f"How to print it (repeatable, =FILE for a file): {', '.join(choices)}.",
    )  # fmt: skip


def choose_outputs(outputs: Sequence[Output]) -> Outputs:
    """What goes where. Raises UsageError for two on standard output, or in one file."""
    printed = [output.format for output in outputs if output.file is None]
    written = tuple(output for output in outputs if output.file is not None)
    if len(printed) > 1:
        raise UsageError(
            f"--format: only one format fits on standard output, not {len(printed)}: {', '.join(map(quote, printed))}",
            f"give the others a file: --format {printed[-1]}=FILE",
        )
    for index, output in enumerate(written):
        Outputs("text", written[:index]).apart_from(output.file)
        folder = os.path.dirname(os.path.realpath(output.file or ""))
        if not os.path.isdir(folder):  # now, and not after the platform was read
            raise UsageError(
                f"--format {quote(output.format)}={quote(output.file)}: the folder {quote(folder)} does not exist",
                "create it first",
            )
    return Outputs(printed[0] if printed else "text", written)


class Sources(NamedTuple):
    """The files that a document speaks of. `base` is the folder that its names are relative to.

    `contents` holds what was read, by those names. `checks` holds what a file must be (its SHA-256) to be read again for its
    lines, where its bytes are not at hand. `lines` says whether lines are shown at all.
    """

    base: str
    names: Sequence[str] = ()
    contents: Mapping[str, bytes] = {}
    checks: Mapping[str, str] = {}
    home: str | None = None
    lines: bool = True


def of_files(
    files: Sequence[SourceFile],
    findings: Sequence[Finding],
    name_file: NameFile,
    base: str,
    project: Path | None,
) -> Sources:
    """The sources of a document that was just made from these files; those with findings keep their bytes."""
    told = {p.file for f in findings for p in (f.place, *(r.place for r in f.related)) if p is not None}
    contents = {name_file(file.path): file.content for file in files if file.path in told}
    if project is not None and str(project) in told:
        contents[name_file(str(project))] = _bytes_of(str(project))
    home = name_file(str(project)) if project is not None else None
    return Sources(base, [name_file(file.path) for file in files], contents, {}, home)


def of_plan(plan: Plan, folder: Path, project: Path | None, *, lines: bool = True) -> Sources:
    """The sources of a plan, whose names are relative to the project folder."""
    checks = {item["path"]: item["sha256"] for item in plan["source"]["inputs"]}
    home = relative_to(str(folder))(str(project)) if project is not None else None
    return Sources(str(folder), list(checks), {}, checks, home, lines)


def publish(
    console: Console, outputs: Outputs, document: Document, sources: Sources, *, printed: bool = True
) -> None:  # fmt: skip
    """Write every result: the files first, because where one fails, that is the result. `printed`: on standard output goes this, and
    nothing else."""
    rules = rule_table()
    for output in outputs.written:
        assert output.file is not None
        look = console.look()._replace(color=console.color == "always", width=Look().width, rules=rules)
        places.write(output.file, _shown(document, output.format, look, sources) + "\n", private=False)
    if printed:
        look = console.look()._replace(rules=rules)
        console.result(_shown(document, outputs.printed, look, sources))


def _shown(document: Document, format_name: str, look: Look, sources: Sources) -> str:
    names, home, root = sources.names, sources.home or next(iter(sources.names), PROJECT_FILE), sources.base
    if renderer(format_name).checkout:
        from gatectl.documents.shown import with_files

        root = top_of(sources.base)
        relative = relative_to(root)

        def rename(name: str) -> str:
            return name if name == STANDARD_INPUT else relative(os.path.normpath(os.path.join(sources.base, name)))

        document = with_files(document, rename)
        names, home = [rename(name) for name in names], rename(home)
    root = root if os.sep == "/" else root.replace(os.sep, "/")
    files = Files(names, root, home, _Lines(sources) if sources.lines else None)
    return render(document, format_name, look._replace(files=files))


def top_of(folder: str) -> str:
    """The top of the git checkout around a folder, without asking git; the folder itself where there is none."""
    path = fences.find_top(folder)
    if path is None:
        return folder
    # The folder may be named through a link; what is relative to it must be named in the same way.
    down = os.path.relpath(os.path.realpath(folder), path)
    same = os.path.normpath(os.path.join(folder, *([os.pardir] * len(Path(down).parts))))
    return same if os.path.realpath(same) == path else path


class _Lines:
    """The lines of the files of a document, as YAML counts them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def __call__(self, name: str) -> Sequence[str] | None:
        content = self._sources.contents.get(name)
        if content is None:
            content = self._read_again(name)
        if content is None:
            return None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def _read_again(self, name: str) -> bytes | None:
        """A file that was read before, if it is still the same."""
        import hashlib

        wanted = self._sources.checks.get(name)
        if wanted is None or name == STANDARD_INPUT:
            return None
        path = os.path.realpath(os.path.join(self._sources.base, name))
        if not fences.is_inside(path, os.path.realpath(self._sources.base)):
            return None  # a plan may name any file, and its hash may be known
        content = _bytes_of(path)
        return content if hashlib.sha256(content).hexdigest() == wanted else None


def _bytes_of(path: str) -> bytes:
    try:
        return read_regular(path)
    except OSError:
        return b""


def rule_table() -> list[Rule]:
    """The rules, for the formats that explain them."""
    from gatectl.rules import RULES

    return list(RULES.values())
