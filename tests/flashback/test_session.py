"""Tokens: given, or by login and refresh (platform-contract.md, section 3.1; U18 to U20)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from gatectl.errors import NotAuthenticated, PlatformError, PlatformRefused, Unreachable
from gatectl.platforms.flashback.session import Login, make_session
from gatectl.platforms.interface import Credentials, Secret
from leaping import Leaping


def jwt(expires: float, number: int) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": expires, "n": number}).encode())
    return f"head.{payload.decode().rstrip('=')}.sign"


class Accounts:
    """The platform's login endpoints, as far as they are documented; remembers what it was asked."""

    def __init__(self, lives: float = 3600, field: str = "refresh_token") -> None:
        self.lives = lives
        self.field = field
        self.time = Leaping()
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.refresh = "refresh-0"

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        self.asked.append((path, dict(body)))
        if path == "/user/login":
            if body["password"] != "right":
                raise PlatformRefused("INVALID_PASSWORD", status=401)
        elif self.field not in body:
            raise PlatformRefused("bad body", status=400)
        elif body[self.field] != self.refresh:
            raise NotAuthenticated("refresh token is not valid")
        self.refresh = f"refresh-{len(self.asked)}"
        return {
            "success": True,
            "accessToken": jwt(self.time.wall() + self.lives, len(self.asked)),
            "refreshToken": self.refresh,
        }

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def login(accounts: Accounts, password: str = "right") -> Login:
    return Login("ci@example.com", Secret(password), accounts.post, accounts.time.clock)


def test_a_login_happens_when_a_token_is_first_needed_and_only_once() -> None:
    accounts = Accounts()
    session = login(accounts)
    assert accounts.asked == []
    assert session.token() == session.token()
    assert accounts.paths == ["/user/login"]


def test_a_token_is_refreshed_before_it_expires_and_the_new_refresh_token_is_used() -> None:
    accounts = Accounts(lives=60)
    session = login(accounts)
    first = session.token()
    accounts.time.leap(47)
    assert session.token() == first
    accounts.time.leap(2)  # four fifths of its life
    second = session.token()
    accounts.time.leap(49)
    assert len({first, second, session.token()}) == 3
    assert accounts.paths == ["/user/login", "/user/refresh", "/user/refresh"]
    assert accounts.asked[2][1] == {"refresh_token": "refresh-2"}


def test_an_early_refresh_that_fails_is_tried_again_later_and_one_that_is_needed_is_an_error() -> None:
    accounts = Accounts(lives=500)
    refreshes: list[str] = []

    def post(path: str, body: Mapping[str, Any]) -> Any:
        if path == "/user/refresh":
            refreshes.append(path)
            raise Unreachable("down")
        return accounts.post(path, body)

    session = Login("ci@example.com", Secret("right"), post, accounts.time.clock)
    first = session.token()
    accounts.time.leap(410)
    assert session.token() == session.token() == first
    assert len(refreshes) == 1
    accounts.time.leap(100)
    with pytest.raises(Unreachable):
        session.token()


def test_the_other_name_of_the_refresh_token_is_tried_when_the_first_is_refused() -> None:
    accounts = Accounts(field="refreshToken")
    session = login(accounts)
    refused = session.token()
    assert session.renew(refused)
    assert accounts.paths == ["/user/login", "/user/refresh", "/user/refresh"]
    assert session.token() != refused


def test_a_refresh_token_that_is_not_taken_any_more_leads_to_a_login() -> None:
    accounts = Accounts()
    session = login(accounts)
    refused = session.token()
    accounts.refresh = "revoked"
    session.renew(refused)
    assert accounts.paths == ["/user/login", "/user/refresh", "/user/login"]


def test_only_one_refresh_is_under_way_however_many_notice() -> None:
    accounts = Accounts()
    session = login(accounts)
    refused = session.token()
    threads = [threading.Thread(target=session.renew, args=(refused,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accounts.paths == ["/user/login", "/user/refresh"]


def test_a_wrong_password_is_not_authenticated_and_not_shown() -> None:
    with pytest.raises(NotAuthenticated) as caught:
        login(Accounts(), "wrong-canary").token()
    assert "canary" not in caught.value.message
    assert "GATECTL_PASSWORD" in (caught.value.hint or "")


def test_a_login_that_wants_a_second_factor_says_so() -> None:
    session = Login("a", Secret("b"), lambda path, body: {"success": True, "mfaRequired": True})
    with pytest.raises(NotAuthenticated, match="second factor"):
        session.token()


def test_a_given_token_has_no_successor() -> None:
    session = make_session(Credentials(token=Secret("abc")), lambda path, body: None)
    assert session.token() == "abc"
    assert not session.renew("abc")


def test_half_a_login_is_an_error_that_names_what_to_set() -> None:
    with pytest.raises(PlatformError, match="both") as caught:
        make_session(Credentials(email="a"), lambda path, body: None)
    assert "GATECTL_PASSWORD" in (caught.value.hint or "")


def test_a_secret_is_shown_by_no_accident() -> None:
    credentials = Credentials(token=Secret("canary"), password=Secret("canary"))
    assert "canary" not in f"{credentials} {credentials!r} {credentials.token!s}"
