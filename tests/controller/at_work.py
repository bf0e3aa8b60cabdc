"""A fleet at work: git repositories, a platform, and real processes of a controller that are started, killed and paused."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import yaml

from controller.sites import bucket, repository, workspace
from gatectl.api import open as open_estate
from gatectl.controller.acts import Desk, approve
from gatectl.controller.approving import key_of
from gatectl.controller.database import Database
from gatectl.controller.store import Known, Run, Store
from gatectl.errors import GatectlError
from gatectl.fleet.reading import load_fleet

SECRET = "canary-7c41fe90"
PATIENCE = 240.0
"""Seconds that something may take that is waited for: a busy machine needs many."""
_PAUSE = 0.1


class Fleet:
    """Repositories of some folders each, one workspace a folder, on a platform of this machine. `source` is what all sources say."""

    def __init__(
        self, folder: Path, repositories: int, folders: int, database: str | None = None, **source: Any
    ) -> None:
        self.folder = folder
        self.platform = source.pop("platform", f"sqlite:///{folder / 'platform.db'}")
        self.database = database or f"sqlite:///{folder / '.gatectl' / 'controller.db'}"
        self.names = [f"s{r}/w{r}-{f}" for r in range(repositories) for f in range(folders)]
        self.processes: list[subprocess.Popen[bytes]] = []
        sources = []
        for number in range(repositories):
            repo = self.repository(number)
            repo.mkdir()
            self.git(number, "init", "-q", "-b", "main")
            for each in range(folders):
                self.write(number, each)
            self.commit(number)
            sources.append({
                "name": f"s{number}", "git": {"url": str(repo)}, "forEach": {"folders": "teams/*"}, "platform": self.platform,
                "mode": "apply", "workspaces": ["{folder}"], "secrets": {"env": ["TEAM_*"]}, "approvals": "none", "interval": "1s",
                **source,
            })  # fmt: skip
        head = {"apiVersion": "gatectl.io/v1", "kind": "Fleet", "metadata": {"name": "acme"}}
        self.save({**head, "spec": {"database": {"env": "FLEET_DATABASE"}, "sources": sources}})

    def save(self, document: Mapping[str, Any]) -> None:
        self.document = document
        (self.folder / "fleet.yaml").write_text(json.dumps(document))

    # Git

    def repository(self, number: int) -> Path:
        return self.folder / f"r{number}"

    def git(self, number: int, *words: str) -> str:
        who = ("-c", "user.name=ana", "-c", "user.email=ana@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *who, *words], check=False, cwd=self.repository(number), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, number: int, folder: int, *buckets: str, text: str | None = None) -> None:
        """What a folder declares: its workspace, and a bucket and a repository for each name."""
        name = f"w{number}-{folder}"
        place = self.repository(number) / "teams" / name
        place.mkdir(parents=True, exist_ok=True)
        project = {
            "apiVersion": "gatectl.io/v1",
            "kind": "Project",
            "metadata": {"name": name},
            "spec": {"manifests": ["all.yaml"]},
        }
        (place / "gatectl.yaml").write_text(json.dumps(project))
        named = buckets or ("raw",)
        declared = [workspace(name), *(bucket(each, name) for each in named)]
        declared += [repository(f"data-{name}-{each}", name, each) for each in named]
        (place / "all.yaml").write_text(text or "\n---\n".join(map(json.dumps, declared)))

    def commit(self, number: int) -> str:
        self.git(number, "add", "--all")
        self.git(number, "commit", "-q", "-m", "said")
        return self.git(number, "rev-parse", "HEAD")

    # Processes

    @property
    def variables(self) -> dict[str, str]:
        given = {"TEAM_KEY": "AKIAEXAMPLE", "TEAM_SECRET": SECRET, "FLEET_DATABASE": self.database}
        return {**{name: value for name, value in os.environ.items() if not name.startswith("GATECTL_")}, **given}

    def start(self, number: int = 1) -> list[subprocess.Popen[bytes]]:
        """Start some processes of the controller."""
        started = []
        for _ in range(number):
            log = open(self.folder / f"log-{len(self.processes)}", "wb")  # noqa: SIM115 - the process has it
            words = ["controller", "--fleet", "fleet.yaml", "--listen", "none", "--log-format", "json", "-v"]
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "gatectl", *words],
                    cwd=self.folder,
                    env=self.variables,
                    stdin=subprocess.DEVNULL,
                    stderr=log,
                )
            )
            self.processes.append(started[-1])
            log.close()
        return started

    def run(self, *words: str) -> tuple[int, str, str]:
        """A command of gatectl: its code, and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "gatectl", *words],
            check=False,
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=240,
        )
        return done.returncode, done.stdout, done.stderr

    def strike(self, chance: random.Random, processes: int) -> None:
        """At some moment one of the processes that are there is killed, or all are; then there are as many as before."""
        threading.Event().wait(chance.uniform(0.0, 3.0))
        alive = [process for process in self.processes if process.poll() is None]
        for process in alive if chance.random() < 0.25 else [chance.choice(alive)] if alive else []:
            process.kill()
            process.wait(60)
        self.start(processes - sum(process.poll() is None for process in self.processes))

    def approve_all(self) -> list[tuple[str, str]]:
        """Somebody says yes to each plan that waits: of which target, and its fingerprint."""
        said = []
        key = key_of(self.folder / ".gatectl" / "controller.key")
        with closing(Database(self.database)) as database:
            desk = Desk(database, load_fleet(self.folder / "fleet.yaml"), key)
            for known in Store(database).known():
                waits = known.state is not None and known.state.state == "waiting" and known.fingerprint is not None
                with suppress(GatectlError):  # it was applied meanwhile, or waits for something else by now
                    if waits and known.fingerprint is not None:
                        approve(desk, known.name, known.fingerprint, "ana", "command")
                        said.append((known.name, known.fingerprint))
        return said

    def close(self) -> None:
        """All processes are ended, and nothing of theirs is left behind."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(60)
        for place in self.folder.rglob("*"):
            if place.is_dir() and not place.is_symlink():
                place.chmod(0o700)
        shutil.rmtree(self.folder / ".gatectl", ignore_errors=True)

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("log-*")))

    # What is seen

    def known(self) -> Sequence[Known]:
        with closing(Database(self.database)) as database:
            return Store(database).known()

    def runs(self, name: str) -> Sequence[Run]:
        with closing(Database(self.database)) as database:
            return Store(database).runs(name, 1_000)

    def until(self, holds: Callable[[Mapping[str, Known]], bool]) -> Mapping[str, Known]:
        """Wait until something holds of the targets."""
        pause = threading.Event()
        known: Mapping[str, Known] = {}
        for _ in range(int(PATIENCE / _PAUSE)):
            known = {each.name: each for each in self.known()}
            if holds(known):
                return known
            pause.wait(_PAUSE)
        raise AssertionError("\n".join([*map(str, known.values()), self.logs()[-4000:]]))

    def until_told(self, holds: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """Wait until the command says something of the one target."""
        told: list[Mapping[str, Any]] = []

        def says(_: object) -> bool:
            told[:] = json.loads(self.run("status", "--fleet", "fleet.yaml", "--format", "json")[1])["targets"]
            return len(told) == 1 and holds(told[0])

        self.until(says)
        return told[0]

    def until_all(self, state: str = "in-sync", commits: Mapping[int, str] | None = None) -> Mapping[str, Known]:
        """Wait until all targets are in a state, at the newest commits of their repositories."""
        newest = {
            f"s{number}": self.git(number, "rev-parse", "HEAD")
            for number in range(len({n.split("/")[0] for n in self.names}))
        }

        def holds(known: Mapping[str, Known]) -> bool:
            return set(known) == set(self.names) and all(
                each.state is not None
                and each.state.state == state
                and each.commit == newest[each.source or ""]
                and each.wanted <= each.done + 1
                for each in known.values()
            )

        return self.until(holds)

    def live(self) -> list[str]:
        """The names of all objects on the platform, as often as they are there; but for the workspace that is always there."""
        with open_estate({}, platform=self.platform, records="none") as estate:
            texts = list(estate.export().values())
        found = []
        for text in texts:
            for document in filter(None, yaml.safe_load_all(text)):
                metadata = document["metadata"]
                found.append(f"{document['kind']} {metadata.get('workspace')}/{metadata['name']}")
        return sorted(each for each in found if each != "Workspace None/default")
