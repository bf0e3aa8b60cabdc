"""Whom gatectl trusts: what a checkout names is not spoken to beyond this machine, and gets no credential, until the operator says so."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gatectl.errors import UntrustedHost
from gatectl.network import trust
from gatectl.network.addresses import pattern
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Credentials, Secret
from listening import Listener

from .conftest import GOOD, Shell, project

COMMANDS = ("plan", "apply --yes", "export", "snapshot", "graph --live")
CREDENTIALS = {
    "GATECTL_TOKEN": "canary-token", "GATECTL_EMAIL": "canary@example.com", "GATECTL_PASSWORD": "canary-password",
    "PGPASSWORD": "canary-pg", "AWS_SECRET": "canary-variable",
}  # fmt: skip


def unauthorized(peer: object) -> None:
    answer = b'HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"message": "who are"}'
    peer.sendall(answer)  # type: ignore[attr-defined]


@pytest.fixture
def world(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A checkout with valid manifests, and an operator with credentials and settings of their own."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    home = shell.folder.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    shell.good()
    return shell


def aimed(shell: Shell, platform: str, **environment: object) -> None:
    shell.write("gatectl.yaml", project(default={"platform": platform, **environment}))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("platform", ["https://evil.example", "https://evil.example:8443/base", "https://198.51.100.1"])
def test_a_host_that_only_the_checkout_names_is_refused_before_anything_is_asked_of_it(
    world: Shell, monkeypatch: pytest.MonkeyPatch, command: str, platform: str
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *words, **_: asked.append(words))
    monkeypatch.setattr("socket.create_connection", lambda *words, **_: asked.append(words))
    aimed(world, platform, token={"env": "AWS_SECRET"})
    found = world(*command.split())
    assert found.code == 9
    place = platform.removeprefix("https://").partition("/")[0]
    assert f"{place} is not a host that you trust" in found.err
    assert f"gatectl trust {place}" in found.err
    assert asked == []
    assert "canary" not in found.out + found.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_loopback_address_of_the_checkout_is_spoken_to_and_gets_no_credential_and_a_refusal_says_why(
    world: Shell, command: str
) -> None:
    with Listener(unauthorized) as listener:
        aimed(world, f"http://{listener.place}", token={"env": "AWS_SECRET"})
        found = world(*command.split(), "--deadline", "60")
        assert found.code == 9
        assert f"gatectl trust {listener.place}" in found.err
        assert "GET /" in listener.text  # of several questions at once the first refusal ends the others
        assert "canary" not in listener.text
        assert "Authorization" not in listener.text


def test_the_operators_word_is_the_option_the_variable_or_the_file(
    world: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Listener(unauthorized) as listener:
        target = f"http://{listener.place}"
        aimed(world, target)

        def told() -> int:
            before = len(listener.heard)
            assert world("plan", "--deadline", "60").code == 9
            return sum(b"Bearer canary-token" in heard for heard in listener.heard[before:])

        assert told() == 0
        monkeypatch.setenv("GATECTL_PLATFORM", target)
        assert told() == 1
        monkeypatch.delenv("GATECTL_PLATFORM")
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", f"*.example.com, {listener.place}")
        assert told() == 1
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", "127.0.0.1")
        assert told() == 0, "another port"
        monkeypatch.delenv("GATECTL_TRUSTED_HOSTS")
        said = world("trust", target)
        assert (said.code, said.out) == (0, "")
        assert listener.place in said.err
        assert told() == 1
        assert "already" in world("trust", listener.place).err


def test_a_connection_that_says_nothing_is_not_the_operators_word() -> None:
    """A caller of the library cannot forget it: the decision is below the command line."""
    credentials = Credentials(token=Secret("canary"))
    driver = driver_for("https://evil.example")
    for opened in (driver.open_reader, driver.open_writer, driver.admit):
        with pytest.raises(UntrustedHost):
            opened(Connection("https://evil.example", Path("/"), credentials=credentials))
    with Listener(unauthorized) as listener:
        reader = driver.open_reader(Connection(f"http://{listener.place}", Path("/"), credentials=credentials))
        with pytest.raises(Exception, match="no credential was sent"):
            reader.list("workspace")
        assert "canary" not in listener.text


def test_the_file_of_trusted_hosts_is_the_users_own(world: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ["HOME"])
    assert world("trust", "Gateway.Example", "*.acme.example:8443").code == 0
    path = home / ".config/gatectl/trusted-hosts"
    assert path.stat().st_mode & 0o777 == 0o600
    assert trust.trusted_hosts(os.environ, world.folder) == (pattern("gateway.example"), pattern("*.acme.example:8443"))
    path.write_text("# mine\n\ngateway.example  # ours\ns3://bucket/prefix\n")
    assert trust.trusted_hosts(os.environ, world.folder) == (pattern("gateway.example"),)
    for refused in (
        "*",
        "https://me@gateway.example",
        "https://gateway.example/path",
        "a b",
        "s4://bucket",
        "s3://bucket?key=x",
    ):
        assert world("trust", refused).code == 64
    path.write_text("evil example\n")
    assert "evil example" in world("plan", "--platform", "http://127.0.0.1:1", "--deadline", "1").err


def test_a_file_that_others_can_write_is_not_believed(world: Shell) -> None:
    assert world("trust", "evil.example").code == 0
    path = Path(os.environ["HOME"]) / ".config/gatectl/trusted-hosts"
    path.chmod(0o666)
    aimed(world, "https://evil.example")
    found = world("plan")
    assert found.code == 64
    assert "write to" in found.err


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_a_file_in_the_checkout_is_not_believed(world: Shell, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """HOME of a CI's container may well be the checkout."""
    monkeypatch.setenv(variable, str(world.folder))
    aimed(world, "https://evil.example")
    assert world("plan").code == 9, "there is none"
    folder = ".config/gatectl" if variable == "HOME" else "gatectl"
    world.write(f"{folder}/trusted-hosts", "evil.example\n")
    found = world("plan")
    assert found.code == 64
    assert "lies in the checkout" in found.err
    (world.folder / ".git").mkdir()
    (world.folder / "deep").mkdir()
    world.write("deep/gatectl.yaml", project(default={"platform": "https://evil.example"}))
    world.write("deep/manifests/a.yaml", GOOD)
    monkeypatch.chdir(world.folder / "deep")
    assert world("plan").code == 64, "the top of the checkout counts, and not the project alone"


