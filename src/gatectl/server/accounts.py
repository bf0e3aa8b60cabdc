"""The endpoints of logins (platform-contract.md, section 3.1). The key is `refresh_token`, or `refreshToken` (U18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatectl.platforms.embedded.fields import text
from gatectl.server.endpoint import Answer, Call, Endpoint


def _login(call: Call) -> Answer:
    session = call.sessions.login(text(call.body, "email"), text(call.body, "password"), call.peer)
    return Answer({**session, "user": _member(call, session["user"])})


def _refresh(call: Call) -> Answer:
    return Answer(call.sessions.refresh(_refresh_token(call.body)))


def _logout(call: Call) -> Answer:
    call.sessions.logout(_refresh_token(call.body))
    return Answer({"success": True})


def _profile(call: Call) -> Answer:
    return Answer({"success": True, "data": _member(call, call.sessions.profile(call.token))})


def _member(call: Call, user: Mapping[str, Any]) -> dict[str, Any]:
    """A user as one of the organization."""
    return {**user, "orgId": call.platform.instance}


def _tokens(call: Call) -> Answer:
    return Answer({"success": True, "tokens": call.sessions.refresh_tokens(call.token)})


def _revoke(call: Call) -> Answer:
    call.sessions.revoke(call.token, call.path["tokenId"])
    return Answer({"success": True})


def _refresh_token(body: Any) -> str:
    return text(
        body, "refreshToken" if body.get("refresh_token") is None and "refreshToken" in body else "refresh_token"
    )


ENDPOINTS: Final = (
    Endpoint(
        "POST", "/user/login", _login, "Exchange e-mail and password for tokens.", "Session",
        "auth", body="Login", refusals=(401, 429), free=True,
    ),
    Endpoint(
        "POST", "/user/refresh", _refresh, "Exchange a refresh token, which is used up, for new tokens.", "Session",
        "auth", body="RefreshToken", refusals=(401,), free=True,
    ),
    Endpoint(
        "POST", "/user/logout", _logout, "Forget a refresh token.", "Done", "auth", body="RefreshToken", free=True
    ),
    Endpoint("GET", "/user/profile", _profile, "Who is asking.", "Profile", "auth"),
    Endpoint("GET", "/token", _tokens, "The refresh tokens of whoever is asking.", "Tokens", "auth"),
    Endpoint("DELETE", "/token/{tokenId}", _revoke, "Revoke a refresh token.", "Done", "auth", refusals=(404,)),
)  # fmt: skip
