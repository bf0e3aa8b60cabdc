"""Who we are to the platform: a token that was given, or a login that is kept fresh (platform-contract.md, section 3.1).

Tokens live in memory only. One refresh is under way at a time, whoever notices first that it is due.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from gatectl.clock import CLOCK, Clock
from gatectl.errors import NotAuthenticated, PlatformError, PlatformRefused
from gatectl.platforms.interface import Credentials, Secret

Call = Callable[[str, Mapping[str, Any]], Any]
"""POST without a token: (path, body) → the body of a success; raises PlatformError."""

_EARLY: Final = 300.0
_AGAIN: Final = 30.0
"""How long after a failed early refresh the next one is tried."""


class Session(Protocol):
    def token(self) -> str | None:
        """The token to send now; fresh. Raises PlatformError."""

    def renew(self, refused: str | None) -> bool:
        """The platform refused this token: whether there is another one to try."""

    def secrets(self) -> list[str]:
        """All that must never be shown."""


class GivenToken:
    """A token from the environment or the project file; when it is refused there is no other."""

    def __init__(self, token: Secret | None) -> None:
        self._token = token
        self._value = _usable(token.reveal().strip(), "GATECTL_TOKEN") if token is not None else None

    def token(self) -> str | None:
        return self._value

    def renew(self, refused: str | None) -> bool:
        return False

    def secrets(self) -> list[str]:
        return [self._token.reveal()] if self._token is not None else []


class Login:
    """E-mail and password: logs in when first needed, refreshes before expiry and when refused."""

    def __init__(self, email: str, password: Secret, post: Call, clock: Clock = CLOCK) -> None:
        self._email = email
        self._password = password
        self._post = post
        self._now = clock.wall
        self._lock = threading.Lock()
        self._access: str | None = None
        self._refresh: str | None = None
        self._due = 0.0
        self._expires = 0.0
        self._seen: list[str] = []

    def token(self) -> str | None:
        with self._lock:
            if self._access is None:
                self._login()
            elif self._now() >= self._due:
                self._early()
            return self._access

    def renew(self, refused: str | None) -> bool:
        with self._lock:
            if self._access == refused:  # nobody renewed it while we waited for the lock
                self._fresh()
            return True

    def secrets(self) -> list[str]:
        return [self._password.reveal(), *self._seen]

    def _early(self) -> None:
        """A refresh before it is needed: where it cannot be had now, the token that is still good serves on."""
        try:
            self._fresh()
        except PlatformError as error:
            if isinstance(error, NotAuthenticated) or self._now() >= self._expires:
                raise
            self._due = min(self._now() + _AGAIN, self._expires)

    def _fresh(self) -> None:
        """A new access token by refresh; by login where the platform does not take the refresh token (any more)."""
        if self._refresh is not None:
            for field in ("refresh_token", "refreshToken"):  # U18
                try:
                    self._take(self._post("/user/refresh", {field: self._refresh}))
                except PlatformRefused as error:
                    if error.status not in (400, 422):
                        break
                except NotAuthenticated:
                    break
                else:
                    return
        self._login()

    def _login(self) -> None:
        try:
            body = self._post("/user/login", {"email": self._email, "password": self._password.reveal()})
        except (PlatformRefused, NotAuthenticated) as error:
            raise NotAuthenticated(error.message, "check GATECTL_EMAIL and GATECTL_PASSWORD") from error
        self._take(body)

    def _take(self, body: Any) -> None:
        access = body.get("accessToken") if isinstance(body, Mapping) else None
        if not isinstance(access, str) or not access:
            raise NotAuthenticated(
                "the login gave no access token: does the account ask for a second factor?",
                "use an account without one, or a token (GATECTL_TOKEN)",
            )
        refresh = body.get("refreshToken")
        self._access = _usable(access, "the login")
        self._refresh = refresh if isinstance(refresh, str) else self._refresh
        self._seen = [*self._seen, access, *([refresh] if isinstance(refresh, str) else [])][-8:]
        now = self._now()
        self._expires = _expiry(access, body.get("expiresAt"), now)
        left = self._expires - now
        # Five minutes before expiry, or at four fifths of a shorter life (U19).
        self._due = now + (left - _EARLY if left > 2 * _EARLY else left * 0.8)


def _usable(token: str, origin: str) -> str:
    """The token, if a header can carry it. Raises NotAuthenticated, which does not show it."""
    if token and all("!" <= character <= "~" for character in token):
        return token
    raise NotAuthenticated(
        f"the token of {origin} cannot be one: it is empty, or holds spaces, line breaks or letters beyond ASCII",
        "was it copied whole, and nothing else with it?",
    )


def _expiry(token: str, expires_at: Any, now: float) -> float:
    """When a token ends: as it says, or as the login said, or in an hour."""
    expiry = _claim(token, "exp")
    if expiry is not None:
        return expiry
    if isinstance(expires_at, (int, float)):
        return expires_at / 1000 if expires_at > 1e11 else float(expires_at)
    return now + 3600


def _claim(token: str, name: str) -> float | None:
    """A number out of a JWT's payload, read without verification: it is our own token."""
    try:
        payload = token.split(".")[1]
        value = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get(name)
    except (IndexError, ValueError, AttributeError):
        return None
    return float(value) if isinstance(value, (int, float)) else None


def make_session(credentials: Credentials | None, post: Call, clock: Clock = CLOCK) -> Session:
    if credentials is None:
        return GivenToken(None)
    if credentials.token is not None:
        return GivenToken(credentials.token)
    if credentials.email is None or credentials.password is None:
        raise PlatformError(
            "a login needs both an e-mail address and a password", "set GATECTL_EMAIL and GATECTL_PASSWORD"
        )
    return Login(credentials.email, credentials.password, post, clock)
