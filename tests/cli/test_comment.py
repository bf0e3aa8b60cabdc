"""`gatectl comment`: a saved plan on its pull request."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from codehost import TOKEN, CodeHost, Fault
from leaping import Leaping
from listening import Listener, dripping

from .conftest import GOOD, REPOSITORY, Shell, project

NUMBER = {"github": ("GITHUB_REF", "refs/pull/5/merge"), "gitlab": ("CI_MERGE_REQUEST_IID", "5")}
CI = ("GITHUB_", "GITLAB_", "CI_")


def enter(monkeypatch: pytest.MonkeyPatch, host: CodeHost) -> None:
    """Make this a run of the host's CI."""
    if host.provider == "github":
        values = {"GITHUB_API_URL": host.url, "GITHUB_REPOSITORY": "acme/gateway", "GITHUB_TOKEN": TOKEN}
    else:
        values = {"CI_API_V4_URL": host.url, "CI_PROJECT_ID": "42", "GITLAB_TOKEN": TOKEN}
    for name, value in (values | dict([NUMBER[host.provider]])).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest, outside: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeHost]:
    with CodeHost(request.param) as host:
        enter(monkeypatch, host)
        yield host


@pytest.fixture
def outside(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """No CI at all, and a clock by which nobody waits."""
    import os

    for name in [name for name in os.environ if name.startswith(CI)]:
        monkeypatch.delenv(name)
    shell.clock = Leaping().clock


def planned(shell: Shell, name: str = "plan.json") -> None:
    assert shell("plan", "--out", name).code == 0


def test_a_plan_becomes_a_comment_and_the_next_one_takes_its_place(shell: Shell, host: CodeHost) -> None:
    planned(shell.good())
    done = shell("comment", "plan.json")
    assert done.code == 0 and done.out.startswith("comment created")
    (body,) = host.bodies
    first = json.loads((shell.folder / "plan.json").read_text())["fingerprint"]
    assert body.startswith("<!-- gatectl:acme/default -->\n## Plan for `default`\n")
    assert first in body and "+ create Repository default/data" in body
    shell.write("manifests/all.yaml", GOOD.replace("raw-events", "other-events"))
    planned(shell)
    assert shell("comment", "plan.json").out.startswith("comment updated")
    (body,) = host.bodies
    assert "other-events" in body.partition("Previous plan")[0] and first in body.partition("Previous plan")[2]


def test_each_environment_has_its_comment(shell: Shell, host: CodeHost) -> None:
    shell.good()
    shell.write("gatectl.yaml", project(prod={"platform": "embedded"}, test={"platform": "embedded"}))
    for name in ("prod", "test"):
        assert shell("-e", name, "plan", "--out", "plan.json").code == 0
        assert shell("-e", name, "comment", "plan.json").code == 0
    assert [body.splitlines()[0] for body in host.bodies] == [
        "<!-- gatectl:acme/prod -->",
        "<!-- gatectl:acme/test -->",
    ]
    assert shell("comment", "plan.json").code == 64


def test_a_plan_is_not_posted_as_that_of_another_environment(shell: Shell, host: CodeHost) -> None:
    shell.good()
    shell.write("gatectl.yaml", project(test={"platform": "embedded"}, prod={"platform": "https://gateway.example"}))
    assert shell("-e", "test", "plan", "--out", "plan.json").code == 0
    done = shell("-e", "prod", "comment", "plan.json")
    assert done.code == 64 and "environment 'prod' is https://gateway.example" in done.err
    assert host.requests == []


def test_a_plan_without_operations_is_a_comment_only_where_there_is_one_or_always(shell: Shell, host: CodeHost) -> None:
    planned(shell.good(), "full.json")
    assert shell("apply", "--yes").code == 0
    planned(shell, "empty.json")
    done = shell("comment", "empty.json")
    assert done.code == 0 and host.bodies == [] and "--always" in done.err
    assert shell("comment", "full.json").code == 0
    assert shell("comment", "empty.json").code == 0
    assert len(host.bodies) == 1 and "Nothing to do" in host.bodies[0]
    host.comments.clear()
    assert shell("comment", "empty.json", "--always").code == 0
    assert "Nothing to do" in host.bodies[0]


def test_the_pull_request_may_be_said(shell: Shell, host: CodeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shell.good())
    monkeypatch.delenv(NUMBER[host.provider][0])
    refused = shell("comment", "plan.json")
    assert refused.code == 64 and "--pull-request" in refused.err
    assert shell("comment", "plan.json", "--pull-request", "9", "--provider", host.provider).code == 0
    assert host.comments[0]["number"] == 9


def test_a_comment_keeps_its_budget_with_the_previous_plan_in_it(shell: Shell, host: CodeHost) -> None:
    shell.good()
    for letter in "ab":
        parts = [
            REPOSITORY.replace("{name: data,", f"{{name: {letter * 60}-{n},").replace(
                "- {type", f"- {{folder: f{n}, type"
            )
            for n in range(40)
        ]
        shell.write("manifests/all.yaml", "---\n".join([GOOD.partition("---")[0], *parts]))
        planned(shell)
        assert shell("comment", "plan.json", "--budget", "6000").code == 0
        assert len(host.bodies[0].encode()) <= 6_000
    assert "Its fingerprint was" in host.bodies[0]
    assert shell("comment", "plan.json", "--budget", "1500").code == 0
    assert len(host.bodies[0].encode()) <= 1_500
    assert shell("comment", "plan.json", "--budget", "1499").code == 64


def test_without_ci_it_says_what_to_set(shell: Shell, outside: None) -> None:
    planned(shell.good())
    done = shell("comment", "plan.json")
    assert done.code == 64 and "--provider github with GITHUB_REPOSITORY" in done.err


def test_without_a_token_it_says_what_to_set(shell: Shell, host: CodeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shell.good())
    name = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}[host.provider]
    monkeypatch.delenv(name)
    done = shell("comment", "plan.json")
    assert done.code == 9 and f"set {name}" in done.err
    assert host.requests == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("POST", 403), 9),
        (Fault("POST", 404), 1),
        (Fault("GET", 500), 10),
        (Fault("GET", 429, (("Retry-After", "60"),)), 10),
    ],
)
def test_a_refusal_has_its_exit_code_and_never_shows_the_token(
    shell: Shell, host: CodeHost, fault: Fault, code: int
) -> None:
    planned(shell.good())
    host.faults = [fault._replace(body=json.dumps({"message": f"no, {TOKEN}"}))] * 99
    done = shell("-v", "comment", "plan.json")
    assert done.code == code, done.err
    assert TOKEN not in done.out + done.err


