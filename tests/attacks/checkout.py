"""A stranger's checkout: a program planted in every place that git, Python, pip, a shell or an editor looks at.

Each plant leaves a mark when it runs. `PLANTS` are rows: what is planted, and a *control*, the careless command that runs it.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple


class Plant(NamedTuple):
    """`put(folder, mark)` plants a program that runs `mark`; `control` is run by a shell in the folder, and trips it.

    `control` is None where the program that would look there may not be on this machine.
    """

    put: Callable[[Path, str], None]
    control: str | None


def _write(path: Path, text: str, *, program: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if program:
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _module(name: str) -> Plant:
    def put(folder: Path, mark: str) -> None:
        _write(folder / f"{name}.py", f"import os\nos.system({mark!r})\nraise SystemExit(3)\n")

    return Plant(put, f"python3 -c 'import {name}'")


def _program(name: str) -> Plant:
    """A program of that name, for a PATH that begins with the working directory."""

    def put(folder: Path, mark: str) -> None:
        _write(folder / name, f"#!/bin/sh\n{mark}\nexit 3\n", program=True)

    return Plant(put, f"PATH=:$PATH {name} --version")


def _file(name: str, text: str, control: str | None) -> Plant:
    return Plant(lambda folder, mark: _write(folder / name, text.replace("MARK", mark)), control)


def _backend(folder: Path, mark: str) -> None:
    _write(
        folder / "pyproject.toml",
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "x"\nversion = "1"\n',
    )
    _write(folder / "backend.py", f"import os\nos.system({mark!r})\n")


def _config(*settings: str, attributes: str = "", ends: str = "cat") -> Callable[[Path, str], None]:
    """Settings of the checkout's own git; MARK stands for the program, which `ends` so once it left its mark."""

    def put(folder: Path, mark: str) -> None:
        program = folder / ".git" / f"planted-{settings[0].partition('=')[0]}"
        _write(program, f"#!/bin/sh\n{mark}\n{ends}\n", program=True)
        for setting in settings:
            name, _, value = setting.partition("=")
            subprocess.run(
                ["git", "config", "--add", name, value.replace("MARK", str(program))], cwd=folder, check=True
            )
        if attributes:
            with (folder / ".gitattributes").open("a") as file:
                file.write(attributes)

    return put


def _hook(name: str) -> Callable[[Path, str], None]:
    return lambda folder, mark: _write(folder / ".git" / "hooks" / name, f"#!/bin/sh\n{mark}\n", program=True)


def _hooks_path(folder: Path, mark: str) -> None:
    _config("core.hooksPath=.git/elsewhere")(folder, mark)
    _write(folder / ".git" / "elsewhere" / "post-index-change", f"#!/bin/sh\n{mark}\n", program=True)


def _bare(folder: Path, mark: str) -> None:
    """A bare repository where the manifests are: git takes a folder of this form for one of its own."""
    below = folder / "manifests"
    program = below / "planted"
    _write(program, f"#!/bin/sh\n{mark}\n", program=True)
    _write(below / "HEAD", "ref: refs/heads/main\n")
    _write(
        below / "config",
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = {program}\n"
        f'[filter "x"]\n\tclean = {program}\n[diff]\n\texternal = {program}\n[core]\n\tsshCommand = {program}\n',
    )
    for name in ("objects", "refs/heads"):
        (below / name).mkdir(parents=True, exist_ok=True)
    _write(below / "objects" / ".keep", "")
    _write(below / "refs" / "heads" / ".keep", "")


