"""The commands of a fleet over HTTP, at a controller that listens: the same is said and done as at its database."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shell, fits, shell
from controller.test_acts import B, C
from controller.test_commands import OTHER, fits_part
from controller.web import TOKEN, Controller, controller
from gatectl.controller import acts
from gatectl.controller.approvals import Approvals
from gatectl.controller.remote import Remote
from gatectl.controller.repositories import Followed, Repositories
from gatectl.controller.store import Placed
from gatectl.errors import PlatformError, Unreachable, UsageError
from leaping import Leaping
from listening import Listener, dripping

__all__ = ["fits", "shell"]


class Far:
    """A controller that listens, and the command line that asks it."""

    def __init__(self, shell: Shell, made: Controller) -> None:
        self.shell = shell
        self.made = made

    def __call__(self, *words: str) -> Any:
        return self.shell(*words, "--url", self.made.web.url)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Controller]:
    with controller(tmp_path) as made:
        yield made


@pytest.fixture
def far(shell: Shell, made: Controller, monkeypatch: pytest.MonkeyPatch) -> Far:
    monkeypatch.setenv("GATECTL_CONTROLLER_TOKEN", f"{TOKEN}\n")
    return Far(shell, made)


def test_what_is_known_is_told_as_at_the_database(far: Far, fits: Any) -> None:
    told = far("status", "--format", "json").json
    fits(told, "status")
    here = acts.status(far.made.desk)
    assert told == {**here, "at": told["at"], "workers": told["workers"]}
    assert far("status", "--detailed-exitcode").code == 2
    why = far("why", "data")
    assert f"gatectl approve data {far.made.kept.fingerprint} --url {far.made.web.url}" in why.out
    assert fits_part(far("why", "data", "--format", "json").json, "story")


def test_what_waits_is_approved(far: Far) -> None:
    assert far("approve", "data", OTHER).code == 6
    assert far("approve", "data", far.made.kept.fingerprint, "--allow", "deletes=1").code == 64
    assert not Approvals(far.made.desk.database).of("data")
    done = far(
        "approve", "data", far.made.kept.fingerprint, "--allow", "deletes=1", "--reason", "seen", "--format", "json"
    )
    assert done.code == 0 and fits_part(done.json, "act")
    (kept,) = Approvals(far.made.desk.database).of("data")
    assert (kept.approval.allow, kept.approval.reason) == (("deletes=1",), "seen")
    assert far.made.woken, "whoever looks at targets is told at once"


def test_a_commit_that_was_pushed_by_force_is_accepted(far: Far) -> None:
    git = far.made.desk.fleet.sources[0].git
    repositories = Repositories(far.made.desk.database)
    repositories.keep_to([git.url])
    (mine,) = repositories.claim("w", {})
    repositories.seen(mine, "w", {git.ref: Followed(B, C, "a" * 64, f"refs/heads/{git.ref}")})
    repositories.found(mine, "w", None)
    assert far("approve", "data", "--commit", B).code == 6
    assert far("approve", "data", "--commit", C).code == 0
    assert repositories.all()[git.url].heads[git.ref].commit == C


def test_a_target_is_paused_and_goes_on(far: Far) -> None:
    names = ["data", "data/a b%2F?#é"]
    far.made.kept.store.place("data", B, [Placed(name, "gatectl.yaml") for name in names], urgent=False)
    for name in names:
        assert far("pause", name, "--reason", "moving").code == 0
        (target,) = (each for each in far("status", "--format", "json").json["targets"] if each["name"] == name)
        assert target["state"] == "paused" and ": moving" in target["paused"]
        assert far("resume", name).code == 0
    assert not any(each["paused"] for each in far("status", "--format", "json").json["targets"])


def test_a_target_that_there_is_not_is_wrong_usage(far: Far) -> None:
    for words in (
        ("status", "dato"),
        ("why", "dato"),
        ("approve", "dato", OTHER),
        ("pause", "dato"),
        ("resume", "dato"),
    ):
        done = far(*words)
        assert done.code == 64 and "no target is called 'dato'" in done.err and "did you mean 'data'?" in done.err, (
            words
        )


@pytest.mark.parametrize("token", [None, "", "wrong-token"])
def test_a_token_that_is_refused_is_9(far: Far, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    if token is None:
        monkeypatch.delenv("GATECTL_CONTROLLER_TOKEN")
    else:
        monkeypatch.setenv("GATECTL_CONTROLLER_TOKEN", token)
    for words in (("status",), ("why", "data"), ("approve", "data", far.made.kept.fingerprint), ("pause", "data")):
        done = far(*words)
        assert done.code == 9 and "GATECTL_CONTROLLER_TOKEN" in done.err and "wrong-token" not in done.err, words
    assert not Approvals(far.made.desk.database).of("data")


def test_what_is_no_token_is_not_sent(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATECTL_CONTROLLER_TOKEN", "two words")
    done = far("status")
    assert done.code == 64 and "GATECTL_CONTROLLER_TOKEN" in done.err and "two words" not in done.err


def test_a_controller_that_is_away_is_10(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    shell.clock = Leaping().clock
    for words in (("status",), ("approve", "data", OTHER)):
        done = shell(*words, "--url", f"http://127.0.0.1:{port}")
        assert done.code == 10 and "tried for 10 s" in done.err


@pytest.mark.parametrize(
    "url", ["http://controller.acme.example", "https://ana:hush@controller.acme.example", "controller", ""]
)
def test_a_token_goes_to_no_address_in_clear(shell: Shell, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GATECTL_CONTROLLER_TOKEN", TOKEN)
    done = shell("status", "--url", url)
    assert done.code == 64 and "hush" not in done.err and TOKEN not in done.err


def answered(status: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        + content
    )


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("200 OK", {}, PlatformError),
        ("200 OK", ["formatVersion"], PlatformError),
        ("404 Not Found", "nothing", PlatformError),
        ("404 Not Found", {"error": {"code": "not_found", "message": "no\nsuch"}}, PlatformError),
        ("302 Found", {}, PlatformError),
        ("500 Oops", {"error": {"code": "internal", "message": f"it was {TOKEN}"}}, Unreachable),
        ("400 Bad", {"error": {"code": "usage", "message": 7}}, UsageError),
    ],
)
def test_an_answer_that_no_controller_gives_is_told_as_what_it_is(
    status: str, body: object, expected: type[PlatformError], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Listener(dripping(answered(status, body))) as listener:
        remote = Remote(f"http://{listener.place}", environ={"GATECTL_CONTROLLER_TOKEN": TOKEN})
        with pytest.raises(expected) as caught:
            remote.status()
        remote.close()
    assert type(caught.value) is expected and TOKEN not in str(caught.value) and "\n" not in str(caught.value)


def test_an_act_whose_answer_was_lost_is_not_done_again() -> None:
    with Listener(lambda peer: peer.close()) as listener:
        remote = Remote(f"http://{listener.place}", environ={})
        with pytest.raises(Unreachable):
            remote.pause("data", None)
        remote.close()
        assert listener.text.count("POST") == 1
