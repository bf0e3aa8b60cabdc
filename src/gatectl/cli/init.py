"""`gatectl init [DIR]`: a starter project, proved by validating it."""

from __future__ import annotations

import re
import shlex
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from gatectl.cli.options import Globals, command, load_project
from gatectl.errors import DONE, InputError, UsageError
from gatectl.files import fences, outputs
from gatectl.files.reading import read_regular
from gatectl.kinds import KINDS
from gatectl.manifests import loading
from gatectl.manifests.sources import schema_folder
from gatectl.pipelines.starter import NOWHERE, github_workflow, gitlab_pipeline, starter_files
from gatectl.quote import quote, safe

_SCHEMAS = ".schemas"
_LARGEST_CONFIG = 1 << 20
_PIPELINES = {
    "github": (".github/workflows/gitops.yml", github_workflow),
    "gitlab": (".gitlab/gatectl.yml", gitlab_pipeline),
}
"""For each CI, the file in our own sources that a starter's is made of, and what makes it."""


_PLACES = {
    "github": (r"[\w.-]+/[\w.-]+", "OWNER/gatectl@COMMIT"),
    "gitlab": (r"https://[\w./:-]+", "https://HOST/OWNER/gatectl.git@COMMIT"),
}
"""For each CI, what the repository of gatectl looks like, and how the option is then written."""


@command("init")
@click.argument("directory", default=".", metavar="[DIR]")
@click.option(
    "--ci",
    type=click.Choice([*_PIPELINES, "none"]),
    help="Whose pipeline to write (default: github, or what is there).",
)
@click.option(
    "--source",
    "said",
    metavar="PLACE@COMMIT",
    help="What the pipeline installs gatectl from: OWNER/gatectl@COMMIT, or for GitLab https://…/gatectl.git@COMMIT.",
)
def COMMAND(options: Globals, directory: str, ci: str | None, said: str | None) -> int:  # noqa: N802 - the table's word
    """Write a starter project: project file, an example manifest, a pipeline, .gitignore, schemas for the editor.

    Existing files are left as they are; in a project that exists, --ci adds the pipeline. The CI is GitLab's where a
    .gitlab-ci.yml is there or the remote says so.
    """
    console = options.console()
    folder = Path(directory).resolve()
    name = folder.name.strip() if folder.name.isprintable() else ""
    pipeline = _pipeline(ci or _guess(folder), said)
    if (folder / "gatectl.yaml").exists():
        if ci is None or not pipeline:
            raise InputError(f"{quote(folder / 'gatectl.yaml')} exists: this is a project already",
                             "gatectl validate checks it; gatectl init --ci github or gitlab adds a pipeline")  # fmt: skip
        _write_all(folder, pipeline, console.info)
        console.result("The pipeline is there; the project is as it was.")
        return DONE
    files = starter_files(name[:128].strip() or "project", str(uuid.uuid4()), _SCHEMAS, pipeline)
    _write_all(folder, files, console.info)
    for name in ("manifest", "project", *(row.schema for row in KINDS.values())):
        source = schema_folder() / f"{quote(name)}.schema.json"
        _write(folder / _SCHEMAS / source.name, source.read_text("utf-8"), None, console.info)
    project = load_project(options._replace(project=str(folder / "gatectl.yaml")))
    loaded = loading.load(project, loading.manifest_paths(project, project.environments["default"], ()), "default")
    if loaded.invalid:
        raise InputError("the manifests that were there before are not valid", "gatectl validate says what is wrong")
    here = "" if folder == Path.cwd() else f"cd {safe(shlex.quote(directory))} && "
    console.result(f"Project '{quote(project.name)}' is ready and valid. Next: {here}gatectl plan, then gatectl apply")
    return DONE


def _guess(folder: Path) -> str:
    """The CI of a folder: GitLab's if its file is there or the git remote is a GitLab, else GitHub's."""
    if (folder / ".gitlab-ci.yml").exists():
        return "gitlab"
    config = folder / ".git" / "config"
    try:
        remotes = b"" if fences.leaving(str(config), str(folder)) else read_regular(config, _LARGEST_CONFIG)
    except OSError:
        return "github"
    return "gitlab" if b"gitlab" in remotes else "github"


def _pipeline(ci: str, said: str | None) -> Mapping[str, str]:
    """What a CI reads, by path, made of the file that the installed package holds, or the checkout."""
    if ci == "none":
        return {}
    name, make = _PIPELINES[ci]
    here = Path(__file__).resolve().parent.parent
    packaged = here / "pipelines" / f"{ci}.yml"
    source = packaged if packaged.is_file() else here.parent.parent / name
    return make(source.read_text("utf-8"), *_place(ci, said))


def _place(ci: str, said: str | None) -> tuple[str, str]:
    """Where a pipeline installs gatectl from, and which commit. Raises UsageError for what is no such place."""
    if said is None:
        return NOWHERE
    pattern, form = _PLACES[ci]
    place, _, commit = said.rpartition("@")
    if not re.fullmatch(pattern, place, re.ASCII) or not re.fullmatch("[0-9a-f]{40}", commit):
        raise UsageError("--source is no place and commit", f"write {form}, with all 40 digits of the commit")
    return place, commit


def _write_all(folder: Path, files: Mapping[str, str], say: Callable[[str], None]) -> None:
    for name, text in files.items():
        _write(folder / name, text, name, say)
        if NOWHERE[1] in text:
            say(f"{name} names no commit of gatectl yet: replace {NOWHERE[0]} and {NOWHERE[1]}")


def _write(path: Path, text: str, name: str | None, say: object) -> None:
    written = outputs.write_new(str(path), text)
    if name is not None and callable(say):
        say(f"wrote {name}" if written else f"{name} exists and is left as it is")