def test_a_wrong_token_is_9_and_is_not_shown(shell: Shell, host: CodeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shell.good())
    monkeypatch.setenv({"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN"}[host.provider], "canary-9876")
    done = shell("-v", "comment", "plan.json")
    assert done.code == 9 and "canary-9876" not in done.out + done.err


def test_what_is_no_saved_plan_is_not_posted(shell: Shell, host: CodeHost) -> None:
    shell.good().write("odd.json", "{}")
    assert shell("comment", "odd.json").code == 1
    assert shell("comment", "missing.json").code == 1
    assert host.requests == []


@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b""])
def test_the_deadline_ends_a_comment_whatever_the_host_does(
    shell: Shell, outside: None, monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    leaping = Leaping()
    shell.clock = leaping.clock

    def drip(peer: socket.socket) -> None:
        leaping.run(0.8)
        dripping(b"HTTP/1.1 200 OK\r\n", *[piece] * 200)(peer)

    planned(shell.good())
    values = {"GITHUB_REPOSITORY": "acme/gateway", "GITHUB_TOKEN": TOKEN, "GITHUB_REF": "refs/pull/5/merge"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with Listener(drip) as listener:
        monkeypatch.setenv("GITHUB_API_URL", f"http://{listener.place}")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        found = shell("comment", "plan.json", "--deadline", "1")
        assert found.code == 10
        assert "deadline" in found.err
        assert listener.text.count("GET ") == 1