@pytest.mark.parametrize(("answer", "code"), [("y\n", 10), ("n\n", 9), ("\n", 9)])
def test_on_a_terminal_it_asks_and_remembers_a_yes(world: Shell, answer: str, code: int) -> None:
    aimed(world, "https://127.0.0.1.evil.invalid")
    primary, secondary = pty.openpty()
    command = Shell.command("plan", "--deadline", "2")
    process = subprocess.Popen(command, cwd=world.folder, stdin=secondary, stdout=subprocess.PIPE, stderr=secondary)
    os.close(secondary)
    said = b""
    while b"[y/N]" not in said:
        assert select.select([primary], [], [], 60)[0], said
        said += os.read(primary, 4096)
    os.write(primary, answer.encode())
    assert process.wait(60) == code, said
    os.close(primary)
    assert b"127.0.0.1.evil.invalid" in said
    remembered = trust.trusted_hosts(os.environ, world.folder)
    assert remembered == ((pattern("127.0.0.1.evil.invalid"),) if code == 10 else ())


def test_another_spelling_of_the_same_platform_keeps_the_environments_token(world: Shell) -> None:
    with Listener(unauthorized) as listener:
        aimed(world, f"http://{listener.place}", token={"env": "AWS_SECRET"})
        os.environ.pop("GATECTL_TOKEN")
        world("plan", "--platform", f"http://{listener.place}/", "--deadline", "60")
        assert "Bearer canary-variable" in listener.text


def without_platform(shell: Shell, variables: Mapping[str, str], *words: str) -> int:
    """The exit code of a command where no file and no option names a platform."""
    (shell.folder / "gatectl.yaml").unlink(missing_ok=True)
    for name in CREDENTIALS:
        os.environ.pop(name, None)
    os.environ.update(variables)
    return shell(*words).code


@pytest.mark.parametrize("name", ["GATECTL_TOKEN", "GATECTL_EMAIL", "GATECTL_PASSWORD"])
def test_a_token_without_a_platform_is_not_the_embedded_one_by_mistake(world: Shell, name: str) -> None:
    for words in (("plan",), ("apply", "--yes")):
        assert without_platform(world, {name: "x"}, *words) == 64
    assert not (world.folder / ".gatectl").exists()
    assert without_platform(world, {name: "x"}, "plan", "--platform", "embedded") == 0
    assert without_platform(world, {name: "x"}, "validate") == 0
    assert without_platform(world, {name: ""}, "plan") == 0, "set and empty: as in forks"


def test_a_host_that_is_not_trusted_has_a_code_for_programs(world: Shell) -> None:
    aimed(world, "https://evil.example")
    found = world("plan", "--format", "json")
    assert json.loads(found.out)["error"]["code"] == "untrusted_host"