PLANTS: Final[Mapping[str, Plant]] = {
    **{f"module-{name}": _module(name) for name in
       ("json", "pip", "venv", "yaml", "click", "httpx", "jsonschema", "sqlalchemy", "subprocess", "gatectl", "ssl", "socket", "logging")},
    "module-pipx": Plant(_module("pipx").put, "python3 -m pipx"),
    "module-site": Plant(_module("sitecustomize").put, "PYTHONPATH=. python3 -c pass"),
    "module-user": Plant(_module("usercustomize").put, "PYTHONPATH=. python3 -c pass"),
    "python-startup": _file(".pythonrc", "import os\nos.system('MARK')\n", "echo 1 | PYTHONSTARTUP=.pythonrc python3 -i"),
    "conftest": _file("conftest.py", "import os\nos.system('MARK')\n", None),
    "setup": _file("setup.py", "import os\nos.system('MARK')\n", "python3 setup.py --version"),
    "build-backend": Plant(_backend, "python3 -I -m pip install --no-index --no-deps --quiet . --target elsewhere"),
    **{f"program-{name}": _program(name) for name in ("git", "python3", "ssh", "less", "jq", "pip", "gatectl", "env", "sh", "bash")},
    "bash-environment": _file(".bash_env", "MARK\n", "BASH_ENV=.bash_env bash -c true"),
    "bashrc": _file(".bashrc", "MARK\n", "HOME=$PWD bash -i -c true"),
    "profile": _file(".profile", "MARK\n", "HOME=$PWD sh -l -c true"),
    "zshenv": _file(".zshenv", "MARK\n", None),
    "direnv": _file(".envrc", "MARK\n", None),
    "makefile": _file("Makefile", "all:\n\tMARK\n", None),
    "vimrc": _file(".exrc", ":!MARK\n", None),
    "vscode": _file(".vscode/tasks.json", '{"tasks": [{"command": "MARK", "runOptions": {"runOn": "folderOpen"}}]}', None),
    "npm": _file("package.json", '{"name": "x", "scripts": {"preinstall": "MARK"}}', None),
    "pre-commit": _file(
        ".pre-commit-config.yaml", "repos: [{repo: local, hooks: [{id: x, name: x, language: system, entry: MARK}]}]", None
    ),
    "git-fsmonitor": Plant(_config("core.fsmonitor=MARK"), "git status --porcelain"),
    "git-clean-filter": Plant(
        _config("filter.planted.clean=MARK", attributes="*.yaml filter=planted\n"),
        "touch -d 2001-01-01 manifests/all.yaml && git status --porcelain",
    ),
    "git-process-filter": Plant(
        _config("filter.process.process=MARK", attributes="*.yaml filter=process\n"),
        "touch -d 2001-01-02 manifests/all.yaml && git status --porcelain",
    ),
    "git-textconv": Plant(
        _config("diff.planted.textconv=MARK", attributes="*.yaml diff=planted\n"), "echo >> manifests/all.yaml; git diff",
    ),
    "git-external-diff": Plant(_config("diff.external=MARK"), "echo >> manifests/all.yaml; git diff"),
    "git-pager": Plant(_config("core.pager=MARK", "pager.log=MARK"), "script -qec 'git log' /dev/null"),
    "git-editor": Plant(_config("core.editor=MARK"), "TERM=xterm git -c user.name=x -c user.email=x commit --allow-empty"),
    "git-alias": Plant(_config("alias.ls=!MARK"), "git ls"),
    "git-ssh": Plant(
        _config("core.sshCommand=MARK", "remote.origin.url=ssh://evil.example/x", ends="exit 3"), "git ls-remote origin"
    ),
    "git-credentials": Plant(
        _config("credential.helper=!MARK"), "printf 'protocol=https\\nhost=evil.example\\n\\n' | git credential fill"
    ),
    "git-askpass": Plant(_config("core.askPass=MARK"), "printf 'protocol=https\\nhost=evil.example\\n\\n' | git credential fill"),
    "git-promisor": Plant(
        _config("remote.origin.url=ext::MARK", "protocol.ext.allow=always", "remote.origin.promisor=true",
                "extensions.partialClone=origin", "core.repositoryFormatVersion=1", ends="exit 3"),
        "git cat-file -p 1234567890123456789012345678901234567890",
    ),
    "git-hooks-path": Plant(_hooks_path, "touch -d 2001-01-04 manifests/all.yaml && git status --porcelain"),
    "git-hook": Plant(_hook("post-index-change"), "touch -d 2001-01-03 manifests/all.yaml && git status --porcelain"),
    "git-signature": Plant(_config("gpg.program=MARK", "log.showSignature=true"), None),
    "git-bare": Plant(_bare, "cd manifests && git -c safe.bareRepository=all status --porcelain"),
}  # fmt: skip
"""What is planted, by name."""

MANIFESTS: Final = """\
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: raw-aws}
spec: {type: S3, bucket: raw-events, credentials: {key: {env: KEY}, secret: {env: SECRET}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data, labels: {team: data}}
spec: {endpointType: S3, resources: [{type: S3, bucket: raw-events}]}
"""


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=stranger", "-c", "user.email=stranger@evil.example", "-c", "commit.gpgSign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def honest(folder: Path) -> Path:
    """A checkout with a project and two commits, and nothing planted yet."""
    (folder / "manifests").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "manifests" / "all.yaml").write_text(MANIFESTS)
    (folder / "gatectl.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: acme}\n"
        "spec: {manifests: [manifests], environments: {default: {platform: embedded}}}\n"
    )
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "manifests" / "more.yaml").write_text(
        MANIFESTS.replace("raw-", "cooked-").replace("name: data", "name: more")
    )
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "second")
    return folder


def mark(marks: Path, name: str) -> str:
    """The shell command by which a plant says that it ran."""
    return f"touch {shlex.quote(str(marks / name))}"


def tripped(marks: Path) -> list[str]:
    return sorted(os.listdir(marks))
