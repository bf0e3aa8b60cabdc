"""Who calls a webhook with its signature has the repository asked; everybody else learns nothing, not even that there is one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from controller.web import HOOK, Controller, controller
from gatectl.clock import CLOCK
from gatectl.controller.repositories import Repositories
from gatectl.controller.signatures import sign
from gatectl.errors import InputError
from gatectl.fleet.values import Webhook

NOW = 1_790_000_000
BODY = b'{"ref": "refs/heads/main", "repository": {"clone_url": "https://evil.example/x.git"}}'


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Controller]:
    with controller(tmp_path, clock=CLOCK._replace(wall=lambda: NOW)) as made:
        Repositories(made.desk.database).keep_to([url(made)])
        yield made


def url(made: Controller) -> str:
    return made.desk.fleet.sources[0].git.url


def asked(made: Controller) -> int:
    return Repositories(made.desk.database).all()[url(made)].asked


def mac(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, body, hashlib.sha256).digest()


def call(made: Controller, headers: dict[str, str], body: bytes = BODY, path: str = "/hooks/data") -> httpx.Response:
    return made.http.post(path, content=body, headers=headers)


def gitlab(secret: bytes, at: int = NOW, body: bytes = BODY, name: str = "msg_1") -> dict[str, str]:
    right = base64.b64encode(mac(secret, f"{name}.{at}.".encode() + body)).decode()
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": f"v1,{right}"}


GITHUB = {"X-Hub-Signature-256": "sha256=" + mac(HOOK.encode(), BODY).hex(), "X-GitHub-Event": "push"}
PLAIN = {"Gatectl-Signature": sign(HOOK, BODY, NOW)}


@pytest.mark.parametrize(
    "headers",
    [
        GITHUB,
        {"X-Gitlab-Token": HOOK},
        gitlab(HOOK.encode()),
        {**gitlab(HOOK.encode()), "X-Gitlab-Token": "another"},
        PLAIN,
        {"Gatectl-Signature": sign(HOOK, BODY, NOW - 299)},
    ],
)
def test_a_signed_call_has_the_repository_of_the_hook_asked_at_once(
    hooked: Controller, headers: dict[str, str]
) -> None:
    assert call(hooked, headers).status_code == 202
    assert asked(hooked) == 1
    assert hooked.woken == [1]


def test_nothing_that_a_body_says_is_believed(hooked: Controller) -> None:
    """Not even that it is one: what is signed says that there is something new, and no more."""
    for body in (BODY, b"", b"\xff\x00", b"[" * 10_000):
        assert call(hooked, {"Gatectl-Signature": sign(HOOK, body, NOW)}, body).status_code == 202
    assert set(Repositories(hooked.desk.database).all()) == {url(hooked)}


WRONG = {
    "none": {},
    "github, of another body": {"X-Hub-Signature-256": "sha256=" + mac(HOOK.encode(), b"other").hex()},
    "github, of another secret": {"X-Hub-Signature-256": "sha256=" + mac(b"guess", BODY).hex()},
    "github, of an empty secret": {"X-Hub-Signature-256": "sha256=" + mac(b"", BODY).hex()},
    "github, in the old way": {"X-Hub-Signature": "sha1=" + hmac.new(HOOK.encode(), BODY, "sha1").hexdigest()},
    "gitlab, another token": {"X-Gitlab-Token": HOOK + "x"},
    "gitlab, no token": {"X-Gitlab-Token": ""},
    "gitlab, signed wrongly though the token is right": {**gitlab(b"guess"), "X-Gitlab-Token": HOOK},
    "gitlab, too old": gitlab(HOOK.encode(), NOW - 301),
    "gitlab, of the time to come": gitlab(HOOK.encode(), NOW + 301),
    "gitlab, another id": {**gitlab(HOOK.encode()), "webhook-id": "msg_2"},
    "plain, too old": {"Gatectl-Signature": sign(HOOK, BODY, NOW - 301)},
    "plain, another time": {"Gatectl-Signature": sign(HOOK, BODY, NOW).replace(str(NOW), str(NOW - 1))},
    "plain, no form": {"Gatectl-Signature": "v1=" + "0" * 64},
    "beyond ASCII": {"X-Gitlab-Token": "caf\udce9"},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_call_that_is_not_signed_is_answered_like_one_of_a_path_that_there_is_not(
    hooked: Controller, name: str
) -> None:
    headers = {key.encode(): value.encode("utf-8", "surrogateescape") for key, value in WRONG[name].items()}
    known, unknown = (
        hooked.http.post(path, content=BODY, headers=headers) for path in ("/hooks/data", "/hooks/nothing")
    )
    assert known.status_code == unknown.status_code == 404
    assert known.content == unknown.content
    dateless = [[item for item in each.headers.items() if item[0] != "date"] for each in (known, unknown)]
    assert dateless[0] == dateless[1]
    assert asked(hooked) == 0 and not hooked.woken


def test_no_other_method_tells_a_hook_from_nothing(hooked: Controller) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        found = [hooked.http.request(method, path) for path in ("/hooks/data", "/hooks/nothing")]
        assert [each.status_code for each in found] == [404, 404], method
        assert found[0].content == found[1].content


def test_a_signed_call_of_another_hook_is_none_of_this_one(hooked: Controller) -> None:
    assert call(hooked, GITHUB, path="/hooks/other").status_code == 404


def test_the_secret_is_read_anew_for_each_call(hooked: Controller, tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("another-secret")
    assert call(hooked, GITHUB).status_code == 404
    assert call(hooked, {"X-Gitlab-Token": "another-secret"}).status_code == 202


def test_a_secret_that_cannot_be_read_lets_nobody_in_and_is_said_to_the_operator(
    hooked: Controller, tmp_path: Path
) -> None:
    (tmp_path / "hook").unlink()
    for headers in (GITHUB, {"X-Gitlab-Token": ""}, {"Gatectl-Signature": sign("", BODY, NOW)}):
        assert call(hooked, headers).status_code == 404
    assert any("cannot be read" in line for line in hooked.said)


def test_gitlabs_signing_token_is_the_base64_that_it_shows(hooked: Controller, tmp_path: Path) -> None:
    key = bytes(range(32))
    (tmp_path / "hook").write_text("whsec_" + base64.b64encode(key).decode())
    assert call(hooked, gitlab(key)).status_code == 202
    rotated = gitlab(key)
    rotated["webhook-signature"] = f"v1,{base64.b64encode(mac(b'old', BODY)).decode()} {rotated['webhook-signature']}"
    assert call(hooked, rotated).status_code == 202


def test_a_body_that_is_too_large_is_not_read_whole(hooked: Controller) -> None:
    for path in ("/hooks/data", "/hooks/nothing"):
        assert call(hooked, GITHUB, b"x" * (1024 * 1024 + 1), path).status_code == 413
    assert asked(hooked) == 0


def test_calls_are_counted_and_no_secret_is_said_anywhere(hooked: Controller) -> None:
    call(hooked, GITHUB)
    call(hooked, {"X-Gitlab-Token": "guess"})
    metrics = hooked.get("/metrics", Authorization="Bearer canary-metrics-77b1c2").text
    assert 'gatectl_webhooks_total{result="accepted"} 1\n' in metrics
    assert 'gatectl_webhooks_total{result="refused"} 1\n' in metrics
    assert HOOK not in metrics + "\n".join(hooked.said)


def test_a_hook_that_has_a_path_of_the_controllers_own_is_said_before_it_listens(tmp_path: Path) -> None:
    from controller.test_acts import KEY
    from gatectl.controller.serving.answering import Site
    from gatectl.controller.serving.entering import Entrance, doors

    with controller(tmp_path) as made:
        source = made.desk.fleet.sources[0]
        for path in ("/metrics", "/api/hook", "/login", "/healthz"):
            taken = source._replace(webhook=Webhook(path, {"env": "HOOK"}))
            desk = made.desk._replace(fleet=made.desk.fleet._replace(sources=(taken,)))
            with pytest.raises(InputError, match="path of the controller's own"):
                Site(desk, Entrance(doors(None, None, (), None, KEY), lambda: NOW), None)  # type: ignore[arg-type]
