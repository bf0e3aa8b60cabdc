"""Rehearsals: a real `gatectl serve` in a process of its own, its database to look at beside it, and the program as users
run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import forking
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Collection, Connection

EMAIL, PASSWORD = "ci@example.com", "rehearsal-password"


EXAMPLES = Path(__file__).parents[1] / "examples"


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


ELSEWHERE = ("--allow", "project", "--reason", "the same platform at another port")
"""What an apply is told of a project whose platform was started again."""


class Rehearsal:
    """A project folder whose default environment is a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables = {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD, **_demo_variables()}
        self.trusted: dict[str, str] = {}

    def aim(self, url: str, manifests: str = "acme", **environment: Any) -> None:
        """Write a project file whose default environment is at this address, and trust it. `acme` are the example's manifests."""
        if manifests == "acme":
            shutil.copytree(EXAMPLES / "acme" / "manifests", self.folder / "acme", dirs_exist_ok=True)
        self.trusted = {"GATECTL_TRUSTED_HOSTS": url.partition("://")[2]}
        default = {"platform": url, "wire": {"OpenAI": "OPENAI"}, "consistency": "1s", **environment}
        spec = {"manifests": [manifests], "environments": {"default": default}}
        project = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "rehearsal"}, "spec": spec}
        (self.folder / "gatectl.yaml").write_text(json.dumps(project))

    def gatectl(self, *arguments: str, variables: Mapping[str, str] | None = None, waits: bool = True) -> Result:
        """A command in a process of its own; one that does not wait goes by a clock that leaps."""
        known = {**os.environ, **self.trusted, **(self.variables if variables is None else variables)}
        return Result(*forking.run(arguments, self.folder, known, waits=waits))


def _demo_variables() -> dict[str, str]:
    lines = (EXAMPLES / "acme" / "demo.env").read_text().splitlines()
    exported = (line.removeprefix("export ").partition("=") for line in lines if line.startswith("export "))
    return {name: value.partition(" ")[0] for name, _, value in exported}


class Server:
    """The platform of a folder over HTTP. `faults` is the content of a faults file."""

    def __init__(self, folder: Path, faults: Mapping[str, Any] | None = None, database: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.database = database or f"sqlite:///{folder / 'served.db'}"
        command = ["serve", "--port", "0", "--database", self.database]
        (folder / "users.json").write_text(json.dumps({EMAIL: PASSWORD}))
        command += ["--users", str(folder / "users.json")]
        if faults is not None:
            (folder / "faults.json").write_text(json.dumps(faults))
            command += ["--faults", str(folder / "faults.json")]
        self._log = (folder / "server.log").open("w+")
        read, write = os.pipe()
        self._process = forking.start(command, folder, os.environ, self._log.fileno(), write)
        os.close(write)
        with open(read, encoding="utf-8") as lines:
            said = ""
            while (found := re.search(r"http://\S+", said)) is None:
                line = lines.readline()
                assert line, (said, self._process.wait(), self._log.read())
                said += line
            self.url, self.said = found[0], said
            # Nobody reads the log on; a full pipe would stop the server.
            subprocess.Popen(["cat"], stdin=lines, stdout=self._log)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()

    def objects(self, collection: Collection) -> Sequence[Mapping[str, Any]]:
        """What is in the database, read beside the server."""
        reader = driver_for(self.database).open_reader(Connection(self.database, Path("/"), named=True))
        try:
            return reader.list(collection)
        finally:
            reader.close()

    def names(self, collection: Collection) -> Counter[tuple[str, str]]:
        """How many live objects there are of each (workspace name, name)."""
        spaces = {space["id"]: space["name"] for space in self.objects("workspace")}
        return Counter((spaces.get(o.get("workspaceId", ""), ""), o["name"]) for o in self.objects(collection))


def everywhere(kind: str, probability: float, method: str = "*", **parameters: Any) -> list[dict[str, Any]]:
    """A fault on every route that manages something, of these methods."""
    paths = ("/workspace*", "/bucket*", "/repo*", "/ai/llm*", "/apikeys*")
    return [{"route": f"{method} {path}", "kind": kind, "probability": probability, **parameters} for path in paths]
