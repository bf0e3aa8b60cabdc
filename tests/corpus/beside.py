"""Scenes with another program beside gatectl: git, and a server that speaks the platform's API."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from corpus.estates import Chance
from corpus.examples import files_of
from corpus.recording import Act, Files, Run, Step, Within
from corpus.scenes import DATA, GOOD, good, lines, project, repository
from corpus.steps import REPORTS, apply, into_files, plan
from serving import EMAIL, PASSWORD, Server

# Git. Commits have one author and one moment, so that their names are the same everywhere.

_NOBODY: Final = {
    f"GIT_{who}_{what}": word
    for who in ("AUTHOR", "COMMITTER")
    for what, word in (("NAME", "ann"), ("EMAIL", "ann@example.com"), ("DATE", "@1769850930 +0000"))
}


def git(*commands: str) -> Act:
    """Run these commands of git."""

    def act(folder: Path) -> str:
        for command in commands:
            variables = {
                "PATH": os.environ["PATH"],
                "HOME": str(folder.parent / "home"),
                "GIT_CONFIG_NOSYSTEM": "1",
                **_NOBODY,
            }
            subprocess.run(["git", *command.split()], cwd=folder, env=variables, check=True, capture_output=True)
        return ""

    return Act("git", act)


def _in_region(region: str) -> str:
    return GOOD.replace("bucket: raw-events\n", f"bucket: raw-events\n  region: {region}\n", 1)


def _commits() -> list[Step]:
    """Branches that are right by themselves and wrong together, that conflict, and that lift a guardrail."""
    guarded = project(environments={"default": {"platform": "embedded", "guardrails": {"maxDetaches": 0}}})
    theirs, mine = (
        DATA.replace("name: data", f"name: {name}").replace("raw-events}", "raw-events, folder: shared}")
        for name in ("theirs", "mine")
    )
    return [
        good(), Files({"gatectl.yaml": guarded, ".gitignore": "*.json\n.gatectl/\n"}),
        git("init -q -b main --object-format=sha1", "add -A", "commit -qm first", "checkout -qb theirs"),
        Files({"manifests/other.yaml": theirs}), git("add -A", "commit -qm other", "checkout -q main", "checkout -qb clash"),
        Files({"manifests/all.yaml": _in_region("us-east-1")}), git("add -A", "commit -qm clash", "checkout -q main"),
        *lines("plan --out saved.json", "apply --yes -q"),
        Files({"manifests/mine.yaml": mine, "manifests/all.yaml": _in_region("eu-west-1")}),
        *lines("validate --against theirs", "plan --format json"), git("add -A", "commit -qm mine"),
        *lines("validate --against main~1 --against theirs --format json", "validate --against clash", "validate --against nowhere"),
        *lines("plan --changed-since HEAD~1 --format markdown", "plan --changed-since nowhere", "plan --changed-since HEAD"),
        Files({"gatectl.yaml": project(), "manifests/all.yaml": GOOD.replace("    - {type: S3, bucket: raw-events}\n", "    []\n")}),
        *lines("plan --guardrails-from HEAD", "validate --guardrails-from HEAD", "apply --yes --guardrails-from HEAD"),
    ]  # fmt: skip


# A server: `gatectl serve` in a process of its own, and gatectl as its client


_SOURCE: Final = Path(__file__).resolve().parents[2] / "src"


@contextmanager
def _served(folder: Path) -> Iterator[Mapping[str, str]]:
    os.environ["PYTHONPATH"] = str(_SOURCE)  # of this checkout, whatever is installed
    with Server(folder.parent / "server") as server:
        environment = {"platform": server.url, "wire": {"OpenAI": "OPENAI"}, "consistency": "1s"}
        (folder / "gatectl.yaml").write_text(project(environments={"default": environment}), encoding="utf-8")
        host = server.url.partition("://")[2]
        yield {"SERVER": host, "GATECTL_TRUSTED_HOSTS": host, "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD,
               "GATECTL_APPLY_PARALLELISM": "1"}  # fmt: skip


def _over_http() -> list[Step]:
    """The quickstart, and a change of it, on a platform that is asked over HTTP."""
    files = {name: content for name, content in files_of("quickstart").items() if name != "gatectl.yaml"}
    first = Chance("over http").one([name for name in files if name.endswith(".yaml")])
    return [
        Files(files), Within(_served), Run("validate", ["validate", *into_files("validate", REPORTS)]), plan(), *apply(),
        *lines("export", "snapshot --out snapshot.json", "plan --against snapshot.json", "graph --live --format dot", "plan --prune"),
        Files({}, without=[first]), Files({"manifests/new.yaml": f"{GOOD.replace('raw-', 'new-')}---\n{repository('new')}"}),
        *lines("plan", "apply --yes --format json", "plan --detailed-exitcode", "--workspace nowhere plan"),
        Run("signed in wrongly", ["plan"], {"GATECTL_PASSWORD": "not-this-one"}), Run("not signed in", ["plan"], {"GATECTL_PASSWORD": ""}),
        Run("not trusted", ["plan"], {"GATECTL_TRUSTED_HOSTS": "elsewhere.example"}),
    ]  # fmt: skip


BESIDE: Final = {"commits": _commits, "over-http": _over_http}
