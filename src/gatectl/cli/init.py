"""`gatectl init [DIR]`: a starter project, proved by validating it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gatectl import __version__, reconcile
from gatectl.cli.options import Globals, command, load_project
from gatectl.errors import DONE, InputError
from gatectl.kinds import KINDS
from gatectl.sources import schema_folder
from gatectl.starter import starter_files

_SCHEMAS = ".schemas"


@command("init")
@click.argument("directory", default=".", metavar="[DIR]")
def COMMAND(options: Globals, directory: str) -> int:  # noqa: N802 - the table's word
    """Write a starter project: project file, an example manifest, CI workflow, .gitignore, schemas for the editor.

    Existing files are left as they are.
    """
    console = options.console()
    folder = Path(directory).resolve()
    name = folder.name.strip() if folder.name.isprintable() else ""
    files = starter_files(name[:128].strip() or "project", __version__, _SCHEMAS)
    if (folder / "gatectl.yaml").exists():
        raise InputError(f"{folder / 'gatectl.yaml'} exists: this is a project already", "gatectl validate checks it")
    for name, text in files.items():
        _write(folder / name, text, name, console.info)
    for name in ("manifest", "project", *(row.schema for row in KINDS.values())):
        source = schema_folder() / f"{name}.schema.json"
        _write(folder / _SCHEMAS / source.name, source.read_text("utf-8"), None, console.info)
    project = load_project(options._replace(project=str(folder / "gatectl.yaml")))
    loaded = reconcile.load(project, reconcile.manifest_paths(project, project.environments["default"], ()), "default")
    if loaded.invalid:
        raise InputError("the manifests that were there before are not valid", "gatectl validate says what is wrong")
    here = "" if folder == Path.cwd() else f"cd {shlex.quote(directory)} && "
    console.result(f"Project '{project.name}' is ready and valid. Next: {here}gatectl plan")
    return DONE


def _write(path: Path, text: str, name: str | None, say: object) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if name is not None and callable(say):
                say(f"{name} exists and is left as it is")
            return
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", "check the folder's permissions") from error
    if name is not None and callable(say):
        say(f"wrote {name}")
