"""A checkout that means harm: programs planted wherever git, and what git starts, would find one.

Every program says that it ran, by a line in a file outside of the checkout, with the canary variable if it was handed that.
`Trap.control` runs plain git on the checkout, and so shows which of the plants would work on somebody who just uses git.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

CANARY: Final = "canary-5f2d9c"
"""A value that no output, and no program that is started, may hold."""

HOOKS: Final = (
    "pre-commit",
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "post-merge",
    "prepare-commit-msg",
)

ATTRIBUTES: Final = """\
* filter=evil diff=evil merge=evil
*.process filter=evil-process
*.command diff=evil-command
*.external -diff !diff
*.included filter=evil-included
"""

CONTROLS: Final = (
    "git status",
    "for end in yaml command external included; do echo changed > control.$end; git add -f control.$end; done",
    "for end in yaml command external included; do echo again >> control.$end; done; git diff; git diff --no-ext-diff",
    "git commit -q -m control",
    "git commit -q -S --allow-empty -m control",
    "git commit -q --allow-empty",
    "rm control.*; git checkout -q -f HEAD -- .",
    "git checkout -q -b control-a; echo a > control.yaml; git commit -qam a",
    "git checkout -q -b control-b HEAD~1; echo b > control.yaml; git commit -qam b; git merge -q control-a",
    "git checkout -q HEAD~1; git merge -q control-b",
    "echo x > control.process; git add -f control.process",
    "git fetch origin", "git fetch near", "git ls-remote ssh://127.0.0.1/x", "git ls-remote git://127.0.0.1/x",
    "printf 'protocol=https\\nhost=x.example\\n\\n' | git credential fill",
)  # fmt: skip
"""What people do with git all day; each plant is run by one of these."""


class Trap:
    """A folder for the programs and for what they tell, beside the checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told"
        folder.mkdir(parents=True, exist_ok=True)
        self.told.write_text("")

    def program(self, name: str) -> Path:
        """A program that tells that it ran; a filter passes on what it is given."""
        passes = "cat" if name.startswith(("clean", "smudge", "included")) else "exit 0"
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "{name} ${{GATECTL_TOKEN-}}" >> {self.told}\n{passes}\n')
        path.chmod(0o755)
        return path

    @property
    def ran(self) -> list[str]:
        """The names of the programs that ran, each once."""
        return sorted({line.split(" ")[0] for line in self.told.read_text().splitlines()})

    @property
    def canaries(self) -> list[str]:
        """The programs that were handed the canary."""
        return sorted({line.split(" ")[0] for line in self.told.read_text().splitlines() if CANARY in line})

    def forget(self) -> None:
        self.told.write_text("")

    # What is planted

    def configuration(self, where: str) -> str:
        """A configuration of git in which every setting that names a program names one of ours; `where` is in their names."""
        included = self.folder / f"configuration-{where}"
        included.write_text(f'[filter "evil-included"]\n\tclean = {self.program(f"included-{where}")}\n')

        def run(what: str) -> Path:
            return self.program(f"{what}-{where}")

        return f"""
[core]
	fsmonitor = {run("fsmonitor")}
	hooksPath = {self.hooks(where)}
	sshCommand = {run("ssh")}
	gitProxy = {run("proxy")}
	editor = {run("editor")}
	askPass = {run("askpass")}
[filter "evil"]
	clean = {run("clean")}
	smudge = {run("smudge")}
	required = true
[filter "evil-process"]
	process = {run("process")}
[diff]
	external = {run("external")}
[diff "evil"]
	textconv = {run("textconv")}
[diff "evil-command"]
	command = {run("command")}
[merge "evil"]
	driver = {run("driver")} %A
[credential]
	helper = !{run("credential")}
[gpg]
	program = {run("gpg")}
[protocol]
	allow = always
[protocol "ext"]
	allow = always
[remote "origin"]
	url = ext::{run("ext")}
	fetch = +refs/heads/*:refs/remotes/origin/*
	promisor = true
	partialCloneFilter = blob:none
[remote "near"]
	url = .
	uploadpack = {run("uploadpack")}
[include]
	path = {included}
"""

    def hooks(self, where: str) -> Path:
        folder = self.folder / f"hooks-{where}"
        folder.mkdir(exist_ok=True)
        for name in HOOKS:
            shutil.copy(self.program(f"hook-{name}-{where}"), folder / name)
        return folder

    def attributes(self) -> Path:
        path = self.folder / "attributes"
        path.write_text(ATTRIBUTES)
        return path

    def in_top(self, top: Path) -> None:
        """Plant in the git folder of a checkout, as an archive that somebody unpacks could hold it."""
        with open(top / ".git" / "config", "a") as stream:
            stream.write(self.configuration("top"))
        for hook in self.hooks("top").iterdir():
            shutil.copy(hook, top / ".git" / "hooks" / hook.name)
        (top / ".git" / "info" / "attributes").write_text(ATTRIBUTES)
        (top / ".gitattributes").write_text(ATTRIBUTES)
        (top / ".lfsconfig").write_text("[lfs]\n\turl = http://127.0.0.1:9/lfs\n")
        self.stale(top)

    def in_bare(self, folder: Path) -> None:
        """Make a folder look like a bare repository, as a pull request can: none of its files is called `.git`."""
        for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / "keep").write_text("")
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
        head = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        (folder / "config").write_text(head + self.configuration("bare"))
        (folder / "info" / "attributes").write_text(ATTRIBUTES)
        (folder / ".gitattributes").write_text(ATTRIBUTES)

    @staticmethod
    def stale(top: Path) -> None:
        """Make git look into every file again."""
        for path in top.rglob("*.yaml"):
            os.utime(path, (1, 1))

    # The control

    def control(self, folder: Path) -> set[str]:
        """The programs that run when somebody uses plain git in a folder; a copy of it, so that nothing is changed."""
        self.forget()
        copy = self.folder / "copy"
        shutil.copytree(folder, copy, symlinks=True)
        for command in CONTROLS:
            subprocess.run(
                ["sh", "-c", command], cwd=copy, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                env={
                    "PATH": os.environ["PATH"], "HOME": str(self.folder), "GATECTL_TOKEN": CANARY,
                    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
                },
            )  # fmt: skip
        ran = set(self.ran)
        self.forget()
        return ran

    @property
    def planted(self) -> set[str]:
        """The names of all programs that were planted by now."""
        return {path.name for path in self.folder.iterdir() if path.is_file() and os.access(path, os.X_OK)}
